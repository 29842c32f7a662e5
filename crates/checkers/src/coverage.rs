//! Coverage reports: ten formats in, one model, findings and lcov out.
//!
//! # Guarantees
//!
//! - Pure: bytes in, values out; no file, process, clock or environment.
//! - Total: any bytes give a [`Coverage`] or a [`ReadError`]; a report that ends in the middle is an error
//!   wherever its format shows it (see the limits in `docs/coverage.md`).
//! - Bounded: size, depth, files and lines have the bounds in [`limits`].
//! - No document type is fetched and no entity is expanded.
//! - Exact: shares are fractions of integers; nothing to cover is never 100 %.
//!
//! # What it does not do
//!
//! It runs no test, maps no path and knows no clock.
//! A path is what the report says it is: [`Coverage::roots`] and `docs/coverage.md` say what it may be relative to.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::coverage;
//!
//! let report = b"TN:\nSF:src/a.c\nFN:1,4,main\nFNDA:1,main\nDA:2,1\nDA:3,0\nend_of_record\n";
//! let coverage = coverage::read(report)?;
//! let file = coverage.file("src/a.c").expect("the report names it");
//! assert_eq!(file.totals().lines.to_string(), "1 of 2 (50.00 %)");
//! assert_eq!(file.function_at(3).expect("line 3 is in main").name, "main");
//! # Ok::<(), coverage::ReadError>(())
//! ```
//!
//! # Design
//!
//! One reader for each format streams into one builder, which alone knows what two entries for a line become.

mod check;
mod clover;
mod cobertura;
mod coverage_py;
mod format;
mod freshness;
mod gcov;
mod go_profile;
mod istanbul;
mod jacoco;
mod lcov;
pub mod limits;
mod llvm_cov;
mod model;
mod opencover;
mod share;

pub use crate::read_error::ReadError;
pub use check::{Minimums, Request, check};
pub use format::{Format, read};
pub use freshness::{Freshness, Origin};
pub use lcov::write_lcov;
pub use model::{Branches, Coverage, FileCoverage, Function, Line, Totals};
pub use share::{Minimum, Share};
