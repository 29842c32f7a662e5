//! This workspace's rings. Where threads share a core they wait by yielding, as the
//! documentation of `Spin` says; where ends may sleep they park.
//!
//! `broadcast` is read by `for_each`, which its documentation advises for a stream, and which
//! takes what is there; the others hand over one value a call.

use claude_flow_ringbuf::{
    Deadline, Park, Pop as _, Spin, Wait as HowToWait, Yield, broadcast, lanes, mpmc, mpsc, packed,
    spsc,
};

use crate::ring::{
    BlockingPop, BlockingPush, Message, Pop, PopBatch, Push, PushBatch, Ring, Shape,
};

const GONE: &str = "both ends live as long as the measure";

pub(crate) struct Spsc;
pub(crate) struct SpscParking;
pub(crate) struct Packed;
pub(crate) struct PackedParking;
/// Every sender's lane has the whole capacity.
pub(crate) struct Lanes;
pub(crate) struct Mpsc;
pub(crate) struct Mpmc;
pub(crate) struct Broadcast;

impl<T: Message> Ring<T> for Spsc {
    type Sender = spsc::Producer<T, Spin>;
    type Receiver = spsc::Consumer<T, Spin>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::ring(shape.capacity).expect("a power of two");
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for SpscParking {
    type Sender = spsc::Producer<T, Park>;
    type Receiver = spsc::Consumer<T, Park>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::ring_with(shape.capacity).expect("a power of two");
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Packed {
    type Sender = packed::Producer<T, Spin>;
    type Receiver = packed::Consumer<T, Spin>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = packed::ring(shape.capacity).expect("a power of two");
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for PackedParking {
    type Sender = packed::Producer<T, Park>;
    type Receiver = packed::Consumer<T, Park>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = packed::ring_with(shape.capacity).expect("a power of two");
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Lanes {
    type Sender = lanes::Producer<T, Yield>;
    type Receiver = lanes::Consumer<T, Yield>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let options = lanes::Options {
            lanes_max: shape.senders,
            capacity: shape.capacity,
        };
        let (door, receiver) = lanes::lanes_with(options).expect("a power of two");
        let open = |_| door.open().expect("each sender has a lane");
        ((0..shape.senders).map(open).collect(), vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpsc {
    type Sender = mpsc::Producer<T, Yield>;
    type Receiver = mpsc::Consumer<T, Yield>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::ring_with(shape.capacity).expect("a power of two");
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = mpmc::Producer<T, Yield>;
    type Receiver = mpmc::Consumer<T, Yield>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpmc::ring_with(shape.capacity).expect("a power of two");
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

impl<T: Message> Ring<T> for Broadcast {
    type Sender = broadcast::Producer<T, Yield>;
    type Receiver = broadcast::Consumer<T, Yield>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let ends = broadcast::ring_with(shape.capacity, shape.receivers);
        let (sender, receiver) = ends.expect("a power of two");
        let clone = |_| receiver.try_clone().expect("each receiver has a seat");
        let mut receivers: Vec<_> = (1..shape.receivers).map(clone).collect();
        receivers.push(receiver);
        (vec![sender], receivers)
    }
}

macro_rules! sender {
    ($($sender:ident)::+) => {
        impl<T: Message, W: HowToWait + 'static> Push<T> for $($sender)::+<T, W> {
            #[inline]
            fn try_push(&mut self, value: T) -> bool {
                claude_flow_ringbuf::Push::try_push(self, value).is_ok()
            }

            #[inline]
            fn push(&mut self, value: T) {
                claude_flow_ringbuf::Push::push(self, value).expect(GONE);
            }
        }
    };
}

sender!(spsc::Producer);
sender!(packed::Producer);
sender!(lanes::Producer);
sender!(mpsc::Producer);
sender!(mpmc::Producer);
sender!(broadcast::Producer);

macro_rules! receiver {
    ($($receiver:ident)::+) => {
        impl<T: Message, W: HowToWait + 'static> Pop<T> for $($receiver)::+<T, W> {
            #[inline]
            fn try_pop(&mut self) -> Option<T> {
                claude_flow_ringbuf::Pop::try_pop(self).ok()
            }

            #[inline]
            fn pop(&mut self) -> T {
                claude_flow_ringbuf::Pop::pop(self).expect(GONE)
            }
        }
    };
}

receiver!(spsc::Consumer);
receiver!(packed::Consumer);
receiver!(lanes::Consumer);
receiver!(mpsc::Consumer);
receiver!(mpmc::Consumer);

impl<T: Message, W: HowToWait + 'static> Pop<T> for broadcast::Consumer<T, W> {
    fn try_pop(&mut self) -> Option<T> {
        claude_flow_ringbuf::Pop::try_pop(self).ok()
    }

    fn pop_some(&mut self, mut take: impl FnMut(T)) -> usize {
        loop {
            let count = self.try_pop_batch(&mut take);
            if count > 0 {
                return count;
            }
        }
    }
}

/// Lanes and single rings lend what is free; they wait for the rest.
macro_rules! lends_some {
    ($kind:ident) => {
        impl<T: Message, W: HowToWait + 'static> PushBatch<T> for $kind::Producer<T, W> {
            fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
                let mut left = count;
                while left > 0 {
                    let claim = self.claim_until(left, Deadline::Never).expect(GONE);
                    left -= claim.fill(core::iter::repeat_with(&mut next));
                }
            }
        }

        impl<T: Message, W: HowToWait + 'static> PopBatch<T> for $kind::Consumer<T, W> {
            fn try_pop_batch(&mut self, take: impl FnMut(T)) -> usize {
                let chunk = self.chunk_until(usize::MAX, Deadline::Never).expect(GONE);
                let count = chunk.len();
                chunk.into_iter().for_each(take);
                count
            }
        }
    };
}

