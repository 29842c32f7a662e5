//! Mapped memory: anonymous, of a memfd, of a file.

use core::fmt;
use core::ptr::NonNull;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _};

use memmap2::{Advice, MmapOptions, MmapRaw};

use super::Region;
use crate::sync::{AtomicU8, Ordering};

/// The smallest page of any machine that this runs on, in bytes: what is touched to get every page.
const PAGE_BYTES_MIN: usize = 4_096;

/// The size of a huge page where `MFD_HUGETLB` is not told another, in bytes.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The most NUMA nodes that a hint can name.
const NODES_MAX: u32 = 64;

/// What a mapping should be like where the machine can do it; nothing of it is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hints {
    /// Back the memory with huge pages, so that it takes fewer entries of the TLB.
    pub huge_pages: bool,
    /// Get every page now, so that the first access to it does not fault.
    pub prefault: bool,
    /// Take pages of this NUMA node, if it has any; below 64.
    pub numa_node: Option<u32>,
}

/// What of the [`Hints`] the system granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent answers of the system"
)]
pub struct Grants {
    /// The memory consists of huge pages (`MFD_HUGETLB`, `MAP_HUGETLB`).
    pub has_huge_pages: bool,
    /// The system said that it will use huge pages where it finds some (`MADV_HUGEPAGE`).
    pub is_huge_page_candidate: bool,
    /// Every page is there.
    pub is_prefaulted: bool,
    /// The system said that it will prefer pages of this node.
    pub numa_node: Option<u32>,
    /// Nobody can make the memory shorter: no access will end in `SIGBUS`.
    pub is_shrink_sealed: bool,
}

/// Mapped memory.
pub struct Mapping {
    memory: MmapRaw,
    /// None if the memory is anonymous.
    file: Option<File>,
    grants: Grants,
}

impl Mapping {
    /// Memory of this process alone.
    ///
    /// # Errors
    ///
    /// The system has no such memory, or the size is zero.
    pub fn anonymous(size_bytes: usize, hints: Hints) -> io::Result<Self> {
        if hints.huge_pages {
            let whole = size_bytes.next_multiple_of(HUGE_PAGE_BYTES);
            if let Ok(memory) = MmapOptions::new().len(whole).huge(None).map_anon() {
                return Ok(Self::new(memory.into(), None, true, false, hints));
            }
        }
        let memory = MmapOptions::new().len(size_bytes).map_anon()?;
        Ok(Self::new(memory.into(), None, false, true, hints))
    }

    /// Memory for other processes, without a name in any file system; the name is for people who
    /// look at `/proc`.
    ///
    /// It is sealed: its length never changes. Another process gets it by its descriptor: over a
    /// socket, by inheritance, or through `/proc/<pid>/fd`, and maps it with [`file`](Self::file).
    ///
    /// # Errors
    ///
    /// The system has no such memory, the size is zero, or the name contains a zero byte.
    pub fn memfd(name: &str, size_bytes: usize, hints: Hints) -> io::Result<Self> {
        let name = CString::new(name)?;
        if hints.huge_pages {
            let whole = size_bytes.next_multiple_of(HUGE_PAGE_BYTES);
            let file = memfd(&name, libc::MFD_HUGETLB, whole);
            if let Ok(memory) = file.and_then(|file| Ok((map(&file)?, file))) {
                return Ok(Self::new(memory.0, Some(memory.1), true, true, hints));
            }
        }
        let file = memfd(&name, 0, size_bytes)?;
        Ok(Self::new(map(&file)?, Some(file), false, true, hints))
    }

    /// The whole of a file that was opened for reading and writing, or of another process's memfd.
    ///
    /// See the [module](super) on what happens when the file is made shorter.
    ///
    /// # Errors
    ///
    /// The file cannot be mapped; an empty file cannot.
    pub fn file(file: File, hints: Hints) -> io::Result<Self> {
        let memory = map(&file)?;
        Ok(Self::new(memory, Some(file), false, true, hints))
    }

