//! The sending side: a process's own memory, and lanes to the subscriptions.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_msgpool::ClassOptions;
use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::shared::{ViewMut, Waiting};

use super::arena::{Slot, Slots};
use super::error::{AttachError, PublishError};
use super::lane::{Entry, Outlet, Target};
use super::registry::PublisherId;
use super::{Bus, LOOK_PERIOD, Overflow};
use crate::envelope::{Plan, write};
use crate::id::Stamper;
use crate::sync::Ordering;
use crate::{CoarseClock, Fields, RouteCache, Router, Topic};

/// What a publisher is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherOptions {
    /// The slots for its messages, envelope and payload together: sizes in ascending order, each a
    /// multiple of 64. All of it is taken on the disk at once.
    pub classes: Vec<ClassOptions>,
    /// How it waits for a subscription that must not lose anything.
    pub waiting: Waiting,
}

impl Default for PublisherOptions {
    /// 1,024 slots of 256 bytes, 256 of 4 KiB, 32 of 64 KiB: 3.3 MB. Sleeps after 64 looks.
    fn default() -> Self {
        let class = |payload_bytes, slots| ClassOptions {
            payload_bytes,
            slots,
        };
        Self {
            classes: vec![class(256, 1_024), class(4_096, 256), class(65_536, 32)],
            waiting: Waiting::Sleep { spins: 64 },
        }
    }
}

/// Who has got a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// So many subscriptions have it.
    pub delivered: u32,
    /// So many dropped it, because they were full.
    pub dropped: u32,
}

/// Publishes to all subscriptions of a bus, in any process.
///
/// When [`publish`](Self::publish) returns, every subscription that matches has the message, or has
/// counted it as dropped; no death takes it back. Nothing more is promised: the machine's end is the
/// end of all of it.
pub struct Publisher {
    bus: Bus,
    id: PublisherId,
    slots: Slots,
    waiting: Waiting,
    stamper: Stamper,
    targets: Vec<Target>,
    routes: RouteCache<u32>,
    changes_seen: u64,
    /// The last topic and where it goes: most messages are about what the last one was about.
    last: Option<Topic>,
    matched: Vec<u32>,
    published: u64,
    /// The part of a message that is in front of its payload.
    envelope: Vec<u8>,
}

impl Publisher {
    pub(super) fn new(bus: Bus, options: &PublisherOptions) -> Result<Self, AttachError> {
        let id = bus.take_seat()?;
        let slots = match Slots::create(&bus.inner.directory, id, &options.classes) {
            Ok(slots) => slots,
            Err(error) => {
                bus.leave(id);
                return Err(error);
            }
        };
        let number = RandomState::new().hash_one((id.seat, std::process::id()));
        Ok(Self {
            routes: RouteCache::new(Arc::new(Router::new())),
            // Not what the registry has: the first message looks.
            changes_seen: bus.inner.registry.changes().wrapping_sub(1),
            bus,
            id,
            slots,
            waiting: options.waiting,
            stamper: Stamper::new(Arc::new(CoarseClock), number),
            targets: Vec::new(),
            last: None,
            matched: Vec::new(),
            published: 0,
            envelope: Vec::new(),
        })
    }

    /// Publishes a payload.
    ///
    /// # Errors
    ///
    /// As [`publish_with`](Self::publish_with).
    #[inline]
    pub fn publish(&mut self, topic: &Topic, payload: &[u8]) -> Result<Receipt, PublishError> {
        self.publish_with(topic, &Fields::default(), payload)
    }

    /// Publishes a payload with key, headers and the like.
    ///
    /// # Errors
    ///
    /// [`PublishError`]: nobody has got the message.
    ///
    /// # Complexity
    ///
    /// Two copies into shared memory, one push for each subscription; no lock, no allocation and no
    /// system call unless somebody sleeps, subscriptions have changed, or one that refuses is full.
    pub fn publish_with(
        &mut self,
        topic: &Topic,
        fields: &Fields<'_>,
        payload: &[u8],
    ) -> Result<Receipt, PublishError> {
        let mut draft = self.draft(topic, fields, payload.len())?;
        draft.payload().write_bytes(0, payload);
        Ok(draft.publish())
    }

