//! The memory of a segment: written at one end, and read up to there.
//!
//! # Who may touch what
//!
//! | bytes | [`Tail`], at most one | everybody with a [`Map`] |
//! |---|---|---|
//! | before `published` | nobody writes them any more | reads |
//! | from `published` on | writes | nothing |
//!
//! `published` grows only, by [`Tail::publish`].
//!
//! # What is assumed of the world
//!
//! That no other process, and nothing else in this one, writes to the files while they are mapped.
//! It is established as far as a process can: the directory and its files are closed to other users,
//! the directory is locked exclusively for as long as a [`Mappings`] lives, and a `Mappings` maps a
//! file once. A program of the same user that ignores the lock could as well write to our memory
//! through `/proc`. If it cuts a file that is mapped, or the device cannot read a page, the process
//! ends by SIGBUS at the next access, which is what a `kill -9` does: the journal is made for that,
//! and names what is gone when it is opened again.
#![expect(unsafe_code, reason = "maps files and hands out slices of the mapping")]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use memmap2::MmapRaw;

#[cfg(test)]
use crate::sync::UnsafeCell;
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

/// The file that is locked while a directory is in use.
const LOCK: &str = "lock";

/// Every place that is published begins at a multiple of this.
pub(crate) const ALIGNMENT: usize = 8;

/// The bytes of a segment, of which those before `published` never change.
#[derive(Debug)]
pub(crate) struct Map {
    // Invariant: `len` bytes behind it are readable and writable as long as `backing` lives, and it
    // is a multiple of ALIGNMENT.
    base: NonNull<u8>,
    len: usize,
    // Invariant: at most `len`; a multiple of ALIGNMENT or `len`.
    published: AtomicUsize,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    File {
        file: File,
        memory: MmapRaw,
    },
    #[cfg(test)]
    Heap(Heap),
}

/// What a test does instead of a sync.
#[cfg(test)]
pub(crate) type OnSync = Box<dyn Fn(&Map) -> io::Result<()> + Send + Sync>;

/// Memory that stands for a file in tests and under Miri.
#[cfg(test)]
pub(crate) struct Heap {
    // Eight bytes each, for the alignment.
    _words: Box<[UnsafeCell<u64>]>,
    /// Called by [`Map::sync`] with the map.
    on_sync: OnSync,
}

#[cfg(test)]
impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap").finish_non_exhaustive()
    }
}

// SAFETY: a map owns its memory (or the mapping of a file that nobody else writes, see the module);
// the bytes before `published` are only read, by whichever thread, and those behind it are reached
// through the one `Tail` alone.
unsafe impl Send for Map {}
// SAFETY: as above; `&Map` reads the bytes before `published` only.
unsafe impl Sync for Map {}

impl Map {
    /// The length of the segment, published or not.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All bytes that never change any more.
    #[inline]
    pub(crate) fn published(&self) -> &[u8] {
        // SYNC: pairs with the Release store in Tail::publish().
        let len = self.published.load(Ordering::Acquire);
        // SAFETY: len <= self.len (invariant of `published`), so the bytes are in the mapping, which
        // lives as long as `self`. Nobody writes before `published` any more: the tail begins there
        // and `published` never goes back. What it wrote happened before the load.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), len) }
    }

    /// Makes the bytes durable, published or not.
    ///
    /// # Errors
    ///
    /// What the system answers; what was written before may be lost then.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match &self.backing {
            Backing::File { file, .. } => file.sync_data(),
            #[cfg(test)]
            Backing::Heap(heap) => (heap.on_sync)(self),
        }
    }

    /// Asks the system for the pages of a range, so that writing to them does not trap.
    ///
    /// It is a hint: an error is no more than a later trap.
    pub(crate) fn populate(&self, start: usize, len: usize) {
        let len = len.min(self.len.saturating_sub(start));
        match &self.backing {
            #[cfg(target_os = "linux")]
            Backing::File { memory, .. } if len > 0 => {
                let _ = memory.advise_range(memmap2::Advice::PopulateWrite, start, len);
            }
            Backing::File { .. } => {}
            #[cfg(test)]
            Backing::Heap(_) => {}
        }
    }

    fn of_file(file: File, published: Option<usize>) -> io::Result<Self> {
        let memory = MmapRaw::map_raw(&file)?;
        let base = NonNull::new(memory.as_mut_ptr()).ok_or(io::ErrorKind::OutOfMemory)?;
        debug_assert_eq!(base.addr().get() % ALIGNMENT, 0, "a mapping begins a page");
        let len = memory.len();
        Self::new(base, len, published, Backing::File { file, memory })
    }

    /// # Errors
    ///
    /// `published` is not within the memory, or not at a multiple of [`ALIGNMENT`].
    fn new(
        base: NonNull<u8>,
        len: usize,
        published: Option<usize>,
        backing: Backing,
    ) -> io::Result<Self> {
        let published = published.unwrap_or(len);
        let is_place = published == len || published.is_multiple_of(ALIGNMENT);
        if published > len || !is_place {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self {
            base,
            len,
            published: AtomicUsize::new(published),
            backing,
        })
    }

    #[cfg(test)]
    pub(crate) fn of_heap(
        bytes: &[u8],
        published: Option<usize>,
        on_sync: OnSync,
    ) -> io::Result<Arc<Self>> {
        let words: Box<[UnsafeCell<u64>]> = (0..bytes.len().div_ceil(8))
            .map(|_| UnsafeCell::new(0))
            .collect();
        let base = NonNull::new(words.as_ptr().cast_mut().cast::<u8>()).expect("a box has one");
        // SAFETY: there are as many bytes behind `base`, in cells that nobody else knows yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), base.as_ptr(), bytes.len()) };
        let heap = Heap {
            _words: words,
            on_sync,
        };
        Self::new(base, bytes.len(), published, Backing::Heap(heap)).map(Arc::new)
    }

    /// A copy of all bytes, published or not, for tests in which nobody writes meanwhile.
    #[cfg(test)]
    pub(crate) fn copy(&self) -> Vec<u8> {
        // SAFETY: the bytes are in the memory; a test's one thread does not write meanwhile.
        let bytes = unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) };
        bytes.to_vec()
    }
}

