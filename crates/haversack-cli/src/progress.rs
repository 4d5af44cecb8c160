//! What says that something is going on, and how far it is, for a person at a terminal only.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Format;

const TICK: Duration = Duration::from_millis(120);

/// Shows a line on stderr until it is dropped.
pub(crate) struct Line(ProgressBar);

impl Line {
    /// Begins.
    pub(crate) fn start(text: String, format: Format) -> Self {
        let shown = format == Format::Text && std::io::stderr().is_terminal();
        let target = match shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(ProgressStyle::default_spinner())
            .with_message(text);
        if shown {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }
}

/// Shows how much of something is done, on stderr, until it is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// Begins.
    pub(crate) fn start(text: &'static str, format: Format) -> Self {
        let shown = format == Format::Text && std::io::stderr().is_terminal();
        let target = match shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        Self(ProgressBar::with_draw_target(None, target).with_message(text))
    }

    /// So many of all are done.
    pub(crate) fn at(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
