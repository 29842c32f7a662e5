//! Subscribers' queues against a model: a deque, and a word for each gap.

use std::collections::VecDeque;
use std::time::Duration;

use claude_flow_eventbus::{Fields, Item, Overflow, Subscriber, TopicPublisher};
use proptest::prelude::*;

use crate::make::{bus, options, pattern, topic};

#[derive(Debug, Clone)]
enum Step {
    Publish(usize),
    PublishAll(usize),
    Receive(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..6_usize).prop_map(Step::Publish),
        (0..9_usize).prop_map(Step::PublishAll),
        (1..6_usize).prop_map(Step::Receive),
    ]
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![
        Just(Overflow::DropNewest),
        Just(Overflow::DropOldest),
        Just(Overflow::Refuse),
        Just(Overflow::Wait(Duration::ZERO)),
    ]
}

/// A message, or how many are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Message(u64),
    Gap(u64),
}

/// What a queue should hold.
struct Model {
    overflow: Overflow,
    capacity: usize,
    /// With gaps where they should be told; messages only count for the capacity.
    words: VecDeque<Word>,
    /// The first message left its place when the gap before it was told.
    is_first_held: bool,
    delivered: u64,
    lost: u64,
}

impl Model {
    fn publish(&mut self, number: u64) {
        let is_message = |it: &Word| matches!(it, Word::Message(_));
        let messages = self.words.iter().filter(|it| is_message(it)).count();
        if messages - usize::from(self.is_first_held) < self.capacity {
            self.words.push_back(Word::Message(number));
            self.delivered += 1;
            return;
        }
        self.lost += 1;
        if self.overflow != Overflow::DropOldest {
            match self.words.back_mut() {
                Some(Word::Gap(count)) => *count += 1,
                _ => self.words.push_back(Word::Gap(1)),
            }
            return;
        }
        let first = self.words.iter().position(is_message);
        self.words.remove(first.expect("it is full of messages"));
        match self.words.front_mut() {
            Some(Word::Gap(count)) => *count += 1,
            _ => self.words.push_front(Word::Gap(1)),
        }
        self.words.push_back(Word::Message(number));
        self.delivered += 1;
    }

    fn receive(&mut self) -> Option<Word> {
        let word = self.words.pop_front();
        self.is_first_held = self.overflow != Overflow::DropOldest
            && matches!(word, Some(Word::Gap(_)))
            && !self.words.is_empty();
        word
    }
}

/// A queue and its model, the same done to both.
struct Twins {
    publisher: TopicPublisher,
    subscriber: Subscriber,
    model: Model,
    next: u64,
    delivered: u64,
    lost: u64,
}

impl Twins {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Publish(count) => {
                for _ in 0..count {
                    let receipt = self.publisher.publish(&self.next.to_le_bytes());
                    let receipt = receipt.expect("there is room");
                    self.delivered += u64::from(receipt.delivered);
                    self.lost += u64::from(receipt.dropped + receipt.refused);
                    self.model.publish(self.next);
                    self.next += 1;
                }
            }
            Step::PublishAll(count) => {
                let numbers = self.next..self.next + count as u64;
                let payloads = numbers.clone().map(u64::to_le_bytes);
                let receipt = self.publisher.publish_all(&Fields::default(), payloads);
                let receipt = receipt.expect("there is room");
                self.delivered += receipt.delivered;
                self.lost += receipt.dropped + receipt.refused;
                numbers.for_each(|it| self.model.publish(it));
                self.next += count as u64;
            }
            Step::Receive(count) => (0..count).for_each(|_| self.receive()),
        }
        assert_eq!(self.delivered, self.model.delivered);
        assert_eq!(self.lost, self.model.lost);
    }

    fn receive(&mut self) {
        let word = match self.subscriber.try_recv().ok() {
            None => None,
            Some(Item::Gap(count)) => Some(Word::Gap(count)),
            Some(Item::Event(event)) => {
                let bytes = event.payload().try_into().expect("eight bytes");
                Some(Word::Message(u64::from_le_bytes(bytes)))
            }
        };
        assert_eq!(word, self.model.receive());
    }
}

proptest! {
    #[test]
    fn a_queue_is_a_deque_with_gaps(
        overflow in overflow(),
        capacity_log2 in 0..4_u32,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let bus = bus();
        let capacity = 1 << capacity_log2;
        let mut twins = Twins {
            publisher: bus.publisher_to(&topic("a")),
            subscriber: bus.subscribe(&pattern("a"), options(capacity, overflow)).expect("valid"),
            model: Model { overflow, capacity, words: VecDeque::new(), is_first_held: false, delivered: 0, lost: 0 },
            next: 0,
            delivered: 0,
            lost: 0,
        };
        for step in &steps {
            twins.take(step);
        }
        while !twins.model.words.is_empty() {
            twins.receive();
        }
        twins.receive();
        prop_assert_eq!(bus.pool().stats().in_use(), 0);
    }
}
