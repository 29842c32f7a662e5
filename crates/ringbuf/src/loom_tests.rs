//! Models of every pair of public operations, of the parking protocol and of selection.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p claude-flow-ringbuf --lib --release loom`
//!
//! What a pass means: in every interleaving with at most [`PREEMPTIONS_MAX`] involuntary switches,
//! under loom's memory model, no place is touched by two ends at once (each has a shadow cell),
//! nothing is lost, doubled or out of order, and nobody sleeps for ever (loom calls that a
//! deadlock). Loom treats `SeqCst` accesses as `AcqRel` (fences are honoured) and does not explore
//! load buffering; its condition variables do not time out, so a deadline is modelled by one that
//! has passed.
//!
//! What the models catch was tried by breaking one thing at a time:
//!
//! | broken | caught by |
//! |---|---|
//! | no heavy barrier in `Park::enrol` | `loom_park_end_of_the_consumer_wakes`, `loom_park_blocking_stream_through_one_place` (a deadlock) |
//! | the head's store in `spsc::Consumer::release` is Relaxed | `loom_spsc_every_pair_of_operations`, `loom_spsc_push_against_the_end_of_the_consumer` |
//! | a lane's flag is cleared Relaxed | `loom_lanes_every_pair_of_operations`, `loom_lanes_open_against_the_end_of_a_producer` |
//! | the word's store in `packed::Producer::publish` is Relaxed | `packed::loom_tests::every_pair_of_operations` |

use std::future::Future;
use std::pin::pin;
use std::sync::Arc as Counter;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use loom::thread;

use crate::lanes::{self, Options};
use crate::select::Select;
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::sync::{Count, CountOrdering};
use crate::wait::Parker;
use crate::{Deadline, Park, Pop, PopError, Push, PushError, Wait, spsc};

/// Involuntary switches of threads in one execution.
const PREEMPTIONS_MAX: usize = 3;

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(body);
}

/// Polls a future on this thread, sleeping between.
fn block_on<F: Future>(future: F) -> F::Output {
    let parker = Parker::of_this_thread();
    let waker = Waker::from(parker.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(parker.park(Deadline::Never), "there is no deadline");
    }
}

/// Does something with a producer; the next number to push, moved on by what was pushed.
type Pushing = fn(&mut spsc::Producer<u32>, &mut u32);

const PUSHING: &[(&str, Pushing)] = &[
    ("try_push", |producer, next| {
        *next += u32::from(producer.try_push(*next).is_ok());
    }),
    ("try_claim", |producer, next| {
        if let Ok(claim) = producer.try_claim(2) {
            *next += u32::try_from(claim.fill(*next..)).expect("at most two");
        }
    }),
    ("try_push_slice", |producer, next| {
        let pushed = producer.try_push_slice(&[*next, *next + 1]).unwrap_or(0);
        *next += u32::try_from(pushed).expect("at most two");
    }),
    ("len", |producer, next| {
        assert!(producer.len() <= producer.capacity());
        *next += u32::from(producer.try_push(*next).is_ok());
    }),
    ("is_push_ready", |producer, next| {
        if producer.is_push_ready() {
            let pushed = producer.try_push(*next);
            assert!(!matches!(pushed, Err(PushError::Full(_))), "it was ready");
            *next += u32::from(pushed.is_ok());
        }
    }),
];

/// Does something with a consumer; what came out is added to the list.
type Popping = fn(&mut spsc::Consumer<u32>, &mut Vec<u32>);

const POPPING: &[(&str, Popping)] = &[
    ("try_pop", |consumer, popped| {
        popped.extend(consumer.try_pop())
    }),
    ("try_peek", |consumer, popped| {
        let seen = consumer.try_peek().copied();
        if let Ok(seen) = seen {
            assert_eq!(consumer.try_pop(), Ok(seen), "what was seen comes out");
            popped.push(seen);
        }
    }),
    ("try_chunk", |consumer, popped| {
        popped.extend(consumer.try_chunk(2).into_iter().flatten())
    }),
    ("release", |consumer, popped| {
        if let Ok(chunk) = consumer.try_chunk(2) {
            let (first, rest) = chunk.as_slices();
            popped.extend(first.iter().chain(rest));
            let count = chunk.len();
            chunk.release(count);
        }
    }),
    ("try_pop_slice", |consumer, popped| {
        let mut values = [0; 2];
        let count = consumer.try_pop_slice(&mut values).unwrap_or(0);
        popped.extend(&values[..count]);
    }),
    ("len", |consumer, popped| {
        assert!(consumer.len() <= consumer.capacity());
        popped.extend(consumer.drain());
    }),
    ("is_pop_ready", |consumer, popped| {
        if consumer.is_pop_ready() {
            let value = consumer.try_pop();
            assert_ne!(value, Err(PopError::Empty), "it was ready");
            popped.extend(value);
        }
    }),
];

