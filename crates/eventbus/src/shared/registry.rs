//! Who publishes and who subscribes: the file `bus`, which every process maps.
//!
//! | what | who writes it | when |
//! |---|---|---|
//! | seats and records, but for what follows | who has the directory's lock | an entry's state is stored last: it is there as a whole or not at all |
//! | a seat's `published` | its publisher | after each message |
//! | a record's `received`, `redelivered`, `dead` | who has the subscription | after each message |
//! | a record's `dropped` | publishers | when they drop |
//! | a record's `arrivals` | publishers | when a lane has come, or its publisher goes |
//! | `owner` to left | its process | when it leaves |
//! | `changes` | who has changed a record's state | behind the change |

use std::path::Path;
use std::time::Duration;

use claude_flow_ringbuf::shared::Peer;
use claude_flow_ringbuf::shared::parts::{Bell, Owner, checksum};

use super::error::AttachError;
use super::files::Directory;
use super::memory::Memory;
use super::{Overflow, PUBLISHERS_MAX, SUBSCRIPTIONS_MAX, VERSION, WAIT_MAX};
use crate::sync::{AtomicU64, Ordering};
use crate::{Pattern, TOPIC_BYTES_MAX};

const FILE: &str = "bus";
const DRAFT: &str = "bus.draft";

/// The first word; a machine of the other byte order reads another number.
const MAGIC: u64 = 0x6366_2d62_7573_0001;

const CHECKSUM: usize = 32;
const CHANGES: usize = 128;
const RECLAIMED: usize = 192;
const INCARNATIONS: usize = 200;
const SEATS: usize = 256;
const SEAT_BYTES: usize = 128;
const RECORDS: usize = SEATS + PUBLISHERS_MAX * SEAT_BYTES;
const RECORD_BYTES: usize = 768;
const TOTAL_BYTES: usize = RECORDS + SUBSCRIPTIONS_MAX * RECORD_BYTES;

/// In a seat.
const SEAT_OWNER: usize = 0;
const SEAT_INCARNATION: usize = 8;
const SEAT_PUBLISHED: usize = 64;

/// In a record.
const BELL: usize = 0;
const ARRIVALS: usize = 8;
const STATE: usize = 128;
const OWNER: usize = 136;
const OPTIONS: usize = 144;
const WAIT_NS: usize = 152;
const LENGTHS: usize = 160;
const NAME: usize = 192;
const PATTERN: usize = 256;
const RECEIVED: usize = 512;
const REDELIVERED: usize = 520;
const DEAD: usize = 528;
const DROPPED: usize = 640;

/// The longest name of a subscription, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

const STATUS_BITS: u32 = 8;
const FREE: u64 = 0;
const TRANSIENT: u64 = 1;
const DURABLE: u64 = 2;

const _: () = {
    assert!(NAME + NAME_BYTES_MAX <= PATTERN);
    assert!(PATTERN + TOPIC_BYTES_MAX <= RECEIVED);
    assert!(DROPPED + size_of::<u64>() <= RECORD_BYTES);
};

/// Which subscription: its place, and which use of that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SubscriptionId {
    pub(super) index: u32,
    pub(super) generation: u64,
}

impl SubscriptionId {
    /// The name of its directory.
    pub(super) fn directory(self) -> String {
        format!("s{}.{}", self.index, self.generation)
    }
}

/// Which publisher: its place, and its number among all that the bus ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PublisherId {
    pub(super) seat: u32,
    pub(super) incarnation: u64,
}

impl PublisherId {
    pub(super) fn arena(self) -> String {
        format!("a{}.{}", self.seat, self.incarnation)
    }

    pub(super) fn lane(self) -> String {
        format!("p{}.{}", self.seat, self.incarnation)
    }

    /// Any file that it is making.
    pub(super) fn draft(self) -> String {
        format!("d{}.{}", self.seat, self.incarnation)
    }

    /// From the name of a file of the kind that the letter says.
    pub(super) fn parse(name: &str, kind: char) -> Option<Self> {
        let (seat, incarnation) = name.strip_prefix(kind)?.split_once('.')?;
        let seat: u32 = seat.parse().ok()?;
        let incarnation = incarnation.parse().ok()?;
        ((seat as usize) < PUBLISHERS_MAX).then_some(Self { seat, incarnation })
    }
}

/// A subscription as it was read, once, and checked since.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: SubscriptionId,
    /// None if it goes with its process.
    pub(super) name: Option<String>,
    pub(super) pattern: Pattern,
    /// Of each lane; a power of two.
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    pub(super) tries_max: u32,
}

