//! The routes that one publisher used lately.

use std::fmt;
use std::sync::Arc;

use super::{Router, Table};
use crate::Topic;

/// How many topics a cache remembers; a power of two.
const SLOTS: usize = 1_024;
/// How many slots a topic may be in.
const WAYS: usize = 4;
/// How many bytes of topics a cache remembers.
const TEXT_BYTES_MAX: usize = 32 * SLOTS;
/// How many targets the routes of a cache have together before it forgets them all.
const PLACES_MAX: usize = 16 * SLOTS;

/// Finds the targets of topics, and remembers them for topics that come again.
///
/// Each publisher has its own. It allocates when it is made (some 200 KiB), and afterwards only
/// to take over a new table of the router. When it is full it forgets everything.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use claude_flow_eventbus::{Pattern, RouteCache, Router, Topic};
///
/// let router = Arc::new(Router::new());
/// let mut cache = RouteCache::new(Arc::clone(&router));
/// router.insert(Pattern::new("edits.>")?, 7)?;
/// let found: Vec<i32> = cache.route(&Topic::new("edits.saved")?).copied().collect();
/// assert_eq!(found, [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RouteCache<T> {
    router: Arc<Router<T>>,
    table: Arc<Table<T>>,
    slots: Box<[Slot]>,
    /// Slots of other rounds are empty.
    round: u32,
    /// The topics of this round, one behind the other; never longer than [`TEXT_BYTES_MAX`].
    text: Vec<u8>,
    /// The routes of this round; the last one may go over [`PLACES_MAX`].
    places: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u64,
    round: u32,
    text_start: u32,
    text_len: u32,
    places_start: u32,
    places_len: u32,
}

impl<T> RouteCache<T> {
    /// A cache that has seen nothing.
    #[must_use]
    pub fn new(router: Arc<Router<T>>) -> Self {
        Self {
            table: router.table(),
            router,
            slots: vec![Slot::default(); SLOTS].into_boxed_slice(),
            round: 1,
            text: Vec::with_capacity(TEXT_BYTES_MAX),
            places: Vec::with_capacity(2 * PLACES_MAX),
        }
    }

    /// The targets of all patterns that match, as the router has them now.
    ///
    /// # Complexity
    ///
    /// For a topic that is remembered: one hash, one comparison of the text. Otherwise a walk
    /// through the tries. Allocates only for a topic with more than 16,384 targets, and more than
    /// any before it.
    #[inline]
    pub fn route(&mut self, topic: &Topic) -> Matches<'_, T> {
        if !self.router.is_current(self.table.generation) {
            self.renew();
        }
        let hash = self.table.hasher.hash(topic.as_str());
        let (start, len) = match self.find(hash, topic.as_str()) {
            Some(slot) => (slot.places_start, slot.places_len),
            None => self.learn(hash, topic),
        };
        let start = start as usize;
        Matches {
            table: &self.table,
            places: self.places[start..start + len as usize].iter(),
        }
    }

    #[inline]
    fn find(&self, hash: u64, topic: &str) -> Option<Slot> {
        let ways = &self.slots[first_way(hash)..][..WAYS];
        ways.iter()
            .find(|slot| {
                let start = slot.text_start as usize;
                slot.hash == hash
                    && slot.round == self.round
                    && self.text[start..start + slot.text_len as usize] == *topic.as_bytes()
            })
            .copied()
    }

    #[cold]
    #[inline(never)]
    fn renew(&mut self) {
        self.table = self.router.table();
        self.forget();
    }

    fn forget(&mut self) {
        self.text.clear();
        self.places.clear();
        self.round = self.round.checked_add(1).unwrap_or_else(|| {
            self.slots.fill(Slot::default());
            1
        });
    }

    /// Walks the tries and remembers what was found: where the places begin, and how many.
    #[inline(never)]
    fn learn(&mut self, hash: u64, topic: &Topic) -> (u32, u32) {
        let text = topic.as_str().as_bytes();
        if self.text.len() + text.len() > TEXT_BYTES_MAX || self.places.len() >= PLACES_MAX {
            self.forget();
        }
        let start = self.places.len();
        let places = &mut self.places;
        self.table.each_match(topic, |place| places.push(place));
        self.remember(hash, text, start)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "SUBSCRIPTIONS_MAX and TEXT_BYTES_MAX are below 2^32"
    )]
    fn remember(&mut self, hash: u64, text: &[u8], start: usize) -> (u32, u32) {
        let slot = Slot {
            hash,
            round: self.round,
            text_start: self.text.len() as u32,
            text_len: text.len() as u32,
            places_start: start as u32,
            places_len: (self.places.len() - start) as u32,
        };
        self.text.extend_from_slice(text);
        let round = self.round;
        let ways = &mut self.slots[first_way(hash)..][..WAYS];
        let empty = ways.iter().position(|it| it.round != round);
        // None is empty: one of them goes, whichever the hash says.
        let way = empty.unwrap_or((hash >> 32) as usize % WAYS);
        ways[way] = slot;
        (slot.places_start, slot.places_len)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits are what is asked for"
)]
#[inline]
fn first_way(hash: u64) -> usize {
    hash as usize % (SLOTS / WAYS) * WAYS
}

impl<T> fmt::Debug for RouteCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteCache")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// What [`RouteCache::route`] returns: each target once for each of its patterns that matches.
pub struct Matches<'a, T> {
    table: &'a Table<T>,
    places: std::slice::Iter<'a, u32>,
}

impl<'a, T> Iterator for Matches<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.places.next().map(|place| self.table.target(*place))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl<T> DoubleEndedIterator for Matches<'_, T> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.places
            .next_back()
            .map(|place| self.table.target(*place))
    }
}

impl<T> ExactSizeIterator for Matches<'_, T> {}

impl<T> fmt::Debug for Matches<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches")
            .field("len", &self.places.len())
            .finish_non_exhaustive()
    }
}