    /// Lends room for a payload, to be written where every subscriber will read it.
    ///
    /// There is room for the message with every subscription that refuses when it is full.
    ///
    /// # Errors
    ///
    /// As [`publish_with`](Self::publish_with).
    ///
    /// # Panics
    ///
    /// Never: a slot is in this publisher's memory.
    pub fn draft(
        &mut self,
        topic: &Topic,
        fields: &Fields<'_>,
        payload_bytes: usize,
    ) -> Result<Draft<'_>, PublishError> {
        let plan = Plan::new(topic, fields, payload_bytes).ok_or(PublishError::Limits)?;
        self.route(topic)?;
        self.make_room()?;
        let bytes = plan.total_bytes();
        let slot = self.take(bytes)?;
        self.stamper.read_clock();
        let stamp = self.stamper.stamp();
        let payload_start = usize::from(plan.payload_start);
        self.envelope.resize(payload_start, 0);
        write(&mut self.envelope, plan, stamp, topic, fields);
        let place = self.slots.arena.memory.view_mut(slot.offset, bytes);
        let mut place = place.expect("a slot is in the memory");
        place.write_bytes(0, &self.envelope);
        Ok(Draft {
            entry: Entry {
                number: 0,
                offset: slot.offset,
                len: u32::try_from(bytes).map_err(|_| PublishError::Limits)?,
                payload_start: plan.payload_start,
                dropped: 0,
                unix_ns: stamp.1,
            },
            slot,
            publisher: self,
        })
    }

    /// How many slots are with subscribers, after a look at what they gave back.
    pub fn in_use(&mut self) -> usize {
        self.collect();
        self.slots.in_use()
    }

    /// Sees to it that `matched` has the targets of a topic, each with a lane.
    #[inline]
    fn route(&mut self, topic: &Topic) -> Result<(), PublishError> {
        let is_known = self.changes_seen == self.bus.inner.registry.changes()
            && self.last.as_ref().is_some_and(|last| last == topic);
        if is_known {
            return Ok(());
        }
        self.route_anew(topic)
    }

    #[cold]
    fn route_anew(&mut self, topic: &Topic) -> Result<(), PublishError> {
        self.last = None;
        let changes = self.bus.inner.registry.changes();
        if changes != self.changes_seen {
            self.refresh();
            self.changes_seen = changes;
        }
        self.matched.clear();
        self.matched.extend(self.routes.route(topic).copied());
        let mut index = 0;
        while index < self.matched.len() {
            if self.make_lane(self.matched[index])? {
                index += 1;
            } else {
                self.matched.swap_remove(index);
            }
        }
        self.last = Some(topic.clone());
        Ok(())
    }

    /// Takes over the subscriptions as they are now.
    fn refresh(&mut self) {
        let mut before = std::mem::take(&mut self.targets);
        let router = Router::new();
        for record in self.bus.inner.registry.records() {
            let known = before.iter().position(|it| it.record.id == record.id);
            let lane = known.and_then(|index| before.swap_remove(index).lane);
            self.targets.push(Target {
                record,
                lane,
                looked: Instant::now(),
            });
        }
        for mut gone in before.into_iter().filter_map(|it| it.lane) {
            gone.abandon(&mut self.slots);
        }
        let numbered = self.targets.iter().map(|it| it.record.pattern.clone());
        let inserted = router.insert_all(numbered.zip(0_u32..));
        inserted.expect("there are fewer subscriptions than a router has room for");
        self.routes = RouteCache::new(Arc::new(router));
    }

    /// Whether there is a way to a target; none if the subscription went just now, or if it
    /// may lose messages and has lost its way.
    fn make_lane(&mut self, target: u32) -> Result<bool, PublishError> {
        let target = &mut self.targets[target as usize];
        if target.lane.is_some() {
            return Ok(true);
        }
        match self.bus.open_lane(self.id, &target.record) {
            Ok(Some(lane)) => {
                target.lane = Some(lane);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(source) => Err(PublishError::Lane {
                subscription: target.record.label(),
                source,
            }),
        }
    }

    /// Waits for room with those that must not lose anything.
    #[inline]
    fn make_room(&mut self) -> Result<(), PublishError> {
        let mut index = 0;
        while let Some(target) = self.matched.get(index) {
            let target = *target as usize;
            let it = &self.targets[target];
            let has_room = it.lane.as_ref().is_none_or(Outlet::has_room);
            if !has_room && !self.make_room_in(target)? {
                self.matched.swap_remove(index);
                self.last = None;
                continue;
            }
            index += 1;
        }
        Ok(())
    }

    /// Whether the subscription is still there; it has room if it is strict.
    #[cold]
    fn make_room_in(&mut self, target: usize) -> Result<bool, PublishError> {
        let it = &mut self.targets[target];
        let after = match it.record.overflow {
            Overflow::Drop => Duration::ZERO,
            Overflow::Refuse { after } => after,
        };
        let deadline = Deadline::after(after);
        loop {
            let it = &mut self.targets[target];
            let Some(lane) = &mut it.lane else {
                return Ok(false);
            };
            lane.collect(&mut self.slots);
            if lane.has_room() {
                return Ok(true);
            }
            let may_lose = !it.is_strict();
            if self.forget_if_gone(target) {
                return Ok(false);
            }
            if may_lose {
                return Ok(true);
            }
            if has_passed(deadline) || self.is_damaged(target) {
                let record = &self.targets[target].record;
                return Err(PublishError::Refused {
                    subscription: record.label(),
                    capacity: record.capacity,
                });
            }
            self.wait_for(target, deadline);
        }
    }

    fn is_damaged(&self, target: usize) -> bool {
        let lane = self.targets[target].lane.as_ref();
        lane.is_some_and(Outlet::is_damaged)
    }

    /// Sleeps until a subscriber gives something back, the deadline, or the time to look who lives.
    fn wait_for(&mut self, target: usize, deadline: Deadline) {
        let look = Instant::now() + LOOK_PERIOD;
        let slice = match deadline {
            Deadline::At(moment) => moment.min(look),
            _ => look,
        };
        let Self { slots, targets, .. } = self;
        let Some(lane) = &mut targets[target].lane else {
            return;
        };
        // The bell is in the memory that `collect` changes the private side of.
        let memory = slots.arena.memory.clone();
        let bell = super::arena::bell_of(&memory);
        bell.wait(self.waiting, Deadline::At(slice), || {
            lane.collect(slots);
            lane.has_much_room() || lane.is_damaged()
        });
    }

    /// Whether a subscription is gone; if so, what was on its way there is free again.
    ///
    /// One that belongs to a process and was left by it, in order or not, is taken out.
    fn forget_if_gone(&mut self, target: usize) -> bool {
        let it = &mut self.targets[target];
        // To see who lives costs some microseconds.
        let now = Instant::now();
        let is_time = now.saturating_duration_since(it.looked) >= LOOK_PERIOD;
        if is_time {
            it.looked = now;
        }
        if !self.bus.is_gone(&it.record, is_time) {
            return false;
        }
        if let Some(mut lane) = it.lane.take() {
            lane.abandon(&mut self.slots);
        }
        true
    }

    #[inline]
    fn take(&mut self, bytes: usize) -> Result<Slot, PublishError> {
        if let Some(slot) = self.slots.take(bytes) {
            return Ok(slot);
        }
        self.take_again(bytes)
    }

    #[cold]
    fn take_again(&mut self, bytes: usize) -> Result<Slot, PublishError> {
        self.collect();
        if let Some(slot) = self.slots.take(bytes) {
            return Ok(slot);
        }
        // Perhaps with subscriptions whose process is gone.
        for target in 0..self.targets.len() {
            if self.targets[target].lane.is_some() && self.forget_if_gone(target) {
                self.last = None;
            }
        }
        self.slots
            .take(bytes)
            .ok_or_else(|| match self.slots.class_of(bytes) {
                Ok((class_bytes, slots)) => PublishError::Exhausted { class_bytes, slots },
                Err(bytes_max) => PublishError::TooLarge { bytes, bytes_max },
            })
    }

    fn collect(&mut self) {
        for target in &mut self.targets {
            if let Some(lane) = &mut target.lane {
                lane.collect(&mut self.slots);
            }
        }
    }

    /// Hands a message to all that matched.
    #[inline]
    fn hand_over(&mut self, slot: Slot, entry: Entry) -> Receipt {
        let mut receipt = Receipt::default();
        let registry = &self.bus.inner.registry;
        for target in &self.matched {
            let target = &mut self.targets[*target as usize];
            let Some(lane) = &mut target.lane else {
                continue;
            };
            if lane.push(slot.number, entry) {
                receipt.delivered += 1;
                registry.bell(target.record.id).ring();
            } else {
                receipt.dropped += 1;
                lane.drop_one();
                let dropped = registry.dropped(target.record.id);
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        let holders = u16::try_from(receipt.delivered);
        let holders = holders.expect("there are fewer subscriptions");
        self.slots.set_holders(slot.number, holders);
        self.published += 1;
        registry
            .published(self.id)
            .store(self.published, Ordering::Relaxed);
        receipt
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // The lanes first: who sees that the publisher left sees that they have no other end.
        self.targets.clear();
        self.bus.leave(self.id);
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("id", &self.id)
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}

fn has_passed(deadline: Deadline) -> bool {
    matches!(deadline, Deadline::At(moment) if Instant::now() >= moment)
}

/// Room for a payload in shared memory; dropping it publishes nothing.
#[derive(Debug)]
pub struct Draft<'a> {
    publisher: &'a mut Publisher,
    slot: Slot,
    entry: Entry,
}

impl Draft<'_> {
    /// The payload's bytes, which hold whatever their slot last held.
    ///
    /// # Panics
    ///
    /// Never: a slot is in its publisher's memory.
    pub fn payload(&mut self) -> ViewMut<'_> {
        let start = usize::from(self.entry.payload_start);
        let len = self.entry.len as usize - start;
        let memory = &self.publisher.slots.arena.memory;
        let view = memory.view_mut(self.slot.offset + start, len);
        view.expect("a slot is in the memory")
    }

    /// Hands the message to every subscription that matches.
    #[inline]
    #[expect(
        clippy::must_use_candidate,
        reason = "what was dropped is counted, whoever looks"
    )]
    pub fn publish(self) -> Receipt {
        let receipt = self.publisher.hand_over(self.slot, self.entry);
        // Its slot has its holders now.
        std::mem::forget(self);
        receipt
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.publisher.slots.set_holders(self.slot.number, 0);
    }
}
