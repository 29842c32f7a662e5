//! The door to storage: everything that the journal asks of a directory.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::map::{Map, Mappings, Tail};

/// How many zeros are written at a time.
const ZEROS_BYTES: usize = 256 << 10;

/// How many files that are not mapped stay open.
const FILES_MAX: usize = 16;

/// One directory of files that are made with their full length.
///
/// A call that fails may have had its effect in part. Nothing is durable before a sync of the file,
/// and no name before [`sync_directory`](Self::sync_directory).
pub(crate) trait Disk: Send + Sync + Debug {
    /// The names in the directory, in any order.
    fn names(&self) -> io::Result<Vec<String>>;

    /// The length of a file.
    fn len(&self, name: &str) -> io::Result<u64>;

    /// Makes a file of zeros that does not exist yet. With `is_written` the zeros are on the way to
    /// the disk, so that a later sync has the bytes alone to write; without, there is room for them.
    fn create(&self, name: &str, len: u64, is_written: bool) -> io::Result<()>;

    /// Fills the buffer from a place in a file.
    fn read(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Overwrites a part of a file that is not mapped, within its length.
    fn write(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes of a file durable that is not mapped.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Makes the names durable.
    fn sync_directory(&self) -> io::Result<()>;

    /// Takes a file away.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The memory of a file, for reading.
    fn map(&self, name: &str) -> io::Result<Arc<Map>>;

    /// The memory of a file, for writing from `end` on; nobody has it yet.
    fn map_tail(&self, name: &str, end: usize) -> io::Result<Tail>;
}

/// A directory of the file system, which one journal at a time has to itself.
#[derive(Debug)]
pub(crate) struct FileDisk {
    mappings: Mappings,
    files: Mutex<BTreeMap<String, Arc<File>>>,
}

impl FileDisk {
    /// Locks a directory, as [`Mappings::lock`].
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            mappings: Mappings::lock(directory)?,
            files: Mutex::default(),
        })
    }

    fn file(&self, name: &str) -> io::Result<Arc<File>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(name) {
            return Ok(Arc::clone(file));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(self.mappings.directory().join(name))?;
        if files.len() >= FILES_MAX {
            files.pop_first();
        }
        let file = Arc::new(file);
        files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

impl Disk for FileDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.mappings.directory())? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::symlink_metadata(self.mappings.directory().join(name))?.len())
    }

    fn create(&self, name: &str, len: u64, is_written: bool) -> io::Result<()> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.mappings.directory().join(name))?;
        // A full disk says so here, at once, and not at a store to the mapping.
        let reserved = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len);
        let must_write = match reserved {
            Ok(()) => is_written,
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => true,
            Err(error) => return Err(error.into()),
        };
        if !must_write {
            return Ok(());
        }
        // Real zeros: a sync of a reserved place writes metadata as well.
        let zeros = vec![0; ZEROS_BYTES];
        let mut offset = 0;
        while offset < len {
            let count = usize::try_from(len - offset).map_or(ZEROS_BYTES, |it| it.min(ZEROS_BYTES));
            file.write_all_at(&zeros[..count], offset)?;
            offset += count as u64;
        }
        Ok(())
    }

    fn read(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file(name)?.read_exact_at(bytes, offset)
    }

    fn write(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all_at(bytes, offset)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(self.mappings.directory())?.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.remove(name);
        drop(files);
        fs::remove_file(self.mappings.directory().join(name))
    }

    fn map(&self, name: &str) -> io::Result<Arc<Map>> {
        self.mappings.map(name)
    }

    fn map_tail(&self, name: &str, end: usize) -> io::Result<Tail> {
        self.mappings.map_tail(name, end)
    }
}
