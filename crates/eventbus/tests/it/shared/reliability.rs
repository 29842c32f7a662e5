//! Publishers and consumers that are killed, hang and are slow, on a disk that is full for a while.
//!
//! The disk is a small file system in memory, which only these processes see: `unshare` of util-linux and
//! user namespaces are needed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use claude_flow_eventbus::Deadline;
use claude_flow_eventbus::shared::{
    AttachError, Bus, Item, Overflow, PublishError, Publisher, PublisherOptions, SubscribeOptions,
    Subscriber,
};
use claude_flow_msgpool::ClassOptions;
use rustix::process::{Pid, Signal, kill_process};

use super::processes::{Other, part};
use super::{Dice, PATIENCE, left_behind, pattern, stress, topic};

const TEST: &str = "shared::reliability::nothing_acknowledged_is_lost_whoever_is_killed";

const PUBLISHERS: u64 = 8;
const CONSUMERS: u64 = 8;
const DISK_BYTES: u64 = 16 << 20;
const BATCH: usize = 64;

/// What a consumer writes down for each message: who published it, its number, its tries.
const RECORD_BYTES: usize = 24;

/// Messages of each publisher; 40,000 together, 1,000,000 from `STRESS=25` on.
fn count() -> u64 {
    (40_000 * stress()).min(1_000_000) / PUBLISHERS
}

/// Where everybody finds what: the bus on the small disk, the accounts beside it.
struct Places(PathBuf);

impl Places {
    fn bus(&self) -> PathBuf {
        self.0.join("disk").join("bus")
    }

    /// The highest number that a publisher was told is published.
    fn ledger(&self, publisher: u64) -> File {
        let path = self.0.join(format!("ledger-{publisher}"));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        options.open(path).expect("the account can be opened")
    }

    fn log(&self, consumer: u64) -> PathBuf {
        self.0.join(format!("log-{consumer}"))
    }

    fn say(&self, word: &str) {
        File::create(self.0.join(word)).expect("it can be said");
    }

    fn is_said(&self, word: &str) -> bool {
        self.0.join(word).exists()
    }
}

fn read_ledger(ledger: &File) -> u64 {
    let mut bytes = [0; 8];
    let read = ledger.read_at(&mut bytes, 0).expect("the account");
    if read == 8 {
        u64::from_le_bytes(bytes)
    } else {
        0
    }
}

/// Tries until the disk has room.
fn patiently<T>(places: &Places, attach: impl Fn() -> Result<T, AttachError>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match attach() {
            Ok(it) => return it,
            Err(error) if error.is_full() => places.say("full"),
            Err(error) => panic!("it can attach: {error}"),
        }
        assert!(Instant::now() < end, "the disk has room again");
        std::thread::yield_now();
    }
}

fn publish(places: &Places, key: u64) {
    let ledger = places.ledger(key);
    let options = PublisherOptions {
        classes: vec![ClassOptions {
            payload_bytes: 128,
            slots: 2_048,
        }],
        ..PublisherOptions::default()
    };
    let bus = Bus::attach(&places.bus()).expect("there is one");
    let mut publisher: Publisher = patiently(places, || bus.publisher(&options));
    let topics: Vec<_> = (0..CONSUMERS)
        .map(|it| topic(&format!("work.{it}")))
        .collect();
    let mut next = read_ledger(&ledger) + 1;
    let mut end = Instant::now() + PATIENCE;
    while next <= count() {
        let payload: Vec<u8> = [key, next].into_iter().flat_map(u64::to_le_bytes).collect();
        match publisher.publish(&topics[(next % CONSUMERS) as usize], &payload) {
            Ok(receipt) => {
                assert_eq!(receipt.delivered, 1, "its subscription is there");
                let number = next.to_le_bytes();
                ledger.write_all_at(&number, 0).expect("the account");
                next += 1;
                end = Instant::now() + PATIENCE;
                continue;
            }
            Err(PublishError::Refused { .. } | PublishError::Exhausted { .. }) => {
                places.say("refused");
            }
            Err(PublishError::Lane { source, .. }) if source.is_full() => places.say("full"),
            Err(error) => panic!("it can publish: {error}"),
        }
        assert!(Instant::now() < end, "there is room again");
        std::thread::yield_now();
    }
}

fn consumer_options(consumer: u64) -> SubscribeOptions {
    SubscribeOptions {
        capacity: 128,
        overflow: Overflow::Refuse {
            after: Duration::from_millis(100),
        },
        // Here consumers die of being killed, and not of a message.
        tries_max: 10_000,
        ..SubscribeOptions::named(&format!("work-{consumer}"))
    }
}

fn subscribe(bus: &Bus, consumer: u64) -> Result<Subscriber, AttachError> {
    let pattern = pattern(&format!("work.{consumer}"));
    bus.subscribe(&pattern, &consumer_options(consumer))
}

