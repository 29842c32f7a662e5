//! A pool in shared memory does what a list of slots with owners does.

use std::collections::BTreeMap;

use claude_flow_msgpool::shared::{Buffer, ClaimError, Handle, Message, Pool};
use proptest::prelude::*;

use crate::shared::{options, pools};

const POOLS: usize = 3;
const SLOTS: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Take { pool: usize },
    Write { at: usize },
    Freeze { at: usize },
    DropBuffer { at: usize },
    CloneMessage { at: usize },
    DropMessage { at: usize },
    Send { at: usize },
    Claim { at: usize, pool: usize },
    ClaimName { at: usize, pool: usize },
    Leave { pool: usize },
    Reclaim { pool: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..16_usize;
    let pool = || 0..POOLS;
    prop_oneof![
        4 => pool().prop_map(|pool| Step::Take { pool }),
        2 => at().prop_map(|at| Step::Write { at }),
        4 => at().prop_map(|at| Step::Freeze { at }),
        1 => at().prop_map(|at| Step::DropBuffer { at }),
        2 => at().prop_map(|at| Step::CloneMessage { at }),
        3 => at().prop_map(|at| Step::DropMessage { at }),
        4 => at().prop_map(|at| Step::Send { at }),
        4 => (at(), pool()).prop_map(|(at, pool)| Step::Claim { at, pool }),
        2 => (at(), pool()).prop_map(|(at, pool)| Step::ClaimName { at, pool }),
        1 => pool().prop_map(|pool| Step::Leave { pool }),
        1 => pool().prop_map(|pool| Step::Reclaim { pool }),
    ]
}

/// What the model knows of one life of a slot.
#[derive(Debug, Default)]
struct Life {
    /// Handles in all processes: buffers and messages.
    held: usize,
    /// References in flight, by the process that sent them.
    in_flight: [usize; POOLS],
}

impl Life {
    fn is_over(&self) -> bool {
        self.held == 0 && self.in_flight == [0; POOLS]
    }
}

/// The pools and everything out of them; each thing with the number of its life.
#[derive(Default)]
struct World {
    pools: Vec<Option<Pool>>,
    buffers: Vec<(u64, usize, Buffer)>,
    messages: Vec<(u64, usize, Message)>,
    /// Handles that were sent, whether claimed or not, and who sent them.
    sent: Vec<(u64, usize, Handle)>,
    /// Names without a reference.
    names: Vec<(u64, Handle)>,
    lives: BTreeMap<u64, Life>,
}

/// Takes one of them, if there are any.
fn pick<T>(from: &mut Vec<T>, at: usize) -> Option<T> {
    (!from.is_empty()).then(|| {
        let at = at % from.len();
        from.swap_remove(at)
    })
}

impl World {
    fn life(&mut self, number: u64) -> &mut Life {
        self.lives.get_mut(&number).expect("it began")
    }

    fn let_go(&mut self, number: u64) {
        self.life(number).held -= 1;
        if self.life(number).is_over() {
            self.lives.remove(&number);
        }
    }

    fn take(&mut self, pool: usize, number: u64) {
        let Some(it) = &self.pools[pool] else { return };
        let taken = it.take(8);
        assert_eq!(taken.is_ok(), self.lives.len() < SLOTS, "{:?}", self.lives);
        if let Ok(mut buffer) = taken {
            buffer.bytes().write(0, &number);
            let life = Life {
                held: 1,
                ..Life::default()
            };
            self.lives.insert(number, life);
            self.buffers.push((number, pool, buffer));
        }
    }

    fn send(&mut self, at: usize) {
        let Some((number, pool, message)) = pick(&mut self.messages, at) else {
            return;
        };
        let handle = message.into_handle().expect("few are in flight");
        // Several that are in flight at once have equal handles, as the docs say.
        self.life(number).in_flight[pool] += 1;
        self.let_go(number);
        self.sent.push((number, pool, handle));
    }

