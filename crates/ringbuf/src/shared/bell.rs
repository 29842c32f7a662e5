//! A word in shared memory that any number of processes sleep on and any number wake.

use std::time::Instant;

use super::wait::{self, SLICE, SLICE_UNORDERED, Waiting};
use crate::Deadline;
use crate::sync::{AtomicU32, Ordering, spin_loop, yield_now};

/// How many polls pass between two looks at the clock.
const POLLS_PER_CLOCK: u32 = 64;

/// A word in shared memory that any number of processes sleep on and any number wake.
///
/// Zeros are a bell that nobody waits for. Whoever changes what somebody may wait for changes it
/// first and [rings](Self::ring) then; whoever waits looks again each time.
///
/// | word | who |
/// |---|---|
/// | 0 | nobody sleeps |
/// | 1 | somebody may sleep; stored before each sleep, never taken back by a sleeper |
/// | else | garbage: taken for 1 by whoever rings, and for a ring by whoever goes to sleep |
///
/// Nothing that is written to the word delays a sleeper by more than 100 ms.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Bell(AtomicU32);

impl Bell {
    /// Wakes everybody who waits, after something was published.
    ///
    /// # Complexity
    ///
    /// One load of a line that changes only when somebody goes to sleep; a system call if
    /// somebody did.
    #[inline]
    pub fn ring(&self) {
        wait::barrier_of_publisher(wait::is_light());
        if self.0.load(Ordering::Relaxed) != 0 {
            self.wake();
        }
    }

    /// Waits until `is_ready` says so or the deadline passed; whether it said so.
    ///
    /// `is_ready` is called at least once, and at least every 100 ms, so that it can also look
    /// for those who died without ringing.
    pub fn wait(
        &self,
        waiting: Waiting,
        deadline: Deadline,
        mut is_ready: impl FnMut() -> bool,
    ) -> bool {
        let spins = match waiting {
            Waiting::Spin => POLLS_PER_CLOCK,
            Waiting::Yield { spins } | Waiting::Sleep { spins } => spins,
        };
        for _ in 0..spins {
            if is_ready() {
                return true;
            }
            spin_loop();
        }
        match waiting {
            Waiting::Spin => poll(deadline, is_ready, spin_loop),
            Waiting::Yield { .. } => poll(deadline, is_ready, yield_now),
            Waiting::Sleep { .. } => self.sleep(deadline, is_ready),
        }
    }

    #[cold]
    fn sleep(&self, deadline: Deadline, mut is_ready: impl FnMut() -> bool) -> bool {
        loop {
            self.0.store(1, Ordering::Relaxed);
            let slice = if wait::barrier_of_sleeper() {
                SLICE
            } else {
                SLICE_UNORDERED
            };
            if is_ready() {
                return true;
            }
            let rest = wait::rest(deadline, Instant::now());
            if rest.is_zero() {
                return false;
            }
            // Others may sleep on the word: it stays as it is until somebody rings.
            wait::futex_wait(&self.0, rest.min(slice));
        }
    }

    #[cold]
    fn wake(&self) {
        // Taken back first, so that later publications do not call as well. The sleepers read
        // what was published with Acquire of their own.
        if self.0.swap(0, Ordering::Relaxed) != 0 {
            wait::futex_wake(&self.0);
        }
    }
}

/// Polls with a pause between.
fn poll(deadline: Deadline, mut is_ready: impl FnMut() -> bool, pause: fn()) -> bool {
    loop {
        for _ in 0..POLLS_PER_CLOCK {
            if is_ready() {
                return true;
            }
            pause();
        }
        if wait::rest(deadline, Instant::now()).is_zero() {
            return false;
        }
    }
}
