//! The system calls that `rustix` does not wrap.
#![expect(unsafe_code, reason = "system calls without a safe wrapper in rustix")]

use std::ffi::{CString, c_int, c_void};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

/// Namespaces for a new process.
pub(crate) const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS) as u64;

/// The network namespace.
pub(crate) const NETWORK_NAMESPACE: u64 = libc::CLONE_NEWNET as u64;

/// Which side of a fork this is.
pub(crate) enum Forked {
    Parent { pid: u32 },
    Child,
}

/// Copies this process, the copy in new namespaces.
///
/// # Errors
///
/// What `clone3` answers.
///
/// # Safety
///
/// The process must have a single thread: in the copy, only the calling thread exists, and a lock that
/// another one held would stay locked.
pub(crate) unsafe fn fork(namespaces: u64) -> io::Result<Forked> {
    // SAFETY: the structure is plain integers, for which zero is a value.
    let mut args: libc::clone_args = unsafe { zeroed() };
    args.flags = namespaces;
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: without CLONE_VM the copy has its own memory and stack, as after fork; the caller
    // guarantees that no other thread exists.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of_val(&args)) };
    match pid {
        0 => Ok(Forked::Child),
        pid if pid > 0 => Ok(Forked::Parent {
            pid: u32::try_from(pid).expect("the kernel's process ids are below 2^22"),
        }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A process that ended, and what it used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) pid: u32,
    /// As `wait` gives it.
    pub(crate) status: c_int,
    pub(crate) cpu: Duration,
    pub(crate) memory_bytes_max: u64,
}

/// Takes the status of a child that ended, `None` if none has; an error if there are no children.
pub(crate) fn reap() -> io::Result<Option<Ended>> {
    let mut status = 0;
    // SAFETY: the structure is plain integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: both pointers lead to values that outlive the call.
    let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage) };
    match pid {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(Ended {
            pid: pid.unsigned_abs(),
            status,
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
            memory_bytes_max: usage.ru_maxrss.unsigned_abs() * 1024,
        })),
        _ => Err(io::Error::last_os_error()),
    }
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec.unsigned_abs())
        + Duration::from_micros(time.tv_usec.unsigned_abs())
}

/// A descriptor that becomes readable when a child ends; the signal is blocked from here on.
pub(crate) fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: a signal set is plain data, and is filled by sigemptyset.
    let mut set: libc::sigset_t = unsafe { zeroed() };
    // SAFETY: `set` is a valid signal set and the signal number exists.
    unsafe {
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
    }
    // SAFETY: `set` is filled; the old mask is not asked for.
    if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `set` is filled; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives every signal its default action again and blocks none, as a program expects at its start.
pub(crate) fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: setting a default action has no preconditions; unsettable signals are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: a signal set is plain data, and is filled by sigemptyset.
    let mut set: libc::sigset_t = unsafe { zeroed() };
    // SAFETY: `set` is a valid place for a signal set, and the old mask is not asked for.
    unsafe {
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
    }
}

/// Sends a signal to every process that this one may signal and that it can see, itself excepted.
///
/// Only the first process of a pid namespace calls this.
pub(crate) fn kill_everyone_else() {
    debug_assert_eq!(
        std::process::id(),
        1,
        "outside a pid namespace this would kill the user's session"
    );
    // SAFETY: kill touches no memory.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// Sends a signal to one process; one that is gone is no error.
pub(crate) fn signal_process(pid: u32, signal: c_int) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // SAFETY: kill touches no memory.
        unsafe { libc::kill(pid, signal) };
    }
}

/// Sets attributes of a mount and, if `recursive`, of all below it.
pub(crate) fn set_mount_attributes(
    mount: impl AsFd,
    attributes: u64,
    recursive: bool,
) -> io::Result<()> {
    let attr = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let recursive = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string, the structure outlives the call and its size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    answer(result)
}

/// Brings the loopback interface up.
pub(crate) fn bring_loopback_up(socket: impl AsFd) -> io::Result<()> {
    // SAFETY: the structure is plain data, for which zero is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags =
        i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).expect("interface flags are 16 bits");
    // SAFETY: the request is the structure that this ioctl reads, and outlives the call.
    let result = unsafe {
        libc::ioctl(
            socket.as_fd().as_raw_fd(),
            libc::SIOCSIFFLAGS,
            &raw const request,
        )
    };
    answer(result.into())
}

/// Ends this process when the one that started it ends.
pub(crate) fn die_with_parent(parent: u32) -> io::Result<()> {
    // SAFETY: prctl with this option touches no memory.
    answer(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }.into())?;
    // The parent may have died before the call.
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

/// Closes every descriptor above the standard streams when a program is executed.
///
/// # Errors
///
/// What `close_range` answers; nothing is marked then.
pub fn close_on_exec_above_streams() -> io::Result<()> {
    // SAFETY: the call marks descriptors and touches no memory.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3_u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    answer(result)
}

/// Replaces this program; returns only what went wrong.
pub(crate) fn execute(
    program: &CString,
    arguments: &[CString],
    environment: &[CString],
) -> io::Error {
    let pointers = |strings: &[CString]| {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        pointers
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end with a null pointer and point to C strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// The version of Landlock's interface, 0 if there is none, with what the kernel answered.
pub(crate) fn landlock_abi() -> (u32, io::Result<()>) {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call reads no attributes: pointer and size must be zero.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<c_void>(),
            0_usize,
            VERSION,
        )
    };
    match u32::try_from(version) {
        Ok(version) => (version, Ok(())),
        Err(_) => (0, Err(io::Error::last_os_error())),
    }
}

/// Ends this process at once, without running exit handlers: after a fork they belong to the original.
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: the call ends the process.
    unsafe { libc::_exit(code) }
}

fn answer(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
