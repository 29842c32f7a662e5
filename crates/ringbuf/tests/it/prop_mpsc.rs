//! The ring against a queue behind a counter, on one thread.

use std::collections::VecDeque;

use claude_flow_ringbuf::mpsc::{Consumer, Producer, ring};
use claude_flow_ringbuf::{PopError, PushError};
use proptest::prelude::*;

use crate::values::{Census, Counted};

#[derive(Debug, Clone)]
enum Step {
    Push,
    /// Claim so many, fill so many.
    Claim(usize, usize),
    Pop,
    /// Take so many, move so many out.
    Chunk(usize, usize),
    CloneProducer,
    Peek,
    DropProducer,
    DropConsumer,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Push),
        3 => (0..6_usize, 0..6_usize).prop_map(|(count, filled)| Step::Claim(count, filled)),
        6 => Just(Step::Pop),
        3 => (0..6_usize, 0..6_usize).prop_map(|(count, moved)| Step::Chunk(count, moved)),
        1 => Just(Step::CloneProducer),
        1 => Just(Step::Peek),
        1 => Just(Step::DropProducer),
        1 => Just(Step::DropConsumer),
    ];
    prop::collection::vec(step, 0..200)
}

struct World {
    producers: Vec<Producer<Counted>>,
    consumer: Option<Consumer<Counted>>,
    model: VecDeque<u64>,
    capacity: usize,
    next: u64,
    census: Census,
}

impl World {
    fn value(&mut self) -> Counted {
        self.next += 1;
        self.census.value(self.next)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push => self.push(),
            Step::Claim(count, filled) => self.claim(count, filled.min(count)),
            Step::Pop => self.pop(),
            Step::Chunk(count, moved) => self.chunk(count, moved),
            Step::CloneProducer => self.producers.extend(self.producers.first().cloned()),
            Step::Peek => self.peek(),
            Step::DropProducer => drop(self.producers.pop()),
            Step::DropConsumer => drop(self.consumer.take()),
        }
    }

    fn push(&mut self) {
        let value = self.value();
        let number = value.number;
        let Some(tx) = self.producers.last() else {
            return;
        };
        match tx.try_push(value) {
            Ok(()) => self.model.push_back(number),
            Err(PushError::Disconnected(_)) => assert!(self.consumer.is_none()),
            Err(_) => assert_eq!(self.model.len(), self.capacity),
        }
        assert!(self.model.len() <= self.capacity);
    }

    fn claim(&mut self, count: usize, filled: usize) {
        let values: Vec<_> = (0..filled).map(|_| self.value()).collect();
        let numbers: Vec<u64> = values.iter().map(|value| value.number).collect();
        let Some(tx) = self.producers.last() else {
            return;
        };
        match tx.try_claim(count) {
            Ok(mut claim) => {
                assert_eq!(claim.extend(values), filled);
                self.model.extend(numbers);
            }
            Err(PushError::Disconnected(())) => assert!(self.consumer.is_none()),
            Err(_) => assert!(self.model.len() + count > self.capacity),
        }
        assert!(self.model.len() <= self.capacity);
    }

    fn pop(&mut self) {
        let Some(rx) = &self.consumer else {
            return;
        };
        let expected = self.model.pop_front().ok_or(if self.producers.is_empty() {
            PopError::Disconnected
        } else {
            PopError::Empty
        });
        assert_eq!(rx.try_pop().map(|value| value.number), expected);
    }

    fn chunk(&mut self, count: usize, moved: usize) {
        let Some(rx) = &mut self.consumer else {
            return;
        };
        let Ok(mut chunk) = rx.try_chunk(count) else {
            assert!(self.model.is_empty());
            return;
        };
        assert!(chunk.len() <= count);
        assert!(chunk.len() > 0 || count == 0);
        let expected: Vec<u64> = self.model.iter().take(chunk.len()).copied().collect();
        let seen = chunk.as_slice().iter().map(|value| value.number);
        assert!(seen.eq(expected.iter().copied()));
        for value in chunk.by_ref().take(moved) {
            assert_eq!(Some(value.number), self.model.pop_front());
        }
    }

    fn peek(&mut self) {
        if let Some(rx) = &mut self.consumer {
            let seen = rx.try_peek().ok().map(|value| value.number);
            assert_eq!(seen, self.model.front().copied());
        }
    }
}

proptest! {
    #[test]
    fn ring_is_a_bounded_queue(capacity in 0..5_u32, steps in steps()) {
        let capacity = 1 << capacity;
        let (tx, rx) = ring(capacity).expect("the capacity is a power of two");
        let census = Census::default();
        let mut world = World {
            producers: vec![tx],
            consumer: Some(rx),
            model: VecDeque::new(),
            capacity,
            next: 0,
            census: census.clone(),
        };
        for step in &steps {
            world.step(step);
            let is_alive = !world.producers.is_empty() || world.consumer.is_some();
            census.check(if is_alive { world.model.len() } else { 0 });
        }
        drop(world);
        census.check(0);
    }
}
