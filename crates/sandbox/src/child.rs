//! A running child, and what became of it.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};
use serde::{Deserialize, Serialize};

use crate::capture::Capture;
use crate::helper::descendants;
use crate::wire::{self, Demand, Event};
use crate::{Captured, Level, RunError};

/// How long outputs are read after the end, in case something outside the sandbox holds them open.
const DRAIN_WAIT: Duration = Duration::from_millis(100);

/// How much longer than the child's own wall time its supervisor may take to report.
const REPORT_WAIT: Duration = Duration::from_secs(2);

/// How much is read from a pipe at once.
const READ_BYTES: usize = 16 << 10;

/// A running child. Dropping it ends the child and everything that it started.
#[derive(Debug)]
pub struct Child {
    /// The child's standard input, if it is a pipe.
    pub stdin: Option<PipeWriter>,
    /// The child's standard output, if it is a pipe; whoever takes it reads it.
    pub stdout: Option<PipeReader>,
    /// The child's standard error, if it is a pipe; whoever takes it reads it.
    pub stderr: Option<PipeReader>,
    pub(crate) control: OwnedFd,
    pub(crate) level: Level,
    /// The supervisor's process id; it is the supervisor's for as long as its end of `control` is open.
    pub(crate) supervisor: u32,
    pub(crate) deadline: Instant,
    pub(crate) output_bytes: usize,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal, which the sandbox did not send.
    Signal(i32),
    /// Its wall time was over.
    WallTime,
    /// A process used up its CPU time.
    CpuTime,
    /// Its processes held more memory than they may.
    Memory,
    /// The caller ended it.
    Killed,
}

/// What a child and those of its descendants that ended before it used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From its start to the end of the last process.
    pub wall: Duration,
    /// User and system time of all processes.
    pub cpu: Duration,
    /// The most memory that one process had resident, or all together in a sample, whichever is more.
    pub memory_bytes_max: u64,
}

/// What a child and its descendants use at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// How many processes there are, the supervisor not counted.
    pub processes: usize,
    /// User and system time until now, of those that were waited for too.
    pub cpu: Duration,
    /// Resident memory that is neither backed by files nor shared, as [`Limits::memory_bytes`] counts it.
    ///
    /// [`Limits::memory_bytes`]: crate::Limits::memory_bytes
    pub memory_bytes: u64,
}

/// What became of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The level at which it ran.
    pub level: Level,
    /// What it used.
    pub usage: Usage,
    /// What it wrote to its standard output, unless somebody took that.
    pub stdout: Captured,
    /// What it wrote to its standard error, unless somebody took that.
    pub stderr: Captured,
}

/// Ends a child from another thread.
#[derive(Debug)]
pub struct Killer(OwnedFd);

impl Killer {
    /// Ends the child and everything that it started; a child that has ended already stays ended.
    pub fn kill(&self) {
        // It fails only when the supervisor has closed its end already.
        let _ = shutdown(&self.0, Shutdown::Write);
    }
}

impl Child {
    /// The level at which the child runs.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// A handle by which another thread can end the child.
    ///
    /// # Errors
    ///
    /// When this process has no descriptor left.
    pub fn killer(&self) -> io::Result<Killer> {
        Ok(Killer(self.control.try_clone()?))
    }

    /// Ends the child and everything that it started. [`Child::wait`] then tells what it used.
    pub fn kill(&self) {
        let _ = shutdown(&self.control, Shutdown::Write);
    }

    /// Asks the child to end by itself: its process group gets `SIGTERM`.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn terminate(&self) -> io::Result<()> {
        wire::send_value(&self.control, &Demand::Terminate)
    }

    /// What the child and its descendants use now, read from `/proc`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] when it has ended.
    pub fn measure(&self) -> io::Result<Measured> {
        let measured = descendants::measure(self.supervisor);
        // As long as the supervisor lives, nobody else has its id.
        let mut fds = [PollFd::new(&self.control, PollFlags::empty())];
        poll(&mut fds, Some(&Timespec::default()))?;
        if fds[0].revents().is_empty() {
            Ok(measured)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// How the child ended, if it has, and what it used. It is told once.
    ///
    /// The descriptor that [`AsFd`] gives becomes readable then. Outputs are not read.
    ///
    /// # Errors
    ///
    /// [`RunError::Lost`] if the supervisor was killed.
    pub fn try_wait(&self) -> Result<Option<(End, Usage)>, RunError> {
        match wire::try_receive_value(&self.control) {
            Ok(Some(Event::Ended { end, usage })) => Ok(Some((end, usage))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            _ => Err(RunError::Lost),
        }
    }

    /// Waits for the end, reading the outputs that nobody took.
    ///
    /// Its input is closed first, unless it was taken. The wait is bounded by the policy's wall time.
    ///
    /// # Errors
    ///
    /// [`RunError::Lost`] if the supervisor was killed, [`RunError::Read`] if reading failed; the child is
    /// ended in both cases.
    pub fn wait(mut self) -> Result<Outcome, RunError> {
        drop(self.stdin.take());
        let mut streams = [self.stdout.take(), self.stderr.take()]
            .map(|pipe| (pipe, Capture::new(self.output_bytes)));
        let mut ended = None;
        let mut deadline = self.deadline + REPORT_WAIT;
        while ended.is_none() || streams.iter().any(|(pipe, _)| pipe.is_some()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let [stdout, stderr, control] = self.wait_readable(&streams, ended.is_none(), left)?;
            for ((pipe, capture), is_readable) in streams.iter_mut().zip([stdout, stderr]) {
                if is_readable {
                    read_some(pipe, capture)?;
                }
            }
            if control && ended.is_none() {
                ended = Some(self.receive_end()?);
                deadline = Instant::now() + DRAIN_WAIT;
            }
        }
        let (end, usage) = ended.ok_or(RunError::Lost)?;
        let [stdout, stderr] = streams.map(|(_, capture)| capture.finish());
        Ok(Outcome {
            end,
            level: self.level,
            usage,
            stdout,
            stderr,
        })
    }

    /// Which of output, error output and socket have something, or have been closed.
    fn wait_readable(
        &self,
        streams: &[(Option<PipeReader>, Capture); 2],
        with_control: bool,
        wait: Duration,
    ) -> io::Result<[bool; 3]> {
        let mut sources: Vec<_> = streams
            .iter()
            .map(|(pipe, _)| pipe.as_ref().map(AsFd::as_fd))
            .collect();
        sources.push(with_control.then_some(self.control.as_fd()));
        let mut fds: Vec<_> = sources
            .iter()
            .flatten()
            .map(|&fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut fds, Timespec::try_from(wait).ok().as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut answers = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut readable = [false; 3];
        for (readable, source) in readable.iter_mut().zip(&sources) {
            *readable = source.is_some() && answers.next().unwrap_or(false);
        }
        Ok(readable)
    }

    fn receive_end(&self) -> Result<(End, Usage), RunError> {
        match wire::receive_value(&self.control) {
            Ok(Some(Event::Ended { end, usage })) => Ok((end, usage)),
            _ => Err(RunError::Lost),
        }
    }
}

/// Becomes readable when the child has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }
}

/// Reads once; a pipe that has ended is dropped.
fn read_some(pipe: &mut Option<PipeReader>, capture: &mut Capture) -> io::Result<()> {
    let mut bytes = [0; READ_BYTES];
    let Some(reader) = pipe else { return Ok(()) };
    match reader.read(&mut bytes) {
        Ok(0) => *pipe = None,
        Ok(len) => capture.push(&bytes[..len]),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
