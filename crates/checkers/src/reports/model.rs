//! What a runner says of its tests, whatever its format.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::{TESTS_MAX, TEXT_BYTES_MAX};
use super::reason;
use crate::read_error::ReadError;

/// What became of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// What the test is part of, as the runner names it: a class, package, binary or the titles around it; may be empty.
    pub suite: String,
    /// Its name in the suite.
    pub name: String,
    /// The file as the runner gives it, if it does.
    pub file: Option<String>,
    /// The line of the test, from 1, if the runner gives it.
    pub line: Option<u32>,
    /// How it ended.
    pub outcome: TestOutcome,
    /// How long it took, if the runner gives it.
    pub duration: Option<Duration>,
}

impl TestResult {
    pub(super) fn new(
        suite: impl Into<String>,
        name: impl Into<String>,
        outcome: TestOutcome,
    ) -> Self {
        Self {
            suite: suite.into(),
            name: name.into(),
            file: None,
            line: None,
            outcome,
            duration: None,
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestOutcome {
    /// It ran and held.
    Passed,
    /// It ran, or was to run, and did not hold.
    Failed(Box<Failure>),
    /// It was not to run, or is known to fail.
    Skipped,
}

/// How something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Of what kind the failure is.
    pub reason: Reason,
    /// What the runner says, cut at [`super::limits::TEXT_BYTES_MAX`]; may be empty.
    pub message: String,
    /// The value that was asked for, where the runner tells the two apart or has a left and a right side:
    /// then it is the right one.
    pub expected: Option<String>,
    /// The value that was there.
    pub actual: Option<String>,
}

impl Failure {
    /// A failure whose reason and values are taken from what the runner says.
    pub(super) fn of(kind: &str, message: &str, fallback: Reason) -> Self {
        let (expected, actual) = reason::values(message);
        Self {
            reason: reason::of(kind, message, fallback),
            message: cut(message.trim()),
            expected,
            actual,
        }
    }

    pub(super) fn into_outcome(self) -> TestOutcome {
        TestOutcome::Failed(Box::new(self))
    }
}

/// Of what kind a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The test asked for something that does not hold.
    Assertion,
    /// Something else was thrown, or panicked.
    Error,
    /// A name, module or member that is used is not there.
    MissingSymbol,
    /// The code is well-formed and does not compile, for another reason than a missing symbol.
    Compile,
    /// The code is not well-formed.
    Syntax,
    /// The runner stopped it at its time limit.
    TimedOut,
    /// Its process ended under it.
    Crashed,
}

/// Something that holds tests, and failed before or beside them: a file that does not load, a fixture of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteFailure {
    /// The file, class or package as the runner names it; may be empty.
    pub name: String,
    /// How it failed.
    pub failure: Failure,
}

/// What was read of a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    /// The tests in the order of the report.
    pub(super) tests: Vec<TestResult>,
    /// What failed beside the tests.
    pub(super) suites: Vec<SuiteFailure>,
}

impl Report {
    pub(super) fn test(&mut self, test: TestResult) -> Result<(), ReadError> {
        if self.tests.len() == TESTS_MAX {
            return Err(ReadError::TooMany {
                what: "tests",
                max: TESTS_MAX,
            });
        }
        self.tests.push(test);
        Ok(())
    }

    pub(super) fn suite(&mut self, name: &str, failure: Failure) {
        if self.suites.len() < TESTS_MAX {
            self.suites.push(SuiteFailure {
                name: name.to_owned(),
                failure,
            });
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.suites.is_empty() || self.count(|it| matches!(it, TestOutcome::Failed(_))) > 0
    }

    pub(super) fn count(&self, is_it: impl Fn(&TestOutcome) -> bool) -> usize {
        self.tests.iter().filter(|it| is_it(&it.outcome)).count()
    }
}

/// A text cut at the bound, at a character's end.
pub(super) fn cut(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = TEXT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Seconds as a duration; none if they are none.
pub(super) fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// Milliseconds as a duration; none if they are none.
pub(super) fn milliseconds(milliseconds: f64) -> Option<Duration> {
    seconds(milliseconds / 1_000.0)
}
