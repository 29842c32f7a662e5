//! The memory of a packed ring: lines that each hold a publication word and the values behind it.
//!
//! Which value and which word belongs to whom is the ring's affair. What is kept here: the
//! allocation, and where a value lies in it.
#![expect(
    unsafe_code,
    reason = "places hold values or nothing, and only the ring knows which"
)]

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ptr::NonNull;

use crate::CapacityError;
use crate::cache_line::CACHE_LINE_BYTES;
use crate::sync::{AtomicU64, Shadows};

/// The lines' memory; dropping it frees it and drops no value.
pub(super) struct Memory<T>(Lines<T>);

impl<T> Memory<T> {
    /// Lines for a ring of `capacity` values, with words of zero and without values.
    pub(super) fn new(capacity: usize) -> Result<Self, CapacityError> {
        let error = CapacityError { capacity };
        if !capacity.is_power_of_two() || capacity > crate::CAPACITY_MAX {
            return Err(error);
        }
        let count = capacity.div_ceil(Lines::<T>::VALUES);
        let layout = Self::layout(count).ok_or(error)?;
        // SAFETY: a line has a word, so the size is not zero.
        let memory = unsafe { alloc(layout) };
        let first = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        let lines = Lines {
            first,
            count,
            shadows: Shadows::new(count * Lines::<T>::VALUES),
            values: PhantomData,
        };
        for line in 0..count {
            // SAFETY: the line is inside of the allocation, which nobody else knows yet.
            unsafe { lines.word_place(line).write(AtomicU64::new(0)) };
        }
        Ok(Self(lines))
    }

    #[inline]
    pub(super) fn lines(&self) -> Lines<T> {
        self.0.clone()
    }

    /// None if no allocation can have that size.
    fn layout(count: usize) -> Option<Layout> {
        let size = count.checked_mul(Lines::<T>::STRIDE)?;
        Layout::from_size_align(size, Lines::<T>::ALIGNMENT).ok()
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        let layout = Self::layout(self.0.count).expect("the layout was made in `new`");
        for line in 0..self.0.count {
            // SAFETY: the word was written in `new` and is not looked at again.
            unsafe { self.0.word_place(line).drop_in_place() };
        }
        // SAFETY: `first` came from `alloc` with this layout and is freed nowhere else.
        unsafe { dealloc(self.0.first.as_ptr(), layout) };
    }
}

/// Where the lines are: what the ends keep at hand.
pub(super) struct Lines<T> {
    first: NonNull<u8>,
    /// How many lines there are.
    count: usize,
    /// One for each value's place.
    shadows: Shadows,
    values: PhantomData<T>,
}

// SAFETY: `first` points to memory that the ring keeps, the rest is plain data; the values are
// handed from thread to thread, which `T: Send` permits.
unsafe impl<T: Send> Send for Lines<T> {}
// SAFETY: shared `Lines` give access to values only through unsafe functions, whose callers see to
// it that each place is touched by one thread at a time; values move, so `T: Send` is enough.
unsafe impl<T: Send> Sync for Lines<T> {}

impl<T> Clone for Lines<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            count: self.count,
            shadows: self.shadows.clone(),
            values: PhantomData,
        }
    }
}

impl<T> Lines<T> {
    /// Where the values of a line begin.
    const OFFSET: usize = size_of::<AtomicU64>().next_multiple_of(align_of::<T>());

    /// How many values a line holds: 7 of 8 bytes, one of 56 or more; two in a model, so that it
    /// comes to the next line soon.
    pub(super) const VALUES: usize = if cfg!(loom) {
        2
    } else if size_of::<T>() == 0 {
        7
    } else if size_of::<T>() > CACHE_LINE_BYTES.saturating_sub(Self::OFFSET) {
        1
    } else {
        (CACHE_LINE_BYTES - Self::OFFSET) / size_of::<T>()
    };

    /// A pair of cache lines, because they are fetched in pairs; more if the values need it.
    const ALIGNMENT: usize = if align_of::<T>() > 2 * CACHE_LINE_BYTES {
        align_of::<T>()
    } else {
        2 * CACHE_LINE_BYTES
    };

    /// From one line to the next; a line of large values takes several cache lines.
    const STRIDE: usize = {
        let bytes = Self::OFFSET + Self::VALUES * size_of::<T>();
        bytes
            .next_multiple_of(CACHE_LINE_BYTES)
            .next_multiple_of(align_of::<T>())
    };

    /// How many lines there are.
    #[inline]
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The start of a line.
    #[inline]
    fn line(&self, line: usize) -> *mut u8 {
        debug_assert!(line < self.count, "a ring has only its lines");
        // SAFETY: every caller's line is below the count, so it is inside of the allocation.
        unsafe { self.first.as_ptr().add(line * Self::STRIDE) }
    }

    #[inline]
    fn word_place(&self, line: usize) -> *mut AtomicU64 {
        self.line(line).cast()
    }

    /// The publication word of a line.
    ///
    /// # Safety
    ///
    /// The line is below [`count`](Self::count), and the memory outlives the borrow.
    #[inline]
    pub(super) unsafe fn word(&self, line: usize) -> &AtomicU64 {
        // SAFETY: the word was written when the memory was made; the caller keeps it alive.
        unsafe { &*self.word_place(line) }
    }

    #[inline]
    fn place(&self, line: usize, slot: usize) -> *mut T {
        debug_assert!(slot < Self::VALUES, "a line has only its places");
        // SAFETY: `OFFSET` and `slot` values lie inside of the line.
        unsafe { self.line(line).add(Self::OFFSET).cast::<T>().add(slot) }
    }

    /// Puts a value into a place.
    ///
    /// # Safety
    ///
    /// The memory lives, the line is below the count and the slot below [`VALUES`](Self::VALUES),
    /// the place holds no value, and no other thread touches it meanwhile.
    #[inline]
    pub(super) unsafe fn write(&self, line: usize, slot: usize, value: T) {
        self.shadows.write(line * Self::VALUES + slot);
        // SAFETY: the place is inside of the memory and aligned; the caller has it alone.
        unsafe { self.place(line, slot).write(value) };
    }

    /// Takes the value out of a place.
    ///
    /// # Safety
    ///
    /// As for [`write`](Self::write), but that the place holds a value, and that the caller treats
    /// it as empty from now on.
    #[inline]
    pub(super) unsafe fn read(&self, line: usize, slot: usize) -> T {
        self.shadows.write(line * Self::VALUES + slot);
        // SAFETY: the place is inside of the memory and aligned; the caller says that it holds a
        // value and has it alone.
        unsafe { self.place(line, slot).read() }
    }

    /// Looks at the value of a place.
    ///
    /// # Safety
    ///
    /// As for [`read`](Self::read), but that the value stays; nobody else touches the place while
    /// the reference lives.
    #[inline]
    pub(super) unsafe fn get(&self, line: usize, slot: usize) -> &T {
        self.shadows.write(line * Self::VALUES + slot);
        // SAFETY: the place is inside of the memory and aligned, and holds a value that stays.
        unsafe { &*self.place(line, slot) }
    }
}
