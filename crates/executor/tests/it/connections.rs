//! The connection pool against a naive model, and under threads.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use claude_flow_executor::{
    AcquireError, Clock, Connection, Manager, Pool, PoolOptions, SystemClock, VirtualClock,
};
use proptest::prelude::*;

/// How long the tests wait at most for what must happen.
const BOUND: Duration = Duration::from_secs(20);

/// What the tests say about the world behind the pool.
#[derive(Debug, Default)]
struct World {
    next: AtomicU32,
    open: AtomicU32,
    open_max: AtomicU32,
    refuses: AtomicBool,
    panics: AtomicBool,
    broken: Mutex<BTreeSet<u32>>,
}

impl World {
    fn cut(&self, id: u32) {
        self.broken.lock().expect("nobody panics here").insert(id);
    }
}

#[derive(Debug)]
struct Wire {
    id: u32,
    world: Arc<World>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.world.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("broken")]
struct Broken;

#[derive(Debug, Default)]
struct Wires(Arc<World>);

impl Manager for Wires {
    type Connection = Wire;
    type Error = Broken;

    fn connect(&self, _deadline: Instant) -> Result<Wire, Broken> {
        assert!(!self.0.panics.load(Ordering::SeqCst), "planted");
        if self.0.refuses.load(Ordering::SeqCst) {
            return Err(Broken);
        }
        let open = self.0.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.open_max.fetch_max(open, Ordering::SeqCst);
        Ok(Wire {
            id: self.0.next.fetch_add(1, Ordering::SeqCst),
            world: Arc::clone(&self.0),
        })
    }

    fn check(&self, wire: &mut Wire) -> Result<(), Broken> {
        let broken = self.0.broken.lock().expect("nobody panics here");
        if broken.contains(&wire.id) {
            Err(Broken)
        } else {
            Ok(())
        }
    }

    fn recycle(&self, wire: &mut Wire) -> Result<(), Broken> {
        assert!(!self.0.panics.load(Ordering::SeqCst), "planted");
        self.check(wire)
    }
}

fn options() -> PoolOptions {
    PoolOptions {
        minimum: 1,
        maximum: 3,
        idle_max: Duration::from_secs(10),
        lifetime_max: Duration::from_mins(1),
        check_after: Duration::from_secs(4),
        waiting_max: 100,
    }
}

fn pool() -> (Arc<VirtualClock>, Arc<World>, Pool<Wires>) {
    let (clock, world) = (Arc::new(VirtualClock::new()), Arc::new(World::default()));
    let pool = Pool::new(Wires(Arc::clone(&world)), options(), clock.clone());
    (clock, world, pool)
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Acquire,
    Return(usize),
    ReturnBroken(usize),
    Discard(usize),
    Advance(u64),
    Maintain,
    BreakIdle(usize),
    Refuse(bool),
    Panic(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Acquire),
        6 => any::<usize>().prop_map(Step::Return),
        1 => any::<usize>().prop_map(Step::ReturnBroken),
        1 => any::<usize>().prop_map(Step::Discard),
        4 => (0_u64..15).prop_map(Step::Advance),
        2 => Just(Step::Maintain),
        1 => any::<usize>().prop_map(Step::BreakIdle),
        1 => any::<bool>().prop_map(Step::Refuse),
        1 => any::<bool>().prop_map(Step::Panic),
    ]
}

/// One connection as the model sees it; times are seconds.
#[derive(Debug, Clone, Copy)]
struct Seen {
    id: u32,
    born: u64,
    idle_since: u64,
    checked: u64,
    is_broken: bool,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    next: u32,
    /// The last used at the end.
    idle: Vec<Seen>,
    held: Vec<Seen>,
    refuses: bool,
    panics: bool,
}

impl Model {
    fn connect(&mut self) -> Option<Seen> {
        if self.refuses || self.panics {
            return None;
        }
        self.next += 1;
        Some(Seen {
            id: self.next - 1,
            born: self.now,
            idle_since: self.now,
            checked: self.now,
            is_broken: false,
        })
    }

    fn is_fit(&self, seen: &mut Seen) -> bool {
        let is_due = self.now - seen.checked >= 4;
        if is_due {
            seen.checked = self.now;
        }
        self.now - seen.born < 60 && !(is_due && seen.is_broken)
    }

