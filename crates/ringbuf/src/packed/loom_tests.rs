//! Models of every pair of operations; a line holds two values, see `Lines::VALUES`.

use std::sync::Arc as Counter;

use loom::thread;

use super::{Consumer, Producer, ring, ring_with};
use crate::sync::{Count, CountOrdering};
use crate::{Park, Pop, PopError, Push, PushError};

/// Loom treats `SeqCst` accesses as `AcqRel` (fences are exact) and does not explore load buffering.
fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

type Pushing = fn(&mut Producer<u32>, &mut u32);
type Popping = fn(&mut Consumer<u32>, &mut Vec<u32>);

const PUSHING: &[Pushing] = &[
    |producer, next| *next += u32::from(producer.try_push(*next).is_ok()),
    |producer, next| {
        let pushed = producer.try_push_slice(&[*next, *next + 1]).unwrap_or(0);
        *next += u32::try_from(pushed).expect("at most two");
    },
    |producer, next| {
        assert!(producer.len() <= producer.capacity());
        if producer.is_push_ready() {
            let pushed = producer.try_push(*next);
            assert!(!matches!(pushed, Err(PushError::Full(_))), "it was ready");
            *next += u32::from(pushed.is_ok());
        }
    },
];

const POPPING: &[Popping] = &[
    |consumer, popped| popped.extend(consumer.try_pop()),
    |consumer, popped| {
        if let Ok(&seen) = consumer.try_peek() {
            assert_eq!(consumer.try_pop(), Ok(seen), "what was seen comes out");
            popped.push(seen);
        }
    },
    |consumer, popped| {
        let mut values = [0; 2];
        let count = consumer.try_pop_slice(&mut values).unwrap_or(0);
        popped.extend(&values[..count]);
    },
    |consumer, popped| {
        let len = consumer.len();
        assert!(len <= consumer.capacity());
        let before = popped.len();
        popped.extend(consumer.drain());
        assert!(popped.len() - before >= len, "what was counted comes out");
    },
    |consumer, popped| {
        if consumer.is_pop_ready() {
            let value = consumer.try_pop();
            assert_ne!(value, Err(PopError::Empty), "it was ready");
            popped.extend(value);
        }
    },
];

/// Each way to push against each way to pop, three times each (so that lines are used again),
/// then the end of the producer.
#[test]
fn every_pair_of_operations() {
    for capacity in [1, 2, 4] {
        for &pushing in PUSHING {
            for &popping in POPPING {
                model(move || {
                    let (mut producer, mut consumer) = ring(capacity).expect("a power of two");
                    let sender = thread::spawn(move || {
                        let mut next = 0;
                        for _ in 0..3 {
                            pushing(&mut producer, &mut next);
                        }
                        next
                    });
                    let mut popped = Vec::new();
                    for _ in 0..3 {
                        popping(&mut consumer, &mut popped);
                    }
                    let pushed = sender.join().expect("the sender does not panic");
                    popped.extend(consumer.drain());
                    assert_eq!(popped, (0..pushed).collect::<Vec<_>>());
                    assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
                });
            }
        }
    }
}

struct Counted(Counter<Count>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, CountOrdering::Relaxed);
    }
}

#[test]
fn push_against_the_end_of_the_consumer() {
    model(|| {
        let dropped = Counter::new(Count::new(0));
        let (mut producer, mut consumer) = ring(2).expect("a power of two");
        let census = Counter::clone(&dropped);
        let sender = thread::spawn(move || {
            for _ in 0..3 {
                let _ = producer.try_push(Counted(Counter::clone(&census)));
            }
        });
        drop(consumer.try_pop());
        drop(consumer);
        sender.join().expect("the sender does not panic");
        assert_eq!(dropped.load(CountOrdering::Relaxed), 3);
    });
}

/// Over several laps: the producer waits for places and the consumer for values.
#[test]
fn blocking_stream_through_one_place() {
    model(|| {
        let (mut producer, mut consumer) = ring_with::<_, Park<0>>(1).expect("a power of two");
        let sender = thread::spawn(move || {
            for number in 0..3 {
                producer.push(number).expect("the consumer listens");
            }
        });
        assert_eq!(consumer.iter().collect::<Vec<_>>(), [0, 1, 2]);
        sender.join().expect("the sender does not panic");
    });
}
