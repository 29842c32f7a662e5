//! The bus between processes: topics and subscriptions of `crate::Bus`, in a directory that all of
//! a user's processes can map.
//!
//! # Guarantees
//!
//! - **What was published is not lost by a death.** When [`Publisher::publish`] has returned, the
//!   message is in the memory of every subscription that matches (or counted there as dropped), and
//!   stays until it is acknowledged, whichever processes are killed at whatever instruction.
//! - **At least once** for subscriptions with a name: what their consumer had and did not acknowledge
//!   goes to the next one, flagged as redelivered, in the old order. A message that
//!   [`SubscribeOptions::tries_max`] consumers left while it was first is put aside as a dead letter.
//! - **Order**: from each publisher as it published; what one left comes before everything of those that
//!   came after its end.
//! - **All or nobody**: a publication that is refused was given to nobody, so it can be repeated.
//! - **One copy**: a payload lies where its publisher wrote it, for all subscribers.
//! - **No residue of a crash**: nothing in shared memory counts references. What a publisher has given
//!   out it knows from how far each subscription has acknowledged; what a dead one leaves is files, which
//!   go when they were read.
//! - **No trust**: whatever another process writes into the memory, at any moment, costs errors,
//!   messages or a publisher, never undefined behaviour, a panic, or a wait beyond its deadline.
//! - **This user only**: directories are 0700 and files 0600; what belongs to another user or is open
//!   to others is refused before it is mapped.
//! - **Bounded**: [`PUBLISHERS_MAX`], [`SUBSCRIPTIONS_MAX`]; a lane by
//!   [`SubscribeOptions::capacity`], a publisher's memory by [`PublisherOptions::classes`]. The disk
//!   is asked for all of it when it is made: a full disk is an error there
//!   ([`AttachError::is_full`]) and never a signal.
//! - No allocation and no lock on the way of a message, no system call while nobody sleeps.
//!
//! # What it does not do
//!
//! - Survive the end of the machine: that is what a [`journal`](crate::journal) is for.
//! - Give one message to one of a group, ask and answer, keep priorities apart, or drop the oldest.
//! - Rob a process that hangs: as long as it lives its subscription is its own, and what it does not
//!   acknowledge fills its lanes.
//! - Bound a subscription over all publishers: each has its own lane, with files that stay open (one at
//!   the publisher, two at the subscriber).
//! - Work over a file that a process of this user makes shorter (`SIGBUS`), or after a `fork` without
//!   `exec`, or between namespaces of pids. It needs 64-bit Linux.
//! - Carry messages over a socket, for peers that cannot map memory.
//!
//! # Example
//!
//! ```
//! use claude_flow_eventbus::shared::{Bus, PublisherOptions, SubscribeOptions};
//! use claude_flow_eventbus::{Deadline, Topic};
//! use std::time::Duration;
//!
//! let directory = tempfile::tempdir()?;
//! // Another process opens the same directory.
//! let bus = Bus::open(&directory.path().join("edits"))?;
//! let options = SubscribeOptions::named("checker");
//! let mut checker = bus.subscribe(&"edits.>".parse()?, &options)?;
//! let mut publisher = bus.publisher(&PublisherOptions::default())?;
//! let receipt = publisher.publish(&"edits.rust".parse()?, b"lib.rs")?;
//! assert_eq!(receipt.delivered, 1);
//!
//! let item = checker.recv_until(Deadline::after(Duration::from_secs(10)))?;
//! let message = item.and_then(|it| it.into_message()).expect("it was published");
//! assert_eq!(message.payload().to_vec(), b"lib.rs");
//! drop(checker);
//!
//! // It was not acknowledged: the next one gets it again.
//! let mut checker = bus.subscribe(&"edits.>".parse()?, &options)?;
//! let item = checker.recv_until(Deadline::after(Duration::from_secs(10)))?;
//! let message = item.and_then(|it| it.into_message()).expect("it comes again");
//! assert!(message.is_redelivered());
//! assert!(checker.acknowledge(&message));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! A publisher has memory of its own and a ring of entries to each subscription that it ever matched.
//! Each word in shared memory has one writer, and each step ends with one store, so that a death leaves
//! the state before or behind it. `docs/shared.md` has the files, `docs/adr/0005-between-processes.md`
//! the reasons.

