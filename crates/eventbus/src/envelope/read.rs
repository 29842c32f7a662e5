//! Reading an envelope that anybody may have written.

use std::fmt;

use super::{
    FIXED_BYTES, HEADER_BYTES_MAX, HEADER_PREFIX_BYTES, HEADERS_MAX, KEY_BYTES_MAX, LAYOUT_VERSION,
    PAYLOAD_ALIGN, PAYLOAD_BYTES_MAX, PRIORITY_BITS, Priority, TRACE_BIT, TRACE_BYTES,
    TraceContext,
};
use crate::topic::{Wildcards, check};
use crate::{MessageId, TopicError};

/// A message in place: its payload and what was said about it.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Envelope, EnvelopeError};
///
/// assert_eq!(Envelope::read(b"hello").err(), Some(EnvelopeError::TooShort { len: 5 }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Checked as [`Envelope::read`] does.
    bytes: &'a [u8],
}

/// Why bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The fixed part is not there.
    #[error("{len} bytes are less than an envelope has")]
    TooShort {
        /// How many there are.
        len: usize,
    },
    /// The layout is of another version.
    #[error("the layout's version is {0}, and this program reads {LAYOUT_VERSION}")]
    Version(u8),
    /// Bits are set that have no meaning.
    #[error("the flags {0:#010b} have no meaning")]
    Flags(u8),
    /// The lengths do not add up to where the payload begins, or are beyond their limits.
    #[error("the lengths of the envelope's parts do not fit together")]
    Lengths,
    /// The payload is not as long as is written.
    #[error("the payload should have {written} bytes and has {there}")]
    PayloadLength {
        /// What is written.
        written: usize,
        /// How many bytes there are.
        there: usize,
    },
    /// The topic is no UTF-8.
    #[error("the topic is not UTF-8")]
    TopicText,
    /// The topic is no topic.
    #[error("the topic is wrong: {0}")]
    Topic(#[source] TopicError),
    /// The headers are not as many as is written, or one of them is not well formed.
    #[error("the headers are not well formed")]
    Headers,
    /// What should be zero is not.
    #[error("the bytes between the parts are not zero")]
    Padding,
}

impl<'a> Envelope<'a> {
    /// Checks bytes from anywhere.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`], with the first thing that is wrong.
    ///
    /// # Complexity
    ///
    /// Linear in the length of the envelope, not of the payload; no allocation.
    pub fn read(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let envelope = Self { bytes };
        if bytes.len() < FIXED_BYTES {
            return Err(EnvelopeError::TooShort { len: bytes.len() });
        }
        if bytes[0] != LAYOUT_VERSION {
            return Err(EnvelopeError::Version(bytes[0]));
        }
        if bytes[1] & !(PRIORITY_BITS | TRACE_BIT) != 0 {
            return Err(EnvelopeError::Flags(bytes[1]));
        }
        envelope.check_lengths()?;
        let topic = &bytes[envelope.topic_start()..envelope.key_start()];
        let topic = std::str::from_utf8(topic).map_err(|_| EnvelopeError::TopicText)?;
        check(topic, Wildcards::Refused).map_err(EnvelopeError::Topic)?;
        envelope.check_headers()?;
        let padding = &bytes[envelope.headers_end()..envelope.payload_start()];
        let trace_padding = match envelope.topic_start() {
            FIXED_BYTES => &[][..],
            end => &bytes[end - 7..end],
        };
        if padding.iter().chain(trace_padding).any(|it| *it != 0) {
            return Err(EnvelopeError::Padding);
        }
        Ok(envelope)
    }

