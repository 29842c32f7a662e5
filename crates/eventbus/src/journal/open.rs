//! Opening a journal, and telling a torn end from a loss.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use super::cursor;
use super::disk::{Disk, FileDisk};
use super::error::{AppendError, Damage, DamageKind, OpenError, during};
use super::frame::{self, DATA_START, Header, Seed};
use super::group::Group;
use super::options::Options;
use super::scan::{Behind, Point, Scan, start_of};
use super::segment::{Segment, segment_index, segment_name};
use super::store::Store;
use super::writer::{Spares, Writer};
use super::{Inner, Journal, Offset};
use crate::sync::{AtomicBool, AtomicU64};

/// What was found.
#[derive(Debug)]
pub struct Opened {
    /// Ready to be written to.
    pub journal: Journal,
    /// Bytes that were never made durable, and were cut off.
    pub torn_bytes: u64,
    /// What was found to be lost. Only what was written since the last known sync is looked at: readers
    /// and [`Journal::verify`] find the rest.
    pub damages: Vec<Damage>,
}

/// A file with an intact header.
#[derive(Debug, Clone, Copy)]
struct Known {
    header: Header,
    is_whole: bool,
}

/// The files in the directory.
struct Files {
    id: Option<[u8; 16]>,
    known: Vec<Known>,
    /// Behind the last known one, without an intact header.
    unknown: Vec<u32>,
    /// The greatest index of any.
    last: u32,
}

/// How the journal ends.
struct Ending {
    /// All known ones that are kept.
    segments: VecDeque<Arc<Segment>>,
    end: Point,
    /// Whether more can be appended to the last one.
    is_open: bool,
    durable: u64,
    /// Files to be removed, the last one first.
    torn: Vec<u32>,
    damages: Vec<Damage>,
}

impl Journal {
    /// Opens the journal in a directory, or begins one there.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    ///
    /// # Complexity
    ///
    /// Reads the segments that hold anything that is not known to be durable, one or two as a rule,
    /// and the headers of all others.
    pub fn open(directory: &Path, options: Options) -> Result<Opened, OpenError> {
        options.check()?;
        let disk = FileDisk::open(directory).map_err(|source| match source.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::InUse {
                directory: directory.to_owned(),
            },
            _ => during("locking", &directory.display().to_string())(source).into(),
        })?;
        Self::open_on(Box::new(disk), options)
    }

    pub(crate) fn open_on(disk: Box<dyn Disk>, options: Options) -> Result<Opened, OpenError> {
        options.check()?;
        let names = disk.names().map_err(during("listing", "the directory"))?;
        let files = Files::find(disk.as_ref(), &names)?;
        let is_fresh = files.id.is_none();
        let id = match files.id {
            Some(id) => id,
            None => random_id()?,
        };
        let ending = files.ending(disk.as_ref(), &id)?;
        let mut torn_bytes = 0;
        for index in &ending.torn {
            let name = segment_name(*index);
            let used = read_all(disk.as_ref(), &name)?;
            torn_bytes += used.iter().filter(|byte| **byte != 0).count() as u64;
            disk.remove(&name).map_err(during("removing", &name))?;
        }
        if !ending.torn.is_empty() {
            let synced = disk.sync_directory();
            synced.map_err(during("syncing", "the directory"))?;
        }
        let cursors = cursor::load(disk.as_ref(), &names)?;
        let spares = Spares {
            ready: VecDeque::new(),
            // What was torn is gone; what could not be read stays.
            next: files.next(&ending),
        };
        let store = Store {
            disk,
            id,
            spares: Mutex::new(spares),
            segments: RwLock::new(ending.segments.clone()),
            cursors: Mutex::new(cursors.into_iter().collect()),
            durable: AtomicU64::new(ending.durable.min(ending.end.number)),
            is_directory_dirty: AtomicBool::new(false),
            options,
        };
        let (writer, cut_bytes) = begin_writer(&store, &ending)?;
        let is_synced = store.options.policy.is_synced();
        let journal = Self(Arc::new(Inner {
            store,
            writer: Mutex::new(writer),
            group: Group::default(),
            tended: Mutex::default(),
        }));
        if is_fresh || is_synced {
            journal.0.settle()?;
        }
        Ok(Opened {
            journal,
            torn_bytes: torn_bytes + cut_bytes,
            damages: ending.damages,
        })
    }
}

impl Inner {
    /// What was found is durable from here on, and the header of the last segment.
    fn settle(&self) -> Result<(), OpenError> {
        let writer = self.writer();
        let name = writer.segment.name();
        let map = Arc::clone(writer.tail.map());
        let next = writer.next;
        drop(writer);
        map.sync().map_err(during("syncing", &name))?;
        let synced = self.store.disk.sync_directory();
        synced.map_err(during("syncing the directory of", &name))?;
        let error = match self.sync_to(next) {
            Ok(()) => return Ok(()),
            Err(super::SyncError::Io(error)) => error,
            Err(super::SyncError::Poisoned) => unreachable!("nothing was synced before"),
        };
        Err(error.into())
    }
}

