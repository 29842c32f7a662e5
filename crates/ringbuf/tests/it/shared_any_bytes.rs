//! Rings in memory that holds any bytes, before somebody attaches and while they are used: errors
//! and payloads, and nothing else.
//!
//! `prop_shared_any_bytes` and the fuzz target `shared_ring` choose the bytes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::parts::checksum;
use claude_flow_ringbuf::shared::{broadcast, lanes, lines, records, spsc};

const CAPACITY: usize = 8;
const RECORDS_BYTES: usize = 512;

const LANES: lanes::Options = lanes::Options {
    lanes: 2,
    capacity: CAPACITY,
    schema: 0,
};

const RING: broadcast::Options = broadcast::Options {
    consumers: 2,
    capacity: CAPACITY,
    schema: 0,
};

/// A word, and where it is written to.
pub(crate) type Patch = (u16, u64);

type Element = [u64; 2];

/// The memory of a ring as two see it: one who maps it, and one who writes to it.
struct Victim {
    region: Arc<dyn Region>,
    file: File,
    size_bytes: u64,
}

impl Victim {
    fn new(size_bytes: Option<usize>) -> Self {
        let size_bytes = size_bytes.expect("it fits the memory");
        let ours = Mapping::memfd("any", size_bytes, Hints::default()).expect("there is memory");
        let descriptor = ours.descriptor().expect("a memfd has one");
        Self {
            file: descriptor.try_clone_to_owned().expect("one more").into(),
            region: Arc::new(ours),
            size_bytes: size_bytes as u64,
        }
    }

    fn region(&self) -> Arc<dyn Region> {
        Arc::clone(&self.region)
    }

    fn write(&self, (at, word): Patch) {
        let at = u64::from(at) % (self.size_bytes - 7);
        let written = self.file.write_all_at(&word.to_le_bytes(), at);
        written.expect("the memory is there");
    }

    /// Signs the description again: bytes 8 up to the checksum itself.
    fn sign(&self, at: usize) {
        let mut bytes = vec![0; at];
        self.file
            .read_exact_at(&mut bytes, 0)
            .expect("the memory is there");
        let words = bytes[8..].chunks(8);
        let words = words.map(|it| u64::from_le_bytes(it.try_into().expect("eight")));
        let sum = checksum(words).to_le_bytes();
        self.file
            .write_all_at(&sum, at as u64)
            .expect("the memory is there");
    }
}

fn shortly() -> Deadline {
    Deadline::At(Instant::now() + Duration::from_micros(1))
}

/// Creates, spoils, attaches, and then uses while it spoils on.
pub(crate) fn check(kind: u8, before: &[Patch], is_signed: bool, during: &[Patch]) {
    let (size, sum_at) = match kind % 5 {
        0 => (spsc::Ring::<Element>::size_bytes(CAPACITY), 56),
        1 => (lines::Ring::<Element>::size_bytes(CAPACITY), 56),
        2 => (records::Ring::size_bytes(RECORDS_BYTES), 56),
        3 => (lanes::Lanes::<Element>::size_bytes(&LANES), 24),
        _ => (broadcast::Ring::<Element>::size_bytes(&RING), 40),
    };
    let victim = Victim::new(size);
    create(kind, victim.region());
    for patch in before {
        victim.write(*patch);
    }
    if is_signed {
        victim.sign(sum_at);
    }
    let during = || during.iter().map(|it| victim.write(*it));
    match kind % 5 {
        0 => elements(victim.region(), during()),
        1 => elements_on_lines(victim.region(), during()),
        2 => byte_records(victim.region(), during()),
        3 => many_lanes(victim.region(), during()),
        _ => to_many(victim.region(), during()),
    }
}