mod arena;
mod error;
mod files;
mod lane;
mod letters;
mod memory;
mod message;
mod publisher;
mod registry;
mod stats;
mod subscriber;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claude_flow_ringbuf::shared::Peer;
use claude_flow_ringbuf::shared::parts::Owner;

use self::files::{Directory, Lock};
use self::lane::Outlet;
use self::registry::{PublisherId, Record, Registry, SubscriptionId, is_alive};
use crate::journal::{Journal, OpenError};
use crate::sync::Ordering;
use crate::{Clock as _, CoarseClock, Pattern};

pub use self::error::{AttachError, PublishError, RecvError};
pub use self::message::{Item, Message};
pub use self::publisher::{Draft, Publisher, PublisherOptions, Receipt};
pub use self::registry::NAME_BYTES_MAX;
pub use self::stats::{PublisherStats, Stats, SubscriptionStats};
pub use self::subscriber::Subscriber;
pub use claude_flow_ringbuf::shared::{View, ViewMut, Waiting};

/// The most publishers of a bus at once.
pub const PUBLISHERS_MAX: usize = 1_024;

/// The most subscriptions of a bus at once.
pub const SUBSCRIPTIONS_MAX: usize = 1_024;

/// The most messages of one publisher that wait for a subscription.
pub const CAPACITY_MAX: usize = 1 << 20;

/// The version of every file of a bus: who knows another one is refused.
pub const VERSION: u32 = 1;

/// The longest that a publisher waits for a subscription.
pub const WAIT_MAX: Duration = Duration::from_mins(1);

/// The time between two clearings away by those who attach.
const RECLAIM_PERIOD: Duration = Duration::from_secs(1);

/// The time between two looks who lives, for those who wait.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// What happens to a message for which a subscription has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It is dropped, and counted.
    Drop,
    /// The publisher waits so long for a place; then the message is refused, to all subscriptions.
    Refuse {
        /// How long, up to [`WAIT_MAX`]; not at all with zero.
        after: Duration,
    },
}

/// How a subscription is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// With a name it is durable: it stays when its process goes, and collects messages for the next
    /// one that asks for the name. Without it goes with its process.
    pub name: Option<String>,
    /// How many messages of each publisher wait for it; a power of two up to [`CAPACITY_MAX`].
    pub capacity: usize,
    /// What happens to those for which there is no place.
    pub overflow: Overflow,
    /// How many consumers may go while a message is the first of its publisher, before it is put
    /// aside; from 1.
    pub tries_max: u32,
    /// How its consumer waits.
    pub waiting: Waiting,
}

impl Default for SubscribeOptions {
    /// Goes with its process; 1,024 messages of each publisher, others are dropped.
    fn default() -> Self {
        Self {
            name: None,
            capacity: 1_024,
            overflow: Overflow::Drop,
            tries_max: 5,
            waiting: Waiting::default(),
        }
    }
}

impl SubscribeOptions {
    /// Durable: stays under this name, and loses nothing: who publishes waits a second for a place.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            overflow: Overflow::Refuse {
                after: Duration::from_secs(1),
            },
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), AttachError> {
        let refuse = |name, must| Err(AttachError::Option { name, must });
        check_capacity(self.capacity)?;
        if !(1..=0xffff).contains(&self.tries_max) {
            return refuse("tries_max", "1 to 65,535");
        }
        if matches!(self.overflow, Overflow::Refuse { after } if after > WAIT_MAX) {
            return refuse("overflow", "at most a minute");
        }
        match &self.name {
            Some(name) if !is_name(name) => refuse("name", NAME_MUST),
            _ => Ok(()),
        }
    }
}

const NAME_MUST: &str = "1 to 64 letters, digits, dots, dashes and underscores, no dot first";

fn is_name(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(is_fine)
}

fn check_capacity(capacity: usize) -> Result<(), AttachError> {
    if capacity.is_power_of_two() && capacity <= CAPACITY_MAX {
        return Ok(());
    }
    Err(AttachError::Option {
        name: "capacity",
        must: "a power of two up to 1,048,576",
    })
}

