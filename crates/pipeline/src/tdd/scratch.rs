//! A copy of a workspace, in which contents can be put back without anybody noticing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The most files and directories of a copy.
const ENTRIES_MAX: usize = 20_000;

/// The most bytes of a copy.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What is left out: it is no part of what tests see, or is made again.
const LEFT_OUT: &[&str] = &[".git", "__pycache__", "target"];

/// What is linked instead of copied: installed packages, which are large and belong to nobody's edit.
const LINKED: &[&str] = &[".venv", "node_modules", "venv"];

/// A copy that is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Copies a directory; symbolic links stay what they are.
    pub(super) fn of(root: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("claude-flow-").tempdir()?;
        let mut entries = 0;
        let mut bytes = 0;
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name();
                let is_in = |list: &[&str]| list.iter().any(|it| name == *it);
                if is_in(LEFT_OUT) {
                    continue;
                }
                let below = folder.join(&name);
                let (from, to) = (entry.path(), directory.path().join(&below));
                let metadata = fs::symlink_metadata(&from)?;
                entries += 1;
                bytes += if metadata.is_file() {
                    metadata.len()
                } else {
                    0
                };
                if entries > ENTRIES_MAX || bytes > BYTES_MAX {
                    return Err(too_large());
                }
                if metadata.is_symlink() {
                    link(&fs::read_link(&from)?, &to)?;
                } else if metadata.is_dir() && is_in(LINKED) {
                    link(&from, &to)?;
                } else if metadata.is_dir() {
                    fs::create_dir(&to)?;
                    folders.push(below);
                } else if metadata.is_file() {
                    fs::copy(&from, &to)?;
                }
            }
        }
        Ok(Self { directory })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.path().join(path)).ok()
    }

    /// Gives a file another content, or removes it.
    pub(super) fn put(&self, path: &str, content: Option<&[u8]>) -> io::Result<()> {
        let path = self.path().join(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let Some(content) = content else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // A new file: what was there may have been a link to somewhere else.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        io::Write::write_all(&mut file, content)
    }
}

fn too_large() -> io::Error {
    let what = format!(
        "more than {ENTRIES_MAX} files or {} MiB are not copied",
        BYTES_MAX >> 20
    );
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn link(_target: &Path, at: &Path) -> io::Result<()> {
    let what = format!("{}: symbolic links are not copied here", at.display());
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}
