//! `claude-flow events`, and what the daemon sees without being asked.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{self, Daemon, with_daemon};
use super::{BROKEN, GOOD, edit, project};
use crate::program::Project;

/// How long an event is waited for; only a test that fails waits so long.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// A program that follows; it ends with this.
struct Follower {
    child: Child,
    lines: Receiver<Value>,
}

impl Follower {
    fn start(project: &Project) -> Self {
        let mut command = project.command();
        process::allow_daemon(project, &mut command);
        command.args(["events", "--follow", "--format", "json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("each line is JSON");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let follower = Self { child, lines };
        process::until(|| {
            let status = with_daemon(project, &["daemon", "status"], b"");
            status.stdout.contains("connections 2,")
        });
        follower
    }

    /// The next event of a kind about a file.
    #[track_caller]
    fn wait(&self, kind: &str, name: &str) -> Value {
        loop {
            let event = self.lines.recv_timeout(WAIT_MAX).expect("it comes");
            let path = event["path"].as_str().unwrap_or_default();
            if event["event"] == kind && path.ends_with(name) {
                return event;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn edits_checks_and_verdicts_of_a_hook_are_seen() {
    let project = project();
    let _daemon = Daemon::start(&project);
    let follower = Follower::start(&project);
    let payload = edit(&project, "broken.py").to_string();
    with_daemon(&project, &["hook", "claude-code"], payload.as_bytes());
    let edit = follower.wait("edit", "broken.py");
    assert_eq!(edit["source"], "hook");
    assert_eq!(edit["harness"], "claude-code");
    assert_eq!(edit["session"], "abc123");
    let check = follower.wait("check", "broken.py");
    assert_eq!(
        (&check["check"], &check["state"]),
        (&json!("text"), &json!("clean"))
    );
    let verdict = follower.wait("verdict", "broken.py");
    assert_eq!(
        (&verdict["errors"], &verdict["broken_checks"]),
        (&json!(1), &json!(0))
    );
    let recent = with_daemon(&project, &["events"], b"").expect_code(0);
    let lines: Vec<_> = recent.stdout.lines().collect();
    assert!(
        lines[0].starts_with("edit ") && lines[0].ends_with("claude-code abc123"),
        "{lines:?}"
    );
    assert!(lines[lines.len() - 1].ends_with("1 × error"), "{lines:?}");
}

#[test]
fn an_edit_that_no_hook_reports_is_checked() {
    let project = project();
    let daemon = Daemon::start(&project);
    let follower = Follower::start(&project);
    project.write(".gitignore", "ignored\n");
    project.write("ignored/first.py", BROKEN);
    project.write("new/directory/made.py", BROKEN);
    let verdict = follower.wait("verdict", "made.py");
    assert_eq!(
        (&verdict["source"], &verdict["errors"]),
        (&json!("watch"), &json!(1))
    );
    project.write("new/directory/made.py", GOOD);
    assert_eq!(follower.wait("verdict", "made.py")["errors"], 0);
    let recent = with_daemon(&project, &["events"], b"").expect_code(0);
    assert!(!recent.stdout.contains("first.py"), "{}", recent.stdout);
    daemon.expect_well();
}

#[test]
fn what_a_hook_has_reported_is_not_checked_again() {
    let project = project();
    project.write("edited.py", BROKEN);
    let _daemon = Daemon::start(&project);
    let follower = Follower::start(&project);
    let payload = edit(&project, "edited.py").to_string();
    with_daemon(&project, &["hook", "claude-code"], payload.as_bytes());
    // The same content again; what is written later is told later.
    project.write("edited.py", BROKEN);
    project.write("later.py", GOOD);
    follower.wait("verdict", "later.py");
    let recent = with_daemon(&project, &["events", "--format", "json"], b"").expect_code(0);
    let verdicts = recent
        .stdout
        .lines()
        .filter(|line| line.contains("\"verdict\""));
    let of_file: Vec<_> = verdicts.filter(|line| line.contains("edited.py")).collect();
    assert_eq!(of_file.len(), 1, "{of_file:?}");
}

#[test]
fn without_a_daemon_there_is_nothing_to_see() {
    let project = project();
    let ended = with_daemon(&project, &["events"], b"").expect_code(1);
    assert!(ended.stderr.contains("no daemon runs"), "{}", ended.stderr);
}
