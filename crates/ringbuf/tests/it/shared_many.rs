//! Lanes and broadcasts in shared memory: behaviour, models, layout, and processes that die or lie.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::{
    AttachError, CreateError, PopError, PushError, SeatError, Waiting, broadcast, lanes,
};
use proptest::prelude::*;

use crate::shared_layout::{bytes_of, golden, mapped, memfd};
use crate::shared_processes::{Memory, Other, Part, SplitMix, scribble, soon};
use crate::shared_spsc::{heap, mappings};

type Message = [u64; 3];
type Lanes = lanes::Lanes<Message>;
type Ring = broadcast::Ring<Message>;

const LANES: lanes::Options = lanes::Options {
    lanes: 3,
    capacity: 8,
    schema: 7,
};

const RING: broadcast::Options = broadcast::Options {
    consumers: 3,
    capacity: 8,
    schema: 7,
};

fn message(from: u64, number: u64) -> Message {
    [from, number, from ^ !number]
}

fn now() -> Deadline {
    Deadline::At(Instant::now())
}

/// Would catch a lane that starves, one that two producers have, and a wake-up that is lost.
#[test]
fn lanes_have_their_turns_and_their_owners() {
    let [ours, theirs] = mappings(Lanes::size_bytes(&LANES));
    let made = Lanes::create(ours, &LANES).expect("it is new");
    let found = Lanes::attach(theirs, 7).expect("there are lanes");
    assert_eq!(found.count(), 3);
    let mut consumer = made.consumer().expect("it is new");
    let mut producers: Vec<_> = (0..3)
        .map(|_| found.producer().expect("a lane is free"))
        .collect();
    assert!(matches!(found.producer(), Err(SeatError::Taken { .. })));
    assert!(matches!(found.consumer(), Err(SeatError::Taken { .. })));
    for (from, producer) in (0..).zip(&mut producers) {
        let many: Vec<_> = (0..9).map(|number| message(from, number)).collect();
        assert_eq!(producer.try_push_slice(&many), Ok(8));
        assert_eq!(producer.try_push(&many[8]), Err(PushError::Full));
    }
    let mut next = [0; 3];
    for _ in 0..24 {
        let [from, number, _] = consumer.try_pop().expect("there are some");
        let lane = &mut next[usize::try_from(from).expect("it is small")];
        assert_eq!(*lane, number, "in its order");
        *lane += 1;
    }
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
    assert_eq!(consumer.pop_until(now()), Err(PopError::Empty));
    let lane = producers.remove(1).lane();
    assert_eq!(found.producer().expect("it was left").lane(), lane);
    consumer.set_waiting(Waiting::Sleep { spins: 0 });
    std::thread::scope(|scope| {
        for (from, mut producer) in (0..).zip(producers) {
            scope.spawn(move || {
                for number in 0..5_000 {
                    producer.push(&message(from, number)).expect("it is there");
                }
            });
        }
        for _ in 0..10_000 {
            consumer.pop_until(soon()).expect("something comes");
        }
    });
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
}

/// Would catch a lane that keeps the others waiting.
#[test]
fn a_full_lane_gives_way_after_its_turn() {
    let options = lanes::Options {
        lanes: 2,
        capacity: 256,
        schema: 0,
    };
    let made = Lanes::create(heap(Lanes::size_bytes(&options)), &options).expect("it is new");
    let (mut one, mut other) = (
        made.producer().expect("free"),
        made.producer().expect("free"),
    );
    let mut consumer = made.consumer().expect("it is new");
    while one.try_push(&message(0, 0)).is_ok() {}
    other.try_push(&message(1, 0)).expect("there is a place");
    let before = (0..256)
        .take_while(|_| consumer.try_pop().expect("there are some")[0] == 0)
        .count();
    assert_eq!(before, 64);
}

