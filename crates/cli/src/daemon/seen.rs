//! Which contents were checked already, so that nothing is checked again that a hook has reported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How many files are remembered; with more it begins anew.
const FILES_MAX: usize = 4_096;

/// What is known of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was checked.
    Checked,
    /// Its file is being checked.
    Busy,
    /// Nothing.
    No,
}

/// The files that were checked, and those that are.
#[derive(Debug, Default)]
pub(super) struct Seen {
    files: Mutex<BTreeMap<PathBuf, File>>,
}

#[derive(Debug, Default)]
struct File {
    /// How many checks of it have not ended.
    busy: usize,
    /// The hash of what was checked last, in hexadecimal.
    blake3: Option<String>,
}

impl Seen {
    /// A check of a file begins.
    pub(super) fn begin(&self, path: &Path) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES_MAX {
            files.retain(|_, file| file.busy > 0);
        }
        files.entry(path.to_owned()).or_default().busy += 1;
    }

    /// It has ended; what was checked, if that is known.
    pub(super) fn end(&self, path: &Path, blake3: Option<&str>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get_mut(path) {
            file.busy = file.busy.saturating_sub(1);
            if blake3.is_some() {
                file.blake3 = blake3.map(str::to_owned);
            }
        }
    }

    /// What is known of a content of a file.
    pub(super) fn about(&self, path: &Path, blake3: &str) -> Known {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        match files.get(path) {
            Some(file) if file.busy > 0 => Known::Busy,
            Some(file) if file.blake3.as_deref() == Some(blake3) => Known::Checked,
            _ => Known::No,
        }
    }
}
