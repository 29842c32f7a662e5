//! `claude-flow tdd`: what the recorded edits and test runs tell.

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use claude_flow::checkers::tdd::{Event, History, Verdict, follow};
use claude_flow::pipeline::tdd::{Recorder, Workspace};
use serde::Serialize;

use crate::args::{DoctorFormat, TddArgs, TddView};
use crate::failure::Usage;
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

/// The version of the JSON form.
const SCHEMA_VERSION: u32 = 1;

/// The most rounds that are told.
const ROUNDS_MAX: usize = 100;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// Reads the record and tells.
pub(super) fn run(args: &TddArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let journals = Recorder::of_user()
        .context("there is no place for the record; set HOME or XDG_STATE_HOME")?;
    let Some(workspace) = journals.workspace(&args.directory)? else {
        let directory = args.directory.display();
        return Err(Usage(format!(
            "{directory} is not trusted, so that nothing is recorded; `claude-flow trust {directory}` changes that"
        ))
        .into());
    };
    let recorded = workspace.recorded()?;
    let events: Vec<Event> = recorded.events.iter().map(|it| it.event.clone()).collect();
    let history = follow(&events);
    let times: Vec<u64> = recorded.events.iter().map(|it| it.time_ms).collect();
    let told = Told {
        damaged: recorded.damaged,
        rounds: match args.view {
            TddView::Status => None,
            TddView::Log => Some(rounds(&history, &events, &times)),
        },
        ..Told::of(&workspace, &history, events.len())
    };
    if args.format == DoctorFormat::Json {
        let mut text = serde_json::to_vec(&told)?;
        text.push(b'\n');
        write_plain(&text)?;
    } else {
        let mut out = Vec::new();
        told.write(&mut out)?;
        write_styled(&out, color)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The JSON form.
#[derive(Debug, Serialize)]
struct Told {
    schema_version: u32,
    workspace: String,
    journal: String,
    events: usize,
    /// Lines of the journal that are torn or damaged.
    damaged: usize,
    phase: &'static str,
    #[serde(flatten)]
    last: Judged,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<Vec<Round>>,
}

#[derive(Debug, Serialize)]
struct Judged {
    verdict: &'static str,
    rule: Option<&'static str>,
    /// What shows it, or why it is not established.
    because: String,
}

/// The edits and runs between two greens.
#[derive(Debug, Serialize)]
struct Round {
    /// Milliseconds since 1970.
    from_ms: u64,
    to_ms: u64,
    is_closed: bool,
    edits: usize,
    runs: usize,
    #[serde(flatten)]
    judged: Judged,
}

impl Told {
    fn of(workspace: &Workspace, history: &History<'_>, events: usize) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            workspace: workspace.root().to_string_lossy().into_owned(),
            journal: workspace.journal_directory().to_string_lossy().into_owned(),
            events,
            damaged: 0,
            phase: history.phase().name(),
            last: Judged::of(&history.verdict()),
            rounds: None,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{BOLD}{}:{BOLD:#} {}",
            visible(&self.workspace),
            self.phase
        )?;
        self.last.write(out)?;
        writeln!(
            out,
            "  {DIM}{} events in {}{DIM:#}",
            self.events,
            visible(&self.journal)
        )?;
        if self.damaged > 0 {
            writeln!(
                out,
                "  {RED}{} lines of it are damaged and left out{RED:#}",
                self.damaged
            )?;
        }
        for (index, round) in self.rounds.iter().flatten().enumerate() {
            let state = if round.is_closed { "" } else { ", open" };
            let (edits, runs) = (round.edits, round.runs);
            writeln!(
                out,
                "{BOLD}round {}{BOLD:#}: {edits} edits, {runs} runs{state}",
                index + 1
            )?;
            round.judged.write(out)?;
        }
        Ok(())
    }
}

impl Judged {
    fn of(verdict: &Verdict) -> Self {
        let (rule, because) = match verdict {
            Verdict::Compliant(way) => (None, way.to_string()),
            Verdict::Violation { rule, evidence } => (Some(rule.name()), evidence.clone()),
            Verdict::NotEstablished(why) => (None, why.to_string()),
        };
        Self {
            verdict: verdict.name(),
            rule,
            because,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let style = match self.verdict {
            "compliant" => GREEN,
            "violation" => RED,
            _ => Style::new(),
        };
        let rule = self
            .rule
            .map(|rule| format!(" of {rule}"))
            .unwrap_or_default();
        let verdict = self.verdict.replace('_', " ");
        writeln!(
            out,
            "  {style}{verdict}{rule}{style:#}: {}",
            visible(&self.because)
        )
    }
}

/// The last rounds, the oldest first.
fn rounds(history: &History<'_>, events: &[Event], times: &[u64]) -> Vec<Round> {
    let cycles = history.cycles();
    let last = &cycles[cycles.len().saturating_sub(ROUNDS_MAX)..];
    let round = |cycle: &claude_flow::checkers::tdd::Cycle| {
        let within = &events[cycle.events.clone()];
        let edits = within
            .iter()
            .filter(|it| matches!(it, Event::Edit(_)))
            .count();
        Round {
            from_ms: times[cycle.events.start],
            to_ms: times[cycle.events.end - 1],
            is_closed: cycle.is_closed,
            edits,
            runs: within.len() - edits,
            judged: Judged::of(&history.verdict_on(cycle)),
        }
    };
    last.iter().map(round).collect()
}
