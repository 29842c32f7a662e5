//! rtrb: single values by `push` and `pop`, batches by chunks.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::ring::{Message, Pop, PopBatch, Push, PushBatch, Ring, Shape, Wait};

pub(crate) struct Rtrb;

impl<T: Message> Ring<T> for Rtrb {
    type Sender = Producer<T>;
    type Receiver = Consumer<T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = RingBuffer::new(shape.capacity);
        (vec![sender], vec![receiver])
    }
}

impl<T: Message> Push<T> for Producer<T> {
    fn try_push(&mut self, value: T) -> bool {
        Self::push(self, value).is_ok()
    }
}

impl<T: Message> Pop<T> for Consumer<T> {
    fn try_pop(&mut self) -> Option<T> {
        Self::pop(self).ok()
    }
}

impl<T: Message> PushBatch<T> for Producer<T> {
    fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
        let mut wait = Wait::default();
        loop {
            if let Ok(chunk) = self.write_chunk_uninit(count) {
                chunk.fill_from_iter((0..count).map(|_| next()));
                return;
            }
            wait.once();
        }
    }
}

impl<T: Message> PopBatch<T> for Consumer<T> {
    fn try_pop_batch(&mut self, take: impl FnMut(T)) -> usize {
        let count = self.slots();
        let Ok(chunk) = self.read_chunk(count) else {
            return 0;
        };
        chunk.into_iter().for_each(take);
        count
    }
}
