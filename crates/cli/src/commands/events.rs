//! `claude-flow events`: what the daemon of this workspace sees.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use crate::args::{DoctorFormat, EventsArgs};
use crate::daemon::{Place, Question, Reply, client};
use crate::visible::visible;

/// No daemon runs.
const EXIT_ABSENT: u8 = 1;

/// How long it is followed; nobody looks at a terminal for longer.
const FOLLOW_MAX: Duration = Duration::from_hours(365 * 24);

/// Shows events.
pub(super) fn run(args: &EventsArgs) -> anyhow::Result<ExitCode> {
    let directory = std::env::current_dir().context("the working directory is gone")?;
    let place = Place::of(&directory);
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let mut show = |reply: Reply| {
        written = match reply {
            Reply::Event(text) => show(&mut out, &text, args.format),
            Reply::Gap(count) => show_gap(&mut out, count, args.format),
            _ => Ok(()),
        };
        written.is_ok()
    };
    let question = Question::Events {
        is_followed: args.follow,
    };
    let deadline = Instant::now() + FOLLOW_MAX;
    let ended = client::listen_at(&place, &directory, question, deadline, &mut show);
    match written {
        // The reader has seen what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        other => other.context("the events could not be written")?,
    }
    match ended {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(client::Unanswered::Absent) => {
            let root = place.root().display().to_string();
            eprintln!(
                "no daemon runs for {}; a hook starts it, or `claude-flow daemon`",
                visible(&root)
            );
            Ok(ExitCode::from(EXIT_ABSENT))
        }
        Err(error) => Err(error).context("the daemon does not tell what happens"),
    }
}

fn show_gap(out: &mut dyn Write, count: u64, format: DoctorFormat) -> io::Result<()> {
    match format {
        DoctorFormat::Json => writeln!(out, "{{\"event\":\"gap\",\"missed\":{count}}}")?,
        DoctorFormat::Human => writeln!(out, "{count} events came too fast to be shown")?,
    }
    out.flush()
}

fn show(out: &mut dyn Write, text: &str, format: DoctorFormat) -> io::Result<()> {
    match format {
        DoctorFormat::Json => writeln!(out, "{text}")?,
        DoctorFormat::Human => {
            let event: Value = serde_json::from_str(text).unwrap_or_default();
            writeln!(out, "{}", visible(&line(&event)))?;
        }
    }
    out.flush()
}

/// One event in words.
fn line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let number = |name: &str| event[name].as_u64().unwrap_or_default();
    let who = [text("harness"), text("session")]
        .map(str::to_owned)
        .join(" ");
    let who = match who.trim() {
        "" => text("source"),
        who => who,
    };
    let path = text("path");
    match text("event") {
        "edit" => format!("edit     {path}  {who}"),
        "check" => format!("check    {path}  {} {}", text("check"), text("state")),
        "verdict" if event["error"].is_string() => {
            format!("verdict  {path}  not checked: {}", text("error"))
        }
        "verdict" => {
            let mut parts = vec![];
            for (name, one) in [
                ("errors", "error"),
                ("warnings", "warning"),
                ("broken_checks", "check that broke"),
            ] {
                match number(name) {
                    0 => {}
                    count => parts.push(format!("{count} × {one}")),
                }
            }
            let told = if parts.is_empty() {
                "nothing new".to_owned()
            } else {
                parts.join(", ")
            };
            format!("verdict  {path}  {told}")
        }
        other => format!("{other}  {path}"),
    }
}
