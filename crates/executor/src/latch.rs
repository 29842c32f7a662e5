//! One thread waits for one event of another, in memory that goes away when the wait is over.
//!
//! ```text
//!             set                      the waiter sleeps
//!   pending ───────▶ done       pending ─────────────────▶ sleeping
//!                     ▲                                       │ set, which wakes it
//!                     └───────────────────────────────────────┘
//! ```
#![expect(unsafe_code, reason = "the latch may be gone as soon as it is set")]

use crate::sync::{AtomicU32, Ordering, Parker};

const PENDING: u32 = 0;
const SLEEPING: u32 = 1;
const DONE: u32 = 2;

/// Set once by one thread, waited for by another.
#[derive(Debug)]
pub(crate) struct Latch {
    state: AtomicU32,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(PENDING),
        }
    }

    /// Whether it was set; what was done before is visible then.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        // SYNC: pairs with the exchange in `set`.
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Ends the wait; `parker` is where the waiter sleeps.
    ///
    /// # Safety
    ///
    /// `this` is live up to this call, and whoever frees it waits for it first.
    pub(crate) unsafe fn set(this: *const Self, parker: &Parker) {
        // SAFETY: it is live until the exchange has happened. Nothing of it is touched afterwards.
        let state = unsafe { &raw const (*this).state };
        // SYNC: pairs with the Acquire loads of the waiter.
        // SAFETY: as above.
        let before = unsafe { (*state).swap(DONE, Ordering::AcqRel) };
        if before == SLEEPING {
            parker.wake();
        }
    }

    /// Sleeps until it is set.
    pub(crate) fn sleep(&self, parker: &Parker) {
        // Relaxed: what is published comes with `DONE`, which is loaded below.
        let slept =
            self.state
                .compare_exchange(PENDING, SLEEPING, Ordering::Relaxed, Ordering::Relaxed);
        if slept.is_err() {
            debug_assert!(self.is_done(), "one thread waits");
        }
        while !self.is_done() {
            parker.park();
        }
    }
}
