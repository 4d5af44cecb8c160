//! Short labels: too short and too plain for a name or a number that identifies.

use crate::Error;

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Takes 1 to ", stringify!($max), " of `A–Z a–z 0–9 -`, at most 6 of them digits.")]
            ///
            /// # Errors
            /// [`Error::Invalid`] for anything else: spaces and other scripts would let names in, long
            /// runs of digits phone and identity numbers.
            pub fn new(text: &str) -> Result<Self, Error> {
                let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                match plain && digits <= 6 && (1..=$max).contains(&text.len()) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(Error::invalid($field, concat!("must be 1 to ", stringify!($max),
                        " of A-Z a-z 0-9 and -, with at most 6 digits"))),
                }
            }

            /// Takes a label as a document has it.
            #[allow(dead_code, reason = "some are in no document")]
            pub(crate) fn from_document(text: &str) -> Self {
                Self(text.to_owned())
            }

            /// The label.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

label!(/// A client's human code, such as `LOTUS-27`: short, spoken over a counter, may collide.
    Label, "label", 16);
label!(/// What a store calls one of its further spaces, such as `clinic`: nobody else sees it.
    SpaceName, "space name", 16);
label!(/// A site's code, such as `KM-V`: not an address.
    SiteCode, "site", 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_for_names_or_numbers() {
        assert_eq!(Label::new("LOTUS-27").unwrap().as_str(), "LOTUS-27");
        for bad in [
            "",
            "Wang Xiaoming",
            "王小明",
            "13812345678",
            "530102198003011234",
            "a@b.cn",
            "12345678901234567",
        ] {
            assert!(Label::new(bad).is_err(), "{bad}");
        }
    }
}
