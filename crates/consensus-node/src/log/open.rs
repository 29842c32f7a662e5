//! Reading a log back, and telling a torn end from a loss.

use claude_flow_consensus::{Kind, Record};

use super::frame::{
    ALIGNMENT, FRAME_HEADER_BYTES, Frame, MARK_PLACE_BYTES, Mark, SEGMENT_HEADER_BYTES,
    SegmentHeader,
};
use super::{
    Decisions, Identity, Log, LogError, LogOptions, MARK, Place, SEGMENT_BYTES_MIN, Segment,
    create, during, segment_name,
};
use crate::disk::Disk;

/// What was found.
#[derive(Debug)]
pub struct Opened {
    /// Ready to be written to.
    pub log: Log,
    /// Bytes of an unfinished commit that were cut.
    pub torn_bytes: u64,
    /// Durable records were lost, and [`Record::Forgotten`] stands in their place. The files that
    /// held them are kept beside, named `.lost`.
    pub is_lossy: bool,
}

/// What the scan knows.
struct Scan {
    id: [u8; 16],
    segments: Vec<Segment>,
    end: u64,
    lsn: u64,
    stable: u64,
    decisions: Decisions,
    /// The greatest number of records that anything found says were durable.
    durable: u64,
}

impl Log {
    /// Opens the log in a directory, or begins one where none is.
    ///
    /// `fresh_id` names the log if it is begun: 16 random bytes, so that no file of another log is
    /// taken for one of this.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    ///
    /// # Complexity
    ///
    /// Reads the whole log once, a segment at a time.
    pub fn open(
        mut disk: Box<dyn Disk>,
        identity: Identity,
        options: LogOptions,
        fresh_id: [u8; 16],
    ) -> Result<Opened, LogError> {
        let options = LogOptions {
            segment_bytes: options.segment_bytes.max(SEGMENT_BYTES_MIN),
            ..options
        };
        let names = disk.names().map_err(during("listing", "the directory"))?;
        let mut indices: Vec<u32> = names
            .iter()
            .filter_map(|name| segment_index(name))
            .collect();
        indices.sort_unstable();
        let mark = match read_mark(disk.as_mut(), &names)? {
            Some(mark) => mark,
            // A crash while the log was begun: the mark is made first, and nothing was promised.
            None if indices.is_empty() => begin_mark(disk.as_mut(), &names, identity, fresh_id)?,
            None => return Err(LogError::Mark),
        };
        if mark.identity != identity {
            return Err(LogError::Foreign {
                found: mark.identity,
            });
        }
        let (scan, rest) = Scan::run(disk.as_mut(), &mark, &indices)?;
        let mut log = Self {
            disk,
            options,
            id: scan.id,
            identity,
            mark,
            segments: scan.segments,
            end: scan.end,
            lsn: scan.lsn,
            stable: scan.stable,
            decisions: scan.decisions,
            is_poisoned: false,
            batch: Vec::new(),
            payload: Vec::new(),
        };
        // The first segment is made before the mark is ever raised.
        let is_gone = mark.number > 0 && log.segments.is_empty();
        let is_lossy = scan.durable > scan.lsn || is_gone;
        if is_lossy {
            // What shows the loss is about to be cut: a crash meanwhile must find it again.
            let durable = scan.durable.max(scan.lsn + 1);
            log.set_mark(Mark { durable, ..mark })?;
        }
        let torn_bytes = log.cut(&rest, is_lossy)?;
        if log.segments.is_empty() {
            log.begin_segment(log.lsn + 1, 0)?;
        }
        if is_lossy {
            let (view, seq) = (log.mark.view, log.mark.seq);
            log.commit(&[Record::Forgotten { view, seq }])?;
            // The records counted by the old mark are gone.
            log.set_mark(Mark {
                durable: log.lsn,
                ..log.mark
            })?;
        }
        Ok(Opened {
            log,
            torn_bytes,
            is_lossy,
        })
    }

