//! gil: the parking-free rings by `send` and `recv`, which spin and are faster than polling
//! `try_send` and `try_recv`; batches in place; the parking ring where ends may sleep.

use std::num::NonZeroUsize;

use gil::{mpmc, mpsc, spsc};

use crate::ring::{
    BlockingPop, BlockingPush, Message, Pop, PopBatch, Push, PushBatch, Ring, Shape, Wait,
};

pub(crate) struct Spsc;
pub(crate) struct SpscParking;
pub(crate) struct Mpsc;
pub(crate) struct MpscSharded;
pub(crate) struct Mpmc;
pub(crate) struct MpmcSharded;

fn some(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("no measure asks for an empty ring")
}

impl<T: Message> Ring<T> for Spsc {
    type Sender = spsc::Sender<T>;
    type Receiver = spsc::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::channel(some(shape.capacity));
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for SpscParking {
    type Sender = spsc::parking::Sender<T>;
    type Receiver = spsc::parking::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::parking::channel(some(shape.capacity));
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpsc {
    type Sender = mpsc::Sender<T>;
    type Receiver = mpsc::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::channel(some(shape.capacity));
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

/// Every sender's shard has the whole capacity.
impl<T: Message> Ring<T> for MpscSharded {
    type Sender = mpsc::sharded::Sender<T>;
    type Receiver = mpsc::sharded::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::sharded::channel(some(shape.senders), some(shape.capacity));
        let more = (1..shape.senders).map(|_| sender.clone().expect("each sender has a shard"));
        let mut senders: Vec<_> = more.collect();
        senders.push(sender);
        (senders, vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = mpmc::Sender<T>;
    type Receiver = mpmc::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpmc::channel(some(shape.capacity));
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

impl<T: Message> Ring<T> for MpmcSharded {
    type Sender = mpmc::sharded::Sender<T>;
    type Receiver = mpmc::sharded::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let shards = shape.senders.max(shape.receivers);
        let (sender, receiver) = mpmc::sharded::channel(some(shards), some(shape.capacity));
        let clone = |_| sender.try_clone().expect("each sender has a shard");
        let mut senders: Vec<_> = (1..shape.senders).map(clone).collect();
        senders.push(sender);
        let clone = |_| receiver.try_clone().expect("each receiver has a shard");
        let mut receivers: Vec<_> = (1..shape.receivers).map(clone).collect();
        receivers.push(receiver);
        (senders, receivers)
    }
}

macro_rules! ends {
    ($($kind:ident)::+) => {
        impl<T: Message> Push<T> for $($kind)::+::Sender<T> {
            fn try_push(&mut self, value: T) -> bool {
                self.try_send(value).is_ok()
            }

            fn push(&mut self, value: T) {
                self.send(value);
            }
        }

        impl<T: Message> Pop<T> for $($kind)::+::Receiver<T> {
            fn try_pop(&mut self) -> Option<T> {
                self.try_recv()
            }

            fn pop(&mut self) -> T {
                self.recv()
            }
        }
    };
}

ends!(spsc);
ends!(spsc::parking);
ends!(mpsc);
ends!(mpsc::sharded);
ends!(mpmc);
ends!(mpmc::sharded);

macro_rules! batches {
    ($($kind:ident)::+) => {
        impl<T: Message> PushBatch<T> for $($kind)::+::Sender<T> {
            fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
                let mut wait = Wait::default();
                let mut left = count;
                while left > 0 {
                    let room = self.write_buffer();
                    let some = room.len().min(left);
                    if some == 0 {
                        wait.once();
                        continue;
                    }
                    for slot in &mut room[..some] {
                        slot.write(next());
                    }
                    // SAFETY: the first `some` slots of the buffer have just been written.
                    unsafe { self.commit(some) };
                    left -= some;
                }
            }
        }

        impl<T: Message> PopBatch<T> for $($kind)::+::Receiver<T> {
            fn try_pop_batch(&mut self, mut take: impl FnMut(T)) -> usize {
                let mut guard = self.read_guard();
                let messages = guard.as_slice();
                let count = messages.len();
                for message in messages {
                    take(*message);
                }
                guard.advance(count);
                count
            }
        }
    };
}

batches!(spsc);
batches!(mpsc::sharded);

impl<T: Message> BlockingPush<T> for spsc::parking::Sender<T> {
    fn push_blocking(&mut self, value: T) {
        self.send(value);
    }
}

impl<T: Message> BlockingPop<T> for spsc::parking::Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        self.recv()
    }
}
