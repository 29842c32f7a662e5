//! A message to another thread and its reply, over two rings.

use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{self, Effort, Figure};
use crate::ring::{BlockingPop, BlockingPush, Pop, Push, Ring, Shape};

const SHAPE: Shape = Shape {
    capacity: 1_024,
    senders: 1,
    receivers: 1,
};

/// The number that ends the other thread.
const STOP: u64 = u64::MAX;

/// Most samples of a round.
const SAMPLES_MAX: usize = 200_000;

/// Both threads spin.
pub(crate) fn spinning<R: Ring<u64>>(effort: &Effort) -> Vec<Figure> {
    measure::<R>(effort, Push::push, Pop::pop)
}

/// Both threads may sleep.
pub(crate) fn blocking<R: Ring<u64>>(effort: &Effort) -> Vec<Figure>
where
    R::Sender: BlockingPush<u64>,
    R::Receiver: BlockingPop<u64>,
{
    measure::<R>(
        effort,
        BlockingPush::push_blocking,
        BlockingPop::pop_blocking,
    )
}

/// Processor time of a receiver that waits for a second.
pub(crate) fn idle<R: Ring<u64>>(effort: &Effort) -> Vec<Figure>
where
    R::Sender: BlockingPush<u64>,
    R::Receiver: BlockingPop<u64>,
{
    machine::exit_on_panic();
    let (mut sender, mut receiver) = pair::<R>();
    let (sender_cores, receiver_cores) = machine::cores_for(1, 1);
    machine::pin(sender_cores[0]);
    let waits = effort.rounds.min(2) as u64;
    let waiter = thread::spawn(move || {
        machine::pin(receiver_cores[0]);
        let used = |number| {
            let before = machine::thread_time();
            assert_eq!(receiver.pop_blocking(), number, "the message is another");
            let used = machine::thread_time().saturating_sub(before);
            used.as_secs_f64() * 1e6
        };
        (0..waits).map(used).collect()
    });
    for number in 0..waits {
        thread::sleep(Duration::from_secs(1));
        sender.push_blocking(number);
    }
    let rounds = waiter.join().expect("a panic ends the process");
    vec![Figure::cost("used", "µs/s", rounds)]
}

fn measure<R: Ring<u64>>(
    effort: &Effort,
    push: impl Fn(&mut R::Sender, u64) + Copy + Send,
    pop: impl Fn(&mut R::Receiver) -> u64 + Copy + Send,
) -> Vec<Figure> {
    machine::exit_on_panic();
    let (mut request, mut requested) = pair::<R>();
    let (mut reply, mut replied) = pair::<R>();
    let (sender_cores, receiver_cores) = machine::cores_for(1, 1);
    let (core, other_core) = (sender_cores[0], receiver_cores[0]);
    thread::scope(|scope| {
        scope.spawn(move || {
            machine::pin(other_core);
            loop {
                let number = pop(&mut requested);
                push(&mut reply, number);
                if number == STOP {
                    break;
                }
            }
        });
        machine::pin(core);
        let mut number = 0;
        let mut once = |number| {
            push(&mut request, number);
            assert_eq!(pop(&mut replied), number, "the reply is another");
        };
        let figures = sampled(effort, || {
            once(number);
            number += 1;
        });
        once(STOP);
        figures
    })
}

fn pair<R: Ring<u64>>() -> (R::Sender, R::Receiver) {
    let (mut senders, mut receivers) = R::open(SHAPE);
    let ends = senders.pop().zip(receivers.pop());
    ends.expect("the shape has one of each")
}

/// Takes the time of every call, clock included, after a round that warms up.
pub(crate) fn sampled(effort: &Effort, mut call: impl FnMut()) -> Vec<Figure> {
    let mut round = || {
        let mut samples = Vec::with_capacity(SAMPLES_MAX);
        // A round trip that sleeps needs longer for the same number of samples.
        let end = Instant::now() + effort.round;
        let mut before = Instant::now();
        while samples.len() < SAMPLES_MAX && before < end {
            call();
            let after = Instant::now();
            let time = (after - before).as_nanos();
            samples.push(u32::try_from(time).unwrap_or(u32::MAX));
            before = after;
        }
        samples
    };
    round();
    let rounds = (0..effort.rounds).map(|_| round());
    Figure::latencies(rounds.collect())
}
