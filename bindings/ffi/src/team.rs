//! Who is in a space, and how to come in.

use haversack::{Device, Words};

use crate::HaversackError;

/// What a device is trusted to do.
#[derive(Debug, Clone, Copy, uniffi::Enum)]
pub enum Role {
    /// Logs contacts.
    Educator,
    /// Corrects what the team logged.
    Supervisor,
    /// Invites and reports.
    Coordinator,
    /// Keeps health files.
    Clinic,
    /// Keeps stock.
    StockKeeper,
    /// Trains.
    Trainer,
    /// Keeps everything, for others to come back to.
    Archive,
}

/// The answer to a request to join.
#[derive(Debug, uniffi::Record)]
pub struct Invitation {
    /// The text for the new device.
    pub answer: String,
    /// Six words, to be compared aloud with those of the new device.
    pub words: String,
}

/// A device of the space.
#[derive(Debug, uniffi::Record)]
pub struct Member {
    /// The device.
    pub device: String,
    /// What it may do; absent for a role of a newer version.
    pub role: Option<Role>,
}

impl From<Role> for haversack::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Educator => Self::Educator,
            Role::Supervisor => Self::Supervisor,
            Role::Coordinator => Self::Coordinator,
            Role::Clinic => Self::Clinic,
            Role::StockKeeper => Self::StockKeeper,
            Role::Trainer => Self::Trainer,
            Role::Archive => Self::Archive,
        }
    }
}

impl From<&haversack::Member> for Member {
    fn from(member: &haversack::Member) -> Self {
        Self { device: device_text(member.device), role: member.role.and_then(shown_role) }
    }
}

pub(crate) const fn shown_role(role: haversack::Role) -> Option<Role> {
    Some(match role {
        haversack::Role::Educator => Role::Educator,
        haversack::Role::Supervisor => Role::Supervisor,
        haversack::Role::Coordinator => Role::Coordinator,
        haversack::Role::Clinic => Role::Clinic,
        haversack::Role::StockKeeper => Role::StockKeeper,
        haversack::Role::Trainer => Role::Trainer,
        haversack::Role::Archive => Role::Archive,
        _ => return None,
    })
}

/// A request or an answer as texts of at most `chars_max` characters, one for each QR code: numbered parts where one does not do,
/// which `join` and `invite` take together, in any order. Every character is one of a QR code's alphanumeric mode.
///
/// # Errors
/// `FixInput` for a text that is neither, and below 100 characters.
#[uniffi::export]
pub fn code_parts(text: &str, chars_max: u32) -> Result<Vec<String>, HaversackError> {
    Ok(haversack::code_parts(text, chars_max as usize)?)
}

impl Invitation {
    pub(crate) fn new(answer: String, words: &Words) -> Self {
        Self { answer, words: words.to_string() }
    }
}

/// An id, by all its digits.
pub(crate) fn id_of(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    Some(number.to_be_bytes())
}

/// A device's id as hexadecimal digits.
pub(crate) fn device_text(device: Device) -> String {
    device.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
