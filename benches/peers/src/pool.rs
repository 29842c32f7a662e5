//! Buffers of 1 KiB from a pool and back.

use std::collections::VecDeque;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{self, Effort, Figure, Gate};
use crate::ring::Wait;

pub(crate) const BUFFER_BYTES: usize = 1_024;

/// Buffers that a pool holds.
pub(crate) const BUFFERS: usize = 1_024;

/// Buffers taken before the first is given back, in the measure of bursts.
const BURST: usize = 64;

/// Buffers that are under way to the other thread at most, in the measure of hand-offs.
const UNDER_WAY: usize = 512;

/// A pool that one thread uses.
pub(crate) trait LocalPool: 'static {
    type Buffer: Buffer;

    fn open() -> Self;

    /// A buffer with the number in its first word.
    fn take(&mut self, number: u64) -> Self::Buffer;

    /// Gives a buffer back; most pools do it when the buffer is dropped.
    fn give(&mut self, buffer: Self::Buffer) {
        drop(buffer);
    }
}

/// A pool that threads share: each has its own handle.
pub(crate) trait SharedPool: Clone + Send + Sync + 'static {
    /// The handle as its thread uses it.
    type Here: LocalPool<Buffer: Send>;

    fn open() -> Self;

    /// What the calling thread uses, from before the clock starts.
    fn here(self) -> Self::Here;
}

impl<P: LocalPool<Buffer: Send> + Clone + Send + Sync> SharedPool for P {
    type Here = Self;

    fn open() -> Self {
        <Self as LocalPool>::open()
    }

    fn here(self) -> Self {
        self
    }
}

/// A buffer whose first word is read back.
pub(crate) trait Buffer {
    fn read(&self) -> u64;
}

/// One buffer out and back, nanoseconds.
pub(crate) fn one_thread<P: LocalPool>(effort: &Effort) -> Vec<Figure> {
    machine::pin(machine::allowed_cores()[0]);
    let mut pool = P::open();
    cost(machine::rounds(effort, |count| {
        let start = Instant::now();
        take_and_give(&mut pool, count);
        start.elapsed()
    }))
}

/// As [`one_thread`], by two threads at once.
pub(crate) fn two_threads<P: SharedPool>(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let first = P::open();
    let second = first.clone();
    let (first_cores, second_cores) = machine::cores_for(1, 1);
    cost(machine::rounds(effort, |count| {
        let gate = Gate::new(2);
        let work = |pool: P, core: usize| {
            machine::pin(core);
            let mut pool = pool.here();
            gate.pass();
            let start = Instant::now();
            take_and_give(&mut pool, count);
            start.elapsed()
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| work(second.clone(), second_cores[0]));
            let time = work(first.clone(), first_cores[0]);
            time.max(other.join().expect("a panic ends the process"))
        })
    }))
}

/// As [`one_thread`], 64 taken before they are given back.
pub(crate) fn bursts<P: LocalPool>(effort: &Effort) -> Vec<Figure> {
    machine::pin(machine::allowed_cores()[0]);
    let mut pool = P::open();
    let mut taken = VecDeque::with_capacity(BURST);
    cost(machine::rounds(effort, |count| {
        let start = Instant::now();
        for _ in 0..count / BURST as u64 {
            for number in 0..BURST as u64 {
                taken.push_back(pool.take(number));
            }
            for number in 0..BURST as u64 {
                let buffer = taken.pop_front().expect("the burst was taken");
                assert_eq!(buffer.read(), number, "a buffer was given out twice");
                pool.give(buffer);
            }
        }
        start.elapsed()
    }))
}

/// Buffers taken by one thread, sent by the same ring for every pool, and given back by
/// another; millions a second.
pub(crate) fn hand_off<P: SharedPool>(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let (sender_cores, receiver_cores) = machine::cores_for(1, 1);
    let pool = P::open();
    let (mut sender, mut receiver) = rtrb::RingBuffer::new(UNDER_WAY);
    let times = machine::rounds(effort, |count| {
        let gate = Gate::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                machine::pin(sender_cores[0]);
                let mut pool = pool.clone().here();
                gate.pass();
                for number in 0..count {
                    push(&mut sender, pool.take(number));
                }
            });
            machine::pin(receiver_cores[0]);
            let mut pool = pool.clone().here();
            gate.pass();
            let start = Instant::now();
            for number in 0..count {
                let buffer = popped(&mut receiver);
                assert_eq!(buffer.read(), number, "a buffer was given out twice");
                pool.give(buffer);
            }
            start.elapsed()
        })
    });
    rates(times)
}

/// The floor of a hand-off: a second ring brings the buffers back to their owner.
pub(crate) fn return_ring(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let (sender_cores, receiver_cores) = machine::cores_for(1, 1);
    let (mut sender, mut receiver) = rtrb::RingBuffer::new(UNDER_WAY);
    let (mut giver, mut owner) = rtrb::RingBuffer::new(BUFFERS);
    for _ in 0..BUFFERS {
        let full = giver.push(Box::new([0_u8; BUFFER_BYTES])).is_err();
        assert!(!full, "the ring has a place for every buffer");
    }
    let times = machine::rounds(effort, |count| {
        let gate = Gate::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                machine::pin(sender_cores[0]);
                gate.pass();
                for number in 0..count {
                    let mut buffer: Box<[u8; BUFFER_BYTES]> = popped(&mut owner);
                    write_word(&mut buffer[..], number);
                    push(&mut sender, buffer);
                }
            });
            machine::pin(receiver_cores[0]);
            gate.pass();
            let start = Instant::now();
            for number in 0..count {
                let buffer = popped(&mut receiver);
                assert_eq!(buffer.read(), number, "a buffer was given out twice");
                let full = giver.push(buffer).is_err();
                assert!(!full, "the ring has a place for every buffer");
            }
            start.elapsed()
        })
    });
    rates(times)
}

fn push<B>(ring: &mut rtrb::Producer<B>, mut buffer: B) {
    let mut wait = Wait::default();
    while let Err(rtrb::PushError::Full(back)) = ring.push(buffer) {
        buffer = back;
        wait.once();
    }
}

fn popped<B>(ring: &mut rtrb::Consumer<B>) -> B {
    let mut wait = Wait::default();
    loop {
        if let Ok(buffer) = ring.pop() {
            return buffer;
        }
        wait.once();
    }
}

fn take_and_give<P: LocalPool>(pool: &mut P, count: u64) {
    for number in 0..count {
        let buffer = pool.take(number);
        assert_eq!(
            black_box(&buffer).read(),
            number,
            "a buffer was given out twice"
        );
        pool.give(buffer);
    }
}

fn cost(times: Vec<(u64, Duration)>) -> Vec<Figure> {
    let each = |(count, time)| machine::nanoseconds_each(count, time);
    let rounds = times.into_iter().map(each).collect();
    vec![Figure::cost("each", "ns", rounds)]
}

fn rates(times: Vec<(u64, Duration)>) -> Vec<Figure> {
    let rate = |(count, time)| machine::millions_a_second(count, time);
    Figure::rate(times.into_iter().map(rate).collect())
}

impl Buffer for Box<[u8; BUFFER_BYTES]> {
    fn read(&self) -> u64 {
        read_word(&self[..])
    }
}

pub(crate) fn write_word(bytes: &mut [u8], number: u64) {
    bytes[..8].copy_from_slice(&number.to_ne_bytes());
}

pub(crate) fn read_word(bytes: &[u8]) -> u64 {
    let word = bytes[..8].try_into().expect("a word has eight bytes");
    u64::from_ne_bytes(word)
}
