//! What the bus costs within one process: streams, round trips, routes.
//!
//! `cargo bench -p claude-flow-benches --bench eventbus`; run as a test it takes tiny inputs.
//! The publisher runs on one core and whoever receives on another, polling unless it says otherwise. That
//! everything came, in order, is a part of each figure.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use claude_flow_eventbus::{
    Bus, Fields, Item, Overflow, Pattern, RouteCache, Router, SubscribeOptions, Subscriber, Topic,
};
use claude_flow_msgpool::{ClassOptions, Options, Pool};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rustix::thread::{CpuSet, sched_setaffinity};

/// A publisher that nobody answers for so long is a bug.
const PATIENCE: Duration = Duration::from_secs(10);
const PAYLOAD_BYTES: usize = 64;
const BATCH: usize = 32;

fn bus() -> Bus {
    let pool = Pool::new(&Options {
        classes: vec![ClassOptions {
            payload_bytes: 128,
            slots: 1 << 14,
        }],
        ..Options::default()
    });
    Bus::new(pool.expect("the options are valid"))
}

fn subscribe(bus: &Bus, pattern: &str) -> Subscriber {
    let options = SubscribeOptions {
        overflow: Overflow::Wait(PATIENCE),
        ..SubscribeOptions::default()
    };
    bus.subscribe(&pattern.parse().expect("a pattern"), options)
        .expect("the options are valid")
}

fn topic(text: &str) -> Topic {
    text.parse().expect("a topic")
}

/// How many cores there are for this process, before a thread of it chooses one.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// Runs this thread on one core, if there are so many.
fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core % *CORES);
    sched_setaffinity(None, &cores).expect("a process may choose its cores");
}

fn number(item: &Item) -> u64 {
    let Item::Event(event) = item else {
        panic!("something was lost: {item:?}");
    };
    let first = event.payload().first_chunk().expect("64 bytes have eight");
    u64::from_le_bytes(*first)
}

/// How long it takes until `count` messages are with every subscriber, which one thread polls.
fn stream(count: u64, subscribers: usize, batch: usize) -> Duration {
    let bus = bus();
    let mut ends: Vec<_> = (0..subscribers)
        .map(|_| subscribe(&bus, "edits.*.saved"))
        .collect();
    let is_ready = Arc::new(AtomicBool::new(false));
    let is_there = Arc::clone(&is_ready);
    let receiving = thread::spawn(move || {
        pin(1);
        is_there.store(true, Ordering::Release);
        let mut next = vec![0; ends.len()];
        while next.iter().any(|it| *it < count) {
            for (end, next) in ends.iter_mut().zip(&mut next) {
                // As much as a few lines of the ring hold, then the next one.
                for _ in 0..BATCH {
                    let Ok(item) = end.try_recv() else {
                        break;
                    };
                    assert_eq!(number(&item), *next, "in order");
                    *next += 1;
                }
            }
        }
    });
    pin(0);
    while !is_ready.load(Ordering::Acquire) {
        spin_loop();
    }
    let mut publisher = bus.publisher_to(&topic("edits.rust.saved"));
    let start = Instant::now();
    let mut payloads = [[0_u8; PAYLOAD_BYTES]; BATCH];
    let mut next = 0;
    while next < count {
        let left = usize::try_from(count - next).unwrap_or(usize::MAX);
        let size = left.min(batch);
        for payload in &mut payloads[..size] {
            payload[..8].copy_from_slice(&next.to_le_bytes());
            next += 1;
        }
        let delivered = if batch == 1 {
            let receipt = publisher.publish(&payloads[0]).expect("there is room");
            u64::from(receipt.delivered)
        } else {
            let receipt = publisher.publish_all(&Fields::default(), &payloads[..size]);
            receipt.expect("there is room").delivered
        };
        assert_eq!(delivered, (size * subscribers) as u64);
    }
    receiving.join().expect("everything came, in order");
    start.elapsed()
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eventbus/publish");
    group.throughput(Throughput::Elements(1));
    for (name, subscribers, batch) in [
        ("one-subscriber", 1, 1),
        ("one-subscriber-batch", 1, BATCH),
        ("three-subscribers", 3, 1),
        ("three-subscribers-batch", 3, BATCH),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| stream(count, subscribers, batch));
        });
    }
    group.finish();
}

