//! Checks that hold for any text: encoding, conflict markers, line endings, stray bytes.

use std::borrow::Cow;
use std::ops::Range;

use claude_flow_lang_detect::Language;

use crate::{Finding, Outcome, Severity, Source, limits, syntax};

/// The version of these checks; it rises when their verdicts change.
pub const VERSION: &str = "1";

/// The byte-order mark of UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One NUL byte in this many is taken for binary content.
const BINARY_RATIO: usize = 64;

/// How many letters a conflict marker has.
const MARKER_LEN: usize = 7;

/// A source's content as the parsers can read it.
pub(crate) enum Encoding<'a> {
    /// The content; as long as the bytes, so that offsets agree.
    Text(Cow<'a, str>),
    /// Why it cannot be parsed.
    Unreadable(String),
}

/// Checks what holds for any text, whatever its language.
///
/// # Errors
///
/// None: what cannot be checked is [`Outcome::NotRun`].
///
/// # Complexity
///
/// Linear in the size; where conflict markers are found, the syntax is checked as well, to tell
/// markers from a text that quotes them.
///
/// # Examples
///
/// ```
/// use claude_flow_checkers::{Outcome, Source, text};
/// use claude_flow_lang_detect::Language;
///
/// let bytes = b"a = 1\r\nb = 2\n";
/// let Outcome::Checked { findings } = text(&Source { path: "a.py", language: Language::Python, bytes })
/// else { panic!("text is always checked") };
/// assert_eq!(findings[0].rule, "text/mixed-line-endings");
/// ```
#[must_use]
pub fn text(source: &Source<'_>) -> Outcome {
    if source.bytes.len() > limits::SOURCE_BYTES_MAX {
        return Outcome::not_run(limits::too_large(source.bytes.len()));
    }
    if let Some(encoding) = utf16(source.bytes) {
        let finding = Finding::error("text/encoding", format!("the file is {encoding}"), 0..2)
            .with_severity(Severity::Warning)
            .with_help("save it as UTF-8: most tools read nothing else");
        return Outcome::Checked {
            findings: vec![finding],
        };
    }
    let mut findings = Vec::new();
    findings.extend(invalid_utf8(source));
    findings.extend(byte_order_mark(source));
    findings.extend(nul_bytes(source));
    findings.extend(mixed_line_endings(source.bytes));
    findings.extend(conflict_markers(source));
    findings.sort_by_key(|finding| finding.span.start);
    Outcome::Checked { findings }
}

/// Checks what holds for a text in a language that is not known.
///
/// Without the language nobody knows what a byte may mean, so nothing here is an error: conflict
/// markers may be quoted, and other encodings than UTF-8 may be meant.
///
/// # Errors
///
/// None: content that is not UTF-8 text is [`Outcome::NotRun`].
///
/// # Complexity
///
/// Linear in the size.
#[must_use]
pub fn plain_text(bytes: &[u8]) -> Outcome {
    if bytes.len() > limits::SOURCE_BYTES_MAX {
        return Outcome::not_run(limits::too_large(bytes.len()));
    }
    if memchr::memchr(0, bytes).is_some() || std::str::from_utf8(bytes).is_err() {
        return Outcome::not_run("neither a language that is known here nor UTF-8 text");
    }
    let conflict =
        first_conflict(bytes).map(|conflict| unresolved(conflict).with_severity(Severity::Warning));
    let mut findings: Vec<Finding> = mixed_line_endings(bytes)
        .into_iter()
        .chain(conflict)
        .collect();
    findings.sort_by_key(|finding| finding.span.start);
    Outcome::Checked { findings }
}

/// The content as text of the same length, or why there is none.
pub(crate) fn decode<'a>(source: &Source<'a>) -> Encoding<'a> {
    let bytes = source.bytes;
    if let Some(encoding) = utf16(bytes) {
        return Encoding::Unreadable(format!("{encoding} is not parsed"));
    }
    let nul_count = memchr::memchr_iter(0, bytes).count();
    if nul_count > 0 && nul_count.saturating_mul(BINARY_RATIO) >= bytes.len() {
        return Encoding::Unreadable(format!("binary content: {nul_count} NUL bytes"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Encoding::Text(Cow::Borrowed(text)),
        Err(_) if tolerates_other_encodings(source) => {
            Encoding::Text(Cow::Owned(blank_invalid(bytes)))
        }
        Err(error) => Encoding::Unreadable(format!("not UTF-8 at byte {}", error.valid_up_to())),
    }
}

/// The places of conflict markers, if there is a whole conflict.
pub(crate) fn first_conflict(bytes: &[u8]) -> Option<Conflict> {
    let mut ours = None;
    let mut middle = None;
    for start in memchr::memmem::find_iter(bytes, b"<<<<<<<").map(|at| at..at + MARKER_LEN) {
        if is_marker(bytes, &start) {
            ours = Some(start);
            break;
        }
    }
    let ours = ours?;
    let rest = ours.end;
    for at in memchr::memmem::find_iter(&bytes[rest..], b"=======").map(|at| at + rest) {
        let place = at..at + MARKER_LEN;
        if is_marker(bytes, &place) {
            middle = Some(place);
            break;
        }
    }
    let middle = middle?;
    let rest = middle.end;
    let theirs = memchr::memmem::find_iter(&bytes[rest..], b">>>>>>>")
        .map(|at| at + rest..at + rest + MARKER_LEN)
        .find(|place| is_marker(bytes, place))?;
    Some(Conflict {
        ours,
        middle,
        theirs,
    })
}

/// The three markers of one merge conflict.
pub(crate) struct Conflict {
    pub(crate) ours: Range<usize>,
    pub(crate) middle: Range<usize>,
    pub(crate) theirs: Range<usize>,
}

/// A marker stands at the start of a line and is followed by a space or the line's end.
fn is_marker(bytes: &[u8], place: &Range<usize>) -> bool {
    let starts_line = place.start == 0 || bytes[place.start - 1] == b'\n';
    starts_line && matches!(bytes.get(place.end), None | Some(b' ' | b'\n' | b'\r'))
}

fn conflict_markers(source: &Source<'_>) -> Option<Finding> {
    let finding = unresolved(first_conflict(source.bytes)?);
    if syntax::is_clean_despite_markers(source) {
        let quoted = "merge-conflict markers inside a string or a comment";
        return Some(Finding {
            message: quoted.into(),
            ..finding.with_severity(Severity::Warning)
        });
    }
    Some(finding)
}

fn unresolved(conflict: Conflict) -> Finding {
    Finding::error(
        "text/conflict-marker",
        "merge conflict that is not resolved",
        conflict.ours,
    )
    .with_related("the other side begins here", conflict.middle)
    .with_related("the conflict ends here", conflict.theirs)
    .with_help("keep one side, or both, and delete the three marker lines")
}

fn utf16(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, ..] => Some("UTF-16 (little endian)"),
        [0xFE, 0xFF, ..] => Some("UTF-16 (big endian)"),
        _ => None,
    }
}

