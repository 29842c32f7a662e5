//! What tells messages apart.

use std::fmt;
use std::sync::Arc;

use crate::Clock;

/// How many bits of an identifier number the publisher, and how many its messages.
const PUBLISHER_BITS: u32 = 40;
const SEQUENCE_BITS: u32 = 40;
const NS_PER_MS: u64 = 1_000_000;

/// What tells a message from every other: 128 bits that grow with time.
///
/// ```text
///   bits 127 .. 80            79 .. 40          39 .. 0
///   ms since 1970, 48 bits │ publisher, 40 │ its messages, 40
/// ```
///
/// Those of one publisher grow from message to message. Those of several are in the order of
/// their milliseconds. The numbers of publishers begin at random, so those of two buses are
/// almost never the same, and then their messages are told apart by time and count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);

impl MessageId {
    /// From the number that [`as_u128`](Self::as_u128) gave.
    #[must_use]
    pub const fn from_u128(id: u128) -> Self {
        Self(id)
    }

    /// As one number, whose order is that of the identifiers.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// When it was made, in milliseconds since 1970.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.bits(PUBLISHER_BITS + SEQUENCE_BITS)
    }

    /// Who published it.
    #[must_use]
    pub const fn publisher(self) -> u64 {
        self.bits(SEQUENCE_BITS) & mask(PUBLISHER_BITS)
    }

    /// Which of the publisher's messages it is; comes round after 2⁴⁰.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.bits(0) & mask(SEQUENCE_BITS)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bits that are asked for are the lowest 64"
    )]
    const fn bits(self, from: u32) -> u64 {
        (self.0 >> from) as u64
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl fmt::Display for MessageId {
    /// 32 hexadecimal digits, in the order of the identifiers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes the identifiers of one publisher.
#[derive(Debug)]
pub(crate) struct Stamper {
    clock: Arc<dyn Clock>,
    /// Its number, where it lies in an identifier.
    publisher: u128,
    /// Of the next message, below 2^[`SEQUENCE_BITS`].
    sequence: u64,
    /// The time of the last message.
    ns: u64,
}

impl Stamper {
    pub(crate) fn new(clock: Arc<dyn Clock>, publisher: u64) -> Self {
        let publisher = u128::from(publisher & mask(PUBLISHER_BITS)) << SEQUENCE_BITS;
        Self {
            clock,
            publisher,
            sequence: 0,
            ns: 0,
        }
    }

    /// The publisher's number.
    pub(crate) fn publisher(&self) -> u64 {
        MessageId(self.publisher).publisher()
    }

    /// Reads the clock: the time of the messages that are stamped next.
    #[inline]
    pub(crate) fn read_clock(&mut self) {
        self.ns = self.ns.max(self.clock.unix_ns());
    }

    /// The identifier and the time, in ns, of the next message.
    #[inline]
    pub(crate) fn stamp(&mut self) -> (MessageId, u64) {
        let ms = u128::from(self.ns / NS_PER_MS) << (PUBLISHER_BITS + SEQUENCE_BITS);
        let id = ms | self.publisher | u128::from(self.sequence);
        let time = self.ns;
        self.sequence += 1;
        if self.sequence > mask(SEQUENCE_BITS) {
            // What comes next begins from zero, and must not be below what went before.
            self.sequence = 0;
            self.ns = (self.ns / NS_PER_MS + 1) * NS_PER_MS;
        }
        (MessageId(id), time)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// As many milliseconds as it is told.
    #[derive(Debug)]
    struct At(u64);

    impl Clock for At {
        fn unix_ns(&self) -> u64 {
            self.0 * NS_PER_MS
        }
    }

    #[test]
    fn identifiers_grow_also_where_the_sequence_comes_round() {
        let mut stamper = Stamper::new(Arc::new(At(5)), 7);
        stamper.sequence = mask(SEQUENCE_BITS);
        stamper.read_clock();
        let (last, _) = stamper.stamp();
        stamper.read_clock();
        let (first, time) = stamper.stamp();
        assert_eq!((last.unix_ms(), last.publisher()), (5, 7));
        assert_eq!(last.sequence(), mask(SEQUENCE_BITS));
        assert_eq!((first.unix_ms(), first.sequence()), (6, 0));
        assert_eq!(time, 6 * NS_PER_MS);
        assert!(last < first);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_take_identifiers_with_it() {
        let mut stamper = Stamper::new(Arc::new(At(9)), 1);
        stamper.read_clock();
        let (before, _) = stamper.stamp();
        stamper.clock = Arc::new(At(3));
        stamper.read_clock();
        let (after, time) = stamper.stamp();
        assert!(before < after);
        assert_eq!(time, 9 * NS_PER_MS);
    }
}
