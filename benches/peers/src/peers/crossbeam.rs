//! crossbeam: the channel, a fan-out of one channel for each receiver, and the queue.

use std::sync::Arc;

use crossbeam_channel as channel;
use crossbeam_queue::ArrayQueue;

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Channel;
pub(crate) struct FanOut;
pub(crate) struct Queue;

impl<T: Message> Ring<T> for Channel {
    type Sender = channel::Sender<T>;
    type Receiver = channel::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = channel::bounded(shape.capacity);
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

impl<T: Message> Push<T> for channel::Sender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_send(value).is_ok()
    }
}

impl<T: Message> Pop<T> for channel::Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}

impl<T: Message> BlockingPush<T> for channel::Sender<T> {
    fn push_blocking(&mut self, value: T) {
        self.send(value).expect("the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for channel::Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        self.recv().expect("the sender is there")
    }
}

impl<T: Message> Ring<T> for FanOut {
    type Sender = Vec<channel::Sender<T>>;
    type Receiver = channel::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let lanes = (0..shape.receivers).map(|_| channel::bounded(shape.capacity));
        let (senders, receivers) = lanes.unzip();
        (vec![senders], receivers)
    }
}

impl<T: Message> Push<T> for Vec<channel::Sender<T>> {
    fn try_push(&mut self, value: T) -> bool {
        // There is one sender: what has room now has room below.
        let has_room = !self.iter().any(channel::Sender::is_full);
        has_room && self.iter_mut().all(|lane| lane.try_push(value))
    }

    fn push(&mut self, value: T) {
        for lane in self {
            lane.push(value);
        }
    }
}

impl<T: Message> Ring<T> for Queue {
    type Sender = Arc<ArrayQueue<T>>;
    type Receiver = Arc<ArrayQueue<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let queue = Arc::new(ArrayQueue::new(shape.capacity));
        let senders = super::clones(&queue, shape.senders);
        (senders, super::clones(&queue, shape.receivers))
    }
}

impl<T: Message> Push<T> for Arc<ArrayQueue<T>> {
    fn try_push(&mut self, value: T) -> bool {
        ArrayQueue::push(self, value).is_ok()
    }
}

impl<T: Message> Pop<T> for Arc<ArrayQueue<T>> {
    fn try_pop(&mut self) -> Option<T> {
        ArrayQueue::pop(self)
    }
}