/// Each way to push against each way to pop, twice each, then the end of the producer.
#[test]
fn loom_spsc_every_pair_of_operations() {
    for &(pushing_name, pushing) in PUSHING {
        for &(popping_name, popping) in POPPING {
            eprintln!("{pushing_name} x {popping_name}");
            model(move || {
                let (mut producer, mut consumer) = spsc::ring(2).expect("a power of two");
                let sender = thread::spawn(move || {
                    let mut next = 0;
                    for _ in 0..2 {
                        pushing(&mut producer, &mut next);
                    }
                    next
                });
                let mut popped = Vec::new();
                for _ in 0..2 {
                    popping(&mut consumer, &mut popped);
                }
                let pushed = sender.join().expect("the sender does not panic");
                popped.extend(consumer.drain());
                assert_eq!(popped, (0..pushed).collect::<Vec<_>>());
                assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
            });
        }
    }
}

/// A value that counts its drops outside of the model.
struct Counted(Counter<Count>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, CountOrdering::Relaxed);
    }
}

#[test]
fn loom_spsc_push_against_the_end_of_the_consumer() {
    model(|| {
        let dropped = Counter::new(Count::new(0));
        let (mut producer, mut consumer) = spsc::ring(2).expect("a power of two");
        let census = Counter::clone(&dropped);
        let sender = thread::spawn(move || {
            for _ in 0..3 {
                let _ = producer.try_push(Counted(Counter::clone(&census)));
            }
        });
        drop(consumer.try_pop());
        drop(consumer);
        sender.join().expect("the sender does not panic");
        assert_eq!(dropped.load(CountOrdering::Relaxed), 3);
    });
}

#[test]
fn loom_spsc_pop_against_the_end_of_the_producer() {
    model(|| {
        let (mut producer, mut consumer) = spsc::ring(4).expect("a power of two");
        let sender = thread::spawn(move || {
            for number in 0..2 {
                producer.try_push(number).expect("there are places");
            }
        });
        let mut popped = Vec::new();
        let end = loop {
            match consumer.try_pop() {
                Ok(number) => popped.push(number),
                Err(PopError::Empty) => thread::yield_now(),
                Err(end) => break end,
            }
        };
        assert_eq!((popped, end), (vec![0, 1], PopError::Disconnected));
        sender.join().expect("the sender does not panic");
    });
}

#[test]
fn loom_park_blocking_stream_through_one_place() {
    model(|| {
        let (mut producer, mut consumer) =
            spsc::ring_with::<_, Park<0>>(1).expect("a power of two");
        let sender = thread::spawn(move || {
            for number in 0..2 {
                producer.push(number).expect("the consumer listens");
            }
        });
        assert_eq!(consumer.iter().collect::<Vec<_>>(), [0, 1]);
        sender.join().expect("the sender does not panic");
    });
}

#[test]
fn loom_park_end_of_the_producer_wakes() {
    model(|| {
        let (producer, mut consumer) = spsc::ring_with::<u32, Park<0>>(1).expect("a power of two");
        let other = thread::spawn(move || drop(producer));
        assert_eq!(consumer.pop(), Err(PopError::Disconnected));
        other.join().expect("nothing panics");
    });
}

#[test]
fn loom_park_end_of_the_consumer_wakes() {
    model(|| {
        let (mut producer, consumer) = spsc::ring_with::<_, Park<0>>(1).expect("a power of two");
        producer.try_push(0).expect("there is a place");
        let other = thread::spawn(move || drop(consumer));
        assert_eq!(producer.push(1), Err(PushError::Disconnected(1)));
        other.join().expect("nothing panics");
    });
}

#[test]
fn loom_park_futures_of_both_ends() {
    model(|| {
        let (mut producer, mut consumer) =
            spsc::ring_with::<_, Park<0>>(1).expect("a power of two");
        let sender = thread::spawn(move || {
            for number in 0..2 {
                block_on(producer.push_async(number)).expect("the consumer listens");
            }
        });
        for number in 0..2 {
            assert_eq!(block_on(consumer.pop_async()), Ok(number));
        }
        sender.join().expect("the sender does not panic");
    });
}

