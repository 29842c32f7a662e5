//! Every consumer sees every value.

use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::broadcast::{Consumer, Producer, ring, ring_with};
use claude_flow_ringbuf::{Deadline, Park, Pop, PopError, Push, PushError, Wait, Yield};

use crate::values::{Aligned, Census, Counted, Explosive, Nothing, must_panic};

/// Long enough for a busy machine, short enough to end a hanging test.
const PATIENCE: Duration = Duration::from_mins(1);

fn new<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    ring(capacity, 4).expect("the capacity is a power of two")
}

#[test]
fn slowest_consumer_holds_the_producer() {
    for capacity in [1, 2, 8] {
        let (tx, mut fast) = new(capacity);
        let mut slow = fast.try_clone().expect("there are four seats");
        for lap in 0..70 {
            for value in 0..capacity {
                assert_eq!(tx.try_push(lap + value), Ok(()));
                assert_eq!(fast.try_pop(), Ok(lap + value));
            }
            assert_eq!(tx.try_push(99), Err(PushError::Full(99)));
            for value in 0..capacity {
                assert_eq!(slow.try_pop(), Ok(lap + value));
            }
            assert_eq!(slow.try_pop(), Err(PopError::Empty));
        }
    }
}

#[test]
fn consumer_that_goes_holds_nobody() {
    let (tx, mut rx) = new(2);
    let slow = rx.try_clone().expect("there are four seats");
    assert_eq!(tx.try_push_slice(&[1, 2, 3]), Ok(2));
    assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(1), Ok(2)));
    assert_eq!(tx.try_push(3), Err(PushError::Full(3)));
    drop(slow);
    assert_eq!(tx.try_push(3), Ok(()));
    assert_eq!(rx.try_pop(), Ok(3));
}

#[test]
fn seats_are_bounded_and_used_again() {
    let (tx, rx) = new::<u8>(2);
    let mut others: Vec<_> = (0..3)
        .map(|_| tx.subscribe().expect("four seats"))
        .collect();
    assert_eq!(
        rx.try_clone().map(drop).map_err(|it| it.consumers_max),
        Err(4)
    );
    assert!(tx.subscribe().is_err() && rx.follow(&[]).is_err());
    others.pop();
    assert!(rx.try_clone().is_ok());
}

#[test]
fn nobody_listens_until_somebody_subscribes() {
    let (tx, mut rx) = new(2);
    tx.try_push(1).expect("there is a place");
    let mut late = tx.subscribe().expect("there are four seats");
    assert_eq!(late.try_pop(), Err(PopError::Empty));
    tx.try_push(2).expect("there is a place");
    assert_eq!(late.try_pop(), Ok(2));
    drop(late);
    assert_eq!(rx.try_pop(), Ok(1));
    drop(rx);
    assert_eq!(tx.try_push(3), Err(PushError::Disconnected(3)));
    let mut again = tx.subscribe().expect("there are four seats");
    assert_eq!(tx.try_push(4), Ok(()));
    drop(tx);
    assert_eq!(again.try_pop(), Ok(4));
    assert_eq!(again.try_pop(), Err(PopError::Disconnected));
}

#[test]
fn follower_comes_after_all_of_its_leaders() {
    let (tx, mut first) = new(4);
    let mut second = first.try_clone().expect("there are four seats");
    let mut follower = first.follow(&[&second]).expect("there are four seats");
    assert_eq!(tx.try_push_slice(&[1, 2, 3]), Ok(3));
    assert_eq!(first.try_pop(), Ok(1));
    assert_eq!(follower.try_pop(), Err(PopError::Empty));
    assert_eq!(second.for_each(|_| ()), Ok(3));
    assert_eq!(follower.try_pop(), Ok(1));
    assert_eq!(follower.try_pop(), Err(PopError::Empty));
    drop(tx);
    // What its leader has not released may still come.
    assert_eq!(follower.try_pop(), Err(PopError::Empty));
    assert_eq!(first.try_pop(), Ok(2));
    assert_eq!(
        follower.try_chunk(4).map(|it| it.as_slice().to_vec()),
        Ok(vec![2])
    );
    drop(first);
    assert_eq!(follower.try_pop(), Ok(3));
    assert_eq!(follower.try_pop(), Err(PopError::Disconnected));
}

#[test]
fn seat_of_a_leader_is_kept_for_its_followers() {
    let (tx, leader) = ring::<u8>(4, 2).expect("four is a power of two");
    let follower = leader.follow(&[]).expect("there are two seats");
    drop(leader);
    assert!(
        tx.subscribe().is_err(),
        "the follower still looks at the seat"
    );
    drop(follower);
    assert!(tx.subscribe().is_ok());
}