/// A bus between the processes of one user; a handle that is cheap to clone.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    registry: Registry,
    /// What names this process.
    owner: Owner,
}

impl Bus {
    /// Attaches to the bus in a directory, which is made if there is none.
    ///
    /// A file system in memory is the place for it: elsewhere the kernel writes the messages to the
    /// disk as well.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead.
    pub fn open(directory: &Path) -> Result<Self, AttachError> {
        Self::new(directory, true)
    }

    /// As [`open`](Self::open); that there is none is [`AttachError::Absent`].
    ///
    /// # Errors
    ///
    /// As for `open`.
    pub fn attach(directory: &Path) -> Result<Self, AttachError> {
        Self::new(directory, false)
    }

    /// Where the bus of a name is: below `$XDG_RUNTIME_DIR` if that is absolute, or in a
    /// directory of this user in `/dev/shm`. What is above it is made if need be.
    ///
    /// # Errors
    ///
    /// [`AttachError`], also if somebody else has made that directory.
    pub fn directory_of(name: &str) -> Result<PathBuf, AttachError> {
        if !is_name(name) {
            let (name, must) = ("the bus's name", NAME_MUST);
            return Err(AttachError::Option { name, must });
        }
        let base = base(std::env::var_os("XDG_RUNTIME_DIR"));
        Directory::open(&base, true)?;
        Ok(base.join(name))
    }

    fn new(path: &Path, is_made: bool) -> Result<Self, AttachError> {
        let directory = Directory::open(path, is_made)?;
        let lock = directory.lock()?;
        let registry = Registry::open(&directory, is_made)?;
        drop(lock);
        let owner = Owner::of_this_process().map_err(AttachError::Process)?;
        Ok(Self {
            inner: Arc::new(Inner {
                directory,
                registry,
                owner,
            }),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.inner.directory.path()
    }

    /// A new publisher, with memory of its own.
    ///
    /// # Errors
    ///
    /// [`AttachError`]; nothing is left behind.
    pub fn publisher(&self, options: &PublisherOptions) -> Result<Publisher, AttachError> {
        Publisher::new(self.clone(), options)
    }

    /// Subscribes, or takes over the durable subscription of that name from who is gone.
    ///
    /// Of a subscription that is there the options stay as they are, but for
    /// [`SubscribeOptions::waiting`].
    ///
    /// # Errors
    ///
    /// [`AttachError`]; [`AttachError::Taken`] if a process that lives has it.
    pub fn subscribe(
        &self,
        pattern: &Pattern,
        options: &SubscribeOptions,
    ) -> Result<Subscriber, AttachError> {
        options.check()?;
        let lock = self.lock()?;
        self.reclaim_if_due(&lock);
        let found = options.name.as_deref().and_then(|name| self.find(name));
        let record = match found {
            Some(record) => self.take_over(record, pattern)?,
            None => self.enter(&lock, pattern, options)?,
        };
        let directory = self
            .inner
            .directory
            .make_inner(&record.id.directory())
            .inspect_err(|_| self.inner.registry.set_owner(record.id, Owner::LEFT))?;
        drop(lock);
        let waiting = options.waiting;
        Ok(Subscriber::new(self.clone(), record, directory, waiting))
    }

    /// Removes a durable subscription with all messages that wait for it; whether there was one.
    ///
    /// # Errors
    ///
    /// [`AttachError::Taken`] if a process that lives receives from it.
    pub fn remove(&self, name: &str) -> Result<bool, AttachError> {
        let lock = self.lock()?;
        let Some(record) = self.find(name) else {
            return Ok(false);
        };
        if let Peer::Alive { pid } = self.inner.registry.owner(record.id).look() {
            let name = name.to_owned();
            return Err(AttachError::Taken { name, pid });
        }
        self.clear(&lock, record.id);
        Ok(true)
    }

    /// Clears away what processes left that are gone: subscriptions that go with their process, and the
    /// memory of publishers from which nobody has anything to read. How many of both.
    ///
    /// Whoever attaches does it as well, once a second at most.
    ///
    /// # Errors
    ///
    /// [`AttachError`]: the directory could not be locked.
    pub fn reclaim(&self) -> Result<usize, AttachError> {
        let lock = self.lock()?;
        Ok(self.reclaim_locked(&lock))
    }

    /// Who publishes, who subscribes, and what became of the messages.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::read(&self.inner.directory, &self.inner.registry)
    }

    /// The journal of dead letters, each a [`Letter`](crate::delivery::Letter) around a message with its
    /// envelope. As long as somebody has it open, nobody can put a message aside: keep it short.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn dead_letters(&self) -> Result<Journal, OpenError> {
        letters::open(self.directory())
    }

