//! thingbuf: the queue where nobody sleeps, the blocking channel where ends may.

use std::sync::Arc;

use thingbuf::ThingBuf;
use thingbuf::mpsc::blocking::{Receiver, Sender, channel};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Queue;
pub(crate) struct Channel;

impl<T: Message> Ring<T> for Queue {
    type Sender = Arc<ThingBuf<T>>;
    type Receiver = Arc<ThingBuf<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let queue = Arc::new(ThingBuf::new(shape.capacity));
        let senders = super::clones(&queue, shape.senders);
        (senders, super::clones(&queue, shape.receivers))
    }
}

/// The value is written and read in place, without the recycling of `push` and `pop`.
impl<T: Message> Push<T> for Arc<ThingBuf<T>> {
    fn try_push(&mut self, value: T) -> bool {
        self.push_with(|slot| *slot = value).is_ok()
    }
}

impl<T: Message> Pop<T> for Arc<ThingBuf<T>> {
    fn try_pop(&mut self) -> Option<T> {
        self.pop_with(|slot| *slot)
    }
}

impl<T: Message> Ring<T> for Channel {
    type Sender = Sender<T>;
    type Receiver = Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = channel(shape.capacity);
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Push<T> for Sender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_send(value).is_ok()
    }
}

impl<T: Message> Pop<T> for Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}

impl<T: Message> BlockingPush<T> for Sender<T> {
    fn push_blocking(&mut self, value: T) {
        assert!(self.send(value).is_ok(), "the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        self.recv().expect("the sender is there")
    }
}
