//! Checks what was edited without a hook: by commands in a shell, by other editors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use claude_flow::pipeline::Options;
use claude_flow::pipeline::document::State as CheckState;

use super::State;
use crate::changes::Changes;
use crate::daemon::events::Author;
use crate::daemon::seen::Known;
use crate::daemon::wire::PULSE;

/// How long a file is left alone after a change: an agent's hook comes within this time.
const SETTLE: Duration = Duration::from_millis(300);

/// The most files that are checked of one burst of changes, such as a change of branches.
const FILES_MAX: usize = 64;

/// Starts the thread, if the workspace is a project.
pub(super) fn start(state: &Arc<State>) {
    let root = state.place.root();
    let is_project = [".git", "claude-flow.toml"]
        .iter()
        .any(|name| root.join(name).exists());
    if !is_project {
        return;
    }
    let shared = Arc::clone(state);
    let spawned = std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || match Changes::below(shared.place.root(), SETTLE) {
            Ok(changes) => run(&shared, changes),
            Err(error) => shared
                .log
                .line(&format!("files are not watched: {error:#}")),
        });
    if let Err(error) = spawned {
        state.log.line(&format!("files are not watched: {error}"));
    }
}

fn run(state: &State, mut changes: Changes) {
    let count = changes.directory_count();
    state.log.line(&format!("{count} directories are watched"));
    let mut waiting = BTreeSet::new();
    while !state.is_ending.load(Ordering::Relaxed) {
        let mut batch = changes.next(PULSE);
        batch.files.append(&mut waiting);
        if batch.has_missed || batch.files.len() > FILES_MAX {
            state.log.line("more files have changed than are checked");
        }
        for path in batch.files.into_iter().take(FILES_MAX) {
            if !checked(state, &path) {
                waiting.insert(path);
            }
        }
    }
}

/// Checks a file, unless its content was checked; false if it is to be looked at again.
fn checked(state: &State, path: &PathBuf) -> bool {
    let Some(blake3) = hash(path) else {
        return true;
    };
    match state.seen.about(path, &blake3) {
        Known::Checked => return true,
        Known::Busy => return false,
        Known::No => {}
    }
    let author = Author {
        source: "watch",
        ..Author::default()
    };
    state.seen.begin(path);
    let document = state.hooks.check_paths(&[path], &Options::default());
    let Some(file) = document.files.first() else {
        return true;
    };
    let content = file.content.as_ref().map(|content| &*content.blake3);
    state.seen.end(path, content);
    // What has changed meanwhile has its own event.
    let is_stale = file
        .checks
        .iter()
        .any(|check| check.state == CheckState::Stale);
    if !is_stale && file.error.is_none() {
        state.events.edited(author, path);
        state.events.checked(author, path, file);
    }
    true
}

/// The hash of a file of a size that is checked; none if it is gone or too large.
fn hash(path: &Path) -> Option<String> {
    /// As `limits.file_size_bytes` allows at most.
    const FILE_BYTES_MAX: u64 = 100 * 1024 * 1024;

    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    Some(blake3::hash(&bytes).to_hex().to_string())
}
