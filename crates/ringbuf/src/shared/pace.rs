//! How long an end that has caught up holds off before it looks again.
//!
//! The ring between threads has a simpler one: there a message is always one unit, and two ends that
//! answer each other are not held off at all. Between processes round trips and streams share one
//! ring, so this one tries now and then which of the two it is.

use crate::slip::hold_off;

/// The longest that an end holds off: about a third of a microsecond.
const TICKS_MAX: u64 = 1_024;

/// After how many single finds in a row an end holds off to see whether more come.
const PROBE_FINDS_MIN: u32 = 16;

/// The same when such tries found a single message again and again: too few to be seen in the
/// 99.9th percentile of a round trip.
const PROBE_FINDS_MAX: u32 = 4_096;

/// Keeps two ends from going in lock step, at the pace of cache lines and not of the code.
///
/// A look that finds a few messages found a stream: held off for a moment, the next finds many.
/// One that finds a single message found an answer that somebody waits for, or a stream in lock
/// step, message by message. Nothing tells the two apart but a try: now and then, ever more
/// seldom as long as it is in vain, the end holds off although it found a single one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// What the last message took, in units.
    single: u64,
    /// A look that found as many units is a good one.
    plenty: u64,
    ticks: u64,
    found: u64,
    finds_to_probe: u32,
    finds_per_probe: u32,
}

impl Pace {
    pub(super) fn new(capacity: u64, single: u64) -> Self {
        Self {
            single,
            plenty: capacity / 2,
            ticks: (capacity / single).min(TICKS_MAX),
            found: 0,
            finds_to_probe: PROBE_FINDS_MIN,
            finds_per_probe: PROBE_FINDS_MIN,
        }
    }

    /// A look found so many units.
    #[inline]
    pub(super) const fn saw(&mut self, units: u64) {
        if units != 0 {
            self.found = units;
        }
    }

    /// A message takes so many units.
    #[inline]
    pub(super) const fn set_single(&mut self, units: u64) {
        self.single = units;
    }

    /// What the last message took, in units.
    #[inline]
    pub(super) const fn single(&self) -> u64 {
        self.single
    }

    /// Whether the last look that found anything found a single message.
    #[inline]
    pub(super) const fn is_single(&self) -> bool {
        self.found <= self.single
    }

    /// Holds off if that promises more, before the end looks again.
    pub(super) fn slip(&mut self) {
        if self.is_single() {
            self.finds_to_probe -= 1;
            if self.finds_to_probe == 0 {
                self.finds_per_probe = (self.finds_per_probe * 2).min(PROBE_FINDS_MAX);
                self.finds_to_probe = self.finds_per_probe;
                hold_off(self.ticks);
            }
            return;
        }
        self.finds_per_probe = PROBE_FINDS_MIN;
        self.finds_to_probe = PROBE_FINDS_MIN;
        if self.found < self.plenty {
            hold_off(self.ticks);
        }
    }
}
