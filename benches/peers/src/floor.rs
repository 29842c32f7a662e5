//! What the machine can do at best: a cache line handed over, lines streamed, memory copied.

use std::fs::OpenOptions;
use std::hint::{black_box, spin_loop};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{self, Effort, Figure, Gate};
use crate::process::{Link, Side};
use crate::ring::{Line, Message};
use crate::round_trip;

/// A cache line alone: 128 bytes, because lines are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart(AtomicU64);

/// The number that ends the other thread.
const STOP: u64 = u64::MAX;

/// A request and its reply in one word.
pub(crate) fn one_line(effort: &Effort) -> Vec<Figure> {
    let word = Apart::default();
    hand_over(effort, &word.0, &word.0)
}

/// A request in one line, its reply in another.
pub(crate) fn two_lines(effort: &Effort) -> Vec<Figure> {
    let (request, reply) = (Apart::default(), Apart::default());
    hand_over(effort, &request.0, &reply.0)
}

/// Requests are odd and replies even, so that both may share a word.
fn hand_over(effort: &Effort, request: &AtomicU64, reply: &AtomicU64) -> Vec<Figure> {
    let wait_for = |word: &AtomicU64, wanted: u64| {
        loop {
            let number = word.load(Ordering::Acquire);
            if number == wanted || number == STOP {
                return number;
            }
            spin_loop();
        }
    };
    let (sender_cores, receiver_cores) = machine::cores_for(1, 1);
    thread::scope(|scope| {
        scope.spawn(move || {
            machine::pin(receiver_cores[0]);
            let mut number = 1;
            while wait_for(request, number) != STOP {
                reply.store(number + 1, Ordering::Release);
                number += 2;
            }
        });
        machine::pin(sender_cores[0]);
        let mut number = 1;
        let figures = round_trip::sampled(effort, || {
            request.store(number, Ordering::Release);
            wait_for(reply, number + 1);
            number += 2;
        });
        request.store(STOP, Ordering::Release);
        figures
    })
}

/// Parts that a buffer is handed over in, when lines are streamed.
const PARTS: u64 = 4;
const PARTS_LEN: usize = 4;

/// A buffer of messages handed over in quarters: the lines' own way between the cores,
/// with next to no synchronisation.
pub(crate) fn stream<T: Message>(capacity: usize, effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let buffer = Streamed::<T>::new(capacity);
    let (sender_cores, receiver_cores) = machine::cores_for(1, 1);
    let part_len = capacity as u64 / PARTS;
    let mut lap_start = 0;
    let times = machine::rounds(effort, |count| {
        let gate = Gate::new(2);
        let parts = lap_start..lap_start + count / part_len;
        lap_start = parts.end;
        thread::scope(|scope| {
            scope.spawn(|| {
                machine::pin(sender_cores[0]);
                gate.pass();
                parts.clone().for_each(|part| buffer.fill(part));
            });
            machine::pin(receiver_cores[0]);
            gate.pass();
            let start = Instant::now();
            parts.clone().for_each(|part| buffer.check(part));
            start.elapsed()
        })
    });
    let rate = |(count, time): (u64, Duration)| {
        machine::millions_a_second(count / part_len * part_len, time)
    };
    Figure::rate(times.into_iter().map(rate).collect())
}

struct Streamed<T> {
    messages: NonNull<T>,
    part_len: usize,
    /// For each part, how often it was filled and emptied: odd while it is full.
    turns: [Apart; PARTS_LEN],
}

// SAFETY: a part is touched only by the side whose turn it is.
unsafe impl<T: Send> Sync for Streamed<T> {}

impl<T: Message> Streamed<T> {
    fn new(capacity: usize) -> Self {
        let messages = Box::leak(vec![T::default(); capacity].into_boxed_slice());
        Self {
            messages: NonNull::from(messages).cast(),
            part_len: capacity / PARTS_LEN,
            turns: Default::default(),
        }
    }