    /// The id, or nothing.
    fn acquire(&mut self) -> Option<u32> {
        let idle = self
            .idle
            .pop()
            .map(|mut seen| (self.is_fit(&mut seen), seen));
        let seen = match idle {
            Some((true, seen)) => Some(seen),
            Some((false, _)) => self.connect(),
            None if self.held.len() < 3 => self.connect(),
            None => None,
        }?;
        self.held.push(seen);
        Some(seen.id)
    }

    fn give_back(&mut self, at: usize) {
        let mut seen = self.held.remove(at);
        if !self.panics && !seen.is_broken && self.now - seen.born < 60 {
            (seen.idle_since, seen.checked) = (self.now, self.now);
            self.idle.push(seen);
        }
    }

    fn maintain(&mut self) {
        let mut spared = 1_usize.saturating_sub(self.held.len());
        let mut kept = Vec::new();
        for &seen in self.idle.iter().rev() {
            if self.now - seen.born >= 60 {
                continue;
            }
            if spared > 0 {
                spared -= 1;
                kept.push(seen);
            } else if self.now - seen.idle_since < 10 {
                kept.push(seen);
            }
        }
        kept.reverse();
        kept.retain_mut(|seen| self.is_fit(seen));
        if kept.is_empty() && self.held.is_empty() {
            kept.extend(self.connect());
        }
        self.idle = kept;
    }
}

/// One step on the pool and on the model.
fn apply(
    step: Step,
    clock: &VirtualClock,
    pool: &Pool<Wires>,
    held: &mut Vec<Connection<Wires>>,
    model: &mut Model,
) {
    let world = Arc::clone(&pool.manager().0);
    let quietly = |act: &mut dyn FnMut()| drop(catch_unwind(AssertUnwindSafe(act)));
    match step {
        Step::Acquire => {
            let mut acquired = None;
            quietly(&mut || acquired = pool.acquire(clock.now()).ok());
            let expected = model.acquire();
            assert_eq!(acquired.as_ref().map(|wire| wire.id), expected);
            held.extend(acquired);
        }
        Step::Return(at) | Step::ReturnBroken(at) if !held.is_empty() => {
            let at = at % held.len();
            let mut wire = Some(held.remove(at));
            if matches!(step, Step::ReturnBroken(_)) {
                world.cut(model.held[at].id);
                model.held[at].is_broken = true;
            }
            quietly(&mut || drop(wire.take()));
            model.give_back(at);
        }
        Step::Discard(at) if !held.is_empty() => {
            let at = at % held.len();
            held.remove(at).discard();
            model.held.remove(at);
        }
        Step::Return(_) | Step::ReturnBroken(_) | Step::Discard(_) => {}
        Step::Advance(seconds) => {
            clock.advance(Duration::from_secs(seconds));
            model.now += seconds;
        }
        Step::Maintain => {
            quietly(&mut || assert!(matches!(pool.maintain(clock.now()), Ok(()) | Err(Broken))));
            model.maintain();
        }
        Step::BreakIdle(at) => {
            let count = model.idle.len().max(1);
            if let Some(seen) = model.idle.get_mut(at % count) {
                seen.is_broken = true;
                world.cut(seen.id);
            }
        }
        Step::Refuse(refuses) => {
            world.refuses.store(refuses, Ordering::SeqCst);
            model.refuses = refuses;
        }
        Step::Panic(panics) => {
            world.panics.store(panics, Ordering::SeqCst);
            model.panics = panics;
        }
    }
}

proptest! {
    #[test]
    fn pool_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let (clock, world, pool) = pool();
        let (mut held, mut model) = (Vec::new(), Model::default());
        for step in steps {
            apply(step, &clock, &pool, &mut held, &mut model);
            let snapshot = pool.snapshot();
            let open = (model.idle.len() + model.held.len()) as u64;
            prop_assert_eq!((snapshot.open, snapshot.idle), (open, model.idle.len() as u64));
            prop_assert_eq!(u64::from(world.open.load(Ordering::SeqCst)), open);
            prop_assert_eq!(snapshot.connected - snapshot.discarded, open);
        }
        world.panics.store(false, Ordering::SeqCst);
        pool.close();
        drop(held);
        prop_assert_eq!(world.open.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    let clock = Arc::new(VirtualClock::new());
    let options = PoolOptions {
        maximum: 1,
        ..options()
    };
    let pool = Pool::new(Wires::default(), options, clock.clone());
    let far = clock.now() + BOUND;
    let held = pool.acquire(far).expect("there is room");
    let served = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..6 {
            let (pool, served) = (&pool, &served);
            scope.spawn(move || {
                let wire = pool.acquire(far).expect("one comes back");
                served.lock().expect("nobody panics").push(number);
                drop(wire);
            });
            assert!(clock.wait_for_parked(number + 1));
        }
        drop(held);
    });
    let served = served.into_inner().expect("nobody panics");
    assert_eq!(served, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn waiter_out_of_time_leaves_the_queue() {
    let (clock, _, pool) = pool();
    let held: Vec<_> = (0..3)
        .map(|_| pool.acquire(clock.now()).expect("there is room"))
        .collect();
    let deadline = clock.after(Duration::from_secs(1));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.acquire(deadline).map(drop));
        assert!(clock.wait_for_parked(1));
        clock.advance(Duration::from_secs(1));
        let result = waiter.join().expect("it only waits");
        assert_eq!(result, Err(AcquireError::TimedOut { maximum: 3 }));
    });
    drop(held);
    let snapshot = pool.snapshot();
    assert_eq!(
        (snapshot.waiting, snapshot.idle, snapshot.timed_out),
        (0, 3, 1)
    );
}

