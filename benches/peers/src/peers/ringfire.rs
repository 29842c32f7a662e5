//! ringfire: a lossless ring in memory for one sender and any number of registered readers.

use std::path::Path;

use ringfire::{BusySpin, FlowControl, RingConsumer, RingProducer, RingProducerBuilder};

use crate::process::{Link, Side};
use crate::ring::{Line, Message, Pop, PopBatch, Push, PushBatch, Ring, Shape};

/// Messages that a link has room for.
const LINK_CAPACITY: usize = 1_024;

/// Messages in a batch.
const BATCH: usize = 32;

pub(crate) struct Broadcast;

fn producer<T: Message>(path: &Path, capacity: usize) -> RingProducer<T> {
    let capacity = u64::try_from(capacity).expect("a capacity fits");
    let builder = RingProducerBuilder::new(capacity);
    let builder = builder.flow_control(FlowControl::LosslessBackpressure);
    builder.build(path).expect("there is memory")
}

impl<T: Message> Ring<T> for Broadcast {
    type Sender = RingProducer<T>;
    type Receiver = RingConsumer<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        // The memory stays mapped when its name is removed at the end of this function.
        let dir = tempfile::tempdir_in("/dev/shm").expect("there is memory to share");
        let path = dir.path().join("ring");
        let sender = producer(&path, shape.capacity);
        let attach = |_| RingConsumer::attach(&path).expect("the ring has just been made");
        let receivers = (0..shape.receivers).map(attach).collect();
        (vec![sender], receivers)
    }
}

impl<T: Message> Push<T> for RingProducer<T> {
    fn try_push(&mut self, value: T) -> bool {
        Self::try_push(self, &value).is_ok()
    }

    fn push(&mut self, value: T) {
        Self::push(self, &value);
    }
}

impl<T: Message> Pop<T> for RingConsumer<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv()
    }
}

impl<T: Message> PushBatch<T> for RingProducer<T> {
    fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
        let mut messages = [T::default(); BATCH];
        messages[..count].fill_with(&mut next);
        Self::push_batch(self, &messages[..count]);
    }
}

impl<T: Message> PopBatch<T> for RingConsumer<T> {
    fn try_pop_batch(&mut self, take: impl FnMut(T)) -> usize {
        let mut messages = [T::default(); BATCH];
        let count = self.recv_batch(&mut messages);
        messages[..count].iter().copied().for_each(take);
        count
    }
}

/// A ring in memory for each direction.
pub(crate) struct Rings {
    sender: RingProducer<Line>,
    receiver: RingConsumer<Line>,
}

impl Link for Rings {
    type Half = RingProducer<Line>;

    fn create(dir: &Path, side: Side) -> Self::Half {
        producer(&dir.join(side.outgoing()), LINK_CAPACITY)
    }

    fn connect(sender: Self::Half, dir: &Path, side: Side) -> Self {
        let path = dir.join(side.incoming());
        let receiver = RingConsumer::attach(path).expect("the other side made it");
        Self { sender, receiver }
    }

    fn send(&mut self, number: u64) {
        self.sender.push(&Line::of(number));
    }

    fn receive(&mut self) -> u64 {
        self.receiver.recv_blocking(&mut BusySpin::new()).number()
    }
}
