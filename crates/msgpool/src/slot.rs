//! A slot that is in use: what a buffer and a message have in common.
#![expect(unsafe_code, reason = "reads and writes payloads in the region")]

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use crate::core::{Class, Core, lease};
use crate::layout::{LINE_BYTES, SlotHeader};
use crate::local;
use crate::options::{CLASS_BYTES_MAX, SLOTS_MAX};
use crate::sync::{Ordering, fence};

/// The part of a slot's state that counts handles beyond the first.
const HANDLES: u64 = 0xFFFF_FFFF;
/// One more generation.
const GENERATION: u64 = 1 << 32;
/// More handles than this are a leak in a loop; the count must not reach the generation.
const HANDLES_MAX: u64 = 1 << 31;

/// A slot in use, and the part of its payload that a handle shows.
///
/// Whoever has it decides whether it is the only one who has. It keeps the core, and with it the
/// class, header and payload. Two words, so that it is passed in registers: what is written to
/// memory in pieces and copied in larger ones stalls for some 20 cycles.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The address of the slot's [`Class`]; with [`IN_HEAP`] set, that of its [`HeapSlot`].
    place: NonNull<u8>,
    /// [`Shown::packed`] of a slot in a class; in the heap, [`Shown::packed_in_heap`].
    /// `start` and `len` are within the payload.
    shown: u64,
}

/// Set in the address of a slot from the heap; classes and heap slots are aligned to more.
const IN_HEAP: usize = 1;

const _: () = assert!(align_of::<Class>() > IN_HEAP && align_of::<HeapSlot>() > IN_HEAP);
const _: () = assert!(SLOTS_MAX <= 1 << INDEX_BITS && CLASS_BYTES_MAX < 1 << LEN_BITS);

const INDEX_BITS: u32 = 22;
const LEN_BITS: u32 = 21;

/// What a handle shows of which slot.
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// The slot's number in its class; nothing in the heap.
    index: u32,
    start: u32,
    len: u32,
}

