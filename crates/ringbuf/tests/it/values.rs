//! Values that tell what was done to them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many of its values live, and how many were dropped, counted over threads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Census(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    alive: AtomicUsize,
    dropped: AtomicUsize,
}

impl Census {
    pub(crate) fn value(&self, number: u64) -> Counted {
        self.0.alive.fetch_add(1, Ordering::Relaxed);
        Counted {
            number,
            panics: false,
            census: self.clone(),
        }
    }

    /// A value that panics while it is dropped, after it was counted.
    pub(crate) fn bomb(&self) -> Counted {
        let mut value = self.value(u64::MAX);
        value.panics = true;
        value
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::Relaxed)
    }

    #[track_caller]
    pub(crate) fn check(&self, expected: usize) {
        let alive = self.0.alive.load(Ordering::Relaxed);
        assert_eq!(alive, expected, "values alive");
    }
}

/// A value that is counted while it lives; it owns memory, so that a double drop is noticed.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) number: u64,
    panics: bool,
    census: Census,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.census.value(self.number)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counts = &self.census.0;
        let before = counts.alive.fetch_sub(1, Ordering::Relaxed);
        assert_ne!(before, 0, "a value was dropped twice");
        counts.dropped.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "this value panics when it is dropped");
    }
}

/// A value that lies on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(align(256))]
pub(crate) struct Aligned(pub(crate) u8);

impl Aligned {
    #[track_caller]
    pub(crate) fn check(&self, expected: u8) {
        assert_eq!(self.0, expected);
        assert_eq!(std::ptr::from_ref(self).addr() % 256, 0, "misaligned");
    }
}

thread_local! {
    static NOTHINGS: Cell<isize> = const { Cell::new(0) };
}

/// A value without size whose drops are counted; for tests on one thread.
#[derive(Debug)]
pub(crate) struct Nothing(());

impl Nothing {
    pub(crate) fn new() -> Self {
        NOTHINGS.set(NOTHINGS.get() + 1);
        Self(())
    }

    pub(crate) fn alive() -> isize {
        NOTHINGS.get()
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        NOTHINGS.set(NOTHINGS.get() - 1);
    }
}

/// A counted value that panics when it is dropped, if it was told to.
#[derive(Debug)]
pub(crate) struct Explosive {
    pub(crate) is_armed: bool,
    pub(crate) inner: Counted,
}

impl Drop for Explosive {
    fn drop(&mut self) {
        assert!(!self.is_armed, "bang {}", self.inner.number);
    }
}

/// Runs something that must panic, without a message on the terminal being mistaken for a failure.
#[track_caller]
pub(crate) fn must_panic(what: impl FnOnce()) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what));
    assert!(outcome.is_err(), "nothing panicked");
}