    /// The records from the first on, as a replica comes back from them.
    ///
    /// Votes and proofs for slots that the last stable checkpoint covers are left out: the replica
    /// would drop them.
    pub fn records(&mut self) -> Records<'_> {
        Records {
            log: self,
            segment: 0,
            bytes: Vec::new(),
            at: 0,
            error: None,
        }
    }

    /// Ends the log where the scan ended, for good: what lies behind must never be taken for a part
    /// of what will be written there.
    fn cut(&mut self, rest: &[u32], is_lossy: bool) -> Result<u64, LogError> {
        let mut torn = 0;
        if let Some(last) = self.segments.last().cloned() {
            let name = last.name();
            let bytes = read_from(self.disk.as_mut(), &name, self.end)?;
            let used = bytes.iter().rposition(|byte| *byte != 0);
            if let Some(used) = used {
                torn += used as u64 + 1;
                if is_lossy {
                    self.keep_lost(&name)?;
                }
                let zeros = vec![0; used + 1];
                self.disk
                    .write(&name, self.end, &zeros)
                    .map_err(during("cutting", &name))?;
                self.disk.sync(&name).map_err(during("syncing", &name))?;
            }
        }
        for index in rest {
            let name = segment_name(*index);
            torn += self.disk.len(&name).map_err(during("measuring", &name))?;
            if is_lossy {
                self.keep_lost(&name)?;
            }
            self.disk.remove(&name).map_err(during("removing", &name))?;
        }
        if !rest.is_empty() {
            self.disk
                .sync_directory()
                .map_err(during("syncing the directory of", MARK))?;
        }
        Ok(torn)
    }

    /// Copies a damaged file, for people to look at.
    fn keep_lost(&mut self, name: &str) -> Result<(), LogError> {
        let bytes = read_from(self.disk.as_mut(), name, 0)?;
        let names = self
            .disk
            .names()
            .map_err(during("listing", "the directory"))?;
        let lost = format!("{name}.lost");
        if !names.contains(&lost) {
            create(self.disk.as_mut(), &lost, bytes.len() as u64, &bytes)?;
        }
        Ok(())
    }
}

impl Scan {
    /// Reads all frames that follow on one another; gives the segments behind the end.
    fn run(
        disk: &mut dyn Disk,
        mark: &Mark,
        indices: &[u32],
    ) -> Result<(Self, Vec<u32>), LogError> {
        let mut scan = Self {
            id: mark.log,
            segments: Vec::new(),
            end: SEGMENT_HEADER_BYTES as u64,
            lsn: 0,
            stable: 0,
            decisions: Decisions::default(),
            durable: mark.durable,
        };
        let mut rest = Vec::new();
        for (place, index) in indices.iter().enumerate() {
            let name = segment_name(*index);
            let bytes = read_from(disk, &name, 0)?;
            let header = SegmentHeader::read(&bytes)
                .filter(|header| header.log == mark.log && header.index == *index);
            let follows = rest.is_empty()
                && usize::try_from(*index).ok() == place.checked_add(1)
                && header.is_some_and(|header| header.first == scan.lsn + 1);
            if follows {
                scan.take(*index, &bytes)?;
            } else {
                rest.push(*index);
                if let Some(header) = header {
                    scan.durable = scan.durable.max(header.first.saturating_sub(1));
                }
                scan.look_behind(&bytes, SEGMENT_HEADER_BYTES);
            }
        }
        Ok((scan, rest))
    }

    fn take(&mut self, index: u32, bytes: &[u8]) -> Result<(), LogError> {
        let mut at = SEGMENT_HEADER_BYTES;
        while let Some(frame) = bytes.get(at..).and_then(|rest| Frame::read(rest, &self.id))
            && frame.lsn == self.lsn + 1
        {
            self.lsn = frame.lsn;
            self.durable = self.durable.max(frame.durable);
            let record = Record::decode(frame.payload(&bytes[at..]));
            let record = record.map_err(|source| LogError::Record {
                lsn: frame.lsn,
                source,
            })?;
            let place = Place {
                segment: index,
                offset: at as u64,
                bytes: u32::try_from(frame.bytes()).unwrap_or(u32::MAX),
            };
            self.decisions.add(&record, place);
            if let Record::Stable(certificate) = &record {
                self.stable = self.stable.max(certificate.statement.seq);
            }
            at += frame.bytes();
        }
        self.look_behind(bytes, at);
        self.segments.push(Segment {
            index,
            bytes: bytes.len() as u64,
        });
        self.end = at as u64;
        Ok(())
    }

