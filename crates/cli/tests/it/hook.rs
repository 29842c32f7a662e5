//! `claude-flow hook claude-code`: exit code 0 and at most one JSON document, whatever comes in.

use serde_json::{Value, json};

use crate::program::{Ended, Project};

const GOOD: &str = "def f(a):\n    return a\n";
const BROKEN: &str = "def f(a:\n    return a\n";

fn payload(project: &Project, name: &str) -> Value {
    json!({
        "session_id": "abc123",
        "cwd": project.path(""),
        "hook_event_name": "PostToolUse",
        "tool_name": "Edit",
        "tool_input": {"file_path": project.path(name), "old_string": "a)", "new_string": "a"},
        "tool_response": {"filePath": project.path(name), "originalFile": GOOD},
    })
}

fn answer(project: &Project, payload: &[u8]) -> Ended {
    project
        .run_with_stdin(&["hook", "claude-code"], payload)
        .expect_code(0)
}

#[track_caller]
fn context(ended: &Ended) -> String {
    let output = ended.json();
    assert_eq!(output["hookSpecificOutput"]["hookEventName"], "PostToolUse");
    let text = output["hookSpecificOutput"]["additionalContext"].as_str();
    text.expect("a text").to_owned()
}

#[test]
fn what_the_edit_broke_is_told() {
    let project = Project::new();
    project.write("src/a.py", BROKEN);
    let ended = answer(
        &project,
        payload(&project, "src/a.py").to_string().as_bytes(),
    );
    assert_eq!(ended.stderr, "");
    let told = context(&ended);
    assert!(
        told.starts_with("claude-flow on src/a.py, after this edit: 1 error\n1:"),
        "{told}"
    );
}

#[test]
fn what_was_broken_before_and_what_is_good_is_silent() {
    let project = Project::new();
    project.write("good.py", GOOD);
    project.write("old.py", BROKEN);
    let good = answer(
        &project,
        payload(&project, "good.py").to_string().as_bytes(),
    );
    assert_eq!((good.stdout.as_str(), good.stderr.as_str()), ("", ""));
    let mut old = payload(&project, "old.py");
    old["tool_response"]["originalFile"] = json!(BROKEN);
    let old = answer(&project, old.to_string().as_bytes());
    assert_eq!((old.stdout.as_str(), old.stderr.as_str()), ("", ""));
}

#[test]
fn a_vanished_file_and_a_bad_configuration_are_told() {
    let project = Project::new();
    let gone = answer(
        &project,
        payload(&project, "gone.py").to_string().as_bytes(),
    );
    assert!(context(&gone).starts_with("claude-flow did not check gone.py: "));
    assert_eq!(gone.stderr.lines().count(), 1);
    project.write("claude-flow.toml", "[limits]\ntime = 1\n");
    project.write("a.py", GOOD);
    let bad = answer(&project, payload(&project, "a.py").to_string().as_bytes());
    assert!(context(&bad).contains("claude-flow.toml:2:1"));
    assert_eq!(bad.stderr.lines().count(), 1);
}

#[test]
fn everything_else_is_silent_and_named_on_standard_error() {
    let project = Project::new();
    let mut other = payload(&project, "a.py");
    other["tool_name"] = json!("Bash");
    let payloads = [
        Vec::new(),
        b"{".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        other.to_string().into_bytes(),
        vec![b'x'; 17 * 1024 * 1024],
    ];
    for payload in payloads {
        let ended = answer(&project, &payload);
        assert_eq!(ended.stdout, "");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with("claude-flow hook: "),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn cursor_is_left_to_its_own_hooks() {
    let project = Project::new();
    project.write("a.py", BROKEN);
    let mut replayed = payload(&project, "a.py");
    replayed["cursor_version"] = json!("2.0");
    let ended = answer(&project, replayed.to_string().as_bytes());
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn an_unknown_harness_is_a_mistake_of_a_person() {
    let ended = Project::new().run(&["hook", "nonsense"]).expect_code(2);
    assert!(ended.stderr.contains("claude-code"), "{}", ended.stderr);
}
