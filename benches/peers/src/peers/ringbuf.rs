//! ringbuf: the heap ring with its caching ends.

use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split as _};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use crate::ring::{Message, Pop, PopBatch, Push, PushBatch, Ring, Shape, Wait};

pub(crate) struct Ringbuf;

impl<T: Message> Ring<T> for Ringbuf {
    type Sender = HeapProd<T>;
    type Receiver = HeapCons<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = HeapRb::new(shape.capacity).split();
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Push<T> for HeapProd<T> {
    fn try_push(&mut self, value: T) -> bool {
        ringbuf::traits::Producer::try_push(self, value).is_ok()
    }
}

impl<T: Message> Pop<T> for HeapCons<T> {
    fn try_pop(&mut self) -> Option<T> {
        ringbuf::traits::Consumer::try_pop(self)
    }
}

impl<T: Message> PushBatch<T> for HeapProd<T> {
    fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
        let mut wait = Wait::default();
        while self.vacant_len() < count {
            wait.once();
        }
        let pushed = self.push_iter((0..count).map(|_| next()));
        assert_eq!(pushed, count, "there was room for all");
    }
}

impl<T: Message> PopBatch<T> for HeapCons<T> {
    fn try_pop_batch(&mut self, take: impl FnMut(T)) -> usize {
        let mut count = 0;
        let counted = self.pop_iter().inspect(|_| count += 1);
        counted.for_each(take);
        count
    }
}
