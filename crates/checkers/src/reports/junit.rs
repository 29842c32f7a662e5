//! `JUnit` XML.
//!
//! There is no standard; the form is what Ant wrote first and the runners in the fixtures write now.
//! Sums in `testsuite` count tests for most, assertions for Catch2: they are used only to notice failures
//! that no test shows.

use std::borrow::Cow;

use super::libtest::place;
use super::limits::TEXT_BYTES_MAX;
use super::model::{Failure, Reason, Report, TestOutcome, TestResult, seconds};
use crate::read_error::ReadError;
use crate::xml::{Node, Tag, Xml};

/// The skips that are none: ctest says so of a test whose program is missing, and fails.
const NOT_FOUND: &[&str] = &["Unable to find executable", "Required Files Missing"];

/// A `testcase` while it is open.
#[derive(Debug)]
struct Case {
    test: TestResult,
    class: String,
    failures: Vec<Said>,
    skipped: Option<String>,
    /// What it printed.
    output: String,
    /// The runner's own word for how it ended; empty for most.
    status: String,
}

/// A `failure` or `error`.
#[derive(Debug)]
struct Said {
    is_error: bool,
    kind: String,
    message: String,
    text: String,
}

#[derive(Debug, Default)]
struct At {
    /// The names of the suites around, and the file of each.
    suites: Vec<(String, Option<String>)>,
    case: Option<Case>,
    /// A `failure` or `error` is open.
    is_said: bool,
    /// The output of a case is open.
    is_output: bool,
    declared: u64,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let mut document = Xml::new(text);
    let mut at = At::default();
    let mut is_first = true;
    while let Some(node) = document.next()? {
        match node {
            Node::Open(tag) => {
                if is_first && !matches!(tag.name(), "testsuites" | "testsuite") {
                    return Err(document.malformed("the root is no testsuites"));
                }
                is_first = false;
                at.open(&tag);
            }
            Node::Text(text) => {
                if let Some(case) = &mut at.case {
                    if at.is_output && case.output.len() < TEXT_BYTES_MAX {
                        case.output.push_str(&text);
                    } else if let (true, Some(said)) = (at.is_said, case.failures.last_mut()) {
                        said.text.push_str(&text);
                    }
                }
            }
            Node::Close(end) => match end.name() {
                "testsuite" => {
                    at.suites.pop();
                }
                "failure" | "error" => at.is_said = false,
                "system-out" => at.is_output = false,
                "testcase" => {
                    if let Some(case) = at.case.take() {
                        case.finish(report)?;
                    }
                }
                _ => {}
            },
        }
    }
    if at.declared > 0 && !report.has_failed() {
        let what = format!("it counts {} failures and shows none", at.declared);
        return Err(document.malformed(&what));
    }
    Ok(())
}

impl At {
    fn open(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "testsuite" => {
                let count = |name| tag.number::<u64>(name).unwrap_or(0);
                let declared = count("failures").saturating_add(count("errors"));
                self.declared = self.declared.saturating_add(declared);
                let file = tag.attribute("file").or_else(|| tag.attribute("filepath"));
                let file = file.map(Cow::into_owned);
                self.suites.push((tag.text("name"), file));
            }
            "testcase" => self.case = Some(self.case(tag)),
            "failure" | "error" => {
                if let Some(case) = &mut self.case {
                    self.is_said = true;
                    case.failures.push(Said {
                        is_error: tag.name() == "error",
                        kind: tag.text("type"),
                        message: tag.text("message"),
                        text: String::new(),
                    });
                }
            }
            "system-out" => self.is_output = true,
            "skipped" => {
                if let Some(case) = &mut self.case {
                    case.skipped = Some(tag.text("message"));
                }
            }
            _ => {}
        }
    }

    fn case(&self, tag: &Tag<'_>) -> Case {
        let (mut class, mut status, mut result) = (String::new(), String::new(), String::new());
        let mut test = TestResult::new("", "", TestOutcome::Passed);
        for (key, value) in tag.attributes() {
            match key {
                "classname" => class = value.into_owned(),
                "name" => test.name = value.into_owned(),
                "file" if !value.is_empty() => test.file = Some(value.into_owned()),
                "line" | "lineno" => test.line = value.trim().parse().ok(),
                "time" => {
                    let time = value.replace(',', "").trim().parse().ok();
                    test.duration = time.and_then(seconds);
                }
                "status" => status = value.into_owned(),
                "result" => result = value.into_owned(),
                _ => {}
            }
        }
        let suite = self.suites.last().map(|(name, _)| name.as_str());
        test.suite = match suite {
            // ctest and node give every case a class that says nothing.
            Some(suite) if class.is_empty() || class == "test" => suite.to_owned(),
            _ => class.clone(),
        };
        if test.file.is_none() {
            let mut files = self.suites.iter().rev();
            let file = files.find_map(|(_, file)| file.clone());
            test.file = file.filter(|file| !file.is_empty());
        }
        if suite == Some("pytest") {
            // pytest counts from 0.
            test.line = test.line.map(|line| line.saturating_add(1));
        }
        Case {
            test,
            class,
            failures: Vec::new(),
            skipped: None,
            output: String::new(),
            status: if result.is_empty() { status } else { result },
        }
    }
}