    /// Of bytes that [`write`](super::write) wrote or [`read`](Self::read) checked.
    #[inline]
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        debug_assert_eq!(Self::read(bytes).map(|_| ()), Ok(()));
        Self { bytes }
    }

    fn check_lengths(&self) -> Result<(), EnvelopeError> {
        let end = self.headers_end();
        let is_within = self.key_len() <= KEY_BYTES_MAX
            && self.header_count() <= HEADERS_MAX
            && self.header_len() <= HEADER_BYTES_MAX;
        if !is_within || self.payload_start() != end.next_multiple_of(PAYLOAD_ALIGN) {
            return Err(EnvelopeError::Lengths);
        }
        let written = u32::from_le_bytes(self.array(36)) as usize;
        let there = self.bytes.len().checked_sub(self.payload_start());
        let there = there.ok_or(EnvelopeError::Lengths)?;
        if written != there || written > PAYLOAD_BYTES_MAX {
            return Err(EnvelopeError::PayloadLength { written, there });
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), EnvelopeError> {
        let mut rest = &self.bytes[self.headers_start()..self.headers_end()];
        for _ in 0..self.header_count() {
            let (_, behind) = split_header(rest).ok_or(EnvelopeError::Headers)?;
            rest = behind;
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(EnvelopeError::Headers)
        }
    }

    /// The topic.
    ///
    /// # Panics
    ///
    /// Never: [`read`](Self::read) has checked that it is text.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        let topic = &self.bytes[self.topic_start()..self.key_start()];
        std::str::from_utf8(topic).expect("read() has checked it")
    }

    /// What the publisher wants to say.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload_start()..]
    }

    /// The key, or nothing.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        &self.bytes[self.key_start()..self.headers_start()]
    }

    /// The headers, in the publisher's order.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        Headers {
            rest: &self.bytes[self.headers_start()..self.headers_end()],
        }
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers()
            .find(|(it, _)| *it == name)
            .map(|(_, value)| value)
    }

    /// What tells it from every other message.
    #[inline]
    #[must_use]
    pub fn id(&self) -> MessageId {
        MessageId::from_u128(u128::from_be_bytes(self.array(16)))
    }

    /// When it was published, in nanoseconds since 1970.
    #[inline]
    #[must_use]
    pub fn unix_ns(&self) -> u64 {
        u64::from_le_bytes(self.array(8))
    }

    /// How urgent it is.
    #[inline]
    #[must_use]
    pub fn priority(&self) -> Priority {
        Priority::from_bits(self.bytes[1])
    }

    /// Which version of its schema the payload follows.
    #[must_use]
    pub fn schema_version(&self) -> u16 {
        u16::from_le_bytes(self.array(2))
    }

    /// Where in a trace it was published.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.has_trace().then(|| TraceContext {
            trace_id: self.array(FIXED_BYTES),
            span_id: self.array(FIXED_BYTES + 16),
            flags: self.bytes[FIXED_BYTES + 24],
        })
    }

    /// All of it, as it is stored or sent.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn has_trace(&self) -> bool {
        self.bytes[1] & TRACE_BIT != 0
    }

    fn key_len(&self) -> usize {
        u16::from_le_bytes(self.array(6)).into()
    }

    fn header_count(&self) -> usize {
        self.bytes[5].into()
    }

    fn header_len(&self) -> usize {
        u16::from_le_bytes(self.array(34)).into()
    }

    fn topic_start(&self) -> usize {
        FIXED_BYTES + if self.has_trace() { TRACE_BYTES } else { 0 }
    }

    fn key_start(&self) -> usize {
        self.topic_start() + usize::from(self.bytes[4])
    }

    fn headers_start(&self) -> usize {
        self.key_start() + self.key_len()
    }

    fn headers_end(&self) -> usize {
        self.headers_start() + self.header_len()
    }

    #[inline]
    fn payload_start(&self) -> usize {
        u16::from_le_bytes(self.array(32)).into()
    }

    #[inline]
    fn array<const N: usize>(&self, start: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[start..start + N]);
        array
    }
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id())
            .field("topic", &self.topic())
            .field("payload_bytes", &self.payload().len())
            .finish_non_exhaustive()
    }
}

/// The headers of an [`Envelope`]: names and values.
#[derive(Clone)]
pub struct Headers<'a> {
    /// Whole headers, which `read` has checked.
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, rest) = split_header(self.rest)?;
        self.rest = rest;
        Some(header)
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

type Header<'a> = (&'a str, &'a [u8]);

/// The first header, and what is behind it; none if it is not whole.
fn split_header(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<HEADER_PREFIX_BYTES>()?;
    let (name, rest) = rest.split_at_checked(prefix[0].into())?;
    let value_len = u16::from_le_bytes([prefix[1], prefix[2]]);
    let (value, rest) = rest.split_at_checked(value_len.into())?;
    let name = std::str::from_utf8(name).ok()?;
    (!name.is_empty()).then_some(((name, value), rest))
}
