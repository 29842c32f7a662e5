//! The bounds on test reports.

/// The largest report that is read, in bytes.
pub const REPORT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much of what the runner said beside its report is looked at, in bytes from its beginning.
pub const LOG_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most tests of one report.
pub const TESTS_MAX: usize = 500_000;

/// The longest message, expected or actual value that is kept, in bytes; what is longer is cut.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
