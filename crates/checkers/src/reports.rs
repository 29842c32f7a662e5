//! Test reports: what a run of tests shows, from the runner's machine output and how its process ended.
//!
//! # Guarantees
//!
//! - Pure: bytes in, values out; no file, process, clock or environment.
//! - Total: any bytes give a [`Run`]; what was not understood is [`RunState::Unreadable`].
//! - Bounded: size, depth, tests and texts have the bounds in [`limits`].
//! - Sceptical: only a whole report with a test that passed and none that failed, of a process that
//!   succeeded, is [`RunState::Passed`]; an exit status alone decides nothing.
//!
//! # What it does not do
//!
//! It runs nothing, chooses no test, and maps no path: file names are as the runner gives them.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::reports::{Ended, Format, RunState, judge};
//!
//! let report = br#"<testsuite name="pytest"><testcase classname="test_a" name="test_adds"/></testsuite>"#;
//! let run = judge(Format::JunitXml, report, b"", Ended::Succeeded);
//! assert_eq!(run.state, RunState::Passed);
//!
//! let cut = &report[..50];
//! let run = judge(Format::JunitXml, cut, b"", Ended::Succeeded);
//! assert_eq!(run.state, RunState::Unreadable);
//! ```
//!
//! # Design
//!
//! A reader for each format fills one report; [`judge`] alone decides what it shows, so that no reader can
//! call a run passed.

mod catch_xml;
mod ctest;
mod format;
mod go_test;
mod google_test;
mod jest;
mod judge;
mod junit;
mod libtest;
mod libtest_json;
pub mod limits;
mod mocha;
mod model;
mod pytest_log;
mod reason;
mod tap;
mod unittest;

pub use format::Format;
pub use judge::{Ended, Run, RunState, judge};
pub use model::{Failure, Reason, SuiteFailure, TestOutcome, TestResult};

use serde::Deserialize;

use crate::read_error::ReadError;

/// The endings of the files that JavaScript runners load.
const SCRIPTS: &[&str] = &[
    ".cjs", ".cts", ".js", ".jsx", ".mjs", ".mts", ".ts", ".tsx", ".vue",
];

/// Whether a name is that of a script and not of a test.
fn is_script(name: &str) -> bool {
    SCRIPTS.iter().any(|ending| name.ends_with(ending))
}

/// The JSON objects of a text with one on each line; the last line has to be whole.
fn json_lines<'a, T: Deserialize<'a>>(text: &'a str) -> impl Iterator<Item = Result<T, ReadError>> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| {
        serde_json::from_str(line).map_err(|error| match ReadError::from(error) {
            ReadError::Malformed { what, .. } => ReadError::at_line(index + 1, what),
            other => other,
        })
    })
}

/// A report whose sums and tests do not agree.
fn miscounted(shown: usize, counted: usize) -> ReadError {
    ReadError::Malformed {
        at: "its sums".to_owned(),
        what: format!("they count {counted} tests and {shown} are shown"),
    }
}
