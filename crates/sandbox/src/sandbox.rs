//! Starts the helper, and children through it.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_passcred;
use serde::de::DeserializeOwned;

use crate::helper::ARGUMENT;
use crate::wire::{self, Confinement, Event, REQUEST_BYTES_MAX, Request};
use crate::{Available, Child, Command, Outcome, Policy, RunError, SpawnError, StartError, Stream};

/// How long the helper may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// A longer wall time is as good as none: thirty years.
const WALL_MAX: Duration = Duration::from_hours(24 * 365 * 30);

/// Which program is the helper.
#[derive(Debug, Clone)]
pub struct Helper {
    program: PathBuf,
}

impl Helper {
    /// This program itself, whose `main` begins with [`become_helper_if_asked`](crate::become_helper_if_asked).
    #[must_use]
    pub fn this_program() -> Self {
        // Unlike the program's path, this one survives an upgrade while the program runs.
        Self::program("/proc/self/exe")
    }

    /// Another program whose `main` begins so.
    #[must_use]
    pub fn program(path: impl Into<PathBuf>) -> Self {
        Self {
            program: path.into(),
        }
    }
}

/// Runs children under policies. One for a whole program is enough; it can be shared between threads.
#[derive(Debug)]
pub struct Sandbox {
    helper: Helper,
    process: Mutex<Process>,
    available: Available,
}

/// The helper as it runs. It ends when its socket closes.
#[derive(Debug)]
struct Process {
    socket: OwnedFd,
    process: std::process::Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends by itself when the socket closes, which happens after this; killing it only makes it
        // sooner. Its supervisors belong to the children's sockets and live on.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sandbox {
    /// Starts the helper and lets it find out what this machine gives.
    ///
    /// # Errors
    ///
    /// When the helper cannot be run or is no helper.
    pub fn start(helper: Helper) -> Result<Self, StartError> {
        let (process, available) = Process::start(&helper)?;
        Ok(Self {
            helper,
            process: Mutex::new(process),
            available,
        })
    }

    /// What this machine gives.
    #[must_use]
    pub fn available(&self) -> &Available {
        &self.available
    }

    /// Runs a command to its end, keeping its outputs.
    ///
    /// # Errors
    ///
    /// Those of [`Sandbox::spawn`] and [`Child::wait`].
    pub fn run(&self, policy: &Policy, command: &Command) -> Result<Outcome, RunError> {
        self.spawn(policy, command)?.wait()
    }

    /// Starts a command.
    ///
    /// Returns when the program runs: whatever the policy or the kernel refuses is an error here.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Level`] if the policy requires more than the machine gives, [`SpawnError::Step`] with
    /// what failed, and the others as they say. Nothing of the child is left.
    pub fn spawn(&self, policy: &Policy, command: &Command) -> Result<Child, SpawnError> {
        let level = self.available.level.min(policy.at_most);
        if level < policy.require {
            return Err(SpawnError::Level {
                required: policy.require,
                given: level,
                missing: self.available.missing.clone(),
            });
        }
        check_paths(policy, command)?;
        let mut confinement = Confinement {
            policy: policy.clone(),
            level,
            landlock_abi: self.available.landlock_abi,
        };
        let request = Request {
            environment: std::mem::take(&mut confinement.policy.environment),
            confinement,
            command: command.clone(),
        };
        let bytes = postcard::to_stdvec(&request).map_err(|error| SpawnError::Step {
            step: "encode the request".into(),
            source: io::Error::other(error),
        })?;
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(SpawnError::TooLarge {
                bytes: bytes.len(),
                limit: REQUEST_BYTES_MAX,
            });
        }
        let (control, pipes) = self.hand_over(&bytes, command)?;
        let answer = wait_readable(control.as_fd())
            .and_then(|()| wire::receive_value_and_sender(control.as_fd()))
            .map_err(step("hear from the supervisor"))?;
        match answer {
            Some((Event::Started, supervisor)) => Ok(Child {
                stdin: pipes.stdin,
                stdout: pipes.stdout,
                stderr: pipes.stderr,
                control,
                level,
                supervisor,
                deadline: Instant::now() + policy.limits.wall.min(WALL_MAX),
                output_bytes: policy.limits.output_bytes,
            }),
            Some((Event::Failed { step, errno }, _)) => Err(SpawnError::Step {
                step,
                source: io::Error::from_raw_os_error(errno),
            }),
            Some((Event::Ended { .. }, _)) | None => Err(SpawnError::Lost),
        }
    }

    /// Sends a request to the helper, which is started again if it has ended.
    fn hand_over(&self, request: &[u8], command: &Command) -> Result<(OwnedFd, Pipes), SpawnError> {
        let (control, theirs) = wire::socket_pair().map_err(step("make a socket"))?;
        set_socket_passcred(&control, true)
            .map_err(io::Error::from)
            .map_err(step("ask for the supervisor's id"))?;
        let (pipes, ends) = Pipes::new(command).map_err(step("make the child's streams"))?;
        let file = wire::write_request(request).map_err(step("write the request"))?;
        let [stdin, stdout, stderr] = &ends;
        let fds = [&file, &theirs, stdin, stdout, stderr].map(AsFd::as_fd);
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if wire::send_descriptors(&process.socket, fds).is_err() {
            (*process, _) = Process::start(&self.helper)?;
            wire::send_descriptors(&process.socket, fds).map_err(step("ask the helper"))?;
        }
        Ok((control, pipes))
    }
}