    /// Asks the frames behind a gap what was durable when they were written.
    fn look_behind(&mut self, bytes: &[u8], from: usize) {
        let mut at = from;
        while at + FRAME_HEADER_BYTES <= bytes.len() {
            if let Some(frame) = Frame::read(&bytes[at..], &self.id) {
                self.durable = self.durable.max(frame.durable);
                at += frame.bytes();
            } else {
                at += ALIGNMENT;
            }
        }
    }
}

/// Reads records from the disk, one at a time.
#[derive(Debug)]
pub struct Records<'a> {
    log: &'a mut Log,
    segment: usize,
    bytes: Vec<u8>,
    at: usize,
    error: Option<LogError>,
}

impl Records<'_> {
    /// Whether the reading ended early.
    ///
    /// # Errors
    ///
    /// Why it did.
    pub fn finish(self) -> Result<(), LogError> {
        self.error.map_or(Ok(()), Err)
    }

    fn read(&mut self) -> Result<Option<Record>, LogError> {
        loop {
            if self.bytes.is_empty() {
                let Some(segment) = self.log.segments.get(self.segment) else {
                    return Ok(None);
                };
                let name = segment.name();
                self.bytes = read_from(self.log.disk.as_mut(), &name, 0)?;
                self.at = SEGMENT_HEADER_BYTES;
            }
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if let Some(frame) = Frame::read(rest, &self.log.id) {
                self.at += frame.bytes();
                return match Record::decode(frame.payload(rest)) {
                    Ok(record) => Ok(Some(record)),
                    Err(source) => Err(LogError::Record {
                        lsn: frame.lsn,
                        source,
                    }),
                };
            }
            self.segment += 1;
            self.bytes.clear();
        }
    }

    /// Whether a replica that knows the last stable checkpoint would drop it.
    fn is_settled(&self, record: &Record) -> bool {
        let seq = match record {
            Record::Promise(statement) if statement.kind == Kind::ViewChange => return false,
            Record::Promise(statement) | Record::Proposed(statement, ..) => statement.seq,
            Record::Prepared(certificate) => certificate.statement.seq,
            _ => return false,
        };
        seq <= self.log.stable
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            match self.read() {
                Ok(Some(record)) if self.is_settled(&record) => {}
                Ok(record) => return record,
                Err(error) => {
                    self.error = Some(error);
                    return None;
                }
            }
        }
    }
}

fn read_from(disk: &mut dyn Disk, name: &str, offset: u64) -> Result<Vec<u8>, LogError> {
    let len = disk.len(name).map_err(during("measuring", name))?;
    let count = usize::try_from(len.saturating_sub(offset)).unwrap_or_default();
    let mut bytes = vec![0; count];
    if count > 0 {
        disk.read(name, offset, &mut bytes)
            .map_err(during("reading", name))?;
    }
    Ok(bytes)
}

fn segment_index(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log")?;
    let index = digits.parse().ok()?;
    (segment_name(index) == name).then_some(index)
}

/// The later of the two places that are intact.
fn read_mark(disk: &mut dyn Disk, names: &[String]) -> Result<Option<Mark>, LogError> {
    if !names.iter().any(|name| name == MARK) {
        return Ok(None);
    }
    let bytes = read_from(disk, MARK, 0)?;
    let places = bytes.chunks(MARK_PLACE_BYTES).filter_map(Mark::read);
    Ok(places.max_by_key(|mark| mark.number))
}

fn begin_mark(
    disk: &mut dyn Disk,
    names: &[String],
    identity: Identity,
    id: [u8; 16],
) -> Result<Mark, LogError> {
    if names.iter().any(|name| name == MARK) {
        disk.remove(MARK).map_err(during("removing", MARK))?;
    }
    let mark = Mark {
        log: id,
        identity,
        number: 0,
        view: 0,
        seq: 0,
        durable: 0,
    };
    create(disk, MARK, 2 * MARK_PLACE_BYTES as u64, &mark.write())?;
    Ok(mark)
}
