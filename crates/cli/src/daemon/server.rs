//! The daemon's side: who may ask, how many at once, and when it ends.

mod author;
mod reply;
mod session;
pub(super) mod slots;
mod watch;

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use claude_flow::eventbus::{Item, RecvError, Subscriber};
use claude_flow::pipeline::{Pipeline, Toolbox};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{geteuid, setsid};
use signal_hook::consts::{SIGINT, SIGTERM};

use self::reply::Outcome;
use self::slots::{Budget, Slots};
use super::events::Events;
use super::log::Log;
use super::place::Place;
use super::seen::Seen;
use super::sessions::Sessions;
use super::wire::{self, CALL_BYTES_MAX, Header, PROTOCOL, PULSE, Program, REPLY_BYTES_MAX};
use super::wire::{Refusal, Reply, Timed};
use crate::commands::recording;

/// The most connections at once.
const CONNECTIONS_MAX: usize = 64;

/// The most bytes that calls take at once.
const CALLS_BYTES_MAX: usize = 4 * CALL_BYTES_MAX;

/// How long a call may take to arrive, and a reply to be taken.
const TRANSFER_MAX: Duration = Duration::from_secs(2);

/// How long what is being answered is waited for at the end.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How often an idle daemon looks whether it still has a workspace and a program.
const LOOK_PAUSE: Duration = Duration::from_mins(1);

/// How a daemon runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Whether it leaves who started it.
    pub(crate) is_in_background: bool,
    /// How long it waits for somebody to ask.
    pub(crate) idle_max: Duration,
}

/// What all connections share.
#[derive(Debug)]
struct State {
    place: Place,
    program: Program,
    /// The file that the program was started from.
    executable: PathBuf,
    environment: [u8; 32],
    /// Answers hooks: whole projects are not looked at.
    hooks: Arc<Pipeline>,
    /// Answers `post-edit`.
    edits: Arc<Pipeline>,
    events: Events,
    seen: Seen,
    sessions: Sessions,
    log: Log,
    started: Instant,
    slots: Arc<Slots>,
    calls: Budget,
    answered: AtomicU64,
    refused: AtomicU64,
    is_ending: AtomicBool,
    /// Wakes the thread that accepts.
    wake: UnixStream,
}

/// Runs the daemon of a workspace until it ends.
///
/// # Errors
///
/// If it cannot begin: there is one already, or its files cannot be made.
pub(crate) fn run(place: Place, options: Options) -> anyhow::Result<()> {
    place.prepare()?;
    let Some(lock) = place.lock()? else {
        bail!("there is a daemon for {} already", place.root().display());
    };
    let log = if options.is_in_background {
        // It fails if the process leads its group, and then it has left already.
        let _ = setsid();
        let log = Log::to_file(&place.log()).context("the log cannot be written")?;
        log.take_streams()?;
        log
    } else {
        Log::to_stderr()
    };
    let root = place.root().to_owned();
    std::env::set_current_dir(&root).context("the workspace cannot be entered")?;
    let (waking, wake) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    let listener = listen(&place)?;
    say_who(&lock)?;
    let state = Arc::new(State {
        program: Program::this()?,
        executable: std::env::current_exe()?,
        environment: wire::environment(),
        hooks: Arc::new(pipeline(Toolbox::of_user().without_project_runs())),
        edits: Arc::new(pipeline(Toolbox::of_user())),
        events: Events::new()?,
        seen: Seen::default(),
        sessions: Sessions::default(),
        log,
        started: Instant::now(),
        slots: Arc::new(Slots::new(CONNECTIONS_MAX)),
        calls: Budget::new(CALLS_BYTES_MAX),
        answered: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        is_ending: AtomicBool::new(false),
        wake,
        place,
    });
    state.log.line(&format!(
        "claude-flow {} answers for {}",
        env!("CARGO_PKG_VERSION"),
        root.display()
    ));
    watch::start(&state);
    let why = accept(&state, &listener, &waking, options.idle_max);
    // Whoever comes now does the work itself; the lock keeps another daemon from binding meanwhile.
    state.is_ending.store(true, Ordering::Relaxed);
    let removed = std::fs::remove_file(state.place.socket());
    drop(listener);
    let left = state.slots.drain(DRAIN_MAX);
    state
        .log
        .line(&format!("ended: {why}; {left} were being answered"));
    drop(lock);
    removed.context("the socket cannot be removed")
}

fn pipeline(tools: Toolbox) -> Pipeline {
    recording(Pipeline::with_kept_configs().with_tools(tools.kept_warm()))
}

/// Takes the place of a socket that nobody listens to, which the lock vouches for.
fn listen(place: &Place) -> anyhow::Result<UnixListener> {
    let path = place.socket();
    let told = || format!("{} cannot be listened to", path.display());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(told);
        }
        _ => {}
    }
    let listener = UnixListener::bind(&path).with_context(told)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn say_who(mut lock: &File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

/// Serves until there is a reason to end, which it gives.
fn accept(
    state: &Arc<State>,
    listener: &UnixListener,
    waking: &UnixStream,
    idle_max: Duration,
) -> &'static str {
    let mut busy_at = Instant::now();
    loop {
        if state.slots.taken() > 0 {
            busy_at = Instant::now();
        }
        let idle_left = idle_max.saturating_sub(busy_at.elapsed());
        if idle_left.is_zero() {
            return "nobody asked";
        }
        if state.is_orphaned() {
            return "its workspace or its program is gone";
        }
        let mut wanted = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(waking, PollFlags::IN),
        ];
        let pause = Timespec::try_from(idle_left.min(LOOK_PAUSE)).ok();
        match poll(&mut wanted, pause.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return "it could not wait",
        }
        let [listening, woken] = wanted.map(|fd| !fd.revents().is_empty());
        if woken {
            let is_told = state.is_ending.load(Ordering::Relaxed);
            return if is_told { "told to" } else { "a signal" };
        }
        if !listening {
            continue;
        }
        match listener.accept() {
            Ok((stream, _)) => {
                busy_at = Instant::now();
                receive(state, stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                state.log.line(&format!("not accepted: {error}"));
                // Without descriptors the same connection is there again at once.
                std::thread::sleep(PULSE);
            }
        }
    }
}

