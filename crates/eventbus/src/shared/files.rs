//! The files of a bus: who may use them, how they are made, and what is looked at before they are
//! mapped.

use std::ffi::CStr;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_ringbuf::region::{Hints, Mapping};
use rustix::fs::{AtFlags, Dir, FallocateFlags, FileType, Mode, OFlags};

use super::error::AttachError;
use super::memory::Memory;
use crate::sync::thread;

/// How long anybody waits for the lock; a change under it takes milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// The most names that a directory of a bus is read for.
const NAMES_MAX: usize = 8_192;

const LOCK: &str = "lock";
const PRIVATE_DIRECTORY: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A directory that belongs to this user alone.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// Held by one at a time, of all processes; the kernel gives it back for who dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Directory {
    /// Opens a directory, and makes it and those above it first if asked.
    pub(super) fn open(path: &Path, is_made: bool) -> Result<Self, AttachError> {
        if is_made {
            use std::os::unix::fs::DirBuilderExt as _;
            let mut builder = std::fs::DirBuilder::new();
            let made = builder.recursive(true).mode(0o700).create(path);
            made.map_err(|source| io_error("making", path, source))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(descriptor) => Self::check(descriptor, path),
            Err(rustix::io::Errno::NOENT) => Err(AttachError::Absent {
                path: path.to_owned(),
            }),
            Err(source) => Err(io_error("opening", path, source.into())),
        }
    }

    fn check(descriptor: OwnedFd, path: &Path) -> Result<Self, AttachError> {
        check(&descriptor, path, FileType::Directory)?;
        Ok(Self {
            descriptor,
            path: path.to_owned(),
        })
    }

    /// A directory in this one; none if there is none.
    pub(super) fn inner(&self, name: &str) -> Result<Option<Self>, AttachError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path.join(name);
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => Self::check(descriptor, &path).map(Some),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(source) => Err(io_error("opening", &path, source.into())),
        }
    }

    pub(super) fn make_inner(&self, name: &str) -> Result<Self, AttachError> {
        let path = self.path.join(name);
        match rustix::fs::mkdirat(&self.descriptor, name, PRIVATE_DIRECTORY) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(source) => return Err(io_error("making", &path, source.into())),
        }
        self.inner(name)?.ok_or(AttachError::Absent { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the lock, for as long as other changes can take.
    pub(super) fn lock(&self) -> Result<Lock, AttachError> {
        let path = self.path.join(LOCK);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&self.descriptor, LOCK, flags, PRIVATE_FILE)
            .map_err(|source| io_error("opening", &path, source.into()))?;
        check(&descriptor, &path, FileType::RegularFile)?;
        let file = File::from(descriptor);
        let end = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let path = self.path.clone();
                    return Err(AttachError::Busy { path });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(io_error("locking", &path, source));
                }
            }
        }
    }

    /// Makes a file of zeros whose every byte has its place on the disk: a full disk is an error
    /// here and no signal later. It gets its name when it is laid out.
    ///
    /// `draft` is the name that it has meanwhile; what a process that died left of it is replaced.
    pub(super) fn make(
        &self,
        (draft, name): (&str, &str),
        size_bytes: usize,
        lay_out: impl FnOnce(&Memory) -> Result<(), AttachError>,
    ) -> Result<Memory, AttachError> {
        let made = self.make_draft(draft, size_bytes).and_then(|memory| {
            lay_out(&memory)?;
            rustix::fs::renameat(&self.descriptor, draft, &self.descriptor, name)
                .map_err(|source| io_error("naming", &self.path.join(name), source.into()))?;
            Ok(memory)
        });
        if made.is_err() {
            self.remove(draft);
        }
        made
    }

    fn make_draft(&self, draft: &str, size_bytes: usize) -> Result<Memory, AttachError> {
        let path = self.path.join(draft);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        self.remove(draft);
        let descriptor = rustix::fs::openat(&self.descriptor, draft, flags, PRIVATE_FILE)
            .map_err(|source| io_error("making", &path, source.into()))?;
        rustix::fs::fallocate(&descriptor, FallocateFlags::empty(), 0, size_bytes as u64)
            .map_err(|source| io_error("making", &path, source.into()))?;
        map(File::from(descriptor), &path)
    }

    /// Maps a file; none if there is none.
    pub(super) fn map(&self, name: &str) -> Result<Option<Memory>, AttachError> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => {
                check(&descriptor, &path, FileType::RegularFile)?;
                map(File::from(descriptor), &path).map(Some)
            }
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(source) => Err(io_error("opening", &path, source.into())),
        }
    }

    /// Removes a file; that it is not there is as good.
    pub(super) fn remove(&self, name: &str) {
        // What cannot be removed is found by the next `reclaim`.
        let _ = rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty());
    }

    /// Removes a directory with the files in it.
    pub(super) fn remove_inner(&self, name: &str) {
        if let Ok(Some(inner)) = self.inner(name) {
            for file in inner.names().unwrap_or_default() {
                inner.remove(&file);
            }
        }
        let _ = rustix::fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR);
    }

    /// The names in it, in no order.
    pub(super) fn names(&self) -> Result<Vec<String>, AttachError> {
        let error = |source: rustix::io::Errno| io_error("reading", &self.path, source.into());
        let entries = Dir::read_from(self.descriptor.as_fd()).map_err(error)?;
        let mut names = Vec::new();
        for entry in entries.take(NAMES_MAX) {
            let entry = entry.map_err(error)?;
            names.extend(CStr::to_str(entry.file_name()).map(str::to_owned));
        }
        Ok(names)
    }
}

fn map(file: File, path: &Path) -> Result<Memory, AttachError> {
    let mapping = Mapping::file(file, Hints::default());
    let mapping = mapping.map_err(|source| io_error("mapping", path, source))?;
    Ok(Memory::new(Arc::new(mapping)))
}

/// Whether it is this user's, nobody else may use it, and it is what it should be.
fn check(descriptor: &OwnedFd, path: &Path, expected: FileType) -> Result<(), AttachError> {
    let found = rustix::fs::fstat(descriptor);
    let found = found.map_err(|source| io_error("looking at", path, source.into()))?;
    let why = if FileType::from_raw_mode(found.st_mode) != expected {
        "is neither a plain file nor a directory of a bus"
    } else if found.st_uid != rustix::process::geteuid().as_raw() {
        "belongs to another user"
    } else if found.st_mode & 0o077 != 0 {
        "may be used by others; its mode must be 0700, and 0600 for files"
    } else {
        return Ok(());
    };
    Err(AttachError::NotOurs {
        path: path.to_owned(),
        why,
    })
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> AttachError {
    AttachError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}
