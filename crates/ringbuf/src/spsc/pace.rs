//! How long an end that has caught up holds off before it looks again.

use crate::slip::hold_off;

/// How long an end of a ring of so many places or more holds off for each of them. One tick gave
/// 246 M/s at 1,024 slots where four gave 263 with rounds of 255–273 instead of 231–279.
const TICKS_A_PLACE: u64 = 4;

/// A smaller ring holds off for one tick a place: at 64 slots four gave 24 M/s instead of 41 while
/// lines came slowly, and 235 instead of 228 while they came at once.
const CAPACITY_LARGE: usize = 256;

/// The longest that an end holds off: one to two microseconds.
const TICKS_MAX: u64 = 4_096;

/// Keeps two ends from going in lock step.
///
/// An end that looks as soon as it has caught up finds one or two values, takes the cache lines
/// from the other end for them, and both then move at the pace of the lines and not of the code.
/// Held off for a moment, it finds many. Whether that is the case is seen from what the last look
/// found: a single value is an answer that somebody waited for, so the next is waited for at once;
/// a few are a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// A look that found as many is a good one.
    plenty: usize,
    /// How long to hold off after a look that found few.
    ticks: u64,
    found: usize,
}

impl Pace {
    pub(crate) fn new(capacity: usize) -> Self {
        let ticks_a_place = if capacity < CAPACITY_LARGE {
            1
        } else {
            TICKS_A_PLACE
        };
        Self {
            plenty: capacity / 2,
            ticks: (capacity as u64 * ticks_a_place).min(TICKS_MAX),
            found: 0,
        }
    }

    /// A look found so many.
    #[inline]
    pub(crate) fn saw(&mut self, count: usize) {
        if count != 0 {
            self.found = count;
        }
    }

    /// Holds off if the last look that found anything found a few.
    #[inline]
    pub(crate) fn slip(&self) {
        if cfg!(any(loom, miri)) || self.found <= 1 || self.found >= self.plenty {
            return;
        }
        hold_off(self.ticks);
    }
}
