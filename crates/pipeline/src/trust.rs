//! Which directories' own code may run: configurations that are programs, tools that a project brings along.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::read::{self, ReadError};

/// The largest list that is read, in bytes.
const LIST_BYTES_MAX: u64 = 1024 * 1024;
/// The most directories that are trusted.
const ROOTS_MAX: usize = 10_000;
/// How long another process that changes the list is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often the lock is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// The form of the list.
const VERSION: u32 = 1;

/// The list of the directories that a person trusts, in a file of that person's own.
///
/// A directory is covered if it, or one above it, is in the list.
/// The list lies outside every project, because what a project brings along cannot vouch for it.
///
/// # Examples
///
/// ```
/// use claude_flow_pipeline::Trust;
///
/// # let place = tempfile::tempdir()?;
/// let trust = Trust::at(place.path().join("state/trusted.toml"));
/// let project = tempfile::tempdir()?;
/// assert_eq!(trust.root_of(project.path())?, None);
/// let root = trust.add(project.path())?;
/// assert_eq!(trust.root_of(project.path())?, Some(root));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trust {
    path: PathBuf,
}

impl Trust {
    /// The list in this file, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The list of the user whose environment this is: `claude-flow/trusted.toml` in `XDG_STATE_HOME`, or in
    /// `.local/state` of the home directory; none without either.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        let state = std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
        Some(Self::at(state.join("claude-flow/trusted.toml")))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The trusted directory at or above `path`, if there is one.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if `path` does not exist, or the list cannot be read or is not to be relied on; then
    /// nothing is trusted.
    pub fn root_of(&self, path: &Path) -> Result<Option<PathBuf>, TrustError> {
        let roots = self.roots()?;
        if roots.is_empty() {
            return Ok(None);
        }
        let path = canonical(path)?;
        let root = path
            .ancestors()
            .find(|ancestor| roots.iter().any(|root| root == ancestor));
        Ok(root.map(Path::to_owned))
    }

    /// All of them, in the order in which they were added.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the list cannot be read, is not understood, or could have been written by another user.
    pub fn roots(&self) -> Result<Vec<PathBuf>, TrustError> {
        let bytes = match read::bounded(&self.path, LIST_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        require_own(&self.path)?;
        require_own(directory_of(&self.path))?;
        self.parse(&bytes)
    }

    /// Trusts a directory and all that is below it; gives the name by which it is kept.
    ///
    /// # Errors
    ///
    /// [`TrustError`]; the list is then as it was.
    pub fn add(&self, directory: &Path) -> Result<PathBuf, TrustError> {
        let root = canonical(directory)?;
        if !root.is_dir() {
            return Err(TrustError::NoDirectory { path: root });
        }
        if root.to_str().is_none() {
            return Err(TrustError::NotUtf8 { path: root });
        }
        self.change(|roots| {
            if !roots.contains(&root) {
                roots.push(root.clone());
            }
        })?;
        Ok(root)
    }

    /// Trusts a directory no longer; false if the list does not have it.
    ///
    /// A directory that is gone is taken out by the name that the list has for it.
    ///
    /// # Errors
    ///
    /// [`TrustError`]; the list is then as it was.
    pub fn remove(&self, directory: &Path) -> Result<bool, TrustError> {
        let root = canonical(directory)
            .or_else(|error| std::path::absolute(directory).map_err(|_| error))?;
        if !self.roots()?.contains(&root) {
            return Ok(false);
        }
        self.change(|roots| roots.retain(|known| *known != root))?;
        Ok(true)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Vec<PathBuf>, TrustError> {
        let invalid = |message: String| TrustError::Invalid {
            path: self.path.clone(),
            message,
        };
        let list: List = toml::from_slice(bytes)
            .map_err(|error| invalid(error.message().trim_end().replace('\n', ", ")))?;
        if list.version != VERSION {
            let message = format!("version {} is not known, only {VERSION}", list.version);
            return Err(invalid(message));
        }
        Ok(list.roots)
    }

    /// Reads, changes and replaces the list while no other process does.
    fn change(&self, edit: impl FnOnce(&mut Vec<PathBuf>)) -> Result<(), TrustError> {
        let failed = |cause| TrustError::NotWritten {
            path: self.path.clone(),
            cause,
        };
        let directory = directory_of(&self.path);
        make_private_directory(directory).map_err(failed)?;
        let lock = File::create(self.path.with_extension("lock")).map_err(failed)?;
        lock_within(&lock, LOCK_WAIT).map_err(failed)?;
        let mut roots = self.roots()?;
        edit(&mut roots);
        if roots.len() > ROOTS_MAX {
            return Err(TrustError::TooMany);
        }
        let list = List {
            version: VERSION,
            roots,
        };
        let text = toml::to_string(&list).map_err(|error| TrustError::Invalid {
            path: self.path.clone(),
            message: error.to_string(),
        })?;
        replace(&self.path, directory, text.as_bytes()).map_err(failed)
    }
}

/// Why nothing can be said of trust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The list cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The list is there and not understood.
    #[error("{}: {message}; mend it or remove it", path.display())]
    Invalid {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Somebody else could have written the list.
    #[error("{}: {what}; nothing in it is relied on; run `chmod go-w` on it, or remove it", path.display())]
    NotOwn {
        /// The list or its directory.
        path: PathBuf,
        /// Who else may write it.
        what: &'static str,
    },
    /// What should be trusted does not exist.
    #[error("{}: {cause}; check the path", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
        /// What the operating system says; part of the text, so it is no source besides.
        cause: io::Error,
    },
    /// What should be trusted is no directory.
    #[error("{}: not a directory; name the project's root", path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// The list holds names in UTF-8 only.
    #[error("{}: its name is not UTF-8; rename it", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The list could not be replaced and is as it was.
    #[error("{}: could not be written: {cause}; check the disk and the rights of its directory", path.display())]
    NotWritten {
        /// The list.
        path: PathBuf,
        /// What the operating system says; part of the text, so it is no source besides.
        cause: io::Error,
    },
    /// The list is full.
    #[error(
        "{ROOTS_MAX} directories are trusted already; take some out by `claude-flow trust --revoke`"
    )]
    TooMany,
}

/// The file's form.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    version: u32,
    roots: Vec<PathBuf>,
}

fn canonical(path: &Path) -> Result<PathBuf, TrustError> {
    fs::canonicalize(path).map_err(|cause| TrustError::Missing {
        path: path.to_owned(),
        cause,
    })
}

fn directory_of(path: &Path) -> &Path {
    crate::config::parent_directory(path)
}

/// Refuses what another user may write.
#[cfg(unix)]
fn require_own(path: &Path) -> Result<(), TrustError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|cause| TrustError::Missing {
        path: path.to_owned(),
        cause,
    })?;
    let what = if metadata.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else if metadata.mode() & 0o022 != 0 {
        "others than its owner may write it"
    } else {
        return Ok(());
    };
    Err(TrustError::NotOwn {
        path: path.to_owned(),
        what,
    })
}

#[cfg(not(unix))]
fn require_own(_path: &Path) -> Result<(), TrustError> {
    Ok(())
}

fn make_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn lock_within(file: &File, limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another process has been changing it for 5 seconds",
                ));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
}

/// A reader sees the old list or the new one, also after a loss of power.
fn replace(path: &Path, directory: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|refused| refused.error)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
