//! `cargo nextest run --message-format libtest-json-plus`: libtest's events, one JSON object a line.
//!
//! A test that is ignored may only be said to have started; the end of its suite counts it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::libtest::place;
use super::model::{Failure, Reason, Report, TestOutcome, TestResult, seconds};
use crate::json::Text;
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    exec_time: Option<f64>,
    #[serde(borrow, default)]
    stdout: Text<'a>,
    #[serde(borrow, default)]
    reason: Text<'a>,
    #[serde(borrow, default)]
    message: Text<'a>,
    #[serde(default)]
    passed: usize,
    #[serde(default)]
    failed: usize,
    #[serde(default)]
    ignored: usize,
    #[serde(borrow)]
    nextest: Option<Binary<'a>>,
}

#[derive(Deserialize)]
struct Binary<'a> {
    #[serde(borrow, rename = "crate")]
    package: Text<'a>,
    #[serde(borrow)]
    test_binary: Text<'a>,
}

/// A suite that has begun.
#[derive(Debug, Default)]
struct Suite {
    /// The tests that have begun, in order, with what became of each.
    tests: Vec<(String, Option<TestResult>)>,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    // By crate and binary: nextest runs several at the same time.
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    let mut problem = None;
    let mut count = 0_usize;
    for line in super::json_lines(text) {
        let line: Result<Line<'_>, _> = line;
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        let suite = line.suite();
        match (&*line.kind.0, &*line.event.0) {
            ("suite", "started") => {
                suites.entry(suite).or_default();
                count += 1;
            }
            ("suite", _) => {
                let ended = suites.remove(&suite).unwrap_or_default();
                problem = ended.finish(&suite, &line, report)?.or(problem);
            }
            ("test", "started") => {
                let name = line.test_name().to_owned();
                suites.entry(suite).or_default().tests.push((name, None));
            }
            ("test", _) => {
                let result = line.test(&suite);
                let tests = &mut suites.entry(suite).or_default().tests;
                let begun = tests
                    .iter()
                    .rposition(|(name, end)| *name == result.name && end.is_none());
                match begun {
                    Some(at) => tests[at].1 = Some(result),
                    None => tests.push((result.name.clone(), Some(result))),
                }
            }
            _ => {}
        }
    }
    let is_cut = !suites.is_empty() || count == 0;
    for (_, suite) in suites {
        for test in suite.tests.into_iter().filter_map(|(_, test)| test) {
            report.test(test)?;
        }
    }
    match problem {
        Some(problem) => Err(problem),
        None if is_cut => Err(ReadError::Truncated),
        None => Ok(()),
    }
}

impl Suite {
    /// Reports the tests, and what is wrong with the suite's sums.
    fn finish(
        self,
        name: &str,
        end: &Line<'_>,
        report: &mut Report,
    ) -> Result<Option<ReadError>, ReadError> {
        let (mut seen, mut open) = (0_usize, 0_usize);
        for (test, result) in self.tests {
            seen += usize::from(result.is_some());
            open += usize::from(result.is_none());
            let skipped = || TestResult::new(name, test, TestOutcome::Skipped);
            report.test(result.unwrap_or_else(skipped))?;
        }
        let counted = end
            .passed
            .saturating_add(end.failed)
            .saturating_add(end.ignored);
        let is_whole = seen + open == counted || (open == 0 && seen + end.ignored == counted);
        // What began and did not end has to be what was ignored.
        if !is_whole || open > end.ignored {
            return Ok(Some(super::miscounted(seen, counted)));
        }
        Ok(None)
    }
}

impl Line<'_> {
    /// `crate::binary`, from the name of a test or the suite's own fields.
    fn suite(&self) -> String {
        if let Some(binary) = &self.nextest {
            return format!("{}::{}", binary.package.0, binary.test_binary.0);
        }
        let suite = self.name.0.split_once('$').map_or("", |(suite, _)| suite);
        suite.to_owned()
    }

    fn test_name(&self) -> &str {
        self.name
            .0
            .split_once('$')
            .map_or(&*self.name.0, |(_, name)| name)
    }

    fn test(&self, suite: &str) -> TestResult {
        let outcome = match &*self.event.0 {
            "ok" => TestOutcome::Passed,
            "ignored" => TestOutcome::Skipped,
            "timeout" => Failure::of("", "timed out after", Reason::TimedOut).into_outcome(),
            _ => self.failure().into_outcome(),
        };
        let mut test = TestResult::new(suite, self.test_name(), outcome);
        test.duration = self.exec_time.and_then(seconds);
        if let TestOutcome::Failed(failure) = &test.outcome {
            (test.file, test.line) = place(&failure.message);
        }
        test
    }

    fn failure(&self) -> Failure {
        let texts = [&self.reason.0, &self.message.0, &self.stdout.0];
        let said = texts.iter().filter(|it| !it.trim().is_empty());
        let said: Vec<&str> = said.map(|it| it.trim()).collect();
        // A test that fails prints why; nothing at all is what a signal leaves.
        let fallback = if said.is_empty() {
            Reason::Crashed
        } else {
            Reason::Error
        };
        Failure::of("", &said.join("\n"), fallback)
    }
}
