//! The helper: a process of one thread that forks a supervisor for every child.

mod confine;
pub(crate) mod descendants;
mod fingerprint;
mod namespaces;
mod root;
mod seccomp;
mod supervisor;
mod target;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use crate::sys::{self, Forked};
use crate::wire::{self, Confinement, Event};
use crate::{Level, Network, Policy, probe};

pub(crate) use namespaces::Ids;

/// The argument by which a program knows that it is asked to be the helper.
pub(crate) const ARGUMENT: &str = "--claude-flow-sandbox-helper";

/// How long the helper goes on ending what a killed supervisor left.
const STRAYS_WAIT: Duration = Duration::from_millis(150);

/// The longest report of a failed step.
const FAILURE_BYTES_MAX: u64 = 4096;

/// Turns this process into the helper if it was started as one, and then never returns.
///
/// `main` of every program that uses [`Helper::this_program`](crate::Helper::this_program) calls this
/// first, before it starts a thread or reads its arguments.
/// In any other start it costs one look at the arguments.
pub fn become_helper_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(ARGUMENT)) || arguments.next().is_some() {
        return;
    }
    let code = match serve() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("claude-flow sandbox helper: {error}");
            70
        }
    };
    std::process::exit(code);
}

/// The helper's state.
struct Zygote {
    socket: OwnedFd,
    /// Readable when a supervisor ended.
    children: OwnedFd,
    /// Exceptional when something was mounted or unmounted.
    mounts: OwnedFd,
    supervisors: Vec<u32>,
    ids: Ids,
    spare: Option<Spare>,
    /// What is being started.
    job: Option<Job>,
}

/// Serves requests on standard input until the caller closes it.
fn serve() -> io::Result<()> {
    // The caller's terminal signals are the caller's business, which closes the socket when it ends.
    rustix::process::setpgid(None, None)?;
    // What a killed supervisor leaves comes here.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    // The three standard descriptors stay taken, so that no other one gets their numbers.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let zygote = Zygote {
        socket,
        children: sys::child_signals()?,
        mounts: File::open("/proc/self/mountinfo")?.into(),
        supervisors: Vec::new(),
        ids: Ids::of_this_process(),
        spare: None,
        job: None,
    };
    wire::send_value(&zygote.socket, &probe::probe(zygote.ids))?;
    zygote.serve()
}

impl Zygote {
    fn serve(mut self) -> io::Result<()> {
        loop {
            let mut fds = [
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::new(&self.children, PollFlags::IN),
                PollFd::new(&self.mounts, PollFlags::PRI),
            ];
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let [has_request, has_ended, has_mounts] = fds.map(|fd| !fd.revents().is_empty());
            if has_ended {
                self.reap();
            }
            if has_mounts {
                // Its copy of the mounts is no longer theirs.
                self.spare = None;
            }
            if has_request {
                let Some(job) = Job::receive(self.socket.as_fd())? else {
                    return Ok(());
                };
                self.start(job);
            }
        }
    }

    /// Takes the status of supervisors that ended, and ends what a killed one left behind.
    fn reap(&mut self) {
        // Only the fact of a signal matters: several may have become one.
        let _ = rustix::io::read(&self.children, &mut [0; 1024]);
        let mut was_killed = false;
        while let Ok(Some(ended)) = sys::reap() {
            if let Some(at) = self.supervisors.iter().position(|&pid| pid == ended.pid) {
                self.supervisors.swap_remove(at);
                was_killed |= libc::WIFSIGNALED(ended.status);
            }
        }
        if was_killed {
            descendants::end_all_but(&self.supervisors, STRAYS_WAIT);
        }
    }

    /// Starts one job, and then prepares the next spare. A failure is told to the caller over the job's
    /// own socket.
    fn start(&mut self, job: Job) {
        self.job = Some(job);
        match self.start_job() {
            Ok(confinement) => {
                // Before the next fork, which would keep the job's streams open.
                self.job = None;
                self.spare = self.prepare(&confinement).ok();
            }
            Err(failure) => {
                if let Some(job) = self.job.take() {
                    failure.report(job.control.as_fd());
                }
            }
        }
    }

    fn start_job(&mut self) -> Result<Confinement, Failure> {
        let no_job = || Failure::new("find the job", io::ErrorKind::NotFound);
        let job = self.job.as_ref().ok_or_else(no_job)?;
        let request = wire::read_request(&job.request).step(|| "read the request".into())?;
        let supervisor = self.supervisor_for(&request.confinement)?;
        supervisor.start(self.job.as_ref().ok_or_else(no_job)?)?;
        Ok(request.confinement)
    }

    /// The spare if it fits, otherwise a new supervisor.
    fn supervisor_for(&mut self, confinement: &Confinement) -> Result<Spare, Failure> {
        let spare = self
            .spare
            .take()
            .filter(|spare| spare.confinement == *confinement && spare.is_fresh());
        match spare {
            Some(spare) => Ok(spare),
            None => self.prepare(confinement),
        }
    }

