//! What lies in front of a payload: who, when, about what.
//!
//! # Layout, version 1
//!
//! Integers are little endian, but for the identifiers, which are compared as bytes.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 1 | the version of this layout, 1 |
//! | 1 | 1 | bits 0 and 1: [`Priority`]; bit 2: there is a trace; the others are zero |
//! | 2 | 2 | the version of the payload's schema |
//! | 4 | 1 | length of the topic, *t* |
//! | 5 | 1 | number of headers |
//! | 6 | 2 | length of the key, *k* |
//! | 8 | 8 | time, ns since 1970 |
//! | 16 | 16 | [`MessageId`], big endian |
//! | 32 | 2 | where the payload begins, a multiple of 8 |
//! | 34 | 2 | length of the headers, *h* |
//! | 36 | 4 | length of the payload |
//! | 40 | 32 | with a trace: its id (16), its span (8), its flags (1), zeros (7) |
//! | | *t* | topic |
//! | | *k* | key |
//! | | *h* | headers: length of the name (1), length of the value (2), name, value |
//! | | | zeros up to the payload |
//! | | | payload |
//!
//! There is one way to write an envelope: whatever differs from it is refused, so that what was
//! read is written again as the same bytes. A reader refuses versions that it does not know; a
//! later version has its own number at 0 and may change everything behind it.

mod read;
mod write;

pub use self::read::{Envelope, EnvelopeError, Headers};
pub(crate) use self::write::{Plan, write};

/// The version of the layout that is written, and the only one that is read.
pub const LAYOUT_VERSION: u8 = 1;
/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// The most headers.
pub const HEADERS_MAX: usize = 32;
/// The most bytes that all headers have together, three for each among them.
pub const HEADER_BYTES_MAX: usize = 8_192;
/// The longest name of a header, in bytes.
pub const HEADER_NAME_BYTES_MAX: usize = 255;
/// The largest payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// What has a fixed place.
const FIXED_BYTES: usize = 40;
const TRACE_BYTES: usize = 32;
/// What a header has in front of its name.
const HEADER_PREFIX_BYTES: usize = 3;
/// A payload begins at a multiple of this.
const PAYLOAD_ALIGN: usize = 8;

const PRIORITY_BITS: u8 = 0b11;
const TRACE_BIT: u8 = 0b100;

/// How urgent a message is, to subscribers that keep urgent ones apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Priority {
    /// Before everything else.
    Critical = 0,
    /// Before what is normal.
    High = 1,
    /// As most messages.
    #[default]
    Normal = 2,
    /// When there is nothing else, but not never.
    Low = 3,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    const fn from_bits(bits: u8) -> Self {
        Self::ALL[(bits & PRIORITY_BITS) as usize]
    }
}

/// Where in a trace a message was published, as W3C Trace Context has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// Which trace.
    pub trace_id: [u8; 16],
    /// Which span of it.
    pub span_id: [u8; 8],
    /// Bit 0: it is sampled.
    pub flags: u8,
}

/// What a publisher says about a message beside its topic and payload.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Fields, Priority};
///
/// let fields = Fields {
///     priority: Priority::High,
///     headers: &[("content-type", b"application/json")],
///     ..Fields::default()
/// };
/// # let _ = fields;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields<'a> {
    /// What the message is about within its topic: messages with one key keep their order, also
    /// in queue groups that share work by key. Up to [`KEY_BYTES_MAX`] bytes.
    pub key: &'a [u8],
    /// Names and values, in an order that is kept; names of 1 to [`HEADER_NAME_BYTES_MAX`] bytes
    /// may come more than once. Up to [`HEADERS_MAX`] of them, [`HEADER_BYTES_MAX`] bytes together.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Where in a trace it was published.
    pub trace: Option<TraceContext>,
    /// Which version of its schema the payload follows.
    pub schema_version: u16,
    /// How urgent it is.
    pub priority: Priority,
}
