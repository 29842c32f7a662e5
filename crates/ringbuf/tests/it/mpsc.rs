//! Many producers, one consumer.

use std::thread;
use std::time::Duration;

use claude_flow_ringbuf::mpsc::{Consumer, Producer, ring, ring_with};
use claude_flow_ringbuf::{Deadline, Park, Pop, PopError, Push, PushError, Wait, Yield};

use crate::values::{Aligned, Census, Explosive, Nothing, must_panic};

/// Long enough for a busy machine, short enough to end a hanging test.
const PATIENCE: Duration = Duration::from_mins(1);

fn new<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    ring(capacity).expect("the capacity is a power of two")
}

#[test]
fn full_ring_returns_the_value_and_an_empty_one_says_so() {
    for capacity in [1, 2, 4, 64] {
        let (tx, rx) = new(capacity);
        for lap in 0..5 {
            assert_eq!(rx.try_pop(), Err(PopError::Empty));
            for value in 0..capacity {
                assert_eq!(tx.try_push(lap + value), Ok(()));
            }
            assert_eq!(tx.try_push(99), Err(PushError::Full(99)));
            for value in 0..capacity {
                assert_eq!(rx.try_pop(), Ok(lap + value));
            }
        }
    }
}

#[test]
fn both_sides_see_that_the_other_is_gone() {
    let (tx, rx) = new(4);
    let other = tx.clone();
    tx.try_push(1).expect("there is a place");
    drop((tx, other));
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!(rx.try_pop(), Err(PopError::Disconnected));
    let (tx, rx) = new(4);
    drop(rx);
    assert_eq!(tx.try_push(2), Err(PushError::Disconnected(2)));
}

#[test]
fn chunk_leaves_what_was_not_moved_out() {
    let census = Census::default();
    let (tx, mut rx) = new(4);
    let mut claim = tx.try_claim(4).expect("the ring is empty");
    assert_eq!(claim.extend((0..9).map(|it| census.value(it))), 4);
    claim.commit();
    let mut chunk = rx.try_chunk(3).expect("four values are there");
    assert_eq!(chunk.as_slice().len(), 3);
    assert_eq!(chunk.next().map(|it| it.number), Some(0));
    drop(chunk);
    census.check(3);
    assert_eq!(rx.try_peek().map(|it| it.number), Ok(1));
    // Leaked after one more: that one is gone, the others are not.
    let mut chunk = rx.try_chunk(3).expect("three values are there");
    assert_eq!(chunk.next().map(|it| it.number), Some(1));
    std::mem::forget(chunk);
    assert_eq!(rx.try_pop().map(|it| it.number), Ok(2));
    let fill = |number| tx.try_push(census.value(number));
    assert!(fill(4).is_ok() && fill(5).is_ok() && fill(6).is_ok() && fill(7).is_err());
    drop((tx, rx));
    census.check(0);
}

#[test]
fn slices_go_in_and_out_over_the_end_of_the_array() {
    let (tx, rx) = new(8);
    let mut buf = [0_u32; 16];
    for lap in 0..10 {
        let values = [lap, lap + 1, lap + 2, lap + 3, lap + 4];
        assert_eq!(tx.try_push_slice(&values), Ok(5));
        assert_eq!(rx.try_pop_slice(&mut buf), Ok(5));
        assert_eq!(buf[..5], values);
    }
    assert_eq!(tx.try_push_slice(&[7; 20]), Ok(8));
    assert_eq!(tx.try_push_slice(&[7]), Err(PushError::Full(())));
    assert_eq!(rx.try_pop_slice(&mut buf[..3]), Ok(3));
    assert_eq!(rx.try_pop_slice(&mut buf), Ok(5));
    assert_eq!(rx.try_pop_slice(&mut buf), Err(PopError::Empty));
}

#[test]
fn producer_that_panics_in_a_claim_stops_nobody() {
    let census = Census::default();
    let (tx, rx) = new(4);
    let mut behind = None;
    must_panic(|| {
        let mut claim = tx.try_claim(3).expect("the ring is empty");
        behind = Some(tx.try_claim(1).expect("one place is left"));
        claim.extend((0..3).map(|number| {
            assert!(number < 2, "the source fails");
            census.value(number)
        }));
    });
    let mut behind = behind.expect("it was claimed before the panic");
    behind.push(census.value(7)).expect("one was claimed");
    drop(behind);
    for number in [0, 1, 7] {
        assert_eq!(rx.try_pop().map(|value| value.number), Ok(number));
    }
    for number in 0..12 {
        tx.try_push(census.value(number)).expect("the ring goes on");
        assert_eq!(rx.try_pop().map(|value| value.number), Ok(number));
    }
    census.check(0);
}