    fn fill(&self, part: u64) {
        let (place, turn) = self.wait_for(part, 0);
        let first = part * self.part_len as u64;
        for index in 0..self.part_len {
            let message = T::of(first + index as u64);
            // SAFETY: the part lies in the buffer, and it is this side's turn.
            unsafe { place.add(index).write(message) };
        }
        turn.store(part / PARTS * 2 + 1, Ordering::Release);
    }

    fn check(&self, part: u64) {
        let (place, turn) = self.wait_for(part, 1);
        let first = part * self.part_len as u64;
        for index in 0..self.part_len {
            // SAFETY: the part lies in the buffer, was written, and it is this side's turn.
            let message = unsafe { place.add(index).read() };
            assert_eq!(message.number(), first + index as u64, "a message was lost");
        }
        turn.store(part / PARTS * 2 + 2, Ordering::Release);
    }

    /// Waits until a part is empty (0) or full (1) for the lap that it is used in.
    fn wait_for(&self, part: u64, full: u64) -> (NonNull<T>, &AtomicU64) {
        let index = usize::try_from(part % PARTS).expect("it is below four");
        let turn = &self.turns[index].0;
        while turn.load(Ordering::Acquire) != part / PARTS * 2 + full {
            spin_loop();
        }
        // SAFETY: there are as many parts in the buffer as the index is taken modulo.
        let place = unsafe { self.messages.add(index * self.part_len) };
        (place, turn)
    }
}

/// One thread writes a buffer of messages and reads it again: no other core takes part.
pub(crate) fn copy<T: Message>(capacity: usize, effort: &Effort) -> Vec<Figure> {
    machine::pin(machine::allowed_cores()[0]);
    let mut buffer = vec![T::default(); capacity];
    let times = machine::rounds(effort, |count| {
        let start = Instant::now();
        for lap in 0..count / capacity as u64 {
            let first = lap * capacity as u64;
            for (number, slot) in (first..).zip(&mut buffer) {
                *slot = T::of(number);
            }
            for (number, slot) in (first..).zip(black_box(&buffer)) {
                assert_eq!(slot.number(), number, "a message was lost");
            }
        }
        start.elapsed()
    });
    let rate = |(count, time): (u64, Duration)| {
        machine::millions_a_second(count / capacity as u64 * capacity as u64, time)
    };
    Figure::rate(times.into_iter().map(rate).collect())
}

/// One line of memory that two processes share: a count of messages and 56 bytes, written
/// by both sides in turn. It holds one message, so it serves round trips only.
pub(crate) struct SharedLine {
    words: NonNull<[AtomicU64; 8]>,
    turn: u64,
}

impl Link for SharedLine {
    type Half = Self;

    fn create(dir: &Path, side: Side) -> Self {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(dir.join("line")).expect("the folder is ours");
        if side == Side::Host {
            file.set_len(4_096).expect("there is memory");
        }
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: this asks for a new mapping and touches none that exists.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4_096,
                access,
                libc::MAP_SHARED,
                descriptor,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED, "the file can be mapped");
        Self {
            words: NonNull::new(start.cast()).expect("a mapping does not begin at zero"),
            turn: 0,
        }
    }

    fn connect(half: Self, _: &Path, _: Side) -> Self {
        half
    }

    fn send(&mut self, number: u64) {
        let [turn, payload @ ..] = self.words();
        for (word, value) in payload.iter().zip(Line::of(number)) {
            word.store(value, Ordering::Relaxed);
        }
        turn.store(self.turn + 1, Ordering::Release);
        self.turn += 1;
    }

    fn receive(&mut self) -> u64 {
        let [turn, payload @ ..] = self.words();
        while turn.load(Ordering::Acquire) <= self.turn {
            spin_loop();
        }
        let mut line = Line::of(payload[0].load(Ordering::Relaxed));
        for (value, word) in line.iter_mut().zip(payload) {
            *value = word.load(Ordering::Relaxed);
        }
        self.turn += 1;
        line.number()
    }
}

impl SharedLine {
    const fn words(&self) -> &[AtomicU64; 8] {
        // SAFETY: the mapping is a page long, stays until the process ends, and every bit
        // pattern is an atomic word.
        unsafe { self.words.as_ref() }
    }
}
