//! How long an end that has caught up holds off before it looks again.

use crate::slip::hold_off;

/// The longest that an end of a large ring holds off: one to two microseconds.
const TICKS_MAX: u64 = 4_096;

/// The longest for each place of a smaller one, where [`TICKS_MAX`] is longer than a lap.
const TICKS_A_PLACE: u64 = 4;

/// The shortest: two looks at the clock.
const TICKS_MIN: u64 = 64;

/// Keeps two ends from going in lock step.
///
/// An end that looks as soon as it has caught up finds one or two values, takes the cache lines
/// from the other end for them, and both then move at the pace of the lines and not of the code.
/// Held off for a moment, it finds many. How long is learned from what it finds, because it depends
/// on the machine and on what the other end does between: too short, and there is little; too
/// long, and the other end has come to a stop. (Batches of 32 over 1,024 places: 521 M/s with 4,096 ticks
/// always, 801 with what is learned, three processes each in turn.)
///
/// A single value is an answer that somebody waited for, so the next is waited for at once. A
/// single place never is: the producer of a full ring always holds off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// A look that found fewer came too soon.
    few: usize,
    /// A look that found as many came too late.
    plenty: usize,
    /// A look that found no more is no reason to hold off.
    answer: usize,
    found: usize,
    ticks: u64,
    ticks_max: u64,
}

impl Pace {
    /// For an end that waits for places.
    pub(crate) fn of_producer(capacity: usize) -> Self {
        Self {
            answer: 0,
            found: capacity,
            ..Self::of_consumer(capacity)
        }
    }

    /// For an end that waits for values.
    pub(crate) fn of_consumer(capacity: usize) -> Self {
        let ticks_max = (capacity as u64 * TICKS_A_PLACE).clamp(TICKS_MIN, TICKS_MAX);
        Self {
            few: capacity / 4,
            plenty: capacity - capacity / 4,
            answer: 1,
            found: 0,
            ticks: (capacity as u64).clamp(TICKS_MIN, ticks_max),
            ticks_max,
        }
    }

    /// A look found so many.
    #[inline]
    pub(crate) fn saw(&mut self, count: usize) {
        if count != 0 {
            self.found = count;
        }
    }

    /// Holds off, unless the last look that found anything found an answer; whether it did.
    #[inline]
    pub(crate) fn slip(&mut self) -> bool {
        if cfg!(any(loom, miri)) || self.found <= self.answer {
            return false;
        }
        self.learn();
        hold_off(self.ticks);
        true
    }

    fn learn(&mut self) {
        if self.found < self.few {
            self.ticks = (self.ticks + self.ticks / 4).min(self.ticks_max);
        } else if self.found >= self.plenty {
            self.ticks = (self.ticks - self.ticks / 4).max(TICKS_MIN);
        }
    }
}

#[cfg(all(test, not(any(loom, miri))))]
mod tests {
    use super::*;

    /// Without the way back one slow moment would make an end slow for ever.
    #[test]
    fn little_lengthens_the_holding_off_and_plenty_shortens_it() {
        let mut pace = Pace::of_consumer(1_024);
        let mut after = |found: usize| {
            pace.saw(found);
            (0..32).for_each(|_| assert!(pace.slip()));
            pace.ticks
        };
        assert_eq!(after(2), TICKS_MAX);
        assert_eq!(after(512), TICKS_MAX);
        assert_eq!(after(1_024), TICKS_MIN);
    }

    /// A round trip would otherwise take longer by the time held off.
    #[test]
    fn answers_are_awaited_at_once_and_places_are_not() {
        let (mut consumer, mut producer) = (Pace::of_consumer(64), Pace::of_producer(64));
        consumer.saw(1);
        producer.saw(1);
        assert_eq!((consumer.slip(), producer.slip()), (false, true));
    }
}
