//! The bytes of a segment: header and frames. `docs/journal.md` is the specification.

/// Where the frames begin.
pub(crate) const DATA_START: usize = 2 * HEADER_PLACE_BYTES;

/// The header is there twice, a page each, so that a page that is lost takes one.
const HEADER_PLACE_BYTES: usize = 4_096;

/// The header without the zeros behind it.
const HEADER_BYTES: usize = 60;

/// `cf/jrnl` and the version.
const MAGIC: [u8; 8] = *b"cf/jrnl\x01";

/// Length word, check, time.
pub(crate) const FRAME_BYTES: usize = 16;

/// A mark or seal, which says two numbers.
pub(crate) const MARK_BYTES: usize = FRAME_BYTES + 16;
const MARK_LEN: u32 = 32;

/// What a length word has of length.
const LEN_MASK: u32 = (1 << 28) - 1;

/// The longest record that any options allow.
pub(crate) const RECORD_BYTES_LIMIT: u32 = 1 << 24;

/// No record has a greater number, so that counting on from what a file says never overflows.
const NUMBER_MAX: u64 = 1 << 62;

const RECORD: u32 = 1 << 28;
const MARK_WORD: u32 = (2 << 28) | MARK_LEN;
const SEAL_WORD: u32 = (3 << 28) | MARK_LEN;

/// Enters the checks of one segment of one journal, so that no other's frames pass for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn new(journal: &[u8; 16], segment: u32) -> Self {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(journal);
        bytes[16..].copy_from_slice(&segment.to_le_bytes());
        Self(crc_fast::crc32_iscsi(&bytes))
    }

    /// The check of a frame: CRC-32C over time and body with its padding, and what is not in the
    /// bytes: the segment, the word, and which record or place it is.
    #[inline]
    fn check(self, salt: u32, word: u32, bytes: &[u8]) -> u32 {
        crc_fast::crc32_iscsi(bytes)
            ^ self.0
            ^ salt.wrapping_mul(0x9e37_79b1)
            ^ word.wrapping_mul(0x85eb_ca6b)
    }
}

/// How long a record's frame is, with its padding.
#[inline]
pub(crate) const fn record_bytes(payload_bytes: usize) -> usize {
    (FRAME_BYTES + payload_bytes).next_multiple_of(8)
}

/// Writes a record's frame, all but its word, which it gives.
///
/// # Panics
///
/// If the room is shorter than [`record_bytes`].
#[inline]
pub(crate) fn write_record(
    room: &mut [u8],
    seed: Seed,
    number: u64,
    time: u64,
    payload: &[u8],
) -> u32 {
    debug_assert!(payload.len() <= RECORD_BYTES_LIMIT as usize);
    let len = FRAME_BYTES + payload.len();
    let frame = &mut room[..record_bytes(payload.len())];
    frame[8..16].copy_from_slice(&time.to_le_bytes());
    frame[FRAME_BYTES..len].copy_from_slice(payload);
    frame[len..].fill(0);
    let word = RECORD | low(len as u64);
    let check = seed.check(low(number), word, &frame[8..]);
    frame[4..8].copy_from_slice(&check.to_le_bytes());
    word
}

/// Writes a mark, or the seal that ends a segment; all but its word, which it gives.
pub(crate) fn write_mark(
    room: &mut [u8],
    seed: Seed,
    place: usize,
    mark: Mark,
    is_seal: bool,
) -> u32 {
    let frame = &mut room[..MARK_BYTES];
    frame[8..16].copy_from_slice(&mark.time_max.to_le_bytes());
    frame[16..24].copy_from_slice(&mark.number.to_le_bytes());
    frame[24..32].copy_from_slice(&mark.durable.to_le_bytes());
    let word = if is_seal { SEAL_WORD } else { MARK_WORD };
    let check = seed.check(low(place as u64), word, &frame[8..]);
    frame[4..8].copy_from_slice(&check.to_le_bytes());
    word
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The number of the next record.
    pub(crate) number: u64,
    /// All records before this one were durable when the mark was written.
    pub(crate) durable: u64,
    /// The greatest time of any record before it.
    pub(crate) time_max: u64,
}

/// What is found at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The bytes end here, or are not written yet.
    Nothing,
    Record(Place),
    /// The next frame is `MARK_BYTES` on.
    Mark(Mark),
    Seal(Mark),
    /// Neither of these.
    Broken,
}

/// Where a record's payload is in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) time: u64,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) next: usize,
}

/// The record with a number at a place, if it is there and whole.
#[inline]
pub(crate) fn record(bytes: &[u8], at: usize, seed: Seed, number: u64) -> Option<Place> {
    let head = bytes.get(at..)?.first_chunk::<FRAME_BYTES>()?;
    let word = u32_at(head, 0);
    let len = (word & LEN_MASK) as usize;
    if word & !LEN_MASK != RECORD || len < FRAME_BYTES {
        return None;
    }
    let next = at + len.next_multiple_of(8);
    let checked = bytes.get(at + 8..next)?;
    (seed.check(low(number), word, checked) == u32_at(head, 4)).then(|| Place {
        time: u64_at(head, 8),
        start: at + FRAME_BYTES,
        end: at + len,
        next,
    })
}

