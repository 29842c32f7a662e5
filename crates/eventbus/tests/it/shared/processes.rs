//! Processes that come, go and are killed.
//!
//! The other process is this program again, told by its environment to play a part in the test of
//! the same name.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use claude_flow_eventbus::shared::{Bus, PublisherOptions, SubscribeOptions};

use super::{bus, drain, left_behind, next_message, number, pattern, stress, topic};

const DIRECTORY: &str = "EVENTBUS_TEST_DIRECTORY";
const PART: &str = "EVENTBUS_TEST_PART";

/// Another process; killed at the latest when the test ends.
pub(super) struct Other(pub(super) Child);

impl Other {
    pub(super) fn start(test: &str, directory: &Path, part: &str) -> Self {
        let this = std::env::current_exe().expect("this program is a file");
        let mut command = Command::new(this);
        command.args(["--exact", test, "--nocapture", "--quiet"]);
        command.stdout(std::process::Stdio::null());
        let other = Self::spawn(command, directory, part);
        other.expect("this program can be started again")
    }

    pub(super) fn spawn(
        mut command: Command,
        directory: &Path,
        part: &str,
    ) -> std::io::Result<Self> {
        command.env(DIRECTORY, directory).env(PART, part);
        command.spawn().map(Self)
    }

    pub(super) fn kill(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }

    pub(super) fn join(mut self) {
        let status = self.0.wait().expect("it is ours");
        assert!(status.success(), "the other process failed: {status}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Errors say that it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What this process is to do, if it is another one.
pub(super) fn part() -> Option<(PathBuf, String)> {
    let directory = std::env::var_os(DIRECTORY)?;
    Some((directory.into(), std::env::var(PART).expect("a part")))
}

/// Answers every number with one more, until it is told zero.
fn answer(bus: &Bus, part: &str) {
    let mut questions = bus
        .subscribe(
            &pattern(&format!("ask.{part}")),
            &SubscribeOptions::named(&format!("ask-{part}")),
        )
        .expect("there is room");
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    loop {
        let message = next_message(&mut questions);
        let question = number(&message);
        assert!(questions.acknowledge(&message));
        if question == 0 {
            return;
        }
        publisher
            .publish(
                &topic(&format!("answer.{part}")),
                &(question + 1).to_le_bytes(),
            )
            .expect("there is room");
    }
}

/// 24 processes; `STRESS=12` makes it 288.
#[test]
fn many_processes_find_each_other() {
    if let Some((directory, part)) = part() {
        return answer(&Bus::attach(&directory).expect("there is one"), &part);
    }
    let (_directory, bus) = bus();
    let count = (24 * stress()).min(288);
    let mut answers = bus
        .subscribe(&pattern("answer.*"), &SubscribeOptions::named("answers"))
        .expect("room");
    let others: Vec<_> = (0..count)
        .map(|index| {
            // There before its process: nothing is published into the void.
            let name = format!("ask-{index}");
            let asked = pattern(&format!("ask.{index}"));
            drop(bus.subscribe(&asked, &SubscribeOptions::named(&name)));
            let test = "shared::processes::many_processes_find_each_other";
            Other::start(test, bus.directory(), &index.to_string())
        })
        .collect();
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    for round in 1..=5_u64 {
        for index in 0..count {
            let asked = topic(&format!("ask.{index}"));
            let receipt = publisher.publish(&asked, &round.to_le_bytes());
            assert_eq!(receipt.expect("there is room").delivered, 1);
        }
        for _ in 0..count {
            let message = next_message(&mut answers);
            assert_eq!(number(&message), round + 1);
            assert!(answers.acknowledge(&message));
        }
    }
    let stats = bus.stats();
    let alive = stats.publishers.iter().filter(|it| it.pid.is_some());
    assert_eq!(alive.count() as u64, count + 1);
    for index in 0..count {
        let asked = topic(&format!("ask.{index}"));
        publisher
            .publish(&asked, &0_u64.to_le_bytes())
            .expect("room");
    }
    others.into_iter().for_each(Other::join);
    drop(publisher);
    drop(answers);
    for index in 0..count {
        assert!(bus.remove(&format!("ask-{index}")).expect("it left"));
    }
    assert!(bus.remove("answers").expect("it left"));
    bus.reclaim().expect("nobody has the lock");
    assert_eq!(left_behind(&bus), Vec::<String>::new());
}

/// Publishes or receives without end, and says so once.
fn run_until_killed(directory: &Path, part: &str) {
    let bus = Bus::attach(directory).expect("there is one");
    let ready = || std::fs::File::create(directory.join("dead")).map(drop);
    if part == "publish" {
        let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
        for number in 0_u64.. {
            let _ = publisher.publish(&topic("a"), &number.to_le_bytes());
            if number == 10 {
                ready().expect("the directory is ours");
            }
        }
    }
    let mut subscriber = bus
        .subscribe(&pattern("a"), &SubscribeOptions::default())
        .expect("room");
    ready().expect("the directory is ours");
    loop {
        let message = next_message(&mut subscriber);
        assert!(subscriber.acknowledge(&message));
    }
}

/// Waits until the other process has said that it is there.
fn wait_for(path: &Path) {
    let end = std::time::Instant::now() + super::PATIENCE;
    while std::fs::remove_file(path).is_err() {
        assert!(std::time::Instant::now() < end, "the other process came");
        std::thread::yield_now();
    }
}

#[test]
fn what_a_killed_process_had_is_cleared_away() {
    if let Some((directory, part)) = part() {
        return run_until_killed(&directory, &part);
    }
    let test = "shared::processes::what_a_killed_process_had_is_cleared_away";
    let (_directory, bus) = bus();
    let there = bus.directory().join("dead");
    // A subscriber: its publisher gets everything back.
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    for _ in 0..5 {
        let mut other = Other::start(test, bus.directory(), "subscribe");
        wait_for(&there);
        for number in 0..100_u64 {
            publisher
                .publish(&topic("a"), &number.to_le_bytes())
                .expect("room");
        }
        other.kill();
        publisher.publish(&topic("a"), b"12345678").expect("room");
        assert_eq!(bus.reclaim().expect("nobody has the lock"), 1);
        publisher.publish(&topic("a"), b"12345678").expect("room");
        assert_eq!(publisher.in_use(), 0);
    }
    // A publisher: what it has published is read, then its memory goes.
    let mut subscriber = bus
        .subscribe(&pattern("a"), &SubscribeOptions::default())
        .expect("room");
    for _ in 0..5 {
        let mut other = Other::start(test, bus.directory(), "publish");
        wait_for(&there);
        other.kill();
        let mut expected = 0;
        while expected < 10 {
            let message = next_message(&mut subscriber);
            assert_eq!(number(&message), expected, "in order");
            expected += 1;
            assert!(subscriber.acknowledge(&message));
        }
        drain(&mut subscriber);
    }
    drop((publisher, subscriber));
    bus.reclaim().expect("nobody has the lock");
    assert_eq!(left_behind(&bus), Vec::<String>::new());
    std::io::stdout().flush().expect("somebody listens");
}
