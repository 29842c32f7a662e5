//! What is to be done to one file, to be shown or done.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};

use crate::replace::{create, replace};
use crate::visible::visible;

/// The largest file that is read to be changed, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The directories that harnesses keep their settings in; an empty one is of no use.
const SETTINGS_DIRECTORIES: [&str; 6] = [
    ".claude", ".codex", ".cursor", ".gemini", ".github", "hooks",
];

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// What is to be done to one file.
#[derive(Debug)]
pub(super) struct Step {
    /// The file.
    pub(super) path: PathBuf,
    /// What.
    pub(super) change: Change,
    /// What is told when it is done.
    pub(super) done: String,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Change {
    Nothing,
    Create(String),
    Replace { before: String, after: String },
    Remove { before: String },
}

impl Step {
    pub(super) fn nothing(path: PathBuf, done: String) -> Self {
        Self {
            path,
            change: Change::Nothing,
            done,
        }
    }

    /// Does it.
    pub(super) fn apply(&self) -> anyhow::Result<()> {
        match &self.change {
            Change::Nothing => Ok(()),
            Change::Create(content) => {
                let made = make_parents(&self.path)?;
                let created = create(&self.path, content.as_bytes());
                if created.is_err() {
                    // The directories are only there for the file that could not be made.
                    remove_parents_if_empty(&self.path, made);
                }
                created
            }
            Change::Replace { after, .. } => replace(&self.path, after.as_bytes()),
            Change::Remove { .. } => {
                fs::remove_file(&self.path)
                    .with_context(|| format!("{} could not be removed", self.path.display()))?;
                remove_parents_if_empty(&self.path, settings_depth(&self.path));
                Ok(())
            }
        }
    }

    /// Shows it as a unified diff; what is told if nothing is to be done.
    pub(super) fn write_diff(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (before, after, old, new) = match &self.change {
            Change::Nothing => {
                writeln!(out, "{}", visible(&self.done))?;
                return Ok(());
            }
            Change::Create(content) => ("", content.as_str(), false, true),
            Change::Replace { before, after } => (before.as_str(), after.as_str(), true, true),
            Change::Remove { before } => (before.as_str(), "", true, false),
        };
        let path = self.path.display().to_string();
        let path = visible(&path);
        let name = |is_there: bool| if is_there { &*path } else { "/dev/null" };
        writeln!(out, "--- {}\n+++ {}", name(old), name(new))?;
        let input = InternedInput::new(before, after);
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_lines(&input);
        let printer = BasicLineDiffPrinter(&input.interner);
        let text = diff
            .unified_diff(&printer, UnifiedDiffConfig::default(), &input)
            .to_string();
        for line in text.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                _ => Style::new(),
            };
            // A tab is indentation here, and harmless.
            let line = line.split('\t').map(visible).collect::<Vec<_>>().join("\t");
            writeln!(out, "{style}{line}{style:#}")?;
        }
        Ok(())
    }
}

/// The content of a file; `None` if there is none.
///
/// # Errors
///
/// If something is there that is no readable file of a bounded size, or a link that leads nowhere.
pub(super) fn read_if_there(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                bail!(
                    "{} is a symbolic link to a file that is not there; remove the link or make the file",
                    path.display()
                );
            }
            return Ok(None);
        }
        other => other.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    if !metadata.is_file() {
        bail!(
            "{} is no regular file; move it away and try again",
            path.display()
        );
    }
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!(
            "{} has more than the {FILE_BYTES_MAX} bytes that are read; is it the right file?",
            path.display()
        );
    }
    Ok(Some(bytes))
}

/// Makes the directories of a file; says how many were not there.
fn make_parents(path: &Path) -> anyhow::Result<usize> {
    let parents = path.ancestors().skip(1);
    let missing = parents.take_while(|parent| !parent.as_os_str().is_empty() && !parent.exists());
    let missing: Vec<_> = missing.collect();
    for parent in missing.iter().rev() {
        match fs::create_dir(parent) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => Err(error)
                .with_context(|| format!("the directory {} could not be made", parent.display()))?,
        }
    }
    Ok(missing.len())
}

/// How many of a settings file's directories are there for hooks alone.
fn settings_depth(path: &Path) -> usize {
    let parents = path.ancestors().skip(1);
    let names = parents.map(|parent| parent.file_name().and_then(|name| name.to_str()));
    names
        .take_while(|name| name.is_some_and(|name| SETTINGS_DIRECTORIES.contains(&name)))
        .count()
}

fn remove_parents_if_empty(path: &Path, count: usize) {
    for parent in path.ancestors().skip(1).take(count) {
        // A directory that holds something else stays, which is what is wanted.
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}
