//! A process that writes anything anywhere into the memory of the bus.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_flow_eventbus::Deadline;
use claude_flow_eventbus::shared::{
    Bus, Item, Overflow, Publisher, PublisherOptions, SubscribeOptions, Subscriber,
};
use claude_flow_msgpool::ClassOptions;

use super::{Dice, bus, pattern, topic};

/// All files of a bus that processes map.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !path.ends_with("lock") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Writes some bytes or words somewhere, more often where the words are.
fn scribble(files: &[PathBuf], dice: &mut Dice) {
    let path = &files[dice.below(files.len() as u64) as usize];
    let file = std::fs::File::options().write(true).open(path);
    // It may be gone meanwhile.
    let Ok(file) = file else { return };
    let len = file.metadata().expect("it is open").len();
    let end = if dice.below(2) == 0 {
        len.min(1_536)
    } else {
        len
    };
    let at = dice.below(end / 8) * 8;
    let word = match dice.below(4) {
        0 => dice.next(),
        1 => dice.below(300),
        2 => 1 << dice.below(64),
        _ => u64::MAX - dice.below(3),
    };
    file.write_all_at(&word.to_le_bytes(), at)
        .expect("it is ours");
}

fn publisher(bus: &Bus) -> Option<Publisher> {
    let options = PublisherOptions {
        classes: vec![ClassOptions {
            payload_bytes: 128,
            slots: 16,
        }],
        ..PublisherOptions::default()
    };
    bus.publisher(&options).ok()
}

fn subscriber(bus: &Bus, name: Option<&str>) -> Option<Subscriber> {
    let options = SubscribeOptions {
        name: name.map(str::to_owned),
        capacity: 8,
        overflow: Overflow::Refuse {
            after: Duration::ZERO,
        },
        ..SubscribeOptions::default()
    };
    bus.subscribe(&pattern("a.>"), &options).ok()
}

/// Some messages to and fro; whatever goes wrong is an error.
fn exchange(publisher: &mut Publisher, subscriber: &mut Subscriber, dice: &mut Dice) {
    for _ in 0..dice.below(12) {
        let _ = publisher.publish(&topic("a.b"), &dice.next().to_le_bytes());
    }
    let mut buffer = Vec::new();
    for _ in 0..dice.below(12) {
        match subscriber.recv_until(Deadline::after(Duration::ZERO)) {
            Ok(Some(Item::Message(message))) => {
                let _ = message.read(&mut buffer);
                if dice.below(4) != 0 {
                    subscriber.acknowledge(&message);
                }
            }
            Ok(None) => break,
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

#[test]
fn whatever_is_written_costs_errors_and_nothing_else() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let (_directory, bus) = bus();
        let mut ends = None;
        for _ in 0..60 {
            let (mut one, mut other) = match ends.take() {
                Some(ends) => ends,
                None => match (publisher(&bus), subscriber(&bus, Some("work"))) {
                    (Some(one), Some(other)) => (one, other),
                    // The registry is beyond use: so it is told.
                    _ => break,
                },
            };
            exchange(&mut one, &mut other, &mut dice);
            let files = files(bus.directory());
            for _ in 0..=dice.below(3) {
                scribble(&files, &mut dice);
            }
            exchange(&mut one, &mut other, &mut dice);
            let _ = bus.stats();
            if dice.below(8) != 0 {
                ends = Some((one, other));
            }
        }
        let _ = bus.reclaim();
        let _ = subscriber(&bus, None);
    }
}
