//! What the bus costs between processes: a stream, one way, and agents that talk to each other.
//!
//! `cargo bench -p claude-flow-benches --bench bus_processes`; without `--bench` it takes tiny inputs.
//! The bus is in `/dev/shm`. That everything came, in order, is a part of each figure. Times are those of
//! `CLOCK_MONOTONIC`, which all processes share. The other processes are this program again, told by its
//! environment what to be. It needs 64-bit Linux.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and files"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "counts are small, and figures have three digits"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use claude_flow_eventbus::shared::{
    Bus, Item, Overflow, Publisher, PublisherOptions, SubscribeOptions, Subscriber, Waiting,
};
use claude_flow_eventbus::{Deadline, Topic};
use claude_flow_msgpool::ClassOptions;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

const DIRECTORY: &str = "BUS_BENCH_DIRECTORY";
const PART: &str = "BUS_BENCH_PART";
const PAYLOAD_BYTES: usize = 64;

/// What does not come for so long is a bug.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an agent sends at a time, and how long the one way's publisher stays away between two.
const BURST: u64 = 5;
const ONE_WAY_PAUSE_NS: u64 = 5_000;

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

fn topic(text: &str) -> Topic {
    text.parse().expect("a topic")
}

/// Runs this process on one core, if there are so many.
fn pin(core: usize) {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let mut cores = CpuSet::new();
    cores.set(core % count);
    sched_setaffinity(None, &cores).expect("a process may choose its cores");
}

/// Another process; killed at the latest when it is dropped.
struct Other(Child);

impl Other {
    fn start(directory: &Path, part: &str) -> Self {
        let this = std::env::current_exe().expect("this program is a file");
        let child = Command::new(this)
            .env(DIRECTORY, directory)
            .env(PART, part)
            .spawn();
        Self(child.expect("this program can be started again"))
    }

