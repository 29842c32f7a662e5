//! Standard output, for people and for programs.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;

/// The width of output that goes to no terminal, in columns.
const WIDTH_DEFAULT: usize = 120;

/// The narrowest output; a terminal may say that it has no columns at all.
const WIDTH_MIN: usize = 40;

/// Writes styled text, with its styles only if the reader wants them.
///
/// # Errors
///
/// What standard output answers; a closed pipe is no failure and ends the program quietly.
pub(crate) fn write_styled(text: &[u8], color: ColorChoice) -> anyhow::Result<()> {
    let mut stdout = AutoStream::new(io::stdout().lock(), color);
    finish(stdout.write_all(text).and_then(|()| stdout.flush()))
}

/// Writes text as it is.
///
/// # Errors
///
/// As [`write_styled`].
pub(crate) fn write_plain(text: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    finish(stdout.write_all(text).and_then(|()| stdout.flush()))
}

/// The width to write for, in columns.
pub(crate) fn width() -> usize {
    if !io::stdout().is_terminal() {
        return WIDTH_DEFAULT;
    }
    let size = terminal_size::terminal_size();
    let width = size.map_or(WIDTH_DEFAULT, |(width, _)| usize::from(width.0));
    width.max(WIDTH_MIN)
}

/// A reader that closed the pipe has seen what it wanted: what the program exits with stays.
fn finish(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("the result could not be written to standard output"),
    }
}
