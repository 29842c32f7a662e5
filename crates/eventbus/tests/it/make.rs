//! What most tests need: a bus, patterns and topics, items in words.

use std::sync::Arc;
use std::time::Instant;

use claude_flow_eventbus::{
    Bus, Clock, Deadline, Item, Overflow, Pattern, RecvError, SubscribeOptions, Subscriber, Topic,
};
use claude_flow_msgpool::{ClassOptions, Options, Pool};

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct At(pub(crate) u64);

impl Clock for At {
    fn unix_ns(&self) -> u64 {
        self.0
    }
}

pub(crate) fn pool() -> Pool {
    pool_of(4_096)
}

/// A pool of buffers of 512 bytes.
pub(crate) fn pool_of(slots: usize) -> Pool {
    let payload_bytes = 512;
    let options = Options {
        classes: vec![ClassOptions {
            payload_bytes,
            slots,
        }],
        ..Options::default()
    };
    Pool::new(&options).expect("the options are valid")
}

/// A bus at one second after the beginning of time.
pub(crate) fn bus() -> Bus {
    Bus::with_clock(pool(), Arc::new(At(1_000_000_000)))
}

pub(crate) fn topic(text: &str) -> Topic {
    Topic::new(text).expect("it is a topic")
}

pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::new(text).expect("it is a pattern")
}

pub(crate) fn options(capacity: usize, overflow: Overflow) -> SubscribeOptions {
    SubscribeOptions {
        capacity,
        overflow,
        ..SubscribeOptions::default()
    }
}

pub(crate) fn subscribe(bus: &Bus, text: &str) -> Subscriber {
    bus.subscribe(&pattern(text), SubscribeOptions::default())
        .expect("the options are valid")
}

/// A deadline that has passed.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline is a moment of the clock; nothing waits for it"
)]
pub(crate) fn passed() -> Deadline {
    Deadline::At(Instant::now())
}

/// What is there now, in words: payloads as text, and gaps as `-n`.
pub(crate) fn received(subscriber: &mut Subscriber) -> Vec<String> {
    let mut words = Vec::new();
    loop {
        match subscriber.try_recv() {
            Ok(Item::Event(event)) => {
                words.push(String::from_utf8_lossy(event.payload()).into_owned());
            }
            Ok(Item::Gap(count)) => words.push(format!("-{count}")),
            Err(RecvError::Closed) => {
                words.push("closed".to_owned());
                return words;
            }
            Err(_) => return words,
        }
    }
}
