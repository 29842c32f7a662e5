//! Memory that the caller provides for a ring: on the heap, mapped, or shared with other processes.
//!
//! | region | other processes | goes away |
//! |---|---|---|
//! | [`Heap`] | no | with its last owner |
//! | [`Mapping::anonymous`] | no | with its last owner |
//! | [`Mapping::memfd`] | those that get the descriptor | with the last descriptor and mapping |
//! | [`Mapping::file`] | those that open the file | when somebody removes the file |
//!
//! A file that is made shorter while it is mapped turns every access to the missing pages into
//! `SIGBUS`. A memfd is sealed against that; for a file, whoever may write to it must be trusted
//! not to do it. [`Grants::is_shrink_sealed`] tells which of the two it is.
#![expect(
    unsafe_code,
    reason = "memory is asked for and freed here, and its bounds are promised to the rings"
)]

mod mapping;

pub use self::mapping::{Grants, Hints, Mapping};

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use core::fmt;
use core::ptr::NonNull;

/// What the base of a region is at least aligned to, in bytes; pages always are.
pub const REGION_ALIGN_BYTES: usize = 128;

/// Memory of a fixed place and length, in which a ring can lie.
///
/// # Safety
///
/// As long as the value lives, and wherever it is moved to:
///
/// - the `len` bytes from `base` on can be read and written, and do not move;
/// - `base` is the same at every call and a multiple of [`REGION_ALIGN_BYTES`];
/// - this process accesses them through the pointer only: there is no `&[u8]`, no `&mut [u8]`
///   and no other value in them.
///
/// What other processes do to the bytes is of no concern here.
pub unsafe trait Region: fmt::Debug + Send + Sync + 'static {
    /// The first byte.
    fn base(&self) -> NonNull<u8>;

    /// How many bytes there are.
    fn size_bytes(&self) -> usize;
}

/// Zeroed memory on the heap, for rings between threads and for tests.
///
/// # Examples
///
/// ```
/// use claude_flow_ringbuf::region::{Heap, Region as _};
///
/// let region = Heap::new(4_096);
/// assert_eq!(region.size_bytes(), 4_096);
/// ```
pub struct Heap {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: `base` is freed only in `drop`, `layout` is plain data, and the bytes are reached only
// through `base`, by whoever argues for its accesses.
unsafe impl Send for Heap {}
// SAFETY: as for `Send`; a shared `Heap` only tells where the bytes are.
unsafe impl Sync for Heap {}

impl Heap {
    /// So many zeroed bytes, at least one.
    ///
    /// # Panics
    ///
    /// If no memory can be that large.
    #[must_use]
    pub fn new(size_bytes: usize) -> Self {
        let layout = Layout::from_size_align(size_bytes.max(1), REGION_ALIGN_BYTES)
            .expect("the size is below half of the address space");
        // SAFETY: the size is at least one.
        let memory = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        Self { base, layout }
    }
}

// SAFETY: the allocation has this size and alignment, stays where it is until it is dropped, and
// nothing else points to it.
unsafe impl Region for Heap {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn size_bytes(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: `base` came from `alloc_zeroed` with this layout and is freed only here.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("size_bytes", &self.layout.size())
            .finish_non_exhaustive()
    }
}
