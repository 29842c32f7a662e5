//! Keeps a consumer that has caught up from moving in lock step with its producers.
//!
//! A consumer at the producers' heels takes their cache line away for each value, and gets one
//! value a transfer. If it stays away for a moment, the producers fill whole lines, and it gets
//! them at once. So: an end that gets values in quick succession and finds nothing waits once, for
//! some thousand ticks of the processor's clock (up to 3 µs), and looks again. Ticks and not
//! pauses, whose length differs by a factor of ten between processors.
//!
//! What comes one at a time with pauses between (a question and its answer) is never delayed: the
//! end has polled in vain more often than `POLLS_HOT` before, and does not count as hot.
//!
//! # Source
//!
//! `FastForward`'s "temporal slip" (Giacomoni et al., 2008), made adaptive: it is not a parameter.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the processor's clock has no safe door")
)]

use core::cell::Cell;

use crate::sync::spin_loop;

/// Values that come after at most so many vain polls come in quick succession.
const POLLS_HOT: u32 = 8;

/// So many such values in a row make an end hot.
const STREAK_HOT: u32 = 16;

/// The longest slip where each value goes to one consumer: beside 2,048 it gave 119 to 132 M/s
/// over `mpsc` and 36 to 42 over `mpmc`.
pub(crate) const TICKS_MAX_ONE: u64 = 8_192;

/// The longest slip where each value goes to every consumer: the slowest of them holds the producer
/// up, and 8,192 gave 148 M/s where this gives 194.
pub(crate) const TICKS_MAX_ALL: u64 = 2_048;

/// A slip's length for each place of half a ring.
const TICKS_A_PLACE: u64 = 32;

/// The state of one end.
#[derive(Debug, Default)]
pub(crate) struct Slip {
    /// Vain polls since the last value.
    polls: Cell<u32>,
    /// Values in quick succession, up to [`STREAK_HOT`].
    streak: Cell<u32>,
}

impl Slip {
    /// There was a value.
    #[inline]
    pub(crate) fn found(&self) {
        let streak = self.streak.get();
        self.streak.set(if self.polls.replace(0) > POLLS_HOT {
            0
        } else {
            streak + u32::from(streak < STREAK_HOT)
        });
    }

    /// There was none: whether this waited, so that another look is due.
    #[inline]
    pub(crate) fn missed(&self, capacity: usize, ticks_max: u64) -> bool {
        let polls = self.polls.get();
        self.polls.set(polls.saturating_add(1));
        if polls > 0 || self.streak.get() < STREAK_HOT {
            return false;
        }
        wait(capacity, ticks_max)
    }
}

/// Gives the other side a moment, scaled to the capacity and at most `ticks_max`; whether it did.
#[cold]
pub(crate) fn wait(capacity: usize, ticks_max: u64) -> bool {
    if cfg!(any(loom, miri)) {
        return false;
    }
    let ticks = (capacity as u64 / 2 * TICKS_A_PLACE).min(ticks_max);
    hold_off(ticks);
    ticks > 0
}

/// Waits for so many ticks of a clock that makes some billions a second.
#[cfg(target_arch = "x86_64")]
pub(crate) fn hold_off(ticks: u64) {
    let now = || {
        // SAFETY: every processor of this architecture has the instruction.
        unsafe { core::arch::x86_64::_rdtsc() }
    };
    let start = now();
    while now().wrapping_sub(start) < ticks {
        spin_loop();
    }
}

/// Waits for about so many ticks: elsewhere a pause takes some ten of them.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn hold_off(ticks: u64) {
    for _ in 0..ticks / 16 {
        spin_loop();
    }
}

#[cfg(all(test, not(any(loom, miri))))]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_that_gets_values_in_quick_succession_slips() {
        let slip = Slip::default();
        assert!(!slip.missed(1_024, TICKS_MAX_ONE), "a new end");
        (0..STREAK_HOT).for_each(|_| slip.found());
        assert!(slip.missed(1_024, TICKS_MAX_ONE), "a hot end");
        assert!(!slip.missed(1_024, TICKS_MAX_ONE), "once only");
        (0..POLLS_HOT).for_each(|_| assert!(!slip.missed(1_024, TICKS_MAX_ONE)));
        slip.found();
        assert!(
            !slip.missed(1_024, TICKS_MAX_ONE),
            "it waited long for the last one"
        );
        (0..STREAK_HOT).for_each(|_| slip.found());
        assert!(!slip.missed(1, TICKS_MAX_ONE), "nothing to gain");
    }
}
