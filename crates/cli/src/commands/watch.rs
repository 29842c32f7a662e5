//! `claude-flow watch`: checks files as they change.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
#[cfg(target_os = "linux")]
use claude_flow::pipeline::Toolbox;
use claude_flow::pipeline::document::{Document, State};
use claude_flow::pipeline::{BaselineSource, Options, Pipeline};

use crate::args::WatchArgs;
use crate::changes::Changes;
use crate::output::width;
use crate::render::{Format, render};
use crate::report::{Report, missed_checks, new_findings, read_source};
use crate::visible::visible;

/// How long nothing may happen before a file is checked: editors write in several steps.
const SETTLE: Duration = Duration::from_millis(50);

/// How often a calm directory is looked at for what was missed.
const PAUSE: Duration = Duration::from_hours(1);

/// Watches until the program is ended.
pub(super) fn run(args: &WatchArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let failed = || format!("{} cannot be watched", args.directory.display());
    let directory = std::fs::canonicalize(&args.directory).with_context(failed)?;
    let mut changes = Changes::below(&directory, SETTLE).with_context(failed)?;
    let pipeline = Pipeline::with_kept_configs();
    #[cfg(target_os = "linux")]
    let pipeline = pipeline.with_tools(Toolbox::of_user());
    let options = Options {
        baseline: match &args.git_base {
            Some(revision) => BaselineSource::Git {
                revision: revision.clone(),
            },
            None => BaselineSource::None,
        },
        no_tools: args.no_tools,
        ..Options::default()
    };
    let mut view = View {
        is_for_people: io::stdout().is_terminal(),
        color,
        directory,
        told: BTreeSet::new(),
    };
    say(&format!(
        "watching {} directories below {}; Ctrl-C ends it",
        changes.directory_count(),
        view.directory.display()
    ));
    loop {
        let batch = changes.next(PAUSE);
        if batch.has_missed {
            say("there were more changes than could be followed");
        }
        for path in batch.files {
            let document = pipeline.check_paths(&[&path], &options);
            match view.show(&path, &document) {
                // The reader has seen what it wanted.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                other => other.context("the result could not be written")?,
            }
        }
    }
}

/// What a reader has seen.
struct View {
    is_for_people: bool,
    color: ColorChoice,
    directory: PathBuf,
    /// The files that something was wrong with when they were told last.
    told: BTreeSet<PathBuf>,
}

impl View {
    fn show(&mut self, path: &Path, document: &Document) -> io::Result<()> {
        let Some(file) = document.files.first() else {
            return Ok(());
        };
        // What has changed meanwhile comes again.
        let is_stale = file.checks.iter().any(|check| check.state == State::Stale);
        if is_stale || !path.exists() {
            return Ok(());
        }
        let is_broken = missed_checks(file).any(|check| check.state != State::NotRun);
        let is_wrong = file.error.is_some() || is_broken || new_findings(file).next().is_some();
        let was_wrong = if is_wrong {
            !self.told.insert(path.to_owned())
        } else {
            self.told.remove(path)
        };
        let mut out = AutoStream::new(io::stdout().lock(), self.color);
        if !self.is_for_people {
            serde_json::to_writer(&mut out, document)?;
            writeln!(out)?;
        } else if is_wrong {
            let report = Report {
                document,
                source: &read_source,
                directory: &self.directory,
            };
            let mut text = Vec::new();
            render(report, Format::Human, width(), &mut text)?;
            out.write_all(&text)?;
        } else if was_wrong {
            let shown = path.strip_prefix(&self.directory).unwrap_or(path);
            writeln!(
                out,
                "{}: nothing is wrong any longer",
                visible(&shown.to_string_lossy())
            )?;
        }
        out.flush()
    }
}

/// Something about the watching itself.
fn say(text: &str) {
    // Who has closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{}", visible(text));
}
