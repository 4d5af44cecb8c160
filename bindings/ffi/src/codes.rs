//! The code lists, for an app's pickers.

use haversack::EngineError;
use haversack::model::{
    AgeBand, ClientStatus, Duration, Item, Mode, Service, Setting, Sex, SiteKind,
};

/// Every code that this version takes, by list, in the order in which to show them.
#[derive(Debug, uniffi::Record)]
pub struct CodeLists {
    /// Kinds of site.
    pub site_kinds: Vec<String>,
    /// Settings of a site.
    pub settings: Vec<String>,
    /// How a contact came about.
    pub modes: Vec<String>,
    /// Things that are handed out or taken back.
    pub items: Vec<String>,
    /// Services that a contact gives.
    pub services: Vec<String>,
    /// Sex as asked.
    pub sexes: Vec<String>,
    /// Age bands of someone without a client file.
    pub age_bands: Vec<String>,
    /// How long a contact took.
    pub durations: Vec<String>,
    /// Where a client's file stands.
    pub client_statuses: Vec<String>,
}

/// Returns the code lists.
#[uniffi::export]
pub fn code_lists() -> CodeLists {
    CodeLists {
        site_kinds: texts(SiteKind::ALL),
        settings: texts(Setting::ALL),
        modes: texts(Mode::ALL),
        items: texts(Item::ALL),
        services: texts(Service::ALL),
        sexes: texts(Sex::ALL),
        age_bands: texts(AgeBand::ALL),
        durations: texts(Duration::ALL),
        client_statuses: texts(ClientStatus::ALL),
    }
}

fn texts(codes: &[impl ToString]) -> Vec<String> {
    codes.iter().map(ToString::to_string).collect()
}

/// Reads a value that may be absent.
pub(crate) fn optional<T>(
    text: Option<&String>,
    read: impl Fn(&str) -> Result<T, EngineError>,
) -> Result<Option<T>, EngineError> {
    text.map(|text| read(text)).transpose()
}

/// Shows a value that may be absent.
pub(crate) fn shown(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}
