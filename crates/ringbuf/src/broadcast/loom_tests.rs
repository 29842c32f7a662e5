//! Models of every pair of operations; see `check` for what they leave out.

use std::sync::Arc as Token;

use loom::thread;

use super::{Consumer, Producer, ring_with};
use crate::{Park, Pop, PopError, Push, PushError, Spin, Wait};

/// Polls once before it sleeps: what is modelled is the sleeping.
type Sleepy = Park<1>;

/// Explores every interleaving with at most `preemptions` preemptions.
///
/// Loom treats `SeqCst` accesses as `AcqRel` (fences are exact), does not explore load buffering,
/// and never lets `compare_exchange_weak` fail without cause.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn ring<W: Wait>(capacity: usize) -> (Producer<u32, W>, Consumer<u32, W>) {
    ring_with(capacity, 3).expect("the capacity is a power of two")
}

/// Pops until every producer is gone.
fn rest<W: Wait + 'static>(rx: &mut Consumer<u32, W>) -> Vec<u32> {
    let mut values = Vec::new();
    loop {
        match rx.try_pop() {
            Ok(value) => values.push(value),
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Disconnected) => return values,
        }
    }
}

/// Pushes, giving way while the ring is full; stops when nobody listens.
fn push_all(tx: &Producer<u32, impl Wait>, values: impl IntoIterator<Item = u32>) {
    for value in values {
        loop {
            match tx.try_push(value) {
                Err(PushError::Full(_)) => thread::yield_now(),
                _ => break,
            }
        }
    }
}