#[test]
fn values_of_odd_shapes_are_dropped_once() {
    let (tx, mut rx) = new(4);
    for _ in 0..4 {
        tx.try_push(Nothing::new()).expect("there are four places");
    }
    drop(rx.try_pop());
    assert_eq!(rx.try_chunk(2).map(Iterator::count), Ok(2));
    assert_eq!(Nothing::alive(), 1);
    drop((tx, rx));
    assert_eq!(Nothing::alive(), 0);

    let (tx, mut rx) = new(2);
    for lap in 0..6 {
        tx.try_push(Aligned(lap)).expect("there is a place");
        rx.try_peek().expect("a value is there").check(lap);
        rx.try_pop().expect("a value is there").check(lap);
    }
}

#[test]
fn value_that_panics_when_dropped_leaks_no_other() {
    let census = Census::default();
    let (tx, mut rx) = new(4);
    for number in 0..4 {
        let value = Explosive {
            is_armed: number != 2,
            inner: census.value(number),
        };
        assert!(tx.try_push(value).is_ok());
    }
    must_panic(|| {
        rx.try_chunk(3).into_iter().flatten().for_each(drop);
    });
    census.check(3);
    must_panic(|| drop(rx.try_pop()));
    census.check(2);
    drop(tx);
    must_panic(|| drop(rx));
    census.check(0);
}

/// Values a producer pushes in the runs below.
fn stress_values() -> u32 {
    crate::stress::rounds(20_000)
}

/// Each producer's values come in order, none is lost, none comes twice.
fn stress<W: Wait + 'static>(producers: u64, capacity: usize, batch: usize) {
    let (tx, mut rx) = ring_with::<_, W>(capacity).expect("the capacity is a power of two");
    let census = Census::default();
    let pushing: Vec<_> = (0..producers)
        .map(|producer| {
            let (mut tx, census) = (tx.clone(), census.clone());
            thread::spawn(move || {
                let mut values = (0..stress_values()).map(|at| (producer, at));
                while values.len() > 0 {
                    let wanted = batch.min(values.len());
                    if wanted > 1
                        && let Ok(mut claim) = tx.try_claim(wanted)
                    {
                        // Sometimes a place is not filled.
                        let filled = wanted - usize::from(values.len() % 3 == 0);
                        let values = values.by_ref().take(filled);
                        claim.extend(values.map(|(of, at)| (of, at, census.value(0))));
                    } else if let Some((of, at)) = values.next() {
                        let value = (of, at, census.value(0));
                        tx.push_until(value, Deadline::after(PATIENCE))
                            .expect("the consumer goes on until the producers are gone");
                    }
                }
            })
        })
        .collect();
    drop(tx);
    let mut next = vec![0; pushing.len()];
    let mut take = |(of, at, _): (u64, u32, _)| {
        let next = &mut next[usize::try_from(of).expect("there are few producers")];
        assert_eq!(at, *next, "lost, doubled or out of order");
        *next += 1;
    };
    loop {
        if let Ok(chunk) = rx.try_chunk(batch) {
            chunk.for_each(&mut take);
            continue;
        }
        match rx.pop_until(Deadline::after(PATIENCE)) {
            Ok(value) => take(value),
            Err(PopError::Disconnected) => break,
            Err(why) => panic!("{why} for {PATIENCE:?}"),
        }
    }
    for thread in pushing {
        thread.join().expect("a producer does not panic");
    }
    assert!(next.iter().all(|next| *next == stress_values()));
    census.check(0);
}

#[test]
fn nothing_is_lost() {
    stress::<Yield>(3, 1, 1);
    stress::<Yield>(2, 64, 1);
    stress::<Yield>(4, 64, 7);
    stress::<Park<0>>(3, 2, 1);
    stress::<Park>(3, 8, 3);
}
