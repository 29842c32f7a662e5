//! Where publishers and subscribers meet.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Weak};

use claude_flow_msgpool::{Message, Pool};

use crate::queue::{Overflow, Queue, Shape};
use crate::router::RouteKey;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, lock};
use crate::target::{Group, Member, Target};
use crate::{
    Clock, CoarseClock, Filter, Pattern, Publisher, Router, RouterFullError, Share, Subscriber,
    Topic, TopicPublisher,
};

/// The most messages that a queue holds, for each priority that it keeps apart.
pub const CAPACITY_MAX: usize = 1 << 20;
/// The most members of a queue group.
pub const MEMBERS_MAX: usize = 1_024;

/// Where publishers and subscribers of one process meet; a handle that is cheap to clone.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Bus, Item, Pattern, SubscribeOptions, Topic};
/// use claude_flow_msgpool::{Options, Pool};
///
/// let bus = Bus::new(Pool::new(&Options::default())?);
/// let mut saved = bus.subscribe(&Pattern::new("edits.*.saved")?, SubscribeOptions::default())?;
/// let mut publisher = bus.publisher();
/// let receipt = publisher.publish(&Topic::new("edits.rust.saved")?, b"src/main.rs")?;
/// assert_eq!(receipt.delivered, 1);
/// let Item::Event(event) = saved.try_recv()? else { unreachable!("nothing was dropped") };
/// assert_eq!(event.payload(), b"src/main.rs");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Bus {
    shared: Arc<Shared>,
}

/// What all handles, publishers and subscribers have in common.
pub(crate) struct Shared {
    pub(crate) router: Arc<Router<Target>>,
    pub(crate) pool: Pool,
    pub(crate) clock: Arc<dyn Clock>,
    /// Of the next publisher.
    next_publisher: AtomicU64,
    is_closed: AtomicBool,
    registry: Mutex<Registry>,
}

/// Who subscribes; changed together with the router, under its own lock.
#[derive(Default)]
struct Registry {
    next_number: u64,
    members: BTreeMap<u64, Membership>,
    groups: BTreeMap<(Pattern, String), (RouteKey, Arc<Group>)>,
}

struct Membership {
    queue: Weak<Queue<Message>>,
    place: Place,
}

/// Where a subscriber is in the router.
#[derive(Clone)]
enum Place {
    Alone(RouteKey),
    InGroup(Pattern, String),
}

/// How a subscriber receives.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Overflow, SubscribeOptions};
///
/// let options = SubscribeOptions {
///     capacity: 64,
///     overflow: Overflow::DropOldest,
///     ..SubscribeOptions::default()
/// };
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct SubscribeOptions {
    /// How many messages wait for it at most: a power of two up to [`CAPACITY_MAX`].
    pub capacity: usize,
    /// What happens to a message for which there is no place.
    pub overflow: Overflow,
    /// Whether messages wait by priority, `capacity` of each; otherwise in the order of
    /// publication.
    pub has_priorities: bool,
    /// Which messages it wants, of those that its pattern lets through.
    pub filter: Option<Filter>,
    /// It shares the work with all that have the same pattern and the same name here: one of
    /// them gets each message.
    pub group: Option<(String, Share)>,
}

impl Default for SubscribeOptions {
    /// 1,024 messages in order; new ones are dropped when they do not fit.
    fn default() -> Self {
        Self {
            capacity: 1_024,
            overflow: Overflow::DropNewest,
            has_priorities: false,
            filter: None,
            group: None,
        }
    }
}

/// Why there is no subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The capacity is not a power of two from 1 to [`CAPACITY_MAX`].
    #[error("the capacity {0} is not a power of two from 1 to {CAPACITY_MAX}")]
    Capacity(usize),
    /// The group shares its messages in another way.
    #[error("the group {name} shares its messages as {there:?}")]
    Share {
        /// The name of the group.
        name: String,
        /// How it shares.
        there: Share,
    },
    /// The group has [`MEMBERS_MAX`] members.
    #[error("the group {name} has {MEMBERS_MAX} members already")]
    GroupFull {
        /// The name of the group.
        name: String,
    },
    /// The bus has as many subscriptions as it can have.
    #[error(transparent)]
    RouterFull(#[from] RouterFullError),
    /// The bus was closed.
    #[error("the bus is closed")]
    Closed,
}

