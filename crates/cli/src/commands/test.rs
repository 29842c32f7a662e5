//! `claude-flow test`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anstream::ColorChoice;
use anstyle::AnsiColor;
use claude_flow::checkers::tdd::Digest;
use claude_flow::pipeline::tdd::Recorder;
use claude_flow::pipeline::{
    ChosenTest, FailureReport, RunReport, TestDocument, TestOptions, TestState, Toolbox,
};

use crate::args::{DoctorFormat, TestArgs};
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

/// How many lines of a message are shown to people.
const MESSAGE_LINES_MAX: usize = 12;

/// Runs tests and writes what they show.
pub(super) fn run(args: TestArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let options = TestOptions {
        paths: args.paths,
        is_affected: args.affected,
        names: args.name,
        is_again: args.again,
        config: None,
    };
    let document = Toolbox::of_user().test(&options)?;
    if let Err(error) = record(&document) {
        eprintln!("note: `claude-flow tdd` does not know of this: {error:#}");
    }
    if args.format == DoctorFormat::Json {
        let mut text = serde_json::to_vec(&document)?;
        text.push(b'\n');
        write_plain(&text)?;
    } else {
        let mut out = Vec::new();
        show(&document, &mut out)?;
        write_styled(&out, color)?;
    }
    Ok(ExitCode::from(document.exit_status()))
}

/// Tells the record of test-driven development of the runs, with the contents that they saw.
fn record(document: &TestDocument) -> anyhow::Result<()> {
    let root = Path::new(&document.root);
    let recorder = Recorder::of_user();
    let workspace = recorder.map(|it| it.workspace(root)).transpose()?.flatten();
    let Some(workspace) = workspace else {
        return Ok(());
    };
    for report in &document.runs {
        let Some(run) = &report.run else { continue };
        let saw = report.inputs.iter().map(|input| {
            let name = workspace.name_of(&root.join(&input.path));
            Ok((name, Digest::try_from(input.blake3.clone())?))
        });
        let saw: Result<_, &str> = saw.collect();
        // What was not looked at, the run may have seen as well.
        let is_whole = document.doubts.is_empty();
        workspace.record_run(run, saw.map_err(anyhow::Error::msg)?, is_whole)?;
    }
    Ok(())
}

fn show(document: &TestDocument, out: &mut dyn Write) -> io::Result<()> {
    for chosen in &document.affected {
        writeln!(out, "{}: {}", visible(&chosen.path), visible(&told(chosen)))?;
    }
    for run in &document.runs {
        show_run(run, out)?;
    }
    if document.runs.is_empty() {
        let told = if document.is_affected {
            "no test concerns the change"
        } else {
            "there is no test"
        };
        writeln!(out, "{told}")?;
    }
    for doubt in &document.doubts {
        writeln!(out, "note: {}", visible(doubt))?;
    }
    let summary = &document.summary;
    let (passed, failed, skipped) = (summary.passed, summary.failed, summary.skipped);
    writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")
}

/// Why a test was chosen.
fn told(chosen: &ChosenTest) -> String {
    let via = chosen.via.join(" -> ");
    match chosen.evidence {
        "itself" => "was changed".to_owned(),
        "imports" => format!("imports what was changed: {via}"),
        "configuration" => format!("is configured by {via}"),
        "computed" => format!("reaches {via}: {}", chosen.why.unwrap_or_default()),
        "unnamed" => format!("may read {via}, which nothing names"),
        "name" => format!("has a name like {via}"),
        _ => "there are too many imports to follow".to_owned(),
    }
}

fn show_run(run: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let (color, state) = match run.state {
        TestState::Passed => (AnsiColor::Green, "passed"),
        TestState::Failed => (AnsiColor::Red, "failed"),
        TestState::NoneRan => (AnsiColor::Yellow, "no test ran"),
        TestState::Crashed => (AnsiColor::Red, "crashed"),
        TestState::TimedOut => (AnsiColor::Red, "timed out"),
        TestState::Unreadable => (AnsiColor::Red, "not understood"),
        TestState::NotRun => (AnsiColor::Yellow, "not run"),
        TestState::Stale => (AnsiColor::Yellow, "stale"),
    };
    let style = color.on_default().bold();
    let place = if run.directory.is_empty() {
        "."
    } else {
        &run.directory
    };
    let took = if run.is_cached {
        "known from an earlier run of the same content".to_owned()
    } else {
        format!("{:.1?}", Duration::from_nanos(run.duration_ns))
    };
    write!(
        out,
        "{style}{state}{style:#} {} in {}",
        run.runner,
        visible(place)
    )?;
    match &run.why {
        Some(why) => writeln!(out, ": {}", visible(why))?,
        None => writeln!(out, " ({took})")?,
    }
    for suite in &run.suites {
        show_failure(&suite.name, None, &suite.failure, out)?;
    }
    for test in &run.tests {
        if let Some(failure) = &test.failure {
            let name = format!("{} {}", test.suite, test.name);
            let place = test.file.as_ref().map(|file| match test.line {
                Some(line) => format!("{file}:{line}"),
                None => file.clone(),
            });
            show_failure(name.trim(), place, failure, out)?;
        }
    }
    Ok(())
}

fn show_failure(
    name: &str,
    place: Option<String>,
    failure: &FailureReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = AnsiColor::Red.on_default();
    let name = if name.is_empty() { "(all of it)" } else { name };
    write!(
        out,
        "  {style}{}{style:#} {}",
        failure.reason,
        visible(name)
    )?;
    match place {
        Some(place) => writeln!(out, " {}", visible(&place))?,
        None => writeln!(out)?,
    }
    let mut lines = failure.message.lines();
    for line in lines.by_ref().take(MESSAGE_LINES_MAX) {
        writeln!(out, "    {}", visible(line))?;
    }
    match lines.count() {
        0 => Ok(()),
        more => writeln!(out, "    … {more} more lines"),
    }
}
