//! crossfire: the ends of one or several, after the detection of the machine that its
//! documentation advises for virtual machines.

use crossfire::{MRx, MTx, Rx, Tx, detect_backoff_cfg, mpmc, mpsc, spsc};

use crate::ring::{BlockingPop, BlockingPush, Message, Pop, Push, Ring, Shape};

pub(crate) struct Spsc;
pub(crate) struct Mpsc;
pub(crate) struct Mpmc;

impl<T: Message> Ring<T> for Spsc {
    type Sender = Tx<spsc::Array<T>>;
    type Receiver = Rx<spsc::Array<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        detect_backoff_cfg();
        let (sender, receiver) = spsc::bounded_blocking(shape.capacity);
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpsc {
    type Sender = MTx<mpsc::Array<T>>;
    type Receiver = Rx<mpsc::Array<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        detect_backoff_cfg();
        let (sender, receiver) = mpsc::bounded_blocking(shape.capacity);
        (super::clones(&sender, shape.senders), vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpmc {
    type Sender = MTx<mpmc::Array<T>>;
    type Receiver = MRx<mpmc::Array<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        detect_backoff_cfg();
        let (sender, receiver) = mpmc::bounded_blocking(shape.capacity);
        let senders = super::clones(&sender, shape.senders);
        (senders, super::clones(&receiver, shape.receivers))
    }
}

macro_rules! ends {
    ($sender:ty, $receiver:ty) => {
        impl<T: Message> Push<T> for $sender {
            fn try_push(&mut self, value: T) -> bool {
                self.try_send(value).is_ok()
            }
        }

        impl<T: Message> Pop<T> for $receiver {
            fn try_pop(&mut self) -> Option<T> {
                self.try_recv().ok()
            }
        }
    };
}

ends!(Tx<spsc::Array<T>>, Rx<spsc::Array<T>>);
ends!(MTx<mpsc::Array<T>>, Rx<mpsc::Array<T>>);
ends!(MTx<mpmc::Array<T>>, MRx<mpmc::Array<T>>);

impl<T: Message> BlockingPush<T> for Tx<spsc::Array<T>> {
    fn push_blocking(&mut self, value: T) {
        assert!(self.send(value).is_ok(), "the receiver is there");
    }
}

impl<T: Message> BlockingPop<T> for Rx<spsc::Array<T>> {
    fn pop_blocking(&mut self) -> T {
        self.recv().expect("the sender is there")
    }
}
