//! Programs that try to get out, at every level. `docs/escapes.md` is the same list for people.
#![expect(
    unsafe_code,
    reason = "the attempts make system calls that nobody wraps"
)]

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_flow_sandbox::{Child, Command, End, Level, Policy, RunError, SpawnError};
use rustix::process::{Pid, Signal};

use crate::{Folders, LEVELS, sandbox};

const ESCAPED: i32 = 10;
const BLOCKED: i32 = 11;

/// Runs one attempt at every level and compares with the levels that block it.
fn check(name: &str, blocked_at: &[Level]) {
    let outside = Outside::new();
    for level in LEVELS {
        let outcome = outside.attempt(name, level, |policy| policy);
        let expected = if blocked_at.contains(&level) {
            BLOCKED
        } else {
            ESCAPED
        };
        let told = String::from_utf8_lossy(&outcome.stdout.head).into_owned();
        assert_eq!(
            outcome.end,
            End::Exited(expected),
            "{name} at {level}: {told}"
        );
    }
}

/// What is worth attacking: files, sockets and a process of the same user.
struct Outside {
    folders: Folders,
    tcp: TcpListener,
    udp: UdpSocket,
    _path_socket: UnixListener,
    _abstract_socket: UnixListener,
    /// A process without privileges of its own, as the attempts are.
    victim: Child,
    victim_pid: String,
}

impl Outside {
    fn new() -> Self {
        let folders = Folders::new();
        folders.write("home/.ssh/id_ed25519", "the private key");
        let path = folders.folder.path().join("home/socket");
        let name = folders.folder.path().as_os_str().as_encoded_bytes();
        let abstract_name = SocketAddr::from_abstract_name(name).expect("the name is short");
        let seconds = (std::process::id() + 200_000).to_string();
        let command =
            Command::new("/bin/sh").args(["-c", &format!("echo $$; exec sleep {seconds}")]);
        let mut policy = folders.policy(Level::L1).env("SECRET", "of the victim");
        policy.limits.wall = Duration::from_mins(10);
        let mut victim = sandbox().spawn(&policy, &command).expect("the shell runs");
        let victim_pid = io::read_to_string(first_line(&mut victim)).expect("the shell writes");
        Self {
            tcp: TcpListener::bind("127.0.0.1:0").expect("a port is free"),
            udp: UdpSocket::bind("127.0.0.1:0").expect("a port is free"),
            _path_socket: UnixListener::bind(path).expect("the folder is writable"),
            _abstract_socket: UnixListener::bind_addr(&abstract_name).expect("the name is free"),
            victim,
            victim_pid: victim_pid.trim().into(),
            folders,
        }
    }

    fn attempt(
        &self,
        name: &str,
        level: Level,
        change: impl FnOnce(Policy) -> Policy,
    ) -> claude_flow_sandbox::Outcome {
        self.try_attempt(name, level, change)
            .unwrap_or_else(|error| panic!("{name} at {level}: {error}"))
    }

    fn try_attempt(
        &self,
        name: &str,
        level: Level,
        change: impl FnOnce(Policy) -> Policy,
    ) -> Result<claude_flow_sandbox::Outcome, RunError> {
        let port = |address: io::Result<std::net::SocketAddr>| {
            address.expect("the socket is bound").port().to_string()
        };
        let this = std::env::current_exe().expect("this test runs");
        let policy = self
            .folders
            .policy(level)
            .read(&this)
            .env("ATTEMPT", name)
            .env("OUTSIDE", self.folders.folder.path())
            .env("TCP_PORT", port(self.tcp.local_addr()))
            .env("UDP_PORT", port(self.udp.local_addr()))
            .env("VICTIM", &self.victim_pid);
        let command = Command::new(this).args(["escapes::attempt", "--exact", "--nocapture", "-q"]);
        sandbox().run(&change(policy), &command)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.victim.kill();
    }
}

/// Reads to the end of the first line, one byte at a time.
fn first_line(child: &mut Child) -> impl io::Read + use<> {
    use std::io::Read;
    let mut stdout = child.stdout.take().expect("it was asked for");
    let mut line = Vec::new();
    let mut byte = [0];
    while stdout.read(&mut byte).expect("the pipe is open") == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    io::Cursor::new(line)
}

const FROM_L2: &[Level] = &[Level::L2, Level::L3];
const AT_L3: &[Level] = &[Level::L3];
const EVERYWHERE: &[Level] = &LEVELS;

#[test]
fn writing_outside() {
    check("write_outside", FROM_L2);
}

#[test]
fn writing_into_the_workspace() {
    check("write_workspace", FROM_L2);
}

#[test]
fn reading_a_private_key() {
    check("read_key", FROM_L2);
}

#[test]
fn reading_a_private_key_through_a_link_that_is_swapped() {
    check("swapped_link", FROM_L2);
}

