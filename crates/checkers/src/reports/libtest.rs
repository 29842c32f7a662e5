//! What `cargo test` writes to standard output: libtest's text, once for each binary.
//!
//! Names of binaries stand in the log, which is cargo's standard error.
//! A test may print into another's line, so that a word there is believed only if the sums agree.

use std::collections::HashMap;

use super::model::{Failure, Reason, Report, TestOutcome, TestResult};
use crate::read_error::{ReadError, quoted};

/// `passed; failed; ignored` of a section's last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// One binary's output.
#[derive(Debug)]
struct Section<'a> {
    suite: String,
    declared: usize,
    /// The tests in the order of the text, and where each is.
    tests: Vec<(&'a str, TestOutcome)>,
    index: HashMap<&'a str, usize>,
    /// Whose output comes.
    open: Option<(&'a str, Vec<&'a str>)>,
    /// The list of names at the end has begun.
    is_listing: bool,
}

pub(super) fn read(text: &str, log: &str, report: &mut Report) -> Result<(), ReadError> {
    let mut suites = log.lines().filter_map(suite);
    let mut section: Option<Section<'_>> = None;
    let mut count = 0_usize;
    for (number, line) in text.lines().enumerate() {
        if let Some(declared) = declared(line) {
            if let Some(section) = section.take() {
                section.give_up(report)?;
                return Err(ReadError::Truncated);
            }
            section = Some(Section {
                suite: suites.next().unwrap_or_default().to_owned(),
                declared,
                tests: Vec::new(),
                index: HashMap::new(),
                open: None,
                is_listing: false,
            });
            count += 1;
        } else if let Some(sums) = line.strip_prefix("test result: ") {
            let (Some(section), Some(sums)) = (section.take(), sums_of(sums)) else {
                return Err(ReadError::at_line(number + 1, quoted(line)));
            };
            section.finish(sums, report)?;
        } else if let Some(section) = &mut section {
            section.line(line);
        }
    }
    match section {
        Some(section) => {
            section.give_up(report)?;
            Err(ReadError::Truncated)
        }
        None if count == 0 => Err(ReadError::at_line(1, "no tests were begun")),
        None => Ok(()),
    }
}

/// `tests/a.rs` of `Running tests/a.rs (target/…)`, `a` of `Doc-tests a`.
fn suite(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("Running ") {
        return rest.rsplit_once(" (").map(|(name, _)| name);
    }
    line.strip_prefix("Doc-tests ")
}

/// The number of `running 7 tests`.
fn declared(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("running ")?;
    let rest = rest
        .strip_suffix(" tests")
        .or_else(|| rest.strip_suffix(" test"))?;
    rest.parse().ok()
}

/// `FAILED. 1 passed; 6 failed; 0 ignored; …`
fn sums_of(text: &str) -> Option<Sums> {
    let (_, counts) = text.split_once(". ")?;
    let mut sums = Sums::default();
    for part in counts.split("; ") {
        let (count, what) = part.split_once(' ')?;
        let place = match what {
            "passed" => &mut sums.passed,
            "failed" => &mut sums.failed,
            "ignored" => &mut sums.ignored,
            _ => continue,
        };
        *place = count.parse().ok()?;
    }
    let is_whole = text.contains("; finished in ") && text.trim_end().ends_with('s');
    is_whole.then_some(sums)
}

impl<'a> Section<'a> {
    fn line(&mut self, line: &'a str) {
        if line == "failures:" {
            self.close();
            self.is_listing = true;
        } else if let Some(name) = block_title(line) {
            self.close();
            self.is_listing = false;
            self.open = Some((name, Vec::new()));
        } else if let Some((_, output)) = &mut self.open {
            output.push(line);
        } else if self.is_listing {
            if let Some(name) = line.strip_prefix("    ") {
                self.fails(name, "");
            }
        } else if let Some((name, outcome)) = result(line) {
            self.index.insert(name, self.tests.len());
            self.tests.push((name, outcome));
        }
    }

    /// Takes what was printed by the test whose output ends here.
    fn close(&mut self) {
        if let Some((name, output)) = self.open.take() {
            self.fails(name, output.join("\n").trim());
        }
    }

    fn fails(&mut self, name: &'a str, output: &str) {
        let next = self.tests.len();
        let at = *self.index.entry(name).or_insert(next);
        if at == next {
            self.tests.push((name, TestOutcome::Passed));
        }
        let outcome = &mut self.tests[at].1;
        let is_told = matches!(outcome, TestOutcome::Failed(it) if !it.message.is_empty());
        if !is_told {
            *outcome = Failure::of("", output, Reason::Error).into_outcome();
        }
    }

    fn finish(mut self, sums: Sums, report: &mut Report) -> Result<(), ReadError> {
        self.close();
        let count = |is_it: fn(&TestOutcome) -> bool| {
            self.tests
                .iter()
                .filter(|(_, outcome)| is_it(outcome))
                .count()
        };
        let seen = Sums {
            passed: count(|it| *it == TestOutcome::Passed),
            failed: count(|it| matches!(it, TestOutcome::Failed(_))),
            ignored: count(|it| *it == TestOutcome::Skipped),
        };
        let declared = self.declared;
        self.give_up(report)?;
        let total = sums.passed + sums.failed + sums.ignored;
        // A test's own output may have hidden the word for one that passed, never one that failed.
        let is_hidden = seen.failed == sums.failed && seen.passed < sums.passed && seen.failed > 0;
        if (seen == sums || is_hidden) && total == declared {
            return Ok(());
        }
        Err(super::miscounted(
            seen.passed + seen.failed + seen.ignored,
            declared,
        ))
    }

    /// Reports what was seen.
    fn give_up(mut self, report: &mut Report) -> Result<(), ReadError> {
        self.close();
        for (name, outcome) in self.tests {
            let mut test = TestResult::new(self.suite.clone(), name, outcome);
            if let TestOutcome::Failed(failure) = &test.outcome {
                (test.file, test.line) = place(&failure.message);
            }
            report.test(test)?;
        }
        Ok(())
    }
}

/// The name of `---- name stdout ----`.
fn block_title(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    name.strip_suffix(" stdout")
        .or_else(|| name.strip_suffix(" stderr"))
}

/// `test name ... ok`.
fn result(line: &str) -> Option<(&str, TestOutcome)> {
    let (name, word) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    let outcome = match word.trim() {
        "ok" => TestOutcome::Passed,
        "FAILED" => Failure::of("", "", Reason::Error).into_outcome(),
        "ignored" => TestOutcome::Skipped,
        word if word.starts_with("ignored,") => TestOutcome::Skipped,
        word if word.starts_with("bench:") => TestOutcome::Passed,
        _ => return None,
    };
    Some((name, outcome))
}

/// The file and line of `panicked at tests/a.rs:15:5:`.
pub(super) fn place(message: &str) -> (Option<String>, Option<u32>) {
    let place = message.lines().find_map(|line| {
        let (_, rest) = line.split_once("panicked at ")?;
        let mut parts = rest.trim_end_matches(':').rsplitn(3, ':');
        let (_column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        Some((file.to_owned(), line.parse().ok()?))
    });
    place.map_or((None, None), |(file, line)| (Some(file), Some(line)))
}
