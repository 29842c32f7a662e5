//! async-broadcast: the channel in its default, lossless mode.

use async_broadcast::{Receiver, Sender, broadcast};

use crate::ring::{Message, Pop, Push, Ring, Shape};

pub(crate) struct Broadcast;

impl<T: Message> Ring<T> for Broadcast {
    type Sender = Sender<T>;
    type Receiver = Receiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = broadcast(shape.capacity);
        (vec![sender], super::clones(&receiver, shape.receivers))
    }
}

impl<T: Message> Push<T> for Sender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_broadcast(value).is_ok()
    }
}

impl<T: Message> Pop<T> for Receiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}
