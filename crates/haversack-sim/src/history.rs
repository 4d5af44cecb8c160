//! A list of acts in a file: what once failed, and must not again, however runs are drawn by then.

use haversack_core::sim::Bug;
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::run::{Outcome, Setup, run_acts};

/// What happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// What it shows, in words.
    pub about: String,
    /// What engines take their randomness from.
    pub seed: u64,
    /// Devices at the beginning.
    pub devices: usize,
    /// What happens.
    pub acts: Vec<Act>,
}

impl History {
    /// Reads a history.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Writes it, one act a line.
    #[must_use]
    pub fn write(&self) -> String {
        let line = |act| serde_json::to_string(act).unwrap_or_default();
        let acts: Vec<String> = self.acts.iter().map(line).collect();
        let about = serde_json::to_string(&self.about).unwrap_or_default();
        let (seed, devices, acts) = (self.seed, self.devices, acts.join(",\n    "));
        format!(
            "{{\n  \"about\": {about},\n  \"seed\": {seed},\n  \"devices\": {devices},\n  \"acts\": [\n    {acts}\n  ]\n}}"
        )
    }

    /// Lets it happen.
    #[must_use]
    pub fn play(&self, bug: Option<Bug>) -> Outcome {
        let setup = Setup { devices: self.devices, bug, ..Setup::default() };
        run_acts(self.seed, &setup, &self.acts, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::draw;

    #[test]
    fn what_is_written_is_read() {
        let history =
            History { about: "a \"word\"".into(), seed: 3, devices: 4, acts: draw(3, 400) };
        assert_eq!(History::read(&history.write()).unwrap(), history);
        assert!(History::read("{}").is_err());
    }
}
