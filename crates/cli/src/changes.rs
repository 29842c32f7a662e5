//! Which files of a directory change, as the file system tells it.
//!
//! What git ignores is not watched, and neither is what lies in `.git`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use ignore::{DirEntry, WalkBuilder};
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

/// The most directories that are watched; more are told.
const DIRECTORIES_MAX: usize = 8_192;

/// The most events that wait to be looked at; when more come, some are missed, and that is told.
const EVENTS_MAX: usize = 8_192;

/// How long a burst of changes is waited for to end, at most.
const BURST_MAX: Duration = Duration::from_secs(1);

/// The changes below a directory.
#[derive(Debug)]
pub(crate) struct Changes {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Event>,
    has_missed: Arc<AtomicBool>,
    root: PathBuf,
    directories: BTreeSet<PathBuf>,
    /// How long nothing may happen before a change is told.
    settle: Duration,
}

/// What has changed.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The files, each once.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Whether there may be more.
    pub(crate) has_missed: bool,
}

impl Changes {
    /// Watches a directory and those below it; a change is told when nothing has happened for `settle`.
    ///
    /// # Errors
    ///
    /// If the system does not let it be watched.
    pub(crate) fn below(root: &Path, settle: Duration) -> anyhow::Result<Self> {
        let (sender, events) = sync_channel(EVENTS_MAX);
        let has_missed = Arc::new(AtomicBool::new(false));
        let missing = Arc::clone(&has_missed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_taken = event.is_ok_and(|event| {
                !event.need_rescan() && (!is_change(event.kind) || sender.try_send(event).is_ok())
            });
            if !is_taken {
                missing.store(true, Ordering::Relaxed);
            }
        });
        let mut changes = Self {
            watcher: watcher.context("files cannot be watched here")?,
            events,
            has_missed,
            root: root.to_owned(),
            directories: BTreeSet::new(),
            settle,
        };
        changes.add(root, &mut BTreeSet::new());
        Ok(changes)
    }

    /// How many directories are watched.
    pub(crate) fn directory_count(&self) -> usize {
        self.directories.len()
    }

    /// What has changed; empty if nothing does within `pause`.
    pub(crate) fn next(&mut self, pause: Duration) -> Batch {
        let mut batch = Batch::default();
        let mut touched = BTreeSet::new();
        let Ok(first) = self.events.recv_timeout(pause) else {
            batch.has_missed = self.has_missed.swap(false, Ordering::Relaxed);
            return batch;
        };
        touched.extend(first.paths);
        let end = Instant::now() + BURST_MAX;
        while Instant::now() < end {
            match self.events.recv_timeout(self.settle) {
                Ok(event) => touched.extend(event.paths),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        for path in touched {
            self.directories
                .retain(|known| known != &path || path.is_dir());
            if path.is_dir() {
                self.add(&path, &mut batch.files);
            } else if path.is_file() && self.is_wanted(&path) {
                batch.files.insert(path);
            }
        }
        batch.has_missed = self.has_missed.swap(false, Ordering::Relaxed);
        batch
    }

    /// Watches a directory that is new, and those below it; the files in them are new too.
    fn add(&mut self, directory: &Path, files: &mut BTreeSet<PathBuf>) {
        if directory != self.root && !self.is_wanted(directory) {
            return;
        }
        for entry in walk(directory).build().flatten() {
            let kind = entry.file_type();
            if kind.is_some_and(|kind| kind.is_file()) {
                files.insert(entry.into_path());
            } else if kind.is_some_and(|kind| kind.is_dir()) {
                let path = entry.into_path();
                if self.directories.contains(&path) {
                    continue;
                }
                let is_full = self.directories.len() == DIRECTORIES_MAX;
                let watched = !is_full
                    && self
                        .watcher
                        .watch(&path, RecursiveMode::NonRecursive)
                        .is_ok();
                if watched {
                    self.directories.insert(path);
                } else {
                    self.has_missed.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Whether git does not ignore a path.
    fn is_wanted(&self, path: &Path) -> bool {
        let Some(parent) = path.parent() else {
            return true;
        };
        // Who is not watched is not asked about either.
        let is_below = parent == self.root || self.directories.contains(parent);
        is_below
            && walk(parent)
                .max_depth(Some(1))
                .build()
                .flatten()
                .any(|entry| entry.path() == path)
    }
}

fn walk(directory: &Path) -> WalkBuilder {
    let mut builder = WalkBuilder::new(directory);
    builder
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry: &DirEntry| entry.file_name() != ".git");
    builder
}

/// Whether a file could have another content afterwards.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Other
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_) => true,
    }
}
