//! Messages a second through a ring with any number of senders and receivers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{self, Effort, Figure, Gate};
use crate::ring::{Message, Pop, PopBatch, Push, PushBatch, Ring, Shape, Wait};

/// Messages in a batch.
const BATCH: usize = 32;

/// The sender's index is above this bit of a number, its count below.
const LANE_SHIFT: u32 = 56;

/// Most senders of any measure; a power of two.
const LANES_MAX: usize = 8;

/// Who gets a message when there are several receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// One of them.
    Once,
    /// All of them.
    All,
}

/// One message at a time.
pub(crate) fn single<R: Ring<T>, T: Message>(
    shape: Shape,
    delivery: Delivery,
    effort: &Effort,
) -> Vec<Figure> {
    if shape.senders == 1 {
        single_of::<R, T, 1>(shape, delivery, effort)
    } else {
        single_of::<R, T, LANES_MAX>(shape, delivery, effort)
    }
}

fn single_of<R: Ring<T>, T: Message, const LANES: usize>(
    shape: Shape,
    delivery: Delivery,
    effort: &Effort,
) -> Vec<Figure> {
    let send = |sender: &mut R::Sender, lane: u64, count: u64| {
        for number in 0..count {
            sender.push(T::of(lane << LANE_SHIFT | number));
        }
    };
    let receive = |receiver: &mut R::Receiver, check: &mut InOrder<LANES>| {
        receiver.pop_some(|value| check.take(&value));
    };
    measure::<R, T, LANES>(shape, delivery, effort, &send, &receive)
}

/// Batches of 32.
pub(crate) fn batched<R: Ring<T>, T: Message>(
    shape: Shape,
    delivery: Delivery,
    effort: &Effort,
) -> Vec<Figure>
where
    R::Sender: PushBatch<T>,
    R::Receiver: PopBatch<T>,
{
    if shape.senders == 1 {
        batched_of::<R, T, 1>(shape, delivery, effort)
    } else {
        batched_of::<R, T, LANES_MAX>(shape, delivery, effort)
    }
}

fn batched_of<R: Ring<T>, T: Message, const LANES: usize>(
    shape: Shape,
    delivery: Delivery,
    effort: &Effort,
) -> Vec<Figure>
where
    R::Sender: PushBatch<T>,
    R::Receiver: PopBatch<T>,
{
    let send = |sender: &mut R::Sender, lane: u64, count: u64| {
        let mut number = lane << LANE_SHIFT;
        let end = number + count;
        while number < end {
            sender.push_batch(BATCH, || {
                number += 1;
                T::of(number - 1)
            });
        }
    };
    let receive = |receiver: &mut R::Receiver, check: &mut InOrder<LANES>| {
        let mut wait = Wait::default();
        while receiver.try_pop_batch(|value| check.take(&value)) == 0 {
            wait.once();
        }
    };
    measure::<R, T, LANES>(shape, delivery, effort, &send, &receive)
}

fn measure<R: Ring<T>, T: Message, const LANES: usize>(
    shape: Shape,
    delivery: Delivery,
    effort: &Effort,
    send: &(impl Fn(&mut R::Sender, u64, u64) + Sync),
    receive: &(impl Fn(&mut R::Receiver, &mut InOrder<LANES>) + Sync),
) -> Vec<Figure> {
    assert!(
        shape.senders <= LANES,
        "a check has a place for every sender"
    );
    machine::exit_on_panic();
    let (mut senders, mut receivers) = R::open(shape);
    assert_eq!(
        senders.len(),
        shape.senders,
        "the adapter opens every sender"
    );
    assert_eq!(
        receivers.len(),
        shape.receivers,
        "the adapter opens every receiver"
    );
    let is_shared = shape.receivers > 1 && delivery == Delivery::Once;
    let each = |messages: u64| messages / shape.senders as u64 / BATCH as u64 * BATCH as u64;
    let once = |messages: u64| {
        let round = Round::new(shape, each(messages));
        if is_shared {
            round.run(&mut senders, &mut receivers, send, |receiver, round| {
                round.receive_share(receiver)
            })
        } else {
            round.run(&mut senders, &mut receivers, send, |receiver, round| {
                round.receive_all(receiver, receive)
            })
        }
    };
    let copies = if delivery == Delivery::All {
        shape.receivers
    } else {
        1
    };
    let times = machine::rounds(effort, once);
    let rate = |(messages, time): (u64, Duration)| {
        let sent = each(messages) * shape.senders as u64;
        machine::millions_a_second(sent * copies as u64, time)
    };
    Figure::rate(times.into_iter().map(rate).collect())
}

/// One timed passage of messages from all senders to all receivers.
struct Round {
    shape: Shape,
    /// Messages of each sender.
    each: u64,
    gate: Gate,
    senders_at_work: AtomicUsize,
}