#[test]
fn writing_a_hook_of_a_repository_in_a_writable_workspace() {
    let outside = Outside::new();
    for level in LEVELS {
        let workspace = outside.folders.workspace();
        let outcome = outside.attempt("write_hook", level, |policy| policy.write(workspace));
        let expected = if level == Level::L3 { BLOCKED } else { ESCAPED };
        assert_eq!(outcome.end, End::Exited(expected), "{level}");
    }
}

#[test]
fn reading_what_is_hidden_inside_what_is_visible() {
    let outside = Outside::new();
    outside.folders.write("workspace/.env", "a password");
    for level in LEVELS {
        let hidden = outside.folders.workspace().join(".env");
        let outcome = outside.attempt("read_hidden", level, |policy| policy.hide(hidden));
        let expected = if level == Level::L3 { BLOCKED } else { ESCAPED };
        assert_eq!(outcome.end, End::Exited(expected), "{level}");
    }
}

#[test]
fn connecting_by_tcp() {
    check("tcp", FROM_L2);
}

#[test]
fn sending_by_udp() {
    check("udp", FROM_L2);
}

#[test]
fn connecting_to_an_abstract_socket() {
    check("abstract_socket", FROM_L2);
}

#[test]
fn connecting_to_a_socket_in_the_file_system() {
    check("path_socket", AT_L3);
}

#[test]
fn signalling_a_process_outside() {
    check("signal", FROM_L2);
}

#[test]
fn tracing_a_process_outside() {
    let yama = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let is_restricted = !matches!(yama.trim(), "" | "0");
    check("ptrace", if is_restricted { EVERYWHERE } else { FROM_L2 });
}

#[test]
fn reading_the_environment_of_a_process_outside() {
    check("environ", FROM_L2);
}

#[test]
fn making_a_user_namespace() {
    check("user_namespace", FROM_L2);
}

#[test]
fn setting_up_an_io_uring() {
    check("io_uring", FROM_L2);
}

#[test]
fn writing_a_file_of_ten_gibibytes() {
    check("huge_file", EVERYWHERE);
}

#[test]
fn starting_more_processes_than_allowed() {
    let is_root = rustix::process::geteuid().is_root();
    check("fork_bomb", if is_root { AT_L3 } else { EVERYWHERE });
}

#[test]
fn killing_the_supervisor() {
    let outside = Outside::new();
    for level in LEVELS {
        let result = outside.try_attempt("kill_supervisor", level, |policy| policy);
        match level {
            // It works, is told, and frees nobody: the helper ends what is left.
            Level::L1 => assert!(
                matches!(
                    result,
                    Err(RunError::Lost | RunError::Spawn(SpawnError::Lost))
                ),
                "{result:?}"
            ),
            Level::L2 | Level::L3 => {
                let outcome = result.expect("the supervisor lives");
                assert_eq!(outcome.end, End::Exited(BLOCKED), "{level}");
            }
        }
    }
}

#[test]
fn writing_without_end() {
    let outside = Outside::new();
    for level in LEVELS {
        let outcome = outside.attempt("endless_output", level, |mut policy| {
            policy.limits.wall = Duration::from_millis(300);
            policy.limits.output_bytes = 1 << 16;
            policy
        });
        assert_eq!(outcome.end, End::WallTime, "{level}");
        assert!(outcome.stdout.omitted_bytes > 0, "{level}");
        assert!(outcome.stdout.head.len() + outcome.stdout.tail.len() <= 1 << 16);
    }
}

/// What every level blocks by a number succeeds where the number allows it: otherwise the attempts
/// themselves might be what fails.
#[test]
fn attempts_within_the_limits_succeed() {
    let outside = Outside::new();
    for level in LEVELS {
        for name in ["huge_file", "fork_bomb"] {
            let outcome = outside.attempt(name, level, |mut policy| {
                policy.limits.file_bytes = 20 << 30;
                policy.limits.processes = 20_000;
                policy
            });
            assert_eq!(outcome.end, End::Exited(ESCAPED), "{name} at {level}");
        }
    }
}

/// What the other tests run in the sandbox; by itself it has nothing to do.
#[test]
fn attempt() {
    let Ok(name) = std::env::var("ATTEMPT") else {
        return;
    };
    let code = match try_to_escape(&name) {
        Ok(()) => ESCAPED,
        Err(error) => {
            println!("{error}");
            BLOCKED
        }
    };
    std::process::exit(code);
}

