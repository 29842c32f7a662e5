//! The bus between processes.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what is cast is small, and the machine has 64 bits"
)]

mod behaviour;
mod hostile;
mod processes;
mod reliability;

use std::time::{Duration, Instant};

use claude_flow_eventbus::shared::{Bus, Item, Message, Subscriber};
use claude_flow_eventbus::{Deadline, Pattern, Topic};

/// How long anything is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);

fn topic(text: &str) -> Topic {
    text.parse().expect("a topic")
}

fn pattern(text: &str) -> Pattern {
    text.parse().expect("a pattern")
}

/// A bus in a new directory, which lives as long as the first half.
fn bus() -> (tempfile::TempDir, Bus) {
    let directory = tempfile::tempdir().expect("a directory");
    let bus = Bus::open(&directory.path().join("bus")).expect("a bus");
    (directory, bus)
}

fn next(subscriber: &mut Subscriber) -> Item {
    let item = subscriber.recv_until(Deadline::after(PATIENCE));
    item.expect("nothing is damaged").expect("it comes")
}

fn next_message(subscriber: &mut Subscriber) -> Message {
    next(subscriber).into_message().expect("a message")
}

/// The number that a payload is.
fn number(message: &Message) -> u64 {
    message.payload().read(0).expect("eight bytes")
}

/// Acknowledges what comes until every publisher has gone.
fn drain(subscriber: &mut Subscriber) {
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(
            Instant::now() < end,
            "the lanes of who is gone are taken down"
        );
        let until = Deadline::after(Duration::from_millis(50));
        match subscriber.recv_until(until).expect("nothing is damaged") {
            Some(Item::Message(message)) => assert!(subscriber.acknowledge(&message)),
            None if subscriber.publishers() == 0 => return,
            _ => {}
        }
    }
}

/// What the environment variable `STRESS` says, 1 without it.
fn stress() -> u64 {
    std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    })
}

/// A generator of numbers that a failure can be repeated with (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// The names in the bus's directory that are not there for good.
fn left_behind(bus: &Bus) -> Vec<String> {
    let entries = std::fs::read_dir(bus.directory()).expect("the directory");
    let names = entries.map(|it| it.expect("an entry").file_name());
    let names = names.map(|it| it.to_string_lossy().into_owned());
    names
        .filter(|it| !["bus", "lock", "dead"].contains(&it.as_str()))
        .collect()
}
