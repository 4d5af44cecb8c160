//! Bugs: where, and nothing else. A message could hold a record.

use std::panic::PanicHookInfo;

use crate::error::Code;
use crate::output::{self, Format};

/// Makes a panic print its place only.
pub(crate) fn install(format: Format) {
    std::panic::set_hook(Box::new(move |info| show(info, format)));
}

fn show(info: &PanicHookInfo<'_>, format: Format) {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let hints =
        ["what was saved before is safe; please report the line above, which holds no record"
            .to_owned()];
    let message = format!("a bug in haversack, at {place}");
    output::print_failure(Code::Bug, &message, &[], &hints, format);
}
