//! Which subscriptions a topic is for.
//!
//! # Who touches what
//!
//! | what | publishers | whoever subscribes or unsubscribes |
//! |---|---|---|
//! | `writer` | never | alone, under its lock |
//! | `snapshot` | load, when the generation is not the one they know | stores a new table |
//! | `generation` | load, for each message | stores, after the table |
//!
//! A table is never changed. It has two tries: a large one, and a small one with what came since
//! the large one was built, together with a bit for each target of the large one that went since.
//! When those have become more than about √(2n), n being the size of the large one, it is built
//! anew: so subscribing costs O(√n) on average and a topic is looked up in two tries at most.

mod cache;
mod trie;

pub use self::cache::{Matches, RouteCache};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use self::trie::{TextHasher, Tokens, Trie};
use crate::sync::{AtomicU64, Mutex, Ordering, Snapshot, lock};
use crate::{Pattern, Topic};

/// The most patterns that a router has at once.
pub const SUBSCRIPTIONS_MAX: usize = 1 << 22;

/// Finds the targets whose patterns match a topic; publishers never wait for a change.
///
/// # Examples
///
/// ```
/// use claude_flow_eventbus::{Pattern, Router, Topic};
///
/// let router = Router::new();
/// let rust = router.insert(Pattern::new("edits.rust.*")?, "rust")?;
/// router.insert(Pattern::new("edits.>")?, "all")?;
/// let mut found = router.matches(&Topic::new("edits.rust.saved")?);
/// found.sort();
/// assert_eq!(found, ["all", "rust"]);
/// router.remove(rust);
/// assert_eq!(router.matches(&Topic::new("edits.rust.saved")?), ["all"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Router<T> {
    /// That of the newest table, once it can be loaded.
    generation: AtomicU64,
    snapshot: Snapshot<Table<T>>,
    writer: Mutex<Writer<T>>,
}

/// A pattern in a [`Router`], until it is [removed](Router::remove).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey(u64);

/// There are as many patterns as [`SUBSCRIPTIONS_MAX`] allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {SUBSCRIPTIONS_MAX} patterns already; remove some first")]
pub struct RouterFullError;

struct Writer<T> {
    hasher: TextHasher,
    next_key: u64,
    live: BTreeMap<u64, Live<T>>,
    /// The keys of those that are not in the large trie.
    recent: Vec<u64>,
    /// The targets of the large trie that were removed.
    dead: Vec<u32>,
}

struct Live<T> {
    pattern: Pattern,
    target: T,
    /// In the large trie; none if it is recent.
    place: Option<u32>,
}

/// What the router knew at one moment.
pub(crate) struct Table<T> {
    pub(crate) generation: u64,
    hasher: TextHasher,
    large: Arc<Trie<T>>,
    /// A bit for each target of `large`, if any was removed.
    dead: Option<Box<[u64]>>,
    small: Trie<T>,
}

impl<T: Clone> Router<T> {
    /// A router without patterns.
    #[must_use]
    pub fn new() -> Self {
        let hasher = TextHasher::new();
        let table = Table {
            generation: 0,
            large: Arc::new(Trie::new(&hasher, []).0),
            dead: None,
            small: Trie::new(&hasher, []).0,
            hasher: hasher.clone(),
        };
        Self {
            generation: AtomicU64::new(0),
            snapshot: Snapshot::new(Arc::new(table)),
            writer: Mutex::new(Writer {
                hasher,
                next_key: 0,
                live: BTreeMap::new(),
                recent: Vec::new(),
                dead: Vec::new(),
            }),
        }
    }

    /// Adds a pattern; every lookup that begins after this finds it.
    ///
    /// # Errors
    ///
    /// [`RouterFullError`]; nothing is changed.
    ///
    /// # Complexity
    ///
    /// O(√n) on average, O(n) at worst; blocks others who change the router, nobody who reads it.
    pub fn insert(&self, pattern: Pattern, target: T) -> Result<RouteKey, RouterFullError> {
        let keys = self.change(&[], vec![(pattern, target)])?;
        Ok(keys[0])
    }

    /// Adds many patterns at once, in O(n).
    ///
    /// # Errors
    ///
    /// [`RouterFullError`]; nothing is changed.
    pub fn insert_all(
        &self,
        patterns: impl IntoIterator<Item = (Pattern, T)>,
    ) -> Result<Vec<RouteKey>, RouterFullError> {
        self.change(&[], patterns.into_iter().collect())
    }

    /// Removes a pattern; no lookup that begins after this finds it. False if it was gone.
    ///
    /// Its target may be kept for some time, by this router and by the route caches of publishers
    /// that do not publish.
    ///
    /// # Complexity
    ///
    /// As [`insert`](Self::insert).
    pub fn remove(&self, key: RouteKey) -> bool {
        let mut writer = lock(&self.writer);
        let is_there = writer.forget(key);
        if is_there {
            self.publish(&mut writer);
        }
        is_there
    }