/// One condition with a flag behind it.
struct Flag {
    is_up: AtomicBool,
    condition: Park<0>,
}

impl Flag {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            is_up: AtomicBool::new(false),
            condition: Park::default(),
        })
    }

    fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    fn raise(&self, count: usize) {
        self.is_up.store(true, Ordering::Release);
        self.condition.notify(count);
    }

    fn wait(&self, deadline: Deadline) -> bool {
        self.condition.wait_until(deadline, || self.is_up())
    }
}

#[test]
fn loom_park_notification_against_sleep() {
    model(|| {
        let flag = Flag::new();
        let raiser = Arc::clone(&flag);
        let other = thread::spawn(move || raiser.raise(1));
        assert!(flag.wait(Deadline::Never));
        other.join().expect("nothing panics");
    });
}

#[test]
fn loom_park_two_sleepers() {
    model(|| {
        let flag = Flag::new();
        let sleepers = [0; 2].map(|_| {
            let flag = Arc::clone(&flag);
            thread::spawn(move || assert!(flag.wait(Deadline::Never)))
        });
        flag.raise(2);
        for sleeper in sleepers {
            sleeper.join().expect("nothing panics");
        }
    });
}

/// The one notification may go to the sleeper whose time is over: it must pass it on.
#[test]
fn loom_park_notification_against_timeout() {
    model(|| {
        let flag = Flag::new();
        let sleepers = [Deadline::Never, Deadline::At(Instant::now())].map(|deadline| {
            let flag = Arc::clone(&flag);
            thread::spawn(move || flag.wait(deadline))
        });
        flag.raise(1);
        let [waits, _times_out] = sleepers.map(|it| it.join().expect("nothing panics"));
        assert!(waits, "there is no deadline");
    });
}

/// A selection that goes because of one end passes on what another end told it meanwhile.
#[test]
fn loom_select_passes_on_what_it_does_not_use() {
    struct Of(Arc<Flag>);

    impl crate::select::Source for Of {
        fn is_ready(&self) -> bool {
            self.0.is_up()
        }

        fn condition(&self) -> &dyn crate::Enrol {
            &self.0.condition
        }
    }

    model(|| {
        let flags = [Flag::new(), Flag::new()];
        let [first, second] = flags.clone().map(Of);
        let selects = thread::spawn(move || {
            let index = Select::new().ready(&[&first, &second], Deadline::Never);
            assert!(index.is_some(), "there is no deadline");
        });
        let waiting = Arc::clone(&flags[1]);
        let waits = thread::spawn(move || assert!(waiting.wait(Deadline::Never)));
        for flag in flags {
            flag.raise(1);
        }
        selects.join().expect("nothing panics");
        waits.join().expect("nothing panics");
    });
}

/// A future that is dropped after it was notified passes the notification on.
#[test]
fn loom_park_notification_against_a_dropped_future() {
    model(|| {
        let (mut producer, mut consumer) =
            spsc::ring_with::<_, Park<0>>(1).expect("a power of two");
        let sender = thread::spawn(move || producer.push(0).expect("the consumer listens"));
        {
            let mut future = pin!(consumer.pop_async());
            let waker = Waker::from(Parker::of_this_thread());
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                assert_eq!(value, Ok(0));
                sender.join().expect("the sender does not panic");
                return;
            }
        }
        assert_eq!(consumer.pop(), Ok(0));
        sender.join().expect("the sender does not panic");
    });
}

fn two_lanes<W: Wait>() -> lanes::Ends<u32, W> {
    lanes::lanes_with(Options {
        lanes_max: 2,
        capacity: 2,
    })
    .expect("a power of two")
}

