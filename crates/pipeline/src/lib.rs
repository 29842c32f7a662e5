//! One edit in, one truthful verdict out: reads the file, runs the checks, writes the result document.
//!
//! # Guarantees
//!
//! - Honest: every check that exists or is planned appears in the result; one that was not made,
//!   broke, took too long or looked at a content that is no longer on disk says so in its [`document::State`].
//! - Bounded: at most [`Config::file_size_bytes`] of a file are held, a check is waited for at most
//!   [`Config::time_ms`], and at most [`CHECK_THREADS_ABANDONED_MAX`] checks that did not end are left behind.
//! - Reads regular files only and never blocks on a FIFO or a device.
//! - Starts no process but the project's own tools, only if it is given a [`Toolbox`], and those in the sandbox.
//!   None is run in a directory that is not trusted.
//!   A git repository is read without running anything that its configuration names.
//! - Ordered: reports come in the order of the paths, findings in the order of the text.
//! - One file starts one thread; only several files start a pool.
//! - Runs tests only if asked to (`Toolbox::test`), and never calls a run passed that shows no test that passed.
//!
//! # What it does not do
//!
//! It changes no file that it checks (a [`tdd::Recorder`] writes only its own journal), prints nothing and knows nothing of who asked.
//! Tools are started for each file anew, unless the [`Toolbox`] is told to keep them.
//!
//! # Example
//!
//! ```
//! use claude_flow_pipeline::{Config, Options, Pipeline};
//!
//! let pipeline = Pipeline::new(Config::default());
//! let document = pipeline.check_paths(&["Cargo.toml"], &Options::default());
//! assert_eq!(document.files[0].language, Some("TOML"));
//! assert_eq!(document.exit_status(), 0);
//! ```
//!
//! # Design
//!
//! The checks are pure functions that may run for as long as the text makes them, so each file's
//! checks run on a thread of their own, which is left to itself when the time is over.
//! Why the result is a versioned JSON document is told in `docs/adr/0001-result-document.md`,
//! why git repositories are read with gix in `docs/adr/0002-gix-for-baselines.md`,
//! when a tool that is kept running is believed in `docs/adr/0004-warm-tools.md`.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "this layer is where files are read and time is measured; the ban is for the pure crates"
)]

mod baseline;
mod changes;
mod config;
mod coverage;
#[cfg(doc)]
pub mod docs;
pub mod document;
mod git;
mod lines;
mod options;
mod pipeline;
mod read;
mod report;
mod run;
pub mod tdd;
#[cfg(target_os = "linux")]
mod testing;
#[cfg(target_os = "linux")]
mod tools;
mod trust;

pub use config::{Config, ConfigError};
pub use document::{Document, RESULT_SCHEMA};
pub use lines::LineIndex;
pub use options::{BaselineSource, Options, Percent, PercentError};
pub use pipeline::Pipeline;
pub use read::ReadError;
pub use run::CHECK_THREADS_ABANDONED_MAX;
#[cfg(target_os = "linux")]
pub use testing::{
    ChosenTest, FailureReport, Input, RunReport, SuiteReport, TestDocument, TestError, TestOptions,
    TestReport, TestState, TestSummary,
};
#[cfg(target_os = "linux")]
pub use tools::Toolbox;
pub use trust::{Trust, TrustError};
