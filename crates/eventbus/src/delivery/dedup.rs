//! Messages that a publisher sends twice, because it does not know that the first one arrived.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::time::{Offset, Time};

/// What a publisher names a message, the same each time it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u128);

/// Knows the messages of a window of time: at most so many.
///
/// After a restart [`remember`](Self::remember) what the journal has of the window.
#[derive(Debug)]
pub struct Dedup {
    window: Duration,
    entries_max: usize,
    known: HashMap<MessageId, Offset>,
    /// Oldest first, all in `known`.
    order: VecDeque<(Time, MessageId)>,
    forgotten_early: u64,
}

impl Dedup {
    /// One that knows nothing; `entries_max` of 0 counts as 1.
    #[must_use]
    pub fn new(window: Duration, entries_max: usize) -> Self {
        Self {
            window,
            entries_max: entries_max.max(1),
            known: HashMap::new(),
            order: VecDeque::new(),
            forgotten_early: 0,
        }
    }

    /// Which message it was, if it was sent within the window before `now`.
    pub fn known(&mut self, id: MessageId, now: Time) -> Option<Offset> {
        while let Some((time, old)) = self.order.front()
            && time.saturating_add(self.window) < now
        {
            self.known.remove(old);
            self.order.pop_front();
        }
        self.known.get(&id).copied()
    }

    /// The message was taken in. What is known keeps its time.
    pub fn remember(&mut self, id: MessageId, offset: Offset, now: Time) {
        if self.known(id, now).is_some() {
            return;
        }
        if self.order.len() >= self.entries_max
            && let Some((_, old)) = self.order.pop_front()
        {
            self.known.remove(&old);
            self.forgotten_early += 1;
        }
        self.known.insert(id, offset);
        self.order.push_back((now, id));
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many were forgotten within their window because there were too many: a second one of those
    /// passes for new.
    #[must_use]
    pub const fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }
}