    /// Removes some and adds some, in one step: every lookup finds all of it done or nothing.
    pub(crate) fn change(
        &self,
        removed: &[RouteKey],
        added: Vec<(Pattern, T)>,
    ) -> Result<Vec<RouteKey>, RouterFullError> {
        let mut writer = lock(&self.writer);
        if writer.live.len() + added.len() > SUBSCRIPTIONS_MAX {
            return Err(RouterFullError);
        }
        for key in removed {
            writer.forget(*key);
        }
        let keys = added
            .into_iter()
            .map(|(pattern, target)| writer.learn(pattern, target))
            .collect();
        self.publish(&mut writer);
        Ok(keys)
    }

    fn publish(&self, writer: &mut Writer<T>) {
        let before = self.snapshot.load();
        let table = writer.table(&before);
        let generation = table.generation;
        self.snapshot.store(Arc::new(table));
        // SYNC: pairs with the Acquire load in `is_current`: who sees the number finds the table.
        self.generation.store(generation, Ordering::Release);
    }

    /// The targets of all patterns that match, in no order that means anything.
    ///
    /// Publishers use a [`RouteCache`], which allocates nothing.
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> Vec<T> {
        let table = self.table();
        let mut found = Vec::new();
        table.each_match(topic, |place| found.push(table.target(place).clone()));
        found
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.writer).live.len()
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Router<T> {
    #[inline]
    pub(crate) fn table(&self) -> Arc<Table<T>> {
        self.snapshot.load()
    }

    /// Whether nothing was changed since the table of this generation.
    #[inline]
    pub(crate) fn is_current(&self, generation: u64) -> bool {
        // SYNC: pairs with the Release store in `publish`.
        self.generation.load(Ordering::Acquire) == generation
    }
}

impl<T: Clone> Writer<T> {
    fn learn(&mut self, pattern: Pattern, target: T) -> RouteKey {
        let key = self.next_key;
        self.next_key += 1;
        let place = None;
        self.live.insert(
            key,
            Live {
                pattern,
                target,
                place,
            },
        );
        self.recent.push(key);
        RouteKey(key)
    }

    fn forget(&mut self, key: RouteKey) -> bool {
        let Some(live) = self.live.remove(&key.0) else {
            return false;
        };
        match live.place {
            Some(place) => self.dead.push(place),
            None => self.recent.retain(|it| *it != key.0),
        }
        true
    }

    /// What is known now, given the table before.
    fn table(&mut self, before: &Table<T>) -> Table<T> {
        let changes = self.recent.len() + self.dead.len();
        let is_large_due = changes.saturating_mul(changes) > 2 * before.large.targets().len();
        let (large, dead) = if is_large_due {
            self.recent.clear();
            self.dead.clear();
            (Arc::new(self.large()), None)
        } else {
            (Arc::clone(&before.large), self.dead_bits(before))
        };
        let recent = self.recent.iter().filter_map(|key| self.live.get(key));
        let recent = recent.map(|it| (&it.pattern, it.target.clone()));
        Table {
            generation: before.generation + 1,
            hasher: self.hasher.clone(),
            large,
            dead,
            small: Trie::new(&self.hasher, recent).0,
        }
    }

    /// A trie of everything.
    fn large(&mut self) -> Trie<T> {
        let all = self.live.values();
        let all = all.map(|it| (&it.pattern, it.target.clone()));
        let (trie, places) = Trie::new(&self.hasher, all);
        for (live, place) in self.live.values_mut().zip(places) {
            live.place = Some(place);
        }
        trie
    }

    fn dead_bits(&self, before: &Table<T>) -> Option<Box<[u64]>> {
        if self.dead.is_empty() {
            return None;
        }
        let count = before.large.targets().len();
        let mut bits = vec![0; count.div_ceil(64)].into_boxed_slice();
        for place in &self.dead {
            bits[*place as usize / 64] |= 1 << (place % 64);
        }
        Some(bits)
    }
}

impl<T> Table<T> {
    /// Calls for the place of each target whose pattern matches.
    #[inline]
    pub(crate) fn each_match(&self, topic: &Topic, mut found: impl FnMut(u32)) {
        let tokens = Tokens::new(topic, &self.hasher);
        match &self.dead {
            None => self.large.each_match(&tokens, &mut found),
            Some(dead) => self.large.each_match(&tokens, |place| {
                if dead[place as usize / 64] & (1 << (place % 64)) == 0 {
                    found(place);
                }
            }),
        }
        #[expect(clippy::cast_possible_truncation, reason = "SUBSCRIPTIONS_MAX")]
        let behind = self.large.targets().len() as u32;
        self.small
            .each_match(&tokens, |place| found(behind + place));
    }

    /// The target at a place that [`each_match`](Self::each_match) named.
    #[inline]
    pub(crate) fn target(&self, place: u32) -> &T {
        let large = self.large.targets();
        let place = place as usize;
        match large.get(place) {
            Some(target) => target,
            None => &self.small.targets()[place - large.len()],
        }
    }
}

impl<T: Clone> Default for Router<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("generation", &self.generation)
            .field("large", &self.large)
            .field("small", &self.small)
            .finish_non_exhaustive()
    }
}