impl Process {
    fn start(helper: &Helper) -> Result<(Self, Available), StartError> {
        let name = || helper.program.display().to_string();
        let (socket, theirs) = wire::socket_pair().map_err(StartError::Socket)?;
        let process = std::process::Command::new(&helper.program)
            .arg(ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|source| StartError::Helper {
                program: name(),
                source,
            })?;
        let process = Self { socket, process };
        match receive(process.socket.as_fd()) {
            Ok(Some(available)) => Ok((process, available)),
            _ => Err(StartError::NotAHelper { program: name() }),
        }
    }
}

/// The caller's ends of the child's streams.
#[derive(Debug, Default)]
struct Pipes {
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
}

impl Pipes {
    /// The caller's ends, and the child's.
    fn new(command: &Command) -> io::Result<(Self, [OwnedFd; 3])> {
        let mut pipes = Self::default();
        let stdin = match command.stdin {
            Stream::Null => File::open("/dev/null")?.into(),
            Stream::Inherit => io::stdin().as_fd().try_clone_to_owned()?,
            Stream::Pipe => {
                let (reader, writer) = io::pipe()?;
                pipes.stdin = Some(writer);
                reader.into()
            }
        };
        let stdout = output(command.stdout, io::stdout().as_fd(), &mut pipes.stdout)?;
        let stderr = output(command.stderr, io::stderr().as_fd(), &mut pipes.stderr)?;
        Ok((pipes, [stdin, stdout, stderr]))
    }
}

fn output(
    stream: Stream,
    own: BorrowedFd<'_>,
    reader: &mut Option<PipeReader>,
) -> io::Result<OwnedFd> {
    Ok(match stream {
        Stream::Null => File::options().write(true).open("/dev/null")?.into(),
        Stream::Inherit => own.try_clone_to_owned()?,
        Stream::Pipe => {
            let (ours, theirs) = io::pipe()?;
            *reader = Some(ours);
            theirs.into()
        }
    })
}

fn check_paths(policy: &Policy, command: &Command) -> Result<(), SpawnError> {
    let is_named = |path: &Path| path.components().count() == 1 && !path.has_root();
    let paths = [&policy.read, &policy.write, &policy.hide]
        .into_iter()
        .flatten()
        .chain([&command.directory])
        .chain((!is_named(&command.program)).then_some(&command.program));
    for path in paths {
        if !path.is_absolute() {
            return Err(SpawnError::RelativePath { path: path.clone() });
        }
    }
    Ok(())
}

/// Receives one value within [`ANSWER_WAIT`].
fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<Option<T>> {
    wait_readable(socket)?;
    wire::receive_value(socket)
}

/// Waits until there is something to receive, for at most [`ANSWER_WAIT`].
fn wait_readable(socket: BorrowedFd<'_>) -> io::Result<()> {
    let until = Instant::now() + ANSWER_WAIT;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn step(step: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
    move |source| SpawnError::Step {
        step: step.into(),
        source,
    }
}
