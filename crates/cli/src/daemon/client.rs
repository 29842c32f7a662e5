//! The program's side: asks, and is never kept waiting by a daemon that does not answer.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use claude_flow::pipeline::Config;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::geteuid;

use super::place::Place;
use super::wire::{self, CALL_BYTES_MAX, Call, Header, PROTOCOL, Program, REPLY_BYTES_MAX};
use super::wire::{Question, Refusal, Reply, SILENCE_MAX, Timed};

/// Turns the daemon off for one call, if it is set to anything but nothing.
const OFF: &str = "CLAUDE_FLOW_NO_DAEMON";

/// How long a daemon that was started is not started again: it may be on its way, or cannot run at all.
const START_PAUSE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// There is no daemon.
    #[error("there is none")]
    Absent,
    /// It does not answer this.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is there and something went wrong.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// Whether the environment turns the daemon off.
pub(crate) fn is_off() -> bool {
    std::env::var_os(OFF).is_some_and(|value| !value.is_empty())
}

/// Asks the daemon of the workspace around the working directory.
///
/// # Errors
///
/// [`Unanswered`]; then the program does the work itself.
pub(crate) fn ask(question: Question<'_>, deadline: Instant) -> Result<Reply, Unanswered> {
    let directory = std::env::current_dir()?;
    ask_at(&Place::of(&directory), &directory, question, deadline)
}

/// As [`ask`], from a directory in the workspace.
///
/// # Errors
///
/// As [`ask`].
pub(crate) fn ask_at(
    place: &Place,
    directory: &Path,
    question: Question<'_>,
    deadline: Instant,
) -> Result<Reply, Unanswered> {
    let mut only = None;
    listen_at(place, directory, question, deadline, &mut |reply| {
        only = Some(reply);
        false
    })?;
    only.ok_or_else(|| Refusal::Ending.into())
}

/// Asks for what has several replies, each of which is given to `take` until it has enough.
///
/// # Errors
///
/// As [`ask`].
pub(crate) fn listen_at(
    place: &Place,
    directory: &Path,
    question: Question<'_>,
    deadline: Instant,
    take: &mut dyn FnMut(Reply) -> bool,
) -> Result<(), Unanswered> {
    let stream = reach(place)?;
    let call = Call {
        program: Program::this()?,
        directory: directory.as_os_str().as_bytes(),
        directory_identity: wire::identity(directory)?,
        environment: wire::environment(),
        question,
    };
    let until = || deadline.min(Instant::now() + SILENCE_MAX);
    let mut timed = Timed {
        stream: &stream,
        deadline: until(),
    };
    wire::write(&mut timed, &call, CALL_BYTES_MAX)?;
    loop {
        timed.deadline = until();
        let header = Header::read(&mut timed, REPLY_BYTES_MAX)?;
        if header.protocol != PROTOCOL {
            return Err(Refusal::OtherProgram.into());
        }
        let body = header.body(&mut timed)?;
        match postcard::from_bytes(&body).map_err(io::Error::other)? {
            Reply::Working => {}
            Reply::Refused(refusal) => return Err(refusal.into()),
            Reply::End => return Ok(()),
            reply => {
                if !take(reply) {
                    return Ok(());
                }
            }
        }
    }
}

/// Connects, without waiting for a daemon that does not accept.
fn reach(place: &Place) -> Result<UnixStream, Unanswered> {
    if !place.is_there().map_err(io::Error::other)? {
        return Err(Unanswered::Absent);
    }
    let address = SocketAddrUnix::new(place.socket()).map_err(io::Error::from)?;
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(io::Error::from)?;
    set_socket_timeout(&socket, Timeout::Send, Some(SILENCE_MAX)).map_err(io::Error::from)?;
    connect(&socket, &address).map_err(|error| match io::Error::from(error) {
        error if is_absence(error.kind()) => Unanswered::Absent,
        error => Unanswered::Broken(error),
    })?;
    let peer = socket_peercred(&socket).map_err(io::Error::from)?;
    if peer.uid != geteuid() {
        let told = "the socket is another user's";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, told).into());
    }
    Ok(socket.into())
}

fn is_absence(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// Starts the daemon of the workspace around the working directory, and does not wait for it.
///
/// Whatever keeps it from running is told in its log; the program does the work itself meanwhile.
pub(crate) fn start_in_background() {
    let Ok(directory) = std::env::current_dir() else {
        return;
    };
    let place = Place::of(&directory);
    let is_wanted = Config::find(place.root()).is_ok_and(|(config, _)| config.daemon());
    if !is_wanted || was_just_started(&place.log()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    // The caller waits for the end of its pipes, so the daemon must not hold them.
    if claude_flow::sandbox::close_on_exec_above_streams().is_err() {
        return;
    }
    // There is nobody to be told; without a daemon the program does the work itself.
    let _ = Command::new(program)
        .args(["daemon", "--background"])
        .current_dir(place.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

/// A daemon begins its log anew as the first thing that it does.
fn was_just_started(log: &Path) -> bool {
    let modified = log.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| {
        let age = SystemTime::now().duration_since(modified);
        age.is_ok_and(|age| age < START_PAUSE)
    })
}
