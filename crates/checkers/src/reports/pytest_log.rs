//! The lines of the plugin pytest-reportlog: one JSON object for each phase of each test.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult, seconds};
use crate::json::Text;
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "$report_type", borrow)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    nodeid: Text<'a>,
    #[serde(borrow, default)]
    outcome: Text<'a>,
    #[serde(borrow, default)]
    when: Text<'a>,
    duration: Option<f64>,
    /// File, line from 0, and name.
    location: Option<(String, Option<u32>, String)>,
    #[serde(default)]
    longrepr: Value,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut is_finished = false;
    for line in super::json_lines(text) {
        let line: Line<'_> = line?;
        match &*line.kind.0 {
            "SessionFinish" => is_finished = true,
            "CollectReport" if line.outcome.0 == "failed" => {
                report.suite(&line.nodeid.0, failure(&line.longrepr));
            }
            "TestReport" => phase(&line, &mut index, report)?,
            _ => {}
        }
    }
    if is_finished {
        Ok(())
    } else {
        Err(ReadError::Truncated)
    }
}

/// Takes set-up, call or tear-down of a test: the call tells its outcome, unless one of the others fails.
fn phase(
    line: &Line<'_>,
    index: &mut HashMap<String, usize>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let outcome = match &*line.outcome.0 {
        "passed" => TestOutcome::Passed,
        "skipped" => TestOutcome::Skipped,
        _ => failure(&line.longrepr).into_outcome(),
    };
    if let Some(at) = index.get(&*line.nodeid.0) {
        let test = &mut report.tests[*at];
        let is_call = line.when.0 == "call";
        if is_call || matches!(outcome, TestOutcome::Failed(_)) {
            test.outcome = outcome;
        }
        if is_call {
            test.duration = line.duration.and_then(seconds);
        }
        return Ok(());
    }
    let (suite, name) = line
        .nodeid
        .0
        .rsplit_once("::")
        .unwrap_or(("", &line.nodeid.0));
    // A set-up that passes says nothing yet.
    let outcome = match outcome {
        TestOutcome::Passed if line.when.0 == "setup" => {
            Failure::of("", "the runner does not say how it ended", Reason::Crashed).into_outcome()
        }
        outcome => outcome,
    };
    let mut test = TestResult::new(suite, name, outcome);
    if let Some((file, number, _)) = &line.location {
        test.file = Some(file.clone());
        test.line = number.map(|it| it.saturating_add(1));
    }
    index.insert(line.nodeid.0.clone().into_owned(), report.tests.len());
    report.test(test)
}

/// A failure from pytest's representation: a text, or an object with what was thrown.
fn failure(longrepr: &Value) -> Failure {
    let crash = longrepr.get("reprcrash").and_then(|it| it.get("message"));
    let message = crash.and_then(Value::as_str).or_else(|| longrepr.as_str());
    let message = message.map_or_else(|| longrepr.to_string(), ToOwned::to_owned);
    Failure::of("", &message, Reason::Error)
}
