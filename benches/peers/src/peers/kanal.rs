//! kanal: the synchronous ends.

use kanal::{Receiver, Sender};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Channel;

impl<T: Message> Ring<T> for Channel {
    type Sender = Sender<T>;
    type Receiver = Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = kanal::bounded(shape.capacity);
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

impl<T: Message> Push<T> for Sender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_send(value) == Ok(true)
    }
}

impl<T: Message> Pop<T> for Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok().flatten()
    }
}

impl<T: Message> BlockingPush<T> for Sender<T> {
    fn push_blocking(&mut self, value: T) {
        self.send(value).expect("the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        self.recv().expect("the sender is there")
    }
}