impl Case {
    fn finish(mut self, report: &mut Report) -> Result<(), ReadError> {
        self.test.outcome = self.outcome();
        if let (None, TestOutcome::Failed(failure)) = (&self.test.file, &self.test.outcome) {
            (self.test.file, self.test.line) = place(&failure.message);
        }
        let is_file = self.is_file();
        match self.test.outcome {
            TestOutcome::Failed(failure) if is_file => {
                report.suite(&self.test.name, *failure);
                Ok(())
            }
            // node lists a file without tests as a test that passed.
            _ if is_file => Ok(()),
            _ => report.test(self.test),
        }
    }

    fn outcome(&self) -> TestOutcome {
        if let Some(failure) = self.failure() {
            // Catch2 shows the failure of a test that may fail.
            let may_fail = self
                .skipped
                .as_ref()
                .is_some_and(|it| it.contains("!mayfail"));
            return if may_fail {
                TestOutcome::Skipped
            } else {
                failure.into_outcome()
            };
        }
        match (&self.skipped, self.status.as_str()) {
            (Some(why), _) if NOT_FOUND.iter().any(|it| why.contains(it)) => {
                Failure::of("", why, Reason::Error).into_outcome()
            }
            (None, "fail") => Failure::of("", "", Reason::Error).into_outcome(),
            (Some(_), _) | (_, "notrun" | "suppressed" | "skipped" | "disabled") => {
                TestOutcome::Skipped
            }
            _ => TestOutcome::Passed,
        }
    }

    /// All that was said together; the reason is that of the first.
    fn failure(&self) -> Option<Failure> {
        let first = self.failures.first()?;
        let texts = self.failures.iter().map(Said::whole);
        let mut whole = texts.collect::<Vec<_>>().join("\n");
        if whole.trim().is_empty() {
            // ctest tells nothing else.
            self.output.trim().clone_into(&mut whole);
        }
        let fallback = match first.kind.as_str() {
            _ if whole.contains("C++ exception with description") => Reason::Error,
            // Catch2 says so of what was thrown, node of everything.
            "TEST_CASE" | "testCodeFailure" => Reason::Error,
            _ if self.status == "fail" || first.is_error => Reason::Error,
            // nextest's words.
            kind if kind.starts_with("test failure") => Reason::Error,
            "test timeout" => Reason::TimedOut,
            "test abort" => Reason::Crashed,
            kind if kind.ends_with("Error") || kind.ends_with("Exception") => Reason::Error,
            _ => Reason::Assertion,
        };
        let mut failure = Failure::of(&first.kind, &whole, fallback);
        if whole.contains("signal: 'SIG") || whole.contains("SIGSEGV") || whole.contains("SIGABRT")
        {
            failure.reason = Reason::Crashed;
        }
        Some(failure)
    }

    /// Whether this is no test but a file that did not load, or had no test in it.
    fn is_file(&self) -> bool {
        let name = &self.test.name;
        // vitest names suite, class and case after the file; node the case by its whole path.
        let is_path = super::is_script(name) && (name.starts_with('/') || *name == self.class);
        let is_collection = |it: &Said| it.message == "collection failure";
        is_path || self.failures.iter().any(is_collection)
    }
}

impl Said {
    fn whole(&self) -> String {
        let (message, text) = (self.message.trim(), self.text.trim());
        if text.starts_with(message) {
            return text.to_owned();
        }
        format!("{message}\n{text}")
    }
}
