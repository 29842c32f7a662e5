//! Two processes: the measuring one starts this program again as its partner.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine::{self, Effort, Figure};
use crate::round_trip;

/// The number that ends the partner.
const STOP: u64 = u64::MAX;

/// Which of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It measures.
    Host,
    /// It was started by the host.
    Partner,
}

impl Side {
    /// A name for what this side sends into.
    pub(crate) const fn outgoing(self) -> &'static str {
        match self {
            Self::Host => "to-partner",
            Self::Partner => "to-host",
        }
    }

    /// A name for what this side receives from.
    pub(crate) const fn incoming(self) -> &'static str {
        match self {
            Self::Host => Self::Partner.outgoing(),
            Self::Partner => Self::Host.outgoing(),
        }
    }
}

/// A connection in both directions whose messages carry a number in a payload of the
/// adapter's size. Both calls wait by spinning.
pub(crate) trait Link: Sized {
    /// What a side has before the other is there.
    type Half;

    /// Makes what this side sends into; `dir` is empty, in memory, and known to both.
    fn create(dir: &Path, side: Side) -> Self::Half;

    /// Attaches to what the other side has made.
    fn connect(half: Self::Half, dir: &Path, side: Side) -> Self;

    fn send(&mut self, number: u64);

    /// Panics if the payload is torn.
    fn receive(&mut self) -> u64;
}

/// What the partner does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Sends back what it receives.
    Echo,
    /// Sends as many messages as the number says that it receives.
    Stream,
}

/// The round trip of one message.
pub(crate) fn round_trip<L: Link>(effort: &Effort, partner: &mut Command) -> Vec<Figure> {
    let mut host = Host::<L>::start(partner);
    let mut number = 0;
    round_trip::sampled(effort, || {
        host.link.send(number);
        assert_eq!(host.link.receive(), number, "the reply is another");
        number += 1;
    })
}

/// Messages a second from the partner to the host.
pub(crate) fn throughput<L: Link>(effort: &Effort, partner: &mut Command) -> Vec<Figure> {
    let mut host = Host::<L>::start(partner);
    let times = machine::rounds(effort, |count| {
        host.link.send(count);
        assert_eq!(host.link.receive(), 0, "messages begin with the first");
        let start = Instant::now();
        for number in 1..count {
            assert_eq!(host.link.receive(), number, "messages come in order");
        }
        start.elapsed()
    });
    let rate = |(count, time): (u64, Duration)| machine::millions_a_second(count - 1, time);
    Figure::rate(times.into_iter().map(rate).collect())
}

/// The partner's side of both measures.
pub(crate) fn partner<L: Link>(dir: &Path, task: Task) {
    machine::die_with_parent();
    let cores = machine::allowed_cores();
    machine::pin(cores[cores.len() - 1]);
    let half = L::create(dir, Side::Partner);
    let mut link = L::connect(half, dir, Side::Partner);
    println!("ready");
    loop {
        let number = link.receive();
        match task {
            _ if number == STOP => return,
            Task::Echo => link.send(number),
            Task::Stream => (0..number).for_each(|number| link.send(number)),
        }
    }
}

/// The measuring side and the process that it has started.
struct Host<L: Link> {
    link: L,
    partner: Child,
    /// Removed at the end.
    _dir: tempfile::TempDir,
}

impl<L: Link> Host<L> {
    fn start(partner: &mut Command) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("claude-flow-peers-")
            .tempdir_in("/dev/shm")
            .expect("there is memory to share");
        let half = L::create(dir.path(), Side::Host);
        // The partner is started before this process is bound: it inherits the cores.
        let mut partner = partner
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        machine::pin(machine::allowed_cores()[0]);
        let output = partner.stdout.take().expect("the output is piped");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        assert!(
            read.is_ok() && line == "ready\n",
            "the partner said {line:?}"
        );
        let link = L::connect(half, dir.path(), Side::Host);
        Self {
            link,
            partner,
            _dir: dir,
        }
    }
}

impl<L: Link> Drop for Host<L> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // It may wait for something that does not come. An error means that it has ended.
            let _ = self.partner.kill();
        } else {
            self.link.send(STOP);
        }
        let _ = self.partner.wait();
    }
}
