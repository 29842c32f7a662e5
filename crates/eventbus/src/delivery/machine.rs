//! The state machine of at least once.
//!
//! ```text
//!            offer                 take
//!   ───────▶ waiting for its key ─▶ ready ─────▶ held ──acknowledge──▶ settled
//!                                     ▲            │ reject, deadline, gone
//!                                     │ time       ▼
//!                                     └──────── waiting for a try ──tries used up──▶ dead
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use thiserror::Error;

use super::options::{Options, OptionsError, REASON_BYTES_MAX};
use crate::time::{Offset, Time};

/// Messages with the same key keep their order. Different keys with the same number do so too, which
/// costs time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

/// Who takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerId(pub u64);

/// One delivery of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// The message.
    pub offset: Offset,
    /// Which try it is, from 1.
    pub attempt: u32,
}

/// A message that a consumer got.
#[derive(Debug, PartialEq, Eq)]
pub struct Handed<'a, T> {
    /// What its answers name.
    pub lease: Lease,
    /// When it is delivered again if no answer came.
    pub deadline: Time,
    /// The message.
    pub item: &'a T,
}

/// What a consumer says of a message that it could not handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Again, after the usual wait.
    Retry,
    /// Again, after this wait.
    RetryAfter(Duration),
    /// Never again: it is a dead letter.
    GiveUp,
}

/// Why a try came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The consumer said so, in at most [`REASON_BYTES_MAX`] bytes.
    Rejected(String),
    /// No answer came before the deadline.
    TimedOut,
    /// The consumer is gone.
    ConsumerGone,
}

/// A try that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who had it.
    pub consumer: ConsumerId,
    /// Since when.
    pub taken: Time,
    /// Until when.
    pub ended: Time,
    /// Why it came to nothing.
    pub reason: Reason,
}

/// A message that is not delivered any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Dead<T> {
    /// Which.
    pub offset: Offset,
    /// The message.
    pub item: T,
    /// All tries, the last one last.
    pub history: Vec<Attempt>,
}

/// Why a message was not taken in.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfferError {
    /// As many are there as may be; offer it again when some are settled.
    #[error("{backlog_max} messages wait or are held already")]
    Full {
        /// The limit.
        backlog_max: usize,
    },
    /// Messages are offered in their order.
    #[error("message {offset} was offered after a later one")]
    Order {
        /// Which.
        offset: Offset,
    },
}

/// The lease is over: the message was answered for, or is delivered again.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("try {} of message {} is over", lease.attempt, lease.offset)]
pub struct Stale {
    /// Which.
    pub lease: Lease,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    key: Option<Key>,
    state: State,
    history: Vec<Attempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Behind another of its key.
    Blocked,
    Ready,
    Held {
        consumer: ConsumerId,
        taken: Time,
        deadline: Time,
    },
    /// For its next try.
    Waiting {
        until: Time,
    },
}

/// Delivers messages at least once: the module has the guarantees.
#[derive(Debug)]
pub struct Delivery<T> {
    options: Options,
    entries: BTreeMap<Offset, Entry<T>>,
    ready: BTreeSet<Offset>,
    /// When leases end and waits are over.
    timers: BTreeSet<(Time, Offset)>,
    /// Of each key: the one whose turn it is, and those behind it.
    keys: BTreeMap<Key, VecDeque<Offset>>,
    consumers: BTreeMap<ConsumerId, BTreeSet<Offset>>,
    held: usize,
    /// Not yet fetched; they count as unsettled until they are.
    dead: BTreeSet<Offset>,
    next: Offset,
    random: u64,
}

impl<T> Delivery<T> {
    /// One without messages; the first that is offered may have any number from `next` on.
    ///
    /// # Errors
    ///
    /// [`OptionsError`].
    pub fn new(options: Options, next: Offset, seed: u64) -> Result<Self, OptionsError> {
        options.check()?;
        Ok(Self {
            options,
            entries: BTreeMap::new(),
            ready: BTreeSet::new(),
            timers: BTreeSet::new(),
            keys: BTreeMap::new(),
            consumers: BTreeMap::new(),
            held: 0,
            dead: BTreeSet::new(),
            next,
            random: seed,
        })
    }