impl Record {
    /// What people call it.
    pub(super) fn label(&self) -> String {
        let name = self.name.as_deref();
        name.unwrap_or(self.pattern.as_str()).to_owned()
    }
}

/// The mapped file.
#[derive(Debug)]
pub(super) struct Registry {
    memory: Memory,
}

impl Registry {
    /// Maps the registry; makes it if there is none and it is to be made. Under the lock.
    pub(super) fn open(directory: &Directory, is_made: bool) -> Result<Self, AttachError> {
        let path = directory.path().join(FILE);
        let memory = match directory.map(FILE)? {
            Some(memory) => memory,
            None if !is_made => {
                let path = directory.path().to_owned();
                return Err(AttachError::Absent { path });
            }
            None => directory.make((DRAFT, FILE), TOTAL_BYTES, lay_out)?,
        };
        check(&memory, &path)?;
        Ok(Self { memory })
    }

    /// A number that changes with the subscriptions.
    #[inline]
    pub(super) fn changes(&self) -> u64 {
        // SYNC: pairs with the Release half in `change`.
        self.memory.word(CHANGES).load(Ordering::Acquire)
    }

    /// Lets publishers see what was changed.
    pub(super) fn change(&self) {
        // SYNC: pairs with the Acquire load in `changes`.
        self.memory.word(CHANGES).fetch_add(1, Ordering::Release);
    }

    /// Whether nobody has cleared away lately; then somebody is about to.
    pub(super) fn is_reclaim_due(&self, now_ns: u64, period: Duration) -> bool {
        let word = self.memory.word(RECLAIMED);
        let since = now_ns.abs_diff(word.load(Ordering::Relaxed));
        let is_due = u128::from(since) >= period.as_nanos();
        if is_due {
            word.store(now_ns, Ordering::Relaxed);
        }
        is_due
    }

    /// Gives a free seat to a process, with a number above all before. Under the lock.
    pub(super) fn free_seat(&self) -> Option<PublisherId> {
        let seat = (0..PUBLISHERS_MAX).find(|seat| self.seat(*seat).owner() == Owner::VACANT)?;
        let count = self.memory.word(INCARNATIONS);
        let next = count.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let incarnation = self.seat(seat).word(SEAT_INCARNATION);
        incarnation.store(next, Ordering::Relaxed);
        Some(PublisherId {
            seat: u32::try_from(seat).ok()?,
            incarnation: next,
        })
    }

    pub(super) fn set_publisher(&self, id: PublisherId, owner: Owner) {
        let seat = self.seat(id.seat as usize);
        seat.word(SEAT_PUBLISHED).store(0, Ordering::Relaxed);
        seat.word(SEAT_OWNER)
            .store(owner.to_word(), Ordering::Release);
    }

    /// The publisher goes: its place may be cleared when nobody reads from it any more.
    pub(super) fn leave_seat(&self, id: PublisherId) {
        let word = self.seat(id.seat as usize);
        word.word(SEAT_OWNER)
            .store(Owner::LEFT.to_word(), Ordering::Release);
    }

    #[inline]
    pub(super) fn published(&self, id: PublisherId) -> &AtomicU64 {
        let offset = SEATS + id.seat as usize * SEAT_BYTES + SEAT_PUBLISHED;
        self.memory.word(offset)
    }

    /// Whether nothing more will come from a publisher.
    pub(super) fn is_publisher_gone(&self, id: PublisherId) -> bool {
        let seat = self.seat(id.seat as usize);
        seat.word(SEAT_INCARNATION).load(Ordering::Relaxed) != id.incarnation
            || !is_alive(seat.owner())
    }

    /// The publishers of all places that somebody had, and who.
    pub(super) fn publishers(&self) -> impl Iterator<Item = (PublisherId, Owner)> {
        (0..PUBLISHERS_MAX).filter_map(|index| {
            let seat = self.seat(index);
            let owner = seat.owner();
            let id = PublisherId {
                seat: u32::try_from(index).ok()?,
                incarnation: seat.word(SEAT_INCARNATION).load(Ordering::Relaxed),
            };
            (owner != Owner::VACANT).then_some((id, owner))
        })
    }

