//! A message whose payload is written where it will be read.

use std::fmt;
use std::ops::{Deref, DerefMut};

use claude_flow_msgpool::Buffer;

use super::{Publisher, Receipt, TopicPublisher};
use crate::{MessageId, Priority, PublishError, Topic};

/// A message that is not published yet; derefs to its payload.
///
/// The payload shows whatever its buffer last held. Dropping it publishes nothing.
#[must_use = "a draft that is dropped publishes nothing"]
pub struct Draft<'a> {
    to: To<'a>,
    buffer: Buffer,
    id: MessageId,
    /// Where the payload begins.
    start: usize,
    priority: Priority,
}

/// Who publishes it.
pub(super) enum To<'a> {
    Any(&'a mut Publisher, &'a Topic),
    One(&'a mut TopicPublisher),
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        to: To<'a>,
        buffer: Buffer,
        (id, start, priority): (MessageId, usize, Priority),
    ) -> Self {
        Self {
            to,
            buffer,
            id,
            start,
            priority,
        }
    }

    /// What will tell it from every other message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Hands it to the subscribers that there are now.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`].
    pub fn publish(self) -> Result<Receipt, PublishError> {
        let message = self.buffer.freeze();
        match self.to {
            To::Any(publisher, topic) => publisher.send(topic, self.priority, message, self.id),
            To::One(publisher) => publisher.send(self.priority, message, self.id),
        }
    }
}

impl Deref for Draft<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

impl DerefMut for Draft<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..]
    }
}

impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("id", &self.id)
            .field("payload_bytes", &self.len())
            .finish_non_exhaustive()
    }
}
