//! What ctest writes to standard output.

use super::format::NO_TESTS;
use super::model::{Failure, Reason, Report, TestOutcome, TestResult, seconds};
use crate::read_error::ReadError;

pub(super) fn read(text: &str, log: &str, report: &mut Report) -> Result<(), ReadError> {
    let (mut summary, mut is_timed) = (None, false);
    let mut output: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(test) = result(line) {
            explain(report, &mut output);
            report.test(test)?;
        } else if let Some(failed) = failed(line) {
            explain(report, &mut output);
            summary = Some(failed);
        } else if line.starts_with("Total Test time") && line.ends_with(" sec") {
            is_timed = summary.is_some();
        } else if summary.is_none() && !line.trim_start().starts_with("Start ") {
            output.push(line);
        }
    }
    let count = report.count(|it| matches!(it, TestOutcome::Failed(_)));
    match summary {
        Some(_) if !is_timed => Err(ReadError::Truncated),
        Some(failed) if failed == count => Ok(()),
        Some(failed) => Err(super::miscounted(count, failed)),
        None if NO_TESTS
            .iter()
            .any(|it| log.contains(it) || text.contains(it)) =>
        {
            Ok(())
        }
        None => Err(ReadError::Truncated),
    }
}

/// What was printed below a test that failed is its message.
fn explain(report: &mut Report, output: &mut Vec<&str>) {
    let said = output.join("\n");
    output.clear();
    if let Some(test) = report.tests.last_mut()
        && let TestOutcome::Failed(failure) = &mut test.outcome
        && !said.trim().is_empty()
    {
        let told = format!("{}\n{}", failure.message, said.trim());
        **failure = Failure::of("", &told, failure.reason);
    }
}

/// `2/3 Test #2: wrong ......***Failed    0.01 sec`.
fn result(line: &str) -> Option<TestResult> {
    let (count, rest) = line.trim_start().split_once(" Test ")?;
    let (at, total) = count.split_once('/')?;
    let is_count = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !is_count(at.trim()) || !is_count(total.trim()) {
        return None;
    }
    let (_, rest) = rest.trim_start().strip_prefix('#')?.split_once(": ")?;
    let rest = rest.trim_end().strip_suffix(" sec")?;
    let (rest, time) = rest.rsplit_once(' ')?;
    let time = time.parse().ok().and_then(seconds);
    let (name, word) = rest.split_once(" .").unwrap_or((rest, ""));
    let word = word.trim_start_matches('.').trim();
    let fails = |reason| Failure::of("", word.trim_matches('*'), reason).into_outcome();
    let outcome = match word {
        "Passed" => TestOutcome::Passed,
        word if word.contains("***Skipped") || word.contains("(Disabled)") => TestOutcome::Skipped,
        word if word.contains("***Timeout") => fails(Reason::TimedOut),
        word if word.contains("***Exception") => fails(Reason::Crashed),
        // What an exit status tells is not why.
        _ => fails(Reason::Error),
    };
    let mut test = TestResult::new("", name.trim(), outcome);
    test.duration = time;
    Some(test)
}

/// The number in `33% tests passed, 2 tests failed out of 3`.
fn failed(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("% tests passed, ")?;
    let (failed, rest) = rest.split_once(" test")?;
    rest.contains(" failed out of ")
        .then(|| failed.parse().ok())?
}
