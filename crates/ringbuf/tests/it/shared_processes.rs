//! Rings between two processes, of which one dies or lies.
//!
//! The other process is this program again, told by its environment to play a part in the test of
//! the same name.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::{
    Peer, PopError, PushError, SeatError, Waiting, lines, records, spsc,
};

type Message = [u64; 3];
type Elements = spsc::Ring<Message>;

const CAPACITY: usize = 64;
const RECORDS_BYTES: usize = 1 << 12;

/// Where the other process finds the memory: two paths, and a number.
const MEMORY: &str = "RINGBUF_TEST_MEMORY";
const NUMBER: &str = "RINGBUF_TEST_NUMBER";
const PREDECESSOR: &str = "RINGBUF_TEST_PREDECESSOR";

/// How long anything is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A generator of numbers that a failure can be repeated with (Steele, Lea, Flood 2014).
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn message(number: u64) -> Message {
    [number, number.wrapping_mul(0x0101_0101), !number]
}

fn record(number: u64) -> Vec<u8> {
    let len = usize::try_from(number % 300).expect("it is small") + 8;
    let mut bytes = vec![number.to_le_bytes()[0]; len];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The two memfds of a test, as this process has them.
pub(crate) struct Memory {
    pub(crate) elements: Arc<Mapping>,
    pub(crate) records: Arc<Mapping>,
}

impl Memory {
    fn new() -> Self {
        let memfd = |size: Option<usize>| {
            let size = size.expect("it fits the memory");
            Arc::new(Mapping::memfd("test", size, Hints::default()).expect("there is memory"))
        };
        Self {
            elements: memfd(Elements::size_bytes(CAPACITY)),
            records: memfd(records::Ring::size_bytes(RECORDS_BYTES)),
        }
    }

    fn create(&self) -> (Elements, records::Ring) {
        let elements = Arc::clone(&self.elements) as Arc<dyn Region>;
        let elements = Elements::create(elements, CAPACITY, 7).expect("it is new");
        let records = Arc::clone(&self.records) as Arc<dyn Region>;
        let records = records::Ring::create(records, RECORDS_BYTES, 8, 7).expect("it is new");
        (elements, records)
    }

    fn paths(&self) -> String {
        let pid = std::process::id();
        let path = |mapping: &Mapping| {
            let descriptor = mapping.descriptor().expect("a memfd has one");
            format!("/proc/{pid}/fd/{}", descriptor.as_raw_fd())
        };
        format!("{} {}", path(&self.elements), path(&self.records))
    }
}

/// The other process; killed at the latest when the test ends.
pub(crate) struct Other(pub(crate) Child);

impl Other {
    pub(crate) fn start(
        test: &str,
        memory: &Memory,
        number: u64,
        predecessor: Option<u32>,
    ) -> Self {
        let predecessor = predecessor.map_or(String::new(), |pid| pid.to_string());
        let this = std::env::current_exe().expect("this program is a file");
        let child = Command::new(this)
            .args(["--exact", test, "--nocapture"])
            .env(MEMORY, memory.paths())
            .env(NUMBER, number.to_string())
            .env(PREDECESSOR, predecessor)
            .stdout(Stdio::piped())
            .spawn();
        Self(child.expect("this program can be started again"))
    }

    /// Waits until the other process says that it is ready.
    pub(crate) fn is_ready(&mut self) {
        let output = self.0.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let said = lines.any(|line| line.is_ok_and(|line| line.ends_with("ready")));
        assert!(said, "the other process ended before it was ready");
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it; until it is collected it stays in the process table.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it is ours");
    }

    pub(crate) fn collect(&mut self) {
        self.0.wait().expect("it is ours");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Errors say that it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the other process was given, if this is the other process.
pub(crate) struct Part {
    pub(crate) files: Vec<File>,
    pub(crate) number: u64,
    predecessor: Option<u32>,
}

impl Part {
    pub(crate) fn of_this_process() -> Option<Self> {
        let paths = std::env::var(MEMORY).ok()?;
        let open = |path: &str| OpenOptions::new().read(true).write(true).open(path);
        let files = paths
            .split(' ')
            .map(|path| open(path).expect("the memory is there"));
        let number = std::env::var(NUMBER).expect("there is a number");
        let predecessor = std::env::var(PREDECESSOR).expect("there may be one");
        Some(Self {
            files: files.collect(),
            number: number.parse().expect("it is a number"),
            predecessor: predecessor.parse().ok(),
        })
    }

    fn attach(&mut self) -> (Elements, records::Ring) {
        let mut region = || {
            let file = self.files.remove(0);
            Arc::new(Mapping::file(file, Hints::default()).expect("it can be mapped"))
        };
        let elements = Elements::attach(region(), 7).expect("there is a ring");
        let records = records::Ring::attach(region(), 7).expect("there is a ring");
        (elements, records)
    }
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}

fn now() -> Deadline {
    Deadline::At(Instant::now())
}

/// Pushes every number into both rings, the elements first, until it is killed.
fn produce(mut part: Part) {
    let (elements, records) = part.attach();
    let mut elements = elements.producer().expect("the last one is dead");
    let mut records = records.producer().expect("the last one is dead");
    assert_eq!(elements.predecessor(), part.predecessor);
    assert_eq!(records.predecessor(), part.predecessor);
    for number in part.number.. {
        elements
            .push_until(&message(number), soon())
            .expect("somebody pops");
        records
            .push_until(&record(number), soon())
            .expect("somebody pops");
    }
}

/// Would catch a message that is lost, torn or doubled when its producer dies, a dead process that
/// is taken for a living one, and a seat that cannot be taken over.
#[test]
fn a_producer_that_is_killed_loses_nothing_that_it_published() {
    if let Some(part) = Part::of_this_process() {
        return produce(part);
    }
    let test = "shared_processes::a_producer_that_is_killed_loses_nothing_that_it_published";
    let memory = Memory::new();
    let (elements, records) = memory.create();
    let mut elements = elements.consumer().expect("it is new");
    let mut records = records.consumer().expect("it is new");
    let (mut next_element, mut next_record) = (0, 0);
    let mut dice = SplitMix(1);
    let mut predecessor = None;
    for round in 0..50 {
        let mut other = Other::start(test, &memory, next_element, predecessor);
        // A message that was killed between the two rings is only in the first.
        next_record = next_element.max(next_record);
        let last = next_element + 1 + dice.below(3_000);
        while next_element < last {
            assert_eq!(
                from_successor(predecessor, || elements.pop_until(soon())),
                Ok(message(next_element)),
                "round {round}"
            );
            next_element += 1;
            if let Ok(bytes) = records.try_pop() {
                assert_eq!(bytes, record(next_record), "round {round}");
                next_record += 1;
            }
        }
        other.kill();
        if round % 2 == 0 {
            other.collect();
        }
        let dead = PopError::Dead { pid: other.pid() };
        if round % 16 == 0 {
            // The blocking call finds out by itself.
            while let Some(it) = popped(elements.pop(), dead) {
                assert_eq!(it, message(next_element), "round {round}");
                next_element += 1;
            }
        } else {
            until_dead(|| elements.peer(), other.pid());
        }
        while let Ok(it) = elements.try_pop() {
            assert_eq!(it, message(next_element), "round {round}");
            next_element += 1;
        }
        while let Ok(bytes) = records.pop_until(now()) {
            assert_eq!(bytes, record(next_record), "round {round}");
            next_record += 1;
        }
        assert!(
            next_record == next_element || next_record + 1 == next_element,
            "round {round}: what is in the second ring was in the first"
        );
        predecessor = Some(other.pid());
    }
}

fn popped<T>(result: Result<T, PopError>, end: PopError) -> Option<T> {
    match result {
        Ok(it) => Some(it),
        Err(error) => {
            assert_eq!(error, end);
            None
        }
    }
}

/// Pops what a successor sends: until it has taken the seat over, its predecessor's death is told.
fn from_successor<T>(
    predecessor: Option<u32>,
    mut pop: impl FnMut() -> Result<T, PopError>,
) -> Result<T, PopError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match pop() {
            Err(PopError::Dead { pid }) if Some(pid) == predecessor && Instant::now() < end => {}
            done => return done,
        }
    }
}

/// Waits until a killed process is seen to be dead; the kernel takes its time to end it.
fn until_dead(peer: impl Fn() -> Peer, pid: u32) {
    let end = Instant::now() + PATIENCE;
    while peer() != (Peer::Dead { pid }) {
        assert!(peer() == Peer::Alive { pid } || peer() == Peer::Dead { pid });
        assert!(Instant::now() < end, "a killed process ends");
        std::thread::yield_now();
    }
}

/// Sends every element back as a record before it releases it, until it is killed.
fn echo(mut part: Part) {
    let (elements, records) = part.attach();
    let mut elements = elements.consumer().expect("the last one is dead");
    let mut records = records.producer().expect("the last one is dead");
    assert_eq!(elements.predecessor(), part.predecessor);
    loop {
        match elements.try_chunk(1) {
            Err(PopError::Empty) => std::hint::spin_loop(),
            chunk => {
                let chunk = chunk.expect("nobody lies");
                let it = chunk.read(0);
                assert_eq!(it, message(it[0]));
                records
                    .push_until(&record(it[0]), soon())
                    .expect("somebody pops");
                chunk.release(1);
            }
        }
    }
}

/// Would catch a message that a dead consumer had not released and that nobody gets, or that more
/// than the one that it held comes again.
#[test]
fn a_consumer_that_is_killed_leaves_what_it_did_not_release() {
    if let Some(part) = Part::of_this_process() {
        return echo(part);
    }
    let test = "shared_processes::a_consumer_that_is_killed_leaves_what_it_did_not_release";
    let memory = Memory::new();
    let (elements, records) = memory.create();
    let mut elements = elements.producer().expect("it is new");
    let mut records = records.consumer().expect("it is new");
    let (mut sent, mut returned) = (0, 0);
    let mut dice = SplitMix(2);
    let mut predecessor = None;
    for round in 0..50 {
        let mut other = Other::start(test, &memory, 0, predecessor);
        let mut is_first = true;
        let last = returned + 1 + dice.below(2_000);
        while returned < last {
            while elements.try_push(&message(sent)).is_ok() {
                sent += 1;
            }
            let bytes = from_successor(predecessor, || records.pop_until(soon()))
                .expect("every message comes back");
            // The last one that its predecessor returned may come once more, and no other.
            let is_again = is_first && returned > 0 && bytes == record(returned - 1);
            if !is_again {
                assert_eq!(bytes, record(returned), "round {round}");
                returned += 1;
            }
            is_first = false;
        }
        other.kill();
        if round % 2 == 0 {
            other.collect();
        }
        if round % 16 == 0 {
            while elements.try_push(&message(sent)).is_ok() {
                sent += 1;
            }
            let pid = other.pid();
            until_dead(|| records.peer(), pid);
            while elements.try_push(&message(sent)).is_ok() {
                sent += 1;
            }
            assert_eq!(elements.push(&message(sent)), Err(PushError::Dead { pid }));
        }
        until_dead(|| elements.peer(), other.pid());
        while let Ok(bytes) = records.try_pop() {
            let is_again = is_first && returned > 0 && bytes == record(returned - 1);
            if !is_again {
                assert_eq!(bytes, record(returned), "round {round}");
                returned += 1;
            }
            is_first = false;
        }
        predecessor = Some(other.pid());
    }
}

/// Writes garbage, and what could almost be, all over both rings until it is killed.
pub(crate) fn scribble(part: &Part) {
    let mut dice = SplitMix(part.number);
    let sizes: Vec<u64> = part
        .files
        .iter()
        .map(|it| it.metadata().expect("open").len())
        .collect();
    std::io::stdout()
        .write_all(b"\nready\n")
        .expect("somebody listens");
    loop {
        let which = dice.below(2);
        let index = usize::from(which == 1);
        let (file, size) = (&part.files[index], sizes[index]);
        let mut word = dice.next().to_le_bytes();
        // Half of the time the fields that rule the ring, and small numbers.
        let at = match dice.below(4) {
            0 => [128, 256, 384, 392, 512, 520][usize::try_from(dice.below(6)).expect("small")],
            1 => 1_024 + dice.below((size - 1_024) / 8) * 8,
            2 => dice.below(1_024 / 8) * 8,
            _ => dice.below(size - 8),
        };
        match dice.below(4) {
            0 => word = dice.below(200).to_le_bytes(),
            // The words of records.
            1 => word = (dice.below(5_000) | [0x5245, 0x5041][index] << 32).to_le_bytes(),
            _ => {}
        }
        file.write_all_at(&word, at).expect("the memory is there");
    }
}

/// Counts what came of the calls; any answer will do but one that is out of bounds.
#[derive(Debug, Default)]
struct Answers {
    done: u64,
    refused: u64,
    corrupt: u64,
    seats: u64,
}

impl Answers {
    fn push(&mut self, result: Result<(), PushError>) {
        match result {
            Ok(()) => self.done += 1,
            Err(PushError::Corrupt(_)) => self.corrupt += 1,
            Err(_) => self.refused += 1,
        }
    }

    fn pop<T>(&mut self, result: &Result<T, PopError>) {
        match result {
            Ok(_) => self.done += 1,
            Err(PopError::Corrupt(_)) => self.corrupt += 1,
            Err(_) => self.refused += 1,
        }
    }

    fn seat<T>(&mut self, result: Result<T, SeatError>) -> Option<T> {
        self.seats += u64::from(result.is_ok());
        result.ok()
    }
}

/// Would catch every index, length and word that is believed: an access out of bounds ends this
/// process, a loop without a bound never ends.
#[test]
fn garbage_all_over_the_memory_is_an_error_or_a_payload() {
    if let Some(part) = Part::of_this_process() {
        return scribble(&part);
    }
    let test = "shared_processes::garbage_all_over_the_memory_is_an_error_or_a_payload";
    let mut answers = Answers::default();
    for seed in 0..4 {
        let memory = Memory::new();
        let (elements, records) = memory.create();
        let mut producer = elements.producer().expect("it is new");
        let mut consumer = elements.consumer().expect("it is new");
        producer.set_waiting(Waiting::Sleep { spins: 1 });
        consumer.set_waiting(Waiting::Sleep { spins: 1 });
        let mut sender = records.producer().expect("it is new");
        let mut receiver = records.consumer().expect("it is new");
        sender.set_waiting(Waiting::Yield { spins: 1 });
        let mut other = Other::start(test, &memory, seed, None);
        other.is_ready();
        for _ in 0..400 {
            use_elements(&mut producer, &mut consumer, &mut answers);
            use_records(&mut sender, &mut receiver, &mut answers);
            // With the owner's word forged, a second end of this process may get the seat.
            let region = Arc::clone(&memory.elements) as Arc<dyn Region>;
            if let Ok(again) = Elements::attach(region, 7) {
                let ends = (again.producer(), again.consumer());
                if let (Some(mut producer), Some(mut consumer)) =
                    (answers.seat(ends.0), answers.seat(ends.1))
                {
                    use_elements(&mut producer, &mut consumer, &mut answers);
                }
            }
            let region = Arc::clone(&memory.records) as Arc<dyn Region>;
            let again = records::Ring::attach(region, 7);
            answers.seat(again.map_or(records.consumer(), |it| it.consumer()));
        }
    }
    // How many seats were got depends on how fast the description is spoilt.
    assert!(
        answers.done > 0 && answers.refused > 0 && answers.corrupt > 0,
        "the garbage came, and things worked between: {answers:?}"
    );
}

/// How long a call of the garbage test may wait.
fn shortly() -> Deadline {
    Deadline::after(Duration::from_micros(50))
}

fn use_elements(
    producer: &mut spsc::Producer<Message>,
    consumer: &mut spsc::Consumer<Message>,
    answers: &mut Answers,
) {
    for number in 0..200 {
        answers.push(producer.try_push(&message(number)));
        answers.pop(&consumer.try_pop());
        if let Ok(claim) = producer.try_claim(1_000) {
            assert!(claim.len() <= CAPACITY);
            claim.fill((0..40).map(message));
        }
        if let Ok(chunk) = consumer.try_chunk(1_000) {
            assert!(chunk.len() <= CAPACITY);
            assert_eq!(chunk.iter().count(), chunk.len());
            let count = chunk.len();
            chunk.release(count / 2);
        }
        assert!(producer.len().is_ok_and(|len| len <= CAPACITY) || producer.len().is_err());
    }
    answers.push(producer.push_until(&message(0), shortly()));
    answers.pop(&consumer.pop_until(shortly()));
}

fn use_records(
    producer: &mut records::Producer,
    consumer: &mut records::Consumer,
    answers: &mut Answers,
) {
    for number in 0..200 {
        answers.push(producer.try_push(&record(number)));
        match consumer.try_peek() {
            Ok(record) => {
                let len = record.bytes().len();
                assert!(len < RECORDS_BYTES);
                assert_eq!(record.bytes().to_vec().len(), len);
                record.release();
                answers.done += 1;
            }
            Err(error) => answers.pop::<()>(&Err(error)),
        }
    }
    answers.push(producer.push_until(&record(0), shortly()));
    answers.pop(&consumer.pop_until(shortly()));
}

/// Would catch a wake-up that does not cross processes: each reply would take a slice of sleep.
#[test]
fn two_processes_that_sleep_wake_each_other() {
    if let Some(mut part) = Part::of_this_process() {
        let (elements, records) = part.attach();
        let mut elements = elements.consumer().expect("the seat is free");
        let mut records = records.producer().expect("the seat is free");
        elements.set_waiting(Waiting::Sleep { spins: 0 });
        while let Ok(it) = elements.pop() {
            records
                .push_until(&record(it[0]), soon())
                .expect("somebody pops");
        }
        return;
    }
    let test = "shared_processes::two_processes_that_sleep_wake_each_other";
    let memory = Memory::new();
    let (elements, records) = memory.create();
    let mut elements = elements.producer().expect("it is new");
    let mut records = records.consumer().expect("it is new");
    records.set_waiting(Waiting::Sleep { spins: 0 });
    let mut other = Other::start(test, &memory, 0, None);
    for number in 0..20_000 {
        elements
            .push_until(&message(number), soon())
            .expect("there is a place");
        assert_eq!(records.pop_until(soon()), Ok(record(number)));
    }
    drop(elements);
    assert_eq!(
        records.pop_until(Deadline::Never),
        Err(PopError::Left),
        "the other left in order"
    );
    assert!(other.0.wait().expect("it is ours").success());
}

/// Would catch a producer on lines of its own that dies and whose successor does not find the tail,
/// or a stamp that is believed although it is garbage.
#[test]
fn a_producer_on_lines_is_killed_and_followed_and_then_garbled() {
    type Lines = lines::Ring<Message>;
    if let Some(mut part) = Part::of_this_process() {
        if part.number == u64::MAX {
            return scribble(&part);
        }
        let region = Mapping::file(part.files.remove(0), Hints::default());
        let region = Arc::new(region.expect("it can be mapped"));
        let ring = Lines::attach(region, 7).expect("there is a ring");
        let mut producer = ring.producer().expect("the last one is dead");
        assert_eq!(producer.predecessor(), part.predecessor);
        for number in part.number.. {
            producer
                .push_until(&message(number), soon())
                .expect("somebody pops");
        }
    }
    let test = "shared_processes::a_producer_on_lines_is_killed_and_followed_and_then_garbled";
    let memfd = || {
        let size = Lines::size_bytes(CAPACITY).expect("it fits the memory");
        Arc::new(Mapping::memfd("test", size, Hints::default()).expect("there is memory"))
    };
    let memory = Memory {
        elements: memfd(),
        records: memfd(),
    };
    let region = Arc::clone(&memory.elements) as Arc<dyn Region>;
    let ring = Lines::create(region, CAPACITY, 7).expect("it is new");
    let mut consumer = ring.consumer().expect("it is new");
    let mut dice = SplitMix(3);
    let (mut next, mut predecessor) = (0, None);
    for round in 0..40 {
        let mut other = Other::start(test, &memory, next, predecessor);
        let last = next + 1 + dice.below(3_000);
        while next < last {
            assert_eq!(
                from_successor(predecessor, || consumer.pop_until(soon())),
                Ok(message(next)),
                "round {round}"
            );
            next += 1;
        }
        other.kill();
        until_dead(|| consumer.peer(), other.pid());
        predecessor = Some(other.pid());
        while let Ok(it) = consumer.try_pop() {
            assert_eq!(it, message(next), "round {round}");
            next += 1;
        }
    }
    let mut producer = ring.producer().expect("the last one is dead");
    let mut other = Other::start(test, &memory, u64::MAX, None);
    other.is_ready();
    let mut answers = Answers::default();
    for number in 0..100_000_u64 {
        answers.push(producer.try_push(&message(number)));
        answers.pop(&consumer.try_pop());
        if number % 1_000 == 0 {
            answers.push(producer.push_until(&message(number), shortly()));
            answers.pop(&consumer.pop_until(shortly()));
            drop(producer);
            // The word of the seat may be scribbled over while it is taken, but not for ever.
            let again = (0..1_000).find_map(|_| answers.seat(ring.producer()));
            let again = again.expect("garbage names no living process");
            producer = again;
        }
    }
    assert!(answers.done > 0 && answers.corrupt > 0, "{answers:?}");
}
