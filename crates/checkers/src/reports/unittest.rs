//! What `python -m unittest -v` writes to standard error.
//!
//! A test may print into its own line, so that a word there is believed only if the sums at the end agree;
//! of what failed the blocks below the line of `=` tell.

use std::collections::HashMap;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult};
use crate::read_error::{ReadError, quoted};

/// The line above a block of a failure.
const DOUBLE_RULE: &str = "======================================================================";

/// The class that stands for a file that does not load.
const FAILED_TO_LOAD: &str = "unittest.loader._FailedTest";

/// The line below a block's title, and above the sums.
const RULE: &str = "----------------------------------------------------------------------";

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let lines: Vec<&str> = text.lines().collect();
    let blocks_at = lines.iter().position(|line| *line == DOUBLE_RULE);
    let sums_at = lines.iter().rposition(|line| line.starts_with("Ran "));
    let listed_to = blocks_at.or(sums_at).unwrap_or(lines.len());
    let mut index = HashMap::new();
    list(&lines[..listed_to], &mut index, report)?;
    let Some(sums_at) = sums_at else {
        // A file that does not load ends everything with a traceback.
        if let Some(traceback) = text.find("Traceback (most recent call last):")
            && index.is_empty()
        {
            let failure = failure(&text[traceback..]);
            report.suite("", failure);
            return Ok(());
        }
        return Err(ReadError::Truncated);
    };
    let blocks = &lines[listed_to.min(sums_at)..sums_at];
    let failures = blocks.split(|line| *line == DOUBLE_RULE);
    for block in failures.filter(|block| !block.is_empty()) {
        take_block(block, &index, report);
    }
    report.tests.retain(|it| it.suite != FAILED_TO_LOAD);
    sums(&lines[sums_at..], report)
}

/// `Ran 6 tests in 0.001s`, and `OK` or `FAILED (failures=3, errors=2)` below it.
fn sums(lines: &[&str], report: &Report) -> Result<(), ReadError> {
    let count = lines[0].split_whitespace().nth(1);
    let count: Option<usize> = count.and_then(|it| it.parse().ok());
    let mut rest = lines[1..].iter().filter(|line| !line.trim().is_empty());
    let (Some(count), Some(verdict)) = (count, rest.next()) else {
        return Err(ReadError::Truncated);
    };
    let is_well = *verdict == "OK" || verdict.starts_with("OK (");
    let is_bad = verdict.starts_with("FAILED (");
    let is_none = *verdict == "NO TESTS RAN" || verdict.starts_with("NO TESTS RAN (");
    if !(is_well || is_bad || is_none) || (*verdict != "OK" && !is_none && !verdict.ends_with(')'))
    {
        return Err(ReadError::Truncated);
    }
    if is_bad != report.has_failed() {
        return Err(ReadError::Malformed {
            at: quoted(verdict),
            what: "the tests say otherwise".to_owned(),
        });
    }
    // What fails with its class is not counted among those that ran.
    if report.suites.is_empty() && report.tests.len() != count {
        return Err(super::miscounted(report.tests.len(), count));
    }
    Ok(())
}

/// Takes the lines of tests: `name (module.Class.name) ... ok`, the word maybe on a later line.
fn list<'a>(
    lines: &[&'a str],
    index: &mut HashMap<&'a str, usize>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let mut open: Option<usize> = None;
    for line in lines {
        if let Some((title, name, class)) = title(line) {
            index.insert(title, report.tests.len());
            open = Some(report.tests.len());
            let class = class
                .strip_suffix(name)
                .map_or(class, |it| it.trim_end_matches('.'));
            // Until a word is seen, nothing speaks for it.
            let unknown = Failure::of("", "the runner does not say how it ended", Reason::Crashed);
            report.test(TestResult::new(class, name, unknown.into_outcome()))?;
        }
        let Some(at) = open else { continue };
        let outcome = line.rsplit_once(" ... ").map_or(*line, |(_, word)| word);
        let outcome = match outcome.trim() {
            "ok" | "expected failure" => Some(TestOutcome::Passed),
            word if word.starts_with("skipped '") || word.starts_with("skipped \"") => {
                Some(TestOutcome::Skipped)
            }
            "unexpected success" => {
                let failure = Failure::of("", "unexpected success", Reason::Assertion);
                Some(failure.into_outcome())
            }
            _ => None,
        };
        if let Some(outcome) = outcome {
            report.tests[at].outcome = outcome;
        }
    }
    Ok(())
}

/// The title, name and class of `name (module.Class.name) …` at a line's beginning.
fn title(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_once(" (")?;
    let (class, rest) = rest.split_once(')')?;
    let is_name = |text: &str, more: &str| {
        let is_part = |it: char| it.is_alphanumeric() || it == '_' || more.contains(it);
        !text.is_empty() && text.chars().all(is_part)
    };
    let is_title = is_name(name, "") && is_name(class, ".<>") && class.contains('.');
    let is_end = rest.is_empty() || rest.starts_with(" ... ");
    (is_title && is_end).then(|| (&line[..line.len() - rest.len()], name, class))
}

/// Takes a block: `FAIL: name (class) (subtest)`, a line of `-`, and a traceback.
fn take_block(block: &[&str], index: &HashMap<&str, usize>, report: &mut Report) {
    let Some((kind, title)) = block[0].split_once(": ") else {
        return;
    };
    if !matches!(kind, "FAIL" | "ERROR") {
        return;
    }
    let text = block.iter().skip_while(|line| **line != RULE).skip(1);
    let text: Vec<&str> = text.take_while(|line| **line != RULE).copied().collect();
    let mut failure = failure(&text.join("\n"));
    if kind == "FAIL" {
        failure.reason = Reason::Assertion;
    }
    // A subtest's title has its parameters behind its test's.
    let end = title.find(')').map_or(title.len(), |at| at + 1);
    match index.get(&title[..end]) {
        Some(at) if report.tests[*at].suite == FAILED_TO_LOAD => {
            // It stands for a file that does not load.
            let name = report.tests[*at].name.clone();
            report.suite(&name, failure);
            report.tests[*at].outcome = TestOutcome::Skipped;
        }
        Some(at) => {
            let failed = &mut report.tests[*at];
            (failed.file, failed.line) = place(&text);
            // Of several subtests the first tells the reason.
            let is_told = matches!(&failed.outcome, TestOutcome::Failed(it) if it.message.contains("Traceback"));
            if !is_told {
                failed.outcome = failure.into_outcome();
            }
        }
        None => report.suite(title, failure),
    }
}

/// The first place of a traceback, which is in the test.
fn place(text: &[&str]) -> (Option<String>, Option<u32>) {
    let place = text.iter().find_map(|line| {
        let rest = line.trim_start().strip_prefix("File \"")?;
        let (file, rest) = rest.split_once("\", line ")?;
        let line = rest.split(',').next()?.trim().parse().ok()?;
        Some((file.to_owned(), line))
    });
    place.map_or((None, None), |(file, line)| (Some(file), Some(line)))
}

/// A failure told by the last line of a traceback that names an error.
fn failure(traceback: &str) -> Failure {
    let is_error = |line: &&str| {
        let class = line.split(':').next().unwrap_or_default();
        !line.starts_with(' ') && (class.ends_with("Error") || class.ends_with("Exception"))
    };
    let told = traceback.lines().rev().find(is_error).unwrap_or_default();
    let mut failure = Failure::of("", told, Reason::Error);
    failure.message = super::model::cut(traceback.trim());
    failure
}