    fn join(mut self) {
        let status = self.0.wait().expect("it is ours");
        assert!(status.success(), "the other process failed: {status}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus in memory, gone with this.
fn bus() -> (tempfile::TempDir, Bus) {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let bus = Bus::open(&directory.path().join("bus")).expect("a bus");
    (directory, bus)
}

fn subscribe(bus: &Bus, pattern: &str, capacity: usize, waiting: Waiting) -> Subscriber {
    let options = SubscribeOptions {
        capacity,
        overflow: Overflow::Refuse { after: PATIENCE },
        waiting,
        ..SubscribeOptions::default()
    };
    let subscriber = bus.subscribe(&pattern.parse().expect("a pattern"), &options);
    subscriber.expect("there is room")
}

fn publisher(bus: &Bus, slots: usize, waiting: Waiting) -> Publisher {
    let options = PublisherOptions {
        classes: vec![ClassOptions {
            payload_bytes: 128,
            slots,
        }],
        waiting,
    };
    bus.publisher(&options).expect("there is room")
}

/// Gives each message's first word and when it came; `count` of them.
fn receive(subscriber: &mut Subscriber, count: u64, mut call: impl FnMut(u64)) {
    let mut left = count;
    while left != 0 {
        let item = subscriber.recv_until(Deadline::after(PATIENCE));
        let Ok(Some(Item::Message(message))) = item else {
            panic!("everything comes: {item:?}, {left} to come");
        };
        call(message.payload().read(0).expect("it has a word"));
        subscriber.acknowledge(&message);
        left -= 1;
    }
}

/// One publishes as fast as it can, one receives; messages a second.
fn stream(count: u64) {
    let (_directory, bus) = bus();
    let mut subscriber = subscribe(&bus, "numbers", 4_096, Waiting::Spin);
    let other = Other::start(bus.directory(), &format!("stream {count}"));
    pin(1);
    let (mut next, mut start) = (0, Instant::now());
    receive(&mut subscriber, count, |number| {
        assert_eq!(number, next, "in order");
        if next == 0 {
            start = Instant::now();
        }
        next += 1;
    });
    let elapsed = start.elapsed();
    other.join();
    println!(
        "bus-processes/stream 64 B: {:.2} M/s ({count} messages in {elapsed:?})",
        (count - 1) as f64 / elapsed.as_secs_f64() / 1e6
    );
}

fn publish_stream(bus: &Bus, count: u64) {
    pin(0);
    let mut publisher = publisher(bus, 4_096, Waiting::Spin);
    let topic = topic("numbers");
    let mut payload = [0; PAYLOAD_BYTES];
    for number in 0..count {
        payload[..8].copy_from_slice(&number.to_le_bytes());
        let receipt = publisher.publish(&topic, &payload);
        assert_eq!(receipt.expect("there is room").delivered, 1);
    }
}

/// How long a message is on its way, one at a time, both spinning.
fn one_way(count: u64) {
    let (_directory, bus) = bus();
    let mut subscriber = subscribe(&bus, "times", 64, Waiting::Spin);
    let other = Other::start(bus.directory(), &format!("one-way {count}"));
    pin(1);
    let mut times = Vec::new();
    receive(&mut subscriber, count, |sent| times.push(now_ns() - sent));
    other.join();
    times.drain(..times.len() / 10);
    print_percentiles("bus-processes/one-way spinning, ns", times);
}

fn publish_times(bus: &Bus, count: u64) {
    pin(0);
    let mut publisher = publisher(bus, 64, Waiting::Spin);
    let topic = topic("times");
    let mut payload = [0; PAYLOAD_BYTES];
    for _ in 0..count {
        let until = now_ns() + ONE_WAY_PAUSE_NS;
        while now_ns() < until {
            std::hint::spin_loop();
        }
        payload[..8].copy_from_slice(&now_ns().to_le_bytes());
        let receipt = publisher.publish(&topic, &payload);
        assert_eq!(receipt.expect("there is room").delivered, 1);
    }
}

/// What agents are told.
struct Plan {
    agents: u64,
    /// All agents together, in messages a second.
    rate: u64,
    seconds: u64,
}

/// So many processes that send each other messages, in bursts, at times that are fixed beforehand; how
/// long after its time each message came.
fn agents(plan: &Plan) {
    let (directory, bus) = bus();
    let Plan {
        agents,
        rate,
        seconds,
    } = plan;
    let (agents, rate, seconds) = (*agents, *rate, *seconds);
    let others: Vec<_> = (0..agents)
        .map(|agent| {
            let part = format!("agent {agent} {agents} {rate} {seconds}");
            Other::start(bus.directory(), &part)
        })
        .collect();
    // All are there, and then all begin at one time.
    let end = Instant::now() + PATIENCE;
    while bus.stats().subscriptions.len() as u64 != agents {
        assert!(Instant::now() < end, "all agents come");
        std::thread::sleep(Duration::from_millis(20));
    }
    let start = now_ns() + 500_000_000;
    let told = directory.path().join("start.draft");
    std::fs::write(&told, start.to_string()).expect("it can be told");
    std::fs::rename(&told, directory.path().join("start")).expect("it can be told");
    others.into_iter().for_each(Other::join);
    let mut times = Vec::new();
    let mut expected = 0;
    for agent in 0..agents {
        let bytes = std::fs::read(directory.path().join(format!("bus-times-{agent}")));
        let bytes = bytes.expect("each agent tells");
        let words = bytes.chunks_exact(8);
        times.extend(words.map(|it| u64::from_le_bytes(it.try_into().expect("eight bytes"))));
        expected += bursts(plan) * BURST;
    }
    assert_eq!(times.len() as u64, expected, "everything came");
    let name = format!("bus-processes/{agents} agents, {rate} msg/s offered, ns after its time");
    print_percentiles(&name, times);
}

/// How many bursts each agent sends.
fn bursts(plan: &Plan) -> u64 {
    plan.rate * plan.seconds / plan.agents / BURST
}

fn agent(bus: &Bus, number: u64, plan: &Plan) {
    let mut inbox = subscribe(
        bus,
        &format!("agent.{number}"),
        64,
        Waiting::Sleep { spins: 0 },
    );
    let mut outbox = publisher(bus, 512, Waiting::Sleep { spins: 64 });
    let peers: Vec<_> = (0..plan.agents)
        .map(|it| topic(&format!("agent.{it}")))
        .collect();
    let directory = bus.directory().parent().expect("it has one").to_owned();
    let start = loop {
        match std::fs::read_to_string(directory.join("start")) {
            Ok(text) => break text.parse::<u64>().expect("a time"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let (bursts, period) = (
        bursts(plan),
        plan.agents * BURST * 1_000_000_000 / plan.rate,
    );
    // Every agent has its own place in the period, and sends to the others in turn.
    let first = start + period * number / plan.agents;
    let mut times: Vec<u8> = Vec::new();
    let (mut sent, mut came) = (0, 0);
    let clock = (Instant::now(), now_ns());
    while sent < bursts || came < bursts * BURST {
        let due = first + sent * period;
        if sent < bursts && now_ns() >= due {
            for index in 0..BURST {
                let to = (number + 1 + sent * BURST + index) % plan.agents;
                let mut payload = [0; PAYLOAD_BYTES];
                payload[..8].copy_from_slice(&due.to_le_bytes());
                let receipt = outbox.publish(&peers[to as usize], &payload);
                assert_eq!(receipt.expect("there is room").delivered, 1);
            }
            sent += 1;
            continue;
        }
        let until = if sent < bursts {
            clock.0 + Duration::from_nanos(due.saturating_sub(clock.1))
        } else {
            Instant::now() + PATIENCE
        };
        let item = inbox
            .recv_until(Deadline::At(until))
            .expect("nothing is damaged");
        let Some(Item::Message(message)) = item else {
            assert!(sent < bursts, "everything comes: {item:?}");
            continue;
        };
        let due: u64 = message.payload().read(0).expect("it has a word");
        times.extend((now_ns().saturating_sub(due)).to_le_bytes());
        inbox.acknowledge(&message);
        came += 1;
    }
    std::fs::write(directory.join(format!("bus-times-{number}")), times).expect("it can be told");
    // Until all have what was sent to them, nobody goes: the bus counts who is there.
    let end = Instant::now() + PATIENCE;
    while outbox.in_use() != 0 {
        assert!(Instant::now() < end, "everybody reads");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn print_percentiles(name: &str, mut times: Vec<u64>) {
    times.sort_unstable();
    let at = |per_mille: usize| times.get(times.len() * per_mille / 1_000);
    let at = |per_mille| at(per_mille).copied().unwrap_or(0);
    println!(
        "{name}: p50 {} p95 {} p99 {} p99.9 {} max {} of {}",
        at(500),
        at(950),
        at(990),
        at(999),
        times.last().copied().unwrap_or(0),
        times.len()
    );
}

/// What this process is to do, if it is another one.
fn play_part() -> bool {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return false;
    };
    let part = std::env::var(PART).expect("a part");
    let words: Vec<_> = part.split(' ').collect();
    let number = |at: usize| words[at].parse().expect("a number");
    let bus = Bus::attach(&directory).expect("there is one");
    match words[0] {
        "stream" => publish_stream(&bus, number(1)),
        "one-way" => publish_times(&bus, number(1)),
        _ => {
            let plan = Plan {
                agents: number(2),
                rate: number(3),
                seconds: number(4),
            };
            agent(&bus, number(1), &plan);
        }
    }
    true
}

fn main() {
    if play_part() {
        return;
    }
    let is_full = std::env::args().any(|it| it == "--bench");
    let scale = if is_full { 1 } else { 1_000 };
    for _ in 0..if is_full { 5 } else { 1 } {
        stream(10_000_000 / scale);
        one_way(200_000 / scale);
    }
    let counts: &[u64] = if is_full { &[5, 10, 100] } else { &[5] };
    for count in counts {
        agents(&Plan {
            agents: *count,
            rate: if is_full { 100_000 } else { 2_000 },
            seconds: if is_full { 3 } else { 1 },
        });
    }
}
