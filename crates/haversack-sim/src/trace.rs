//! What happened, line by line.

/// The lines of a run, and their hash.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Vec<String>,
    hash: blake3::Hasher,
}

impl Trace {
    pub(crate) fn say(&mut self, line: String) {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.lines.push(line);
    }

    /// Adds to the hash what is no line.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// The lines.
    #[must_use]
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What the run comes to.
    #[must_use]
    pub(crate) fn hash(&self) -> String {
        self.hash.finalize().to_hex().to_string()
    }
}
