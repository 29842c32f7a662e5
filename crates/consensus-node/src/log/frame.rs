//! One record in a segment, and the headers of segment and mark.

use super::Identity;

/// The first bytes of a frame: `cfr` and the version.
const MAGIC: [u8; 4] = *b"cfr\x01";

/// Magic 4, length 4, lsn 8, durable 8, check 16.
pub(super) const FRAME_HEADER_BYTES: usize = 40;

/// Where the check begins in a frame.
const CHECK_AT: usize = 24;

const CHECK_BYTES: usize = 16;

/// Frames begin at multiples of this.
pub(super) const ALIGNMENT: usize = 8;

/// The header of a segment; frames follow.
pub(super) const SEGMENT_HEADER_BYTES: usize = 4096;

const SEGMENT_MAGIC: [u8; 8] = *b"cf/log \x01";
const MARK_MAGIC: [u8; 8] = *b"cf/mark\x01";

/// The mark's file has two places, written in turn.
pub(super) const MARK_PLACE_BYTES: usize = 4096;

/// A frame that is intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// The record's number, from 1.
    pub(super) lsn: u64,
    /// How many records were durable when this one was written.
    pub(super) durable: u64,
    /// Of the payload.
    pub(super) len: usize,
}

impl Frame {
    /// From the frame's first byte to the next frame's.
    pub(super) const fn bytes(self) -> usize {
        (FRAME_HEADER_BYTES + self.len).next_multiple_of(ALIGNMENT)
    }

    /// Appends a frame.
    pub(super) fn write(
        bytes: &mut Vec<u8>,
        log: &[u8; 16],
        lsn: u64,
        durable: u64,
        payload: &[u8],
    ) {
        let start = bytes.len();
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        bytes.extend(MAGIC);
        bytes.extend(len.to_le_bytes());
        bytes.extend(lsn.to_le_bytes());
        bytes.extend(durable.to_le_bytes());
        let check = check(log, &bytes[start..], payload);
        bytes.extend(check);
        bytes.extend(payload);
        bytes.resize(start + (bytes.len() - start).next_multiple_of(ALIGNMENT), 0);
    }

    /// The frame at the start of the bytes, if it is intact and of this log.
    pub(super) fn read(bytes: &[u8], log: &[u8; 16]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(FRAME_HEADER_BYTES)?;
        if header[..4] != MAGIC {
            return None;
        }
        let len = usize::try_from(u32::from_le_bytes(array(&header[4..8]))).ok()?;
        let payload = rest.get(..len)?;
        if header[CHECK_AT..] != check(log, &header[..CHECK_AT], payload) {
            return None;
        }
        Some(Self {
            lsn: u64::from_le_bytes(array(&header[8..16])),
            durable: u64::from_le_bytes(array(&header[16..24])),
            len,
        })
    }

    /// The frame's payload.
    pub(super) fn payload(self, bytes: &[u8]) -> &[u8] {
        &bytes[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + self.len]
    }
}

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) log: [u8; 16],
    pub(super) identity: Identity,
    pub(super) index: u32,
    /// The lsn of its first frame; all before it are durable.
    pub(super) first: u64,
}

impl SegmentHeader {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend(SEGMENT_MAGIC);
        bytes.extend(self.log);
        bytes.extend(self.identity.roster.as_bytes());
        bytes.extend(self.identity.validator.0.to_le_bytes());
        bytes.extend(self.index.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        let check = check(&self.log, &bytes, &[]);
        bytes.extend(check);
        bytes.resize(SEGMENT_HEADER_BYTES, 0);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let content = bytes.get(..72)?;
        let log = array(&content[8..24]);
        if content[..8] != SEGMENT_MAGIC || bytes.get(72..88)? != check(&log, content, &[]) {
            return None;
        }
        Some(Self {
            log,
            identity: Identity::read(&content[24..60]),
            index: u32::from_le_bytes(array(&content[60..64])),
            first: u64::from_le_bytes(array(&content[64..72])),
        })
    }
}

/// How far promises may reach, kept apart from the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) log: [u8; 16],
    pub(super) identity: Identity,
    /// Counts the writes; the greater one is the later one.
    pub(super) number: u64,
    /// Nothing was promised in a later view.
    pub(super) view: u64,
    /// Nothing was promised for a later slot.
    pub(super) seq: u64,
    /// So many records were durable by then.
    pub(super) durable: u64,
}

impl Mark {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MARK_PLACE_BYTES);
        bytes.extend(MARK_MAGIC);
        bytes.extend(self.log);
        bytes.extend(self.identity.roster.as_bytes());
        bytes.extend(self.identity.validator.0.to_le_bytes());
        for number in [self.number, self.view, self.seq, self.durable] {
            bytes.extend(number.to_le_bytes());
        }
        let check = check(&self.log, &bytes, &[]);
        bytes.extend(check);
        bytes.resize(MARK_PLACE_BYTES, 0);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let content = bytes.get(..92)?;
        let log = array(&content[8..24]);
        if content[..8] != MARK_MAGIC || bytes.get(92..108)? != check(&log, content, &[]) {
            return None;
        }
        let word = |at: usize| u64::from_le_bytes(array(&content[at..at + 8]));
        Some(Self {
            log,
            identity: Identity::read(&content[24..60]),
            number: word(60),
            view: word(68),
            seq: word(76),
            durable: word(84),
        })
    }
}

/// Half a blake3 digest: against accidents, not against people.
fn check(log: &[u8; 16], header: &[u8], payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(log).update(header).update(payload);
    array(&hasher.finalize().as_bytes()[..CHECK_BYTES])
}

/// # Panics
///
/// If the lengths differ, which they do nowhere here.
pub(super) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
