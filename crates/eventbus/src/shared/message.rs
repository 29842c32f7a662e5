//! What a subscriber receives.

use std::fmt;
use std::sync::Arc;

use claude_flow_ringbuf::shared::View;

use super::arena::Arena;
use super::registry::PublisherId;
use crate::{Envelope, EnvelopeError};

/// A message where its publisher wrote it.
///
/// It can be kept as long as it is not acknowledged, and read afterwards as well; but then its
/// publisher may write the next one over it.
pub struct Message {
    pub(super) arena: Arc<Arena>,
    /// `len` bytes from here on are in the arena.
    pub(super) offset: usize,
    pub(super) len: usize,
    /// At most `len`.
    pub(super) payload_start: usize,
    pub(super) publisher: PublisherId,
    pub(super) number: u64,
    pub(super) unix_ns: u64,
    pub(super) tries: u32,
}

impl Message {
    /// The payload where it lies; nothing was copied.
    ///
    /// # Panics
    ///
    /// Never: that it is in its publisher's memory was checked when it was received.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> View<'_> {
        let (start, len) = (
            self.offset + self.payload_start,
            self.len - self.payload_start,
        );
        let view = self.arena.memory.view(start, len);
        view.expect("it was checked when it was received")
    }

    /// Copies all of it, envelope and payload, and checks the envelope.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`]: its publisher has written something else there.
    pub fn read<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<Envelope<'a>, EnvelopeError> {
        self.copy_to(buffer);
        Envelope::read(buffer)
    }

    /// Copies all of it, envelope and payload.
    pub(super) fn copy_to(&self, buffer: &mut Vec<u8>) {
        buffer.resize(self.len, 0);
        let view = self.arena.memory.view(self.offset, self.len);
        let view = view.expect("it was checked when it was received");
        view.copy_to(buffer);
    }

    /// When it was published, in nanoseconds since 1970.
    #[must_use]
    pub const fn unix_ns(&self) -> u64 {
        self.unix_ns
    }

    /// Whether an earlier consumer of the subscription was given it, and did not acknowledge it.
    #[must_use]
    pub const fn is_redelivered(&self) -> bool {
        self.tries != 0
    }

    /// How many consumers went while it was the first of its publisher that was not acknowledged; 1
    /// if it was given to one and another message was first.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// The place of its publisher, and the message's number on the way from there: what tells it
    /// from all others of the subscription.
    #[must_use]
    pub const fn place(&self) -> (u32, u64, u64) {
        (self.publisher.seat, self.publisher.incarnation, self.number)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("place", &self.place())
            .field("len", &self.len)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// What [`Subscriber`](super::Subscriber) gives.
#[derive(Debug)]
pub enum Item {
    /// A message, to be acknowledged.
    Message(Message),
    /// So many messages of one publisher were dropped here, because the subscription was full.
    Gap(u64),
    /// A message that too many consumers died of: it was put aside, and acknowledged.
    DeadLetter(Message),
}

impl Item {
    /// The message, if it is one to be acknowledged.
    #[must_use]
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap(_) | Self::DeadLetter(_) => None,
        }
    }
}
