//! heapless: the queue of fixed size, of a power of two as its documentation advises, which
//! leaves room for one message less.

use heapless::spsc::{Consumer, Producer, Queue};

use crate::ring::{Message, Pop, Push, Ring, Shape};

pub(crate) struct Spsc;

impl<T: Message> Ring<T> for Spsc {
    type Sender = Producer<'static, T>;
    type Receiver = Consumer<'static, T>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        match shape.capacity {
            64 => split::<T, 64>(),
            1_024 => split::<T, 1_024>(),
            16_384 => split::<T, 16_384>(),
            other => panic!("a queue of {other} must be named here"),
        }
    }
}

fn split<T, const N: usize>() -> (Vec<Producer<'static, T>>, Vec<Consumer<'static, T>>) {
    // Both ends borrow it, and the process ends with the measure.
    let queue = Box::leak(Box::new(Queue::<T, N>::new()));
    let (sender, receiver) = queue.split();
    (vec![sender], vec![receiver])
}

impl<T: Message> Push<T> for Producer<'static, T> {
    fn try_push(&mut self, value: T) -> bool {
        self.enqueue(value).is_ok()
    }
}

impl<T: Message> Pop<T> for Consumer<'static, T> {
    fn try_pop(&mut self) -> Option<T> {
        self.dequeue()
    }
}