    fn seat(&self, seat: usize) -> Seat<'_> {
        assert!(seat < PUBLISHERS_MAX, "there is such a seat");
        Seat {
            memory: &self.memory,
            offset: SEATS + seat * SEAT_BYTES,
        }
    }

    /// Enters a subscription. Under the lock.
    pub(super) fn enter(&self, record: &Record, owner: Owner) {
        let start = at(record.id.index);
        let (kind, wait) = match record.overflow {
            Overflow::Drop => (0, Duration::ZERO),
            Overflow::Refuse { after } => (1, after),
        };
        let name = record.name.as_deref().unwrap_or_default();
        let pattern = record.pattern.as_str();
        let options = record.capacity as u64 | kind << 32 | u64::from(record.tries_max) << 40;
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let lengths = name.len() as u64 | (pattern.len() as u64) << 32;
        for (field, value) in [(OPTIONS, options), (WAIT_NS, wait_ns), (LENGTHS, lengths)] {
            self.word(start + field).store(value, Ordering::Relaxed);
        }
        for counter in [ARRIVALS, RECEIVED, REDELIVERED, DEAD, DROPPED] {
            self.word(start + counter).store(0, Ordering::Relaxed);
        }
        for (field, text) in [(NAME, name), (PATTERN, pattern)] {
            let place = self.memory.view_mut(start + field, text.len());
            let mut place = place.expect("the record is in the file");
            place.write_bytes(0, text.as_bytes());
        }
        self.set_owner(record.id, owner);
        let status = if record.name.is_some() {
            DURABLE
        } else {
            TRANSIENT
        };
        // SYNC: pairs with the Acquire load in `record`.
        self.word(start + STATE).store(
            record.id.generation << STATUS_BITS | status,
            Ordering::Release,
        );
        self.change();
    }

    /// A place for a new subscription. Under the lock.
    pub(super) fn free_record(&self) -> Option<SubscriptionId> {
        let is_free = |index: &u32| self.state(*index) & status_mask() == FREE;
        let index = indices().find(is_free)?;
        let generation =
            (self.state(index) >> STATUS_BITS).wrapping_add(1) & u64::MAX >> STATUS_BITS;
        Some(SubscriptionId { index, generation })
    }

    /// Takes a subscription out. Under the lock.
    pub(super) fn clear(&self, id: SubscriptionId) {
        let state = self.word(at(id.index) + STATE);
        state.store(id.generation << STATUS_BITS | FREE, Ordering::Release);
        self.change();
        self.bell(id).ring();
    }

    pub(super) fn is_there(&self, id: SubscriptionId) -> bool {
        let state = self.state(id.index);
        state & status_mask() != FREE && state >> STATUS_BITS == id.generation
    }

    pub(super) fn set_owner(&self, id: SubscriptionId, owner: Owner) {
        let word = self.word(at(id.index) + OWNER);
        word.store(owner.to_word(), Ordering::Release);
    }

    pub(super) fn owner(&self, id: SubscriptionId) -> Owner {
        let word = self.word(at(id.index) + OWNER);
        Owner::from_word(word.load(Ordering::Acquire))
    }

    pub(super) fn bell(&self, id: SubscriptionId) -> &Bell {
        self.memory.bell(at(id.index) + BELL)
    }

    pub(super) fn arrivals(&self, id: SubscriptionId) -> &AtomicU64 {
        self.word(at(id.index) + ARRIVALS)
    }

    pub(super) fn received(&self, id: SubscriptionId) -> &AtomicU64 {
        self.word(at(id.index) + RECEIVED)
    }

    pub(super) fn redelivered(&self, id: SubscriptionId) -> &AtomicU64 {
        self.word(at(id.index) + REDELIVERED)
    }

    pub(super) fn dead(&self, id: SubscriptionId) -> &AtomicU64 {
        self.word(at(id.index) + DEAD)
    }

    pub(super) fn dropped(&self, id: SubscriptionId) -> &AtomicU64 {
        self.word(at(id.index) + DROPPED)
    }

    /// All subscriptions; what is damaged is left out.
    pub(super) fn records(&self) -> Vec<Record> {
        let records = indices().filter_map(|index| self.record(index));
        records.collect()
    }

    /// A subscription; none if there is none, or what is there cannot be one.
    fn record(&self, index: u32) -> Option<Record> {
        let start = at(index);
        let state = self.state(index);
        let status = state & status_mask();
        if status != TRANSIENT && status != DURABLE {
            return None;
        }
        let load = |field| self.word(start + field).load(Ordering::Relaxed);
        let (options, wait_ns, lengths) = (load(OPTIONS), load(WAIT_NS), load(LENGTHS));
        let (name_len, pattern_len) = (low_half(lengths) as usize, (lengths >> 32) as usize);
        let name = self.text(start + NAME, name_len, NAME_BYTES_MAX)?;
        let pattern = self.text(start + PATTERN, pattern_len, TOPIC_BYTES_MAX)?;
        let capacity = low_half(options) as usize;
        // Taken out or replaced meanwhile: then `changes` says so, behind that.
        if self.state(index) != state || super::check_capacity(capacity).is_err() {
            return None;
        }
        Some(Record {
            id: SubscriptionId {
                index,
                generation: state >> STATUS_BITS,
            },
            name: (status == DURABLE).then_some(name),
            pattern: Pattern::new(&pattern).ok()?,
            capacity,
            overflow: match options >> 32 & 0xff {
                0 => Overflow::Drop,
                _ => Overflow::Refuse {
                    after: Duration::from_nanos(wait_ns).min(WAIT_MAX),
                },
            },
            tries_max: low_half(options >> 40),
        })
    }

    fn text(&self, at: usize, len: usize, len_max: usize) -> Option<String> {
        if len > len_max {
            return None;
        }
        String::from_utf8(self.memory.view(at, len)?.to_vec()).ok()
    }

    fn state(&self, index: u32) -> u64 {
        // SYNC: pairs with the Release store in `enter`.
        let state = self.word(at(index) + STATE);
        state.load(Ordering::Acquire)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        self.memory.word(offset)
    }
}

