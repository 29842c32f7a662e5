//! The receiving side: one subscription, and a lane from each publisher.

use std::fmt;
use std::time::Instant;

use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::shared::Waiting;

use super::error::RecvError;
use super::files::Directory;
use super::lane::Inlet;
use super::letters;
use super::registry::{PublisherId, Record};
use super::{Bus, Item, LOOK_PERIOD, Message};
use crate::sync::Ordering;

/// How many messages come from one publisher before the next has its turn.
const TURN_MAX: u32 = 64;

/// Receives the messages of one subscription.
///
/// What was received stays with the subscription until it is [acknowledged](Self::acknowledge):
/// whoever takes the subscription over, after a death or a leave, gets it again.
pub struct Subscriber {
    bus: Bus,
    record: Record,
    directory: Directory,
    /// First those of publishers that are gone and left something, in the order in which they came.
    lanes: Vec<Inlet>,
    /// How many of them are.
    left_over: usize,
    /// Lanes that cannot be used; they are told once.
    refused: Vec<PublisherId>,
    arrivals_seen: u64,
    /// Whose turn it is, and how many more it may give.
    turn: usize,
    turn_left: u32,
    /// A message that waits until the gap before it was told.
    behind_gap: Option<Message>,
    waiting: Waiting,
    /// When who lives was last looked at.
    looked: Instant,
    received: u64,
}

impl Subscriber {
    pub(super) fn new(bus: Bus, record: Record, directory: Directory, waiting: Waiting) -> Self {
        let registry = &bus.inner.registry;
        let received = registry.received(record.id).load(Ordering::Relaxed);
        Self {
            // Not what the registry has: the first call looks.
            arrivals_seen: registry
                .arrivals(record.id)
                .load(Ordering::Relaxed)
                .wrapping_sub(1),
            bus,
            record,
            directory,
            lanes: Vec::new(),
            left_over: 0,
            refused: Vec::new(),
            turn: 0,
            turn_left: TURN_MAX,
            behind_gap: None,
            waiting,
            looked: Instant::now(),
            received,
        }
    }

    /// The next message, if there is one.
    ///
    /// # Errors
    ///
    /// [`RecvError`]. What is wrong with one publisher is told once, and the others go on.
    ///
    /// # Complexity
    ///
    /// A load for each publisher that has nothing; no allocation, no lock, no system call unless
    /// publishers came or went, or one sleeps that waits for room.
    pub fn try_recv(&mut self) -> Result<Option<Item>, RecvError> {
        if let Some(message) = self.behind_gap.take() {
            return self.give(message).map(Some);
        }
        let arrivals = self.bus.inner.registry.arrivals(self.record.id);
        if arrivals.load(Ordering::Acquire) != self.arrivals_seen {
            self.find_lanes()?;
        }
        if self.left_over != 0 {
            for lane in 0..self.left_over {
                if let Some(item) = self.take(lane)? {
                    return Ok(Some(item));
                }
            }
            // Nothing more will come from them.
            self.left_over = 0;
            self.turn = 0;
        }
        if self.turn_left == 0 {
            self.next_turn();
        }
        for _ in 0..self.lanes.len() {
            if let Some(item) = self.take(self.turn)? {
                self.turn_left -= 1;
                return Ok(Some(item));
            }
            self.next_turn();
        }
        Ok(None)
    }

    /// The next message of a lane, or what is missing before it.
    #[inline]
    fn take(&mut self, lane: usize) -> Result<Option<Item>, RecvError> {
        match self.lanes[lane].next() {
            Ok(Some((message, dropped))) if dropped != 0 && message.tries == 0 => {
                self.behind_gap = Some(message);
                Ok(Some(Item::Gap(dropped.into())))
            }
            Ok(Some((message, _))) => self.give(message).map(Some),
            Ok(None) => Ok(None),
            Err(why) => Err(self.leave_out(lane, why)),
        }
    }

    /// The next message, waited for up to a deadline; none if none came.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv), and [`RecvError::Removed`].
    pub fn recv_until(&mut self, deadline: impl Into<Deadline>) -> Result<Option<Item>, RecvError> {
        let deadline = deadline.into();
        loop {
            if let Some(item) = self.try_recv()? {
                return Ok(Some(item));
            }
            let now = Instant::now();
            if now.saturating_duration_since(self.looked) >= LOOK_PERIOD {
                self.looked = now;
                self.look_around()?;
            }
            let slice = match deadline {
                Deadline::At(moment) if moment <= now => return Ok(None),
                Deadline::At(moment) => moment.min(now + LOOK_PERIOD),
                _ => now + LOOK_PERIOD,
            };
            let bus = self.bus.clone();
            let bell = bus.inner.registry.bell(self.record.id);
            let mut found = Ok(None);
            bell.wait(self.waiting, Deadline::At(slice), || {
                found = self.try_recv();
                !matches!(found, Ok(None))
            });
            if !matches!(found, Ok(None)) {
                return found;
            }
        }
    }