    /// What the system granted of the hints.
    #[must_use]
    pub const fn grants(&self) -> Grants {
        self.grants
    }

    /// The descriptor that another process needs; none for anonymous memory.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(File::as_fd)
    }

    fn new(
        memory: MmapRaw,
        file: Option<File>,
        has_huge_pages: bool,
        may_advise: bool,
        hints: Hints,
    ) -> Self {
        let mut grants = Grants {
            has_huge_pages,
            is_shrink_sealed: file.as_ref().is_none_or(is_shrink_sealed),
            ..Grants::default()
        };
        if hints.huge_pages && may_advise && !has_huge_pages {
            grants.is_huge_page_candidate = memory.advise(Advice::HugePage).is_ok();
        }
        // Before the pages are there: a policy does not move them.
        grants.numa_node = hints.numa_node.filter(|node| prefer_node(&memory, *node));
        if hints.prefault {
            // A file that has become shorter would kill us while we touch it; the call does not.
            grants.is_prefaulted = memory.advise(Advice::PopulateWrite).is_ok();
            if !grants.is_prefaulted && grants.is_shrink_sealed {
                touch(&memory);
                grants.is_prefaulted = true;
            }
        }
        Self {
            memory,
            file,
            grants,
        }
    }
}

// SAFETY: the mapping has this length, is aligned to a page, stays until it is dropped, and is
// shown to nobody but as a pointer. A file that is made shorter ends the process with `SIGBUS`,
// which the module's documentation says; it does not hand out other memory.
unsafe impl Region for Mapping {
    fn base(&self) -> NonNull<u8> {
        NonNull::new(self.memory.as_mut_ptr()).expect("no mapping begins at address zero")
    }

    fn size_bytes(&self) -> usize {
        self.memory.len()
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("size_bytes", &self.memory.len())
            .field("file", &self.file)
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}

/// The whole file, for reading and writing, seen by everybody who maps it.
fn map(file: &File) -> io::Result<MmapRaw> {
    let memory = MmapOptions::new().map_raw(file)?;
    if memory.len() == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an empty file holds no memory",
        ));
    }
    Ok(memory)
}

/// An empty, nameless file in memory, of this length for good.
fn memfd(name: &CString, flags: libc::c_uint, size_bytes: usize) -> io::Result<File> {
    let flags = flags | libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name ends with a zero byte and lives over the call, which keeps no pointer to it.
    let descriptor = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above made the descriptor for us, nobody else has it.
    let file = unsafe { File::from_raw_fd(descriptor) };
    file.set_len(size_bytes as u64)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: the call takes integers and touches no memory of ours.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}

fn is_shrink_sealed(file: &File) -> bool {
    // SAFETY: the call takes integers and touches no memory of ours.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    // Negative where the file is of a kind that has no seals.
    seals >= 0 && seals & libc::F_SEAL_SHRINK != 0
}

/// Asks for pages of a node; true if the system agreed.
fn prefer_node(memory: &MmapRaw, node: u32) -> bool {
    if node >= NODES_MAX {
        return false;
    }
    let nodes = 1_u64 << node;
    // The kernel takes one bit less than it is told.
    let bits = u64::from(NODES_MAX) + 1;
    // SAFETY: the range is our mapping, the mask is one word of 64 bits that lives over the call;
    // the call changes where future pages come from and no content.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            memory.as_mut_ptr(),
            memory.len(),
            libc::MPOL_PREFERRED,
            &raw const nodes,
            bits,
            0,
        )
    };
    answer == 0
}

/// Makes every page present without changing a byte.
fn touch(memory: &MmapRaw) {
    for offset in (0..memory.len()).step_by(PAGE_BYTES_MIN) {
        // SAFETY: the offset is below the length of the mapping.
        let place = unsafe { memory.as_mut_ptr().add(offset) };
        // SAFETY: the byte is mapped, and this process only makes atomic accesses to it.
        let byte = unsafe { AtomicU8::from_ptr(place) };
        byte.fetch_or(0, Ordering::Relaxed);
    }
}
