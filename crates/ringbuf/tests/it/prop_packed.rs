//! A packed ring does what a bounded `VecDeque` does.

use std::collections::VecDeque;

use claude_flow_ringbuf::{PopError, PushError, packed};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Push,
    Pop,
    PushSlice(usize),
    PopSlice(usize),
    Drain(usize),
    Peek,
}

fn step() -> impl Strategy<Value = Step> {
    let count = 0..20_usize;
    prop_oneof![
        Just(Step::Push),
        Just(Step::Pop),
        count.clone().prop_map(Step::PushSlice),
        count.clone().prop_map(Step::PopSlice),
        count.prop_map(Step::Drain),
        Just(Step::Peek),
    ]
}

/// `asked` of what is there; none if nothing is although something was asked for.
fn some(there: usize, asked: usize) -> Option<usize> {
    (there != 0 || asked == 0).then_some(there.min(asked))
}

/// `SIZE` bytes a value: how many share a line depends on it.
fn check<const SIZE: usize>(log_capacity: u32, steps: &[Step]) {
    let capacity = 1 << log_capacity;
    let (mut producer, mut consumer) =
        packed::ring::<[u8; SIZE]>(capacity).expect("a power of two");
    let mut model = VecDeque::new();
    let mut numbers = (0..=u8::MAX).cycle().map(|it| [it; SIZE]);
    for step in steps {
        let free = capacity - model.len();
        match *step {
            Step::Push => {
                let value = numbers.next().expect("there is no end");
                if free == 0 {
                    assert_eq!(producer.try_push(value), Err(PushError::Full(value)));
                } else {
                    assert_eq!(producer.try_push(value), Ok(()));
                    model.push_back(value);
                }
            }
            Step::Pop => assert_eq!(consumer.try_pop(), model.pop_front().ok_or(PopError::Empty)),
            Step::PushSlice(count) => {
                let values: Vec<_> = numbers.by_ref().take(count).collect();
                let pushed = producer.try_push_slice(&values).ok();
                assert_eq!(pushed, some(free, count));
                model.extend(&values[..pushed.unwrap_or(0)]);
            }
            Step::PopSlice(count) => {
                let mut values = vec![[0; SIZE]; count];
                let popped = consumer.try_pop_slice(&mut values).ok();
                assert_eq!(popped, some(model.len(), count));
                let expected: Vec<_> = model.drain(..popped.unwrap_or(0)).collect();
                assert_eq!(values[..expected.len()], expected);
            }
            Step::Drain(count) => {
                let taken: Vec<_> = consumer.drain().take(count).collect();
                let expected: Vec<_> = model.drain(..taken.len()).collect();
                assert_eq!(taken, expected);
                assert!(taken.len() == count || model.is_empty());
            }
            Step::Peek => assert_eq!(consumer.try_peek().ok(), model.front()),
        }
        assert_eq!((producer.len(), consumer.len()), (model.len(), model.len()));
    }
}

proptest! {
    #[test]
    fn packed_does_what_a_bounded_deque_does(
        log_capacity in 0..6_u32,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        check::<1>(log_capacity, &steps);
        check::<8>(log_capacity, &steps);
        check::<20>(log_capacity, &steps);
        check::<56>(log_capacity, &steps);
        check::<100>(log_capacity, &steps);
    }
}
