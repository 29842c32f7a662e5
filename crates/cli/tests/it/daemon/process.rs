//! Daemons of a project of their own, which end with their tests.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Ended, Project};

/// How long anything is waited for; only a test that fails waits so long.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// Lets a command find the daemon of a project.
pub(super) fn allow_daemon(project: &Project, command: &mut Command) {
    command
        .env_remove("CLAUDE_FLOW_NO_DAEMON")
        .env("XDG_RUNTIME_DIR", project.path("run"));
}

/// Runs the program as it asks the daemon.
pub(super) fn with_daemon(project: &Project, arguments: &[&str], stdin: &[u8]) -> Ended {
    std::fs::create_dir_all(project.path("run")).expect("a directory can be made");
    project.run_prepared(arguments, stdin, |command| allow_daemon(project, command))
}

/// The one socket of a project.
pub(super) fn socket(project: &Project) -> PathBuf {
    let names = std::fs::read_dir(project.path("run/claude-flow")).expect("it is there");
    let mut paths = names.map(|entry| entry.expect("a readable entry").path());
    let socket = paths.find(|path| path.extension().is_some_and(|it| it == "sock"));
    socket.expect("a socket is there")
}

/// Waits for a condition.
#[track_caller]
pub(super) fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT_MAX;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::park_timeout(PAUSE);
    }
}

/// A daemon in the foreground.
pub(super) struct Daemon<'a> {
    project: &'a Project,
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl<'a> Daemon<'a> {
    pub(super) fn start(project: &'a Project) -> Self {
        Self::start_from(project, Path::new(env!("CARGO_BIN_EXE_claude-flow")))
    }

    /// It is there when this returns.
    pub(super) fn start_from(project: &'a Project, program: &Path) -> Self {
        std::fs::create_dir_all(project.path("run")).expect("a directory can be made");
        let mut command = project.command_of(program);
        allow_daemon(project, &mut command);
        let command = command.arg("daemon").stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("a line comes");
        assert!(line.contains("answers for"), "{line}");
        Self {
            project,
            child,
            stderr,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn status(&self) -> String {
        let ended = with_daemon(self.project, &["daemon", "status"], b"");
        ended.expect_code(0).stdout
    }

    /// It answers.
    #[track_caller]
    pub(super) fn expect_well(&self) {
        let status = self.status();
        assert!(status.contains("resident"), "{status}");
    }

    pub(super) fn kill(mut self) {
        self.child.kill().expect("it is running");
        self.child.wait().expect("it ends");
    }

    /// How it ended, which it does by itself.
    pub(super) fn wait(mut self) -> Ended {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("text");
        let status = self.child.wait().expect("it ends");
        Ended {
            code: status.code(),
            stdout: String::new(),
            stderr,
        }
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // It has ended by itself if it cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon that a hook has started; it ends with this.
pub(super) struct Started<'a>(&'a Project);

impl<'a> Started<'a> {
    /// Waits until it answers.
    pub(super) fn wait(project: &'a Project) -> Self {
        until(|| with_daemon(project, &["daemon", "status"], b"").code == Some(0));
        Self(project)
    }

    pub(super) fn status(&self) -> String {
        with_daemon(self.0, &["daemon", "status"], b"").stdout
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        with_daemon(self.0, &["daemon", "stop"], b"");
    }
}
