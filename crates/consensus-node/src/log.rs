//! The write-ahead log of one validator.

mod frame;
mod open;

use std::collections::BTreeMap;
use std::io;

use claude_flow_consensus::{Decision, DecodeError, Digest, Record, ValidatorId};
use thiserror::Error;

use self::frame::{
    FRAME_HEADER_BYTES, Frame, MARK_PLACE_BYTES, Mark, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::disk::Disk;

pub use self::open::{Opened, Records};

/// How far past a promise the mark is set, in slots: it is written once in so many.
const RESERVE_SLOTS: u64 = 128;

/// The mark's file.
const MARK: &str = "mark";

/// The shortest segment that holds anything.
pub const SEGMENT_BYTES_MIN: u64 = 2 * SEGMENT_HEADER_BYTES as u64;

/// Keeps what a replica promised and decided.
///
/// # Guarantees
///
/// - Records that [`commit`](Self::commit) returned for survive a crash of process and machine, in
///   their order.
/// - What was being written at a crash is there up to some record, and no further.
/// - Durable records that are damaged or gone are told from that, as far as anything after them or
///   the mark shows it, and are replaced by [`Record::Forgotten`]. A loss of the last commit alone
///   looks like a crash before it; it counts among the f liars.
/// - After an error nothing is written any more: a failed sync may have lost what was written, and
///   trying again would prove nothing.
/// - Bounded by [`LogOptions::bytes_max`].
///
/// # Design
///
/// Segments are files of zeros with their full length, so that a commit is one overwrite and one
/// sync that changes no metadata. `docs/spec.md` has the bytes.
/// Every frame says how many records were durable when it was written: a damaged record that a later
/// frame knows as durable is a loss, one that none does is a torn end.
/// How far promises may reach is kept in a second file, a window ahead of them, so that a loss in the
/// first one has an end.
pub struct Log {
    disk: Box<dyn Disk>,
    options: LogOptions,
    id: [u8; 16],
    identity: Identity,
    mark: Mark,
    segments: Vec<Segment>,
    /// Where the next frame goes in the last segment.
    end: u64,
    /// How many records there are; all are durable unless a commit is under way.
    lsn: u64,
    /// The slot of the last stable checkpoint when the log was opened.
    stable: u64,
    decisions: Decisions,
    is_poisoned: bool,
    batch: Vec<u8>,
    payload: Vec<u8>,
}

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The digest of the roster.
    pub roster: Digest,
    /// The validator.
    pub validator: ValidatorId,
}

impl Identity {
    /// From 36 bytes.
    fn read(bytes: &[u8]) -> Self {
        Self {
            roster: Digest::from_bytes(frame::array(&bytes[..32])),
            validator: ValidatorId(u32::from_le_bytes(frame::array(&bytes[32..36]))),
        }
    }
}

/// How a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// The length of a segment; at least [`SEGMENT_BYTES_MIN`].
    pub segment_bytes: u64,
    /// The length of all segments together. A log that would be longer ends with
    /// [`LogError::Full`].
    pub bytes_max: u64,
}

impl Default for LogOptions {
    /// Segments of 8 MiB, 64 GiB of them.
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            bytes_max: 64 << 30,
        }
    }
}

/// Why a log cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The system refuses.
    #[error("{doing} {name}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        name: String,
        /// What the system answered.
        source: io::Error,
    },
    /// An earlier error left it open what is on the disk.
    #[error("the log failed before and takes nothing any more; restart from it")]
    Poisoned,
    /// The log has its full length.
    #[error("the log is full: another segment would exceed {bytes_max} bytes")]
    Full {
        /// The limit.
        bytes_max: u64,
    },
    /// The directory holds another validator's log, or one of another roster.
    #[error("the log is of validator {} under roster {}", found.validator, found.roster)]
    Foreign {
        /// Whose it is.
        found: Identity,
    },
    /// Nothing says how far the promises reach.
    #[error(
        "both places of the mark are damaged: how far promises reach is not known, \
         and the validator must not vote under this roster any more"
    )]
    Mark,
    /// A record is intact and means nothing to this version.
    #[error("record {lsn} of the log cannot be read: {source}")]
    Record {
        /// Its number, from 1.
        lsn: u64,
        /// Why.
        source: DecodeError,
    },
}