impl Files {
    fn find(disk: &dyn Disk, names: &[String]) -> Result<Self, OpenError> {
        let mut indices: Vec<u32> = names
            .iter()
            .filter_map(|name| segment_index(name))
            .collect();
        indices.sort_unstable();
        let mut files = Self {
            id: None,
            known: Vec::new(),
            unknown: Vec::new(),
            last: indices.last().copied().unwrap_or(0),
        };
        for index in &indices {
            let name = segment_name(*index);
            let len = disk.len(&name).map_err(during("measuring", &name))?;
            let mut head =
                vec![0; usize::try_from(len).map_or(DATA_START, |it| it.min(DATA_START))];
            disk.read(&name, 0, &mut head)
                .map_err(during("reading", &name))?;
            let header = Header::read(&head).filter(|header| header.segment == *index);
            let Some(header) = header else {
                files.unknown.push(*index);
                continue;
            };
            if files.id.is_some_and(|id| id != header.journal) {
                return Err(OpenError::Foreign { name });
            }
            if let Some(before) = files.known.last().map(|it| it.header.base)
                && before > header.base
            {
                return Err(OpenError::Disorder {
                    name,
                    base: Offset(header.base),
                    expected: Offset(before),
                });
            }
            files.id = Some(header.journal);
            let is_whole = len == header.bytes && len.is_multiple_of(8);
            files.known.push(Known { header, is_whole });
        }
        if files.id.is_none() {
            for index in &files.unknown {
                let name = segment_name(*index);
                let bytes = read_all(disk, &name)?;
                let is_begun = bytes.iter().skip(DATA_START).any(|byte| *byte != 0);
                if is_begun {
                    return Err(OpenError::Unreadable { name });
                }
            }
        }
        let last_known = files.known.last().map_or(0, |it| it.header.segment);
        files.unknown.retain(|index| *index > last_known);
        Ok(files)
    }

    /// Reads what may not be durable, and decides where the journal ends.
    fn ending(&self, disk: &dyn Disk, id: &[u8; 16]) -> Result<Ending, OpenError> {
        let mut ending = Ending {
            segments: VecDeque::new(),
            end: Point {
                number: 0,
                time_max: 0,
                at: 0,
            },
            is_open: false,
            durable: 0,
            torn: Vec::new(),
            damages: Vec::new(),
        };
        let unknown = self.evidence(disk, id, &mut ending)?;
        let first = self.first_to_scan(disk, &mut ending.durable)?;
        let mut is_torn = false;
        for (at, known) in self.known.iter().enumerate() {
            if at < first {
                let segment = Segment::new(known.header);
                ending.segments.push_back(Arc::new(segment));
                continue;
            }
            is_torn = is_torn || !ending.scan(disk, known, at == first)?;
            if is_torn {
                ending.torn.push(known.header.segment);
            }
        }
        let is_synced = self.known.last().is_none_or(|it| it.header.is_synced);
        let promised = if is_synced { ending.durable } else { unknown };
        if promised > ending.end.number {
            ending.lose(self.last, promised);
        }
        // After a loss what cannot be read stays for people to look at.
        if ending.damages.is_empty() {
            ending.torn.extend(&self.unknown);
        }
        ending.torn.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ending)
    }

    /// What the marks in files without a header say: how much was durable, and the greatest number.
    fn evidence(
        &self,
        disk: &dyn Disk,
        id: &[u8; 16],
        ending: &mut Ending,
    ) -> Result<u64, OpenError> {
        let mut number = 0;
        for index in &self.unknown {
            let bytes = read_all(disk, &segment_name(*index))?;
            for (_, mark) in frame::marks(&bytes, 0, Seed::new(id, *index)) {
                ending.durable = ending.durable.max(mark.durable);
                number = number.max(mark.number);
            }
        }
        Ok(number)
    }

    /// The first segment that holds anything of which no mark says that it is durable.
    fn first_to_scan(&self, disk: &dyn Disk, durable: &mut u64) -> Result<usize, OpenError> {
        let mut first = self.known.len().saturating_sub(1);
        while let Some(known) = self.known.get(first) {
            let Header { segment, base, .. } = known.header;
            let bytes = read_all(disk, &segment_name(segment))?;
            let seed = Seed::new(&known.header.journal, segment);
            let marks = frame::marks(&bytes, DATA_START, seed);
            *durable = marks.fold(*durable, |max, (_, mark)| max.max(mark.durable));
            if first == 0 || !known.header.is_synced || *durable >= base {
                break;
            }
            first -= 1;
        }
        Ok(first)
    }

    fn next(&self, ending: &Ending) -> u32 {
        let is_gone = |index: &u32| ending.torn.contains(index);
        let kept = self.known.iter().map(|it| it.header.segment);
        let kept = kept
            .chain(self.unknown.iter().copied())
            .filter(|it| !is_gone(it));
        kept.max().map_or(1, |index| index + 1)
    }
}

