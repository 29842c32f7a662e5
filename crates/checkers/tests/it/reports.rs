//! What is read of the recorded reports of test runners, and that nothing broken is taken for a pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use claude_flow_checkers::reports::{
    Ended, Failure, Format, Reason, Run, RunState, TestOutcome, judge,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::{expect_text, fixtures_dir};

/// One recorded run.
#[derive(Debug, Clone)]
struct Recorded {
    /// `runner/scenario.ext`.
    name: String,
    runner: String,
    scenario: String,
    format: Format,
    report: Vec<u8>,
    log: Vec<u8>,
    ended: Ended,
}

impl Recorded {
    fn judged(&self) -> Run {
        judge(self.format, &self.report, &self.log, self.ended)
    }
}

fn format_of(runner: &str) -> Format {
    match runner {
        "jest" | "vitest" => Format::JestJson,
        "mocha" => Format::MochaJson,
        "node-tap" => Format::Tap,
        "pytest-log" => Format::PytestLog,
        "unittest" => Format::Unittest,
        "cargo" => Format::Libtest,
        "nextest" => Format::LibtestJson,
        "go" => Format::GoTestJson,
        "gtest" => Format::GoogleTestJson,
        "catch2" => Format::CatchXml,
        "ctest-text" => Format::Ctest,
        _ => Format::JunitXml,
    }
}

/// The recorded runs in the order of their names.
static RECORDED: LazyLock<Vec<Recorded>> = LazyLock::new(read_recorded);

fn read_recorded() -> Vec<Recorded> {
    let dir = fixtures_dir().join("checkers/reports");
    let read = |name: &str| {
        fs::read(dir.join(name)).unwrap_or_else(|error| panic!("reports/{name}: {error}"))
    };
    let list = String::from_utf8(read("ended.txt")).expect("the list is text");
    let all = list.lines().map(|line| {
        let (name, ended) = line.split_once(' ').expect("a name and how it ended");
        let (stem, _) = name.rsplit_once('.').expect("an extension");
        let (runner, scenario) = stem.split_once('/').expect("a folder for each runner");
        let ended = match ended {
            "succeeded" => Ended::Succeeded,
            "failed" => Ended::Failed,
            "crashed" => Ended::Crashed,
            "timed-out" => Ended::TimedOut,
            other => panic!("{other} is no way to end"),
        };
        Recorded {
            name: name.to_owned(),
            runner: runner.to_owned(),
            scenario: scenario.replace('_', "-"),
            format: format_of(runner),
            report: read(name),
            log: read(&format!("{stem}.log")),
            ended,
        }
    });
    all.collect()
}

fn shown(failure: &Failure) -> String {
    let first = failure
        .message
        .lines()
        .map(str::trim)
        .find(|it| !it.is_empty());
    let mut text = format!("{:?}: {}", failure.reason, first.unwrap_or_default());
    if let (Some(expected), Some(actual)) = (&failure.expected, &failure.actual) {
        write!(text, " [expected {expected:?}, actual {actual:?}]").expect("a string takes it");
    }
    text
}

fn rendered(recorded: &Recorded) -> String {
    let run = recorded.judged();
    let mut text = format!("{} {:?} -> {:?}", recorded.name, recorded.ended, run.state);
    if let Some(why) = &run.why {
        write!(text, " ({})", why.lines().next().unwrap_or_default()).expect("a string takes it");
    }
    text.push('\n');
    for test in &run.tests {
        let outcome = match &test.outcome {
            TestOutcome::Passed => "passed".to_owned(),
            TestOutcome::Skipped => "skipped".to_owned(),
            TestOutcome::Failed(failure) => format!("FAILED {}", shown(failure)),
        };
        let file = test.file.as_deref().unwrap_or("-");
        let line = test.line.map_or("-".to_owned(), |line| line.to_string());
        let (suite, name) = (&test.suite, &test.name);
        let timed = if test.duration.is_some() {
            ""
        } else {
            " untimed"
        };
        writeln!(
            text,
            "  {suite} | {name} | {file}:{line}{timed} | {outcome}"
        )
        .expect("a string takes it");
    }
    for suite in &run.suites {
        writeln!(text, "  SUITE {} | {}", suite.name, shown(&suite.failure)).expect("it fits");
    }
    text
}

/// Catches a reader that reads something else than before of what a real runner wrote.
#[test]
fn recorded_reports_are_read_as_expected() {
    let text: String = RECORDED.iter().map(rendered).collect();
    expect_text("checkers/reports/expected.txt", &text);
}

