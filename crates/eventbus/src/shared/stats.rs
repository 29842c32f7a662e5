//! What a bus knows of itself.

use claude_flow_ringbuf::shared::Peer;
use claude_flow_ringbuf::shared::parts::Owner;

use super::Overflow;
use super::files::Directory;
use super::lane;
use super::registry::{PublisherId, Record, Registry};
use crate::Pattern;
use crate::sync::Ordering;

/// Who publishes and who subscribes at about this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Those that live, and those from whom somebody has something to read.
    pub publishers: Vec<PublisherStats>,
    /// All subscriptions.
    pub subscriptions: Vec<SubscriptionStats>,
}

/// A publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherStats {
    /// The number of its place.
    pub seat: u32,
    /// Its process; none if it is gone.
    pub pid: Option<u32>,
    /// How many messages it has published.
    pub published: u64,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionStats {
    /// None if it goes with its process.
    pub name: Option<String>,
    /// What it is for.
    pub pattern: Pattern,
    /// Who receives; none if nobody does.
    pub pid: Option<u32>,
    /// How many messages of each publisher wait at most.
    pub capacity: usize,
    /// What happens to others.
    pub overflow: Overflow,
    /// How many publishers have a way to it.
    pub publishers: usize,
    /// Messages that wait or are held, of all publishers.
    pub waiting: usize,
    /// Messages that were acknowledged.
    pub received: u64,
    /// Messages that were given to more than one consumer, counted each time.
    pub redelivered: u64,
    /// Messages that found no place.
    pub dropped: u64,
    /// Messages that were put aside.
    pub dead: u64,
}

impl Stats {
    pub(super) fn read(directory: &Directory, registry: &Registry) -> Self {
        let publishers = registry.publishers().map(|(id, owner)| PublisherStats {
            seat: id.seat,
            pid: pid(owner),
            published: registry.published(id).load(Ordering::Relaxed),
        });
        let records = registry.records().into_iter();
        Self {
            publishers: publishers.collect(),
            subscriptions: records.map(|it| of(directory, registry, it)).collect(),
        }
    }
}

fn of(directory: &Directory, registry: &Registry, record: Record) -> SubscriptionStats {
    let id = record.id;
    let lanes = lengths(directory, &record);
    SubscriptionStats {
        name: record.name,
        pattern: record.pattern,
        pid: pid(registry.owner(id)),
        capacity: record.capacity,
        overflow: record.overflow,
        publishers: lanes.len(),
        waiting: lanes.iter().sum(),
        received: registry.received(id).load(Ordering::Relaxed),
        redelivered: registry.redelivered(id).load(Ordering::Relaxed),
        dropped: registry.dropped(id).load(Ordering::Relaxed),
        dead: registry.dead(id).load(Ordering::Relaxed),
    }
}

/// How much is in each lane; what cannot be read is left out.
fn lengths(directory: &Directory, record: &Record) -> Vec<usize> {
    let Ok(Some(inner)) = directory.inner(&record.id.directory()) else {
        return Vec::new();
    };
    let names = inner.names().unwrap_or_default();
    let lanes = names.iter().filter_map(|it| PublisherId::parse(it, 'p'));
    lanes.filter_map(|id| lane::len(&inner, id)).collect()
}

fn pid(owner: Owner) -> Option<u32> {
    match owner.look() {
        Peer::Alive { pid } => Some(pid),
        _ => None,
    }
}
