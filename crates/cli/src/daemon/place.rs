//! Where a workspace's daemon is found: one private directory for each user, three files for each workspace.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::OFlags;
use rustix::process::{Pid, geteuid};

/// How far up the root of a workspace is looked for.
const DEPTH_MAX: usize = 64;

/// How much of the hash of the root's path names its files, in hexadecimal digits.
const NAME_DIGITS: usize = 20;

/// The longest text of a process number, in bytes.
const PID_BYTES_MAX: u64 = 20;

/// A lock file is never a symbolic link, and a pipe in its place keeps nobody waiting.
const NO_FOLLOW: i32 = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .bits()
    .cast_signed();

/// A workspace and the files of its daemon.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
    directory: PathBuf,
    name: String,
}

impl Place {
    /// That of a directory, which is free of symbolic links: the workspace is the repository around it, or
    /// what the nearest `claude-flow.toml` is in, or the directory itself.
    pub(crate) fn of(directory: &Path) -> Self {
        let ancestors = || directory.ancestors().take(DEPTH_MAX);
        let holding = |name: &str| ancestors().find(|it| it.join(name).exists());
        let root = holding(".git")
            .or_else(|| holding("claude-flow.toml"))
            .unwrap_or(directory);
        let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        Self {
            root: root.to_owned(),
            directory: private_directory(),
            name: name[..NAME_DIGITS].to_owned(),
        }
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    /// The log of a daemon in the background.
    pub(crate) fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// Makes the private directory, or looks whether the one that is there is private.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or somebody else could have put something into it.
    pub(super) fn prepare(&self) -> anyhow::Result<()> {
        let path = &self.directory;
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let told = format!("{} cannot be made", path.display());
                return Err(error).context(told);
            }
            _ => {}
        }
        if !self.is_there()? {
            bail!("{} has gone", path.display());
        }
        Ok(())
    }

    /// Whether there is the private directory.
    ///
    /// # Errors
    ///
    /// If somebody else could have put something into it.
    pub(super) fn is_there(&self) -> anyhow::Result<bool> {
        let path = &self.directory;
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => found.with_context(|| format!("{} cannot be looked at", path.display()))?,
        };
        let is_private = metadata.is_dir()
            && metadata.uid() == geteuid().as_raw()
            && metadata.mode() & 0o777 == 0o700;
        if !is_private {
            bail!(
                "{} is not a directory that only this user may enter; remove it, or set XDG_RUNTIME_DIR",
                path.display()
            );
        }
        Ok(true)
    }

    /// Takes the lock that says that there is a daemon; none if another process holds it.
    pub(super) fn lock(&self) -> anyhow::Result<Option<File>> {
        self.is_there()?;
        let path = self.file("lock");
        let failed = || format!("{} cannot be locked", path.display());
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(NO_FOLLOW)
            .open(&path)
            .with_context(failed)?;
        require_own(&file, &path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(failed),
        }
    }

    /// The process that holds the lock, if one does.
    ///
    /// # Errors
    ///
    /// If the lock cannot be looked at, or its holder has not said who it is.
    pub(crate) fn holder(&self) -> anyhow::Result<Option<Pid>> {
        if !self.is_there()? {
            return Ok(None);
        }
        let path = self.file("lock");
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(NO_FOLLOW)
            .open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        require_own(&file, &path)?;
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut text = String::new();
        file.take(PID_BYTES_MAX).read_to_string(&mut text)?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{} names no process", path.display()))?;
        Ok(Some(pid))
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.name))
    }
}

/// Refuses a lock file that another user has made.
fn require_own(file: &File, path: &Path) -> anyhow::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.uid() != geteuid().as_raw() {
        bail!("{} is not a file of this user", path.display());
    }
    Ok(())
}

/// `claude-flow` in `XDG_RUNTIME_DIR`, or a directory of the user's own in `/tmp`.
fn private_directory() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    match runtime {
        Some(path) => path.join("claude-flow"),
        None => PathBuf::from(format!("/tmp/claude-flow-{}", geteuid().as_raw())),
    }
}
