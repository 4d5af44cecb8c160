//! Sites.

use haversack::EngineError;
use haversack::model::{self, Closing, Setting, SiteCode, SiteKind};

use crate::codes::{optional, shown};

/// A place where services are given: a kind and a coarse code, never a coordinate.
#[derive(Debug, uniffi::Record)]
pub struct Site {
    /// Its code within the space, such as `KM-V`.
    pub code: String,
    /// What kind of place it is.
    pub kind: String,
    /// In the community, a facility, or closed.
    pub setting: Option<String>,
    /// When it closes, in minutes after midnight.
    pub closes_minutes: Option<u16>,
}

impl TryFrom<&Site> for model::Site {
    type Error = EngineError;

    fn try_from(site: &Site) -> Result<Self, EngineError> {
        let closes = site.closes_minutes.map(u64::from).map(Closing::from_minutes);
        Ok(Self {
            code: SiteCode::new(&site.code)?,
            kind: SiteKind::new(&site.kind)?,
            setting: optional(site.setting.as_ref(), Setting::new)?,
            closes: closes.transpose()?,
        })
    }
}

impl From<&model::Site> for Site {
    fn from(site: &model::Site) -> Self {
        Self {
            code: site.code.to_string(),
            kind: site.kind.to_string(),
            setting: shown(site.setting.as_ref()),
            closes_minutes: site.closes.map(Closing::minutes),
        }
    }
}