/// Writes down what comes, then acknowledges it, until it is told to stop and everybody has gone.
fn consume(places: &Places, consumer: u64) {
    let bus = Bus::attach(&places.bus()).expect("there is one");
    let mut subscriber = patiently(places, || subscribe(&bus, consumer));
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(places.log(consumer));
    let mut log = log.expect("the log");
    // A write that a kill has cut short.
    let len = log.metadata().expect("the log").len();
    log.set_len(len - len % RECORD_BYTES as u64)
        .expect("the log");
    let mut held = Vec::new();
    let mut records = Vec::new();
    loop {
        let until = Deadline::after(Duration::from_millis(20));
        let mut item = subscriber.recv_until(until).expect("nothing is damaged");
        while let Some(it) = item.take() {
            let message = match it {
                Item::Message(message) => message,
                other => panic!("nothing is dropped: {other:?}"),
            };
            records.extend_from_slice(&message.payload().to_vec());
            records.extend_from_slice(&u64::from(message.tries()).to_le_bytes());
            held.push(message);
            if held.len() < BATCH {
                item = subscriber.try_recv().expect("nothing is damaged");
            }
        }
        if held.is_empty() && places.is_said("stop") && subscriber.publishers() == 0 {
            return;
        }
        log.write_all(&records).expect("the log");
        records.clear();
        for message in held.drain(..) {
            assert!(subscriber.acknowledge(&message));
        }
        // One is slow.
        for _ in 0..if consumer == 0 { 50 } else { 0 } {
            std::thread::yield_now();
        }
    }
}

/// The processes, and what was done to them.
struct Supervisor {
    places: Places,
    publishers: Vec<Option<Other>>,
    consumers: Vec<Other>,
    dice: Dice,
    publishers_killed: u64,
    consumers_killed: u64,
    hangs: u64,
}

impl Supervisor {
    fn start(&self, kind: &str, number: u64) -> Other {
        Other::start(TEST, &self.places.0, &format!("{kind} {number}"))
    }

    fn progress(&self) -> u64 {
        let ledgers = (0..PUBLISHERS).map(|it| read_ledger(&self.places.ledger(it)));
        ledgers.sum()
    }

    /// Whether all publishers are done.
    fn is_done(&mut self) -> bool {
        for place in &mut self.publishers {
            let ended = place
                .as_mut()
                .and_then(|it| it.0.try_wait().expect("it is ours"));
            if let Some(status) = ended {
                assert!(status.success(), "a publisher failed: {status}");
                *place = None;
            }
        }
        self.publishers.iter().all(Option::is_none)
    }

    fn kill_publisher(&mut self, number: u64) {
        if let Some(mut publisher) = self.publishers[number as usize].take() {
            publisher.kill();
            self.publishers_killed += 1;
            self.publishers[number as usize] = Some(self.start("publish", number));
        }
    }

    fn kill_consumer(&mut self, number: u64) {
        // Its successor finds the name free.
        self.consumers[number as usize].kill();
        self.consumers_killed += 1;
        self.consumers[number as usize] = self.start("consume", number);
    }

    /// A consumer hangs until a publisher was refused for it; then it goes on, or is killed.
    fn hang_consumer(&mut self, number: u64) {
        let pid = self.consumers[number as usize].0.id().cast_signed();
        let pid = Pid::from_raw(pid).expect("it has one");
        let _ = std::fs::remove_file(self.places.0.join("refused"));
        kill_process(pid, Signal::STOP).expect("it is ours");
        while !self.places.is_said("refused") && !self.is_done() {
            std::thread::yield_now();
        }
        self.hangs += 1;
        if self.dice.below(2) == 0 {
            kill_process(pid, Signal::CONT).expect("it is ours");
        } else {
            self.kill_consumer(number);
        }
    }

    /// The disk is full until somebody has said that he found it so.
    fn fill_disk(&mut self) {
        let path = self.places.0.join("disk").join("ballast");
        while !self.places.is_said("full") && !self.is_done() {
            let mut ballast = OpenOptions::new().create(true).append(true).open(&path);
            let ballast = ballast.as_mut().expect("the ballast");
            while ballast.write_all(&[0; 4_096]).is_ok() {}
            let number = self.dice.below(PUBLISHERS);
            self.kill_publisher(number);
            std::thread::yield_now();
        }
        std::fs::remove_file(path).expect("the ballast");
    }

    /// Something happens after every so many messages.
    fn run(&mut self) {
        let events = (count() / 200).clamp(24, 240);
        let step = count() * PUBLISHERS / events;
        let mut next = step;
        let mut happened = 0;
        let mut watch = (0, Instant::now());
        while !self.is_done() {
            let progress = self.progress();
            if progress != watch.0 {
                watch = (progress, Instant::now());
            }
            assert!(watch.1.elapsed() < PATIENCE, "they get on: {progress}");
            if progress < next {
                std::thread::yield_now();
                continue;
            }
            next += step;
            happened += 1;
            let number = self.dice.below(CONSUMERS);
            match happened % 8 {
                3 => self.hang_consumer(number),
                _ if happened == events / 3 => self.fill_disk(),
                0..4 => self.kill_consumer(number),
                _ => self.kill_publisher(number),
            }
        }
    }
}

