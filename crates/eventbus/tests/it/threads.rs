//! Several threads at once: every message is received, or counted on both sides.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use claude_flow_eventbus::{Bus, Fields, Item, Overflow, SubscribeOptions, Subscriber};

use crate::make::{bus, options, pattern, pool_of, subscribe, topic};

const PUBLISHERS: u64 = 3;

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many messages each publisher sends: more if `STRESS` says so.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a stress test takes is asked of the environment"
)]
fn count() -> u64 {
    let stress = env::var("STRESS").ok().and_then(|it| it.parse().ok());
    2_000 * stress.unwrap_or(1_u64).clamp(1, 1_000)
}

/// What one subscriber got: numbers in order for each publisher, and how many were missing.
fn receive_all(subscriber: &mut Subscriber) -> (u64, u64) {
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut received, mut missing) = (0, 0);
    for item in subscriber.iter() {
        match item {
            Item::Gap(count) => missing += count,
            Item::Event(event) => {
                received += 1;
                let publisher = event.envelope().id().publisher();
                let number = event.payload().try_into().expect("eight bytes");
                let number = u64::from_le_bytes(number);
                let before = last.insert(publisher, number);
                assert!(before.is_none_or(|it| it < number), "in order");
            }
        }
    }
    (received, missing)
}

fn publish_all(bus: &Bus, is_batched: bool) -> (u64, u64) {
    let mut publisher = bus.publisher_to(&topic("a.b"));
    let (mut delivered, mut lost) = (0, 0);
    let mut next = 0;
    while next < count() {
        let size = if is_batched { 1 + next % 40 } else { 1 };
        let numbers = (next..next + size).map(u64::to_le_bytes);
        let receipt = publisher.publish_all(&Fields::default(), numbers);
        let receipt = receipt.expect("there is room");
        delivered += receipt.delivered;
        lost += receipt.dropped + receipt.refused;
        next += size;
    }
    (delivered, lost)
}

fn check(overflow: Overflow, has_priorities: bool) {
    let bus = Bus::new(pool_of(1 << 12));
    let with = || SubscribeOptions {
        has_priorities,
        ..options(64, overflow)
    };
    let subscribers = [(); 2].map(|()| {
        let subscriber = bus.subscribe(&pattern("a.*"), with());
        let mut subscriber = subscriber.expect("the options are valid");
        thread::spawn(move || receive_all(&mut subscriber))
    });
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| {
            let bus = bus.clone();
            thread::spawn(move || publish_all(&bus, number == 0))
        })
        .collect();
    let mut sums = (0, 0);
    for publisher in publishers {
        let (delivered, lost) = publisher.join().expect("it only publishes");
        sums = (sums.0 + delivered, sums.1 + lost);
    }
    bus.close();
    let mut got = (0, 0);
    for subscriber in subscribers {
        let (received, missing) = subscriber.join().expect("it only receives");
        got = (got.0 + received, got.1 + missing);
    }
    assert_eq!(got.1, sums.1, "what is missing is what was lost");
    match overflow {
        Overflow::DropOldest => assert!(got.0 <= sums.0, "some were displaced after they came in"),
        _ => assert_eq!(got.0, sums.0, "what was delivered is received"),
    }
    if matches!(overflow, Overflow::Wait(_)) {
        assert_eq!(sums.1, 0, "who waits loses nothing");
    }
    assert_eq!(bus.pool().stats().in_use(), 0, "all buffers came back");
}

#[test]
fn who_drops_the_newest_counts_them() {
    check(Overflow::DropNewest, false);
    check(Overflow::DropNewest, true);
}

#[test]
fn who_drops_the_oldest_counts_them() {
    check(Overflow::DropOldest, false);
    check(Overflow::DropOldest, true);
}

#[test]
fn who_refuses_counts_them() {
    check(Overflow::Refuse, false);
}

#[test]
fn who_waits_gets_all() {
    check(Overflow::Wait(PATIENCE), false);
    check(Overflow::Wait(PATIENCE), true);
}

/// Subscribers come and go; one that stays misses nothing, and no buffer is kept.
#[test]
fn comings_and_goings_disturb_nobody() {
    let bus = Bus::new(pool_of(1 << 12));
    let stays = bus.subscribe(&pattern("a.>"), options(64, Overflow::Wait(PATIENCE)));
    let mut stays = stays.expect("the options are valid");
    let staying = thread::spawn(move || receive_all(&mut stays));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                let guests = ["a.b", "*.b", "c", ">"].map(|it| subscribe(&bus, it));
                drop(guests);
            }
        });
        let sums = publish_all(&bus, false);
        is_over.store(true, Ordering::Release);
        assert!(sums.0 >= count());
    });
    bus.close();
    let (received, missing) = staying.join().expect("it only receives");
    assert_eq!((received, missing), (count(), 0));
    assert_eq!(bus.subscriber_count(), 0);
}

/// The one who sleeps is woken by the end, whoever it comes from.
#[test]
fn the_end_wakes_who_waits() {
    let bus = bus();
    let mut waiting = subscribe(&bus, "a");
    let control = waiting.control().clone();
    let receiving = thread::spawn(move || receive_all(&mut waiting));
    control.drain();
    assert_eq!(receiving.join().expect("it only receives"), (0, 0));
}
