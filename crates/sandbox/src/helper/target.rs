//! Turns a fork of the supervisor into the program that was asked for.

use std::ffi::{CString, OsStr};
use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::sys::{self, Forked};
use crate::wire::{self, Confinement, Request};
use crate::{Level, Limits};

use super::{Failure, Step, confine, seccomp};

/// A fork that has given up what the policy takes, and waits for its command.
pub(crate) struct Target {
    pid: u32,
    /// Closed without a word when the program runs.
    report: PipeReader,
}

impl Target {
    /// Forks this process. The fork takes its command from `job`.
    pub(crate) fn fork(confinement: &Confinement, job: &OwnedFd) -> Result<Self, Failure> {
        let (report, reporter) = io::pipe().step(|| "make a pipe".into())?;
        let parent = std::process::id();
        #[expect(unsafe_code, reason = "a fork needs a promise about threads")]
        // SAFETY: a supervisor is a copy of the helper, which has one thread, and starts none.
        let forked = unsafe { sys::fork(0) };
        match forked.step(|| "fork".into())? {
            Forked::Parent { pid } => Ok(Self { pid, report }),
            Forked::Child => {
                drop(report);
                let result = confine_itself(confinement, parent).and_then(|()| become_program(job));
                if let Err(failure) = result {
                    failure.report_to_pipe(&reporter);
                }
                sys::exit_now(127)
            }
        }
    }

    /// Waits until the program runs. Returns its process id.
    pub(crate) fn wait_until_it_runs(self) -> Result<u32, Failure> {
        Failure::from_pipe(&self.report)?;
        Ok(self.pid)
    }
}

/// What `execve` takes.
struct Image {
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Image {
    fn new(request: &Request) -> Result<Self, Failure> {
        let c_string = |bytes: &[u8]| {
            CString::new(bytes).map_err(|_| {
                let shown = String::from_utf8_lossy(bytes).into_owned();
                Failure::new(
                    format!("pass {shown:?}, which holds a zero byte,"),
                    io::Error::from_raw_os_error(libc::EINVAL),
                )
            })
        };
        let command = &request.command;
        let environment = &request.environment;
        let candidates = command.candidates(environment);
        Ok(Self {
            candidates: candidates
                .iter()
                .map(|path| c_string(path.as_os_str().as_bytes()))
                .collect::<Result<_, _>>()?,
            arguments: [command.program.as_os_str()]
                .into_iter()
                .chain(command.arguments.iter().map(AsRef::as_ref))
                .map(|argument: &OsStr| c_string(argument.as_bytes()))
                .collect::<Result<_, _>>()?,
            environment: environment
                .iter()
                .map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Gives up what the policy takes.
fn confine_itself(confinement: &Confinement, parent: u32) -> Result<(), Failure> {
    let &Confinement {
        ref policy,
        level,
        landlock_abi,
    } = confinement;
    // At L3 the kernel ends everything with the supervisor.
    if level < Level::L3 {
        sys::die_with_parent(parent).step(|| "tie the child's life to its supervisor's".into())?;
    }
    rustix::process::setpgid(None, None).step(|| "make a process group".into())?;
    set_limits(&policy.limits).step(|| "set resource limits".into())?;
    confine::drop_capabilities().step(|| "drop capabilities".into())?;
    rustix::thread::set_no_new_privs(true).step(|| "give up new privileges".into())?;
    sys::reset_signals();
    if level >= Level::L2 {
        confine::apply_landlock(policy, level, landlock_abi)?;
        seccomp::apply(policy.network, level)?;
    }
    Ok(())
}

/// Waits for the command and becomes it; returns only what went wrong.
fn become_program(job: &OwnedFd) -> Result<(), Failure> {
    let fds = wire::receive_descriptors(job).step(|| "receive the command".into())?;
    let Some([request, stdin, stdout, stderr]) = fds else {
        // The helper has ended, or needs this one no more.
        return Err(Failure::new(
            "receive the command",
            io::ErrorKind::BrokenPipe,
        ));
    };
    let request = wire::read_request(&request).step(|| "read the command".into())?;
    let image = Image::new(&request)?;
    connect_streams(&[stdin, stdout, stderr]).step(|| "connect the streams".into())?;
    let directory = &request.command.directory;
    rustix::process::chdir(directory).step(|| format!("enter {}", directory.display()))?;
    sys::close_on_exec_above_streams().step(|| "close descriptors".into())?;
    Err(execute(&image))
}

/// Tries the candidates in order, as a shell does.
fn execute(image: &Image) -> Failure {
    let mut answer = io::Error::from_raw_os_error(libc::ENOENT);
    for program in &image.candidates {
        let error = sys::execute(program, &image.arguments, &image.environment);
        let goes_on = matches!(
            error.raw_os_error(),
            Some(libc::ENOENT | libc::ENOTDIR | libc::EACCES)
        );
        // What was found and refused says more than what was not found.
        if !goes_on
            || error.raw_os_error() == Some(libc::EACCES)
            || answer.kind() == io::ErrorKind::NotFound
        {
            answer = error;
        }
        if !goes_on {
            break;
        }
    }
    let name = image.arguments[0].to_string_lossy();
    Failure::new(format!("run {name}"), answer)
}

fn connect_streams(streams: &[OwnedFd; 3]) -> io::Result<()> {
    // The sources are above the standard streams: the helper keeps those three open.
    debug_assert!(streams.iter().all(|stream| stream.as_raw_fd() > 2));
    let [stdin, stdout, stderr] = streams;
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    Ok(())
}

fn set_limits(limits: &Limits) -> io::Result<()> {
    let cpu_seconds = limits.cpu.as_secs().max(1);
    for (resource, soft, hard) in [
        // A program that does not end at the soft limit is killed at the hard one.
        (Resource::Cpu, cpu_seconds, cpu_seconds + 1),
        (
            Resource::Data,
            limits.memory_bytes.saturating_mul(2),
            limits.memory_bytes.saturating_mul(2),
        ),
        (Resource::Fsize, limits.file_bytes, limits.file_bytes),
        (Resource::Nofile, limits.open_files, limits.open_files),
        (
            Resource::Nproc,
            limits.processes.into(),
            limits.processes.into(),
        ),
        (Resource::Core, 0, 0),
    ] {
        // A limit cannot be raised above the caller's own.
        let ceiling = rustix::process::getrlimit(resource)
            .maximum
            .unwrap_or(u64::MAX);
        setrlimit(
            resource,
            Rlimit {
                current: Some(soft.min(ceiling)),
                maximum: Some(hard.min(ceiling)),
            },
        )?;
    }
    Ok(())
}
