//! `go test -json`: one event a line, of builds and of tests.
//!
//! Source: `go doc test2json`, and `go help buildjson` for the builds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::limits::TEXT_BYTES_MAX;
use super::model::{Failure, Reason, Report, TestOutcome, TestResult, seconds};
use crate::json::Text;
use crate::read_error::ReadError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow, default)]
    package: Text<'a>,
    #[serde(borrow, default)]
    test: Text<'a>,
    #[serde(borrow, default)]
    output: Text<'a>,
    #[serde(borrow, default)]
    import_path: Text<'a>,
    #[serde(borrow, default)]
    failed_build: Text<'a>,
    elapsed: Option<f64>,
}

/// A test that has begun.
#[derive(Debug, Default)]
struct Begun {
    output: String,
    /// Whether subtests have begun in it.
    has_children: bool,
    result: Option<(String, Option<f64>)>,
}

/// A package whose tests run.
#[derive(Debug, Default)]
struct Package {
    output: String,
    tests: Vec<(String, Begun)>,
    index: HashMap<String, usize>,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ReadError> {
    let mut packages: BTreeMap<String, Package> = BTreeMap::new();
    let mut builds: HashMap<String, String> = HashMap::new();
    let mut ended = BTreeSet::new();
    let mut problem = None;
    for line in super::json_lines(text) {
        let event: Event<'_> = match line {
            Ok(event) => event,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        let action = &*event.action.0;
        if action == "build-output" {
            append(
                builds.entry(event.import_path.0.into_owned()).or_default(),
                &event.output.0,
            );
        } else if action.starts_with("build-") {
            // The package that needed the build says that it failed.
        } else if event.test.0.is_empty() {
            let package = packages
                .entry(event.package.0.clone().into_owned())
                .or_default();
            match action {
                "output" => append(&mut package.output, &event.output.0),
                "pass" | "skip" | "fail" => {
                    let build = builds.get(&*event.failed_build.0);
                    let build = build.map(String::as_str);
                    ended.insert(event.package.0.clone().into_owned());
                    let package = packages.remove(&*event.package.0).unwrap_or_default();
                    package.finish(&event.package.0, action, build, report)?;
                }
                _ => {}
            }
        } else {
            let package = packages
                .entry(event.package.0.clone().into_owned())
                .or_default();
            package.take(&event);
        }
    }
    let is_cut = !packages.is_empty() || ended.is_empty();
    for (name, package) in packages {
        package.finish(&name, "cut", None, report)?;
    }
    match problem {
        Some(problem) => Err(problem),
        None if is_cut => Err(ReadError::Truncated),
        None => Ok(()),
    }
}

/// Keeps the beginning of what is printed.
fn append(text: &mut String, more: &str) {
    if text.len() + more.len() <= TEXT_BYTES_MAX {
        text.push_str(more);
    }
}

impl Package {
    fn take(&mut self, event: &Event<'_>) {
        let name = &*event.test.0;
        let at = self.at(name);
        match &*event.action.0 {
            "run" => {
                if let Some((above, _)) = name.rsplit_once('/') {
                    let above = self.at(above);
                    self.tests[above].1.has_children = true;
                }
            }
            "output" => append(&mut self.tests[at].1.output, &event.output.0),
            "pass" | "fail" | "skip" => {
                let action = event.action.0.clone().into_owned();
                self.tests[at].1.result = Some((action, event.elapsed));
            }
            _ => {}
        }
    }

    fn at(&mut self, name: &str) -> usize {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        self.index.insert(name.to_owned(), self.tests.len());
        self.tests.push((name.to_owned(), Begun::default()));
        self.tests.len() - 1
    }

    /// Reports the tests of a package that ended, or that the report was cut in.
    fn finish(
        self,
        name: &str,
        action: &str,
        build: Option<&str>,
        report: &mut Report,
    ) -> Result<(), ReadError> {
        let mut has_failed = false;
        let failing: BTreeSet<&str> = self
            .tests
            .iter()
            .filter(|(_, it)| {
                it.result
                    .as_ref()
                    .is_some_and(|(action, _)| action == "fail")
            })
            .filter_map(|(name, _)| name.rsplit_once('/').map(|(above, _)| above))
            .collect();
        let failing: BTreeSet<String> = failing.into_iter().map(ToOwned::to_owned).collect();
        for (test, begun) in self.tests {
            // What only holds subtests fails and passes with them.
            let own_failure = begun.has_children && !failing.contains(&test);
            let has_failed_itself = begun.result.as_ref().is_some_and(|(it, _)| it == "fail");
            if begun.has_children && !(own_failure && has_failed_itself) && begun.result.is_some() {
                continue;
            }
            if let Some(result) = begun.test(name, &test, action) {
                has_failed |= matches!(result.outcome, TestOutcome::Failed(_));
                report.test(result)?;
            }
        }
        if action == "fail" && !has_failed {
            report.suite(name, failure_of_package(&self.output, build));
        }
        Ok(())
    }
}

impl Begun {
    /// The result of a test; none if it is not known because the report was cut.
    fn test(self, package: &str, name: &str, action: &str) -> Option<TestResult> {
        let said = said(&self.output);
        let (outcome, elapsed) = match (self.result, action) {
            (Some((action, elapsed)), _) => {
                let outcome = match action.as_str() {
                    "pass" => TestOutcome::Passed,
                    "skip" => TestOutcome::Skipped,
                    _ => Failure::of("", &said, Reason::Assertion).into_outcome(),
                };
                (outcome, elapsed)
            }
            // The process ended under it.
            (None, "fail") => (Failure::of("", &said, Reason::Crashed).into_outcome(), None),
            (None, _) => return None,
        };
        let mut test = TestResult::new(package, name, outcome);
        test.duration = elapsed.and_then(seconds);
        if let TestOutcome::Failed(_) = test.outcome {
            (test.file, test.line) = place(&said);
        }
        Some(test)
    }
}

/// What a test printed, without the frame that the runner puts around it.
fn said(output: &str) -> String {
    let is_frame = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("=== ") || line.starts_with("--- ")
    };
    let lines = output.lines().filter(|line| !is_frame(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The file and line of `    sum_test.go:13: message`.
fn place(said: &str) -> (Option<String>, Option<u32>) {
    let place = said.lines().find_map(|line| {
        let mut parts = line.trim().splitn(3, ':');
        let (file, line) = (parts.next()?, parts.next()?.parse().ok()?);
        file.strip_suffix(".go").map(|_| (file.to_owned(), line))
    });
    place.map_or((None, None), |(file, line)| (Some(file), Some(line)))
}

/// Why a package failed of whose tests none did: its build, or its process.
fn failure_of_package(output: &str, build: Option<&str>) -> Failure {
    let is_set_up = output.contains("[setup failed]");
    let is_build = is_set_up || output.contains("[build failed]");
    let fallback = match (is_set_up, is_build) {
        // Before it builds, go only parses and looks for packages.
        (true, _) => Reason::Syntax,
        (_, true) => Reason::Compile,
        _ => Reason::Crashed,
    };
    let said = match build {
        Some(build) => build,
        None => output,
    };
    Failure::of("", said, fallback)
}