    /// A message is done with: nobody gets it again, and its memory goes back. Whether it was held.
    #[inline]
    pub fn acknowledge(&mut self, message: &Message) -> bool {
        let lane = self.lanes.get_mut(self.turn);
        let lane = match lane {
            Some(lane) if lane.publisher == message.publisher => Some(lane),
            _ => self
                .lanes
                .iter_mut()
                .find(|it| it.publisher == message.publisher),
        };
        let is_news = lane.is_some_and(|it| it.acknowledge(message.number));
        if is_news {
            self.received += 1;
            let received = self.bus.inner.registry.received(self.record.id);
            received.store(self.received, Ordering::Relaxed);
        }
        is_news
    }

    /// Puts a message aside as a dead letter, with the reason, and acknowledges it.
    ///
    /// # Errors
    ///
    /// [`RecvError::DeadLetter`]: it was not written, and the message is still held.
    pub fn reject(&mut self, message: &Message, reason: &str) -> Result<(), RecvError> {
        letters::write(self.bus.directory(), &self.record, message, reason)
            .map_err(|error| RecvError::DeadLetter(error.to_string()))?;
        let dead = self.bus.inner.registry.dead(self.record.id);
        dead.fetch_add(1, Ordering::Relaxed);
        self.acknowledge(message);
        Ok(())
    }

    /// How many messages were dropped because this subscription was full, by all publishers.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let dropped = self.bus.inner.registry.dropped(self.record.id);
        dropped.load(Ordering::Relaxed)
    }

    /// How many publishers it receives from.
    #[must_use]
    pub fn publishers(&self) -> usize {
        self.lanes.len()
    }

    fn give(&mut self, message: Message) -> Result<Item, RecvError> {
        if message.tries != 0 {
            let redelivered = self.bus.inner.registry.redelivered(self.record.id);
            redelivered.fetch_add(1, Ordering::Relaxed);
        }
        if message.tries >= self.record.tries_max {
            let reason = format!("{} consumers went while it was first", message.tries);
            self.reject(&message, &reason)?;
            return Ok(Item::DeadLetter(message));
        }
        Ok(Item::Message(message))
    }

    const fn next_turn(&mut self) {
        self.turn = if self.turn + 1 >= self.lanes.len() {
            0
        } else {
            self.turn + 1
        };
        self.turn_left = TURN_MAX;
    }

    /// Takes over the lanes that have come.
    #[cold]
    fn find_lanes(&mut self) -> Result<(), RecvError> {
        let arrivals = self.bus.inner.registry.arrivals(self.record.id);
        let arrivals = arrivals.load(Ordering::Acquire);
        let mut refused = None;
        for name in self.directory.names()? {
            let Some(publisher) = PublisherId::parse(&name, 'p') else {
                continue;
            };
            let is_known = self.lanes.iter().any(|it| it.publisher == publisher);
            if is_known || self.refused.contains(&publisher) {
                continue;
            }
            match Inlet::open(&self.bus.inner.directory, &self.directory, publisher) {
                Ok(lane) => self.lanes.extend(lane),
                Err(error) => {
                    self.refused.push(publisher);
                    refused = Some(error);
                }
            }
        }
        self.refused.truncate(super::PUBLISHERS_MAX);
        self.arrivals_seen = arrivals;
        self.put_in_order();
        refused.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Puts what was left by publishers that are gone in front of those that have come since.
    fn put_in_order(&mut self) {
        let registry = &self.bus.inner.registry;
        let is_left =
            |lane: &mut Inlet| !lane.is_exhausted() && registry.is_publisher_gone(lane.publisher);
        let (mut left, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.lanes)
            .into_iter()
            .map(|mut lane| (is_left(&mut lane), lane))
            .partition(|(is_left, _)| *is_left);
        left.sort_by_key(|(_, lane)| lane.publisher.incarnation);
        self.left_over = left.len();
        self.lanes = left.into_iter().chain(others).map(|(_, it)| it).collect();
        self.turn = 0;
    }

    /// Whether the subscription is still there; takes down the lanes of publishers that are gone.
    fn look_around(&mut self) -> Result<(), RecvError> {
        let registry = &self.bus.inner.registry;
        if !registry.is_there(self.record.id) {
            return Err(RecvError::Removed);
        }
        let directory = &self.directory;
        self.lanes.retain_mut(|lane| {
            // First whether it is gone, then whether it left something.
            let is_over =
                lane.is_empty() && registry.is_publisher_gone(lane.publisher) && lane.is_empty();
            if is_over {
                directory.remove(&lane.publisher.lane());
            }
            !is_over
        });
        self.left_over = 0;
        self.turn = 0;
        Ok(())
    }

    /// Nothing more is received from a publisher that lies.
    #[cold]
    fn leave_out(&mut self, lane: usize, why: &'static str) -> RecvError {
        let publisher = self.lanes.remove(lane).publisher;
        self.refused.push(publisher);
        self.left_over = self
            .left_over
            .saturating_sub(usize::from(lane < self.left_over));
        self.turn = 0;
        RecvError::Damaged {
            publisher: publisher.seat,
            why,
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // The seats first: who sees that the subscriber left can take them.
        self.lanes.clear();
        self.bus.unsubscribe(&self.record);
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("record", &self.record)
            .field("publishers", &self.lanes.len())
            .finish_non_exhaustive()
    }
}
