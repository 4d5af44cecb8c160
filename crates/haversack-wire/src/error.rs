/// Why bytes were refused. Names the value and the limit, never the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end inside the value.
    #[error("{what}: ends too early")]
    Short {
        /// The value that was being read.
        what: &'static str,
    },
    /// Bytes are left over after the value.
    #[error("{what}: {extra} bytes too many")]
    Trailing {
        /// The value that was read.
        what: &'static str,
        /// How many bytes are left.
        extra: usize,
    },
    /// A length or a count is over its maximum (§ 12).
    #[error("{what}: {found} is over the limit of {limit}")]
    Limit {
        /// The value that was being read or written.
        what: &'static str,
        /// What it says.
        found: u64,
        /// The maximum.
        limit: u64,
    },
    /// A value breaks a rule of the format.
    #[error("{what}: {rule}")]
    Malformed {
        /// The value that was being read.
        what: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A kind or version of which this version knows nothing.
    #[error("{what}: {found} is not known to this version")]
    Unknown {
        /// The value that was being read.
        what: &'static str,
        /// What it says.
        found: u64,
    },
}
