//! What runs of tests gave, as a document.

use std::path::Path;
use std::time::Duration;

use claude_flow_checkers::affected::{Chosen, Evidence};
use claude_flow_checkers::reports::{Failure, Reason, Run, RunState, TestOutcome};
use serde::{Deserialize, Serialize};

use crate::document::Tool;

/// The version of the document's form, as that of the result document.
const TEST_SCHEMA_VERSION: &str = "1.0";

/// What runs of tests gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestDocument {
    /// The version of this form.
    pub schema_version: &'static str,
    /// What made the document.
    pub tool: Tool,
    /// The workspace.
    pub root: String,
    /// Whether the tests were chosen by what was changed.
    pub is_affected: bool,
    /// The tests that were chosen so, with the evidence.
    pub affected: Vec<ChosenTest>,
    /// What the choice rests on that could be wrong, and what was not run; running all tests is how to be sure.
    pub doubts: Vec<String>,
    /// One entry for each project and runner.
    pub runs: Vec<RunReport>,
    /// Counts over all runs.
    pub summary: TestSummary,
}

impl TestDocument {
    pub(super) fn new(root: &Path, is_affected: bool) -> Self {
        Self {
            schema_version: TEST_SCHEMA_VERSION,
            tool: Tool {
                name: "claude-flow",
                version: env!("CARGO_PKG_VERSION"),
            },
            root: root.to_string_lossy().into_owned(),
            is_affected,
            affected: Vec::new(),
            doubts: Vec::new(),
            runs: Vec::new(),
            summary: TestSummary::default(),
        }
    }

    pub(super) fn count(&mut self) {
        let tests = || self.runs.iter().flat_map(|run| &run.tests);
        let count = |outcome: &str| tests().filter(|test| test.outcome == outcome).count() as u64;
        let runs = |is_it: fn(TestState) -> bool| {
            self.runs.iter().filter(|run| is_it(run.state)).count() as u64
        };
        self.summary = TestSummary {
            passed: count("passed"),
            failed: count("failed"),
            skipped: count("skipped"),
            failed_runs: runs(|state| state == TestState::Failed),
            broken_runs: runs(|state| !matches!(state, TestState::Passed | TestState::Failed)),
        };
    }

    /// What a process that was asked for this document exits with.
    ///
    /// - 1 if a test failed, or code with tests does not load or compile.
    /// - 2 if a run shows nothing: no test ran, it crashed, hung, or could not be read or made; or if tests were
    ///   asked for by their place and there are none.
    /// - 0 if every run passed, or no test concerns the change.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        if self.summary.failed_runs > 0 {
            1
        } else if self.summary.broken_runs > 0 || self.runs.is_empty() && !self.is_affected {
            2
        } else {
            0
        }
    }
}

/// A test that was chosen by what was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChosenTest {
    /// The file that holds it.
    pub path: String,
    /// What says that it is concerned: `itself`, `imports`, `configuration`, `computed`, `unnamed`, `name`, `everything`.
    pub evidence: &'static str,
    /// From the test to what was changed, or the file that the evidence is in; may be empty.
    pub via: Vec<String>,
    /// Why that file may reach everything, for `computed`.
    pub why: Option<&'static str>,
}

impl ChosenTest {
    pub(super) fn of(chosen: &Chosen) -> Self {
        let (via, why) = match &chosen.evidence {
            Evidence::Imports { chain } => (chain.clone(), None),
            Evidence::Computed { file, why } => (vec![file.clone()], Some(*why)),
            Evidence::Configuration { file }
            | Evidence::Unnamed { file }
            | Evidence::Name { file } => (vec![file.clone()], None),
            Evidence::Itself | Evidence::Everything => (Vec::new(), None),
        };
        Self {
            path: chosen.path.clone(),
            evidence: chosen.evidence.name(),
            via,
            why,
        }
    }
}

/// Counts over all runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TestSummary {
    /// Tests that held.
    pub passed: u64,
    /// Tests that did not.
    pub failed: u64,
    /// Tests that were not to run.
    pub skipped: u64,
    /// Runs with a test that failed, or code that does not load or compile.
    pub failed_runs: u64,
    /// Runs that show nothing.
    pub broken_runs: u64,
}

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestState {
    /// At least one test passed, none failed, and report and process agree.
    Passed,
    /// At least one test failed, or code with tests does not load or compile.
    Failed,
    /// No test ran.
    NoneRan,
    /// The runner crashed.
    Crashed,
    /// The runner was ended at `limits.test_time_ms`.
    TimedOut,
    /// The report is missing, cut, nonsense, or contradicts how the process ended.
    Unreadable,
    /// It could not be run.
    NotRun,
    /// Files changed while it ran.
    Stale,
}

