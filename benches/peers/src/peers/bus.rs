//! bus: the broadcast ring of one sender.

use bus::{Bus, BusReader};

use crate::ring::{Message, Pop, Push, Ring, Shape};

pub(crate) struct Broadcast;

impl<T: Message> Ring<T> for Broadcast {
    type Sender = Bus<T>;
    type Receiver = BusReader<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let mut sender = Bus::new(shape.capacity);
        let receivers = (0..shape.receivers).map(|_| sender.add_rx()).collect();
        (vec![sender], receivers)
    }
}

impl<T: Message> Push<T> for Bus<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_broadcast(value).is_ok()
    }
}

impl<T: Message> Pop<T> for BusReader<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv().ok()
    }
}
