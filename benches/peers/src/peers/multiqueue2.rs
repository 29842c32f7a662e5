//! multiqueue2: a broadcast stream for each receiver, read in place by a single consumer.

use multiqueue2::wait::BusyWait;
use multiqueue2::{BroadcastSender, BroadcastUniReceiver, broadcast_queue_with};

use crate::ring::{Message, Pop, Push, Ring, Shape};

pub(crate) struct Broadcast;

impl<T: Message> Ring<T> for Broadcast {
    type Sender = BroadcastSender<T>;
    type Receiver = BroadcastUniReceiver<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let capacity = u64::try_from(shape.capacity).expect("a capacity fits");
        let (sender, receiver) = broadcast_queue_with(capacity, BusyWait::new());
        let mut streams: Vec<_> = (1..shape.receivers)
            .map(|_| receiver.add_stream())
            .collect();
        streams.push(receiver);
        let single = |stream: multiqueue2::BroadcastReceiver<T>| {
            let single = stream.into_single();
            single.unwrap_or_else(|_| panic!("each stream has one receiver"))
        };
        (vec![sender], streams.into_iter().map(single).collect())
    }
}

impl<T: Message> Push<T> for BroadcastSender<T> {
    fn try_push(&mut self, value: T) -> bool {
        self.try_send(value).is_ok()
    }
}

impl<T: Message> Pop<T> for BroadcastUniReceiver<T> {
    fn try_pop(&mut self) -> Option<T> {
        self.try_recv_view(|value| *value).ok()
    }
}
