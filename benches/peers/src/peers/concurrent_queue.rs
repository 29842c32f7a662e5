//! concurrent-queue: the bounded queue.

use std::sync::Arc;

use concurrent_queue::ConcurrentQueue;

use crate::ring::{Message, Pop, Push, Ring, Shape};

pub(crate) struct Queue;

impl<T: Message> Ring<T> for Queue {
    type Sender = Arc<ConcurrentQueue<T>>;
    type Receiver = Arc<ConcurrentQueue<T>>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let queue = Arc::new(ConcurrentQueue::bounded(shape.capacity));
        let senders = super::clones(&queue, shape.senders);
        (senders, super::clones(&queue, shape.receivers))
    }
}

impl<T: Message> Push<T> for Arc<ConcurrentQueue<T>> {
    fn try_push(&mut self, value: T) -> bool {
        ConcurrentQueue::push(self, value).is_ok()
    }
}

impl<T: Message> Pop<T> for Arc<ConcurrentQueue<T>> {
    fn try_pop(&mut self) -> Option<T> {
        ConcurrentQueue::pop(self).ok()
    }
}
