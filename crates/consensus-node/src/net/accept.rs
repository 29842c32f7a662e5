//! The way in: a listener, and a thread for each connection.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use claude_flow_consensus::{Digest, ValidatorId};

use super::frame::{read_frame, write_frame};
use super::noise::NoiseStream;
use super::stream::{Hook, Stream};
use super::{Address, HANDSHAKE_TIMEOUT, Party, SILENCE_MAX, WRITE_TIMEOUT};
use crate::node::NodeHandle;

/// How many bytes are read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// `cfhello` and the version.
const HELLO: [u8; 8] = *b"cfhello\x01";

/// How many connections there may be beside two for each validator.
const SPARE_CONNECTIONS: usize = 8;

/// The first frame over a Unix socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) roster: Digest,
    pub(super) from: ValidatorId,
    pub(super) to: ValidatorId,
}

impl Hello {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (from, to) = (self.from.0.to_le_bytes(), self.to.0.to_le_bytes());
        [HELLO.as_slice(), self.roster.as_bytes(), &from, &to].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (hello, rest) = bytes.split_first_chunk()?;
        let (roster, rest) = rest.split_first_chunk()?;
        let (from, rest) = rest.split_first_chunk()?;
        let (to, rest) = rest.split_first_chunk()?;
        (*hello == HELLO && rest.is_empty()).then(|| Self {
            roster: Digest::from_bytes(*roster),
            from: ValidatorId(u32::from_le_bytes(*from)),
            to: ValidatorId(u32::from_le_bytes(*to)),
        })
    }
}

/// What a hello is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Welcome,
    Version,
    Roster,
    Stranger,
    Busy,
    User,
}

impl Answer {
    const ALL: [Self; 6] = [
        Self::Welcome,
        Self::Version,
        Self::Roster,
        Self::Stranger,
        Self::Busy,
        Self::User,
    ];

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [byte] = bytes else { return None };
        Self::ALL.into_iter().find(|answer| *answer as u8 == *byte)
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Welcome => "nothing is wrong",
            Self::Version => "it speaks another version",
            Self::Roster => "it has another roster",
            Self::Stranger => "it is another validator, or does not know this one",
            Self::Busy => "it has too many connections",
            Self::User => "it runs as another user",
        }
    }
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// A listener; dropping it ends it and all of its connections.
pub(crate) struct Acceptor {
    shared: Arc<Shared>,
    address: Address,
}

struct Shared {
    party: Arc<Party>,
    node: NodeHandle,
    is_closed: AtomicBool,
    count: AtomicUsize,
    /// The connection of each validator; a new one takes the place of the old one.
    hooks: Mutex<BTreeMap<ValidatorId, (u64, Hook)>>,
}