#[test]
fn chunks_are_slices_and_may_be_cut() {
    let (mut tx, mut rx) = new(4);
    let mut claim = tx.try_claim(3).expect("the ring is empty");
    assert_eq!(claim.extend(["a", "b", "c"]), 3);
    claim.commit();
    let mut chunk = rx.try_chunk(9).expect("three values are there");
    assert_eq!(chunk.as_slice(), ["a", "b", "c"]);
    assert_eq!((chunk.get(2), chunk.get(3)), (Some(&"c"), None));
    chunk.truncate(1);
    assert_eq!((chunk.len(), chunk.is_empty()), (1, false));
    drop(chunk);
    assert_eq!(rx.try_peek(), Ok(&"b"));
    std::mem::forget(rx.try_chunk(9));
    assert_eq!(rx.try_pop(), Ok("b"));
}

#[test]
fn values_are_dropped_when_overwritten_or_with_the_ring() {
    let census = Census::default();
    let (mut tx, mut rx) = new::<Counted>(2);
    for number in 0..5 {
        tx.try_push(census.value(number)).expect("there is a place");
        census.check(2.min(usize::try_from(number).expect("it is small") + 1));
        assert_eq!(rx.for_each(|it| assert_eq!(it.number, number)), Ok(1));
    }
    // A place that is skipped keeps its old value.
    drop(tx.try_claim(2).expect("the ring is empty"));
    census.check(2);
    assert_eq!(rx.try_pop().map(drop), Err(PopError::Empty));
    tx.try_push(census.value(9)).expect("there is a place");
    census.check(2);
    assert_eq!(rx.try_pop().map(|it| it.number), Ok(9));
    census.check(2);
    drop((tx, rx));
    census.check(0);
}

#[test]
fn claim_of_many_producers_that_panics_stops_nobody() {
    let census = Census::default();
    let (tx, mut rx) = new(4);
    let mut tx = tx.share();
    let other = tx.clone();
    must_panic(|| {
        let mut claim = tx.try_claim(3).expect("the ring is empty");
        assert!(other.try_push(census.value(7)).is_ok());
        claim.extend((0..3).map(|number| {
            assert!(number < 1, "the source fails");
            census.value(number)
        }));
    });
    assert_eq!(rx.try_pop().map(|it| it.number), Ok(0));
    assert_eq!(rx.try_pop().map(|it| it.number), Ok(7));
    for number in 0..12 {
        assert!(other.try_push(census.value(number)).is_ok());
        assert_eq!(rx.try_pop().map(|it| it.number), Ok(number));
    }
    drop((tx, other, rx));
    census.check(0);
}

/// Panics when it is cloned for the first time.
struct Shy(std::sync::atomic::AtomicBool);

impl Clone for Shy {
    fn clone(&self) -> Self {
        let was_asked = self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
        assert!(was_asked, "too shy");
        Self(true.into())
    }
}

#[test]
fn value_whose_clone_or_sight_panics_is_not_lost_before_it_was_seen() {
    let (tx, mut rx) = new(2);
    assert!(tx.try_push(Shy(false.into())).is_ok());
    must_panic(|| drop(rx.try_pop()));
    assert!(rx.try_pop().is_ok(), "it is still the next one");

    let (tx, mut rx) = new(4);
    assert_eq!(tx.try_push_slice(&[1, 2, 3]), Ok(3));
    must_panic(|| {
        let _ = rx.for_each(|it| assert_ne!(*it, 2));
    });
    assert_eq!(rx.try_pop(), Ok(3));
}

#[test]
fn values_of_odd_shapes_are_dropped_once() {
    let (tx, mut rx) = new(4);
    for _ in 0..6 {
        tx.try_push(Nothing::new()).expect("there is a place");
        assert_eq!(rx.for_each(|_| ()), Ok(1));
    }
    assert_eq!(Nothing::alive(), 4);
    drop((tx, rx));
    assert_eq!(Nothing::alive(), 0);

    let (tx, mut rx) = new(2);
    for lap in 0..6 {
        tx.try_push(Aligned(lap)).expect("there is a place");
        rx.try_pop().expect("a value is there").check(lap);
    }

    let census = Census::default();
    let (tx, mut rx) = new(2);
    let bomb = |number| Explosive {
        is_armed: number == 0,
        inner: census.value(number),
    };
    assert!(tx.try_push(bomb(0)).is_ok() && tx.try_push(bomb(1)).is_ok());
    assert_eq!(rx.for_each(|_| ()), Ok(2));
    // The new value is in, the old one goes off.
    must_panic(|| drop(tx.try_push(bomb(2))));
    assert_eq!(rx.for_each(|it| assert_eq!(it.inner.number, 2)), Ok(1));
    assert!(tx.try_push(bomb(0)).is_ok());
    drop(tx);
    must_panic(|| drop(rx));
    census.check(0);
}