/// What is at a place where the record with a number may be.
pub(crate) fn read(bytes: &[u8], at: usize, seed: Seed, number: u64) -> Found {
    let Some(word) = word_at(bytes, at) else {
        return Found::Nothing;
    };
    match word {
        0 => Found::Nothing,
        MARK_WORD | SEAL_WORD => match (mark(bytes, at, seed), word) {
            (Some(mark), MARK_WORD) => Found::Mark(mark),
            (Some(mark), _) => Found::Seal(mark),
            (None, _) => Found::Broken,
        },
        _ => record(bytes, at, seed, number).map_or(Found::Broken, Found::Record),
    }
}

/// The mark or seal at a place.
pub(crate) fn mark(bytes: &[u8], at: usize, seed: Seed) -> Option<Mark> {
    let frame = bytes.get(at..)?.first_chunk::<MARK_BYTES>()?;
    let word = u32_at(frame, 0);
    let is_mark = word == MARK_WORD || word == SEAL_WORD;
    let is_good = is_mark && seed.check(low(at as u64), word, &frame[8..]) == u32_at(frame, 4);
    let mark = Mark {
        time_max: u64_at(frame, 8),
        number: u64_at(frame, 16),
        durable: u64_at(frame, 24),
    };
    (is_good && mark.number.max(mark.durable) <= NUMBER_MAX).then_some(mark)
}

/// All marks and seals from a place on.
pub(crate) fn marks(
    bytes: &[u8],
    from: usize,
    seed: Seed,
) -> impl Iterator<Item = (usize, Mark)> + '_ {
    (from..bytes.len().saturating_sub(MARK_BYTES - 1))
        .step_by(8)
        .filter_map(move |at| mark(bytes, at, seed).map(|mark| (at, mark)))
}

/// Where reading goes on behind a place where the record with a number is broken.
///
/// If the next frame is good, one record is lost; otherwise all up to the next mark.
pub(crate) fn resume(bytes: &[u8], at: usize, seed: Seed, number: u64) -> Option<(usize, u64)> {
    if let Some(word) = word_at(bytes, at)
        && word & !LEN_MASK == RECORD
        && (word & LEN_MASK) as usize >= FRAME_BYTES
    {
        let next = at + ((word & LEN_MASK) as usize).next_multiple_of(8);
        match read(bytes, next, seed, number + 1) {
            Found::Record(_) => return Some((next, number + 1)),
            Found::Mark(mark) | Found::Seal(mark) if mark.number == number + 1 => {
                return Some((next, number + 1));
            }
            _ => {}
        }
    }
    marks(bytes, at + 8, seed)
        .find(|(_, mark)| mark.number >= number)
        .map(|(at, mark)| (at, mark.number))
}

/// What begins a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) journal: [u8; 16],
    pub(crate) segment: u32,
    /// What was not synced was promised to nobody: a journal that is synced cuts it off.
    pub(crate) is_synced: bool,
    /// The number of its first record.
    pub(crate) base: u64,
    /// The greatest time of any record before it.
    pub(crate) time_max: u64,
    /// The length of the file.
    pub(crate) bytes: u64,
}

impl Header {
    /// Writes both places, all but the first word, which it gives.
    ///
    /// # Panics
    ///
    /// If the room is shorter than [`DATA_START`].
    pub(crate) fn write(&self, room: &mut [u8]) -> u32 {
        let mut place = [0; HEADER_PLACE_BYTES];
        place[..8].copy_from_slice(&MAGIC);
        place[8..24].copy_from_slice(&self.journal);
        place[24..28].copy_from_slice(&self.segment.to_le_bytes());
        place[28..32].copy_from_slice(&u32::from(self.is_synced).to_le_bytes());
        place[32..40].copy_from_slice(&self.base.to_le_bytes());
        place[40..48].copy_from_slice(&self.time_max.to_le_bytes());
        place[48..56].copy_from_slice(&self.bytes.to_le_bytes());
        let check = crc_fast::crc32_iscsi(&place[..56]);
        place[56..60].copy_from_slice(&check.to_le_bytes());
        room[HEADER_PLACE_BYTES..DATA_START].copy_from_slice(&place);
        room[4..HEADER_PLACE_BYTES].copy_from_slice(&place[4..]);
        u32_at(&place, 0)
    }

    /// From the first bytes of a file; whichever place is whole.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let place = bytes.get(..HEADER_PLACE_BYTES).and_then(Self::read_place);
        place.or_else(|| Self::read_place(bytes.get(HEADER_PLACE_BYTES..DATA_START)?))
    }

    fn read_place(bytes: &[u8]) -> Option<Self> {
        let place = bytes.first_chunk::<HEADER_BYTES>()?;
        let is_good =
            place[..8] == MAGIC && crc_fast::crc32_iscsi(&place[..56]) == u32_at(place, 56);
        let header = is_good.then(|| Self {
            journal: array(&place[8..24]),
            segment: u32_at(place, 24),
            is_synced: u32_at(place, 28) != 0,
            base: u64_at(place, 32),
            time_max: u64_at(place, 40),
            bytes: u64_at(place, 48),
        });
        header.filter(|header| header.base <= NUMBER_MAX)
    }
}

/// # Panics
///
/// If the length is another: a bug.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller counted")
}

#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(&bytes[at..at + 4]))
}

#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(&bytes[at..at + 8]))
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32_at(bytes.get(at..at.checked_add(4)?)?, 0))
}

/// The low 32 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
const fn low(number: u64) -> u32 {
    number as u32
}
