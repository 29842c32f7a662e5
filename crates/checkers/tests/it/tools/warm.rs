//! What servers and scripts answer, and what that means.

use claude_flow_checkers::Outcome;
use claude_flow_checkers::tools::{Answer, Line, Reading, Request, Server, TOOLS, Tool, tool};
use proptest::prelude::*;

fn request(content: &str) -> Request<'_> {
    Request {
        root: "/project",
        path: "a b.py",
        content: content.as_bytes(),
        scratch: "/scratch",
        config: None,
        edition: None,
    }
}

fn known(name: &str) -> &'static Tool {
    tool(name).expect("it is in the catalog")
}

/// What the findings of a reading are, or why there are none.
fn told(tool: &Tool, request: &Request<'_>, reading: &Reading) -> Vec<String> {
    match reading.outcome(tool, request) {
        Outcome::Checked { findings } => findings
            .iter()
            .map(|it| format!("{:?} {} {}", it.span, it.rule, it.message))
            .collect(),
        Outcome::Failed { reason } => vec![format!("failed: {reason}")],
        Outcome::NotRun { reason } => vec![format!("not run: {reason}")],
    }
}

/// What an answer to a question about `content` says; `None` for silence.
#[track_caller]
fn check(name: &str, content: &str, answer: &str, expected: Option<&[&str]>) {
    let (tool, request) = (known(name), request(content));
    match (tool.read_answer(&request, answer), expected) {
        (Answer::Silent, None) => {}
        (Answer::Reading(reading), Some(expected)) => {
            let told = told(tool, &request, &reading);
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.contains(expected), "{told:?}");
            }
        }
        (other, expected) => panic!("{other:?} instead of {expected:?}"),
    }
}

#[test]
fn a_report_is_read_as_the_command_tells_it() {
    let report = r#"{"kind": "full", "items": [{"code": "F401", "severity": 2,
        "message": "`os` unused\n\nhelp: Remove it",
        "range": {"start": {"line": 0, "character": 9}, "end": {"line": 0, "character": 11}}}]}"#;
    let expected: &[&str] = &["11..13 lint/ruff-check/F401 `os` unused"];
    check("ruff-check", "x='\u{1f600}';  os\n", report, Some(expected));
}

#[test]
fn silence_is_no_reading() {
    check(
        "ruff-check",
        "x\n",
        r#"{"kind": "full", "items": []}"#,
        None,
    );
    check("ruff-format", "x\n", "null", None);
    check("ruff-format", "x\n", "[]", None);
}

#[test]
fn what_is_no_whole_report_is_no_silence() {
    let unread: &[&str] = &["failed: "];
    for answer in [
        "null",
        "{}",
        r#"{"kind": "unchanged", "items": []}"#,
        "[]",
        "x",
    ] {
        check("ruff-check", "x\n", answer, Some(unread));
    }
    check("ruff-format", "x\n", "{}", Some(unread));
}

#[test]
fn edits_become_what_would_change() {
    let edits = r#"[{"newText": " ", "range": {"start": {"line": 0, "character": 5},
        "end": {"line": 0, "character": 5}}}, {"newText": "", "range":
        {"start": {"line": 2, "character": 0}, "end": {"line": 4, "character": 0}}}]"#;
    let expected: &[&str] = &["line 1 would", "lines 3 to 5 would"];
    check(
        "ruff-format",
        "x = '\u{e9}'\ny\n\n\n",
        edits,
        Some(expected),
    );
    let overlapping = r#"[{"newText": "", "range": {"start": {"line": 0, "character": 0},
        "end": {"line": 0, "character": 3}}}, {"newText": "", "range":
        {"start": {"line": 0, "character": 2}, "end": {"line": 0, "character": 4}}}]"#;
    check("ruff-format", "x = 1\n", overlapping, Some(&["failed: "]));
    let outside = r#"[{"newText": "", "range": {"start": {"line": 9, "character": 0},
        "end": {"line": 9, "character": 3}}}]"#;
    check("ruff-format", "x = 1\n", outside, Some(&["failed: "]));
}

#[test]
fn a_line_counts_only_as_the_answer_to_its_question() {
    let (prettier, request) = (known("prettier"), request("a;\n"));
    let read = |line| prettier.read_line(&request, line, 7);
    assert_eq!(
        read(r#"{"id": 6, "exit": 0, "stdout": "a;\n"}"#),
        Line::Lost
    );
    assert_eq!(read("a plugin's greeting"), Line::Lost);
    assert_eq!(read(r#"{"id": 7, "cold": "why"}"#), Line::Undone);
    let clean = read(r#"{"id": 7, "exit": 0, "stdout": "a;\n"}"#);
    let Line::Reading(reading) = clean else {
        panic!("{clean:?}")
    };
    assert_eq!(told(prettier, &request, &reading), [""; 0]);
}

#[test]
fn paths_are_told_as_uris() {
    let message = Server::close(&request(""));
    assert!(
        message.params.contains("file:///project/a%20b.py"),
        "{message:?}"
    );
}

#[test]
fn errors_for_the_eyes_of_the_user_are_complaints() {
    let shown = "window/showMessage";
    assert!(Server::is_complaint(
        shown,
        r#"{"type": 1, "message": "no"}"#
    ));
    assert!(!Server::is_complaint(
        shown,
        r#"{"type": 3, "message": "hello"}"#
    ));
    assert!(!Server::is_complaint("window/logMessage", r#"{"type": 1}"#));
}

proptest! {
    #[test]
    fn no_answer_panics(answer in ".{0,200}", content in ".{0,50}") {
        let request = request(&content);
        for tool in TOOLS {
            let _ = tool.read_answer(&request, &answer);
            let _ = tool.read_line(&request, &answer, 0);
        }
    }
}
