//! The way out: a thread and a connection for each other validator.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use claude_flow_consensus::ValidatorId;

use super::accept::{Answer, Hello};
use super::frame::{push_frame, read_frame, write_frame};
use super::noise::NoiseStream;
use super::queue::Queue;
use super::stream::Stream;
use super::{Address, HANDSHAKE_TIMEOUT, Party, SILENCE_MAX, WRITE_TIMEOUT};
use crate::node::Outbox;

/// How long to wait after the first failed attempt; doubled with each.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(10);

/// How long to wait at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How many bytes are gathered for one write.
const GATHERED_BYTES: usize = 64 << 10;

/// Keeps a connection to each other validator; dropping it ends them.
pub(crate) struct Dialer {
    /// By validator; nothing is ever put into our own.
    queues: Arc<[Arc<Queue>]>,
}

impl Dialer {
    /// Starts a thread for each other validator.
    pub(crate) fn start(party: &Arc<Party>, addresses: &[Address]) -> io::Result<Self> {
        let queues: Vec<_> = addresses
            .iter()
            .map(|_| Arc::new(Queue::default()))
            .collect();
        let dialer = Self {
            queues: queues.into(),
        };
        for (to, address) in party.roster.validators().zip(addresses) {
            if to == party.me {
                continue;
            }
            let queue = Arc::clone(&dialer.queues[to.0 as usize]);
            let (party, address) = (Arc::clone(party), address.clone());
            let thread = thread::Builder::new().name(format!("to-{to}"));
            thread.spawn(move || keep_sending(&party, to, &address, &queue))?;
        }
        Ok(dialer)
    }

    /// The sending side, for the node.
    pub(crate) fn outbox(&self) -> Box<dyn Outbox> {
        Box::new(Sender {
            queues: Arc::clone(&self.queues),
        })
    }

    /// The state of the connections, for whoever asks.
    pub(crate) fn queues(&self) -> Links {
        Links(Arc::clone(&self.queues))
    }
}

impl Drop for Dialer {
    fn drop(&mut self) {
        for queue in self.queues.iter() {
            queue.close();
        }
    }
}

/// Looks at the connections.
pub(crate) struct Links(Arc<[Arc<Queue>]>);

impl Links {
    /// Whether there is a connection, why not, and how many packets were dropped.
    pub(crate) fn link(&self, to: ValidatorId) -> (bool, Option<String>, u64) {
        self.0[to.0 as usize].link()
    }
}

/// Puts packets in front of the connections.
struct Sender {
    queues: Arc<[Arc<Queue>]>,
}

impl Outbox for Sender {
    fn send(&mut self, to: ValidatorId, bytes: &Arc<[u8]>) {
        if let Some(queue) = self.queues.get(to.0 as usize) {
            queue.put(bytes);
        }
    }
}

fn keep_sending(party: &Party, to: ValidatorId, address: &Address, queue: &Queue) {
    let mut pause = PAUSE_MIN;
    loop {
        let error = match dial(party, to, address) {
            Ok(mut stream) => {
                pause = PAUSE_MIN;
                queue.set_link(Ok(()));
                match send_all(&mut stream, queue) {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        queue.set_link(Err(error.to_string()));
        if !queue.pause(pause) {
            return;
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Sends until the connection breaks, or the queue is closed.
fn send_all(stream: &mut Stream, queue: &Queue) -> io::Result<()> {
    let mut framed = Vec::new();
    while let Some(packets) = queue.take() {
        for packet in packets {
            push_frame(&mut framed, &packet);
            if framed.len() >= GATHERED_BYTES {
                stream.write_all(&framed)?;
                framed.clear();
            }
        }
        stream.write_all(&framed)?;
        stream.flush()?;
        framed.clear();
    }
    Ok(())
}

fn dial(party: &Party, to: ValidatorId, address: &Address) -> io::Result<Stream> {
    let stream = match address {
        Address::Unix(path) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
            stream.set_write_timeout(Some(HANDSHAKE_TIMEOUT))?;
            let hello = Hello {
                roster: party.roster.digest(),
                from: party.me,
                to,
            };
            write_frame(&mut stream, &hello.encode())?;
            let answer = read_frame(&mut stream, 1)?;
            match answer.as_deref().and_then(Answer::decode) {
                Some(Answer::Welcome) => Stream::Unix(stream),
                Some(refusal) => {
                    let text = format!("{to} refuses: {}", refusal.text());
                    return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
                }
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Address::Tcp(host) => {
            let tcp = connect(host)?;
            tcp.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
            tcp.set_write_timeout(Some(HANDSHAKE_TIMEOUT))?;
            Stream::Noise(Box::new(NoiseStream::dial(tcp, party, to)?))
        }
    };
    stream.set_timeouts(SILENCE_MAX, WRITE_TIMEOUT)?;
    Ok(stream)
}

/// Tries each address that the host's name stands for.
fn connect(host: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, HANDSHAKE_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
