//! The bounds on coverage reports.

/// The largest report that is read, in bytes.
pub const REPORT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most files that one report may name.
pub const FILES_MAX: usize = 200_000;

/// The most lines and branches that the ranges and counts of one report may stand for: a few bytes can name billions.
pub const LINES_MAX: usize = 5_000_000;