/// Would catch an element that a consumer misses or gets twice, and a producer that does not wait.
#[test]
fn every_consumer_sees_everything_since_it_came() {
    let [ours, theirs] = mappings(Ring::size_bytes(&RING));
    let made = Ring::create(ours, &RING).expect("it is new");
    let found = Ring::attach(theirs, 7).expect("there is a ring");
    let mut producer = made.producer().expect("it is new");
    assert!(matches!(found.producer(), Err(SeatError::Taken { .. })));
    for number in 0..20 {
        producer
            .try_push(&message(0, number))
            .expect("nobody is waited for");
    }
    let mut first = found.consumer().expect("a seat is free");
    let mut watcher = found.watch();
    for number in 20..28 {
        producer
            .try_push(&message(0, number))
            .expect("there is a place");
    }
    assert_eq!(producer.try_push(&message(0, 28)), Err(PushError::Full));
    assert_eq!(
        producer.push_until(&message(0, 28), now()),
        Err(PushError::Full)
    );
    let mut second = found.consumer().expect("a seat is free");
    assert_eq!(second.try_pop(), Err(PopError::Empty), "it came just now");
    assert_eq!(first.try_pop(), Ok(message(0, 20)));
    producer
        .try_push(&message(0, 28))
        .expect("there is a place");
    assert_eq!(second.try_pop(), Ok(message(0, 28)));
    assert_eq!(watcher.try_pop(), Err(PopError::Missed { count: 1 }));
    for number in 21..29 {
        assert_eq!(first.try_pop(), Ok(message(0, number)));
        assert_eq!(watcher.try_pop(), Ok(message(0, number)));
    }
    assert_eq!(producer.consumers(), 2);
    let third = found.consumer().expect("a seat is free");
    assert!(matches!(found.consumer(), Err(SeatError::Taken { .. })));
    drop(third);
    assert_eq!((producer.consumers(), producer.drop_dead()), (2, 0));
    drop(producer);
    for end in [first.pop(), watcher.pop_until(soon()), second.pop()] {
        assert_eq!(end, Err(PopError::Left));
    }
}

