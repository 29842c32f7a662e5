//! The door to storage: everything that the log asks of a directory.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many zeros are written at a time.
const ZEROS_BYTES: usize = 64 << 10;

/// The file that is locked while a directory is in use.
const LOCK: &str = "lock";

/// One directory of files that are created with their full length, read and overwritten.
///
/// A call that fails may have had its effect in part. Nothing is durable before [`sync`](Self::sync)
/// of the file, and no name before [`sync_directory`](Self::sync_directory).
pub trait Disk: Send {
    /// The names in the directory, in any order.
    ///
    /// # Errors
    ///
    /// What the system answers.
    fn names(&mut self) -> io::Result<Vec<String>>;

    /// The length of a file.
    ///
    /// # Errors
    ///
    /// What the system answers; among them that there is no such file.
    fn len(&mut self, name: &str) -> io::Result<u64>;

    /// Makes a file of zeros that does not exist yet.
    ///
    /// # Errors
    ///
    /// What the system answers; among them that the disk is full.
    fn create(&mut self, name: &str, len: u64) -> io::Result<()>;

    /// Fills the buffer from a place in a file.
    ///
    /// # Errors
    ///
    /// What the system answers; among them that the file ends early.
    fn read(&mut self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Overwrites a part of a file, within its length.
    ///
    /// # Errors
    ///
    /// What the system answers.
    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file's bytes durable.
    ///
    /// # Errors
    ///
    /// What the system answers. What was written before may be lost then, and a second call proves
    /// nothing: the log never tries again.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Makes the names durable.
    ///
    /// # Errors
    ///
    /// What the system answers.
    fn sync_directory(&mut self) -> io::Result<()>;

    /// Takes a file away.
    ///
    /// # Errors
    ///
    /// What the system answers.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// A directory of the file system, which one process at a time has to itself.
#[derive(Debug)]
pub struct FileDisk {
    directory: PathBuf,
    /// Files in use. The log uses two; more are open only while it is read.
    open: BTreeMap<String, File>,
    // Invariant: locked as long as this lives.
    _lock: File,
    is_synced: bool,
}

impl FileDisk {
    /// Locks a directory.
    ///
    /// # Errors
    ///
    /// What the system answers; [`io::ErrorKind::WouldBlock`] if another process has it, or another
    /// `FileDisk` of this one.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(directory.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self {
            directory: directory.to_owned(),
            open: BTreeMap::new(),
            _lock: lock,
            is_synced: true,
        })
    }

    /// Leaves it to the system when bytes reach the disk.
    ///
    /// A killed process loses nothing then; a machine that stops may lose what was promised, which
    /// the log tells from a torn end only in part. For measurements, and for groups in which no more
    /// than f machines ever stop at once.
    #[must_use]
    pub fn without_sync(mut self) -> Self {
        self.is_synced = false;
        self
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(self.directory.join(name))?;
            // Old segments are read once in a while: not worth a descriptor each.
            if self.open.len() >= 4 {
                self.open.clear();
            }
            self.open.insert(name.to_owned(), file);
        }
        self.open
            .get(name)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for FileDisk {
    fn names(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn len(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.file(name)?.metadata()?.len())
    }

    fn create(&mut self, name: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.directory.join(name))?;
        // Real zeros and not a hole: later writes then neither run out of space nor change the
        // file's metadata, so that a sync has the bytes alone to write.
        let zeros = vec![0; ZEROS_BYTES];
        let mut offset = 0;
        while offset < len {
            let count = usize::try_from(len - offset).map_or(ZEROS_BYTES, |it| it.min(ZEROS_BYTES));
            file.write_all_at(&zeros[..count], offset)?;
            offset += count as u64;
        }
        self.open.insert(name.to_owned(), file);
        Ok(())
    }

    fn read(&mut self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file(name)?.read_exact_at(bytes, offset)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        if !self.is_synced {
            return Ok(());
        }
        self.file(name)?.sync_data()
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        if !self.is_synced {
            return Ok(());
        }
        File::open(&self.directory)?.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        fs::remove_file(self.directory.join(name))
    }
}
