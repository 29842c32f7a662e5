//! A pool between processes, of which one dies or lies.
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

use claude_flow_msgpool::Deadline;
use claude_flow_msgpool::shared::{Buffer, ClaimError, Handle, Message, Options, Pool};
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::{PopError, spsc};

use crate::shared::{memfd, options};

/// Where the other process finds the memories, and what it is to do.
const MEMORY: &str = "MSGPOOL_TEST_MEMORY";
const PART: &str = "MSGPOOL_TEST_PART";

/// How long anything is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);

const SLOTS: usize = 64;
const RING: usize = 16;

/// What the bystander has at most.
const BYSTANDERS: usize = 4;

/// A generator of numbers that a failure can be repeated with (Steele, Lea, Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}

/// The other process; killed at the latest when the test ends.
struct Other(Child);

impl Other {
    fn start(test: &str, memories: &[&Arc<Mapping>], part: &str) -> Self {
        let pid = std::process::id();
        let paths: Vec<String> = memories
            .iter()
            .map(|it| it.descriptor().expect("a memfd has one").as_raw_fd())
            .map(|number| format!("/proc/{pid}/fd/{number}"))
            .collect();
        let this = std::env::current_exe().expect("this program is a file");
        let child = Command::new(this)
            .args(["--exact", test, "--nocapture"])
            .env(MEMORY, paths.join(" "))
            .env(PART, part)
            .stdout(Stdio::piped())
            .spawn();
        Self(child.expect("this program can be started again"))
    }

    /// Waits until the other process says that it is ready.
    fn is_ready(&mut self) {
        let output = self.0.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let said = lines.any(|line| line.is_ok_and(|line| line.ends_with("ready")));
        assert!(said, "the other process ended before it was ready");
    }

