//! Bytes that another process may change at any moment: copied in, copied out, looked at in place.
//!
//! A `&[u8]` promises that the bytes do not change, a `&mut [u8]` that nobody else looks at them.
//! Nobody can promise either for memory that a process we do not control has mapped. So all
//! accesses here are relaxed atomic ones, of whole words where the places are aligned to words:
//! they may read any mixture of what was written, which is a value like any other, and they race
//! with nothing.
//!
//! On x86-64 most bytes go 16 at a time through inline assembly, which the language has no atomic
//! type for. Such a block does what a loop of relaxed accesses to its 16 bytes would do, in one
//! of the orders in which those may happen; the compiler may assume no more of it.
#![expect(
    unsafe_code,
    reason = "bytes are copied between this process's memory and shared memory"
)]
#![expect(
    clippy::cast_ptr_alignment,
    reason = "the alignment is looked at, or the access is an unaligned one"
)]

use core::fmt;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, size_of};
use core::ptr::NonNull;

use bytemuck::{AnyBitPattern, NoUninit};

use crate::sync::{AtomicU8, AtomicU64, Ordering};

const WORD_BYTES: usize = size_of::<u64>();

/// What is copied at a time where the architecture has registers of that size.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const BLOCK_BYTES: usize = 16;

/// Copies private bytes to shared ones.
///
/// # Safety
///
/// `len` bytes from `source` on can be read and do not change; `len` bytes from `target` on are
/// in a region.
#[inline]
pub(super) unsafe fn store(target: *mut u8, source: *const u8, len: usize) {
    let mut at = 0;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    while at + BLOCK_BYTES <= len {
        // SAFETY: the block ends at or before `len`.
        let from = unsafe { source.add(at) };
        // SAFETY: as above.
        let to = unsafe { target.add(at) };
        // SAFETY: the caller vouches for the 16 bytes on both sides.
        unsafe { copy_block(to, from) };
        at += BLOCK_BYTES;
    }
    if target.cast::<u64>().is_aligned() {
        while at + WORD_BYTES <= len {
            // SAFETY: the word ends at or before `len`.
            let word = unsafe { source.add(at).cast::<u64>().read_unaligned() };
            // SAFETY: as above; `target` is aligned, and so are multiples of a word from it.
            let place = unsafe { AtomicU64::from_ptr(target.add(at).cast()) };
            place.store(word, Ordering::Relaxed);
            at += WORD_BYTES;
        }
    }
    while at < len {
        // SAFETY: `at` is below `len`.
        let byte = unsafe { source.add(at).read() };
        // SAFETY: as above.
        let place = unsafe { AtomicU8::from_ptr(target.add(at)) };
        place.store(byte, Ordering::Relaxed);
        at += 1;
    }
}

/// Copies shared bytes to private ones.
///
/// # Safety
///
/// `len` bytes from `source` on are in a region; `len` bytes from `target` on can be written and
/// nobody else touches them.
#[inline]
pub(super) unsafe fn load(source: *const u8, target: *mut u8, len: usize) {
    let mut at = 0;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    while at + BLOCK_BYTES <= len {
        // SAFETY: the block ends at or before `len`.
        let from = unsafe { source.add(at) };
        // SAFETY: as above.
        let to = unsafe { target.add(at) };
        // SAFETY: the caller vouches for the 16 bytes on both sides.
        unsafe { copy_block(to, from) };
        at += BLOCK_BYTES;
    }
    if source.cast::<u64>().is_aligned() {
        while at + WORD_BYTES <= len {
            // SAFETY: the word ends at or before `len`; `source` is aligned, and so are multiples
            // of a word from it. The pointer came from a region, whose bytes can be written.
            let place = unsafe { AtomicU64::from_ptr(source.add(at).cast::<u64>().cast_mut()) };
            let word = place.load(Ordering::Relaxed);
            // SAFETY: the word ends at or before `len`.
            unsafe { target.add(at).cast::<u64>().write_unaligned(word) };
            at += WORD_BYTES;
        }
    }
    while at < len {
        // SAFETY: `at` is below `len`; as above for the writing.
        let place = unsafe { AtomicU8::from_ptr(source.add(at).cast_mut()) };
        let byte = place.load(Ordering::Relaxed);
        // SAFETY: `at` is below `len`.
        unsafe { target.add(at).write(byte) };
        at += 1;
    }
}

