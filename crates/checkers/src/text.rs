//! Checks that hold for any text: encoding, conflict markers, line endings.

use std::borrow::Cow;

use crate::{Outcome, Source};

/// The version of these checks; it rises when their verdicts change.
pub const VERSION: &str = "1";

/// A source's content, readable by the parsers or not.
pub(crate) enum Encoding<'a> {
    /// The content; of the same length as the bytes.
    Text(Cow<'a, str>),
    /// Why it cannot be parsed.
    Unreadable(String),
}

pub(crate) fn decode<'a>(source: &Source<'a>) -> Encoding<'a> {
    match std::str::from_utf8(source.bytes) {
        Ok(text) => Encoding::Text(Cow::Borrowed(text)),
        Err(error) => Encoding::Unreadable(format!("not UTF-8 at byte {}", error.valid_up_to())),
    }
}

/// x
#[must_use]
pub fn text(_source: &Source<'_>) -> Outcome {
    Outcome::not_run("not built yet")
}
