//! nexus-queue: its rings of one and of several producers.

use nexus_queue::{mpsc, spsc};

use crate::ring::{Message, Pop, Push, Ring, Shape};

pub(crate) struct Spsc;
pub(crate) struct Mpsc;

impl<T: Message> Ring<T> for Spsc {
    type Sender = spsc::Producer<T>;
    type Receiver = spsc::Consumer<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::ring_buffer(shape.capacity);
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpsc {
    type Sender = mpsc::Producer<T>;
    type Receiver = mpsc::Consumer<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::ring_buffer(shape.capacity);
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

macro_rules! ends {
    ($kind:ident) => {
        impl<T: Message> Push<T> for $kind::Producer<T> {
            fn try_push(&mut self, value: T) -> bool {
                Self::push(self, value).is_ok()
            }
        }

        impl<T: Message> Pop<T> for $kind::Consumer<T> {
            fn try_pop(&mut self) -> Option<T> {
                Self::pop(self)
            }
        }
    };
}

ends!(spsc);
ends!(mpsc);