    fn claim(&mut self, at: usize, pool: usize) {
        if self.sent.is_empty() {
            return;
        }
        // It stays: whoever claims it again is too late.
        let (number, sender, handle) = self.sent[at % self.sent.len()];
        let Some(it) = &self.pools[pool] else { return };
        let claimed = it.claim(handle);
        let nonce_is_current = claimed.is_ok();
        let in_flight = self.lives.get(&number).map_or(0, |it| it.in_flight[sender]);
        match claimed {
            Ok(message) => {
                assert!(in_flight > 0, "what was claimed was in flight");
                assert_eq!(message.view().read(0), Some(number));
                self.life(number).in_flight[sender] -= 1;
                self.life(number).held += 1;
                self.messages.push((number, pool, message));
            }
            Err(error) => assert_eq!(error, ClaimError::Stale),
        }
        // The newest handle of what is in flight is good.
        let newest = self
            .sent
            .iter()
            .rev()
            .find(|it| (it.0, it.1) == (number, sender));
        let is_newest = newest.is_some_and(|it| it.2 == handle);
        assert!(nonce_is_current || in_flight == 0 || !is_newest);
    }

    fn claim_name(&mut self, at: usize, pool: usize) {
        if self.names.is_empty() {
            return;
        }
        let (number, handle) = self.names[at % self.names.len()];
        let Some(it) = &self.pools[pool] else { return };
        match it.claim(handle) {
            Ok(message) => {
                assert_eq!(message.view().read(0), Some(number));
                self.life(number).held += 1;
                self.messages.push((number, pool, message));
            }
            Err(error) => {
                assert_eq!(error, ClaimError::Stale);
                assert!(!self.lives.contains_key(&number), "somebody has it");
            }
        }
    }

    /// A process gives everything up but what it has in flight.
    fn leave(&mut self, pool: usize) {
        let (buffers, kept) = std::mem::take(&mut self.buffers)
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.1 == pool);
        self.buffers = kept;
        let (messages, kept) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.1 == pool);
        self.messages = kept;
        for number in buffers
            .iter()
            .map(|it| it.0)
            .chain(messages.iter().map(|it| it.0))
        {
            self.let_go(number);
        }
        self.pools[pool] = None;
    }

    fn reclaim(&mut self, pool: usize) {
        let Some(it) = &self.pools[pool] else { return };
        let freed = it.reclaim();
        let gone: Vec<usize> = (0..POOLS).filter(|it| self.pools[*it].is_none()).collect();
        let before = self.lives.len();
        for life in self.lives.values_mut() {
            for pool in &gone {
                life.in_flight[*pool] = 0;
            }
        }
        self.lives.retain(|_, life| !life.is_over());
        assert_eq!(freed, before - self.lives.len());
    }
}

fn check(steps: Vec<Step>) {
    let mut world = World {
        pools: pools(&options(&[(64, SLOTS)], 5), POOLS)
            .into_iter()
            .map(Some)
            .collect(),
        ..World::default()
    };
    for (number, step) in (0_u64..).zip(steps) {
        match step {
            Step::Take { pool } => world.take(pool, number),
            Step::Write { at } => {
                if let Some((number, pool, mut buffer)) = pick(&mut world.buffers, at) {
                    buffer.set_len(64).expect("it fits");
                    buffer.bytes().write(0, &number);
                    world.buffers.push((number, pool, buffer));
                }
            }
            Step::Freeze { at } => {
                if let Some((number, pool, buffer)) = pick(&mut world.buffers, at) {
                    let message = buffer.freeze();
                    world.names.push((number, message.handle()));
                    world.messages.push((number, pool, message));
                }
            }
            Step::DropBuffer { at } => {
                if let Some((number, ..)) = pick(&mut world.buffers, at) {
                    world.let_go(number);
                }
            }
            Step::CloneMessage { at } => {
                if let Some((number, pool, message)) = pick(&mut world.messages, at) {
                    world.life(number).held += 1;
                    world.messages.push((number, pool, message.clone()));
                    world.messages.push((number, pool, message));
                }
            }
            Step::DropMessage { at } => {
                if let Some((number, ..)) = pick(&mut world.messages, at) {
                    world.let_go(number);
                }
            }
            Step::Send { at } => world.send(at),
            Step::Claim { at, pool } => world.claim(at, pool),
            Step::ClaimName { at, pool } => world.claim_name(at, pool),
            Step::Leave { pool } => world.leave(pool),
            Step::Reclaim { pool } => world.reclaim(pool),
        }
        if let Some(pool) = world.pools.iter().flatten().next() {
            assert_eq!(pool.stats().in_use(), world.lives.len());
        }
    }
}

proptest! {
    #[test]
    fn shared_pool_does_what_a_list_of_slots_with_owners_does(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        check(steps);
    }
}