impl Ending {
    /// Reads a segment; false if the journal ends before it.
    fn scan(&mut self, disk: &dyn Disk, known: &Known, is_first: bool) -> Result<bool, OpenError> {
        let header = &known.header;
        if is_first {
            self.end = start_of(header);
        } else if header.is_synced && !self.is_sealed() && self.durable <= self.end.number {
            return Ok(false);
        } else if header.base > self.end.number {
            self.lose(header.segment, header.base);
        } else if header.base < self.end.number {
            return Err(OpenError::Disorder {
                name: segment_name(header.segment),
                base: Offset(header.base),
                expected: Offset(self.end.number),
            });
        }
        let bytes = read_all(disk, &segment_name(header.segment))?;
        let seed = Seed::new(&header.journal, header.segment);
        let behind = if header.is_synced {
            Behind::Torn {
                durable: self.durable,
            }
        } else {
            Behind::Kept
        };
        let scan = Scan::run(&bytes, header.segment, seed, start_of(header), behind);
        self.durable = self.durable.max(scan.durable);
        self.damages.extend(scan.damages);
        self.end = scan.end;
        self.is_open = !scan.is_sealed && !scan.is_cut_short && known.is_whole;
        if !known.is_whole {
            self.damages.push(Damage {
                segment: header.segment,
                position: bytes.len() as u64,
                from: Offset(self.end.number),
                to: Offset(self.end.number.max(self.durable)),
                kind: DamageKind::Length,
            });
        }
        let segment = Segment::with_points(*header, scan.points);
        self.segments.push_back(Arc::new(segment));
        Ok(true)
    }

    /// Whether the last segment read is over.
    const fn is_sealed(&self) -> bool {
        !self.is_open
    }

    /// Records are gone with their segment; what follows cannot stand behind them.
    fn lose(&mut self, segment: u32, to: u64) {
        self.damages.push(Damage {
            segment,
            position: 0,
            from: Offset(self.end.number),
            to: Offset(to),
            kind: DamageKind::Missing,
        });
        self.end.number = to;
        self.is_open = false;
    }
}

/// Goes on in the last segment, or begins another. Gives how many bytes were cut off.
fn begin_writer(store: &Store, ending: &Ending) -> Result<(Writer, u64), OpenError> {
    let longest = store.options.record_bytes_max;
    let Point {
        number,
        time_max,
        at,
    } = ending.end;
    let is_synced = store.options.policy.is_synced();
    let refused = |error| match error {
        AppendError::DiskFull(error) => OpenError::DiskFull(error),
        AppendError::Io(error) => OpenError::Io(error),
        _ => OpenError::Options {
            name: "bytes_max",
            must: "more than what is there and one segment, unless cursors let it go",
        },
    };
    let last = ending.segments.back();
    let Some(segment) = last.filter(|_| ending.is_open) else {
        let (segment, tail) = store.begin_segment(number, time_max).map_err(refused)?;
        let mut segments = store.segments.write().expect("nobody else has it yet");
        segments.push_back(Arc::clone(&segment));
        drop(segments);
        return Ok((Writer::new(tail, segment, number, time_max, longest), 0));
    };
    let name = segment.name();
    let tail = store.disk.map_tail(&name, at);
    let mut tail = tail.map_err(during("mapping", &name))?;
    let room = tail.room();
    let used = room.iter().rposition(|byte| *byte != 0);
    let cut = used.map_or(0, |it| it + 1);
    room[..cut].fill(0);
    let mut writer = Writer::new(tail, Arc::clone(segment), number, time_max, longest);
    if segment.header.is_synced != is_synced {
        // Without a seal the next segment would be taken for torn; and what it promises stands behind
        // all that is here.
        let before = Arc::clone(writer.tail.map());
        writer.roll(store).map_err(refused)?;
        before.sync().map_err(during("syncing", &name))?;
    }
    Ok((writer, cut as u64))
}

fn read_all(disk: &dyn Disk, name: &str) -> Result<Vec<u8>, OpenError> {
    let len = disk.len(name).map_err(during("measuring", name))?;
    // Longer than any segment: its header says otherwise, and that is what is reported.
    let len = len.min(super::SEGMENT_BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(len).expect("at most 1 GiB")];
    disk.read(name, 0, &mut bytes)
        .map_err(during("reading", name))?;
    Ok(bytes)
}

fn random_id() -> Result<[u8; 16], OpenError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| {
        during("drawing the name of", "the journal")(std::io::Error::other(error.to_string()))
    })?;
    Ok(id)
}
