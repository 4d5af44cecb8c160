//! Counts with limits: what is absurd is a slip of the thumb.

use crate::Error;

macro_rules! count {
    ($(#[$doc:meta])* $name:ident, $field:literal, $low:literal..=$high:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            #[doc = concat!("Takes a count from ", stringify!($low), " to ", stringify!($high), ".")]
            ///
            /// # Errors
            /// [`Error::Invalid`] outside of that.
            pub fn new(count: i64) -> Result<Self, Error> {
                match u32::try_from(count) {
                    Ok(n) if ($low..=$high).contains(&n) => Ok(Self(n)),
                    _ => Err(Error::invalid($field, concat!("must lie between ", stringify!($low), " and ", stringify!($high)))),
                }
            }

            /// The count.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }
    };
}

count!(/// Pieces of one item in one contact.
    Quantity, "quantity", 0..=10000);
count!(/// People met in a count-only contact.
    People, "people", 1..=1000);
count!(/// Injections a day, as a client says.
    Needed, "injections a day", 0..=50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_counts_are_refused() {
        assert_eq!(Quantity::new(10_000).unwrap().get(), 10_000);
        insta::assert_snapshot!(Quantity::new(-1).unwrap_err(), @"quantity must lie between 0 and 10000");
        insta::assert_snapshot!(People::new(0).unwrap_err(), @"people must lie between 1 and 1000");
        assert!(Quantity::new(i64::MAX).is_err());
        assert!(Needed::new(51).is_err());
    }
}
