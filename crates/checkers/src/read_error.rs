//! Why a report was not read.

use std::borrow::Cow;

/// Why a report was not read; nothing of what it says may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing but white space.
    #[error("the report is empty")]
    Empty,
    /// It ends in the middle.
    #[error("the report ends in the middle")]
    Truncated,
    /// It is larger than what is read.
    #[error("the report has {size_bytes} bytes, more than the {max_bytes} that are read")]
    TooLarge {
        /// How large it is.
        size_bytes: usize,
        /// The bound that it breaks.
        max_bytes: usize,
    },
    /// It names more of something than is kept.
    #[error("the report has more than the {max} {what} that are kept")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound that it breaks.
        max: usize,
    },
    /// Its elements nest deeper than what is read.
    #[error("the report nests deeper than {max} levels")]
    TooDeep {
        /// The bound that it breaks.
        max: usize,
    },
    /// No format is known that looks like it.
    #[error("the report is in no format that is known")]
    UnknownFormat,
    /// It is not what its format asks for.
    #[error("the report is malformed at {at}: {what}")]
    Malformed {
        /// The place: `line 3`, `byte 120`.
        at: String,
        /// What is wrong there.
        what: String,
    },
}

/// How much of somebody else's text is shown in an error.
const QUOTED_CHARS_MAX: usize = 80;

impl ReadError {
    /// An error on a line, which counts from 1.
    pub(crate) fn at_line(line: usize, what: impl Into<String>) -> Self {
        Self::Malformed {
            at: format!("line {line}"),
            what: what.into(),
        }
    }

    /// An error at a byte offset.
    pub(crate) fn at_byte(offset: u64, what: impl Into<String>) -> Self {
        Self::Malformed {
            at: format!("byte {offset}"),
            what: what.into(),
        }
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() {
            return Self::Truncated;
        }
        Self::at_line(error.line(), quoted(&error.to_string()))
    }
}

/// The first line of a text, cut to what an error shows.
pub(crate) fn quoted(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(QUOTED_CHARS_MAX).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// Refuses what is empty or larger than a bound.
pub(crate) fn check_size(bytes: &[u8], max_bytes: usize) -> Result<(), ReadError> {
    if bytes.len() > max_bytes {
        return Err(ReadError::TooLarge {
            size_bytes: bytes.len(),
            max_bytes,
        });
    }
    if bytes.trim_ascii().is_empty() {
        return Err(ReadError::Empty);
    }
    Ok(())
}

/// The text of a report without a byte-order mark; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Nearly every report is UTF-8, and the lossy way is slow at finding that out.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
