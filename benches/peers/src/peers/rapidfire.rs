//! rapidfire: the channels of one receiver and of several; futures are driven by a thread
//! where ends may sleep.

use rapidfire::{Receiver, Sender, mpsc};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Mpsc;
pub(crate) struct Mpmc;

impl<T: Message> Ring<T> for Mpsc {
    type Sender = Sender<T>;
    type Receiver = mpsc::Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::bounded(shape.capacity);
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = Sender<T>;
    type Receiver = Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = rapidfire::bounded(shape.capacity);
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
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

impl<T: Message> Pop<T> for mpsc::Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}

impl<T: Message> BlockingPush<T> for Sender<T> {
    fn push_blocking(&mut self, value: T) {
        let sent = pollster::block_on(self.send(value));
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for mpsc::Receiver<T> {
    fn pop_blocking(&mut self) -> T {
        pollster::block_on(self.recv()).expect("the sender is there")
    }
}
