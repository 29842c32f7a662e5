//! What a subscriber receives.

use std::fmt;

use claude_flow_msgpool::Message;

use crate::{Envelope, EnvelopeError};

/// A message as its subscribers share it: one pooled buffer with envelope and payload.
///
/// A clone is one atomic addition. The buffer goes back to its pool with the last of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// An envelope that was written here, or checked.
    message: Message,
}

impl Event {
    /// From bytes that come from elsewhere.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`], as [`Envelope::read`].
    pub fn new(message: Message) -> Result<Self, EnvelopeError> {
        Envelope::read(&message)?;
        Ok(Self { message })
    }

    #[inline]
    pub(crate) fn trusted(message: Message) -> Self {
        Self { message }
    }

    /// What was said about it, and the payload.
    #[inline]
    #[must_use]
    pub fn envelope(&self) -> Envelope<'_> {
        Envelope::trusted(&self.message)
    }

    /// As [`Envelope::topic`].
    #[must_use]
    pub fn topic(&self) -> &str {
        self.envelope().topic()
    }

    /// As [`Envelope::payload`].
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.envelope().payload()
    }

    /// All of it, as it is stored or sent.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// All of it, as it is stored or sent.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.message
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.envelope(), f)
    }
}

/// What [`Subscriber`](crate::Subscriber) gives: a message, or what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Event(Event),
    /// So many messages were dropped or refused, because the queue was full.
    ///
    /// All gaps together are exactly what the publishers were told in their receipts. What one
    /// publisher lost is missing here: after all that it published before and before all that it
    /// published later. Where several publish at once a gap stands where one of them lost.
    Gap(u64),
}

impl Item {
    /// The message, if it is one.
    #[must_use]
    pub fn into_event(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Gap(_) => None,
        }
    }
}