/// Gives a connection a thread, or refuses it.
fn receive(state: &Arc<State>, stream: UnixStream) {
    if !is_own(&stream) {
        state.log.line("another user was turned away");
        return;
    }
    let Some(slot) = state.slots.take() else {
        state.refuse(&stream, Refusal::Busy);
        return;
    };
    let shared = Arc::clone(state);
    let spawned = std::thread::Builder::new()
        .name("connection".to_owned())
        .spawn(move || {
            let slot = Arc::new(slot);
            if let Err(error) = converse(&shared, &stream, &slot) {
                shared.log.line(&format!("a connection broke: {error}"));
            }
        });
    if let Err(error) = spawned {
        state
            .log
            .line(&format!("no thread could be started: {error}"));
    }
}

fn is_own(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|peer| peer.uid == geteuid())
}

/// One call and its replies.
fn converse(state: &Arc<State>, stream: &UnixStream, slot: &Arc<slots::Slot>) -> io::Result<()> {
    // What the listener has set, its connections have on some systems.
    stream.set_nonblocking(false)?;
    let mut timed = Timed {
        stream,
        deadline: Instant::now() + TRANSFER_MAX,
    };
    let header = Header::read(&mut timed, CALL_BYTES_MAX)?;
    if header.protocol != PROTOCOL {
        if header.protocol > PROTOCOL {
            state.end("a newer program asked");
        }
        state.refuse(stream, Refusal::OtherProgram);
        return Ok(());
    }
    let Some(room) = state.calls.take(header.len) else {
        state.refuse(stream, Refusal::Busy);
        return Ok(());
    };
    let body = header.body(&mut timed)?;
    let (sender, receiver) = sync_channel(1);
    let (shared, slot) = (Arc::clone(state), Arc::clone(slot));
    // Work that does not end keeps its slot, so that there is never more of it than slots.
    std::thread::Builder::new()
        .name("work".to_owned())
        .spawn(move || {
            let _held = (slot, room);
            // Nobody listens any more once the asker is gone.
            let _ = sender.send(reply::to(&shared, &body));
        })?;
    let mut write = |reply: &Reply| {
        timed.deadline = Instant::now() + TRANSFER_MAX;
        wire::write(&mut timed, reply, REPLY_BYTES_MAX)
    };
    loop {
        match receiver.recv_timeout(PULSE) {
            Ok(Outcome::Once(reply)) => {
                state.count(&reply);
                return write(&reply);
            }
            Ok(Outcome::Events(events)) => {
                for event in events {
                    write(&Reply::Event(event))?;
                }
                return write(&Reply::End);
            }
            Ok(Outcome::Follow(mut events, _follower)) => {
                return follow(state, &mut events, &mut write);
            }
            Err(RecvTimeoutError::Timeout) => write(&Reply::Working)?,
            Err(RecvTimeoutError::Disconnected) => {
                let why = "this is a bug of it".to_owned();
                return write(&Reply::Refused(Refusal::Unable(why)));
            }
        }
    }
}

/// Tells what happens until the follower has gone, or the daemon ends.
fn follow(
    state: &State,
    events: &mut Subscriber,
    write: &mut dyn FnMut(&Reply) -> io::Result<()>,
) -> io::Result<()> {
    // The follower knows now that it misses nothing.
    write(&Reply::Working)?;
    while !state.is_ending.load(Ordering::Relaxed) {
        let reply = match events.recv_until(Instant::now() + PULSE) {
            Ok(Item::Event(event)) => {
                Reply::Event(String::from_utf8_lossy(event.payload()).into_owned())
            }
            Ok(Item::Gap(count)) => Reply::Gap(count),
            Err(RecvError::Closed) => break,
            Err(_) => Reply::Working,
        };
        match write(&reply) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
    }
    write(&Reply::End)
}

impl State {
    /// Says no; who does not read it does the work itself as well.
    fn refuse(&self, stream: &UnixStream, refusal: Refusal) {
        let reply = Reply::Refused(refusal);
        self.count(&reply);
        let mut timed = Timed {
            stream,
            deadline: Instant::now() + PULSE,
        };
        let _ = wire::write(&mut timed, &reply, REPLY_BYTES_MAX);
    }

    fn count(&self, reply: &Reply) {
        let counter = match reply {
            Reply::Refused(refusal) => {
                self.log.line(&format!("refused: {refusal}"));
                &self.refused
            }
            Reply::Hook { .. } | Reply::PostEdit { .. } => &self.answered,
            Reply::Working | Reply::Status(_) | Reply::Event(_) | Reply::Gap(_) | Reply::End => {
                return;
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the daemon.
    fn end(&self, why: &str) {
        self.log.line(why);
        self.is_ending.store(true, Ordering::Relaxed);
        // The pipe is full only if it was woken already.
        let _ = (&self.wake).write(&[0]);
    }

    /// Whether the file that the program was started from holds another one now.
    fn is_replaced(&self) -> bool {
        Program::at(&self.executable).map_or(true, |now| now != self.program)
    }

    fn is_orphaned(&self) -> bool {
        let root = wire::identity(self.place.root()).ok();
        let own = wire::identity(".".as_ref()).ok();
        root.is_none() || root != own || self.is_replaced()
    }
}
