//! The standard library's bounded channel.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct SyncChannel;

impl<T: Message> Ring<T> for SyncChannel {
    type Sender = SyncSender<T>;
    type Receiver = Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = sync_channel(shape.capacity);
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Push<T> for SyncSender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_send(value).is_ok()
    }
}

impl<T: Message> Pop<T> for Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}

impl<T: Message> BlockingPush<T> for SyncSender<T> {
    fn push_blocking(&mut self, value: T) {
        self.send(value).expect("the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        self.recv().expect("the sender is there")
    }
}