/// Copies 16 bytes of which one side is shared.
///
/// # Safety
///
/// The private side can be read or written and does not change meanwhile; the other is in a region.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
unsafe fn copy_block(target: *mut u8, source: *const u8) {
    // SAFETY: SSE2 belongs to the architecture; the instructions take any alignment and touch
    // the 16 bytes on either side, for which the caller vouches.
    unsafe {
        core::arch::asm!(
            "movups {block}, xmmword ptr [{source}]",
            "movups xmmword ptr [{target}], {block}",
            block = out(xmm_reg) _,
            source = in(reg) source,
            target = in(reg) target,
            options(nostack, preserves_flags),
        );
    }
}

/// Asks for the line of a place that will be read soon.
#[inline]
pub(super) fn prefetch_to_read(place: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every processor of this architecture has the instruction, and it cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Asks for the line of a place that will be written soon.
#[inline]
pub(super) fn prefetch_to_write(place: NonNull<u8>) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: `prefetchw` cannot fault and changes nothing that the program can see; a processor
    // of this architecture that does not know it takes it for an instruction without effect.
    unsafe {
        core::arch::asm!(
            "prefetchw byte ptr [{place}]",
            place = in(reg) place.as_ptr(),
            options(nostack, preserves_flags, readonly),
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// Copies a value of a plain type out of shared memory.
///
/// # Safety
///
/// The bytes of a `T` from `source` on are in a region.
#[inline]
pub(super) unsafe fn load_value<T: AnyBitPattern>(source: *const u8) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the caller vouches for the source; the target is ours and as long as a `T`.
    unsafe { load(source, value.as_mut_ptr().cast(), size_of::<T>()) };
    // SAFETY: all bytes were written, and any bytes are a `T`.
    unsafe { value.assume_init() }
}

/// Bytes in shared memory, to be read where they are.
///
/// The other process may change them meanwhile, however it should behave: two reads of one byte
/// can differ. Whoever checks something copies it out first and checks the copy.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// `len` bytes from here on are in a region that outlives `'a`.
    first: NonNull<u8>,
    len: usize,
    region: PhantomData<&'a AtomicU8>,
}

// SAFETY: the bytes are in a region, which is Sync, and are accessed by atomics.
unsafe impl Send for View<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// Looks at bytes of a region.
    ///
    /// # Safety
    ///
    /// `len` bytes from `first` on are in a [`Region`](crate::region::Region) that outlives `'a`,
    /// and this process accesses them by views or atomics only.
    #[inline]
    #[must_use]
    pub const unsafe fn from_raw(first: NonNull<u8>, len: usize) -> Self {
        Self {
            first,
            len,
            region: PhantomData,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` bytes from `offset` on; none if that is beyond the end.
    #[must_use]
    pub fn part(&self, offset: usize, len: usize) -> Option<View<'a>> {
        let end = offset.checked_add(len)?;
        // SAFETY: `offset` is at most `end`, which is checked before the closure runs.
        let first = || unsafe { self.first.add(offset) };
        // SAFETY: `end` is at most our length, so the bytes are among ours.
        (end <= self.len).then(|| unsafe { View::from_raw(first(), len) })
    }

    /// Copies all bytes out.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    #[inline]
    pub fn copy_to(&self, target: &mut [u8]) {
        assert_eq!(target.len(), self.len, "the bytes fit the target");
        // SAFETY: our bytes are in a region; the target is as long.
        unsafe { load(self.first.as_ptr(), target.as_mut_ptr(), self.len) };
    }

    /// Copies all bytes into a new vector.
    #[must_use]
    pub fn to_vec(&self) -> alloc::vec::Vec<u8> {
        let mut bytes = alloc::vec![0; self.len];
        self.copy_to(&mut bytes);
        bytes
    }

    /// Copies a value out; none if it reaches beyond the end.
    ///
    /// Any alignment will do; whole words are read at a time if the address is a multiple of 8.
    #[inline]
    #[must_use]
    pub fn read<T: AnyBitPattern>(&self, offset: usize) -> Option<T> {
        let part = self.part(offset, size_of::<T>())?;
        // SAFETY: the part is in a region and as long as a `T`.
        Some(unsafe { load_value(part.first.as_ptr()) })
    }

    /// Where the bytes are.
    #[must_use]
    pub const fn as_ptr(&self) -> *const u8 {
        self.first.as_ptr()
    }

    /// The bytes as a slice, without a copy.
    ///
    /// # Safety
    ///
    /// No process changes the bytes while the slice lives. A producer of this crate does not
    /// touch a record that was not released; whether the other process is such a one, only the
    /// caller can know.
    #[must_use]
    pub const unsafe fn as_slice(&self) -> &'a [u8] {
        // SAFETY: the bytes are in a region, hence initialised; the caller says that they stand still.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// Bytes in shared memory, to be written where they are.
///
/// They hold whatever was there before: what is not written is sent as it is.
pub struct ViewMut<'a> {
    /// `len` bytes from here on are in a region that outlives `'a`.
    first: NonNull<u8>,
    len: usize,
    region: PhantomData<&'a mut AtomicU8>,
}

// SAFETY: the bytes are in a region, which is Sync, and are accessed by atomics.
unsafe impl Send for ViewMut<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for ViewMut<'_> {}

impl ViewMut<'_> {
    /// Looks at bytes of a region, to write them.
    ///
    /// # Safety
    ///
    /// `len` bytes from `first` on are in a [`Region`](crate::region::Region) that outlives `'a`,
    /// and this process accesses them by views or atomics only.
    #[inline]
    #[must_use]
    pub const unsafe fn from_raw(first: NonNull<u8>, len: usize) -> Self {
        Self {
            first,
            len,
            region: PhantomData,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same bytes, to be read.
    #[must_use]
    pub const fn as_view(&self) -> View<'_> {
        // SAFETY: our bytes are in a region that outlives us.
        unsafe { View::from_raw(self.first, self.len) }
    }

    /// Copies bytes in from `offset` on.
    ///
    /// # Panics
    ///
    /// If they reach beyond the end.
    #[inline]
    pub fn write_bytes(&mut self, offset: usize, bytes: &[u8]) {
        let part = self.as_view().part(offset, bytes.len());
        let part = part.expect("the bytes fit the place");
        // SAFETY: the part is in a region and as long as the bytes.
        unsafe { store(part.first.as_ptr(), bytes.as_ptr(), bytes.len()) };
    }

    /// Copies a value in at `offset`; any alignment will do.
    ///
    /// # Panics
    ///
    /// If it reaches beyond the end.
    #[inline]
    pub fn write<T: NoUninit>(&mut self, offset: usize, value: &T) {
        self.write_bytes(offset, bytemuck::bytes_of(value));
    }

    /// Where the bytes are.
    #[must_use]
    pub const fn as_mut_ptr(&mut self) -> *mut u8 {
        self.first.as_ptr()
    }

    /// The bytes as a slice, to be written without a copy.
    ///
    /// # Safety
    ///
    /// No process touches the bytes while the slice lives. A consumer of this crate does not
    /// look at what was not published; whether the other process is such a one, only the caller
    /// can know.
    #[must_use]
    pub const unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the bytes are in a region, hence initialised; the caller says that they are ours.
        unsafe { core::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl fmt::Debug for ViewMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewMut")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