/// The end of a segment: the one way to write to its memory.
#[derive(Debug)]
pub(crate) struct Tail {
    map: Arc<Map>,
    // Invariant: equal to the map's `published`, which nobody else changes.
    end: usize,
}

impl Tail {
    /// Of memory that stands for a file. A test makes one for each map.
    #[cfg(test)]
    pub(crate) fn of_heap(map: Arc<Map>) -> Self {
        let end = map.published().len();
        Self { map, end }
    }

    /// The segment's memory.
    pub(crate) const fn map(&self) -> &Arc<Map> {
        &self.map
    }

    /// Where the published bytes end.
    #[inline]
    pub(crate) const fn end(&self) -> usize {
        self.end
    }

    /// What is not published yet.
    #[inline]
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let len = self.map.len - self.end;
        // SAFETY: end <= len (invariants of `end` and `published`), so this stays in the memory.
        let start = unsafe { self.map.base.add(self.end) };
        // SAFETY: the bytes are in the memory, which the Arc keeps alive. Readers reach none of them:
        // they lie behind `published`. There is one tail for a map, and it is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) }
    }

    /// Publishes the next `bytes` bytes, of which the first four become `word` last of all.
    ///
    /// Whoever finds the word in the file after this process was killed finds what it stands for.
    ///
    /// # Panics
    ///
    /// If there are not so many, less than four, or no multiple of [`ALIGNMENT`]: a bug.
    #[inline]
    pub(crate) fn publish(&mut self, bytes: usize, word: u32) {
        assert!(
            bytes <= self.map.len - self.end && bytes >= 4 && bytes.is_multiple_of(ALIGNMENT),
            "what is published was written"
        );
        // SAFETY: end + 4 <= end + bytes <= len, checked above.
        let place = unsafe { self.map.base.add(self.end) };
        // SAFETY: four bytes of the room, which this tail alone reaches; `base` and `end` are
        // multiples of ALIGNMENT: the first by its invariant, the second since it began as one
        // (checked in Map::new; a tail that begins at `len` has nothing to publish) and grows by
        // multiples.
        let first = unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) };
        // SYNC: what was written before is in the file before the word, for whoever maps it.
        first.store(word.to_le(), Ordering::Release);
        self.end += bytes;
        // SYNC: pairs with the Acquire load in Map::published().
        self.map.published.store(self.end, Ordering::Release);
    }
}

/// A locked directory, whose files are each mapped at most once.
#[derive(Debug)]
pub(crate) struct Mappings {
    directory: PathBuf,
    // Invariant: locked as long as this lives.
    _lock: File,
    live: Mutex<BTreeMap<String, Weak<Map>>>,
}

impl Mappings {
    /// Makes the directory if there is none, and locks it.
    ///
    /// # Errors
    ///
    /// What the system answers; [`io::ErrorKind::WouldBlock`] if it is in use, and
    /// [`io::ErrorKind::PermissionDenied`] if other users may write to it or own it.
    pub(crate) fn lock(directory: &Path) -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory)?;
        let found = std::fs::metadata(directory)?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw();
        if !is_ours || found.permissions().mode() & 0o022 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the directory must belong to this user, and nobody else may write to it",
            ));
        }
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
            _lock: lock,
            live: Mutex::default(),
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A whole file that nobody writes to any more, or what is published of one that is written to.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub(crate) fn map(&self, name: &str) -> io::Result<Arc<Map>> {
        let mut live = self.live();
        if let Some(map) = live.get(name).and_then(Weak::upgrade) {
            return Ok(map);
        }
        let map = Arc::new(Map::of_file(self.open(name)?, None)?);
        live.retain(|_, map| map.strong_count() > 0);
        live.insert(name.to_owned(), Arc::downgrade(&map));
        Ok(map)
    }

    /// A file that is written to from `end` on.
    ///
    /// # Errors
    ///
    /// What the system answers; [`io::ErrorKind::ResourceBusy`] if it is mapped.
    pub(crate) fn map_tail(&self, name: &str, end: usize) -> io::Result<Tail> {
        let mut live = self.live();
        if live.get(name).is_some_and(|map| map.strong_count() > 0) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        // The one map of this file, so the one tail.
        let map = Arc::new(Map::of_file(self.open(name)?, Some(end))?);
        live.insert(name.to_owned(), Arc::downgrade(&map));
        Ok(Tail { map, end })
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(self.directory.join(name))
    }

    fn live(&self) -> MutexGuard<'_, BTreeMap<String, Weak<Map>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
