//! What a run of tests shows, from its report and how its process ended.

use serde::{Deserialize, Serialize};

use super::limits::LOG_BYTES_MAX;
use super::model::{Report, TestOutcome};
use super::{Format, Reason, SuiteFailure, TestResult, reason};

/// How the runner's process ended, as the caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It ended with its status for success.
    Succeeded,
    /// It ended with another status.
    Failed,
    /// It was ended by a signal that the caller did not send, or could not be started.
    Crashed,
    /// The caller ended it at its deadline.
    TimedOut,
}

/// What a run of tests shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// GREEN: at least one test passed, none failed, the report is whole and the process says the same.
    Passed,
    /// RED: at least one test failed, or a file with tests does not load or compile.
    Failed,
    /// No test ran: there are none, or all of them were skipped.
    NoneRan,
    /// The runner crashed, so that what it did not report is not known.
    Crashed,
    /// The runner was ended at the deadline.
    TimedOut,
    /// The report is missing, cut, nonsense, or contradicts how the process ended.
    Unreadable,
}

/// A run of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it shows.
    pub state: RunState,
    /// Why the state is what it is, where tests alone do not tell.
    pub why: Option<String>,
    /// The tests that were reported, in the order of the report.
    pub tests: Vec<TestResult>,
    /// What failed beside the tests.
    pub suites: Vec<SuiteFailure>,
}

/// Judges a run from the report, what the runner said beside it, and how it ended.
///
/// The log is looked at only if no test failed and yet the runner did: it tells code that does not load,
/// compile or stay alive. Give standard output and standard error together, without the report.
///
/// Only a whole report with a test that passed and none that failed, of a process that succeeded,
/// is [`RunState::Passed`].
///
/// # Complexity
///
/// Linear in the report and in the first [`super::limits::LOG_BYTES_MAX`] bytes of the log.
#[must_use]
pub fn judge(format: Format, report: &[u8], log: &[u8], ended: Ended) -> Run {
    let log = String::from_utf8_lossy(&log[..log.len().min(LOG_BYTES_MAX)]);
    let mut read = Report::default();
    let problem = format.read_into(report, &log, &mut read).err();
    let problem = problem.map(|error| error.to_string());
    let (state, why) = match ended {
        Ended::TimedOut => {
            let why = "the runner was ended at the deadline".to_owned();
            (RunState::TimedOut, Some(why))
        }
        Ended::Crashed => (RunState::Crashed, Some("the runner crashed".to_owned())),
        Ended::Succeeded | Ended::Failed if read.has_failed() => (RunState::Failed, problem),
        Ended::Succeeded => of_success(&read, problem),
        Ended::Failed => of_failure(&mut read, problem, &log),
    };
    Run {
        state,
        why,
        tests: read.tests,
        suites: read.suites,
    }
}

fn passed(report: &Report) -> usize {
    report.count(|it| *it == TestOutcome::Passed)
}

/// The process succeeded and no test failed.
fn of_success(report: &Report, problem: Option<String>) -> (RunState, Option<String>) {
    match problem {
        Some(problem) => (RunState::Unreadable, Some(problem)),
        None if passed(report) == 0 => none_ran(report),
        None => (RunState::Passed, None),
    }
}

/// The process failed, and the report says of no test that it did.
fn of_failure(
    report: &mut Report,
    problem: Option<String>,
    log: &str,
) -> (RunState, Option<String>) {
    // A runner that fails after all tests passed has its reasons, but they are not those of tests.
    if (problem.is_some() || passed(report) == 0)
        && let Some(failure) = reason::of_log(log)
    {
        if failure.reason == Reason::Crashed {
            return (RunState::Crashed, Some(failure.message));
        }
        report.suite("", failure);
        return (RunState::Failed, problem);
    }
    match problem {
        Some(problem) => (RunState::Unreadable, Some(problem)),
        None if passed(report) == 0 => none_ran(report),
        None => {
            let why = "the runner failed although it reports no failed test".to_owned();
            (RunState::Unreadable, Some(why))
        }
    }
}

fn none_ran(report: &Report) -> (RunState, Option<String>) {
    let why = match report.tests.len() {
        0 => "there is no test".to_owned(),
        skipped => format!("all {skipped} tests were skipped"),
    };
    (RunState::NoneRan, Some(why))
}