/// One run of one runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The directory of the project below the root; empty for the root.
    pub directory: String,
    /// The runner.
    pub runner: String,
    /// The command, as a shell would read it.
    pub command: String,
    /// What it shows.
    pub state: TestState,
    /// Why, where the tests alone do not tell.
    pub why: Option<String>,
    /// How long it took when it ran, in nanoseconds.
    pub duration_ns: u64,
    /// Whether this is what an earlier run of the same content gave.
    #[serde(default)]
    pub is_cached: bool,
    /// The blake3 hash of everything that the tests can see, 64 hexadecimal digits; empty if it was not run.
    pub inputs_blake3: String,
    /// The files that the tests can see.
    #[serde(skip)]
    pub inputs: Vec<Input>,
    /// The tests, in the order of the report.
    pub tests: Vec<TestReport>,
    /// What failed beside the tests.
    pub suites: Vec<SuiteReport>,
    /// What the reader of the report gave, for who looks closer; none of a run that is cached.
    #[serde(skip)]
    pub run: Option<Run>,
}

/// A file that a run can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Below the root.
    pub path: String,
    /// The blake3 hash of its content, 64 hexadecimal digits; of a file of more than a mebibyte that of its size and times.
    pub blake3: String,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// What it is part of, as the runner names it.
    pub suite: String,
    /// Its name in the suite.
    pub name: String,
    /// The file as the runner gives it.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// `passed`, `failed` or `skipped`.
    pub outcome: String,
    /// How long it took, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// How it failed.
    pub failure: Option<FailureReport>,
}

/// Something that holds tests and failed beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteReport {
    /// The file, class or package as the runner names it; may be empty.
    pub name: String,
    /// How it failed.
    pub failure: FailureReport,
}

/// How something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReport {
    /// `assertion`, `error`, `missing_symbol`, `compile`, `syntax`, `timed_out` or `crashed`.
    pub reason: String,
    /// What the runner says.
    pub message: String,
    /// The value that was asked for, where the runner tells it.
    pub expected: Option<String>,
    /// The value that was there.
    pub actual: Option<String>,
}

impl RunReport {
    /// A run that was not made.
    pub(super) const fn new(directory: String, runner: String, command: String) -> Self {
        Self {
            directory,
            runner,
            command,
            state: TestState::NotRun,
            why: None,
            duration_ns: 0,
            is_cached: false,
            inputs_blake3: String::new(),
            inputs: Vec::new(),
            tests: Vec::new(),
            suites: Vec::new(),
            run: None,
        }
    }

    /// What is to be said of tests that nothing runs.
    pub(super) fn without_runner(reason: String) -> Self {
        Self {
            why: Some(reason),
            ..Self::new(String::new(), "no runner".to_owned(), String::new())
        }
    }

    /// Takes over what a run gave.
    pub(super) fn fill(&mut self, run: Run, duration: Duration) {
        self.state = match run.state {
            RunState::Passed => TestState::Passed,
            RunState::Failed => TestState::Failed,
            RunState::NoneRan => TestState::NoneRan,
            RunState::Crashed => TestState::Crashed,
            RunState::TimedOut => TestState::TimedOut,
            RunState::Unreadable => TestState::Unreadable,
        };
        self.why.clone_from(&run.why);
        self.duration_ns = saturated(duration);
        self.tests = run.tests.iter().map(TestReport::of).collect();
        let suites = run.suites.iter().map(|suite| SuiteReport {
            name: suite.name.clone(),
            failure: FailureReport::of(&suite.failure),
        });
        self.suites = suites.collect();
        self.run = Some(run);
    }
}

impl TestReport {
    fn of(test: &claude_flow_checkers::reports::TestResult) -> Self {
        let (outcome, failure) = match &test.outcome {
            TestOutcome::Passed => ("passed", None),
            TestOutcome::Failed(failure) => ("failed", Some(FailureReport::of(failure))),
            TestOutcome::Skipped => ("skipped", None),
        };
        Self {
            suite: test.suite.clone(),
            name: test.name.clone(),
            file: test.file.clone(),
            line: test.line,
            outcome: outcome.to_owned(),
            duration_ns: test.duration.map(saturated),
            failure,
        }
    }
}

impl FailureReport {
    fn of(failure: &Failure) -> Self {
        let reason = match failure.reason {
            Reason::Assertion => "assertion",
            Reason::Error => "error",
            Reason::MissingSymbol => "missing_symbol",
            Reason::Compile => "compile",
            Reason::Syntax => "syntax",
            Reason::TimedOut => "timed_out",
            Reason::Crashed => "crashed",
        };
        Self {
            reason: reason.to_owned(),
            message: failure.message.clone(),
            expected: failure.expected.clone(),
            actual: failure.actual.clone(),
        }
    }
}

fn saturated(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
