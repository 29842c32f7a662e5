//! A producer that never waits.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::broadcast::lossy::{ring, ring_with};
use claude_flow_ringbuf::{Deadline, Park, Pop, PopError, PushError, Wait, Yield};
use proptest::prelude::*;

use crate::values::{Census, Explosive, Nothing, must_panic};

/// Long enough for a busy machine, short enough to end a hanging test.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn place_that_is_being_read_is_left_out() {
    let (mut tx, mut rx) = ring(4).expect("four is a power of two");
    let mut slow = rx.clone();
    tx.try_push(0).expect("there are more places than readers");
    let seen = slow.try_see(|value| {
        for number in 1..100 {
            tx.try_push(number)
                .expect("there are more places than readers");
        }
        *value
    });
    assert_eq!((seen, slow.missed()), (Ok(0), 0));
    // Four places, one of which was left out.
    assert_eq!((rx.try_pop(), rx.missed()), (Ok(97), 97));
    assert_eq!((slow.try_pop(), slow.missed()), (Ok(97), 96));
    assert_eq!((slow.try_pop(), slow.missed()), (Ok(98), 0));
    assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(98), Ok(99)));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

#[test]
fn push_fails_only_if_every_place_is_being_read() {
    let (mut tx, mut rx) = ring(1).expect("one is a power of two");
    tx.try_push(1).expect("nobody reads");
    let seen = rx.try_see(|value| {
        assert_eq!(tx.try_push(2), Err(PushError::Full(2)));
        *value
    });
    assert_eq!(seen, Ok(1));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(tx.try_push(3), Ok(()));
    assert_eq!((rx.try_pop(), rx.missed()), (Ok(3), 0));
}

#[test]
fn ends_come_and_go() {
    let (mut tx, rx) = ring(2).expect("two is a power of two");
    tx.try_push(1).expect("nobody reads");
    let mut late = tx.subscribe();
    assert_eq!(late.try_pop(), Err(PopError::Empty));
    tx.try_push(2).expect("nobody reads");
    assert_eq!((late.try_pop(), late.missed()), (Ok(2), 0));
    drop((rx, late));
    assert_eq!(tx.try_push(3), Err(PushError::Disconnected(3)));
    let mut again = tx.subscribe();
    assert_eq!(tx.try_push(4), Ok(()));
    drop(tx);
    assert_eq!(again.try_pop(), Ok(4));
    assert_eq!(again.try_pop(), Err(PopError::Disconnected));
}

#[test]
fn values_are_dropped_when_overwritten_or_with_the_ring() {
    let census = Census::default();
    let (mut tx, mut rx) = ring(2).expect("two is a power of two");
    for number in 0..5 {
        assert!(tx.try_push(census.value(number)).is_ok());
    }
    census.check(2);
    assert_eq!(rx.try_pop().map(|it| it.number), Ok(3));
    let seen = rx.try_see(|value| {
        assert!(tx.try_push(census.value(9)).is_ok());
        assert!(tx.try_push(census.value(10)).is_ok());
        census.check(2);
        value.number
    });
    assert_eq!(seen, Ok(4));
    drop(tx);
    census.check(2);
    drop(rx);
    census.check(0);

    let (mut tx, rx) = ring(4).expect("four is a power of two");
    for _ in 0..6 {
        assert!(tx.try_push(Nothing::new()).is_ok());
    }
    assert_eq!(Nothing::alive(), 4);
    drop((tx, rx));
    assert_eq!(Nothing::alive(), 0);

    let (mut tx, rx) = ring(2).expect("two is a power of two");
    let bomb = |number| Explosive {
        is_armed: number == 0,
        inner: census.value(number),
    };
    assert!(tx.try_push(bomb(0)).is_ok() && tx.try_push(bomb(1)).is_ok());
    must_panic(|| drop(tx.try_push(bomb(2))));
    assert!(tx.try_push(bomb(0)).is_ok());
    drop(tx);
    must_panic(|| drop(rx));
    census.check(0);
}

#[test]
fn sight_that_panics_lets_go_of_the_place() {
    let (mut tx, mut rx) = ring(1).expect("one is a power of two");
    tx.try_push(1).expect("nobody reads");
    must_panic(|| {
        let _ = rx.try_see(|value| assert_eq!(*value, 2));
    });
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!(tx.try_push(2), Ok(()));
}

/// Values pushed in the runs below.
fn stress_values() -> u64 {
    crate::stress::rounds(50_000).into()
}

/// What each reader sees and what it is told that it missed make up the whole row.
fn stress<W: Wait + 'static>(consumers: usize, capacity: usize) {
    let (mut tx, rx) = ring_with::<_, W>(capacity).expect("it is a power of two");
    let census = Census::default();
    let reading: Vec<_> = (0..consumers)
        .map(|_| {
            let mut rx = rx.clone();
            thread::spawn(move || {
                let mut count = 0;
                loop {
                    match rx.pop_until(Deadline::after(PATIENCE)) {
                        Ok(value) => {
                            let value: crate::values::Counted = value;
                            count += rx.missed() + 1;
                            assert_eq!(value.number + 1, count, "the count is exact");
                        }
                        Err(PopError::Disconnected) => break,
                        Err(why) => panic!("{why} for {PATIENCE:?}"),
                    }
                }
                assert_eq!(count, stress_values());
            })
        })
        .collect();
    drop(rx);
    for number in 0..stress_values() {
        assert!(tx.try_push(census.value(number)).is_ok());
    }
    drop(tx);
    for thread in reading {
        thread.join().expect("a consumer does not panic");
    }
    census.check(0);
}

#[test]
fn what_is_seen_and_missed_is_everything() {
    stress::<Yield>(3, 4);
    stress::<Yield>(2, 64);
    stress::<Park<0>>(2, 4);
}

proptest! {
    #[test]
    fn ring_is_a_queue_that_forgets(
        capacity in 0..4_u32,
        steps in prop::collection::vec((0..5_usize, 0..3_usize), 0..100),
    ) {
        let capacity = 1 << capacity;
        let (mut tx, rx) = ring(capacity).expect("the capacity is a power of two");
        let mut readers = [(rx.clone(), 0_u64), (rx.clone(), 0), (rx, 0)];
        let mut model = VecDeque::new();
        let mut number = 0_u64;
        for (count, of) in steps {
            for _ in 0..count {
                prop_assert!(tx.try_push(number).is_ok());
                model.push_back(number);
                number += 1;
            }
            model.drain(..model.len().saturating_sub(capacity));
            let (rx, next) = &mut readers[of];
            let expected = model.iter().copied().find(|it| it >= next);
            prop_assert_eq!(rx.try_pop().ok(), expected);
            if let Some(value) = expected {
                prop_assert_eq!(rx.missed(), value - *next);
                *next = value + 1;
            }
        }
    }
}