    /// Takes a message in, to be delivered.
    ///
    /// # Errors
    ///
    /// [`OfferError`]; the message is dropped.
    ///
    /// # Complexity
    ///
    /// Logarithmic in the messages, as all other calls are for each message concerned.
    pub fn offer(&mut self, offset: Offset, key: Option<Key>, item: T) -> Result<(), OfferError> {
        if offset < self.next {
            return Err(OfferError::Order { offset });
        }
        if self.is_full() {
            return Err(OfferError::Full {
                backlog_max: self.options.backlog_max,
            });
        }
        self.next = Offset(offset.0 + 1);
        let mut state = State::Ready;
        if let Some(key) = key {
            let queue = self.keys.entry(key).or_default();
            if !queue.is_empty() {
                state = State::Blocked;
            }
            queue.push_back(offset);
        }
        if state == State::Ready {
            self.ready.insert(offset);
        }
        let entry = Entry {
            item,
            key,
            state,
            history: Vec::new(),
        };
        self.entries.insert(offset, entry);
        Ok(())
    }

    /// Whether no message can be offered.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.options.backlog_max
    }

    /// Gives a consumer the first message that is ready; none if none is, or if as many are held as
    /// may be. Leases that are over by `now` end first.
    pub fn take(&mut self, consumer: ConsumerId, now: Time) -> Option<Handed<'_, T>> {
        self.advance(now);
        let holds = self.consumers.get(&consumer).map_or(0, BTreeSet::len);
        if self.held >= self.options.held_max || holds >= self.options.held_by_one_max {
            return None;
        }
        let offset = self.ready.pop_first()?;
        let deadline = now.saturating_add(self.options.lease);
        self.timers.insert((deadline, offset));
        self.consumers.entry(consumer).or_default().insert(offset);
        self.held += 1;
        let entry = self.entries.get_mut(&offset)?;
        entry.state = State::Held {
            consumer,
            taken: now,
            deadline,
        };
        Some(Handed {
            lease: Lease {
                offset,
                attempt: attempt(&entry.history),
            },
            deadline,
            item: &entry.item,
        })
    }

    /// The message was handled.
    ///
    /// # Errors
    ///
    /// [`Stale`]: it is delivered again, or was settled before.
    pub fn acknowledge(&mut self, lease: Lease, now: Time) -> Result<(), Stale> {
        self.advance(now);
        self.check(lease)?;
        self.release(lease.offset);
        self.remove(lease.offset);
        Ok(())
    }

    /// The message was not handled; the reason is cut at [`REASON_BYTES_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// [`Stale`]: it is delivered again, or was settled before.
    pub fn reject(
        &mut self,
        lease: Lease,
        answer: Answer,
        reason: &str,
        now: Time,
    ) -> Result<(), Stale> {
        self.advance(now);
        self.check(lease)?;
        let cut = reason.floor_char_boundary(REASON_BYTES_MAX);
        let reason = Reason::Rejected(reason[..cut].to_owned());
        self.fail(lease.offset, reason, answer, now);
        Ok(())
    }

    /// The consumer is still at it: its lease begins again. Gives the new deadline.
    ///
    /// # Errors
    ///
    /// [`Stale`]: it is delivered again, or was settled before.
    pub fn extend(&mut self, lease: Lease, now: Time) -> Result<Time, Stale> {
        self.advance(now);
        self.check(lease)?;
        let until = now.saturating_add(self.options.lease);
        if let Some(entry) = self.entries.get_mut(&lease.offset)
            && let State::Held { deadline, .. } = &mut entry.state
        {
            self.timers.remove(&(*deadline, lease.offset));
            *deadline = until;
            self.timers.insert((until, lease.offset));
        }
        Ok(until)
    }

    /// A consumer is gone: what it held is ready at once, for its next try.
    pub fn gone(&mut self, consumer: ConsumerId, now: Time) {
        self.advance(now);
        for offset in self.consumers.get(&consumer).cloned().unwrap_or_default() {
            let at_once = Answer::RetryAfter(Duration::ZERO);
            self.fail(offset, Reason::ConsumerGone, at_once, now);
        }
        self.advance(now);
    }

    /// Ends leases and waits that are over.
    pub fn advance(&mut self, now: Time) {
        while let Some((time, offset)) = self.timers.first().copied() {
            if time > now {
                return;
            }
            let Some(entry) = self.entries.get_mut(&offset) else {
                debug_assert!(false, "only what is there has a timer");
                self.timers.pop_first();
                continue;
            };
            if matches!(entry.state, State::Held { .. }) {
                // As of the deadline, however late this is.
                self.fail(offset, Reason::TimedOut, Answer::Retry, time);
            } else {
                self.timers.pop_first();
                entry.state = State::Ready;
                self.ready.insert(offset);
            }
        }
    }

    /// When [`advance`](Self::advance) has something to do next.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        self.timers.first().map(|(time, _)| *time)
    }

    /// The first dead letter that was not fetched. It is settled by that: keep it first.
    pub fn bury(&mut self) -> Option<Dead<T>> {
        let offset = self.dead.pop_first()?;
        let entry = self.remove(offset)?;
        Some(Dead {
            offset,
            item: entry.item,
            history: entry.history,
        })
    }

    /// What [`bury`](Self::bury) gives next, without its being settled.
    #[must_use]
    pub fn dead(&self) -> Option<(Offset, &T, &[Attempt])> {
        let offset = *self.dead.first()?;
        let entry = self.entries.get(&offset)?;
        Some((offset, &entry.item, &entry.history))
    }

    /// All messages before this one are settled: acknowledged, or fetched as dead letters.
    #[must_use]
    pub fn settled(&self) -> Offset {
        let first = self.entries.first_key_value();
        first.map_or(self.next, |(offset, _)| *offset)
    }

    /// How many messages are held.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// How many messages are not settled.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.entries.len()
    }

    fn check(&self, lease: Lease) -> Result<(), Stale> {
        let entry = self.entries.get(&lease.offset).ok_or(Stale { lease })?;
        let is_held = matches!(entry.state, State::Held { .. });
        if is_held && attempt(&entry.history) == lease.attempt {
            Ok(())
        } else {
            Err(Stale { lease })
        }
    }

    /// Ends the lease of a message that is held.
    fn release(&mut self, offset: Offset) -> Option<(ConsumerId, Time)> {
        let entry = self.entries.get_mut(&offset)?;
        let State::Held {
            consumer,
            taken,
            deadline,
        } = entry.state
        else {
            return None;
        };
        self.timers.remove(&(deadline, offset));
        self.held -= 1;
        if let Some(holds) = self.consumers.get_mut(&consumer) {
            holds.remove(&offset);
            if holds.is_empty() {
                self.consumers.remove(&consumer);
            }
        }
        Some((consumer, taken))
    }

    /// A try came to nothing.
    fn fail(&mut self, offset: Offset, reason: Reason, answer: Answer, now: Time) {
        let Some((consumer, taken)) = self.release(offset) else {
            return;
        };
        let random = self.next_random();
        let Some(entry) = self.entries.get_mut(&offset) else {
            return;
        };
        entry.history.push(Attempt {
            consumer,
            taken,
            ended: now,
            reason,
        });
        let next = attempt(&entry.history);
        let wait = match answer {
            _ if next > self.options.tries_max => None,
            Answer::GiveUp => None,
            Answer::RetryAfter(wait) => Some(wait),
            Answer::Retry => Some(self.options.wait(next, random)),
        };
        if let Some(wait) = wait {
            let until = now.saturating_add(wait);
            entry.state = State::Waiting { until };
            self.timers.insert((until, offset));
        } else {
            // The next of its key does not wait for the letter to be fetched.
            entry.state = State::Blocked;
            let key = entry.key.take();
            self.dead.insert(offset);
            self.pass_on(key);
        }
    }

    fn remove(&mut self, offset: Offset) -> Option<Entry<T>> {
        let entry = self.entries.remove(&offset)?;
        self.pass_on(entry.key);
        Some(entry)
    }

    /// The first of a key is settled: it is the next one's turn.
    fn pass_on(&mut self, key: Option<Key>) {
        let Some(key) = key else {
            return;
        };
        let Some(queue) = self.keys.get_mut(&key) else {
            return;
        };
        queue.pop_front();
        let Some(next) = queue.front().copied() else {
            self.keys.remove(&key);
            return;
        };
        if let Some(entry) = self.entries.get_mut(&next) {
            entry.state = State::Ready;
            self.ready.insert(next);
        }
    }

    /// Steele, Lea, Flood 2014.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The number of the try that is under way, or comes next.
fn attempt(history: &[Attempt]) -> u32 {
    u32::try_from(history.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}