    /// Forks a supervisor that sets everything up and waits for its job.
    fn prepare(&mut self, confinement: &Confinement) -> Result<Spare, Failure> {
        let namespaces = match confinement.level {
            Level::L3 => namespaces::flags(confinement.policy.network),
            Level::L1 | Level::L2 => 0,
        };
        let pair = || wire::socket_pair().step(|| "make a socket".into());
        let (supervisor, for_supervisor) = pair()?;
        let (target, for_target) = pair()?;
        let (fingerprint, fingerprint_writer) = io::pipe().step(|| "make a pipe".into())?;
        #[expect(unsafe_code, reason = "a fork needs a promise about threads")]
        // SAFETY: the helper never starts a thread: `become_helper_if_asked` is called before any, and
        // nothing below `serve` does.
        let forked = unsafe { sys::fork(namespaces) };
        match forked.step(|| "fork a supervisor into its namespaces".into())? {
            Forked::Parent { pid } => {
                self.supervisors.push(pid);
                Ok(Spare {
                    confinement: confinement.clone(),
                    fingerprint,
                    supervisor,
                    target,
                })
            }
            Forked::Child => {
                drop((supervisor, target, fingerprint));
                self.let_go();
                let sockets = Sockets {
                    supervisor: for_supervisor,
                    target: for_target,
                    fingerprint: fingerprint_writer,
                };
                supervisor::run(confinement, self.ids, sockets)
            }
        }
    }

    /// Closes a copy's descriptors: what waits for this helper's end must not wait for the copy's.
    fn let_go(&mut self) {
        self.spare = None;
        self.job = None;
        for fd in [&mut self.socket, &mut self.children, &mut self.mounts] {
            if let Ok(nothing) = File::open("/dev/null") {
                *fd = nothing.into();
            }
        }
    }
}

/// What one request carries.
struct Job {
    request: OwnedFd,
    control: OwnedFd,
    streams: [OwnedFd; 3],
}

impl Job {
    /// Receives a job, or `None` when the caller has closed the socket.
    fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let fds = wire::receive_descriptors(socket)?;
        Ok(fds.map(|[request, control, stdin, stdout, stderr]| Self {
            request,
            control,
            streams: [stdin, stdout, stderr],
        }))
    }
}

/// A supervisor that has everything set up, and waits for its job.
struct Spare {
    confinement: Confinement,
    /// Holds [`fingerprint::of`] the confinement once everything is set up.
    fingerprint: PipeReader,
    supervisor: OwnedFd,
    target: OwnedFd,
}

/// The other ends of a [`Spare`].
struct Sockets {
    fingerprint: PipeWriter,
    supervisor: OwnedFd,
    target: OwnedFd,
}

impl Spare {
    /// Whether the policy's paths still lead where they led when this one was prepared.
    fn is_fresh(&self) -> bool {
        let mut then = [0; size_of::<u64>()];
        let is_set_up = (&self.fingerprint).read_exact(&mut then).is_ok();
        is_set_up && u64::from_le_bytes(then) == fingerprint::of(&self.confinement)
    }

    fn start(self, job: &Job) -> Result<(), Failure> {
        let [stdin, stdout, stderr] = job.streams.each_ref().map(AsFd::as_fd);
        wire::send_descriptors(&self.supervisor, [job.control.as_fd()])
            .and_then(|()| {
                let fds = [job.request.as_fd(), stdin, stdout, stderr];
                wire::send_descriptors(&self.target, fds)
            })
            .step(|| "hand the job to its supervisor".into())
    }
}

/// A step that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) step: String,
    pub(crate) source: io::Error,
}

impl Failure {
    pub(crate) fn new(step: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            step: step.into(),
            source: source.into(),
        }
    }

    /// Tells the other end of a pipe; nothing is told of success.
    fn report_to_pipe(&self, pipe: &PipeWriter) {
        let errno = self.source.raw_os_error().unwrap_or(0);
        let message = [&errno.to_le_bytes(), self.step.as_bytes()].concat();
        // Whoever does not listen has ended, and so does this process.
        let _ = { pipe }.write_all(&message);
    }

    /// What the other end of a pipe told before it was closed.
    fn from_pipe(pipe: &PipeReader) -> Result<(), Self> {
        let mut message = Vec::new();
        pipe.take(FAILURE_BYTES_MAX)
            .read_to_end(&mut message)
            .step(|| "hear from a fork".into())?;
        match message.split_first_chunk() {
            None => Ok(()),
            Some((&errno, step)) => Err(Self::new(
                String::from_utf8_lossy(step),
                io::Error::from_raw_os_error(i32::from_le_bytes(errno)),
            )),
        }
    }

    fn report(&self, control: BorrowedFd<'_>) {
        let event = Event::Failed {
            step: self.step.clone(),
            errno: self.source.raw_os_error().unwrap_or(0),
        };
        // A caller that is gone does not want to know.
        let _ = wire::send_value(control, &event);
    }
}

/// Names the step in front of its error.
pub(crate) trait Step<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|source| Failure::new(step(), source))
    }
}

/// Goes through everything that a supervisor does at L3 before it starts a child, and comes back with what failed.
pub(crate) fn try_namespaces(ids: Ids) -> Result<(), Failure> {
    let (report, reporter) = io::pipe().step(|| "make a pipe".into())?;
    let policy = Policy {
        network: Network::Loopback,
        ..Policy::new()
    };
    #[expect(unsafe_code, reason = "a fork needs a promise about threads")]
    // SAFETY: the helper never starts a thread, as above.
    let forked = unsafe { sys::fork(namespaces::flags(policy.network)) };
    if let Forked::Child = forked.step(|| "fork into new namespaces".into())? {
        let result = namespaces::enter(ids, &policy).and_then(|()| root::build(&policy));
        if let Err(failure) = result {
            failure.report_to_pipe(&reporter);
        }
        sys::exit_now(0);
    }
    drop(reporter);
    Failure::from_pipe(&report)
}
