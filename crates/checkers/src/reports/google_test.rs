//! `--gtest_output=json:` of `GoogleTest`.
//!
//! Source: docs/advanced.md of `GoogleTest`, "Generating a JSON Report".

use serde::Deserialize;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult, cut, seconds};
use crate::json::Text;
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Document<'a> {
    tests: usize,
    failures: usize,
    #[serde(borrow)]
    testsuites: Vec<Suite<'a>>,
}

#[derive(Deserialize)]
struct Suite<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    testsuite: Vec<Case<'a>>,
}

#[derive(Deserialize)]
struct Case<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    file: Option<Text<'a>>,
    line: Option<u32>,
    #[serde(borrow)]
    status: Text<'a>,
    /// Since 1.10.
    #[serde(borrow, default)]
    result: Text<'a>,
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    failures: Vec<Said<'a>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    failure: Text<'a>,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let document: Document<'_> = serde_json::from_str(text)?;
    for suite in &document.testsuites {
        for case in &suite.testsuite {
            report.test(case.test(&suite.name.0))?;
        }
    }
    if report.tests.len() != document.tests {
        return Err(super::miscounted(report.tests.len(), document.tests));
    }
    if document.failures > 0 && !report.has_failed() {
        return Err(super::miscounted(0, document.failures));
    }
    Ok(())
}

impl Case<'_> {
    fn test(&self, suite: &str) -> TestResult {
        let texts: Vec<&str> = self.failures.iter().map(|it| &*it.failure.0).collect();
        let outcome = if !texts.is_empty() {
            failure(&texts.join("\n")).into_outcome()
        } else if self.status.0 == "NOTRUN" || self.result.0 == "SKIPPED" {
            TestOutcome::Skipped
        } else {
            TestOutcome::Passed
        };
        let mut test = TestResult::new(suite, &*self.name.0, outcome);
        test.file = self.file.as_ref().map(|file| file.0.clone().into_owned());
        test.line = self.line;
        let time = self.time.0.trim_end_matches('s').parse().ok();
        test.duration = time.and_then(seconds);
        test
    }
}

fn failure(text: &str) -> Failure {
    let is_thrown = text.contains("C++ exception with description")
        || text.contains("Unknown C++ exception thrown");
    let fallback = if is_thrown {
        Reason::Error
    } else {
        Reason::Assertion
    };
    let mut failure = Failure::of("", text, fallback);
    if let Some((actual, expected)) = operands(text) {
        (failure.expected, failure.actual) = (Some(cut(expected)), Some(cut(actual)));
    }
    failure
}

/// The two values of `Expected equality of these values:`, evaluated where that is shown.
fn operands(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("Expected equality of these values:\n")?;
    let mut values: Vec<&str> = Vec::new();
    for line in rest.lines().take_while(|line| line.starts_with("  ")) {
        match (line.trim().strip_prefix("Which is: "), values.last_mut()) {
            (Some(value), Some(last)) => *last = value,
            _ => values.push(line.trim()),
        }
    }
    match values[..] {
        [one, other] => Some((one, other)),
        _ => None,
    }
}
