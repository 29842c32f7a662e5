//! Who reads where: one line a consumer, in a list that only grows.
#![expect(unsafe_code, reason = "the list is walked while others add to it")]

use alloc::boxed::Box;
use core::ptr::{self, NonNull};

use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// No position is held.
pub(crate) const IDLE: u64 = u64::MAX;

/// Where one consumer reads; alone on its cache lines, because its owner stores to it all the time.
#[repr(align(128))]
pub(crate) struct Seat {
    /// The first position that the owner may still be reading, or [`IDLE`].
    pub(crate) held: AtomicU64,
    /// Whether a consumer sits here; a free seat is [`IDLE`].
    is_taken: AtomicBool,
    /// The seat that was added before; written before the seat is in the list, never after.
    next: *mut Seat,
}

/// The seats of one ring. Seats are taken and given back, and freed with the list.
pub(crate) struct Seats {
    first: AtomicPtr<Seat>,
}

// SAFETY: the fields of a seat are atomics, but for `next`, which never changes once the seat is
// in the list.
unsafe impl Send for Seats {}
// SAFETY: as above.
unsafe impl Sync for Seats {}

impl Seats {
    pub(crate) fn new() -> Self {
        Self {
            first: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Takes a free seat, or adds one; the seat lives as long as the list.
    ///
    /// # Complexity
    ///
    /// Linear in the seats; allocates when none is free. Lock-free.
    pub(crate) fn take(&self) -> NonNull<Seat> {
        for seat in self.iter() {
            // SYNC: pairs with the Release store in `give_back`.
            let taken =
                seat.is_taken
                    .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                return NonNull::from(seat);
            }
        }
        let mut first = self.first.load(Ordering::Relaxed);
        let seat = Box::into_raw(Box::new(Seat {
            held: AtomicU64::new(IDLE),
            is_taken: AtomicBool::new(true),
            next: first,
        }));
        loop {
            // SYNC: pairs with the Acquire load in `iter`. Acquire as well: whoever sees this seat
            // sees the ones behind it.
            match self
                .first
                .compare_exchange_weak(first, seat, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => break,
                Err(now) => first = now,
            }
            // SAFETY: the seat is not in the list yet, so nobody else knows it.
            unsafe { (*seat).next = first };
        }
        // SAFETY: a box is never null.
        unsafe { NonNull::new_unchecked(seat) }
    }

    /// The lowest position that anybody holds, or [`IDLE`].
    #[inline]
    pub(crate) fn lowest_held(&self) -> u64 {
        self.iter()
            // SYNC: pairs with the Release stores of the consumers to `held`: what they read
            // before is read before whatever follows here.
            .map(|seat| seat.held.load(Ordering::Acquire))
            .min()
            .unwrap_or(IDLE)
    }

    /// Whether anybody holds a position of which `is_it` is true.
    #[inline]
    pub(crate) fn is_any_held(&self, is_it: impl Fn(u64) -> bool) -> bool {
        self.iter().any(|seat| {
            // SYNC: as in `lowest_held`.
            let held = seat.held.load(Ordering::Acquire);
            held != IDLE && is_it(held)
        })
    }

    fn iter(&self) -> impl Iterator<Item = &Seat> {
        // SYNC: pairs with the AcqRel exchange in `take`.
        let mut next = self.first.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            // SAFETY: null, or a seat that is in the list and lives as long as the list.
            let seat = unsafe { next.as_ref() }?;
            next = seat.next;
            Some(seat)
        })
    }
}

impl Seat {
    /// Leaves the seat to whoever comes next.
    pub(crate) fn give_back(&self) {
        debug_assert_eq!(self.held.load(Ordering::Relaxed), IDLE);
        // SYNC: pairs with the Acquire exchange in `Seats::take`.
        self.is_taken.store(false, Ordering::Release);
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        let mut next = self.first.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: each seat came from `Box::into_raw`, is in the list once, and nobody uses
            // the list any more.
            let seat = unsafe { Box::from_raw(next) };
            next = seat.next;
        }
    }
}
