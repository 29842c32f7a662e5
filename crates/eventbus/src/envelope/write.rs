//! Writing an envelope into a buffer.

use super::{
    FIXED_BYTES, Fields, HEADER_BYTES_MAX, HEADER_NAME_BYTES_MAX, HEADER_PREFIX_BYTES, HEADERS_MAX,
    KEY_BYTES_MAX, LAYOUT_VERSION, PAYLOAD_ALIGN, PAYLOAD_BYTES_MAX, TRACE_BIT, TRACE_BYTES,
};
use crate::{MessageId, Topic};

/// How long the parts of an envelope are; within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    header_bytes: u16,
    /// Where the payload begins.
    pub(crate) payload_start: u16,
    payload_bytes: u32,
}

impl Plan {
    /// None if something is beyond its limit.
    #[inline]
    pub(crate) fn new(topic: &Topic, fields: &Fields<'_>, payload_bytes: usize) -> Option<Self> {
        if fields.key.len() > KEY_BYTES_MAX || payload_bytes > PAYLOAD_BYTES_MAX {
            return None;
        }
        let header_bytes = match fields.headers {
            [] => 0,
            headers => header_bytes(headers)?,
        };
        let trace_bytes = if fields.trace.is_some() {
            TRACE_BYTES
        } else {
            0
        };
        let end =
            FIXED_BYTES + trace_bytes + topic.as_str().len() + fields.key.len() + header_bytes;
        Some(Self {
            header_bytes: u16::try_from(header_bytes).ok()?,
            payload_start: u16::try_from(end.next_multiple_of(PAYLOAD_ALIGN)).ok()?,
            payload_bytes: u32::try_from(payload_bytes).ok()?,
        })
    }

    /// How long all of it is, with the payload.
    #[inline]
    pub(crate) fn total_bytes(self) -> usize {
        self.payload_start as usize + self.payload_bytes as usize
    }
}

fn header_bytes(headers: &[(&str, &[u8])]) -> Option<usize> {
    let is_name_fine = |(name, _): &(&str, _)| (1..=HEADER_NAME_BYTES_MAX).contains(&name.len());
    if headers.len() > HEADERS_MAX || !headers.iter().all(is_name_fine) {
        return None;
    }
    let bytes = |(name, value): &(&str, &[u8])| HEADER_PREFIX_BYTES + name.len() + value.len();
    let bytes = headers.iter().map(bytes).sum();
    (bytes <= HEADER_BYTES_MAX).then_some(bytes)
}

/// Writes everything in front of the payload.
///
/// The plan is of this topic and these fields, and the buffer as long as it says.
#[expect(
    clippy::cast_possible_truncation,
    reason = "every length is within its limit, says the plan"
)]
#[inline]
pub(crate) fn write(
    buffer: &mut [u8],
    plan: Plan,
    (id, time_ns): (MessageId, u64),
    topic: &Topic,
    fields: &Fields<'_>,
) {
    let topic = topic.as_str().as_bytes();
    let trace_bit = if fields.trace.is_some() { TRACE_BIT } else { 0 };
    let (fixed, rest) = buffer.split_at_mut(FIXED_BYTES);
    fixed[0] = LAYOUT_VERSION;
    fixed[1] = fields.priority as u8 | trace_bit;
    fixed[2..4].copy_from_slice(&fields.schema_version.to_le_bytes());
    fixed[4] = topic.len() as u8;
    fixed[5] = fields.headers.len() as u8;
    fixed[6..8].copy_from_slice(&(fields.key.len() as u16).to_le_bytes());
    fixed[8..16].copy_from_slice(&time_ns.to_le_bytes());
    fixed[16..32].copy_from_slice(&id.as_u128().to_be_bytes());
    fixed[32..34].copy_from_slice(&plan.payload_start.to_le_bytes());
    fixed[34..36].copy_from_slice(&plan.header_bytes.to_le_bytes());
    fixed[36..40].copy_from_slice(&plan.payload_bytes.to_le_bytes());
    let mut rest = &mut rest[..plan.payload_start as usize - FIXED_BYTES];
    if let Some(trace) = fields.trace {
        rest = put(rest, &trace.trace_id);
        rest = put(rest, &trace.span_id);
        rest = put(rest, &[trace.flags, 0, 0, 0, 0, 0, 0, 0]);
    }
    rest = put(rest, topic);
    if !fields.key.is_empty() {
        rest = put(rest, fields.key);
    }
    for (name, value) in fields.headers {
        rest = put(rest, &[name.len() as u8]);
        rest = put(rest, &(value.len() as u16).to_le_bytes());
        rest = put(rest, name.as_bytes());
        rest = put(rest, value);
    }
    rest.fill(0);
}

/// Puts bytes at the front; what is behind them.
#[inline]
fn put<'a>(place: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    let (front, rest) = place.split_at_mut(bytes.len());
    front.copy_from_slice(bytes);
    rest
}