    fn lock(&self) -> Result<Lock, AttachError> {
        self.inner.directory.lock()
    }

    fn find(&self, name: &str) -> Option<Record> {
        let records = self.inner.registry.records();
        records
            .into_iter()
            .find(|it| it.name.as_deref() == Some(name))
    }

    /// Makes a durable subscription ours, if its last consumer is gone. Under the lock.
    fn take_over(&self, record: Record, pattern: &Pattern) -> Result<Record, AttachError> {
        let name = record.label();
        if record.pattern != *pattern {
            let found = record.pattern.to_string();
            return Err(AttachError::Pattern { name, found });
        }
        let registry = &self.inner.registry;
        if let Peer::Alive { pid } = registry.owner(record.id).look() {
            return Err(AttachError::Taken { name, pid });
        }
        registry.set_owner(record.id, self.inner.owner);
        // Who entered it may have died before publishers were told.
        registry.change();
        Ok(record)
    }

    /// Enters a new subscription. Under the lock.
    fn enter(
        &self,
        lock: &Lock,
        pattern: &Pattern,
        options: &SubscribeOptions,
    ) -> Result<Record, AttachError> {
        let registry = &self.inner.registry;
        let id = registry.free_record().or_else(|| {
            self.reclaim_locked(lock);
            registry.free_record()
        });
        let id = id.ok_or(AttachError::Crowded {
            what: "subscriptions",
            count: SUBSCRIPTIONS_MAX,
        })?;
        let record = Record {
            id,
            name: options.name.clone(),
            pattern: pattern.clone(),
            capacity: options.capacity,
            overflow: options.overflow,
            tries_max: options.tries_max,
        };
        // Before it is there: publishers make their lanes in it.
        self.inner.directory.make_inner(&id.directory())?;
        registry.enter(&record, self.inner.owner);
        Ok(record)
    }

    fn clear(&self, _lock: &Lock, id: SubscriptionId) {
        self.inner.registry.clear(id);
        self.inner.directory.remove_inner(&id.directory());
    }

    /// The subscriber goes.
    fn unsubscribe(&self, record: &Record) {
        let registry = &self.inner.registry;
        let is_ours = registry.is_there(record.id) && registry.owner(record.id) == self.inner.owner;
        if !is_ours {
            return;
        }
        registry.set_owner(record.id, Owner::LEFT);
        // Without the lock others find that it was left.
        if record.name.is_none()
            && let Ok(lock) = self.lock()
            && registry.is_there(record.id)
        {
            self.clear(&lock, record.id);
        }
    }

    /// Whether nobody will ever receive from a subscription; one that was left is taken out.
    fn is_gone(&self, record: &Record, is_looked_for_life: bool) -> bool {
        let registry = &self.inner.registry;
        if !registry.is_there(record.id) {
            return true;
        }
        if record.name.is_some() || !is_looked_for_life || is_alive(registry.owner(record.id)) {
            return false;
        }
        // Somebody else may have been faster.
        if let Ok(lock) = self.lock()
            && registry.is_there(record.id)
        {
            self.clear(&lock, record.id);
        }
        true
    }

    fn take_seat(&self) -> Result<PublisherId, AttachError> {
        let lock = self.lock()?;
        self.reclaim_if_due(&lock);
        let registry = &self.inner.registry;
        let id = registry.free_seat().or_else(|| {
            self.reclaim_locked(&lock);
            registry.free_seat()
        });
        let id = id.ok_or(AttachError::Crowded {
            what: "publishers",
            count: PUBLISHERS_MAX,
        })?;
        registry.set_publisher(id, self.inner.owner);
        Ok(id)
    }