fn create(kind: u8, region: Arc<dyn Region>) {
    match kind % 5 {
        0 => drop(spsc::Ring::<Element>::create(region, CAPACITY, 0).expect("new")),
        1 => drop(lines::Ring::<Element>::create(region, CAPACITY, 0).expect("new")),
        2 => drop(records::Ring::create(region, RECORDS_BYTES, 8, 0).expect("new")),
        3 => drop(lanes::Lanes::<Element>::create(region, &LANES).expect("new")),
        _ => drop(broadcast::Ring::<Element>::create(region, &RING).expect("new")),
    }
}

fn elements(region: Arc<dyn Region>, during: impl Iterator<Item = ()>) {
    let Ok(ring) = spsc::Ring::<Element>::attach(region, 0) else {
        return;
    };
    let (mut producer, mut consumer) = (ring.producer().ok(), ring.consumer().ok());
    for () in during {
        if let Some(producer) = &mut producer {
            let _ = producer.try_push(&[1, 2]);
            let _ = producer.try_push_slice(&[[3, 4]; 5]);
            let _ = producer.push_until(&[5, 6], shortly());
        }
        if let Some(consumer) = &mut consumer {
            let _ = consumer.try_pop();
            let _ = consumer.try_pop_slice(&mut [[0, 0]; 5]);
            let _ = consumer.pop_until(shortly());
        }
    }
}

fn elements_on_lines(region: Arc<dyn Region>, during: impl Iterator<Item = ()>) {
    let Ok(ring) = lines::Ring::<Element>::attach(region, 0) else {
        return;
    };
    let (mut producer, mut consumer) = (ring.producer().ok(), ring.consumer().ok());
    for () in during {
        if let Some(producer) = &mut producer {
            let _ = producer.try_push(&[1, 2]);
            let _ = producer.push_until(&[5, 6], shortly());
        }
        if let Some(consumer) = &mut consumer {
            let _ = consumer.try_pop();
            let _ = consumer.pop_until(shortly());
        }
    }
}

fn byte_records(region: Arc<dyn Region>, during: impl Iterator<Item = ()>) {
    let Ok(ring) = records::Ring::attach(region, 0) else {
        return;
    };
    let (mut producer, mut consumer) = (ring.producer().ok(), ring.consumer().ok());
    for (len, ()) in (0..200).step_by(13).cycle().zip(during) {
        if let Some(producer) = &mut producer {
            let _ = producer.try_push(&vec![7; len]);
            let _ = producer.push_until(&[8; 3], shortly());
        }
        if let Some(consumer) = &mut consumer {
            if let Ok(record) = consumer.try_peek() {
                assert!(record.bytes().to_vec().len() < RECORDS_BYTES);
                record.release();
            }
            let _ = consumer.pop_until(shortly());
        }
    }
}

fn many_lanes(region: Arc<dyn Region>, during: impl Iterator<Item = ()>) {
    let Ok(lanes) = lanes::Lanes::<Element>::attach(region, 0) else {
        return;
    };
    let (mut producer, mut consumer) = (lanes.producer().ok(), lanes.consumer().ok());
    for () in during {
        if let Some(producer) = &mut producer {
            let _ = producer.try_push_slice(&[[3, 4]; 5]);
            let _ = producer.push_until(&[5, 6], shortly());
        }
        if let Some(consumer) = &mut consumer {
            let _ = consumer.try_pop();
            let _ = consumer.pop_until(shortly());
        }
    }
}

fn to_many(region: Arc<dyn Region>, during: impl Iterator<Item = ()>) {
    let Ok(ring) = broadcast::Ring::<Element>::attach(region, 0) else {
        return;
    };
    let (mut producer, mut consumer) = (ring.producer().ok(), ring.consumer().ok());
    let mut watcher = ring.watch();
    for () in during {
        if let Some(producer) = &mut producer {
            let _ = producer.try_push_slice(&[[3, 4]; 5]);
            let _ = producer.push_until(&[5, 6], shortly());
            let _ = producer.drop_dead();
        }
        if let Some(consumer) = &mut consumer {
            let _ = consumer.try_pop();
            let _ = consumer.pop_until(shortly());
        }
        let _ = watcher.try_pop();
        let _ = watcher.pop_until(shortly());
    }
}
