//! Children that go on while the caller does something else.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use claude_flow_sandbox::{Child, Command, End, Helper, Level, Sandbox, Stream, Usage};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Folders, LEVELS, sandbox};

/// How long the tests wait at most for what must happen.
const BOUND: Timespec = Timespec {
    tv_sec: 20,
    tv_nsec: 0,
};

fn start(folders: &Folders, level: Level, script: &str) -> Child {
    let command = Command::new("/bin/sh")
        .args(["-c", script])
        .stdin(Stream::Pipe);
    sandbox()
        .spawn(&folders.policy(level), &command)
        .expect("the shell runs")
}

/// Waits by the descriptor, as a caller with many children does.
fn wait_by_descriptor(child: &Child) -> (End, Usage) {
    let mut fds = [PollFd::from_borrowed_fd(child.as_fd(), PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&BOUND)), Ok(1), "the child ends");
    let ended = child.try_wait().expect("the supervisor tells");
    ended.expect("the descriptor was readable")
}

fn read_line(child: &mut Child) -> String {
    let stdout = child.stdout.as_mut().expect("it is a pipe");
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("the pipe is open");
    line
}

#[test]
fn end_is_told_through_the_descriptor_and_only_then() {
    let folders = Folders::new();
    for level in LEVELS {
        let mut child = start(&folders, level, "read line; exit 7");
        assert!(child.try_wait().expect("it runs").is_none(), "{level}");
        let mut stdin = child.stdin.take().expect("it is a pipe");
        stdin.write_all(b"go\n").expect("the shell reads");
        assert_eq!(wait_by_descriptor(&child).0, End::Exited(7), "{level}");
    }
}

#[test]
fn child_that_is_asked_to_end_may_do_its_last_things() {
    let folders = Folders::new();
    for level in LEVELS {
        let script = "trap 'echo last; exit 5' TERM; echo ready; while :; do read line; done";
        let mut child = start(&folders, level, script);
        assert_eq!(read_line(&mut child), "ready\n");
        child.terminate().expect("it runs");
        assert_eq!(wait_by_descriptor(&child).0, End::Exited(5), "{level}");
        let mut rest = String::new();
        let mut stdout = child.stdout.take().expect("it is a pipe");
        stdout.read_to_string(&mut rest).expect("it has ended");
        assert_eq!(rest, "last\n", "{level}");
        let is_told = (0..5000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(1));
            let answer = child.terminate();
            answer.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
        });
        assert!(is_told, "{level}: nobody is left to be asked");
    }
}

#[test]
fn all_processes_of_a_child_are_measured() {
    let folders = Folders::new();
    for level in LEVELS {
        // Half a second of CPU in a process that has ended, and 40 MB in one that goes on.
        let script = "sh -c 'ulimit -t 100; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; \
                      (head -c 40000000 /dev/zero | tail -c 40000000 | (echo full; sleep 1000)) & \
                      wait";
        let mut child = start(&folders, level, script);
        assert_eq!(read_line(&mut child), "full\n");
        let enough = (0..5000).find_map(|_| {
            std::thread::park_timeout(Duration::from_millis(1));
            let measured = child.measure().expect("it runs");
            (measured.memory_bytes > 35_000_000).then_some(measured)
        });
        let measured = enough.expect("tail holds what it has read");
        assert!(measured.processes >= 3, "{level}: {measured:?}");
        assert!(measured.memory_bytes < 200_000_000, "{level}: {measured:?}");
        assert!(
            measured.cpu > Duration::from_millis(50),
            "{level}: {measured:?}"
        );
        child.kill();
        let (end, usage) = wait_by_descriptor(&child);
        assert_eq!(end, End::Killed, "{level}");
        assert!(usage.cpu >= measured.cpu, "{level}: {usage:?} {measured:?}");
        let gone = (0..5000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(1));
            child
                .measure()
                .is_err_and(|error| error.kind() == ErrorKind::NotFound)
        });
        assert!(gone, "{level}: what has ended cannot be measured");
    }
}

#[test]
fn nobody_keeps_the_streams_of_a_child_open() {
    let folders = Folders::new();
    for level in LEVELS {
        // The first child of a helper has no supervisor that was prepared before its streams came.
        let helper = Helper::program(env!("CARGO_BIN_EXE_claude-flow-sandbox-helper"));
        let sandbox = Sandbox::start(helper).expect("the helper starts");
        for number in 0..2 {
            let script = "exec <&- >&- 2>&-; sleep 1000";
            let command = Command::new("/bin/sh")
                .args(["-c", script])
                .stdin(Stream::Pipe);
            let mut child = sandbox
                .spawn(&folders.policy(level), &command)
                .expect("the shell runs");
            for pipe in [child.stdout.take(), child.stderr.take()] {
                let mut pipe = pipe.expect("it is a pipe");
                let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
                let what = format!("child {number} at {level}: its output is closed");
                assert_eq!(poll(&mut fds, Some(&BOUND)), Ok(1), "{what}");
                assert_eq!(pipe.read(&mut [0; 1]).expect("it is open"), 0, "{what}");
            }
            let mut stdin = child.stdin.take().expect("it is a pipe");
            let error = stdin.write_all(b"x").expect_err("nobody reads");
            assert_eq!(
                error.kind(),
                ErrorKind::BrokenPipe,
                "child {number} at {level}"
            );
        }
    }
}

#[test]
fn endless_wall_time_is_possible() {
    let folders = Folders::new();
    for level in LEVELS {
        let mut policy = folders.policy(level);
        policy.limits.wall = Duration::MAX;
        let outcome = sandbox()
            .run(&policy, &Command::new("/bin/true"))
            .expect("true runs");
        assert_eq!(outcome.end, End::Exited(0), "{level}");
    }
}