    /// The publisher goes; its memory stays as long as somebody has something to read there.
    fn leave(&self, id: PublisherId) {
        self.inner.registry.leave_seat(id);
    }

    /// Makes the way from a publisher to a subscription; none if that went just now.
    fn open_lane(&self, id: PublisherId, record: &Record) -> Result<Option<Outlet>, AttachError> {
        let Some(directory) = self.inner.directory.inner(&record.id.directory())? else {
            return Ok(None);
        };
        let lane = match Outlet::create(&directory, id, record) {
            Err(_) if !self.inner.registry.is_there(record.id) => return Ok(None),
            made => made?,
        };
        let registry = &self.inner.registry;
        // SYNC: pairs with the Acquire loads in `Subscriber`: who sees it finds the lane.
        registry.arrivals(record.id).fetch_add(1, Ordering::Release);
        registry.bell(record.id).ring();
        Ok(Some(lane))
    }

    /// As [`reclaim`](Self::reclaim), if nobody did it lately: it takes milliseconds.
    fn reclaim_if_due(&self, lock: &Lock) {
        let now = CoarseClock.unix_ns();
        if self.inner.registry.is_reclaim_due(now, RECLAIM_PERIOD) {
            self.reclaim_locked(lock);
        }
    }

    /// As [`reclaim`](Self::reclaim), by who has the lock.
    fn reclaim_locked(&self, lock: &Lock) -> usize {
        let registry = &self.inner.registry;
        let mut count = 0;
        for record in registry.records() {
            if record.name.is_none() && !is_alive(registry.owner(record.id)) {
                self.clear(lock, record.id);
                count += 1;
            }
        }
        let gone: Vec<_> = registry
            .publishers()
            .filter_map(|(id, owner)| (!is_alive(owner)).then_some(id))
            .collect();
        let names = self.inner.directory.names().unwrap_or_default();
        let there: Vec<_> = registry
            .records()
            .iter()
            .map(|it| it.id.directory())
            .collect();
        let mut read_from = Vec::new();
        for name in names.iter().filter(|it| it.starts_with('s')) {
            if there.contains(name) {
                self.sweep_lanes(name, &gone, &mut read_from);
            } else {
                self.inner.directory.remove_inner(name);
            }
        }
        for id in gone.into_iter().filter(|id| !read_from.contains(id)) {
            self.inner.directory.remove(&id.arena());
            self.inner.directory.remove(&id.draft());
            registry.set_publisher(id, Owner::VACANT);
            count += 1;
        }
        count
    }

    /// Finds out from whom there are lanes in a directory, and removes what was never finished.
    fn sweep_lanes(&self, name: &str, gone: &[PublisherId], read_from: &mut Vec<PublisherId>) {
        let Ok(Some(directory)) = self.inner.directory.inner(name) else {
            return;
        };
        for file in directory.names().unwrap_or_default() {
            if PublisherId::parse(&file, 'd').is_some_and(|id| gone.contains(&id)) {
                directory.remove(&file);
            }
            read_from.extend(PublisherId::parse(&file, 'p'));
        }
    }
}

/// Where all buses of this user are; a runtime directory that is relative is none.
fn base(runtime: Option<OsString>) -> PathBuf {
    let runtime = runtime.map(PathBuf::from).filter(|it| it.is_absolute());
    let user = rustix::process::geteuid().as_raw();
    runtime.map_or_else(
        || PathBuf::from(format!("/dev/shm/claude-flow-{user}")),
        |runtime| runtime.join("claude-flow"),
    )
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("directory", &self.directory())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_directory_that_is_relative_is_not_taken() {
        let inside = base(Some("/run/user/1".into()));
        assert_eq!(inside, Path::new("/run/user/1/claude-flow"));
        for runtime in [Some("run".into()), Some(OsString::new()), None] {
            assert!(base(runtime).starts_with("/dev/shm"));
        }
    }
}