fn supervise(directory: PathBuf) {
    let places = Places(directory);
    let disk = places.0.join("disk");
    std::fs::create_dir(&disk).expect("a directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o"])
        .arg(format!("size={DISK_BYTES}"))
        .arg("tmpfs")
        .arg(&disk)
        .status();
    assert!(
        mounted.expect("there is `mount`").success(),
        "a file system in memory"
    );
    let bus = Bus::open(&places.bus()).expect("a bus");
    for consumer in 0..CONSUMERS {
        drop(subscribe(&bus, consumer).expect("there is room"));
    }
    let start = Instant::now();
    let mut it = Supervisor {
        places,
        publishers: Vec::new(),
        consumers: Vec::new(),
        dice: Dice(7),
        publishers_killed: 0,
        consumers_killed: 0,
        hangs: 0,
    };
    it.publishers = (0..PUBLISHERS)
        .map(|k| Some(it.start("publish", k)))
        .collect();
    it.consumers = (0..CONSUMERS).map(|c| it.start("consume", c)).collect();
    it.run();
    it.places.say("stop");
    it.consumers.drain(..).for_each(Other::join);
    let elapsed = start.elapsed();
    let sums = account(&it.places, it.publishers_killed);
    for subscription in bus.stats().subscriptions {
        assert_eq!((subscription.waiting, subscription.dropped), (0, 0));
        let name = subscription.name.expect("they are durable");
        assert!(bus.remove(&name).expect("nobody receives"));
    }
    bus.reclaim().expect("nobody has the lock");
    assert_eq!(left_behind(&bus), Vec::<String>::new(), "no memory is lost");
    println!(
        "reliability: {} messages acknowledged to 8 publishers, 0 lost, {} delivered twice to their \
         consumer ({} of them published twice); {} publishers and {} consumers killed, {} hung, disk \
         full: {}; {:.1} s",
        sums.published,
        sums.twice,
        sums.unflagged,
        it.publishers_killed,
        it.consumers_killed,
        it.hangs,
        it.places.is_said("full"),
        elapsed.as_secs_f64(),
    );
    it.places.say("done");
}

#[derive(Default)]
struct Sums {
    published: u64,
    /// Came more than once.
    twice: u64,
    /// Of these, without the flag of a redelivery.
    unflagged: u64,
}

/// Compares what publishers were told with what consumers wrote down.
fn account(places: &Places, publishers_killed: u64) -> Sums {
    let mut sums = Sums::default();
    let mut came = vec![vec![false; count() as usize + 1]; PUBLISHERS as usize];
    for consumer in 0..CONSUMERS {
        let mut bytes = Vec::new();
        let mut log = File::open(places.log(consumer)).expect("the log");
        log.read_to_end(&mut bytes).expect("the log");
        let mut last = [0; PUBLISHERS as usize];
        for record in bytes.chunks_exact(RECORD_BYTES) {
            let word = |at: usize| record[at..at + 8].try_into().expect("eight bytes");
            let (key, number) = (u64::from_le_bytes(word(0)), u64::from_le_bytes(word(8)));
            assert_eq!(number % CONSUMERS, consumer, "it is for this one");
            let came = &mut came[key as usize][number as usize];
            if *came {
                sums.twice += 1;
                sums.unflagged += u64::from(u64::from_le_bytes(word(16)) == 0);
                continue;
            }
            *came = true;
            assert!(number > last[key as usize], "in the order of its publisher");
            last[key as usize] = number;
        }
    }
    for (key, came) in (0..).zip(&came) {
        let told = read_ledger(&places.ledger(key));
        assert_eq!(told, count(), "publisher {key} is done");
        let lost: Vec<_> = (1..=told).filter(|it| !came[*it as usize]).collect();
        assert_eq!(lost, [], "of publisher {key}");
        sums.published += told;
    }
    assert!(sums.unflagged <= publishers_killed, "only a kill repeats");
    sums
}

#[test]
fn nothing_acknowledged_is_lost_whoever_is_killed() {
    if let Some((directory, part)) = part() {
        let places = Places(directory);
        let (kind, number) = part.split_once(' ').unwrap_or((&part, ""));
        let number = || number.parse().expect("a number");
        return match kind {
            "supervise" => supervise(places.0),
            "publish" => publish(&places, number()),
            "consume" => consume(&places, number()),
            _ => {}
        };
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut supervisor = inside(directory.path()).expect(
        "`unshare` of util-linux starts a process in new user and mount namespaces; allow them",
    );
    supervisor.0.wait().expect("it is ours");
    let done = Path::new("done");
    assert!(
        directory.path().join(done).exists(),
        "the supervisor was content"
    );
}

/// The supervisor, where it may mount what nobody else sees.
fn inside(directory: &Path) -> io::Result<Other> {
    let this = std::env::current_exe()?;
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "--"])
        .arg(this)
        .args(["--exact", TEST, "--nocapture", "--quiet"]);
    Other::spawn(command, directory, "supervise")
}
