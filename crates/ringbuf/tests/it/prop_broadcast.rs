//! The ring against one queue a consumer, on one thread.

use std::collections::VecDeque;

use claude_flow_ringbuf::broadcast::{Consumer, SharedProducer, ring};
use claude_flow_ringbuf::{PopError, PushError};
use proptest::prelude::*;

use crate::values::{Census, Counted};

/// Seats of the ring.
const CONSUMERS_MAX: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Push,
    /// Claim so many, fill so many.
    Claim(usize, usize),
    /// Of the consumer with this number, modulo how many there are.
    Pop(usize),
    /// Look at so many, release so many.
    Chunk(usize, usize, usize),
    Clone(usize),
    Subscribe,
    Leave(usize),
    DropProducer,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Push),
        4 => (0..6_usize, 0..6_usize).prop_map(|(count, filled)| Step::Claim(count, filled)),
        16 => (0..CONSUMERS_MAX).prop_map(Step::Pop),
        8 => (0..CONSUMERS_MAX, 0..6_usize, 0..6_usize)
            .prop_map(|(of, count, released)| Step::Chunk(of, count, released)),
        2 => (0..CONSUMERS_MAX).prop_map(Step::Clone),
        2 => Just(Step::Subscribe),
        2 => (0..CONSUMERS_MAX).prop_map(Step::Leave),
        1 => Just(Step::DropProducer),
    ];
    prop::collection::vec(step, 0..200)
}

struct World {
    producer: Option<SharedProducer<Counted>>,
    /// Each with the positions that it still has to see; a place without a value is none.
    consumers: Vec<(Consumer<Counted>, VecDeque<Option<u64>>)>,
    capacity: usize,
    next: u64,
    census: Census,
}

impl World {
    fn value(&mut self) -> Counted {
        self.next += 1;
        self.census.value(self.next)
    }

    fn free(&self) -> usize {
        let behind = self.consumers.iter().map(|(_, queue)| queue.len()).max();
        self.capacity - behind.unwrap_or(0)
    }

    fn publish(&mut self, position: Option<u64>) {
        for (_, queue) in &mut self.consumers {
            queue.push_back(position);
        }
    }

    fn step(&mut self, step: &Step) {
        let of = |of: usize, count: usize| (count > 0).then(|| of % count);
        let count = self.consumers.len();
        match *step {
            Step::Push => self.push(),
            Step::Claim(count, filled) => self.claim(count, filled.min(count)),
            Step::Pop(at) => of(at, count).into_iter().for_each(|at| self.pop(at)),
            Step::Chunk(at, max, released) => of(at, count)
                .into_iter()
                .for_each(|at| self.chunk(at, max, released)),
            Step::Clone(at) => of(at, count).into_iter().for_each(|at| self.clone_one(at)),
            Step::Subscribe => self.subscribe(),
            Step::Leave(at) => of(at, count)
                .into_iter()
                .for_each(|at| drop(self.consumers.remove(at))),
            Step::DropProducer => self.producer = None,
        }
    }

    fn push(&mut self) {
        let value = self.value();
        let (number, free) = (value.number, self.free());
        let Some(tx) = &self.producer else {
            return;
        };
        match tx.try_push(value) {
            Ok(()) => {
                assert!(free > 0);
                self.publish(Some(number));
            }
            Err(PushError::Disconnected(_)) => assert!(self.consumers.is_empty()),
            Err(_) => assert_eq!(free, 0),
        }
    }

    fn claim(&mut self, count: usize, filled: usize) {
        let values: Vec<_> = (0..filled).map(|_| self.value()).collect();
        let mut numbers: Vec<_> = values.iter().map(|value| Some(value.number)).collect();
        numbers.resize(count, None);
        let free = self.free();
        let Some(tx) = &mut self.producer else {
            return;
        };
        let claimed = tx.try_claim(count).map(|mut claim| claim.extend(values));
        match claimed {
            Ok(extended) => {
                assert!(count <= free);
                assert_eq!(extended, filled);
                for number in numbers {
                    self.publish(number);
                }
            }
            Err(PushError::Disconnected(())) => assert!(self.consumers.is_empty()),
            Err(_) => assert!(count > free),
        }
    }

    fn pop(&mut self, at: usize) {
        let is_over = self.producer.is_none();
        let (rx, queue) = &mut self.consumers[at];
        while queue.front() == Some(&None) {
            queue.pop_front();
        }
        let expected = queue.pop_front().flatten().ok_or(if is_over {
            PopError::Disconnected
        } else {
            PopError::Empty
        });
        assert_eq!(rx.try_pop().map(|value| value.number), expected);
    }

    fn chunk(&mut self, at: usize, max: usize, released: usize) {
        let (rx, queue) = &mut self.consumers[at];
        let Ok(mut chunk) = rx.try_chunk(max) else {
            assert!(queue.iter().all(Option::is_none));
            queue.clear();
            return;
        };
        assert!(chunk.len() <= max && (!chunk.is_empty() || max == 0));
        while !chunk.is_empty() && queue.front() == Some(&None) {
            queue.pop_front();
        }
        let seen = chunk.as_slice().iter().map(|value| Some(value.number));
        assert!(seen.eq(queue.iter().take(chunk.len()).copied()));
        chunk.truncate(released);
        queue.drain(..chunk.len());
    }

    fn clone_one(&mut self, at: usize) {
        let count = self.consumers.len();
        let (rx, queue) = &self.consumers[at];
        match rx.try_clone() {
            Ok(clone) => self.consumers.push((clone, queue.clone())),
            Err(_) => assert_eq!(count, CONSUMERS_MAX),
        }
    }

    fn subscribe(&mut self) {
        let Some(tx) = &self.producer else {
            return;
        };
        match tx.subscribe() {
            Ok(rx) => self.consumers.push((rx, VecDeque::new())),
            Err(_) => assert_eq!(self.consumers.len(), CONSUMERS_MAX),
        }
    }
}

proptest! {
    #[test]
    fn ring_is_a_bounded_queue_for_each(capacity in 0..5_u32, steps in steps()) {
        let capacity = 1 << capacity;
        let (tx, rx) = ring(capacity, CONSUMERS_MAX).expect("the capacity is a power of two");
        let census = Census::default();
        let mut world = World {
            producer: Some(tx.share()),
            consumers: vec![(rx, VecDeque::new())],
            capacity,
            next: 0,
            census: census.clone(),
        };
        for step in &steps {
            world.step(step);
        }
        drop(world);
        census.check(0);
    }
}
