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
    ring_with(capacity).expect("the capacity is a power of two")
}

/// Pops until every producer is gone.
fn rest<W: Wait + 'static>(rx: &Consumer<u32, W>) -> Vec<u32> {
    let mut values = Vec::new();
    loop {
        match rx.try_pop() {
            Ok(value) => values.push(value),
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Disconnected) => return values,
        }
    }
}

#[test]
fn push_push_and_pop_over_two_laps() {
    check(3, || {
        let (tx, rx) = ring::<Spin>(2);
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
        let of_one: Vec<_> = values.iter().filter(|it| **it > 2).collect();
        assert!(of_one.is_sorted(), "out of order");
        values.sort_unstable();
        assert_eq!(values, expected);
        assert_eq!(rx.try_pop(), Err(PopError::Disconnected));
    });
}

#[test]
fn push_and_pop_over_three_laps() {
    check(4, || {
        let (tx, rx) = ring::<Spin>(1);
        let pushing = thread::spawn(move || {
            for value in 0..3 {
                while tx.try_push(value).is_err() {
                    thread::yield_now();
                }
            }
        });
        assert_eq!(rest(&rx), [0, 1, 2]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn what_is_peeked_at_or_in_a_chunk_is_not_overwritten() {
    check(4, || {
        let (tx, mut rx) = ring::<Spin>(1);
        tx.try_push(1).expect("the ring is empty");
        let pushing = thread::spawn(move || tx.try_push(2).is_ok());
        assert_eq!(rx.try_peek(), Ok(&1));
        let mut chunk = rx.try_chunk(1).expect("a value is there");
        assert_eq!(chunk.next(), Some(1));
        drop(chunk);
        let pushed = pushing.join().expect("the producer does not panic");
        assert_eq!(rest(&rx), if pushed { vec![2] } else { vec![] });
    });
}

#[test]
fn slices_are_copied_in_and_out_whole() {
    check(3, || {
        let (tx, rx) = ring::<Spin>(2);
        let pushing = thread::spawn(move || {
            let mut values: &[u32] = &[0, 1, 2];
            while !values.is_empty() {
                match tx.try_push_slice(values) {
                    Ok(count) => values = &values[count..],
                    Err(_) => thread::yield_now(),
                }
            }
        });
        let (mut values, mut buf) = (Vec::new(), [9; 3]);
        loop {
            match rx.try_pop_slice(&mut buf) {
                Ok(count) => values.extend_from_slice(&buf[..count]),
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Disconnected) => break,
            }
        }
        assert_eq!(values, [0, 1, 2]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn claim_that_is_dropped_stops_neither_push_nor_pop() {
    check(3, || {
        let (tx, rx) = ring::<Spin>(2);
        let other = tx.clone();
        let claiming = thread::spawn(move || {
            let claim = other.try_claim(2);
            claim.is_ok_and(|mut claim| claim.push(1).is_ok())
        });
        let pushing = thread::spawn(move || tx.try_push(2).is_ok());
        let mut popped = vec![rx.try_pop(), rx.try_pop()];
        let expected = usize::from(claiming.join().expect("the claimant does not panic"))
            + usize::from(pushing.join().expect("the producer does not panic"));
        popped.extend([rx.try_pop(), rx.try_pop()]);
        assert_eq!(popped.iter().flatten().count(), expected);
        assert_eq!(rx.try_pop(), Err(PopError::Disconnected));
    });
}

#[test]
fn value_is_dropped_once_whoever_goes_first() {
    check(4, || {
        let token = Token::new(());
        let (tx, rx) = ring_with::<Token<()>, Spin>(2).expect("two is a power of two");
        let value = token.clone();
        let pushing = thread::spawn(move || {
            // Either outcome; what matters is who drops.
            drop(tx.try_push(value));
        });
        drop(rx.try_pop());
        drop(rx);
        pushing.join().expect("the producer does not panic");
        assert_eq!(Token::strong_count(&token), 1);
    });
}

#[test]
fn sleeping_consumer_is_woken_by_pushes_and_by_the_last_producer() {
    check(2, || {
        let (mut tx, mut rx) = ring::<Sleepy>(1);
        let popping = thread::spawn(move || (rx.pop(), rx.pop(), rx.pop()));
        let mut other = tx.clone();
        let pushing = thread::spawn(move || other.push(1).expect("the consumer is there"));
        tx.push(1).expect("the consumer is there");
        drop(tx);
        pushing.join().expect("the producer does not panic");
        let popped = popping.join().expect("the consumer does not panic");
        assert_eq!(popped, (Ok(1), Ok(1), Err(PopError::Disconnected)));
    });
}

#[test]
fn two_sleeping_producers_get_one_place_each() {
    check(2, || {
        let (mut tx, mut rx) = ring::<Sleepy>(2);
        assert_eq!(tx.try_push_slice(&[0, 0]), Ok(2));
        let mut other = tx.clone();
        let pushing = thread::spawn(move || other.push(1).expect("the consumer is there"));
        let popping = thread::spawn(move || {
            let chunk = rx.try_chunk(2).expect("two values are there");
            assert_eq!(chunk.count(), 2);
            rx
        });
        tx.push(2).expect("the consumer is there");
        pushing.join().expect("the producer does not panic");
        drop(popping.join().expect("the consumer does not panic"));
    });
}

#[test]
fn sleeping_producer_is_woken_when_the_consumer_goes() {
    check(3, || {
        let (mut tx, rx) = ring::<Sleepy>(1);
        tx.try_push(0).expect("the ring is empty");
        let pushing = thread::spawn(move || tx.push(1));
        drop(rx);
        let pushed = pushing.join().expect("the producer does not panic");
        assert!(matches!(pushed, Err(PushError::Disconnected(1))));
    });
}
