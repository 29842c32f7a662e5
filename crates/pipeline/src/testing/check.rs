//! The `tests` check of one file: the tests that concern it, run or known, as findings.

use std::path::Path;
use std::time::Instant;

use claude_flow_checkers::{Finding, Outcome};

use super::TestOptions;
use super::document::{FailureReport, RunReport, TestDocument, TestReport, TestState};
use crate::document::{CheckReport, State};
use crate::report::{self, Telling};
use crate::run::Ended;
use crate::{Config, LineIndex, Toolbox};

/// How many failures of one file are told.
const FAILURES_MAX: usize = 100;

/// What the tests say that concern a file.
pub(crate) fn check(
    tools: &Toolbox,
    path: &Path,
    config: &Config,
    index: &LineIndex<'_>,
    telling: Telling,
) -> CheckReport {
    let started = Instant::now();
    let options = TestOptions {
        paths: vec![path.to_owned()],
        is_affected: true,
        config: Some(config.clone()),
        ..TestOptions::default()
    };
    let document = match tools.test(&options) {
        Ok(document) => document,
        Err(error) => return report::not_run("tests", error.to_string()),
    };
    let names: Vec<&str> = document
        .runs
        .iter()
        .map(|run| run.runner.as_str())
        .collect();
    let engine = names.join(", ");
    let waited = started.elapsed();
    let is = |state: TestState| document.runs.iter().any(|run| run.state == state);
    let ended = match outcome(&document) {
        Outcome::Failed { .. } if is(TestState::TimedOut) => Ended::TimedOut {
            waited,
            limit: "limits.test_time_ms",
        },
        outcome => Ended::Outcome {
            outcome,
            duration: waited,
        },
    };
    let mut check = telling.check("tests", engine, ended, index, |_| false);
    if check.state == State::Failed && is(TestState::Stale) {
        check.state = State::Stale;
    }
    check
}

/// What the runs mean together: a failure stands whatever the others say, and only what was seen to pass is clean.
fn outcome(document: &TestDocument) -> Outcome {
    let findings: Vec<Finding> = document
        .runs
        .iter()
        .flat_map(findings)
        .take(FAILURES_MAX)
        .collect();
    if !findings.is_empty() {
        return Outcome::Checked { findings };
    }
    let is_broken = |run: &&RunReport| !matches!(run.state, TestState::Passed | TestState::NoneRan);
    if let Some(run) = document.runs.iter().find(is_broken) {
        let why = run
            .why
            .as_deref()
            .unwrap_or("it says nothing that is understood");
        let reason = format!("{}: {why}", run.runner);
        return match run.state {
            TestState::NotRun => Outcome::NotRun { reason },
            _ => Outcome::Failed { reason },
        };
    }
    if document
        .runs
        .iter()
        .any(|run| run.state == TestState::Passed)
    {
        return Outcome::Checked { findings };
    }
    Outcome::NotRun {
        reason: "no test that runs concerns the file".to_owned(),
    }
}

/// The failures of a run, each at the beginning of the file: it is where they were caused, not where they are.
fn findings(run: &RunReport) -> Vec<Finding> {
    if run.state != TestState::Failed {
        return Vec::new();
    }
    let suites = run.suites.iter().map(|suite| {
        let name = if suite.name.is_empty() {
            &run.runner
        } else {
            &suite.name
        };
        Finding::error("tests/not-loaded", told(name, &suite.failure), 0..0)
    });
    let tests = run.tests.iter().filter_map(|test| {
        let failure = test.failure.as_ref()?;
        Some(Finding::error(
            "tests/failed",
            told(&named(test), failure),
            0..0,
        ))
    });
    let mut findings: Vec<Finding> = suites.chain(tests).collect();
    if findings.is_empty() {
        let why = run
            .why
            .clone()
            .unwrap_or_else(|| "the tests failed".to_owned());
        findings.push(Finding::error("tests/failed", why, 0..0));
    }
    findings
}

fn named(test: &TestReport) -> String {
    let place = match (&test.file, test.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) => format!(" ({file})"),
        (None, _) => String::new(),
    };
    format!("{} {}{place}", test.suite, test.name)
        .trim_start()
        .to_owned()
}

fn told(name: &str, failure: &FailureReport) -> String {
    let reason = failure.reason.replace('_', " ");
    match failure.message.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{name}: {reason}: {}", line.trim()),
        None => format!("{name}: {reason}"),
    }
}