#[test]
fn one_producer_and_one_consumer_over_three_laps() {
    check(4, || {
        let (tx, mut rx) = ring::<Spin>(1);
        let pushing = thread::spawn(move || push_all(&tx, 0..3));
        assert_eq!(rest(&mut rx), [0, 1, 2]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn each_consumer_sees_every_value() {
    check(2, || {
        let (tx, mut rx) = ring::<Spin>(2);
        let mut other = rx.try_clone().expect("there are three seats");
        let popping = thread::spawn(move || {
            let seen = [other.try_pop().ok(), other.try_pop().ok()];
            let seen: Vec<u32> = seen.into_iter().flatten().collect();
            assert!(seen.iter().copied().eq(0..seen.len() as u32), "{seen:?}");
        });
        let pushing = thread::spawn(move || {
            for value in 0..3 {
                if tx.try_push(value).is_err() {
                    break;
                }
            }
        });
        let mut seen = vec![rx.try_pop().ok(), rx.try_pop().ok()];
        pushing.join().expect("the producer does not panic");
        popping.join().expect("the consumer does not panic");
        seen.extend([rx.try_pop().ok(), rx.try_pop().ok()]);
        let seen: Vec<u32> = seen.into_iter().flatten().collect();
        assert!(seen.len() >= 2 && seen.iter().copied().eq(0..seen.len() as u32));
    });
}

#[test]
fn producers_among_others_publish_in_one_order() {
    check(2, || {
        let (tx, mut rx) = ring::<Spin>(2);
        let tx = tx.share();
        let other = tx.clone();
        let pushing = thread::spawn(move || [other.try_push(1).is_ok(), other.try_push(2).is_ok()]);
        let ours = thread::spawn(move || [tx.try_push(3).is_ok(), tx.try_push(4).is_ok()]);
        let mut popped = vec![rx.try_pop(), rx.try_pop()];
        let mut pushed = pushing.join().expect("a producer does not panic").to_vec();
        pushed.extend(ours.join().expect("a producer does not panic"));
        popped.extend([rx.try_pop(), rx.try_pop()]);
        let mut expected: Vec<u32> = (1..=4).collect();
        expected.retain(|it| pushed[*it as usize - 1]);
        let mut values: Vec<u32> = popped.into_iter().flatten().collect();
        values.sort_unstable();
        assert_eq!(values, expected);
    });
}

#[test]
fn chunk_and_peek_are_not_overwritten() {
    check(4, || {
        let (mut tx, mut rx) = ring::<Spin>(2);
        let mut claim = tx.try_claim(2).expect("the ring is empty");
        assert_eq!(claim.extend([0, 1]), 2);
        claim.commit();
        let pushing = thread::spawn(move || push_all(&tx, 2..4));
        assert_eq!(rx.try_peek(), Ok(&0));
        let chunk = rx.try_chunk(2).expect("two values are there");
        assert_eq!((chunk.get(0), chunk.get(1)), (Some(&0), Some(&1)));
        drop(chunk);
        assert_eq!(rest(&mut rx), [2, 3]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn clone_sees_everything_from_where_its_original_stands() {
    check(3, || {
        let (tx, mut rx) = ring::<Spin>(1);
        tx.try_push(0).expect("the ring is empty");
        let pushing = thread::spawn(move || push_all(&tx, 1..3));
        let mut other = rx.try_clone().expect("there are three seats");
        let seen = rx.try_pop();
        assert_eq!(seen, Ok(0));
        drop(rx);
        assert_eq!(rest(&mut other), [0, 1, 2]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn clone_is_seen_by_a_producer_that_is_looking_at_the_seats() {
    check(3, || {
        let (tx, rx) = ring::<Spin>(1);
        // The clone's seat comes before its original's.
        let mut late = rx.try_clone().expect("there are three seats");
        drop(rx);
        tx.try_push(0).expect("the ring is empty");
        let pushing = thread::spawn(move || {
            // Either the place is free by now or it is not.
            let _ = tx.try_push(1);
        });
        let mut early = late.try_clone().expect("there are three seats");
        assert_eq!(late.try_pop(), Ok(0));
        assert_eq!(early.try_peek(), Ok(&0));
        assert_eq!(early.try_pop(), Ok(0));
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn subscriber_sees_an_unbroken_row() {
    check(2, || {
        let (tx, mut rx) = ring::<Spin>(1);
        let tx = tx.share();
        let other = tx.clone();
        let pushing = thread::spawn(move || {
            let mut pushed = 0;
            for value in 0..2 {
                pushed += u32::from(other.try_push(value).is_ok());
            }
            pushed
        });
        let popping = thread::spawn(move || {
            let _ = rx.try_pop();
            rx
        });
        let mut late = tx.subscribe().expect("there are three seats");
        drop(tx);
        let first = late.try_pop();
        let pushed = pushing.join().expect("the producer does not panic");
        let mut seen: Vec<u32> = first.into_iter().collect();
        seen.extend(rest(&mut late));
        drop(popping.join().expect("the consumer does not panic"));
        assert!(seen.windows(2).all(|it| it[0] + 1 == it[1]), "{seen:?}");
        assert!(seen.len() as u32 <= pushed);
    });
}

#[test]
fn follower_sees_a_value_after_its_leader() {
    check(2, || {
        let (tx, mut rx) = ring::<Spin>(2);
        let mut follower = rx.follow(&[]).expect("there are three seats");
        let seen = Token::new(loom::sync::atomic::AtomicU32::new(0));
        let flag = seen.clone();
        let leading = thread::spawn(move || {
            for _ in 0..2 {
                if rx.try_peek().is_ok() {
                    // Relaxed: what orders it is the release of the value.
                    flag.fetch_add(1, loom::sync::atomic::Ordering::Relaxed);
                    let _ = rx.try_pop();
                }
            }
            // It does not go before the follower has looked: that would let everything pass.
            rx
        });
        let pushing = thread::spawn(move || push_all(&tx, 0..2));
        for at in 0..2 {
            if follower.try_pop() == Ok(at) {
                assert!(seen.load(loom::sync::atomic::Ordering::Relaxed) > at);
            }
        }
        drop(leading.join().expect("the leader does not panic"));
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn claim_that_is_dropped_stops_nobody_and_old_values_are_dropped_once() {
    check(3, || {
        let token = Token::new(());
        let (tx, mut rx) = ring_with::<Token<()>, Spin>(1, 1).expect("one is a power of two");
        tx.try_push(token.clone()).expect("the ring is empty");
        let mut tx = tx;
        let value = token.clone();
        let pushing = thread::spawn(move || {
            drop(tx.try_claim(1));
            drop(tx.try_push(value));
        });
        drop(rx.try_pop());
        drop(rx.try_pop());
        drop(rx);
        pushing.join().expect("the producer does not panic");
        assert_eq!(Token::strong_count(&token), 1);
    });
}

#[test]
fn sleeping_ends_are_woken() {
    check(2, || {
        let (mut tx, mut rx) = ring::<Sleepy>(1);
        let popping = thread::spawn(move || (rx.pop(), rx.pop(), rx.pop()));
        tx.push(1).expect("the consumer is there");
        tx.push(2).expect("the consumer is there");
        drop(tx);
        let popped = popping.join().expect("the consumer does not panic");
        assert_eq!(popped, (Ok(1), Ok(2), Err(PopError::Disconnected)));
    });
}

#[test]
fn sleeping_producer_is_woken_when_the_slowest_consumer_goes() {
    check(2, || {
        let (mut tx, mut rx) = ring::<Sleepy>(1);
        let slow = rx.try_clone().expect("there are three seats");
        tx.try_push(0).expect("the ring is empty");
        assert_eq!(rx.try_pop(), Ok(0));
        let pushing = thread::spawn(move || tx.push(1));
        drop(slow);
        assert_eq!(pushing.join().expect("the producer does not panic"), Ok(()));
        assert_eq!(rx.try_pop(), Ok(1));
    });
}

#[test]
fn sleeping_follower_is_woken_by_its_leader() {
    check(2, || {
        let (tx, mut rx) = ring::<Sleepy>(2);
        let mut follower = rx.follow(&[]).expect("there are three seats");
        tx.try_push(1).expect("the ring is empty");
        tx.try_push(2).expect("there is a place");
        let following = thread::spawn(move || (follower.pop(), follower.pop()));
        assert_eq!(rx.try_pop(), Ok(1));
        drop(rx);
        let followed = following.join().expect("the follower does not panic");
        assert_eq!(followed, (Ok(1), Ok(2)));
        drop(tx);
    });
}

#[test]
fn lossy_read_and_write_never_meet() {
    check(2, || {
        let (mut tx, mut rx) = super::lossy::ring::<u32>(1).expect("one is a power of two");
        let pushing = thread::spawn(move || {
            for value in 0..3 {
                // Full while the one place is being read.
                let _ = tx.try_push(value);
            }
        });
        let mut last = None;
        for _ in 0..2 {
            if let Ok(value) = rx.try_see(|value| *value) {
                assert!(last < Some(value), "twice or out of order");
                last = Some(value);
            }
        }
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn lossy_consumers_see_and_miss_everything_between_them() {
    check(2, || {
        let (mut tx, mut rx) = super::lossy::ring::<u32>(2).expect("two is a power of two");
        let other = rx.clone();
        let read = |mut rx: super::lossy::Consumer<u32>| {
            let mut count = 0;
            for _ in 0..2 {
                if let Ok(value) = rx.try_pop() {
                    count += rx.missed() + 1;
                    assert_eq!(u64::from(value) + 1, count, "the count is exact");
                }
            }
        };
        let reading = thread::spawn(move || read(other));
        let pushing = thread::spawn(move || {
            for value in 0..3 {
                let _ = tx.try_push(value);
            }
        });
        if let Ok(value) = rx.try_pop() {
            assert_eq!(u64::from(value), rx.missed());
        }
        reading.join().expect("the consumer does not panic");
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn lossy_consumer_that_keeps_up_misses_nothing() {
    check(3, || {
        let (mut tx, mut rx) = super::lossy::ring::<u32>(2).expect("two is a power of two");
        let pushing = thread::spawn(move || {
            for value in 0..2 {
                tx.try_push(value)
                    .expect("there is one reader and two places");
            }
        });
        let mut next = 0;
        loop {
            match rx.try_pop() {
                Ok(value) => {
                    assert_eq!((value, rx.missed()), (next, 0));
                    next += 1;
                }
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Disconnected) => break,
            }
        }
        assert_eq!(next, 2);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn lossy_values_are_dropped_once() {
    check(3, || {
        let token = Token::new(());
        let (mut tx, mut rx) = super::lossy::ring::<Token<()>>(1).expect("one is a power of two");
        let (first, second) = (token.clone(), token.clone());
        let pushing = thread::spawn(move || {
            drop(tx.try_push(first));
            drop(tx.try_push(second));
        });
        drop(rx.try_pop());
        drop(rx);
        pushing.join().expect("the producer does not panic");
        assert_eq!(Token::strong_count(&token), 1);
    });
}

#[test]
fn lossy_sleeping_consumer_is_woken() {
    check(2, || {
        let (mut tx, mut rx) =
            super::lossy::ring_with::<u32, Sleepy>(2).expect("two is a power of two");
        let popping = thread::spawn(move || (rx.pop(), rx.pop()));
        // Nobody listens any more only if the consumer has its value already.
        tx.try_push(1).expect("the consumer waits for it");
        drop(tx);
        let popped = popping.join().expect("the consumer does not panic");
        assert_eq!(popped, (Ok(1), Err(PopError::Disconnected)));
    });
}
