//! What runs gave, by the hash of everything that their tests can see.
//!
//! A file for each; when there are too many the oldest go. A file that cannot be read is as good as none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::document::{RunReport, TestState};
use crate::read;

/// How many answers are kept.
const ENTRIES_MAX: usize = 1_000;
/// A longer answer is not kept.
const ENTRY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The answers of earlier runs.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(cache: &Path) -> Self {
        Self {
            folder: cache.join("tests/answers"),
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    /// What a run of the same inputs gave.
    pub(super) fn answer(&self, key: &str) -> Option<RunReport> {
        let bytes = read::bounded(&self.path(key), ENTRY_BYTES_MAX).ok()?;
        let report: RunReport = serde_json::from_slice(&bytes).ok()?;
        // A file of another name would be another run's.
        (report.inputs_blake3 == key).then_some(RunReport {
            is_cached: true,
            ..report
        })
    }

    /// Keeps what a run gave, if it shows anything that another run would show again.
    pub(super) fn keep(&self, report: &RunReport) {
        if !matches!(report.state, TestState::Passed | TestState::Failed) {
            return;
        }
        // An answer that cannot be kept is given again by the next run.
        let _ = self.write(report);
    }

    fn write(&self, report: &RunReport) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(report)?;
        if bytes.len() as u64 > ENTRY_BYTES_MAX {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&bytes)?;
        file.persist(self.path(&report.inputs_blake3))
            .map_err(|refused| refused.error)?;
        self.sweep()
    }

    /// Removes the oldest answers beyond the bound, what was left half-written among them.
    fn sweep(&self) -> std::io::Result<()> {
        let entries = fs::read_dir(&self.folder)?.flatten();
        let mut entries: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        let beyond = entries.len().saturating_sub(ENTRIES_MAX);
        entries.sort_unstable();
        for (_, path) in entries.into_iter().take(beyond) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}
