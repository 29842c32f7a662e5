//! The bounds of what is read from a tool.

/// The largest output that is read, in bytes, each stream by itself.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most diagnostics of one run that are kept.
pub const DIAGNOSTICS_MAX: usize = 10_000;

/// The longest reason that is quoted from a tool, in characters.
pub const REASON_CHARS_MAX: usize = 300;

/// The longest message that is kept of one diagnostic, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// The deepest nesting of elements in XML.
pub const XML_DEPTH_MAX: usize = 32;

/// The largest compiled form of a pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// The most tools that the settings may name.
pub const SETTINGS_MAX: usize = 100;

/// The most words or globs that one list in the settings may hold.
pub const WORDS_MAX: usize = 1_000;
