//! `GET /v1/relay/<nonce>`: the relay shows that it has its key.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use data_encoding::HEXLOWER;

use super::Shared;

pub(super) async fn prove(
    State(shared): State<Arc<Shared>>,
    Path(nonce): Path<String>,
) -> Result<Vec<u8>, StatusCode> {
    let nonce = read_nonce(&nonce).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(shared.identity.prove(&nonce).to_vec())
}

/// 64 lower-case hex digits.
fn read_nonce(text: &str) -> Option<[u8; 32]> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces() {
        assert_eq!(read_nonce(&"0f".repeat(32)), Some([15; 32]));
        for bad in ["", "0F", &"0F".repeat(32), &"0f".repeat(31), &"0f".repeat(33), &"é".repeat(32)]
        {
            assert_eq!(read_nonce(bad), None, "{bad}");
        }
    }
}
