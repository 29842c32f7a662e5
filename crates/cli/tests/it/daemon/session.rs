//! `Stop` and `SessionStart` of Claude Code.

use serde_json::{Value, json};

use super::process::{Daemon, with_daemon};
use super::{BROKEN, GOOD, edit, project};
use crate::program::Project;

/// What the agent is told at the end of its turn.
fn stop(project: &Project, session: &str, is_active: bool) -> String {
    let payload = json!({
        "session_id": session, "cwd": project.path(""), "hook_event_name": "Stop",
        "stop_hook_active": is_active,
    });
    let ended = with_daemon(
        project,
        &["hook", "claude-code"],
        payload.to_string().as_bytes(),
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    if ended.stdout.is_empty() {
        return String::new();
    }
    let output = ended.json();
    assert_eq!(output["hookSpecificOutput"]["hookEventName"], "Stop");
    let text = output["hookSpecificOutput"]["additionalContext"].as_str();
    text.expect("a text").to_owned()
}

fn report(project: &Project, name: &str) {
    let mut payload: Value = edit(project, name);
    payload["tool_response"] = json!({"originalFile": GOOD});
    with_daemon(
        project,
        &["hook", "claude-code"],
        payload.to_string().as_bytes(),
    );
}

#[test]
fn what_is_still_broken_is_told_once() {
    let project = project();
    let _daemon = Daemon::start(&project);
    assert_eq!(stop(&project, "abc123", false), "");
    report(&project, "broken.py");
    report(&project, "good.py");
    let told = stop(&project, "abc123", false);
    assert!(
        told.contains("still broken") && told.contains("broken.py"),
        "{told}"
    );
    assert!(!told.contains("good.py"), "{told}");
    // It must not be kept from ending for ever.
    assert_eq!(stop(&project, "abc123", true), "");
    assert_eq!(stop(&project, "another", false), "");
    // The file itself counts, and not what was said about it.
    project.write("broken.py", GOOD);
    assert_eq!(stop(&project, "abc123", false), "");
    project.write("broken.py", BROKEN);
    report(&project, "broken.py");
    assert!(stop(&project, "abc123", false).contains("broken.py"));
}

#[test]
fn a_session_begins_with_one_line() {
    let project = project();
    let _daemon = Daemon::start(&project);
    let payload =
        json!({"session_id": "a", "hook_event_name": "SessionStart", "source": "startup"});
    let payload = payload.to_string();
    let ended = with_daemon(&project, &["hook", "claude-code"], payload.as_bytes());
    let output = ended.json();
    let text = output["hookSpecificOutput"]["additionalContext"].as_str();
    let text = text.expect("a text");
    assert_eq!(text.lines().count(), 1);
    assert!(text.contains("not trusted"), "{text}");
    // Without a daemon nobody remembers the session, and the agent hears nothing.
    let alone = project.run_with_stdin(&["hook", "claude-code"], payload.as_bytes());
    assert_eq!((alone.code, alone.stdout.as_str()), (Some(0), ""));
    assert!(
        alone.stderr.contains("answered by the daemon"),
        "{}",
        alone.stderr
    );
}