fn try_to_escape(name: &str) -> io::Result<()> {
    let outside = PathBuf::from(std::env::var_os("OUTSIDE").expect("the starting test sets it"));
    let number = |name| -> u16 {
        let text = std::env::var(name).expect("the starting test sets it");
        text.parse().expect("it is a number")
    };
    let victim: i32 = std::env::var("VICTIM")
        .expect("the starting test sets it")
        .parse()
        .expect("it is a number");
    match name {
        "write_outside" => fs::write(outside.join("home/written"), "x"),
        "write_workspace" => fs::write(outside.join("workspace/written"), "x"),
        "write_hook" => fs::write(outside.join("workspace/.git/hooks/pre-commit"), "x"),
        "read_key" => read_text(&outside.join("home/.ssh/id_ed25519")),
        "read_hidden" => read_text(&outside.join("workspace/.env")),
        "swapped_link" => swapped_link(&outside),
        "tcp" => TcpStream::connect(("127.0.0.1", number("TCP_PORT"))).map(drop),
        "udp" => udp(number("UDP_PORT")),
        "abstract_socket" => {
            let name = SocketAddr::from_abstract_name(outside.as_os_str().as_encoded_bytes())?;
            UnixStream::connect_addr(&name).map(drop)
        }
        "path_socket" => UnixStream::connect(outside.join("home/socket")).map(drop),
        "signal" => {
            let pid = Pid::from_raw(victim).expect("not zero");
            Ok(rustix::process::kill_process(pid, Signal::CONT)?)
        }
        "ptrace" => ptrace(victim),
        "environ" => read_text(Path::new(&format!("/proc/{victim}/environ"))),
        "user_namespace" => user_namespace(),
        "io_uring" => io_uring(),
        "huge_file" => huge_file(),
        "fork_bomb" => fork_bomb(),
        "kill_supervisor" => kill_supervisor(),
        "endless_output" => loop {
            io::stdout().write_all(&[b'x'; 4096])?;
        },
        other => panic!("no attempt is called {other}"),
    }
}

/// What is there and empty was not read.
fn read_text(path: &Path) -> io::Result<()> {
    match fs::read(path)?.as_slice() {
        [] => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Opens a name that changes all the time between an own file and a link to the key.
fn swapped_link(outside: &Path) -> io::Result<()> {
    let scratch = outside.join("scratch");
    let (name, link, file) = (
        scratch.join("name"),
        scratch.join("link"),
        scratch.join("file"),
    );
    std::thread::spawn(move || {
        for round in 0.. {
            let (other, made) = if round % 2 == 0 {
                (
                    &link,
                    std::os::unix::fs::symlink(outside_key(&scratch), &link),
                )
            } else {
                (&file, fs::write(&file, "own"))
            };
            if made.is_ok() {
                let _ = fs::rename(other, scratch.join("name"));
            }
        }
    });
    for _ in 0..20_000 {
        if fs::read(&name).is_ok_and(|text| text == b"the private key") {
            return Ok(());
        }
    }
    Err(io::ErrorKind::PermissionDenied.into())
}

fn outside_key(scratch: &Path) -> PathBuf {
    scratch.join("../home/.ssh/id_ed25519")
}

/// Without an answer nobody knows whether a datagram arrived; a connected socket hears of a refusal.
fn udp(port: u16) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(("127.0.0.1", port))?;
    socket.send(b"x")?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    match socket.recv(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        other => other.map(drop),
    }
}

fn ptrace(pid: i32) -> io::Result<()> {
    // SAFETY: this request ignores address and data.
    answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) })
}

/// Only a process of one thread may, and this one has two.
fn user_namespace() -> io::Result<()> {
    // SAFETY: the child calls nothing but unshare and _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: both calls touch no memory.
        unsafe { libc::_exit(libc::unshare(libc::CLONE_NEWUSER) & 1) }
    }
    let mut status = 0;
    // SAFETY: the pointer leads to a value that outlives the call.
    answer(unsafe { libc::waitpid(child, &raw mut status, 0) }.into())?;
    if status == 0 {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn io_uring() -> io::Result<()> {
    let mut params = [0_u8; 256];
    // SAFETY: the structure that the kernel fills is smaller than the array.
    answer(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) })
}

fn huge_file() -> io::Result<()> {
    // SAFETY: ignoring a signal has no preconditions; without it, the process would only end sooner.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let scratch = std::env::temp_dir();
    let mut file = File::create(scratch.join("huge"))?;
    file.seek(SeekFrom::Start(10 << 30))?;
    file.write_all(b"x")
}

/// More than the policy's 512 processes, none of which does anything.
fn fork_bomb() -> io::Result<()> {
    for _ in 0..600 {
        // SAFETY: the child calls nothing but pause and _exit.
        match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                // SAFETY: both calls touch no memory.
                unsafe {
                    libc::pause();
                    libc::_exit(0)
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn kill_supervisor() -> io::Result<()> {
    let supervisor = rustix::process::getppid().expect("somebody started this process");
    rustix::process::kill_process(supervisor, Signal::KILL)?;
    // Whoever outlives a killed supervisor is its child no more.
    for _ in 0..100 {
        if rustix::process::getppid() != Some(supervisor) {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Err(io::ErrorKind::PermissionDenied.into())
}

fn answer(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
