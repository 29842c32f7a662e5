//! What is to happen when, in the order in which it was arranged.

use std::collections::BTreeMap;

/// How many ticks lie near, a power of two.
const NEAR_TICKS: u64 = 128;

const NONE: u32 = u32::MAX;

/// Events by tick; those of one tick come in the order in which they were added.
///
/// Near ticks are lists in one slab, so that adding and taking cost the same however many there are.
pub(crate) struct Calendar<E> {
    now: u64,
    slab: Vec<(Option<E>, u32)>,
    free: u32,
    /// First and last of each near tick, at the tick modulo [`NEAR_TICKS`].
    lists: [(u32, u32); NEAR_TICKS as usize],
    near_count: usize,
    far: BTreeMap<u64, Vec<E>>,
}

impl<E> Calendar<E> {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            slab: Vec::with_capacity(512),
            free: NONE,
            lists: [(NONE, NONE); NEAR_TICKS as usize],
            near_count: 0,
            far: BTreeMap::new(),
        }
    }

    /// Adds an event; never before the tick of the last one that was taken.
    pub(crate) fn add(&mut self, at: u64, event: E) {
        assert!(at >= self.now, "nothing happens in the past");
        if at - self.now >= NEAR_TICKS {
            self.far.entry(at).or_default().push(event);
        } else {
            self.add_near(at, event);
        }
    }

    fn add_near(&mut self, at: u64, event: E) {
        let index = self.free;
        let index = if index == NONE {
            self.slab.push((Some(event), NONE));
            self.slab.len() as u32 - 1
        } else {
            let entry = &mut self.slab[index as usize];
            self.free = entry.1;
            *entry = (Some(event), NONE);
            index
        };
        let list = &mut self.lists[(at % NEAR_TICKS) as usize];
        if list.0 == NONE {
            *list = (index, index);
        } else {
            self.slab[list.1 as usize].1 = index;
            list.1 = index;
        }
        self.near_count += 1;
    }

    /// The next event and its tick, if it comes by `end`.
    pub(crate) fn take(&mut self, end: u64) -> Option<(u64, E)> {
        loop {
            let list = &mut self.lists[(self.now % NEAR_TICKS) as usize];
            if list.0 != NONE {
                let entry = &mut self.slab[list.0 as usize];
                let event = entry.0.take();
                let next = entry.1;
                entry.1 = self.free;
                self.free = list.0;
                list.0 = next;
                self.near_count -= 1;
                return event.map(|event| (self.now, event));
            }
            if !self.turn(end) {
                return None;
            }
        }
    }

    /// Goes on to the next tick at which something may happen.
    fn turn(&mut self, end: u64) -> bool {
        let far = self.far.first_key_value().map(|(at, _)| *at);
        let next = if self.near_count > 0 {
            self.now + 1
        } else {
            match far {
                Some(at) => at.max(self.now + 1),
                None => return false,
            }
        };
        if next > end {
            return false;
        }
        self.now = next;
        // What was far is older than all that was added when the tick was near.
        while let Some((at, events)) = self.far.pop_first() {
            if at >= self.now + NEAR_TICKS {
                self.far.insert(at, events);
                break;
            }
            for event in events {
                self.add_near(at, event);
            }
        }
        true
    }
}

#[test]
fn events_come_by_tick_and_then_in_the_order_of_adding() {
    let mut calendar = Calendar::new();
    let mut expected = Vec::new();
    let mut rng = super::rng::Rng::new(1);
    for number in 0..2_000_u64 {
        let at = [rng.below(50), rng.below(1_000), 127, 128, 129][rng.below(5) as usize];
        calendar.add(at, number);
        expected.push((at, number));
    }
    expected.sort_unstable();
    let mut taken = Vec::new();
    while let Some((at, number)) = calendar.take(2_000) {
        taken.push((at, number));
        // What is added on the way comes in its turn, behind what was there before.
        if number < 500 {
            let (at, number) = (at + 1 + rng.below(300), 2_000 + number);
            calendar.add(at, number);
            expected.push((at, number));
        }
    }
    assert_eq!(taken.len(), expected.len());
    assert!(taken.is_sorted_by_key(|(at, _)| *at));
    expected.sort_unstable();
    taken.sort_unstable();
    assert_eq!(taken, expected);
}
