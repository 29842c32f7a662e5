//! Configurations that are read once and kept for as long as their files are as they were.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{CONFIG_BYTES_MAX, Config, ConfigError, FILE_NAME};
use crate::read::{self, Content, ReadError, Snapshot};

/// The most files that are kept; with more it begins anew.
const FILES_MAX: usize = 1_000;

/// A configuration, or why there is none; shared by the files that it holds for.
pub(crate) type Resolved = Arc<Result<Config, String>>;

/// What the configuration files say.
///
/// A file that has changed is read again. If what it says then cannot be used, what it said before goes on, and
/// each result tells why. A reader sees one state of a file or another, never parts of both.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    files: ArcSwap<BTreeMap<PathBuf, Arc<Entry>>>,
}

/// One file.
#[derive(Debug)]
struct Entry {
    /// The file as it was read; none if it could not be.
    snapshot: Option<Snapshot>,
    config: Resolved,
}

impl Kept {
    /// What holds for a directory: what the nearest file at or above it says, or the defaults.
    ///
    /// # Complexity
    ///
    /// One look at each directory up to the file.
    pub(crate) fn find(&self, start: &Path) -> Resolved {
        let directory = Config::start_directory(start);
        let found = directory
            .ancestors()
            .find_map(|ancestor| self.at(&ancestor.join(FILE_NAME)));
        found.unwrap_or_else(|| Arc::new(Ok(Config::default())))
    }

    /// What one file says; none if it is not there.
    fn at(&self, path: &Path) -> Option<Resolved> {
        let before = self.files.load().get(path).cloned();
        if let Some(entry) = &before
            && let Some(snapshot) = &entry.snapshot
            && snapshot.is_current(path)
        {
            return Some(Arc::clone(&entry.config));
        }
        let (snapshot, now) = match Snapshot::take(path, CONFIG_BYTES_MAX) {
            Ok(snapshot) => {
                let now = parsed(path, &snapshot);
                (Some(snapshot), now)
            }
            Err(error) if error.is_absent() => {
                if before.is_some() {
                    self.change(|files| drop(files.remove(path)));
                }
                return None;
            }
            Err(error) => (None, Err(error.into())),
        };
        let config = Arc::new(match (now, before.as_deref().map(|entry| &*entry.config)) {
            (Ok(config), _) => Ok(config),
            (Err(error), Some(Ok(good))) => Ok(good.instead_of(error.to_string())),
            (Err(error), _) => Err(error.to_string()),
        });
        let entry = Arc::new(Entry {
            snapshot,
            config: Arc::clone(&config),
        });
        self.change(|files| {
            if files.len() >= FILES_MAX {
                files.clear();
            }
            files.insert(path.to_owned(), Arc::clone(&entry));
        });
        Some(config)
    }

    fn change(&self, edit: impl Fn(&mut BTreeMap<PathBuf, Arc<Entry>>)) {
        self.files.rcu(|files| {
            let mut files = BTreeMap::clone(files);
            edit(&mut files);
            files
        });
    }
}

fn parsed(path: &Path, snapshot: &Snapshot) -> Result<Config, ConfigError> {
    match &snapshot.content {
        Content::Whole(bytes) => Config::parse_bytes(bytes, path),
        Content::TooLarge { .. } => Err(too_large(path, snapshot.size_bytes).into()),
    }
}

fn too_large(path: &Path, size_bytes: u64) -> ReadError {
    let told = read::bounded(path, CONFIG_BYTES_MAX).err();
    told.unwrap_or(ReadError::TooLarge {
        path: path.to_owned(),
        size_bytes,
        limit_bytes: CONFIG_BYTES_MAX,
    })
}

#[cfg(test)]
mod tests;
