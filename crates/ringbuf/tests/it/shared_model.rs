//! Rings in shared memory do what a bounded `VecDeque` does.

use std::collections::VecDeque;

use claude_flow_ringbuf::shared::{PopError, PushError, lines, records, spsc};
use proptest::prelude::*;

use crate::shared_spsc::mappings;

#[derive(Debug, Clone)]
enum Step {
    Push,
    Pop,
    PushSlice(usize),
    PopSlice(usize),
    Commit { count: usize, committed: usize },
    Release { count: usize, released: usize },
    Producer,
    Consumer,
}

fn step() -> impl Strategy<Value = Step> {
    let count = 0..12_usize;
    prop_oneof![
        4 => Just(Step::Push),
        4 => Just(Step::Pop),
        2 => count.clone().prop_map(Step::PushSlice),
        2 => count.clone().prop_map(Step::PopSlice),
        2 => (count.clone(), count.clone())
            .prop_map(|(count, committed)| Step::Commit { count, committed }),
        2 => (count.clone(), count).prop_map(|(count, released)| Step::Release { count, released }),
        1 => Just(Step::Producer),
        1 => Just(Step::Consumer),
    ]
}

/// `asked` of what is there; none if nothing is although something was asked for.
fn some(there: usize, asked: usize) -> Option<usize> {
    (there != 0 || asked == 0).then_some(there.min(asked))
}

fn check(log_capacity: u32, steps: Vec<Step>) {
    let capacity = 1 << log_capacity;
    let [ours, theirs] = mappings(spsc::Ring::<u64>::size_bytes(capacity));
    let ring = spsc::Ring::<u64>::create(ours, capacity, 5).expect("it is new");
    let other = spsc::Ring::<u64>::attach(theirs, 5).expect("there is a ring");
    let mut producer = ring.producer().expect("the seat is free");
    let mut consumer = other.consumer().expect("the seat is free");
    let mut model = VecDeque::new();
    let mut numbers = 0_u64..;
    for step in steps {
        let free = capacity - model.len();
        match step {
            Step::Push => {
                let number = numbers.next().expect("there is no end");
                if free == 0 {
                    assert_eq!(producer.try_push(&number), Err(PushError::Full));
                } else {
                    assert_eq!(producer.try_push(&number), Ok(()));
                    model.push_back(number);
                }
            }
            Step::Pop => assert_eq!(consumer.try_pop(), model.pop_front().ok_or(PopError::Empty)),
            Step::PushSlice(count) => {
                let values: Vec<u64> = numbers.by_ref().take(count).collect();
                let pushed = producer.try_push_slice(&values).ok();
                assert_eq!(pushed, some(free, count));
                model.extend(&values[..pushed.unwrap_or(0)]);
            }
            Step::PopSlice(count) => {
                let mut values = vec![0; count];
                let popped = consumer.try_pop_slice(&mut values).ok();
                assert_eq!(popped, some(model.len(), count));
                let expected: Vec<u64> = model.drain(..popped.unwrap_or(0)).collect();
                assert_eq!(values[..expected.len()], expected);
            }
            Step::Commit { count, committed } => {
                if let Ok(mut claim) = producer.try_claim(count) {
                    assert_eq!(Some(claim.len()), some(free, count));
                    let values: Vec<u64> = numbers.by_ref().take(claim.len()).collect();
                    for (index, value) in values.iter().enumerate() {
                        claim.write(index, value);
                    }
                    let committed = committed.min(values.len());
                    claim.commit(committed);
                    model.extend(&values[..committed]);
                }
            }
            Step::Release { count, released } => {
                if let Ok(chunk) = consumer.try_chunk(count) {
                    let seen: Vec<u64> = chunk.iter().collect();
                    let expected: Vec<u64> = model.iter().copied().take(seen.len()).collect();
                    assert_eq!(seen, expected);
                    assert!(!seen.is_empty() || count == 0);
                    let released = released.min(seen.len());
                    chunk.release(released);
                    model.drain(..released);
                }
            }
            Step::Producer => {
                drop(producer);
                producer = other.producer().expect("the seat is free");
            }
            Step::Consumer => {
                drop(consumer);
                consumer = ring.consumer().expect("the seat is free");
            }
        }
        assert_eq!(producer.len(), Ok(model.len()));
    }
}

fn check_records(log_capacity: u32, granularity: u32, steps: Vec<(bool, usize)>) {
    let capacity = 1 << log_capacity;
    let [ours, theirs] = mappings(records::Ring::size_bytes(capacity));
    let ring = records::Ring::create(ours, capacity, granularity, 5).expect("it is new");
    let other = records::Ring::attach(theirs, 5).expect("there is a ring");
    let mut producer = ring.producer().expect("the seat is free");
    let mut consumer = other.consumer().expect("the seat is free");
    let mut model = VecDeque::new();
    for (number, (is_push, len)) in steps.into_iter().enumerate() {
        if !is_push {
            assert_eq!(consumer.try_pop(), model.pop_front().ok_or(PopError::Empty));
            continue;
        }
        let record: Vec<u8> = (0..len)
            .map(|index| (index + number).to_le_bytes()[0])
            .collect();
        match producer.try_push(&record) {
            Ok(()) => {
                assert!(len <= ring.len_max());
                model.push_back(record);
            }
            Err(PushError::TooLong { len_max }) => {
                assert!(len > len_max && len_max == ring.len_max());
            }
            // The longest record fits an empty ring: if it is full, it holds something.
            error => assert!(
                error == Err(PushError::Full) && !model.is_empty(),
                "{error:?}"
            ),
        }
    }
    for record in model {
        assert_eq!(consumer.try_pop(), Ok(record));
    }
}

fn check_lines(log_capacity: u32, steps: Vec<u8>) {
    let capacity = 1 << log_capacity;
    let [ours, theirs] = mappings(lines::Ring::<[u64; 9]>::size_bytes(capacity));
    let ring = lines::Ring::<[u64; 9]>::create(ours, capacity, 5).expect("it is new");
    let other = lines::Ring::<[u64; 9]>::attach(theirs, 5).expect("there is a ring");
    let mut producer = ring.producer().expect("the seat is free");
    let mut consumer = other.consumer().expect("the seat is free");
    let mut model = VecDeque::new();
    for (number, step) in (0_u64..).zip(steps) {
        match step % 8 {
            0..=2 => {
                let is_full = model.len() == capacity;
                let pushed = producer.try_push(&[number; 9]);
                assert_eq!(
                    pushed,
                    if is_full {
                        Err(PushError::Full)
                    } else {
                        Ok(())
                    }
                );
                model.extend((!is_full).then_some([number; 9]));
            }
            3..=5 => assert_eq!(consumer.try_pop(), model.pop_front().ok_or(PopError::Empty)),
            6 => {
                drop(producer);
                producer = other.producer().expect("the seat is free");
            }
            _ => {
                drop(consumer);
                consumer = ring.consumer().expect("the seat is free");
            }
        }
    }
}

proptest! {
    #[test]
    fn shared_lines_do_what_a_bounded_deque_does(
        log_capacity in 0..5_u32,
        steps in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        check_lines(log_capacity, steps);
    }

    #[test]
    fn shared_spsc_does_what_a_bounded_deque_does(
        log_capacity in 0..5_u32,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        check(log_capacity, steps);
    }

    #[test]
    fn shared_records_do_what_a_deque_of_bytes_does(
        log_capacity in 7..10_u32,
        log_granularity in 3..7_u32,
        steps in prop::collection::vec((any::<bool>(), 0..300_usize), 0..120),
    ) {
        check_records(log_capacity, 1 << log_granularity, steps);
    }
}
