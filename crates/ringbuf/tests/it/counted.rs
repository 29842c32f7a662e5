//! Values that are counted while they live.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many values live, and how many were dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Census {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Census {
    pub(crate) fn value(&self, number: u64) -> Counted {
        self.made.fetch_add(1, Ordering::Relaxed);
        Counted {
            number,
            panics: false,
            dropped: Arc::clone(&self.dropped),
        }
    }

    /// A value that panics while it is dropped, after it was counted.
    pub(crate) fn bomb(&self) -> Counted {
        let mut value = self.value(u64::MAX);
        value.panics = true;
        value
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Every value was dropped once, none is left.
    #[track_caller]
    pub(crate) fn assert_settled(&self) {
        assert_eq!(
            self.dropped(),
            self.made.load(Ordering::Relaxed),
            "every value is dropped exactly once"
        );
    }
}

#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) number: u64,
    panics: bool,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "this value panics when it is dropped");
    }
}