/// Questions and answers: the time of each, in nanoseconds.
fn round_trips(count: u64, is_blocking: bool) -> Vec<u64> {
    let bus = bus();
    let mut questions = subscribe(&bus, "ask.*");
    let mut answers = subscribe(&bus, "answer.*");
    let receive = move |end: &mut Subscriber| {
        if is_blocking {
            return end.recv().expect("the bus is open");
        }
        loop {
            if let Ok(item) = end.try_recv() {
                return item;
            }
            spin_loop();
        }
    };
    let mut answer = bus.publisher_to(&topic("answer.this"));
    let answering = thread::spawn(move || {
        pin(1);
        for expected in 0..count {
            let question = receive(&mut questions);
            assert_eq!(number(&question), expected);
            let receipt = answer.publish(&expected.to_le_bytes());
            assert_eq!(receipt.expect("there is room").delivered, 1);
        }
    });
    pin(0);
    let mut ask = bus.publisher_to(&topic("ask.this"));
    let mut times = Vec::new();
    for question in 0..count {
        let start = Instant::now();
        let receipt = ask.publish(&question.to_le_bytes());
        assert_eq!(receipt.expect("there is room").delivered, 1);
        assert_eq!(number(&receive(&mut answers)), question);
        times.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    answering.join().expect("every question was answered");
    times
}

fn latencies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eventbus/round-trip");
    for (name, is_blocking) in [("spinning", false), ("blocking", true)] {
        let mut all = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let times = round_trips(count, is_blocking);
                let sum = times.iter().sum();
                // The first ones find cold caches.
                all.extend(times.into_iter().skip(1_000));
                Duration::from_nanos(sum)
            });
        });
        all.sort_unstable();
        let at = |per_mille: usize| {
            let place = all.len() * per_mille / 1_000;
            all.get(place).copied().unwrap_or(0)
        };
        println!(
            "eventbus/round-trip/{name} ns: p50 {} p99 {} p99.9 {} of {}",
            at(500),
            at(990),
            at(999),
            all.len()
        );
    }
    group.finish();
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// How many different tokens there are at each depth.
const TOKENS: [u64; 4] = [10, 20, 30, 40];

fn patterns(count: usize) -> Vec<Pattern> {
    let mut numbers = Numbers(1);
    let mut pattern = || {
        let mut tokens = Vec::new();
        for (depth, end) in TOKENS.into_iter().enumerate() {
            match numbers.below(100) {
                0..15 => tokens.push("*".to_owned()),
                15..18 if depth > 1 => {
                    tokens.push(">".to_owned());
                    break;
                }
                _ => tokens.push(format!("token{depth}{}", numbers.below(end))),
            }
        }
        tokens.join(".").parse().expect("a pattern")
    };
    (0..count).map(|_| pattern()).collect()
}

fn topics(count: usize) -> Vec<Topic> {
    let mut numbers = Numbers(7);
    let mut text = || {
        let token = |(depth, end)| format!("token{depth}{}", numbers.below(end));
        TOKENS
            .into_iter()
            .enumerate()
            .map(token)
            .collect::<Vec<_>>()
    };
    (0..count).map(|_| topic(&text().join("."))).collect()
}

fn routes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eventbus/route");
    for count in [100, 10_000, 100_000] {
        let router = Arc::new(Router::new());
        let patterns = patterns(count);
        let numbered = patterns.iter().cloned().zip(0_usize..);
        router.insert_all(numbered).expect("there is room");
        for (name, topics) in [("repeated", topics(256)), ("new", topics(50_000))] {
            let mut cache = RouteCache::new(Arc::clone(&router));
            let mut matches = 0;
            for topic in topics.iter().take(100) {
                let mut found: Vec<_> = cache.route(topic).copied().collect();
                found.sort_unstable();
                let all = patterns.iter().enumerate();
                let expected: Vec<_> = all
                    .filter_map(|(index, it)| it.matches(topic).then_some(index))
                    .collect();
                assert_eq!(found, expected, "{topic}");
                matches += found.len();
            }
            println!("eventbus/route/{name}/{count}: {matches} matches for 100 topics");
            let mut next = topics.iter().cycle();
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| {
                    let topic = next.next().expect("it goes round");
                    cache.route(black_box(topic)).copied().sum::<usize>()
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = streams, latencies, routes
}
criterion_main!(benches);