/// What a scenario has to show, whatever the runner; none if the runner decides.
fn state_of(scenario: &str) -> Option<&'static [RunState]> {
    use RunState::{Crashed, Failed, NoneRan, Passed, TimedOut, Unreadable};
    Some(match scenario {
        "green" | "skipped" => &[Passed],
        "red" | "two" | "threads" | "nocapture" | "xunit1" | "types" | "undefined" | "panic"
        | "syntax" | "slow" => &[Failed],
        "empty" | "none" | "all-skipped" | "allskipped" => &[NoneRan],
        "hang" => &[TimedOut],
        "crash" => &[Crashed, Failed, Unreadable],
        "missing" => &[Failed, NoneRan],
        _ => return None,
    })
}

/// Catches a RED taken for GREEN and the other way round, for every runner.
#[test]
fn every_scenario_has_its_state() {
    let mut wrong = Vec::new();
    for it in RECORDED.iter() {
        let state = it.judged().state;
        let expected = state_of(&it.scenario);
        if expected.is_none_or(|expected| !expected.contains(&state)) {
            wrong.push(format!("{}: {state:?}, expected {expected:?}", it.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The reasons of everything that failed in a run.
fn reasons(run: &Run) -> Vec<Reason> {
    let tests = run.tests.iter().filter_map(|it| match &it.outcome {
        TestOutcome::Failed(failure) => Some(failure.reason),
        _ => None,
    });
    let suites = run.suites.iter().map(|it| it.failure.reason);
    tests.chain(suites).collect()
}

/// Catches a failure of the wrong kind: the rules of test-driven development stand on them.
#[test]
fn failures_have_their_reasons() {
    let mut wrong = Vec::new();
    for it in RECORDED.iter() {
        let expected = match it.scenario.as_str() {
            "missing" | "undefined" => Reason::MissingSymbol,
            "syntax" => Reason::Syntax,
            "slow" => Reason::TimedOut,
            "types" => Reason::Compile,
            _ => continue,
        };
        // Neither says more than that a file or program failed.
        let is_silent = matches!(
            it.name.as_str(),
            "node-junit/syntax.xml" | "node-junit/missing.xml" | "ctest/slow.xml"
        );
        let found = reasons(&it.judged());
        if !is_silent && found != [expected] {
            wrong.push(format!("{}: {found:?}, expected {expected:?}", it.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Catches a corpus that shrank below what the issue asks for.
#[test]
fn every_runner_has_its_scenarios() {
    let mut by_runner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in RECORDED.iter() {
        let scenarios = by_runner.entry(&it.runner).or_default();
        scenarios.push(&it.scenario);
    }
    for runner in [
        "jest",
        "vitest",
        "mocha",
        "node-tap",
        "pytest",
        "unittest",
        "cargo",
        "nextest",
        "go",
        "junit",
        "gtest",
        "catch2",
        "ctest-text",
    ] {
        let scenarios = &by_runner[runner];
        for scenario in ["green", "red", "skipped", "crash", "hang", "empty"] {
            assert!(scenarios.contains(&scenario), "{runner} has no {scenario}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Catches a report that is believed although it ends in the middle.
    #[test]
    fn a_cut_report_is_never_passed(which in any::<Index>(), at in any::<Index>()) {
        let green: Vec<Recorded> =
            RECORDED.iter().filter(|it| it.scenario == "green").cloned().collect();
        let mut it = which.get(&green).clone();
        let whole = it.report.trim_ascii_end().len();
        it.report.truncate(at.index(whole));
        let run = it.judged();
        prop_assert_ne!(run.state, RunState::Passed, "{} cut at {}", it.name, it.report.len());
    }

    /// Catches a run that is called passed although its process did not succeed.
    #[test]
    fn a_process_that_failed_is_never_passed(
        which in any::<Index>(),
        ended in select(&[Ended::Failed, Ended::Crashed, Ended::TimedOut][..]),
    ) {
        let mut it = which.get(&RECORDED).clone();
        it.ended = ended;
        prop_assert_ne!(it.judged().state, RunState::Passed);
    }

    /// Catches a panic, and a nonsense that is read as a pass.
    #[test]
    fn any_bytes_are_survived(
        format in select(&Format::ALL[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        log in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let run = judge(format, &bytes, &log, Ended::Succeeded);
        prop_assert_ne!(run.state, RunState::Passed);
    }

    /// Catches a panic on what looks like a report.
    #[test]
    fn mutated_reports_are_survived(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0..60_usize, any::<Index>()), 1..5),
        format in select(&Format::ALL[..]),
        is_own in any::<bool>(),
    ) {
        let it = which.get(&RECORDED);
        let mut bytes = it.report.clone();
        for (at, len, from) in cuts {
            let start = at.index(bytes.len() + 1);
            let end = (start + len).min(bytes.len());
            let taken = from.index(it.report.len() + 1);
            let piece = it.report[taken..(taken + len).min(it.report.len())].to_vec();
            bytes.splice(start..end, piece);
        }
        let format = if is_own { it.format } else { format };
        let run = judge(format, &bytes, &it.log, it.ended);
        prop_assert!(it.ended == Ended::Succeeded || run.state != RunState::Passed);
    }
}
