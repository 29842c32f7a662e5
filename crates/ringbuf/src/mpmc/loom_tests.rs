//! Models of every pair of operations; see `check` for what they leave out.

use std::sync::Arc as Token;

use loom::thread;

use super::{Consumer, Producer, ring_with};
use crate::{Park, Pop, PopError, Push, PushError, Spin, Wait};

/// Polls once before it sleeps: what is modelled is the sleeping.
type Sleepy = Park<1>;

/// Explores every interleaving with at most `preemptions` preemptions.
///
/// Loom treats `SeqCst` accesses as `AcqRel` (fences are exact), does not explore load buffering, and never lets
/// `compare_exchange_weak` fail without cause.
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

fn sorted(mut values: Vec<u32>) -> Vec<u32> {
    values.sort_unstable();
    values
}

#[test]
fn push_and_push_take_different_places() {
    check(4, || {
        let (tx, rx) = ring::<Spin>(2);
        let other = tx.clone();
        let pushing = thread::spawn(move || other.try_push(1).expect("two places, two values"));
        tx.try_push(2).expect("two places, two values");
        pushing.join().expect("the other producer does not panic");
        assert!(matches!(tx.try_push(3), Err(PushError::Full(3))));
        drop(tx);
        assert_eq!(sorted(rest(&rx)), [1, 2]);
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
fn pop_and_pop_share_what_is_there_while_producers_reuse_places() {
    check(2, || {
        let (tx, rx) = ring::<Spin>(1);
        tx.try_push(0).expect("the ring is empty");
        let other = rx.clone();
        let popping = thread::spawn(move || [other.try_pop(), other.try_pop()]);
        let pushing = thread::spawn(move || {
            let pushed = [tx.try_push(1), tx.try_push(2)];
            pushed.iter().filter(|it| it.is_ok()).count()
        });
        let mut popped = vec![rx.try_pop(), rx.try_pop()];
        let pushed = pushing.join().expect("the producer does not panic");
        popped.extend(popping.join().expect("the consumer does not panic"));
        let mut values: Vec<u32> = popped.into_iter().flatten().collect();
        values.extend(rest(&rx));
        assert_eq!(values.len(), 1 + pushed);
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 1 + pushed, "a value came twice");
    });
}

#[test]
fn chunk_holds_its_places_until_it_is_dropped() {
    check(4, || {
        let (tx, mut rx) = ring::<Spin>(2);
        tx.try_push(0).expect("the ring is empty");
        tx.try_push(1).expect("there is a place");
        let pushing = thread::spawn(move || {
            while tx.try_push(2).is_err() {
                thread::yield_now();
            }
        });
        let mut chunk = rx.try_chunk(2).expect("two values are there");
        assert_eq!(chunk.next(), Some(0));
        assert_eq!(chunk.next(), Some(1));
        drop(chunk);
        assert_eq!(rest(&rx), [2]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn chunk_and_pop_take_different_values() {
    check(4, || {
        let (tx, mut rx) = ring::<Spin>(4);
        let other = rx.clone();
        for value in 0..3 {
            tx.try_push(value).expect("there are four places");
        }
        drop(tx);
        let popping = thread::spawn(move || rest(&other));
        let mut values: Vec<u32> = rx.try_chunk(2).map(Iterator::collect).unwrap_or_default();
        values.extend(rest(&rx));
        values.extend(popping.join().expect("the consumer does not panic"));
        assert_eq!(sorted(values), [0, 1, 2]);
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
fn claim_and_chunk_pass_a_batch() {
    check(4, || {
        let (tx, mut rx) = ring::<Spin>(2);
        let claiming = thread::spawn(move || {
            let mut claim = tx.try_claim(2).expect("the ring is empty");
            assert_eq!(claim.extend([1, 2, 3]), 2);
        });
        let mut values = Vec::new();
        loop {
            match rx.try_chunk(2) {
                Ok(chunk) => values.extend(chunk),
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Disconnected) => break,
            }
        }
        assert_eq!(values, [1, 2]);
        claiming.join().expect("the claimant does not panic");
    });
}

#[test]
fn value_pushed_before_the_last_producer_goes_is_popped() {
    check(4, || {
        let (tx, rx) = ring::<Spin>(2);
        let other = tx.clone();
        let pushing = thread::spawn(move || {
            other.try_push(1).expect("there is a place");
        });
        drop(tx);
        assert_eq!(rest(&rx), [1]);
        pushing.join().expect("the producer does not panic");
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
fn clone_of_a_consumer_is_seen_by_producers() {
    check(3, || {
        let (tx, rx) = ring::<Spin>(1);
        tx.try_push(0).expect("the ring is empty");
        let pushing = thread::spawn(move || {
            while tx.try_push(1).is_err() {
                thread::yield_now();
            }
        });
        let other = rx.clone();
        drop(rx);
        let again = other.clone();
        assert_eq!(again.try_pop(), Ok(0));
        drop(again);
        assert_eq!(rest(&other), [1]);
        pushing.join().expect("the producer does not panic");
    });
}

#[test]
fn sleeping_consumer_is_woken_by_a_push() {
    check(3, || {
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
fn two_sleeping_consumers_get_one_value_each() {
    check(2, || {
        let (tx, mut rx) = ring::<Sleepy>(2);
        let mut others = rx.clone();
        let popping = thread::spawn(move || others.pop());
        let other = tx.clone();
        let pushing = thread::spawn(move || other.try_push(1).expect("there are two places"));
        tx.try_push(2).expect("there are two places");
        let ours = rx.pop().expect("two values, two pops");
        let theirs = popping.join().expect("the consumer does not panic");
        assert_eq!(ours + theirs.expect("two values, two pops"), 3);
        pushing.join().expect("the producer does not panic");
        drop(tx);
    });
}

#[test]
fn two_sleeping_producers_get_one_place_each_when_places_come_out_of_order() {
    check(1, || {
        let (mut tx, mut rx) = ring::<Sleepy>(2);
        assert_eq!(tx.try_push_slice(&[0, 0]), Ok(2));
        let other = rx.clone();
        let mut txs = tx.clone();
        let pushing = [
            thread::spawn(move || tx.push(1).expect("the consumers are there")),
            thread::spawn(move || txs.push(2).expect("the consumers are there")),
        ];
        let chunk = rx.try_chunk(1).expect("two values are there");
        assert_eq!(other.try_pop(), Ok(0));
        drop(chunk);
        for thread in pushing {
            thread.join().expect("a producer does not panic");
        }
    });
}

#[test]
fn sleeping_producer_is_woken_when_the_last_consumer_goes() {
    check(3, || {
        let (mut tx, rx) = ring::<Sleepy>(1);
        tx.try_push(0).expect("the ring is empty");
        let pushing = thread::spawn(move || tx.push(1));
        drop(rx);
        let pushed = pushing.join().expect("the producer does not panic");
        assert!(matches!(pushed, Err(PushError::Disconnected(1))));
    });
}

#[test]
fn sleeping_consumer_is_woken_when_a_claim_is_dropped_unfilled() {
    check(3, || {
        let (tx, mut rx) = ring::<Sleepy>(2);
        let popping = thread::spawn(move || rx.pop());
        let claim = tx.try_claim(1).expect("the ring is empty");
        tx.try_push(1).expect("there are two places");
        drop(claim);
        let popped = popping.join().expect("the consumer does not panic");
        assert_eq!(popped, Ok(1));
        drop(tx);
    });
}