impl Acceptor {
    /// Listens, and hands what comes to the node.
    pub(crate) fn start(
        party: Arc<Party>,
        address: &Address,
        node: NodeHandle,
    ) -> io::Result<Self> {
        let (listener, address) = match address {
            Address::Unix(path) => (Listener::Unix(bind(path)?), address.clone()),
            Address::Tcp(host) => {
                let listener = TcpListener::bind(host)?;
                let address = Address::Tcp(listener.local_addr()?.to_string());
                (Listener::Tcp(listener), address)
            }
        };
        let shared = Arc::new(Shared {
            party,
            node,
            is_closed: AtomicBool::new(false),
            count: AtomicUsize::new(0),
            hooks: Mutex::new(BTreeMap::new()),
        });
        let listening = Arc::clone(&shared);
        thread::Builder::new()
            .name("accept".to_owned())
            .spawn(move || listening.listen(&listener))?;
        Ok(Self { shared, address })
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
        // Wakes the listener, which then sees that it is to end.
        match &self.address {
            Address::Unix(path) => drop(UnixStream::connect(path)),
            Address::Tcp(host) => drop(std::net::TcpStream::connect(host)),
        }
        for (_, hook) in self.shared.lock_hooks().values() {
            hook.shut();
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &Listener) {
        let most = 2 * self.party.roster.committee().n() as usize + SPARE_CONNECTIONS;
        for number in 0.. {
            let accepted = match listener {
                Listener::Unix(listener) => listener.accept().map(|(it, _)| Accepted::Unix(it)),
                Listener::Tcp(listener) => listener.accept().map(|(it, _)| Accepted::Tcp(it)),
            };
            if self.is_closed.load(Ordering::Acquire) {
                return;
            }
            // Out of descriptors, or gone already: the dialer tries again.
            let Ok(accepted) = accepted else {
                thread::sleep(super::dial::PAUSE_MIN);
                continue;
            };
            if self.count.load(Ordering::Relaxed) >= most {
                accepted.refuse(Answer::Busy);
                continue;
            }
            self.count.fetch_add(1, Ordering::Relaxed);
            let shared = Arc::clone(self);
            let thread = thread::Builder::new().name("from".to_owned());
            let spawned = thread.spawn(move || {
                // What goes wrong ends the connection, and the other side dials again.
                let _ = shared.serve(number, accepted);
                shared.count.fetch_sub(1, Ordering::Relaxed);
            });
            if spawned.is_err() {
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn serve(&self, number: u64, accepted: Accepted) -> io::Result<()> {
        let (stream, from) = accepted.welcome(&self.party)?;
        stream.set_timeouts(SILENCE_MAX, WRITE_TIMEOUT)?;
        let hook = stream.hook()?;
        if let Some((_, old)) = self.lock_hooks().insert(from, (number, hook)) {
            old.shut();
        }
        let outcome = if self.is_closed.load(Ordering::Acquire) {
            Ok(())
        } else {
            self.hand_over(stream, from)
        };
        let mut hooks = self.lock_hooks();
        if hooks
            .get(&from)
            .is_some_and(|(latest, _)| *latest == number)
        {
            hooks.remove(&from);
        }
        outcome
    }

    fn hand_over(&self, stream: Stream, from: ValidatorId) -> io::Result<()> {
        let most = self.party.packet_bytes_max();
        let mut stream = BufReader::with_capacity(BUFFER_BYTES, stream);
        while let Some(bytes) = read_frame(&mut stream, most)? {
            let deadline = Instant::now() + WRITE_TIMEOUT;
            self.node
                .packet(from, bytes.into(), deadline)
                .map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn lock_hooks(&self) -> std::sync::MutexGuard<'_, BTreeMap<ValidatorId, (u64, Hook)>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection whose other end is not known yet.
enum Accepted {
    Unix(UnixStream),
    Tcp(std::net::TcpStream),
}

impl Accepted {
    fn refuse(self, answer: Answer) {
        if let Self::Unix(mut stream) = self {
            let _ = stream.set_write_timeout(Some(super::dial::PAUSE_MIN));
            let _ = write_frame(&mut stream, &[answer as u8]);
        }
    }

    fn welcome(self, party: &Party) -> io::Result<(Stream, ValidatorId)> {
        match self {
            Self::Unix(mut stream) => {
                stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
                stream.set_write_timeout(Some(HANDSHAKE_TIMEOUT))?;
                let hello = read_frame(&mut stream, 64)?;
                let hello = hello.as_deref().and_then(Hello::decode);
                let answer = judge(&stream, party, hello.as_ref())?;
                write_frame(&mut stream, &[answer as u8])?;
                match (answer, hello) {
                    (Answer::Welcome, Some(hello)) => Ok((Stream::Unix(stream), hello.from)),
                    _ => Err(io::ErrorKind::PermissionDenied.into()),
                }
            }
            Self::Tcp(stream) => {
                stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
                stream.set_write_timeout(Some(HANDSHAKE_TIMEOUT))?;
                let (stream, from) = NoiseStream::accept(stream, party)?;
                Ok((Stream::Noise(Box::new(stream)), from))
            }
        }
    }
}

fn judge(stream: &UnixStream, party: &Party, hello: Option<&Hello>) -> io::Result<Answer> {
    let Some(hello) = hello else {
        return Ok(Answer::Version);
    };
    Ok(if !is_same_user(stream)? {
        Answer::User
    } else if hello.roster != party.roster.digest() {
        Answer::Roster
    } else if hello.to != party.me || hello.from == party.me || !party.roster.contains(hello.from) {
        Answer::Stranger
    } else {
        Answer::Welcome
    })
}

/// Whether the other process runs as our user. Where the system cannot say, the permissions of the
/// socket have to suffice.
pub(crate) fn is_same_user(stream: &UnixStream) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        let other = rustix::net::sockopt::socket_peercred(stream)?;
        Ok(other.uid == rustix::process::geteuid())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        Ok(true)
    }
}

/// Listens on a path that only our user may connect to; what a killed process left there goes.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
