//! One line that says that something is going on, for a person at a terminal only.

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

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
