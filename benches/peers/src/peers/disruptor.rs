//! disruptor: publication one at a time and in batches; receivers poll and take every event
//! that is there, as its documentation shows.

use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, MultiProducer, MultiProducerBarrier, Producer,
    SingleConsumerBarrier, SingleProducer, SingleProducerBarrier, build_multi_producer,
    build_single_producer,
};

use crate::ring::{Message, Pop, PopBatch, Push, PushBatch, Ring, Shape, Wait};

pub(crate) struct Spsc;
pub(crate) struct Mpsc;
/// For three receivers.
pub(crate) struct Broadcast;

impl<T: Message> Ring<T> for Spsc {
    type Sender = SingleProducer<T, SingleConsumerBarrier>;
    type Receiver = EventPoller<T, SingleProducerBarrier>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let builder = build_single_producer(shape.capacity, T::default, BusySpin);
        let (receiver, builder) = builder.new_event_poller();
        (vec![builder.build()], vec![receiver])
    }
}

impl<T: Message> Ring<T> for Mpsc {
    type Sender = MultiProducer<T, SingleConsumerBarrier>;
    type Receiver = EventPoller<T, MultiProducerBarrier>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let builder = build_multi_producer(shape.capacity, T::default, BusySpin);
        let (receiver, builder) = builder.new_event_poller();
        (
            super::clones(&builder.build(), shape.senders),
            vec![receiver],
        )
    }
}

impl<T: Message> Ring<T> for Broadcast {
    type Sender = SingleProducer<T, MultiConsumerBarrier>;
    type Receiver = EventPoller<T, SingleProducerBarrier>;

    fn open(shape: Shape) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let builder = build_single_producer(shape.capacity, T::default, BusySpin);
        let (first, builder) = builder.new_event_poller();
        let (second, builder) = builder.new_event_poller();
        let (third, builder) = builder.new_event_poller();
        (vec![builder.build()], vec![first, second, third])
    }
}

macro_rules! sender {
    ($sender:ty) => {
        impl<T: Message> Push<T> for $sender {
            fn try_push(&mut self, value: T) -> bool {
                self.try_publish(|slot| *slot = value).is_ok()
            }

            fn push(&mut self, value: T) {
                self.publish(|slot| *slot = value);
            }
        }

        impl<T: Message> PushBatch<T> for $sender {
            fn push_batch(&mut self, count: usize, mut next: impl FnMut() -> T) {
                self.batch_publish(count, |slots| slots.for_each(|slot| *slot = next()));
            }
        }
    };
}

sender!(SingleProducer<T, SingleConsumerBarrier>);
sender!(SingleProducer<T, MultiConsumerBarrier>);
sender!(MultiProducer<T, SingleConsumerBarrier>);

macro_rules! receiver {
    ($barrier:ty) => {
        impl<T: Message> Pop<T> for EventPoller<T, $barrier> {
            fn try_pop(&mut self) -> Option<T> {
                let mut events = self.take(1).ok()?;
                (&mut events).next().copied()
            }

            fn pop_some(&mut self, mut take: impl FnMut(T)) -> usize {
                let mut wait = Wait::default();
                loop {
                    let count = self.try_pop_batch(&mut take);
                    if count > 0 {
                        return count;
                    }
                    wait.once();
                }
            }
        }

        impl<T: Message> PopBatch<T> for EventPoller<T, $barrier> {
            fn try_pop_batch(&mut self, mut take: impl FnMut(T)) -> usize {
                let Ok(mut events) = self.poll() else {
                    return 0;
                };
                let mut count = 0;
                for event in &mut events {
                    take(*event);
                    count += 1;
                }
                count
            }
        }
    };
}

receiver!(SingleProducerBarrier);
receiver!(MultiProducerBarrier);