    /// Kills it, and waits until it is gone.
    fn end(mut self) {
        self.0.kill().expect("it is ours");
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

/// What this process is to do, if it is the other process.
fn part() -> Option<(String, Vec<File>)> {
    let paths = std::env::var(MEMORY).ok()?;
    let open = |path: &str| OpenOptions::new().read(true).write(true).open(path);
    let files = paths
        .split(' ')
        .map(|path| open(path).expect("the memory is there"));
    Some((
        std::env::var(PART).expect("there is a part"),
        files.collect(),
    ))
}

fn region(file: File) -> Arc<dyn Region> {
    Arc::new(Mapping::file(file, Hints::default()).expect("it can be mapped"))
}

fn say_ready() {
    std::io::stdout()
        .write_all(b"\nready\n")
        .expect("somebody listens");
}

/// Fills a buffer with one number, to its end.
fn fill(buffer: &mut Buffer, mark: u64) {
    for offset in (0..buffer.len()).step_by(8) {
        buffer.bytes().write(offset, &mark);
    }
}

/// The number that a message is full of.
fn mark(message: &Message) -> u64 {
    let mark = message.view().read(0).expect("it has a word");
    for offset in (0..message.len()).step_by(8) {
        assert_eq!(message.view().read(offset), Some(mark), "it is whole");
    }
    mark
}

fn small_options() -> Options {
    options(&[(64, SLOTS / 2), (1_024, SLOTS / 2)], 4)
}

/// Takes, sends, claims and drops as the dice fall, until it is killed.
fn exchange(seed: u64, mut files: Vec<File>) {
    let pool = Pool::attach(region(files.remove(0)), 0x5eed).expect("there is a pool");
    let to = spsc::Ring::<Handle>::attach(region(files.remove(0)), 0).expect("there is a ring");
    let from = spsc::Ring::<Handle>::attach(region(files.remove(0)), 0).expect("there is a ring");
    let mut to = to.producer().expect("the last one is dead");
    let mut from = from.consumer().expect("the last one is dead");
    let mut dice = SplitMix(seed);
    let mut kept = Vec::new();
    loop {
        match dice.below(8) {
            0..3 => {
                let len = [64, 1_024][usize::from(dice.below(2) == 1)];
                let Ok(mut buffer) = pool.take(len) else {
                    kept.clear();
                    continue;
                };
                fill(&mut buffer, dice.next());
                kept.push(buffer.freeze());
            }
            3..5 => {
                let Some(message) = kept.pop() else { continue };
                if dice.below(2) == 0 {
                    kept.insert(0, message.clone());
                }
                let handle = message.into_handle().expect("few are in flight");
                if to.try_push(&handle).is_err() {
                    drop(pool.claim(handle).expect("nobody else has it"));
                }
            }
            5..7 => {
                // Claimed before the place in the ring is released: whoever dies between leaves a
                // handle that is stale, and not one that nobody will ever read.
                if let Ok(chunk) = from.try_chunk(1) {
                    let claimed = pool.claim(chunk.read(0));
                    assert!(claimed.is_ok() || claimed.as_ref().err() == Some(&ClaimError::Stale));
                    kept.extend(claimed);
                    chunk.release(1);
                }
            }
            _ => {
                if dice.below(8) == 0 || kept.len() > 20 {
                    for message in &kept {
                        mark(message);
                    }
                    kept.truncate(2);
                }
            }
        }
    }
}

/// Has some slots all the time, and sees to it that nobody else writes to them.
fn stand_by(mut files: Vec<File>) {
    let pool = Pool::attach(region(files.remove(0)), 0x5eed).expect("there is a pool");
    let mut dice = SplitMix(99);
    let mut kept = std::collections::VecDeque::new();
    say_ready();
    loop {
        if kept.len() == BYSTANDERS {
            let (message, number) = kept.pop_front().expect("it has some");
            assert_eq!(mark(&message), number, "nobody else has the slot");
        }
        if let Ok(mut buffer) = pool.take([64, 1_024][usize::from(dice.below(2) == 1)]) {
            let number = dice.next();
            fill(&mut buffer, number);
            kept.push_back((buffer.freeze(), number));
        }
    }
}

/// Would catch a slot that a dead process keeps, one that two processes have at once, and a
/// reference in flight that is lost or doubled when one of its ends dies.
#[test]
fn whatever_a_killed_process_had_comes_back_and_nothing_else() {
    if let Some((part, files)) = part() {
        match part.parse() {
            Ok(seed) => exchange(seed, files),
            Err(_) => stand_by(files),
        }
        return;
    }
    let test = "shared_processes::whatever_a_killed_process_had_comes_back_and_nothing_else";
    let options = small_options();
    let memory = memfd(&options);
    let pool = Pool::create(Arc::clone(&memory) as Arc<dyn Region>, &options).expect("it is new");
    let size = spsc::Ring::<Handle>::size_bytes(RING).expect("it fits the memory");
    let ring =
        || Arc::new(Mapping::memfd("ring", size, Hints::default()).expect("there is memory"));
    let (up, down) = (ring(), ring());
    let create = |it: &Arc<Mapping>| {
        spsc::Ring::<Handle>::create(Arc::clone(it) as Arc<dyn Region>, RING, 0).expect("new")
    };
    let mut from = create(&up).consumer().expect("it is new");
    let mut to = create(&down).producer().expect("it is new");
    let mut bystander = Other::start(test, &[&memory], "stand by");
    bystander.is_ready();
    let mut dice = SplitMix(7);
    let rounds = 40 * std::env::var("STRESS").map_or(1, |it| it.parse().expect("a number"));
    for round in 0..rounds {
        let victim = Other::start(test, &[&memory, &up, &down], &round.to_string());
        let pid = victim.0.id();
        for _ in 0..=dice.below(400) {
            let handle = pop(&mut from, pid);
            // Of a predecessor there may be some that it claimed back or that were reclaimed.
            match pool.claim(handle) {
                Ok(message) => {
                    mark(&message);
                    let back = message.into_handle().expect("few are in flight");
                    if to.try_push(&back).is_err() {
                        drop(pool.claim(back).expect("nobody else has it"));
                    }
                }
                Err(error) => assert_eq!(error, ClaimError::Stale, "round {round}"),
            }
        }
        victim.end();
        pool.reclaim();
        while let Ok(handle) = from.try_pop() {
            assert_eq!(
                pool.claim(handle).err(),
                Some(ClaimError::Stale),
                "its sender is gone"
            );
        }
        claim_back(&pool, &down);
        let count = take_all(&pool);
        // The bystander goes from one class to the other while we do.
        let expected = SLOTS - 2 * BYSTANDERS..=SLOTS;
        assert!(
            expected.contains(&count),
            "round {round}: {count} came back"
        );
    }
    let ended = bystander.0.try_wait().expect("it is ours");
    assert_eq!(ended, None, "the bystander found nothing wrong");
    bystander.end();
    pool.reclaim();
    assert_eq!(pool.stats().in_use(), 0);
    assert_eq!(take_all(&pool), SLOTS, "every slot is there");
}

/// Takes what is in flight from us out of a ring whose consumer is dead.
fn claim_back(pool: &Pool, ring: &Arc<Mapping>) {
    let ring = spsc::Ring::<Handle>::attach(Arc::clone(ring) as Arc<dyn Region>, 0);
    let mut unread = ring
        .expect("a ring")
        .consumer()
        .expect("the last one is dead");
    let mut is_first = true;
    while let Ok(handle) = unread.try_pop() {
        // The dead one may have claimed the first before it could release it.
        assert!(pool.claim(handle).is_ok() || is_first);
        is_first = false;
    }
}

/// Takes every slot there is, and finds a number in each that no other has; how many there are.
fn take_all(pool: &Pool) -> usize {
    let mut all = Vec::new();
    for len in [64, 1_024] {
        while let Ok(mut buffer) = pool.take(len) {
            fill(&mut buffer, all.len() as u64);
            all.push(buffer.freeze());
        }
    }
    let marks: Vec<u64> = all.iter().map(mark).collect();
    assert_eq!(
        marks,
        (0..all.len() as u64).collect::<Vec<_>>(),
        "each once"
    );
    all.len()
}

/// The next handle of a victim, whose predecessor's death is told until it has its seat.
fn pop(from: &mut spsc::Consumer<Handle>, victim: u32) -> Handle {
    loop {
        match from.pop_until(soon()) {
            Ok(handle) => return handle,
            Err(PopError::Dead { pid }) if pid != victim => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Writes garbage, and what could almost be, all over the pool until it is killed.
fn scribble(seed: u64, file: &File) {
    let mut dice = SplitMix(seed);
    let size = file.metadata().expect("it is open").len();
    say_ready();
    loop {
        let word = match dice.below(4) {
            0 => dice.below(4),
            1 => dice.below(1 << 33),
            2 => dice.below(8) << 32 | dice.below(16) << 2 | 1,
            _ => dice.next(),
        };
        let at = match dice.below(8) {
            // The description seldom: else nobody would attach.
            0 => dice.below(1_152 / 8) * 8,
            1 => 1_152 + dice.below(64) * 8,
            _ => dice.below(size / 8) * 8,
        };
        let bytes = word.to_le_bytes();
        file.write_all_at(&bytes, at).expect("the memory is there");
    }
}

/// Would catch every index, length and word that is believed: an access out of bounds ends this
/// process, a loop without a bound never ends.
#[test]
fn garbage_all_over_the_pool_is_an_error_or_a_payload() {
    if let Some((part, files)) = part() {
        return scribble(part.parse().expect("a seed"), &files[0]);
    }
    let test = "shared_processes::garbage_all_over_the_pool_is_an_error_or_a_payload";
    let (mut taken, mut claimed, mut refused) = (0, 0, 0);
    for seed in 0..3 {
        let options = small_options();
        let memory = memfd(&options);
        let region = || Arc::clone(&memory) as Arc<dyn Region>;
        let pool = Pool::create(region(), &options).expect("it is new");
        let mut other = Other::start(test, &[&memory], &seed.to_string());
        other.is_ready();
        let mut dice = SplitMix(seed);
        let end = Instant::now() + Duration::from_millis(400);
        while Instant::now() < end {
            if let Ok(mut buffer) = pool.take([64, 1_024][usize::from(dice.below(2) == 1)]) {
                taken += 1;
                fill(&mut buffer, 1);
                let message = buffer.freeze();
                assert_eq!(message.to_vec().len(), message.len());
                let name = message.handle();
                let copy = message.clone();
                if let Ok(handle) = message.into_handle() {
                    count(&pool, handle, &mut claimed, &mut refused);
                }
                count(&pool, name, &mut claimed, &mut refused);
                drop(copy);
            }
            let words = [0; 4].map(|_: u32| dice.next().to_le_bytes());
            let forged: Handle = bytemuck::pod_read_unaligned(&words.concat()[..16]);
            count(&pool, forged, &mut claimed, &mut refused);
            let stats = pool.stats();
            assert!(stats.in_use() <= SLOTS && stats.touched_bytes <= stats.mapped_bytes);
            if dice.below(64) == 0 {
                pool.reclaim();
                let soon = Deadline::after(Duration::from_micros(50));
                drop(pool.take_until(1_024, soon));
                if let Ok(again) = Pool::attach(region(), 0x5eed) {
                    drop(again.take(1));
                }
            }
        }
    }
    assert!(
        taken > 0 && claimed > 0 && refused > 0,
        "the garbage came, and things worked between: {taken} {claimed} {refused}"
    );
}

fn count(pool: &Pool, handle: Handle, claimed: &mut u64, refused: &mut u64) {
    match pool.claim(handle) {
        Ok(message) => {
            *claimed += 1;
            assert!(message.len() <= 1_024);
            assert_eq!(message.to_vec().len(), message.len());
        }
        Err(_) => *refused += 1,
    }
}