lends_some!(spsc);
lends_some!(lanes);

/// The others lend all that was asked for, or nothing.
macro_rules! lends_all {
    ($kind:ident) => {
        impl<T: Message, W: HowToWait + 'static> PushBatch<T> for $kind::Producer<T, W> {
            fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
                let push = || match self.try_claim(count) {
                    Ok(mut claim) => claim.extend(core::iter::repeat_with(&mut next)) > 0,
                    Err(_) => false,
                };
                <Yield>::default().wait_until(Deadline::Never, push);
            }
        }
    };
}

lends_all!(mpsc);
lends_all!(broadcast);

impl<T: Message, W: HowToWait + 'static> PopBatch<T> for mpsc::Consumer<T, W> {
    fn try_pop_batch(&mut self, take: impl FnMut(T)) -> usize {
        self.value()
            .wait_until(Deadline::Never, || self.is_pop_ready());
        let chunk = self.try_chunk(usize::MAX).expect(GONE);
        let count = chunk.len();
        chunk.for_each(take);
        count
    }
}

impl<T: Message, W: HowToWait + 'static> PopBatch<T> for broadcast::Consumer<T, W> {
    fn try_pop_batch(&mut self, mut take: impl FnMut(T)) -> usize {
        if let Ok(count) = self.for_each(|value| take(*value)) {
            return count;
        }
        self.value()
            .wait_until(Deadline::Never, || self.is_pop_ready());
        0
    }
}

macro_rules! sleeps {
    ($kind:ident) => {
        impl<T: Message> BlockingPush<T> for $kind::Producer<T, Park> {
            fn push_blocking(&mut self, value: T) {
                Push::push(self, value);
            }
        }

        impl<T: Message> BlockingPop<T> for $kind::Consumer<T, Park> {
            fn pop_blocking(&mut self) -> T {
                Pop::pop(self)
            }
        }
    };
}

sleeps!(spsc);
sleeps!(packed);