#[test]
fn waiter_gets_the_place_of_a_connection_lost_in_a_panic() {
    let (clock, world, pool) = pool();
    let far = clock.now() + BOUND;
    let held: Vec<_> = (0..2)
        .map(|_| pool.acquire(far).expect("there is room"))
        .collect();
    thread::scope(|scope| {
        let third = pool.acquire(far).expect("there is room");
        let waiter = scope.spawn(|| pool.acquire(far).map(|wire| wire.id));
        assert!(clock.wait_for_parked(1));
        let panicked = scope.spawn(move || {
            let _third = third;
            panic!("planted");
        });
        assert!(panicked.join().is_err());
        assert_eq!(waiter.join().expect("it only waits"), Ok(3), "a new one");
    });
    drop(held);
    assert_eq!(world.open.load(Ordering::SeqCst), 3);
}

#[test]
fn queue_is_bounded_and_a_closed_pool_tells_its_waiters() {
    let (clock, world) = (Arc::new(VirtualClock::new()), Arc::new(World::default()));
    let options = PoolOptions {
        minimum: 0,
        maximum: 1,
        waiting_max: 1,
        ..options()
    };
    let pool = Pool::new(Wires(Arc::clone(&world)), options, clock.clone());
    let far = clock.now() + BOUND;
    let held = pool.acquire(far).expect("there is room");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.acquire(far).map(drop));
        assert!(clock.wait_for_parked(1));
        let rejected = pool.acquire(far).map(drop);
        assert_eq!(rejected, Err(AcquireError::Full { waiting: 1 }));
        pool.close();
        let closed = waiter.join().expect("it only waits");
        assert_eq!(closed, Err(AcquireError::Closed));
    });
    drop(held);
    assert_eq!(world.open.load(Ordering::SeqCst), 0);
}

#[test]
fn threads_with_random_faults_lose_no_place() {
    const THREADS: u32 = 6;
    let rounds = 400 * crate::stress();
    let (clock, world) = (Arc::new(SystemClock), Arc::new(World::default()));
    let pool = Pool::new(Wires(Arc::clone(&world)), options(), clock.clone());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (pool, clock, world) = (&pool, &clock, &world);
            scope.spawn(move || {
                for round in 0..rounds {
                    let within = Duration::from_micros(if round % 3 == 0 { 0 } else { 50_000 });
                    let faults = (round * 7 + thread * 13) % 17;
                    world.refuses.store(faults == 3, Ordering::SeqCst);
                    let Ok(wire) = pool.acquire(clock.after(within)) else {
                        continue;
                    };
                    match faults {
                        1 => wire.discard(),
                        2 => world.cut(wire.id),
                        4 => {
                            let act = AssertUnwindSafe(move || {
                                let _wire = wire;
                                std::panic::resume_unwind(Box::new("planted"));
                            });
                            assert!(catch_unwind(act).is_err());
                        }
                        _ => drop(wire),
                    }
                }
            });
        }
    });
    let snapshot = pool.snapshot();
    assert_eq!(
        snapshot.open, snapshot.idle,
        "nobody holds one: {snapshot:?}"
    );
    assert_eq!(u64::from(world.open.load(Ordering::SeqCst)), snapshot.open);
    assert!(world.open_max.load(Ordering::SeqCst) <= 3);
    world.refuses.store(false, Ordering::SeqCst);
    let all: Vec<_> = (0..3)
        .map(|_| pool.acquire(clock.now()).expect("all places are free"))
        .collect();
    assert_eq!(all.len(), 3);
}
