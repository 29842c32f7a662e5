//! magnetic: rings over a buffer whose size is a power of two, the faster of its two.

use magnetic::buffer::dynamic::DynamicBufferP2;
use magnetic::{Consumer, Producer, mpmc, mpsc, spsc};

use crate::ring::{Message, Pop, Push, Ring, Shape};

type Buffer<T> = DynamicBufferP2<T>;

pub(crate) struct Spsc;
pub(crate) struct Mpsc;
pub(crate) struct Mpmc;

fn buffer<T>(shape: Shape) -> Buffer<T> {
    DynamicBufferP2::new(shape.capacity).expect("every measure's capacity is a power of two")
}

impl<T: Message> Ring<T> for Spsc {
    type Sender = spsc::SPSCProducer<T, Buffer<T>>;
    type Receiver = spsc::SPSCConsumer<T, Buffer<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = spsc::spsc_queue(buffer(shape));
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpsc {
    type Sender = mpsc::MPSCProducer<T, Buffer<T>>;
    type Receiver = mpsc::MPSCConsumer<T, Buffer<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::mpsc_queue(buffer(shape));
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = mpmc::MPMCProducer<T, Buffer<T>>;
    type Receiver = mpmc::MPMCConsumer<T, Buffer<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpmc::mpmc_queue(buffer(shape));
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

macro_rules! ends {
    ($sender:ty, $receiver:ty) => {
        impl<T: Message> Push<T> for $sender {
            fn try_push(&mut self, value: T) -> bool {
                Producer::try_push(self, value).is_ok()
            }
        }

        impl<T: Message> Pop<T> for $receiver {
            fn try_pop(&mut self) -> Option<T> {
                Consumer::try_pop(self).ok()
            }
        }
    };
}

ends!(spsc::SPSCProducer<T, Buffer<T>>, spsc::SPSCConsumer<T, Buffer<T>>);
ends!(mpsc::MPSCProducer<T, Buffer<T>>, mpsc::MPSCConsumer<T, Buffer<T>>);
ends!(mpmc::MPMCProducer<T, Buffer<T>>, mpmc::MPMCConsumer<T, Buffer<T>>);
