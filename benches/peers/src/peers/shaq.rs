//! shaq: the rings in the heap, and in a file that two processes map.

use std::fs::{File, OpenOptions};
use std::path::Path;

use shaq::{mpmc, spsc};

use crate::process::{Link, Side};
use crate::ring::{Line, Message, Pop, PopBatch, Push, PushBatch, Ring, Shape, Wait};

/// Messages that the file has room for.
const FILE_CAPACITY: usize = 1_024;

pub(crate) struct Spsc;
pub(crate) struct Mpmc;

impl<T: Message> Ring<T> for Spsc {
    type Sender = spsc::Producer<T>;
    type Receiver = spsc::Consumer<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::pair(shape.capacity).expect("there is memory");
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Push<T> for spsc::Producer<T> {
    fn try_push(&mut self, value: T) -> bool {
        if self.try_write(value).is_err() {
            self.sync();
            if self.try_write(value).is_err() {
                return false;
            }
        }
        self.commit();
        true
    }
}

impl<T: Message> Pop<T> for spsc::Consumer<T> {
    fn try_pop(&mut self) -> Option<T> {
        let mut value = self.try_read().copied();
        if value.is_none() {
            self.sync();
            value = self.try_read().copied();
        }
        if value.is_some() {
            self.finalize();
        }
        value
    }
}

impl<T: Message> PushBatch<T> for spsc::Producer<T> {
    fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
        let mut wait = Wait::default();
        for _ in 0..count {
            let value = next();
            while self.try_write(value).is_err() {
                self.commit();
                wait.once();
                self.sync();
            }
        }
        self.commit();
    }
}

impl<T: Message> PopBatch<T> for spsc::Consumer<T> {
    fn try_pop_batch(&mut self, mut take: impl FnMut(T)) -> usize {
        self.sync();
        let mut count = 0;
        while let Some(value) = self.try_read() {
            take(*value);
            count += 1;
        }
        self.finalize();
        count
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = mpmc::Producer<T>;
    type Receiver = mpmc::Consumer<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpmc::pair(shape.capacity).expect("there is memory");
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

impl<T: Message> Push<T> for mpmc::Producer<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_write(value).is_ok()
    }
}

impl<T: Message> Pop<T> for mpmc::Consumer<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_read()
    }
}

impl<T: Message> PushBatch<T> for mpmc::Producer<T> {
    fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
        let mut wait = Wait::default();
        loop {
            // SAFETY: every place of the batch is written below before it is dropped.
            if let Some(mut batch) = unsafe { self.reserve_write_batch(count) } {
                for place in 0..count {
                    // SAFETY: the batch has `count` places.
                    unsafe { batch.write(place, next()) };
                }
                return;
            }
            wait.once();
        }
    }
}

impl<T: Message> PopBatch<T> for mpmc::Consumer<T> {
    fn try_pop_batch(&mut self, mut take: impl FnMut(T)) -> usize {
        let Some(batch) = self.reserve_read_batch(usize::MAX) else {
            return 0;
        };
        for place in 0..batch.len() {
            // SAFETY: the batch has this place, and it is read once.
            take(unsafe { batch.read(place) });
        }
        batch.len()
    }
}

/// A ring in a file for each direction.
pub(crate) struct Files {
    sender: spsc::Producer<Line>,
    receiver: spsc::Consumer<Line>,
}

fn file(dir: &Path, name: &str) -> File {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    options.open(dir.join(name)).expect("the folder is ours")
}

impl Link for Files {
    type Half = spsc::Producer<Line>;

    fn create(dir: &Path, side: Side) -> Self::Half {
        let size = spsc::minimum_file_size::<Line>(FILE_CAPACITY);
        let file = file(dir, side.outgoing());
        // SAFETY: only this side creates this file's ring, and only it sends into it.
        unsafe { spsc::Producer::create(&file, size) }.expect("there is memory")
    }

    fn connect(sender: Self::Half, dir: &Path, side: Side) -> Self {
        let file = file(dir, side.incoming());
        // SAFETY: the other side has created the ring for lines, and only this one receives.
        let receiver = unsafe { spsc::Consumer::join(&file) }.expect("the other side made it");
        Self { sender, receiver }
    }

    fn send(&mut self, number: u64) {
        self.sender.push(Line::of(number));
    }

    fn receive(&mut self) -> u64 {
        self.receiver.pop().number()
    }
}