/// A file of the log.
#[derive(Debug, Clone)]
struct Segment {
    index: u32,
    bytes: u64,
}

impl Segment {
    fn name(&self) -> String {
        segment_name(self.index)
    }
}

fn segment_name(index: u32) -> String {
    format!("{index:08}.log")
}

/// Where decisions are in the log.
#[derive(Debug, Default)]
struct Decisions {
    /// The slot before the first: the last one of the epoch before.
    before: u64,
    places: Vec<Place>,
    /// The first slot in which a proposal was decided.
    slots: BTreeMap<Digest, u64>,
}

/// Where a frame is.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: u32,
    offset: u64,
    bytes: u32,
}

impl Decisions {
    fn add(&mut self, record: &Record, place: Place) {
        let Record::Decided(decision) = record else {
            return;
        };
        let statement = &decision.certificate.statement;
        // Slots are decided in order; a log that repeats one says the same.
        if self.places.is_empty() {
            self.before = statement.seq.saturating_sub(1);
        }
        if statement.seq == self.before + self.places.len() as u64 + 1 {
            self.places.push(place);
            self.slots.entry(statement.digest).or_insert(statement.seq);
        }
    }
}

impl Log {
    /// Appends records and makes them durable, all with one sync.
    ///
    /// # Errors
    ///
    /// [`LogError`]; some of the records may be on the disk then, and nothing is taken any more.
    ///
    /// # Complexity
    ///
    /// Linear in the records; one write and one sync, and a few more for a new segment or mark.
    pub fn commit(&mut self, records: &[Record]) -> Result<(), LogError> {
        if self.is_poisoned {
            return Err(LogError::Poisoned);
        }
        if records.is_empty() {
            return Ok(());
        }
        let outcome = self.append(records);
        self.is_poisoned = outcome.is_err();
        outcome
    }

    /// How many records are durable.
    #[must_use]
    pub const fn lsn(&self) -> u64 {
        self.lsn
    }

    /// How many slots are decided in the roster's epoch.
    #[must_use]
    pub fn decided(&self) -> u64 {
        self.decisions.places.len() as u64
    }

    /// The first slot in which a proposal was decided.
    #[must_use]
    pub fn slot_of(&self, proposal: &Digest) -> Option<u64> {
        self.decisions.slots.get(proposal).copied()
    }

