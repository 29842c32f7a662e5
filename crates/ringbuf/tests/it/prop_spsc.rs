//! A ring does what a bounded `VecDeque` does.

use std::collections::VecDeque;

use claude_flow_ringbuf::{PopError, PushError, spsc};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Push,
    Pop,
    Fill(usize),
    PushSlice(usize),
    PopSlice(usize),
    Take { count: usize, taken: usize },
    Release { count: usize, released: usize },
    Peek,
}

fn step() -> impl Strategy<Value = Step> {
    let count = 0..12_usize;
    prop_oneof![
        Just(Step::Push),
        Just(Step::Pop),
        count.clone().prop_map(Step::Fill),
        count.clone().prop_map(Step::PushSlice),
        count.clone().prop_map(Step::PopSlice),
        (count.clone(), count.clone()).prop_map(|(count, taken)| Step::Take { count, taken }),
        (count.clone(), count).prop_map(|(count, released)| Step::Release { count, released }),
        Just(Step::Peek),
    ]
}

/// `asked` of what is there; none if nothing is although something was asked for.
fn some(there: usize, asked: usize) -> Option<usize> {
    (there != 0 || asked == 0).then_some(there.min(asked))
}

fn check(log_capacity: u32, steps: Vec<Step>) {
    let capacity = 1 << log_capacity;
    let (mut producer, mut consumer) = spsc::ring::<u64>(capacity).expect("a power of two");
    let mut model = VecDeque::new();
    let mut numbers = 0_u64..;
    for step in steps {
        let free = capacity - model.len();
        match step {
            Step::Push => {
                let number = numbers.next().expect("there is no end");
                if free == 0 {
                    assert_eq!(producer.try_push(number), Err(PushError::Full(number)));
                } else {
                    assert_eq!(producer.try_push(number), Ok(()));
                    model.push_back(number);
                }
            }
            Step::Pop => assert_eq!(consumer.try_pop(), model.pop_front().ok_or(PopError::Empty)),
            Step::Fill(count) => {
                let claim = producer.try_claim(count).ok();
                assert_eq!(claim.as_ref().map(spsc::Claim::len), some(free, count));
                if let Some(claim) = claim {
                    let values: Vec<u64> = numbers.by_ref().take(claim.len() / 2).collect();
                    assert_eq!(claim.fill(values.iter().copied()), values.len());
                    model.extend(values);
                }
            }
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
            Step::Take { count, taken } => {
                let chunk = consumer.try_chunk(count).ok();
                assert_eq!(
                    chunk.as_ref().map(spsc::Chunk::len),
                    some(model.len(), count)
                );
                let taken: Vec<u64> = chunk.into_iter().flatten().take(taken).collect();
                let expected: Vec<u64> = model.drain(..taken.len()).collect();
                assert_eq!(taken, expected);
            }
            Step::Release { count, released } => {
                if let Ok(mut chunk) = consumer.try_chunk(count) {
                    let (first, rest) = chunk.as_mut_slices();
                    let seen: Vec<u64> = first.iter().chain(rest.iter()).copied().collect();
                    let expected: Vec<u64> = model.iter().copied().take(seen.len()).collect();
                    assert_eq!(seen, expected);
                    let released = released.min(seen.len());
                    chunk.release(released);
                    model.drain(..released);
                }
            }
            Step::Peek => assert_eq!(consumer.try_peek().ok(), model.front()),
        }
        assert_eq!((producer.len(), consumer.len()), (model.len(), model.len()));
    }
}

proptest! {
    #[test]
    fn spsc_does_what_a_bounded_deque_does(
        log_capacity in 0..5_u32,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        check(log_capacity, steps);
    }
}