impl Shown {
    #[inline]
    fn packed(self) -> u64 {
        let index = u64::from(self.index) << (2 * LEN_BITS);
        index | u64::from(self.start) << LEN_BITS | u64::from(self.len)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked to fewer bits")]
    fn unpacked(packed: u64) -> Self {
        let mask = (1 << LEN_BITS) - 1;
        Self {
            index: (packed >> (2 * LEN_BITS)) as u32,
            start: (packed >> LEN_BITS & mask) as u32,
            len: (packed & mask) as u32,
        }
    }

    fn packed_in_heap(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.len)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
    fn unpacked_in_heap(packed: u64) -> Self {
        Self {
            index: 0,
            start: (packed >> 32) as u32,
            len: packed as u32,
        }
    }
}

/// What lies one line in front of a payload from the heap.
#[repr(C, align(64))]
#[derive(Debug)]
struct HeapSlot {
    header: SlotHeader,
    core: NonNull<Core>,
    capacity: u32,
}

const _: () = assert!(size_of::<HeapSlot>() == LINE_BYTES || cfg!(loom));

impl Slot {
    /// The slot that a taker was given.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) fn lend(class: &Class, index: u32, len: u32) -> Option<Self> {
        let header = class.headers.get(index)?;
        debug_assert!(len <= class.payload_bytes);
        header.lease.store(lease(len), Ordering::Relaxed);
        Some(Self {
            place: NonNull::from(class).cast(),
            shown: Shown {
                index,
                start: 0,
                len,
            }
            .packed(),
        })
    }
    /// A slot from the heap; none if the heap has none.
    pub(crate) fn from_heap(core: &Core, len: u32) -> Option<Self> {
        let layout = heap_layout(len)?;
        // SAFETY: the size is at least that of HeapSlot, not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let slot = HeapSlot {
            header: SlotHeader::default(),
            core: NonNull::from(core),
            capacity: len,
        };
        // SAFETY: aligned and big enough by heap_layout(), and nobody else's.
        unsafe { block.cast::<HeapSlot>().write(slot) };
        core.hold();
        Some(Self {
            place: block.map_addr(|address| address | IN_HEAP),
            shown: Shown {
                index: 0,
                start: 0,
                len,
            }
            .packed_in_heap(),
        })
    }

    #[cfg(all(test, loom))]
    pub(crate) fn index(&self) -> u32 {
        self.shown().index
    }

    #[inline]
    pub(crate) fn is_heap(&self) -> bool {
        self.place.addr().get() & IN_HEAP != 0
    }

    #[inline]
    fn class(&self) -> Option<NonNull<Class>> {
        (!self.is_heap()).then_some(self.place.cast())
    }

    #[inline]
    fn shown(&self) -> Shown {
        if self.is_heap() {
            Shown::unpacked_in_heap(self.shown)
        } else {
            Shown::unpacked(self.shown)
        }
    }

    fn show(&mut self, shown: Shown) {
        self.shown = if self.is_heap() {
            shown.packed_in_heap()
        } else {
            shown.packed()
        };
    }

    /// The block of a slot from the heap.
    ///
    /// # Safety
    ///
    /// The slot is from the heap.
    unsafe fn heap(&self) -> NonNull<HeapSlot> {
        debug_assert!(self.is_heap());
        let block = self.place.as_ptr().map_addr(|address| address & !IN_HEAP);
        // SAFETY: it was the address of an allocation before it was marked.
        unsafe { NonNull::new_unchecked(block) }.cast()
    }

    pub(crate) fn capacity(&self) -> u32 {
        match self.class() {
            // SAFETY: the slot keeps the core, which has the class.
            Some(class) => unsafe { class.as_ref() }.payload_bytes,
            // SAFETY: no class, so from the heap; written in from_heap(), never changed.
            None => unsafe { (*self.heap().as_ptr()).capacity },
        }
    }

    #[inline]
    fn header(&self) -> &SlotHeader {
        let Some(class) = self.class() else {
            // SAFETY: from the heap; the block lives as long as the slot.
            return unsafe { &(*self.heap().as_ptr()).header };
        };
        // SAFETY: the slot keeps the core, which has the class.
        let class = unsafe { class.as_ref() };
        let header = class.headers.get(Shown::unpacked(self.shown).index);
        header.expect("a slot was lent by its class")
    }

    /// The payload's first byte.
    #[inline]
    fn payload(&self) -> NonNull<u8> {
        let Some(class) = self.class() else {
            // SAFETY: from the heap; the payload is behind the HeapSlot in the block.
            return unsafe { self.heap().add(1) }.cast();
        };
        // SAFETY: the slot keeps the core, which has the class.
        let class = unsafe { class.as_ref() };
        let payload = class.payload(Shown::unpacked(self.shown).index);
        payload.expect("a slot was lent by its class")
    }

    /// The first byte shown, and how many there are.
    #[inline]
    fn range(&self) -> (NonNull<u8>, usize) {
        let shown = self.shown();
        // SAFETY: start is within the payload (field).
        let first = unsafe { self.payload().add(shown.start as usize) };
        (first, shown.len as usize)
    }

    /// The bytes shown.
    ///
    /// # Safety
    ///
    /// Nobody writes to them while the slice lives.
    #[inline]
    pub(crate) unsafe fn bytes(&self) -> &[u8] {
        let (first, len) = self.range();
        // SAFETY: within the payload (fields) and not written to (contract); the region and heap
        // slots began as zeros, so every byte is initialised; the slot keeps the memory.
        unsafe { core::slice::from_raw_parts(first.as_ptr(), len) }
    }

    /// The bytes shown, to be written to.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot.
    #[inline]
    pub(crate) unsafe fn bytes_mut(&mut self) -> &mut [u8] {
        let (first, len) = self.range();
        // SAFETY: as in bytes(), and nobody else has the slot (contract).
        unsafe { core::slice::from_raw_parts_mut(first.as_ptr(), len) }
    }

    /// Moves the bytes shown to the payload's front.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot.
    pub(crate) unsafe fn move_to_front(&mut self) {
        let (first, len) = self.range();
        // SAFETY: both are within the payload, and nobody else has it (contract).
        unsafe { first.copy_to(self.payload(), len) };
        let shown = self.shown();
        self.show(Shown { start: 0, ..shown });
    }

    /// Shows `len` bytes; false if there are not so many from the first on.
    pub(crate) fn resize(&mut self, len: u32) -> bool {
        let shown = self.shown();
        let fits = len <= self.capacity() - shown.start;
        if fits {
            self.show(Shown { len, ..shown });
        }
        fits
    }

    /// Shows fewer bytes.
    pub(crate) fn truncate(&mut self, len: u32) {
        let shown = self.shown();
        let len = len.min(shown.len);
        self.show(Shown { len, ..shown });
    }

    /// Another handle, which shows a part of what this one shows; none if there is no such part.
    pub(crate) fn part(&self, start: u32, len: u32) -> Option<Self> {
        let shown = self.shown();
        if start.checked_add(len)? > shown.len {
            return None;
        }
        let mut part = self.share();
        part.show(Shown {
            start: shown.start + start,
            len,
            ..shown
        });
        Some(part)
    }

    /// Tells the statistics how many bytes of payload there are.
    #[inline]
    pub(crate) fn note_len(&self) {
        let lease = lease(self.shown().len);
        self.header().lease.store(lease, Ordering::Relaxed);
    }

    /// Another handle of the same slot.
    #[inline]
    pub(crate) fn share(&self) -> Self {
        // A handle is there already: nothing must be seen that it does not see.
        let state = self.header().state.fetch_add(1, Ordering::Relaxed);
        if state & HANDLES >= HANDLES_MAX {
            // As `Arc`: the only other way would be a handle to memory that is given back.
            std::process::abort();
        }
        Self { ..*self }
    }

    /// Whether this is the only handle; if so it stays so, since handles come from handles.
    #[inline]
    pub(crate) fn is_sole(&self) -> bool {
        // SYNC: pairs with the Release in give_up().
        self.header().state.load(Ordering::Acquire) & HANDLES == 0
    }

    /// Gives one handle up; true if it was the last, and the caller owns the slot.
    #[inline]
    pub(crate) fn give_up(&self) -> bool {
        if self.is_sole() {
            return true;
        }
        // SYNC: pairs with the Acquire in is_sole() and with the fence below, in the last one.
        let before = self.header().state.fetch_sub(1, Ordering::Release);
        if before & HANDLES != 0 {
            return false;
        }
        fence(Ordering::Acquire);
        // Nobody else is left: undo the borrow from the generation.
        self.header().state.store(before, Ordering::Relaxed);
        true
    }

    /// Makes every reference by number to the slot stale; the caller owns the slot.
    #[inline]
    pub(crate) fn renew(&self) {
        let state = self.header().state.load(Ordering::Relaxed);
        let next = (state & !HANDLES).wrapping_add(GENERATION);
        self.header().state.store(next, Ordering::Relaxed);
    }

    /// Gives the slot back.
    ///
    /// # Safety
    ///
    /// This is the only handle of the slot; none of its bytes is used afterwards, nor the handle.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) unsafe fn release(&mut self) {
        let Some(class) = self.class() else {
            // SAFETY: the caller's contract; no class, so from the heap.
            unsafe { self.release_to_heap() };
            return;
        };
        // SAFETY: the slot keeps the core, which has the class.
        let core = unsafe { class.as_ref() }.core;
        // SAFETY: as above.
        if unsafe { core.as_ref() }.zeroize {
            self.zeroize();
        }
        self.header().lease.store(0, Ordering::Relaxed);
        let index = Shown::unpacked(self.shown).index;
        local::with(core, |cache| {
            // SAFETY: the caller owns the slot; `local` gives the thread's own cache in the core.
            unsafe { Core::release(core, class, index, cache) };
        });
    }

    #[cold]
    #[inline(never)]
    fn zeroize(&mut self) {
        let (payload, capacity) = (self.payload(), self.capacity() as usize);
        // SAFETY: the payload has this many bytes, and only release() calls this.
        unsafe { payload.write_bytes(0, capacity) };
        // The address leaves the compiler's sight, so the zeros must be there.
        std::hint::black_box(payload);
    }

    /// # Safety
    ///
    /// As for [`release`](Self::release), of a slot from the heap.
    #[cold]
    #[inline(never)]
    unsafe fn release_to_heap(&mut self) {
        // SAFETY: from the heap (contract).
        let block = unsafe { self.heap() };
        // SAFETY: written in from_heap(); the block is still there.
        let core = unsafe { (*block.as_ptr()).core };
        // SAFETY: the slot is a holder of the core.
        if unsafe { core.as_ref() }.zeroize {
            self.zeroize();
        }
        if let Some(layout) = heap_layout(self.capacity()) {
            // SAFETY: allocated in from_heap() with this layout; the last handle is gone.
            unsafe { dealloc(block.as_ptr().cast(), layout) };
        }
        // SAFETY: gives back the holder that from_heap() took.
        unsafe { Core::unhold(core, 1) };
    }
}

fn heap_layout(len: u32) -> Option<Layout> {
    let size = size_of::<HeapSlot>().checked_add(len as usize)?;
    Layout::from_size_align(size, align_of::<HeapSlot>()).ok()
}