/// Both producers push in every way while the consumer takes in every way.
#[test]
fn loom_lanes_every_pair_of_operations() {
    type Pushing = fn(&mut lanes::Producer<u32>, u32) -> usize;
    type Popping = fn(&mut lanes::Consumer<u32>, &mut Vec<u32>);
    let pushing: [Pushing; 3] = [
        |producer, value| usize::from(producer.try_push(value).is_ok()),
        |producer, value| producer.try_claim(1).map_or(0, |claim| claim.fill([value])),
        |producer, value| producer.try_push_slice(&[value]).unwrap_or(0),
    ];
    let popping: [Popping; 4] = [
        |consumer, popped| popped.extend(consumer.try_pop()),
        |consumer, popped| popped.extend(consumer.try_chunk(2).into_iter().flatten()),
        |consumer, popped| popped.extend(consumer.drain()),
        |consumer, popped| {
            assert!(consumer.len() <= 4);
            if consumer.is_pop_ready() {
                popped.push(consumer.try_pop().expect("a door is open and it was ready"));
            }
        },
    ];
    for pushing in pushing {
        for popping in popping {
            model(move || {
                let (door, mut consumer) = two_lanes();
                let senders = [10, 20].map(|value| {
                    let mut producer = door.open().expect("two lanes");
                    thread::spawn(move || assert_eq!(pushing(&mut producer, value), 1))
                });
                let mut popped = Vec::new();
                popping(&mut consumer, &mut popped);
                for sender in senders {
                    sender.join().expect("the sender does not panic");
                }
                popped.extend(consumer.drain());
                popped.sort_unstable();
                assert_eq!(popped, [10, 20]);
                assert_eq!(consumer.try_pop(), Err(PopError::Empty));
                drop(door);
                assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
            });
        }
    }
}

/// The lane's end goes from one producer to the next without a race.
#[test]
fn loom_lanes_open_against_the_end_of_a_producer() {
    model(|| {
        let (door, mut consumer) = lanes::lanes::<u32>(Options {
            lanes_max: 1,
            capacity: 2,
        })
        .expect("a power of two");
        let mut first = door.open().expect("one lane");
        let sender = thread::spawn(move || {
            first.try_push(1).expect("there are places");
        });
        let pushed = match door.open() {
            Some(mut second) => {
                second.try_push(2).expect("there are places");
                vec![1, 2]
            }
            None => vec![1],
        };
        sender.join().expect("the sender does not panic");
        drop(door);
        assert_eq!(consumer.drain().collect::<Vec<_>>(), pushed);
        assert_eq!(consumer.try_pop(), Err(PopError::Disconnected));
    });
}

#[test]
fn loom_lanes_blocking_consumer_hears_values_and_the_last_end() {
    model(|| {
        let (door, mut consumer) = two_lanes::<Park<0>>();
        let sender = thread::spawn(move || {
            let mut producer = door.open().expect("two lanes");
            producer.push(1).expect("the consumer listens");
        });
        assert_eq!(consumer.pop(), Ok(1));
        assert_eq!(consumer.pop(), Err(PopError::Disconnected));
        sender.join().expect("the sender does not panic");
    });
}

#[test]
fn loom_lanes_push_against_the_end_of_the_consumer() {
    model(|| {
        let (door, consumer) = two_lanes::<Park<0>>();
        let mut producer = door.open().expect("two lanes");
        let other = thread::spawn(move || drop(consumer));
        producer.try_push(0).ok();
        producer.try_push(1).ok();
        assert_eq!(producer.push(2), Err(PushError::Disconnected(2)));
        other.join().expect("nothing panics");
    });
}

#[test]
fn loom_select_blocking_hears_either_source() {
    model(|| {
        let (mut first, mut first_end) = spsc::ring_with::<_, Park<0>>(1).expect("a power of two");
        let (second, mut second_end) = spsc::ring_with::<u32, Park<0>>(1).expect("a power of two");
        let sender = thread::spawn(move || {
            first.try_push(7).expect("there is a place");
            drop(second);
            first
        });
        let mut select = Select::new();
        let mut seen = Vec::new();
        for _ in 0..2 {
            let sources: [&dyn crate::select::Source; 2] = [&first_end, &second_end];
            // The end of the second stays an answer: it is left out once it was heard.
            let count = if seen.contains(&1) { 1 } else { 2 };
            let index = select
                .ready(&sources[..count], Deadline::Never)
                .expect("there is no deadline");
            match index {
                0 => assert_eq!(first_end.try_pop(), Ok(7)),
                _ => assert_eq!(second_end.try_pop(), Err(PopError::Disconnected)),
            }
            seen.push(index);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
        drop(sender.join().expect("the sender does not panic"));
    });
}

#[test]
fn loom_select_future_hears_either_source() {
    model(|| {
        let (mut first, first_end) = spsc::ring_with::<_, Park<0>>(1).expect("a power of two");
        let (_second, second_end) = spsc::ring_with::<u32, Park<0>>(1).expect("a power of two");
        let sender = thread::spawn(move || {
            first.try_push(7).expect("there is a place");
            first
        });
        let index = block_on(Select::new().ready_async(&[&second_end, &first_end]));
        assert_eq!(index, 1);
        drop(sender.join().expect("the sender does not panic"));
    });
}