    /// What was decided in a slot of the roster's epoch; `None` if nothing was yet.
    ///
    /// # Errors
    ///
    /// [`LogError`]: a decision that was good when the log was opened cannot be read any more.
    pub fn decision(&mut self, slot: u64) -> Result<Option<Decision>, LogError> {
        let index = slot.checked_sub(self.decisions.before + 1);
        let index = index.and_then(|it| usize::try_from(it).ok());
        let Some(place) = index.and_then(|it| self.decisions.places.get(it)).copied() else {
            return Ok(None);
        };
        let name = segment_name(place.segment);
        let mut bytes = vec![0; place.bytes as usize];
        self.disk
            .read(&name, place.offset, &mut bytes)
            .map_err(during("reading", &name))?;
        let broken = || LogError::Io {
            doing: "reading",
            name: name.clone(),
            source: io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the decision of slot {slot} is damaged"),
            ),
        };
        let frame = Frame::read(&bytes, &self.id).ok_or_else(broken)?;
        match Record::decode(frame.payload(&bytes)) {
            Ok(Record::Decided(decision)) => Ok(Some(decision)),
            Ok(_) => Err(broken()),
            Err(source) => Err(LogError::Record {
                lsn: frame.lsn,
                source,
            }),
        }
    }

    fn append(&mut self, records: &[Record]) -> Result<(), LogError> {
        self.raise_mark(records)?;
        let durable = self.lsn;
        let mut payload = std::mem::take(&mut self.payload);
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        for record in records {
            payload.clear();
            record.encode(&mut payload);
            let len = (FRAME_HEADER_BYTES + payload.len()) as u64 + frame::ALIGNMENT as u64;
            if self.end + batch.len() as u64 + len > self.last().bytes {
                self.write(&batch)?;
                batch.clear();
                self.begin_segment(self.lsn + 1, len)?;
            }
            let offset = self.end + batch.len() as u64;
            let start = batch.len();
            self.lsn += 1;
            Frame::write(&mut batch, &self.id, self.lsn, durable, &payload);
            let place = Place {
                segment: self.last().index,
                offset,
                bytes: u32::try_from(batch.len() - start).unwrap_or(u32::MAX),
            };
            self.decisions.add(record, place);
        }
        self.write(&batch)?;
        (self.payload, self.batch) = (payload, batch);
        Ok(())
    }

    /// Writes and syncs what belongs into the last segment.
    fn write(&mut self, batch: &[u8]) -> Result<(), LogError> {
        if batch.is_empty() {
            return Ok(());
        }
        let name = self.last().name();
        self.disk
            .write(&name, self.end, batch)
            .map_err(during("writing", &name))?;
        self.disk.sync(&name).map_err(during("syncing", &name))?;
        self.end += batch.len() as u64;
        Ok(())
    }

    /// Everything in the segments before is durable.
    fn begin_segment(&mut self, first: u64, least: u64) -> Result<(), LogError> {
        let index = self.segments.last().map_or(1, |it| it.index + 1);
        let bytes = (SEGMENT_HEADER_BYTES as u64 + least).max(self.options.segment_bytes);
        let all: u64 = self.segments.iter().map(|it| it.bytes).sum();
        if all + bytes > self.options.bytes_max {
            return Err(LogError::Full {
                bytes_max: self.options.bytes_max,
            });
        }
        let header = SegmentHeader {
            log: self.id,
            identity: self.identity,
            index,
            first,
        };
        let name = segment_name(index);
        create(self.disk.as_mut(), &name, bytes, &header.write())?;
        self.segments.push(Segment { index, bytes });
        self.end = SEGMENT_HEADER_BYTES as u64;
        Ok(())
    }

    /// Nothing is promised past the mark.
    fn raise_mark(&mut self, records: &[Record]) -> Result<(), LogError> {
        let reaches = records.iter().map(Record::reach);
        let (view, seq) = reaches.fold((0, 0), |(view, seq), (other_view, other_seq)| {
            (other_view.max(view), other_seq.max(seq))
        });
        if view <= self.mark.view && seq <= self.mark.seq {
            return Ok(());
        }
        let reserved = if seq > self.mark.seq {
            seq.saturating_add(RESERVE_SLOTS)
        } else {
            self.mark.seq
        };
        self.set_mark(Mark {
            view: view.max(self.mark.view),
            seq: reserved,
            durable: self.lsn,
            ..self.mark
        })
    }

    fn set_mark(&mut self, mark: Mark) -> Result<(), LogError> {
        let mark = Mark {
            number: self.mark.number + 1,
            ..mark
        };
        // The place that holds the mark in force is spared.
        let offset = mark.number % 2 * MARK_PLACE_BYTES as u64;
        self.disk
            .write(MARK, offset, &mark.write())
            .map_err(during("writing", MARK))?;
        self.disk.sync(MARK).map_err(during("syncing", MARK))?;
        self.mark = mark;
        Ok(())
    }

    /// # Panics
    ///
    /// Never: an open log has a segment.
    fn last(&self) -> &Segment {
        self.segments.last().expect("an open log has a segment")
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("identity", &self.identity)
            .field("segments", &self.segments.len())
            .field("lsn", &self.lsn)
            .field("decided", &self.decided())
            .finish_non_exhaustive()
    }
}

/// Makes a file that is there with its first bytes, also after a crash.
fn create(disk: &mut dyn Disk, name: &str, len: u64, begin: &[u8]) -> Result<(), LogError> {
    disk.create(name, len).map_err(during("making", name))?;
    disk.write(name, 0, begin)
        .map_err(during("writing", name))?;
    disk.sync(name).map_err(during("syncing", name))?;
    disk.sync_directory()
        .map_err(during("syncing the directory of", name))
}

fn during(doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> LogError {
    let name = name.to_owned();
    move |source| LogError::Io {
        doing,
        name,
        source,
    }
}