/// Where a record begins.
fn at(index: u32) -> usize {
    let index = index as usize;
    assert!(index < SUBSCRIPTIONS_MAX, "there is such a record");
    RECORDS + index * RECORD_BYTES
}

/// The numbers of all records.
fn indices() -> impl Iterator<Item = u32> {
    (0..).take(SUBSCRIPTIONS_MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is asked for"
)]
const fn low_half(word: u64) -> u32 {
    word as u32
}

struct Seat<'a> {
    memory: &'a Memory,
    offset: usize,
}

impl<'a> Seat<'a> {
    fn word(&self, field: usize) -> &'a AtomicU64 {
        self.memory.word(self.offset + field)
    }

    fn owner(&self) -> Owner {
        // SYNC: pairs with the Release stores in `leave_seat` and `set_publisher`: who sees that a
        // publisher left sees what it published.
        Owner::from_word(self.word(SEAT_OWNER).load(Ordering::Acquire))
    }
}

/// Whether the process lives, or nothing says that it does not.
pub(super) fn is_alive(owner: Owner) -> bool {
    matches!(owner.look(), Peer::Alive { .. })
}

const fn status_mask() -> u64 {
    (1 << STATUS_BITS) - 1
}

/// Magic, version, length, namespace: what the checksum is over.
fn head(namespace: u64) -> [u64; 4] {
    [MAGIC, VERSION.into(), TOTAL_BYTES as u64, namespace]
}

fn lay_out(memory: &Memory) -> Result<(), AttachError> {
    let head = head(Owner::namespace().map_err(AttachError::Process)?);
    for (index, word) in head.into_iter().enumerate() {
        let offset = index * size_of::<u64>();
        memory.word(offset).store(word, Ordering::Relaxed);
    }
    memory
        .word(CHECKSUM)
        .store(checksum(head), Ordering::Relaxed);
    Ok(())
}

fn check(memory: &Memory, path: &Path) -> Result<(), AttachError> {
    let damaged = |why| AttachError::Damaged {
        path: path.to_owned(),
        why,
    };
    if memory.size_bytes() < SEATS {
        return Err(damaged("it is too short"));
    }
    let load = |index: usize| {
        memory
            .word(index * size_of::<u64>())
            .load(Ordering::Acquire)
    };
    let found = [load(0), load(1), load(2), load(3)];
    if found[0] != MAGIC {
        return Err(damaged("it does not begin as one"));
    }
    let version = u32::try_from(found[1]).unwrap_or(u32::MAX);
    if version != VERSION {
        return Err(AttachError::Version {
            path: path.to_owned(),
            found: version,
            expected: VERSION,
        });
    }
    if checksum(found) != load(CHECKSUM / size_of::<u64>()) {
        return Err(damaged("its checksum is wrong"));
    }
    if found[2] != TOTAL_BYTES as u64 || memory.size_bytes() < TOTAL_BYTES {
        return Err(damaged("it has another length than it says"));
    }
    if found[3] != Owner::namespace().map_err(AttachError::Process)? {
        return Err(damaged("it was made in another namespace of pids"));
    }
    Ok(())
}