/// Values a producer pushes in the runs below.
fn stress_values() -> u32 {
    crate::stress::rounds(5_000)
}

/// Each consumer sees each producer's values in order, none missing, none twice.
fn stress<W: Wait + 'static>(producers: u64, consumers: usize, capacity: usize, batch: usize) {
    let (tx, rx) = ring_with::<_, W>(capacity, consumers).expect("it is a power of two");
    let census = Census::default();
    let clones: Vec<_> = (1..consumers)
        .map(|_| rx.try_clone().expect("there is a seat for each"))
        .collect();
    let popping: Vec<_> = clones
        .into_iter()
        .chain([rx])
        .map(|mut rx| {
            thread::spawn(move || {
                let mut next = vec![0; usize::try_from(producers).expect("they are few")];
                let mut see = |(of, at, _): &(usize, u32, Counted)| {
                    assert_eq!(*at, next[*of], "lost, doubled or out of order");
                    next[*of] += 1;
                };
                loop {
                    if let Ok(chunk) = rx.try_chunk(batch) {
                        chunk.as_slice().iter().for_each(&mut see);
                        continue;
                    }
                    match rx.pop_until(Deadline::after(PATIENCE)) {
                        Ok(value) => see(&value),
                        Err(PopError::Disconnected) => break,
                        Err(why) => panic!("{why} for {PATIENCE:?}"),
                    }
                }
                assert!(next.iter().all(|next| *next == stress_values()));
            })
        })
        .collect();
    let tx = tx.share();
    let pushing: Vec<_> = (0..usize::try_from(producers).expect("they are few"))
        .map(|of| {
            let (mut tx, census) = (tx.clone(), census.clone());
            thread::spawn(move || {
                let mut values = (0..stress_values()).map(|at| (of, at, census.value(0)));
                while values.len() > 0 {
                    let wanted = batch.min(values.len());
                    if wanted > 1
                        && let Ok(mut claim) = tx.try_claim(wanted)
                    {
                        // Sometimes a place is not filled.
                        let filled = wanted - usize::from(values.len() % 3 == 0);
                        claim.extend(values.by_ref().take(filled));
                    } else if let Some(value) = values.next() {
                        tx.push_until(value, Deadline::after(PATIENCE))
                            .expect("consumers go on until the producers are gone");
                    }
                }
            })
        })
        .collect();
    drop(tx);
    for thread in pushing.into_iter().chain(popping) {
        thread.join().expect("no end panics");
    }
    census.check(0);
}

#[test]
fn nothing_is_lost() {
    stress::<Yield>(1, 3, 64, 1);
    stress::<Yield>(2, 2, 1, 1);
    stress::<Yield>(2, 3, 64, 7);
    stress::<Park<0>>(2, 2, 2, 1);
    stress::<Park>(1, 3, 8, 3);
}

#[test]
fn consumers_come_and_go_while_it_runs() {
    let (tx, mut rx) = ring_with::<_, Yield>(16, 4).expect("sixteen is a power of two");
    let mut tx = tx.share();
    let other = tx.clone();
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..u64::from(stress_values()) {
                tx.push_until(number, Deadline::after(PATIENCE))
                    .expect("one consumer stays");
            }
        });
        scope.spawn(move || {
            for _ in 0..500 {
                let mut late = other.subscribe().expect("there is a seat");
                let mut last = None;
                for _ in 0..20 {
                    let Ok(number) = late.try_pop() else { continue };
                    assert!(last.is_none_or(|last| last + 1 == number), "a gap");
                    last = Some(number);
                }
            }
        });
        let mut next = 0;
        while let Ok(number) = rx.pop_until(Deadline::after(PATIENCE)) {
            assert_eq!(number, next);
            next += 1;
            if number % 7 == 0 {
                let mut clone = rx.try_clone().expect("there is a seat");
                let ahead = clone.try_pop();
                assert!(ahead.is_err() || ahead == Ok(number + 1));
            }
        }
        assert_eq!(next, u64::from(stress_values()));
    });
}
