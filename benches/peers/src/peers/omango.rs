//! omango: the bounded rings of one and of several producers and consumers.

use omango::queue::{mpmc, spsc};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Spsc;
pub(crate) struct Mpmc;

fn size(shape: Shape) -> u32 {
    u32::try_from(shape.capacity).expect("no measure's capacity is that large")
}

impl<T: Message> Ring<T> for Spsc {
    type Sender = spsc::BSender<T>;
    type Receiver = spsc::BReceiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::bounded(size(shape));
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = mpmc::BSender<T>;
    type Receiver = mpmc::BReceiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpmc::bounded(size(shape));
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

macro_rules! ends {
    ($kind:ident) => {
        impl<T: Message> Push<T> for $kind::BSender<T> {
            fn try_push(&mut self, value: T) -> bool {
                self.try_send(value).is_ok()
            }
        }

        impl<T: Message> Pop<T> for $kind::BReceiver<T> {
            fn try_pop(&mut self) -> Option<T> {
                self.try_recv().ok()
            }
        }

        impl<T: Message> BlockingPush<T> for $kind::BSender<T> {
            fn push_blocking(&mut self, value: T) {
                assert!(self.send(value).is_ok(), "the receiver is there");
            }
        }

        impl<T: Message> BlockingPop<T> for $kind::BReceiver<T> {
            fn pop_blocking(&mut self) -> T {
                self.recv().expect("the sender is there")
            }
        }
    };
}

ends!(spsc);
ends!(mpmc);
