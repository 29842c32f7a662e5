//! What a server was started with and what it reads by itself, as stamps of files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use claude_flow_checkers::tools::{Change, Server};

use super::super::Job;
use crate::read;

/// How many files of a project are looked at before each question; a larger one is not kept warm.
const FILES_MAX: usize = 5_000;
/// How many entries of directories are.
const ENTRIES_MAX: usize = 50_000;
/// How many entries a `*` may stand for.
const MATCHES_MAX: usize = 100;
/// The largest configuration that is read for words, in bytes.
const CONFIGURATION_BYTES_MAX: u64 = 1024 * 1024;
/// Directories that hold no sources of a project.
const SKIPPED: &[&str] = &[
    "node_modules",
    "target",
    "__pycache__",
    "venv",
    "site-packages",
];

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size_bytes: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            size_bytes: metadata.size(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Whether the file's last change is so long ago that the next one changes its stamp.
fn is_settled(metadata: &fs::Metadata) -> bool {
    let modified = metadata.modified().ok();
    modified
        .and_then(|it| it.checked_add(read::CLOCK_TICK))
        .is_some_and(|end| end < SystemTime::now())
}

/// The stamps of all that a server is started with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inputs(BTreeMap<PathBuf, Stamp>);

impl Inputs {
    /// Looks at them; `None` if the server cannot be kept: an input has just changed, or the configuration
    /// refers to more than is looked at.
    pub(super) fn look(job: &Job<'_>, server: &Server) -> Option<Self> {
        let own = job.tool.config.files.iter().map(|file| file.name);
        let names: Vec<&str> = own.chain(server.inputs.iter().copied()).collect();
        let mut paths = vec![job.found.target.clone()];
        for directory in job.project.directories() {
            for name in &names {
                expand(&Path::new(directory).join(name), &mut paths);
            }
        }
        let mut stamps = BTreeMap::new();
        for path in paths {
            let Ok(metadata) = path.metadata() else {
                continue;
            };
            if !is_settled(&metadata) {
                return None;
            }
            stamps.insert(path, Stamp::of(&metadata));
        }
        if let Some(config) = &job.words.config {
            let bytes = read::bounded(Path::new(config), CONFIGURATION_BYTES_MAX).ok()?;
            let text = String::from_utf8_lossy(&bytes);
            let mut words = server.unless_configuration_holds.iter();
            if words.any(|word| text.contains(word)) {
                return None;
            }
        }
        Some(Self(stamps))
    }
}

/// Adds a path, or for one with a `*` as a component those that are there.
fn expand(path: &Path, to: &mut Vec<PathBuf>) {
    let mut before = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        if component.as_os_str() != "*" {
            before.push(component);
            continue;
        }
        let rest = components.as_path();
        let Ok(entries) = fs::read_dir(&before) else {
            return;
        };
        let entries = entries.take(MATCHES_MAX).filter_map(Result::ok);
        to.extend(entries.map(|entry| entry.path().join(rest)));
        return;
    }
    to.push(before);
}

/// The files that a server reads by itself, as it knows them.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// `None` before the first look: a new server knows nothing yet.
    known: Option<BTreeMap<PathBuf, Option<Stamp>>>,
}

impl Watched {
    /// What changed below a root since the last look; `None` if there is too much to look at.
    pub(super) fn look(&mut self, root: &Path, endings: &[&str]) -> Option<Vec<(String, Change)>> {
        let now = walk(root, endings)?;
        let known = self.known.get_or_insert_with(|| now.clone());
        let mut changes = Vec::new();
        for (path, stamp) in &now {
            let change = match known.get(path) {
                None => Change::Created,
                // One that was written just now may be written again without a trace.
                Some(old) if stamp.is_none() || old != stamp => Change::Changed,
                Some(_) => continue,
            };
            changes.push((path.to_str()?.to_owned(), change));
        }
        for path in known.keys().filter(|path| !now.contains_key(*path)) {
            changes.push((path.to_str()?.to_owned(), Change::Deleted));
        }
        *known = now;
        Some(changes)
    }
}

/// The files below a root with their stamps, `None` for one that has not settled.
fn walk(root: &Path, endings: &[&str]) -> Option<BTreeMap<PathBuf, Option<Stamp>>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    let mut entries = 0;
    while let Some(directory) = directories.pop() {
        let Ok(listed) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in listed.filter_map(Result::ok) {
            entries += 1;
            if entries > ENTRIES_MAX || found.len() > FILES_MAX {
                return None;
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                    directories.push(entry.path());
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                // Follows a symbolic link, as the server does.
                let Ok(metadata) = entry.path().metadata() else {
                    continue;
                };
                let stamp = is_settled(&metadata).then(|| Stamp::of(&metadata));
                found.insert(entry.path(), stamp);
            }
        }
    }
    Some(found)
}