impl Round {
    fn new(shape: Shape, each: u64) -> Self {
        Self {
            shape,
            each,
            gate: Gate::new(shape.senders + shape.receivers),
            senders_at_work: AtomicUsize::new(shape.senders),
        }
    }

    /// The time from the first start to the last end.
    fn run<S: Send, D: Send>(
        &self,
        senders: &mut [S],
        receivers: &mut [D],
        send: &(impl Fn(&mut S, u64, u64) + Sync),
        receive: impl Fn(&mut D, &Self) -> Received + Sync,
    ) -> Duration {
        let (sender_cores, receiver_cores) =
            machine::cores_for(self.shape.senders, self.shape.receivers);
        let mut received = Received::default();
        let mut spans = Vec::new();
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for (lane, (sender, core)) in senders.iter_mut().zip(sender_cores).enumerate() {
                scope.spawn(move || {
                    machine::pin(core);
                    self.gate.pass();
                    send(sender, lane as u64, self.each);
                    self.senders_at_work.fetch_sub(1, Ordering::Release);
                });
            }
            let receive = &receive;
            for (receiver, core) in receivers.iter_mut().zip(receiver_cores) {
                threads.push(scope.spawn(move || {
                    machine::pin(core);
                    self.gate.pass();
                    let start = Instant::now();
                    let received = receive(receiver, self);
                    (start, Instant::now(), received)
                }));
            }
            for thread in threads {
                let (start, end, some) = thread.join().expect("a panic ends the process");
                spans.push((start, end));
                received.add(some);
            }
        });
        self.check(received);
        let start = spans.iter().map(|(start, _)| *start).min();
        let end = spans.iter().map(|(_, end)| *end).max();
        start
            .zip(end)
            .map_or(Duration::ZERO, |(start, end)| end - start)
    }

    /// Every message comes to this receiver, those of a sender in their order.
    fn receive_all<D, const LANES: usize>(
        &self,
        receiver: &mut D,
        receive: &impl Fn(&mut D, &mut InOrder<LANES>),
    ) -> Received {
        let mut check = InOrder {
            next: [0; LANES],
            received: 0,
        };
        let total = self.each * self.shape.senders as u64;
        while check.received < total {
            receive(receiver, &mut check);
        }
        Received::default()
    }

    /// Some of the messages come to this receiver, until all senders have ended and
    /// nothing is left.
    fn receive_share<T: Message>(&self, receiver: &mut impl Pop<T>) -> Received {
        let mut received = Received::default();
        let mut last = [None; LANES_MAX];
        let mut wait = Wait::default();
        loop {
            let is_over = self.senders_at_work.load(Ordering::Acquire) == 0;
            if let Some(value) = receiver.try_pop() {
                let number = value.number();
                let lane = &mut last[lane_of(number)];
                assert!(*lane < Some(number), "{number:#x} came after {lane:x?}");
                *lane = Some(number);
                received.add(Received {
                    count: 1,
                    sum: number,
                });
                wait = Wait::default();
            } else if is_over {
                return received;
            } else {
                wait.once();
            }
        }
    }

    /// Nothing was lost or doubled when the messages were shared out.
    fn check(&self, received: Received) {
        if received.count == 0 {
            // Then each receiver has checked that it got everything.
            return;
        }
        let mut sent = Received::default();
        for lane in 0..self.shape.senders as u64 {
            let numbers = (0..self.each).fold(0_u64, |sum, number| {
                sum.wrapping_add(lane << LANE_SHIFT | number)
            });
            sent.add(Received {
                count: self.each,
                sum: numbers,
            });
        }
        assert_eq!(received, sent, "messages were lost or doubled");
    }
}

/// What came to receivers that share the messages.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Received {
    count: u64,
    sum: u64,
}

impl Received {
    const fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The number that must come next from each sender.
///
/// A check of one sender is a type of its own, because it keeps its number in a register: one that
/// is looked up by the sender waits for its own last store, some 3 ns a message, which four
/// different rings then all showed as their rate in batches.
#[derive(Debug)]
struct InOrder<const LANES: usize> {
    next: [u64; LANES],
    received: u64,
}

impl<const LANES: usize> InOrder<LANES> {
    #[inline]
    fn take(&mut self, value: &impl Message) {
        let number = value.number();
        let lane = if LANES == 1 { 0 } else { lane_of(number) };
        let count = if LANES == 1 {
            number
        } else {
            number & ((1 << LANE_SHIFT) - 1)
        };
        assert_eq!(
            self.next[lane], count,
            "sender {lane} was cut short or doubled"
        );
        self.next[lane] = count + 1;
        self.received += 1;
    }
}

#[inline]
const fn lane_of(number: u64) -> usize {
    (number >> LANE_SHIFT) as usize % LANES_MAX
}
