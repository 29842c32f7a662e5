//! tokio: the bounded channel, and the broadcast channel made lossless by its sender, which
//! asks how much is unread before it would overwrite it.

use tokio::sync::{broadcast, mpsc};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Mpsc;
pub(crate) struct Broadcast;

impl<T: Message> Ring<T> for Mpsc {
    type Sender = mpsc::Sender<T>;
    type Receiver = mpsc::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::channel(shape.capacity);
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Push<T> for mpsc::Sender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_send(value).is_ok()
    }
}

impl<T: Message> Pop<T> for mpsc::Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}

impl<T: Message> BlockingPush<T> for mpsc::Sender<T> {
    fn push_blocking(&mut self, value: T) {
        assert!(self.blocking_send(value).is_ok(), "the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for mpsc::Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        self.blocking_recv().expect("the sender is there")
    }
}

/// The sending end of [`Broadcast`].
pub(crate) struct Sender<T> {
    channel: broadcast::Sender<T>,
    capacity: usize,
    /// What can be sent before the channel must be asked again.
    room: usize,
}

impl<T: Message> Ring<T> for Broadcast {
    type Sender = Sender<T>;
    type Receiver = broadcast::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (channel, receiver) = broadcast::channel(shape.capacity);
        let more = (1..shape.receivers).map(|_| channel.subscribe());
        let mut receivers: Vec<_> = more.collect();
        receivers.push(receiver);
        let sender = Sender {
            channel,
            capacity: shape.capacity,
            room: 0,
        };
        (vec![sender], receivers)
    }
}

impl<T: Message> Push<T> for Sender<T> {
    fn try_push(&mut self, value: T) -> bool {
        if self.room == 0 {
            self.room = self.capacity - self.channel.len();
        }
        if self.room == 0 {
            return false;
        }
        self.room -= 1;
        self.channel.send(value).is_ok()
    }
}

impl<T: Message> Pop<T> for broadcast::Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}
