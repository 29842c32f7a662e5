//! The machine that the program runs on, as an answer to a harness sees it.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use claude_flow::pipeline::Toolbox;
use claude_flow::pipeline::document::{Document, FileReport, Request};
use claude_flow::pipeline::{BaselineSource, Options, Pipeline};

use crate::commands::recording;
use crate::failure::last_panic;
use crate::hook::{Question, Workspace};

/// The largest file in which an edit is undone, in bytes.
const UNDONE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a check is waited for: less than the harness waits for the hook, because it takes a
/// hook that it had to end for one that had nothing to say.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(8);

/// The files, and what checks them.
pub(crate) struct Machine {
    /// None makes one for the occasion.
    pipeline: Option<Arc<Pipeline>>,
    is_cursor: bool,
    deadline: Instant,
    has_seen_relative_path: Cell<bool>,
}

impl Machine {
    /// For one answer, which is there by the deadline.
    pub(super) fn once(deadline: Instant) -> Self {
        Self {
            pipeline: None,
            is_cursor: is_cursor(),
            deadline,
            has_seen_relative_path: Cell::new(false),
        }
    }

    /// With a pipeline that is kept.
    #[cfg(target_os = "linux")]
    pub(crate) fn kept(pipeline: Arc<Pipeline>, is_cursor: bool) -> Self {
        Self {
            pipeline: Some(pipeline),
            is_cursor,
            deadline: Instant::now() + WAIT_MAX,
            has_seen_relative_path: Cell::new(false),
        }
    }

    /// Whether an answer depended on the working directory.
    #[cfg(target_os = "linux")]
    pub(crate) fn has_seen_relative_path(&self) -> bool {
        self.has_seen_relative_path.get()
    }
}

/// Whether Cursor started the program.
pub(super) fn is_cursor() -> bool {
    std::env::var_os("CURSOR_VERSION").is_some()
}

impl Workspace for Machine {
    fn is_cursor(&self) -> bool {
        self.is_cursor
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
        let paths: Vec<_> = questions.iter().map(|one| one.path.clone()).collect();
        if paths.iter().any(|path| path.is_relative()) {
            self.has_seen_relative_path.set(true);
        }
        let (sender, receiver) = sync_channel(paths.len());
        let kept = self.pipeline.clone();
        let spawned = std::thread::Builder::new()
            .name("hook".to_owned())
            .spawn(move || {
                let pipeline = kept.unwrap_or_else(pipeline);
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
                let left = self.deadline.saturating_duration_since(Instant::now());
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

fn pipeline() -> Arc<Pipeline> {
    let pipeline = Pipeline::with_nearest_config();
    #[cfg(target_os = "linux")]
    let pipeline = pipeline.with_tools(Toolbox::of_user().without_project_runs());
    Arc::new(recording(pipeline))
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
