//! What was refused, for whoever looks after the team.

use crate::team::device_text;
use crate::{HaversackError, Notebook};

type Outcome<T> = Result<T, HaversackError>;

/// Something that was refused. It is kept, and not shown among the records.
#[derive(Debug, uniffi::Record)]
pub struct Refused {
    /// The device on whose lane it is, or whose statement it is; absent when nobody knows.
    pub device: Option<String>,
    /// Its place on the lane, from 0; absent for what is on no lane.
    pub sequence: Option<u32>,
    /// Why, as a code such as `signature` or `role`, for an app's own words.
    pub reason: String,
    /// Why, in English.
    pub text: String,
}

#[uniffi::export]
impl Notebook {
    /// What was refused here, and the decisions about the team that count for nothing.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn quarantined(&self) -> Outcome<Vec<Refused>> {
        Ok(self.0.quarantined()?.iter().map(Refused::from).collect())
    }
}

impl From<&haversack::Quarantined> for Refused {
    fn from(refused: &haversack::Quarantined) -> Self {
        Self {
            device: refused.device.map(device_text),
            sequence: refused.sequence,
            reason: refused.reason.code().to_owned(),
            text: refused.reason.to_string(),
        }
    }
}