/// Compilers of these languages read other encodings inside comments and literals.
fn tolerates_other_encodings(source: &Source<'_>) -> bool {
    match source.language {
        Language::C | Language::Cpp | Language::Java => true,
        Language::Python => names_other_encoding(source.bytes),
        _ => false,
    }
}

/// PEP 263: a comment in one of the first two lines may name the encoding.
fn names_other_encoding(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').take(2);
    lines.any(|line| {
        let line = String::from_utf8_lossy(line);
        let named = line.trim_start().strip_prefix('#').and_then(|comment| {
            let (_, rest) = comment.split_once("coding")?;
            let name = rest.strip_prefix([':', '='])?.trim_start();
            Some(name.to_ascii_lowercase().replace('_', "-"))
        });
        named.is_some_and(|name| !name.starts_with("utf-8") && !name.starts_with("utf8"))
    })
}

/// Replaces each byte that is not UTF-8 by a question mark.
fn blank_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

fn invalid_utf8(source: &Source<'_>) -> Option<Finding> {
    let error = std::str::from_utf8(source.bytes).err()?;
    let start = error.valid_up_to();
    let end = start + error.error_len().unwrap_or(source.bytes.len() - start);
    let finding = Finding::error("text/invalid-utf8", "bytes that are not UTF-8", start..end)
        .with_help("save the file as UTF-8");
    if !tolerates_other_encodings(source) {
        return Some(finding);
    }
    let declared = source.language == Language::Python;
    (!declared).then(|| finding.with_severity(Severity::Warning))
}

fn byte_order_mark(source: &Source<'_>) -> Option<Finding> {
    let rest = source.bytes.strip_prefix(BOM)?;
    let (severity, why) = match source.language {
        Language::Java => (Severity::Error, "javac rejects a byte-order mark"),
        Language::Json => (
            Severity::Warning,
            "many JSON parsers reject a byte-order mark",
        ),
        _ if rest.starts_with(b"#!") => (
            Severity::Warning,
            "a byte-order mark before `#!` keeps the system from running the file",
        ),
        _ => (Severity::Info, "the file begins with a byte-order mark"),
    };
    Some(Finding::error("text/byte-order-mark", why, 0..BOM.len()).with_severity(severity))
}

fn nul_bytes(source: &Source<'_>) -> Option<Finding> {
    let at = memchr::memchr(0, source.bytes)?;
    let count = memchr::memchr_iter(0, source.bytes).count();
    // Compilers of these languages let a NUL byte pass, at least inside a literal.
    let tolerated = matches!(
        source.language,
        Language::C
            | Language::Cpp
            | Language::JavaScript
            | Language::TypeScript
            | Language::Tsx
            | Language::Rust
            | Language::Java
    );
    let severity = if tolerated {
        Severity::Warning
    } else {
        Severity::Error
    };
    let message = if count == 1 {
        "NUL byte".to_owned()
    } else {
        format!("NUL byte, the first of {count}")
    };
    Some(Finding::error("text/nul-byte", message, at..at + 1).with_severity(severity))
}

fn mixed_line_endings(bytes: &[u8]) -> Option<Finding> {
    let mut crlf_count = 0_usize;
    let mut lf_count = 0_usize;
    let (mut first_crlf, mut first_lf) = (0, 0);
    for at in memchr::memchr_iter(b'\n', bytes) {
        if at > 0 && bytes[at - 1] == b'\r' {
            if crlf_count == 0 {
                first_crlf = at - 1;
            }
            crlf_count += 1;
        } else {
            if lf_count == 0 {
                first_lf = at;
            }
            lf_count += 1;
        }
    }
    if crlf_count == 0 || lf_count == 0 {
        return None;
    }
    let (span, odd) = if crlf_count < lf_count {
        (first_crlf..first_crlf + 2, "CRLF")
    } else {
        (first_lf..first_lf + 1, "LF")
    };
    let message =
        format!("mixed line endings: {crlf_count} CRLF and {lf_count} LF; the first {odd} is here");
    Some(Finding::error("text/mixed-line-endings", message, span).with_severity(Severity::Warning))
}

#[cfg(test)]
mod tests;
