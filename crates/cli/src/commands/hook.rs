//! `claude-flow hook`: the answer to a harness, with the real world around it.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use claude_flow::pipeline::Toolbox;
use claude_flow::pipeline::document::{Document, FileReport, Request};
use claude_flow::pipeline::tdd::Recorder;
use claude_flow::pipeline::{BaselineSource, Options, Pipeline};

use crate::failure::last_panic;
use crate::hook::{Answer, Harness, Question, Workspace};
use crate::visible::visible;

/// The largest payload that is understood, in bytes.
const PAYLOAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How much more than that is read and thrown away: a harness that finds its pipe closed while it
/// writes takes that for a failure.
const DRAINED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The largest file in which an edit is undone, in bytes.
const UNDONE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a check is waited for: less than the harness waits for the hook, because it takes a
/// hook that it had to end for one that had nothing to say.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// Answers; whatever happens, the exit code is 0.
pub(super) fn run(harness: Harness) -> ExitCode {
    let answer = panic::catch_unwind(AssertUnwindSafe(|| answer(harness)));
    let answer = answer.unwrap_or_else(|_| Answer {
        stdout: None,
        stderr: Some(format!(
            "this is a bug, and nothing was checked: {}",
            last_panic()
        )),
    });
    // A stream that is closed has no reader who could be told.
    if let Some(line) = answer.stderr {
        let _ = writeln!(io::stderr(), "claude-flow hook: {}", visible(&line));
    }
    if let Some(text) = answer.stdout {
        let mut stdout = io::stdout().lock();
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    }
    ExitCode::SUCCESS
}

fn answer(harness: Harness) -> Answer {
    let stdin = io::stdin();
    let refusal = |line: String| Answer {
        stdout: None,
        stderr: Some(line),
    };
    if stdin.is_terminal() {
        return refusal(
            "a harness calls this with JSON on standard input; `claude-flow init --harness NAME` \
             installs it, `claude-flow post-edit FILE` is for people"
                .to_owned(),
        );
    }
    let mut stdin = stdin.lock();
    let mut payload = Vec::new();
    let read = (&mut stdin)
        .take(PAYLOAD_BYTES_MAX + 1)
        .read_to_end(&mut payload);
    if let Err(error) = read {
        return refusal(format!("standard input cannot be read: {error}"));
    }
    if payload.len() as u64 > PAYLOAD_BYTES_MAX {
        // That the rest cannot be read changes nothing about the answer.
        let _ = io::copy(&mut stdin.take(DRAINED_BYTES_MAX), &mut io::sink());
        return refusal(format!(
            "the payload has more than the {PAYLOAD_BYTES_MAX} bytes that are understood; nothing was checked"
        ));
    }
    harness.respond(&payload, &Machine)
}

/// The machine that the program runs on.
struct Machine;

impl Workspace for Machine {
    fn is_cursor(&self) -> bool {
        std::env::var_os("CURSOR_VERSION").is_some()
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        // A FIFO or a device could keep the harness waiting.
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(UNDONE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        (bytes.len() as u64 <= UNDONE_BYTES_MAX).then_some(bytes)
    }

    fn check(&self, questions: Vec<Question>) -> Vec<Document> {
        let deadline = Instant::now() + WAIT_MAX;
        let paths: Vec<_> = questions.iter().map(|one| one.path.clone()).collect();
        let (sender, receiver) = sync_channel(paths.len());
        let spawned = std::thread::Builder::new()
            .name("hook".to_owned())
            .spawn(move || {
                let pipeline = Pipeline::with_nearest_config();
                #[cfg(target_os = "linux")]
                let pipeline = pipeline.with_tools(Toolbox::of_user().without_project_runs());
                let pipeline = match Recorder::of_user() {
                    Some(recorder) => pipeline.with_recorder(recorder),
                    None => pipeline,
                };
                for question in questions {
                    // Nobody listens any more once the time is over.
                    if sender.send(check(&pipeline, question)).is_err() {
                        return;
                    }
                }
            });
        let mut missing = spawned
            .err()
            .map(|error| format!("no thread could be started: {error}"));
        let answer = |path: &PathBuf| {
            if missing.is_none() {
                let left = deadline.saturating_duration_since(Instant::now());
                match receiver.recv_timeout(left) {
                    Ok(document) => return document,
                    Err(error) => missing = Some(no_answer(error)),
                }
            }
            let reason = missing.clone().unwrap_or_default();
            Document::new(Request::default(), vec![failed(path, reason)])
        };
        paths.iter().map(answer).collect()
    }
}

fn no_answer(error: RecvTimeoutError) -> String {
    match error {
        RecvTimeoutError::Timeout => format!(
            "not done within {} s, and the harness does not wait longer",
            WAIT_MAX.as_secs()
        ),
        RecvTimeoutError::Disconnected => format!("this is a bug: {}", last_panic()),
    }
}

fn check(pipeline: &Pipeline, question: Question) -> Document {
    let baseline = question
        .before
        .map_or(BaselineSource::None, |content| BaselineSource::Hook {
            name: "the content before the edit".to_owned(),
            content: content.into(),
        });
    let options = Options {
        baseline,
        ..Options::default()
    };
    pipeline.check_paths(&[question.path], &options)
}

/// The report on a file that could not be checked.
fn failed(path: &Path, reason: String) -> FileReport {
    FileReport {
        path: path.to_string_lossy().into_owned(),
        error: Some(reason),
        language: None,
        detected_by: None,
        content: None,
        baseline: None,
        checks: Vec::new(),
    }
}
