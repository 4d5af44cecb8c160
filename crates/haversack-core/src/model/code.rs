//! Code lists (domain § 3.2). A list is versioned data: an unknown code from a newer app is kept.

use std::borrow::Cow;

use crate::Error;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, $field:literal: $($constant:ident = $text:literal),* $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $constant: Self = Self(Cow::Borrowed($text));
            )*
            /// Every code that this version knows.
            pub const ALL: &[Self] = &[$(Self::$constant),*];

            /// Takes a code that this version knows.
            ///
            /// # Errors
            /// [`Error::Invalid`] when it is not on the list.
            pub fn new(code: &str) -> Result<Self, Error> {
                Self::ALL.iter().find(|known| known.0 == code).cloned().ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(Self::as_str).collect();
                    Error::invalid($field, format!("must be one of {}", known.join(", ")))
                })
            }

            /// Takes a code as a document has it, known or not.
            pub(crate) fn from_document(code: &str) -> Self {
                Self::new(code).unwrap_or_else(|_| Self(Cow::Owned(code.to_owned())))
            }

            /// The code.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether this version knows it; if not, it is shown as "other (newer app)".
            #[must_use]
            pub fn is_known(&self) -> bool {
                matches!(self.0, Cow::Borrowed(_))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

codes!(/// What kind of place a site is.
    SiteKind, "site kind": FIXED_NSP = "fixed_nsp", MOBILE_VAN = "mobile_van", BACKPACK = "backpack",
    OAMT_CLINIC = "oamt_clinic", DROP_IN = "drop_in",
    COMMUNITY_TREATMENT_CENTRE = "community_treatment_centre", DETOX_CLOSED = "detox_closed",
    PHARMACY = "pharmacy", VENDING = "vending", VCT = "vct");

codes!(/// Whether a site is in the community, a facility, or closed.
    Setting, "setting": COMMUNITY = "community", FACILITY = "facility", CLOSED = "closed");

codes!(/// How a contact came about.
    Mode, "mode": SITE = "site", STREET = "street", HOME = "home",
    INJECTING_PLACE = "injecting_place", VAN = "van", CLINIC = "clinic",
    CLOSED_SETTING = "closed_setting", PHONE = "phone", GROUP = "group");

codes!(/// A thing that is handed out or taken back.
    Item, "item": SYRINGE_FIXED_1ML = "syringe_fixed_1ml", SYRINGE_FIXED_2ML = "syringe_fixed_2ml",
    BARREL_2ML = "barrel_2ml", BARREL_5ML = "barrel_5ml", NEEDLE = "needle",
    LOW_DEAD_SPACE_FIXED = "low_dead_space_fixed", WATER = "water", FILTER = "filter",
    COOKER = "cooker", SWAB = "swab", SHARPS_BIN = "sharps_bin", CONDOM_M = "condom_m",
    CONDOM_F = "condom_f", LUBRICANT = "lubricant", NALOXONE_IM = "naloxone_im",
    NALOXONE_NASAL = "naloxone_nasal", HIV_SELF_TEST = "hiv_self_test", LEAFLET = "leaflet",
    USED_MIXED = "used_mixed");

codes!(/// A service that a contact gave.
    Service, "service": NSP = "nsp", EDUCATION = "education", OD_TRAINING = "od_training",
    HIV_TEST = "hiv_test", HCV_TEST = "hcv_test", SYPHILIS_TEST = "syphilis_test",
    TB_SCREEN = "tb_screen", OAMT = "oamt", ART_LINK = "art_link",
    HCV_TREATMENT = "hcv_treatment", WOUND_CARE = "wound_care", COUNSELLING = "counselling",
    PEER_GROUP = "peer_group", JOB_TRAINING = "job_training", HOUSING = "housing",
    LEGAL = "legal", HYGIENE = "hygiene", FAMILY = "family");

codes!(/// Sex as asked; `declined` and `unknown` are answers, absent is "not asked".
    Sex, "sex": F = "F", M = "M", OTHER = "other", DECLINED = "declined", UNKNOWN = "unknown");

codes!(/// The age band of someone without a client file.
    AgeBand, "age band": UNDER_25 = "<25", FROM_25 = "25+", DECLINED = "declined",
    UNKNOWN = "unknown");

codes!(/// How long a contact took, in minutes.
    Duration, "duration": UNDER_5 = "under_5", FROM_5_TO_15 = "5_to_15", OVER_15 = "over_15");

codes!(/// Where a client's file stands.
    ClientStatus, "status": ACTIVE = "active", AWAY = "away", MOVED = "moved", DIED = "died",
    CLOSED = "closed");

impl Item {
    /// Whether one piece of it is a whole set: a syringe with its needle.
    #[must_use]
    pub fn is_fixed_syringe(&self) -> bool {
        [Self::SYRINGE_FIXED_1ML, Self::SYRINGE_FIXED_2ML, Self::LOW_DEAD_SPACE_FIXED]
            .contains(self)
    }

    /// Whether it is a barrel without a needle.
    #[must_use]
    pub fn is_barrel(&self) -> bool {
        [Self::BARREL_2ML, Self::BARREL_5ML].contains(self)
    }

    /// Whether it counts as a used piece when it comes back.
    #[must_use]
    pub fn is_sharp(&self) -> bool {
        self.is_fixed_syringe()
            || self.is_barrel()
            || [Self::NEEDLE, Self::USED_MIXED].contains(self)
    }
}

impl SiteKind {
    /// The mode of a contact at such a place, where nothing else is said.
    #[must_use]
    pub fn usual_mode(&self) -> Mode {
        let modes = [
            (Self::MOBILE_VAN, Mode::VAN),
            (Self::BACKPACK, Mode::STREET),
            (Self::OAMT_CLINIC, Mode::CLINIC),
            (Self::COMMUNITY_TREATMENT_CENTRE, Mode::CLINIC),
            (Self::DETOX_CLOSED, Mode::CLOSED_SETTING),
        ];
        modes.into_iter().find(|(kind, _)| kind == self).map_or(Mode::SITE, |(_, mode)| mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_takes_known_codes_documents_keep_all() {
        assert_eq!(Mode::new("street").unwrap(), Mode::STREET);
        insta::assert_snapshot!(Setting::new("prison").unwrap_err(),
            @"setting must be one of community, facility, closed");
        let newer = Mode::from_document("drone");
        assert_eq!((newer.as_str(), newer.is_known()), ("drone", false));
        assert!(Mode::from_document("street").is_known());
    }
}
