//! The seam between the measures and the rings: what an adapter implements.
//!
//! An adapter is a type that implements [`Ring`], and [`Push`] and [`Pop`] on its ends.
//! [`PushBatch`] and [`PopBatch`] are for rings with a batch interface of their own,
//! [`BlockingPush`] and [`BlockingPop`] for those that can sleep. `src/catalogue.rs` says
//! which adapter takes part in which measure.

use std::hint::spin_loop;
use std::thread::yield_now;

/// What a ring is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) capacity: usize,
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
}

/// A kind of ring for messages of type `T`.
pub(crate) trait Ring<T: Message>: 'static {
    type Sender: Push<T>;
    type Receiver: Pop<T>;

    /// A new ring with as many ends as the shape asks for.
    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>);
}

/// A sending end.
pub(crate) trait Push<T: Message>: Send + 'static {
    /// False if there is no room.
    fn try_push(&mut self, value: T) -> bool;

    /// Waits for room. Polls, unless the peer has a spinning call of its own.
    fn push(&mut self, value: T) {
        let mut wait = Wait::default();
        while !self.try_push(value) {
            wait.once();
        }
    }
}

/// A receiving end.
pub(crate) trait Pop<T: Message>: Send + 'static {
    /// None if there is nothing.
    fn try_pop(&mut self) -> Option<T>;

    /// Waits for a message. Polls, unless the peer has a spinning call of its own.
    fn pop(&mut self) -> T {
        let mut wait = Wait::default();
        loop {
            if let Some(value) = self.try_pop() {
                return value;
            }
            wait.once();
        }
    }

    /// Waits, and hands over what one call of the peer gives when messages were sent one
    /// at a time; a peer whose documentation says to take what is there takes it.
    fn pop_some(&mut self, mut take: impl FnMut(T)) -> usize {
        take(self.pop());
        1
    }
}

/// A sending end that publishes several messages at once.
pub(crate) trait PushBatch<T: Message>: Push<T> {
    /// Waits for room for `count` messages and publishes them together where it can.
    fn push_batch(&mut self, count: usize, next: impl FnMut() -> T);
}

/// A receiving end that takes several messages at once.
pub(crate) trait PopBatch<T: Message>: Pop<T> {
    /// Hands over what is there, and says how many; may be none.
    fn try_pop_batch(&mut self, take: impl FnMut(T)) -> usize;
}

/// A sending end that sleeps when there is no room.
pub(crate) trait BlockingPush<T: Message>: Push<T> {
    fn push_blocking(&mut self, value: T);
}

/// A receiving end that sleeps when there is nothing.
pub(crate) trait BlockingPop<T: Message>: Pop<T> {
    fn pop_blocking(&mut self) -> T;
}

/// A message that carries its number in every word, so that a torn or lost one is found.
pub(crate) trait Message: Copy + Default + Send + Sync + 'static {
    fn of(number: u64) -> Self;

    /// Panics if the message is torn.
    fn number(&self) -> u64;
}

impl Message for u64 {
    fn of(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// A message of 64 bytes.
pub(crate) type Line = [u64; 8];

impl Message for Line {
    fn of(number: u64) -> Self {
        [number; 8]
    }

    fn number(&self) -> u64 {
        let difference = self.iter().fold(0, |all, word| all | (word ^ self[0]));
        assert_eq!(difference, 0, "the message is torn: {self:?}");
        self[0]
    }
}

/// How long a poll is repeated before the core is offered to another thread.
const POLLS_BEFORE_YIELD: u32 = 256;

/// Waiting between two polls: first on the core, then by giving it away, because
/// in some measures threads share a core.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    polls: u32,
}

impl Wait {
    #[inline]
    pub(crate) fn once(&mut self) {
        if self.polls < POLLS_BEFORE_YIELD {
            self.polls += 1;
            spin_loop();
        } else {
            yield_now();
        }
    }
}
