//! The bounds of every check; what is beyond one is not checked, and says so.

/// The largest content that is parsed, in bytes; larger is [`crate::Outcome::NotRun`].
pub const SOURCE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The largest stack that a recursive parser is given, in bytes.
///
/// The pages are reserved, not used, until a parser really goes that deep.
pub const PARSER_STACK_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// The deepest nesting of brackets that the recursive parsers are run on.
pub const NESTING_DEPTH_MAX: usize = 1_000;

/// The most findings that one check of one file reports.
pub const FINDINGS_MAX: usize = 100;

/// Why a content of `size_bytes` is not checked.
pub(crate) fn too_large(size_bytes: usize) -> String {
    format!("{size_bytes} bytes are more than the {SOURCE_BYTES_MAX} that are checked")
}

/// Why a text that is nested too deep at a byte is not checked.
pub(crate) fn too_deep(text: &str, at: usize) -> String {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    format!("nested deeper than {NESTING_DEPTH_MAX} levels at line {line}")
}
