//! Varints, blobs and lists: the one way in and out of bytes (§ 1).

use crate::Error;

/// Appends a minimal unsigned LEB128 varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a zigzag varint.
pub fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends `varint length ‖ bytes`.
pub fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Checks a length or count against its maximum.
///
/// # Errors
/// [`Error::Limit`] when it is over.
pub fn bounded(what: &'static str, found: u64, limit: usize) -> Result<usize, Error> {
    match usize::try_from(found) {
        Ok(n) if n <= limit => Ok(n),
        _ => Err(Error::Limit { what, found, limit: limit as u64 }),
    }
}

/// Checks that a list is strictly ascending.
#[derive(Debug)]
pub struct Ascending<T> {
    what: &'static str,
    last: Option<T>,
}

impl<T: PartialOrd> Ascending<T> {
    /// Starts a list called `what` in errors.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what, last: None }
    }

    /// Takes the next key.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not above the one before.
    pub fn step(&mut self, next: T) -> Result<(), Error> {
        if self.last.as_ref().is_some_and(|last| *last >= next) {
            return Err(Error::Malformed { what: self.what, rule: "is not strictly ascending" });
        }
        self.last = Some(next);
        Ok(())
    }
}

/// Reads values from a byte string, never past its end.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a value called `what` in errors.
    #[must_use]
    pub const fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A reader of the same bytes under another name.
    #[must_use]
    pub const fn named(mut self, what: &'static str) -> Self {
        self.what = what;
        self
    }

    /// Reads n bytes.
    ///
    /// # Errors
    /// [`Error::Short`] at the end.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Error::Short { what: self.what })?;
        self.rest = rest;
        Ok(head)
    }

    /// Reads an array.
    ///
    /// # Errors
    /// [`Error::Short`] at the end.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) =
            self.rest.split_first_chunk::<N>().ok_or(Error::Short { what: self.what })?;
        self.rest = rest;
        Ok(*head)
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`Error::Short`] at the end.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[b]: [u8; 1]| b)
    }

    /// Reads a little-endian u16.
    ///
    /// # Errors
    /// [`Error::Short`] at the end.
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    /// Reads a little-endian u32.
    ///
    /// # Errors
    /// [`Error::Short`] at the end.
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads a little-endian u64.
    ///
    /// # Errors
    /// [`Error::Short`] at the end.
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a minimal varint.
    ///
    /// # Errors
    /// [`Error::Short`] at the end, [`Error::Malformed`] when it is padded or over 64 bits.
    pub fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            let group = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                break;
            }
            value |= group << shift;
            if byte & 0x80 == 0 {
                return match byte {
                    0 if shift > 0 => Err(self.malformed("varint is not minimal")),
                    _ => Ok(value),
                };
            }
        }
        Err(self.malformed("varint is over 64 bits"))
    }

    /// Reads a zigzag varint.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    pub fn zigzag(&mut self) -> Result<i64, Error> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// Reads a varint that is at most `limit`.
    ///
    /// # Errors
    /// As [`Reader::varint`], and [`Error::Limit`].
    pub fn count(&mut self, limit: usize) -> Result<usize, Error> {
        let found = self.varint()?;
        bounded(self.what, found, limit)
    }

    /// Reads how many items follow, each of at least a byte: no more than there are bytes left. For what this program has sealed itself:
    /// whatever was written can be read.
    ///
    /// # Errors
    /// As [`Reader::varint`], and [`Error::Short`].
    pub fn listed(&mut self) -> Result<usize, Error> {
        let found = self.varint()?;
        let fits = usize::try_from(found).ok().filter(|count| *count <= self.rest.len());
        fits.ok_or(Error::Short { what: self.what })
    }

    /// Reads a varint that fits 32 bits.
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub fn varint_u32(&mut self) -> Result<u32, Error> {
        let found = self.varint()?;
        let over = Error::Limit { what: self.what, found, limit: u64::from(u32::MAX) };
        u32::try_from(found).map_err(|_| over)
    }

    /// Reads a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Reader::count`] and [`Reader::take`].
    pub fn blob(&mut self, limit: usize) -> Result<&'a [u8], Error> {
        let len = self.count(limit)?;
        self.take(len)
    }

    /// Reads a text of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Reader::blob`], and [`Error::Malformed`] when it is not UTF-8.
    pub fn text(&mut self, limit: usize) -> Result<&'a str, Error> {
        let bytes = self.blob(limit)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("text is not UTF-8"))
    }

    /// Ends the value.
    ///
    /// # Errors
    /// [`Error::Trailing`] when bytes are left.
    pub fn end(self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(Error::Trailing { what: self.what, extra }),
        }
    }

    /// An error about the value being read.
    #[must_use]
    pub const fn malformed(&self, rule: &'static str) -> Error {
        Error::Malformed { what: self.what, rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn varint(bytes: &[u8]) -> Result<u64, Error> {
        let mut reader = Reader::new("v", bytes);
        let value = reader.varint()?;
        reader.end().map(|()| value)
    }

    #[test]
    fn varints_are_minimal_and_64_bit() {
        let check =
            |bytes: &[u8], expect: Option<u64>| assert_eq!(varint(bytes).ok(), expect, "{bytes:?}");
        check(&[0], Some(0));
        check(&[0x7f], Some(127));
        check(&[0x80, 1], Some(128));
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Some(u64::MAX));
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], None);
        check(&[0x80, 0], None);
        check(&[0x80], None);
        check(&[], None);
        check(&[1, 1], None);
    }

    proptest! {
        #[test]
        fn numbers_survive(u in any::<u64>(), i in any::<i64>()) {
            let mut out = Vec::new();
            put_varint(&mut out, u);
            put_zigzag(&mut out, i);
            let mut reader = Reader::new("n", &out);
            prop_assert_eq!((reader.varint().unwrap(), reader.zigzag().unwrap()), (u, i));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn what_reads_was_written(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(value) = varint(&bytes) {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                prop_assert_eq!(out, bytes);
            }
        }
    }
}