impl Bus {
    /// A bus whose messages lie in this pool, with the coarse clock of the system.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self::with_clock(pool, Arc::new(CoarseClock))
    }

    /// A bus whose messages bear the time of this clock.
    #[must_use]
    pub fn with_clock(pool: Pool, clock: Arc<dyn Clock>) -> Self {
        // Two buses begin at different numbers, so that their identifiers differ.
        let first_publisher = std::hash::RandomState::new().hash_one(std::process::id());
        Self {
            shared: Arc::new(Shared {
                router: Arc::new(Router::new()),
                pool,
                clock,
                next_publisher: AtomicU64::new(first_publisher),
                is_closed: AtomicBool::new(false),
                registry: Mutex::new(Registry::default()),
            }),
        }
    }

    /// A publisher for any topics.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(Arc::clone(&self.shared))
    }

    /// A publisher for one topic, which knows the way.
    #[must_use]
    pub fn publisher_to(&self, topic: &Topic) -> TopicPublisher {
        TopicPublisher::new(Arc::clone(&self.shared), topic.clone())
    }

    /// A subscriber for all topics that match. It gets what is published after this returns, and
    /// perhaps some of what is published meanwhile.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]; nothing is changed.
    ///
    /// # Complexity
    ///
    /// That of [`Router::insert`], and an allocation of the queue: 16 bytes a place.
    pub fn subscribe(
        &self,
        pattern: &Pattern,
        options: SubscribeOptions,
    ) -> Result<Subscriber, SubscribeError> {
        let shape = Shape {
            capacity: options.capacity,
            overflow: options.overflow,
            has_priorities: options.has_priorities,
        };
        if options.capacity > CAPACITY_MAX {
            return Err(SubscribeError::Capacity(options.capacity));
        }
        let (queue, receiver) =
            Queue::new(shape).map_err(|it| SubscribeError::Capacity(it.capacity))?;
        let mut registry = lock(&self.shared.registry);
        if self.shared.is_closed() {
            return Err(SubscribeError::Closed);
        }
        let number = registry.next_number;
        let subscriber = Member {
            queue: Arc::clone(&queue),
            filter: options.filter,
            number,
        };
        let place = match options.group {
            None => {
                let target = Target::One(Arc::new(subscriber));
                Place::Alone(self.shared.router.insert(pattern.clone(), target)?)
            }
            Some(group) => self
                .shared
                .join(&mut registry, pattern.clone(), group, subscriber)?,
        };
        registry.next_number += 1;
        let queue = Arc::downgrade(&queue);
        registry.members.insert(number, Membership { queue, place });
        drop(registry);
        Ok(Subscriber::new(Arc::clone(&self.shared), number, receiver))
    }

    /// Publishes nothing more; subscribers receive what waits for them, and then that it is over.
    ///
    /// A message whose publication was complete before this began is received by those that are
    /// still there; one that is published meanwhile may be, or may not.
    pub fn close(&self) {
        let mut registry = lock(&self.shared.registry);
        // SYNC: pairs with the Acquire load in `Shared::is_closed`.
        self.shared.is_closed.store(true, Ordering::Release);
        let members = std::mem::take(&mut registry.members);
        let groups = std::mem::take(&mut registry.groups);
        let alone = members.values().filter_map(|it| match it.place {
            Place::Alone(key) => Some(key),
            Place::InGroup(..) => None,
        });
        let keys: Vec<_> = alone.chain(groups.values().map(|it| it.0)).collect();
        let emptied = self.shared.router.change(&keys, Vec::new());
        debug_assert!(emptied.is_ok(), "nothing is added");
        for member in members.values() {
            if let Some(queue) = member.queue.upgrade() {
                queue.close();
            }
        }
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscriber_count(&self) -> usize {
        lock(&self.shared.registry).members.len()
    }

    /// Where the messages lie.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.shared.pool
    }
}

impl Shared {
    pub(crate) fn is_closed(&self) -> bool {
        // SYNC: pairs with the Release store in `Bus::close`.
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn next_publisher(&self) -> u64 {
        // Relaxed: only the number counts.
        self.next_publisher.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds a member to a group, which is made if there is none.
    fn join(
        &self,
        registry: &mut Registry,
        pattern: Pattern,
        (name, share): (String, Share),
        member: Member,
    ) -> Result<Place, SubscribeError> {
        let place = Place::InGroup(pattern.clone(), name.clone());
        let id = (pattern, name);
        let mut members = Vec::new();
        let mut removed = Vec::new();
        if let Some((key, group)) = registry.groups.get(&id) {
            if group.share() != share {
                let there = group.share();
                return Err(SubscribeError::Share { name: id.1, there });
            }
            if group.members().len() >= MEMBERS_MAX {
                return Err(SubscribeError::GroupFull { name: id.1 });
            }
            members.extend_from_slice(group.members());
            removed.push(*key);
        }
        members.push(member);
        self.regroup(registry, id, &removed, Group::new(share, members))?;
        Ok(place)
    }

    /// Puts a group where another was, or where none was.
    fn regroup(
        &self,
        registry: &mut Registry,
        id: (Pattern, String),
        removed: &[RouteKey],
        group: Group,
    ) -> Result<(), RouterFullError> {
        let group = Arc::new(group);
        let target = Target::Group(Arc::clone(&group));
        let keys = self.router.change(removed, vec![(id.0.clone(), target)])?;
        registry.groups.insert(id, (keys[0], group));
        Ok(())
    }

    /// Takes a subscriber out of the router; does nothing if it is not there any more.
    pub(crate) fn leave(&self, number: u64) {
        let mut registry = lock(&self.registry);
        let Some(membership) = registry.members.remove(&number) else {
            return;
        };
        let (pattern, name) = match membership.place {
            Place::Alone(key) => {
                self.router.remove(key);
                return;
            }
            Place::InGroup(pattern, name) => (pattern, name),
        };
        let id = (pattern, name);
        let Some((key, group)) = registry.groups.remove(&id) else {
            return;
        };
        let others = group.members().iter().filter(|it| it.number != number);
        let others: Vec<_> = others.cloned().collect();
        if others.is_empty() {
            self.router.remove(key);
            return;
        }
        let smaller = Group::new(group.share(), others);
        let replaced = self.regroup(&mut registry, id, &[key], smaller);
        debug_assert!(replaced.is_ok(), "one goes for one that comes");
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("subscriber_count", &self.subscriber_count())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
