//! `jest --json`, and vitest's reporter `json`, which follows it.

use serde::Deserialize;
use serde_json::Value;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult, cut, milliseconds};
use crate::json::Text;
use crate::read_error::{ReadError, quoted};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    num_total_tests: usize,
    /// Only jest has it.
    num_runtime_error_test_suites: Option<u64>,
    #[serde(borrow)]
    test_results: Vec<File<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow, default)]
    message: Text<'a>,
    #[serde(borrow)]
    assertion_results: Vec<Case<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case<'a> {
    #[serde(borrow)]
    ancestor_titles: Vec<Text<'a>>,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    duration: Option<f64>,
    #[serde(borrow, default)]
    failure_messages: Vec<Text<'a>>,
    #[serde(default)]
    failure_details: Vec<Value>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    line: u32,
}

/// How both say that a file has no test in it, which they count as a failure.
const NO_TEST: &[&str] = &[
    "must contain at least one test",
    "No test suite found in file",
];

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let document: Document<'_> = serde_json::from_str(text)?;
    // jest says `pending` of what is skipped, vitest of what it never came to.
    let is_jest = document.num_runtime_error_test_suites.is_some();
    let mut not_run = None;
    for file in &document.test_results {
        let mut has_failed = false;
        for case in &file.assertion_results {
            let result = test(file, case)?;
            has_failed |= matches!(result.outcome, TestOutcome::Failed(_));
            if !is_jest && case.status.0 == "pending" {
                not_run = Some(case.title.0.clone());
            }
            report.test(result)?;
        }
        let message = &file.message.0;
        let is_empty = NO_TEST.iter().any(|it| message.contains(it));
        if file.status.0 == "failed" && !has_failed && !is_empty {
            report.suite(&file.name.0, Failure::of("", message, Reason::Error));
        }
    }
    if let Some(title) = not_run {
        return Err(ReadError::Malformed {
            at: format!("the test `{}`", quoted(&title)),
            what: "it was never run".to_owned(),
        });
    }
    if report.tests.len() != document.num_total_tests {
        let (shown, count) = (report.tests.len(), document.num_total_tests);
        return Err(super::miscounted(shown, count));
    }
    Ok(())
}

fn test(file: &File<'_>, case: &Case<'_>) -> Result<TestResult, ReadError> {
    let outcome = match &*case.status.0 {
        "passed" => TestOutcome::Passed,
        "failed" => failure(case).into_outcome(),
        "pending" | "skipped" | "todo" | "disabled" => TestOutcome::Skipped,
        other => {
            return Err(ReadError::Malformed {
                at: format!("the test `{}`", quoted(&case.title.0)),
                what: format!("the status `{}` is not known", quoted(other)),
            });
        }
    };
    let titles: Vec<&str> = case.ancestor_titles.iter().map(|it| &*it.0).collect();
    let mut result = TestResult::new(titles.join(" > "), &*case.title.0, outcome);
    result.file = Some(file.name.0.clone().into_owned());
    result.line = case.location.as_ref().map(|it| it.line);
    result.duration = case.duration.and_then(milliseconds);
    Ok(result)
}

fn failure(case: &Case<'_>) -> Failure {
    let messages: Vec<&str> = case.failure_messages.iter().map(|it| &*it.0).collect();
    let mut failure = Failure::of("", &messages.join("\n"), Reason::Error);
    let mut results = case.failure_details.iter();
    if let Some(result) = results.find_map(|it| it.get("matcherResult")) {
        let value = |name| result.get(name).map(shown);
        failure.expected = value("expected").or(failure.expected);
        failure.actual = value("actual").or(failure.actual);
        failure.reason = Reason::Assertion;
    }
    failure
}

/// A value as a person would write it: a text without quotes.
fn shown(value: &Value) -> String {
    cut(&value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned))
}