/// Would catch a lost wake-up, a torn element at a watcher, and a count of losses that is wrong.
#[test]
fn consumers_lose_nothing_and_watchers_know_what_they_lost() {
    let made = Ring::create(heap(Ring::size_bytes(&RING)), &RING).expect("it is new");
    let mut producer = made.producer().expect("it is new");
    let count = 4_000;
    std::thread::scope(|scope| {
        for waiting in [
            Waiting::Sleep { spins: 0 },
            Waiting::Yield { spins: 1 },
            Waiting::default(),
        ] {
            let mut consumer = made.consumer().expect("a seat is free");
            consumer.set_waiting(waiting);
            let mut watcher = made.watch();
            scope.spawn(move || {
                for number in 0..count {
                    assert_eq!(consumer.pop_until(soon()), Ok(message(0, number)));
                }
                assert_eq!(consumer.pop(), Err(PopError::Left));
            });
            scope.spawn(move || {
                let mut next = 0;
                while next < count {
                    match watcher.pop_until(soon()) {
                        Ok(it) => {
                            assert_eq!(it, message(0, next));
                            next += 1;
                        }
                        Err(PopError::Missed { count }) => next += count,
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        producer.set_waiting(Waiting::Sleep { spins: 0 });
        for number in 0..count {
            producer
                .push(&message(0, number))
                .expect("there is a place");
        }
        drop(producer);
    });
}

/// Broadcasts as the dice fall; the model is a list of everything and a place in it for each.
fn check_broadcast(log_capacity: u32, steps: Vec<(u8, usize)>) {
    let options = broadcast::Options {
        capacity: 1 << log_capacity,
        ..RING
    };
    let made = Ring::create(heap(Ring::size_bytes(&options)), &options).expect("it is new");
    let mut producer = made.producer().expect("it is new");
    let mut watcher = made.watch();
    let (mut pushed, mut seen) = (0_u64, 0);
    let mut consumers: Vec<(u64, broadcast::Consumer<Message>)> = Vec::new();
    for (what, at) in steps {
        let capacity = options.capacity as u64;
        match what % 6 {
            0 | 1 => {
                let oldest = consumers.iter().map(|it| it.0).min().unwrap_or(pushed);
                let free = capacity - (pushed - oldest);
                let many: Vec<_> = (0..=at as u64 % 4)
                    .map(|it| message(1, pushed + it))
                    .collect();
                let expected = free.min(many.len() as u64);
                match producer.try_push_slice(&many) {
                    Ok(count) => assert_eq!(count as u64, expected),
                    Err(error) => assert_eq!((error, expected), (PushError::Full, 0)),
                }
                pushed += expected;
            }
            2 => match made.consumer() {
                Ok(consumer) => consumers.push((pushed, consumer)),
                Err(_) => assert_eq!(consumers.len(), 3),
            },
            3 if !consumers.is_empty() => {
                let at = at % consumers.len();
                let (next, consumer) = &mut consumers[at];
                let expected = if *next < pushed {
                    Ok(message(1, *next))
                } else {
                    Err(PopError::Empty)
                };
                assert_eq!(consumer.try_pop(), expected);
                *next += u64::from(expected.is_ok());
            }
            4 if !consumers.is_empty() && at % 4 == 0 => {
                drop(consumers.swap_remove(at % consumers.len()));
            }
            _ => {
                let missed = pushed.saturating_sub(seen + capacity);
                let expected = match pushed - seen {
                    0 => Err(PopError::Empty),
                    _ if missed > 0 => Err(PopError::Missed { count: missed }),
                    _ => Ok(message(1, seen)),
                };
                assert_eq!(watcher.try_pop(), expected);
                seen += missed + u64::from(expected.is_ok());
            }
        }
    }
}

/// Lanes as the dice fall; the model is a deque for each.
fn check_lanes(steps: Vec<(u8, usize)>) {
    let made = Lanes::create(heap(Lanes::size_bytes(&LANES)), &LANES).expect("it is new");
    let mut consumer = made.consumer().expect("it is new");
    let mut producers: Vec<Option<lanes::Producer<Message>>> = (0..3).map(|_| None).collect();
    let mut models = vec![VecDeque::new(); 3];
    for (number, (what, at)) in (0..).zip(steps) {
        let at = at % 3;
        match what % 6 {
            0..=2 => {
                let Some(producer) = &mut producers[at] else {
                    let Ok(producer) = made.producer() else {
                        panic!("this process has fewer than three");
                    };
                    let lane = producer.lane();
                    assert!(producers[lane].is_none(), "nobody has it");
                    producers[lane] = Some(producer);
                    continue;
                };
                let it = message(at as u64, number);
                let pushed = producer.try_push(&it);
                assert_eq!(pushed.is_ok(), models[at].len() < LANES.capacity);
                if pushed.is_ok() {
                    models[at].push_back(it);
                }
            }
            3 => producers[at] = None,
            _ => match consumer.try_pop() {
                Ok(it) => {
                    let lane = usize::try_from(it[0]).expect("it is small");
                    assert_eq!(models[lane].pop_front(), Some(it));
                }
                Err(error) => {
                    assert_eq!(error, PopError::Empty);
                    assert!(models.iter().all(VecDeque::is_empty));
                }
            },
        }
    }
}

proptest! {
    #[test]
    fn shared_broadcast_does_what_a_list_with_places_does(
        log_capacity in 0..4_u32,
        steps in prop::collection::vec((any::<u8>(), 0..16_usize), 0..150),
    ) {
        check_broadcast(log_capacity, steps);
    }

    #[test]
    fn shared_lanes_do_what_deques_do(
        steps in prop::collection::vec((any::<u8>(), 0..16_usize), 0..150),
    ) {
        check_lanes(steps);
    }
}

/// Where the golden bytes depend on the machine: the namespace, whether barriers are light.
fn masked_of_lanes(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let lane = (bytes.len() - 128) / 2;
    (0..2)
        .map(|it| 128 + it * lane)
        .flat_map(|at| [64..72, 396..400, 524..528].map(|it| at + it.start..at + it.end))
        .collect()
}

fn lanes_bytes() -> Vec<u8> {
    let options = lanes::Options {
        lanes: 2,
        capacity: 2,
        schema: 0x5eed,
    };
    let mapping = memfd(Lanes::size_bytes(&options));
    let made = Lanes::create(Arc::clone(&mapping) as Arc<dyn Region>, &options).expect("new");
    let (mut one, mut other) = (
        made.producer().expect("free"),
        made.producer().expect("free"),
    );
    let mut consumer = made.consumer().expect("free");
    for number in 0..3 {
        one.try_push(&message(0, number)).expect("there is a place");
        if number < 2 {
            consumer.try_pop().expect("there is one");
        }
    }
    other.try_push(&message(1, 0)).expect("there is a place");
    drop((one, other, consumer));
    bytes_of(&mapping)
}

fn broadcast_bytes() -> Vec<u8> {
    let options = broadcast::Options {
        consumers: 2,
        capacity: 2,
        schema: 0x5eed,
    };
    let mapping = memfd(Ring::size_bytes(&options));
    let made = Ring::create(Arc::clone(&mapping) as Arc<dyn Region>, &options).expect("new");
    let mut producer = made.producer().expect("free");
    for number in 0..3 {
        producer
            .try_push(&message(0, number))
            .expect("there is a place");
    }
    drop((made.consumer().expect("free"), producer));
    bytes_of(&mapping)
}

/// Would catch every change of the layouts that does not change their versions.
#[test]
fn the_layouts_are_what_the_golden_bytes_say() {
    let bytes = lanes_bytes();
    let masked = masked_of_lanes(&bytes);
    for (name, mut bytes, masked) in [
        ("lanes-v1.bin", bytes, masked),
        (
            "broadcast-v1.bin",
            broadcast_bytes(),
            std::iter::once(48..56).collect(),
        ),
    ] {
        for range in masked {
            bytes[range].fill(0);
        }
        if let Some(dir) = std::env::var_os("WRITE_GOLDEN_BYTES_TO") {
            let path = std::path::Path::new(&dir).join(name);
            std::fs::write(path, &bytes).expect("it can be written");
        }
        assert!(bytes == golden(name), "{name}");
    }
}

/// Would catch a field of a description that is believed.
#[test]
fn what_are_no_lanes_and_no_broadcast_is_refused_by_name() {
    let attach = |bytes: &[u8]| Lanes::attach(mapped(bytes), 0x5eed).err();
    let good = lanes_bytes();
    assert!(attach(&good).is_none());
    let spoilt = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        attach(&bytes)
    };
    assert!(matches!(spoilt(0), Some(AttachError::Foreign { .. })));
    assert!(matches!(spoilt(8), Some(AttachError::Version { .. })));
    for at in 12..32 {
        assert!(matches!(spoilt(at), Some(AttachError::Checksum)), "{at}");
    }
    assert!(matches!(spoilt(128 + 24), Some(AttachError::Checksum)));
    assert!(matches!(
        attach(&good[..good.len() - 1]),
        Some(AttachError::Truncated { .. })
    ));
    let attach = |bytes: &[u8]| Ring::attach(mapped(bytes), 0x5eed).err();
    let good = broadcast_bytes();
    assert!(attach(&good).is_none());
    let spoilt = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        attach(&bytes)
    };
    assert!(matches!(spoilt(0), Some(AttachError::Foreign { .. })));
    assert!(matches!(spoilt(8), Some(AttachError::Version { .. })));
    for at in 12..48 {
        assert!(matches!(spoilt(at), Some(AttachError::Checksum)), "{at}");
    }
    assert!(matches!(spoilt(48), Some(AttachError::Namespace)));
    assert!(matches!(
        attach(&good[..good.len() - 1]),
        Some(AttachError::Truncated { .. })
    ));
    for lanes in [0, 1_025] {
        let options = lanes::Options { lanes, ..LANES };
        let made = Lanes::create(heap(Some(1 << 20)), &options);
        assert!(matches!(made, Err(CreateError::Capacity(_))));
    }
    for (consumers, capacity) in [(1_025, 8), (1, 0), (1, 3)] {
        let options = broadcast::Options {
            consumers,
            capacity,
            schema: 0,
        };
        let made = Ring::create(heap(Some(1 << 20)), &options);
        assert!(matches!(made, Err(CreateError::Capacity(_))));
    }
}

/// Two memfds, of lanes and of a broadcast.
fn memory() -> Memory {
    let memfd = |size: Option<usize>| {
        let size = size.expect("it fits the memory");
        Arc::new(Mapping::memfd("test", size, Hints::default()).expect("there is memory"))
    };
    Memory {
        elements: memfd(Lanes::size_bytes(&LANES)),
        records: memfd(Ring::size_bytes(&RING)),
    }
}

fn create(memory: &Memory) -> (Lanes, Ring) {
    let lanes = Lanes::create(Arc::clone(&memory.elements) as Arc<dyn Region>, &LANES);
    let ring = Ring::create(Arc::clone(&memory.records) as Arc<dyn Region>, &RING);
    (lanes.expect("it is new"), ring.expect("it is new"))
}

/// Sends everything that is broadcast back on a lane, until it is killed.
fn echo(mut part: Part) {
    let mut region = || {
        let file = part.files.remove(0);
        Arc::new(Mapping::file(file, Hints::default()).expect("it can be mapped"))
    };
    let lanes = Lanes::attach(region(), 7).expect("there are lanes");
    let ring = Ring::attach(region(), 7).expect("there is a ring");
    let mut producer = lanes.producer().expect("there are three lanes");
    let mut consumer = ring.consumer().expect("there are three seats");
    let mut next = None;
    // Says that it came, and how much it will see.
    producer
        .push(&message(part.number, u64::MAX))
        .expect("ours");
    while let Ok(it) = consumer.pop() {
        assert_eq!(it, message(0, it[1]));
        assert_eq!(it[1], next.unwrap_or(it[1]), "nothing is missed");
        next = Some(it[1] + 1);
        producer
            .push_until(&message(part.number, it[1]), soon())
            .expect("somebody pops");
    }
}

/// Would catch a dead consumer that holds the producer up for ever, a living one that misses
/// something meanwhile, and a lane that is lost with its producer.
#[test]
fn one_of_two_subscribers_is_killed_again_and_again() {
    if let Some(part) = Part::of_this_process() {
        return echo(part);
    }
    let test = "shared_many::one_of_two_subscribers_is_killed_again_and_again";
    let memory = memory();
    let (lanes, ring) = create(&memory);
    let mut consumer = lanes.consumer().expect("it is new");
    let mut producer = ring.producer().expect("it is new");
    let mut survivor = Other::start(test, &memory, 1, None);
    let mut dice = SplitMix(5);
    let (mut sent, mut returned) = (0, None);
    assert_eq!(consumer.pop_until(soon()), Ok(message(1, u64::MAX)));
    for round in 2..12 {
        let mut victim = Other::start(test, &memory, round, None);
        let mut last = None;
        let kill_at = sent + dice.below(2_000);
        let mut is_there = false;
        let end = kill_at + 200;
        while sent < end || returned != Some(end - 1) {
            if is_there && sent == kill_at {
                victim.kill();
            }
            if is_there && sent < end {
                let limit = Deadline::after(Duration::from_micros(10));
                if producer.push_until(&message(0, sent), limit).is_ok() {
                    sent += 1;
                } else {
                    producer.drop_dead();
                }
            }
            while let Ok(it) = consumer.try_pop() {
                assert_eq!(it, message(it[0], it[1]), "whole");
                match it {
                    [1, number, _] => {
                        assert_eq!(number, returned.map_or(0, |it| it + 1), "nothing is missed");
                        returned = Some(number);
                    }
                    [from, u64::MAX, _] => is_there |= from == round,
                    [from, number, _] if from == round => {
                        assert_eq!(number, last.map_or(number, |it| it + 1));
                        last = Some(number);
                    }
                    _ => {}
                }
            }
        }
        victim.collect();
    }
    producer.drop_dead();
    assert_eq!(producer.consumers(), 1, "the one that lives");
    drop(producer);
    assert!(survivor.0.wait().expect("it is ours").success());
}

/// Would catch every index, length and word that is believed: an access out of bounds ends this
/// process, a loop without a bound never ends.
#[test]
fn garbage_all_over_lanes_and_broadcast_is_an_error_or_a_payload() {
    if let Some(part) = Part::of_this_process() {
        return scribble(&part);
    }
    let test = "shared_many::garbage_all_over_lanes_and_broadcast_is_an_error_or_a_payload";
    let (mut done, mut refused) = (0, 0);
    for seed in 0..3 {
        let memory = memory();
        let (lanes, ring) = create(&memory);
        let mut to = lanes.producer().expect("it is new");
        let mut from = lanes.consumer().expect("it is new");
        let mut producer = ring.producer().expect("it is new");
        let mut consumers = vec![ring.consumer().expect("it is new")];
        let mut watcher = ring.watch();
        let mut other = Other::start(test, &memory, seed, None);
        other.is_ready();
        let shortly = || Deadline::after(Duration::from_micros(20));
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            let mut results = vec![
                to.try_push(&message(0, 0)).is_ok(),
                to.push_until(&message(0, 0), shortly()).is_ok(),
                from.try_pop().is_ok(),
                from.pop_until(shortly()).is_ok(),
                producer.try_push(&message(0, 0)).is_ok(),
                producer.push_until(&message(0, 0), shortly()).is_ok(),
                watcher.try_pop().is_ok(),
                watcher.pop_until(shortly()).is_ok(),
            ];
            for consumer in &mut consumers {
                results.push(consumer.try_pop().is_ok());
                results.push(consumer.pop_until(shortly()).is_ok());
            }
            done += results.iter().filter(|it| **it).count();
            refused += results.iter().filter(|it| !**it).count();
            producer.drop_dead();
            consumers.clear();
            consumers.extend(ring.consumer());
            if let Ok(again) = Ring::attach(Arc::clone(&memory.records) as Arc<dyn Region>, 7) {
                watcher = again.watch();
            }
            if let Ok(again) = Lanes::attach(Arc::clone(&memory.elements) as Arc<dyn Region>, 7) {
                drop((again.producer(), again.consumer()));
            }
        }
    }
    assert!(done > 0 && refused > 0, "{done} {refused}");
}
