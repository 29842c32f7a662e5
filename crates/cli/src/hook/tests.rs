//! Golden payloads of Claude Code, and everything that is not one.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use claude_flow::pipeline::document::{
    CheckReport, Document, FileReport, Position, Range, ReportedFinding, Request, Severity, State,
};
use serde_json::{Value, json};

use super::context::CONTEXT_UNITS_MAX;
use super::{Answer, Harness, Question, Workspace};

/// A workspace with one file, which remembers what was asked.
#[derive(Default)]
struct Fake {
    is_cursor: bool,
    content: Option<Vec<u8>>,
    error: Option<String>,
    syntax: Option<CheckReport>,
    asked: RefCell<Vec<(PathBuf, Option<String>)>>,
}

impl Workspace for Fake {
    fn is_cursor(&self) -> bool {
        self.is_cursor
    }

    fn read(&self, _path: &Path) -> Option<Vec<u8>> {
        self.content.clone()
    }

    fn check(&self, questions: Vec<Question>) -> Vec<Document> {
        questions.into_iter().map(|one| self.verdict(one)).collect()
    }
}

impl Fake {
    fn verdict(&self, question: Question) -> Document {
        let Question { path, before } = question;
        let before = before.map(|bytes| String::from_utf8(bytes).expect("text"));
        self.asked.borrow_mut().push((path.clone(), before));
        let clean = check(State::Clean, None, Vec::new());
        let report = FileReport {
            path: path.to_string_lossy().into_owned(),
            error: self.error.clone(),
            language: Some("Python"),
            detected_by: Some("extension"),
            content: None,
            baseline: None,
            checks: vec![self.syntax.clone().unwrap_or(clean)],
        };
        Document::new(Request::default(), vec![report])
    }

    fn with(syntax: CheckReport) -> Self {
        Self {
            syntax: Some(syntax),
            ..Self::default()
        }
    }

    fn answer(&self, payload: &Value) -> Answer {
        self.answer_bytes(payload.to_string().as_bytes())
    }

    fn answer_bytes(&self, payload: &[u8]) -> Answer {
        Harness::ClaudeCode.respond(payload, self)
    }

    fn baseline(&self, payload: &Value) -> Option<String> {
        self.answer(payload);
        let (_, before) = self.asked.borrow_mut().pop().expect("asked for a check");
        before
    }
}

fn check(state: State, reason: Option<&str>, findings: Vec<ReportedFinding>) -> CheckReport {
    CheckReport {
        name: "syntax",
        engine: None,
        state,
        reason: reason.map(str::to_owned),
        duration_ns: None,
        run: None,
        findings,
    }
}

fn finding(severity: Severity, message: &str) -> ReportedFinding {
    let position = Position {
        line: 3,
        column: 7,
        byte: 20,
    };
    ReportedFinding {
        rule: "syntax/unclosed-bracket".to_owned(),
        severity,
        message: message.to_owned(),
        range: Range {
            start: position,
            end: position,
        },
        pre_existing: false,
        related: Vec::new(),
        help: None,
        fix: None,
        docs: None,
    }
}

fn found(findings: Vec<ReportedFinding>) -> Fake {
    Fake::with(check(State::Findings, None, findings))
}

/// What Claude Code sends after an Edit.
fn edit() -> Value {
    json!({
        "session_id": "abc123",
        "transcript_path": "/home/u/.claude/projects/p/abc123.jsonl",
        "cwd": "/home/u/p",
        "permission_mode": "default",
        "hook_event_name": "PostToolUse",
        "tool_name": "Edit",
        "tool_input": {
            "file_path": "/home/u/p/src/a.py",
            "old_string": "x", "new_string": "y", "replace_all": false,
        },
        "tool_response": {"filePath": "/home/u/p/src/a.py", "originalFile": "before\n"},
        "tool_use_id": "toolu_01",
        "duration_ms": 12,
    })
}

#[track_caller]
fn context(answer: &Answer) -> String {
    let stdout = answer.stdout.as_ref().expect("something to say");
    let output: Value = serde_json::from_str(stdout).expect("one JSON document");
    let specific = &output["hookSpecificOutput"];
    assert_eq!(output.as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(specific.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(specific["hookEventName"], "PostToolUse");
    let text = specific["additionalContext"].as_str().expect("a text");
    assert!(text.encode_utf16().count() <= CONTEXT_UNITS_MAX);
    text.to_owned()
}

#[track_caller]
fn check_refused(payload: &[u8], expected: &str) {
    let fake = Fake::default();
    let answer = fake.answer_bytes(payload);
    assert_eq!(answer.stdout, None);
    let line = answer.stderr.expect("a line that says why");
    assert!(line.contains(expected), "{line}");
    assert!(fake.asked.borrow().is_empty());
}

#[test]
fn clean_edit_is_silent() {
    assert_eq!(Fake::default().answer(&edit()), Answer::silent());
}

#[test]
fn findings_from_before_the_edit_are_silent() {
    let mut old = finding(Severity::Error, "old");
    old.pre_existing = true;
    assert_eq!(found(vec![old]).answer(&edit()), Answer::silent());
}

#[test]
fn findings_are_told_errors_first() {
    let mut old = finding(Severity::Error, "old");
    old.pre_existing = true;
    let mut unclosed = finding(Severity::Error, "`(` is never closed");
    unclosed.help = Some("a `)` after the last argument closes it".to_owned());
    unclosed
        .related
        .push(claude_flow::pipeline::document::RelatedPlace {
            message: "opened here".to_owned(),
            range: unclosed.range,
        });
    let findings = vec![finding(Severity::Warning, "tabs"), old, unclosed];
    let answer = found(findings).answer(&edit());
    assert_eq!(answer.stderr, None);
    insta::assert_snapshot!(context(&answer));
}

#[test]
fn many_findings_are_bounded_and_the_rest_is_counted() {
    for text in [
        "x".repeat(3_000),
        "😀".repeat(3_000),
        "\u{1b}\n".repeat(3_000),
    ] {
        let mut findings: Vec<_> = (0..100)
            .map(|_| finding(Severity::Warning, &text))
            .collect();
        findings.extend((0..40).map(|_| finding(Severity::Error, &text)));
        for finding in &mut findings {
            finding.help = Some(text.clone());
            finding.rule = text.clone();
        }
        let mut payload = edit();
        payload["tool_input"]["file_path"] = json!(format!("/{}", text.repeat(3)));
        let told = context(&found(findings).answer(&payload));
        assert!(
            told.lines()
                .next()
                .is_some_and(|line| line.ends_with("40 errors, 100 warnings")),
            "{told}"
        );
        let shown = told.matches(" error[").count();
        assert!(shown > 0);
        assert!(!told.contains(" warning["), "errors come first");
        let left_out = format!("left out here: {} errors, 100 warnings", 40 - shown);
        assert!(told.contains(&left_out), "{told}");
        assert!(told.chars().all(|c| c == '\n' || !c.is_control()));
    }
}

#[test]
fn what_could_not_be_checked_is_told() {
    for (state, reason) in [
        (State::TimedOut, "not done after 5000 ms"),
        (State::Failed, "the parser panicked"),
        (State::Stale, "the file changed on disk"),
        (State::NotRun, "9000000 bytes are more than are parsed"),
    ] {
        let told = context(&Fake::with(check(state, Some(reason), Vec::new())).answer(&edit()));
        assert!(told.contains("syntax not checked: "), "{told}");
        assert!(told.contains(reason), "{told}");
    }
    let off = check(
        State::NotRun,
        Some("switched off by checks.syntax"),
        Vec::new(),
    );
    assert_eq!(Fake::with(off).answer(&edit()), Answer::silent());
}

#[test]
fn a_file_that_vanished_is_told() {
    let fake = Fake {
        error: Some("no such file".to_owned()),
        ..Fake::default()
    };
    let answer = fake.answer(&edit());
    assert_eq!(
        context(&answer),
        "claude-flow did not check src/a.py: no such file"
    );
    assert_eq!(
        answer.stderr.as_deref(),
        Some("src/a.py was not checked: no such file")
    );
}

#[test]
fn baseline_is_what_the_harness_says() {
    assert_eq!(
        Fake::default().baseline(&edit()).as_deref(),
        Some("before\n")
    );
    let mut write = edit();
    write["tool_name"] = json!("Write");
    write["tool_input"] = json!({"file_path": "/home/u/p/src/a.py", "content": "new"});
    assert_eq!(
        Fake::default().baseline(&write).as_deref(),
        Some("before\n")
    );
    write["tool_response"]["originalFile"] = Value::Null;
    assert_eq!(
        Fake::default().baseline(&write),
        None,
        "a new file has none"
    );
}

#[test]
fn baseline_is_found_by_undoing_the_edit() {
    let undone = |content: &str, input: Value| {
        let mut payload = edit();
        payload["tool_response"] = json!("The file was edited.");
        payload["tool_input"] = input;
        payload["tool_input"]["file_path"] = json!("/home/u/p/src/a.py");
        let fake = Fake {
            content: Some(content.as_bytes().to_vec()),
            ..Fake::default()
        };
        fake.baseline(&payload)
    };
    let one = json!({"old_string": "old", "new_string": "new"});
    assert_eq!(undone("a new b", one.clone()).as_deref(), Some("a old b"));
    assert_eq!(
        undone("new new", one.clone()),
        None,
        "which one it was is not known"
    );
    assert_eq!(undone("other", one), None, "changed since");
    let overlapping = json!({"old_string": "x", "new_string": "aa"});
    assert_eq!(undone("aaa", overlapping), None);
    let deleted = json!({"old_string": "gone", "new_string": ""});
    assert_eq!(undone("a b", deleted), None, "where it was is not known");
    let all = json!({"old_string": "old", "new_string": "new", "replace_all": true});
    assert_eq!(undone("new new", all).as_deref(), Some("old old"));
    let several = json!({"edits": [
        {"old_string": "a", "new_string": "b"},
        {"old_string": "b", "new_string": "c"},
    ]});
    assert_eq!(undone("x c", several).as_deref(), Some("x a"));
    assert_eq!(undone("x c", json!({"edits": [{"new_string": 7}]})), None);
    assert_eq!(undone("x c", json!({"edits": "nonsense"})), None);
}

#[test]
fn paths_are_found_and_shown() {
    let path_of = |payload: &Value| {
        let fake = Fake::default();
        fake.answer(payload);
        let asked = fake.asked.borrow();
        asked.first().map(|(path, _)| path.clone())
    };
    let mut notebook = edit();
    notebook["tool_name"] = json!("NotebookEdit");
    notebook["tool_input"] = json!({"notebook_path": "/home/u/p/n.ipynb"});
    assert_eq!(path_of(&notebook), Some("/home/u/p/n.ipynb".into()));
    let mut relative = edit();
    relative["tool_input"]["file_path"] = json!("src/b.py");
    assert_eq!(path_of(&relative), Some("/home/u/p/src/b.py".into()));
    let mut elsewhere = edit();
    elsewhere["tool_input"]["file_path"] = json!("/etc/a.py");
    let told = context(&found(vec![finding(Severity::Error, "m")]).answer(&elsewhere));
    assert!(told.starts_with("claude-flow on /etc/a.py, "), "{told}");
}

#[test]
fn cursor_replays_are_silent() {
    let mut payload = edit();
    payload["cursor_version"] = json!("2.0.1");
    let fake = found(vec![finding(Severity::Error, "m")]);
    assert_eq!(fake.answer(&payload), Answer::silent());
    let fake = Fake {
        is_cursor: true,
        ..found(vec![finding(Severity::Error, "m")])
    };
    assert_eq!(fake.answer(&edit()), Answer::silent());
    assert_eq!(fake.answer_bytes(b"nonsense"), Answer::silent());
    assert!(fake.asked.borrow().is_empty());
}

#[test]
fn unknown_fields_and_a_byte_order_mark_do_not_matter() {
    let mut payload = edit();
    payload["later"] = json!({"deep": [1, 2, {"x": null}]});
    payload["tool_input"]["later"] = json!(true);
    payload["effort"] = json!({"level": "high"});
    let bytes = format!("\u{feff}{payload}\n");
    let fake = found(vec![finding(Severity::Error, "m")]);
    assert!(fake.answer_bytes(bytes.as_bytes()).stdout.is_some());
}

#[test]
fn what_is_no_payload_is_named() {
    check_refused(b"", "the payload is empty");
    check_refused(b" \n", "the payload is empty");
    check_refused(b"\xef\xbb\xbf", "the payload is empty");
    check_refused(b"{\"hook_event_name\":", "not what PostToolUse sends");
    check_refused(b"[1]", "not what PostToolUse sends");
    check_refused(b"null", "not what PostToolUse sends");
    check_refused(b"\xff\xfe{\x00}\x00", "not what PostToolUse sends");
    check_refused(b"{\"cwd\":\"\xff\"}", "not what PostToolUse sends");
    check_refused(
        "[".repeat(1_000_000).as_bytes(),
        "not what PostToolUse sends",
    );
    check_refused(b"{\"tool_input\":", "not what PostToolUse sends");
    let deep = format!("{{\"tool_input\":{}", "[".repeat(1_000_000));
    check_refused(deep.as_bytes(), "not what PostToolUse sends");
    check_refused(b"{}", "no `hook_event_name`");
}

#[test]
fn other_events_tools_and_shapes_are_named() {
    let with = |field: &str, value: Value| {
        let mut payload = edit();
        payload[field] = value;
        payload.to_string()
    };
    check_refused(
        with("hook_event_name", json!("Stop")).as_bytes(),
        "event `Stop`",
    );
    check_refused(
        with("hook_event_name", json!(7)).as_bytes(),
        "not what PostToolUse sends",
    );
    check_refused(
        with("tool_name", json!("Bash\n\u{1b}[2J")).as_bytes(),
        "tool `Bash␊␛[2J`",
    );
    check_refused(with("tool_name", Value::Null).as_bytes(), "no `tool_name`");
    let mut payload = edit();
    payload["tool_response"] = json!(null);
    payload["tool_input"] = json!([]);
    check_refused(payload.to_string().as_bytes(), "no `tool_input.file_path`");
    payload["tool_input"] = json!({"file_path": 7});
    check_refused(payload.to_string().as_bytes(), "no `tool_input.file_path`");
    payload["tool_input"] = json!({"file_path": ""});
    check_refused(payload.to_string().as_bytes(), "no `tool_input.file_path`");
}

/// The paths that were asked for, with what they held before.
#[track_caller]
fn check_asked(
    harness: Harness,
    payload: &Value,
    content: &str,
    expected: &[(&str, Option<&str>)],
) {
    let fake = Fake {
        content: Some(content.as_bytes().to_vec()),
        ..Fake::default()
    };
    let answer = harness.respond(payload.to_string().as_bytes(), &fake);
    assert_eq!(answer, Answer::silent());
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, before)| (PathBuf::from(path), before.map(str::to_owned)))
        .collect();
    assert_eq!(fake.asked.take(), expected);
}

/// The answer to an edit that broke something.
fn told_by(harness: Harness, payload: &Value) -> Value {
    let fake = found(vec![finding(Severity::Error, "m")]);
    let answer = harness.respond(payload.to_string().as_bytes(), &fake);
    let stdout = answer.stdout.expect("something to say");
    serde_json::from_str(&stdout).expect("one JSON document")
}

/// What Codex sends after `apply_patch`.
fn codex() -> Value {
    json!({
        "session_id": "019a", "turn_id": "1", "transcript_path": null, "cwd": "/home/u/p",
        "hook_event_name": "PostToolUse", "model": "gpt-5", "permission_mode": "default",
        "tool_name": "apply_patch", "tool_use_id": "call_1",
        "tool_input": {"command": "*** Begin Patch\n*** Update File: src/a.py\n@@\n-x\n+y\n\
            *** Add File: b.py\n+z\n*** Delete File: c.py\n*** End Patch\n"},
        "tool_response": "Success. Updated the following files:\nM src/a.py\nA b.py\n",
    })
}

#[test]
fn codex_tells_of_several_files_in_one_patch() {
    let expected = [
        ("/home/u/p/src/a.py", Some("x\n")),
        ("/home/u/p/b.py", Some("")),
    ];
    check_asked(Harness::Codex, &codex(), "y\n", &expected);
    let told = told_by(Harness::Codex, &codex());
    let text = told["hookSpecificOutput"]["additionalContext"].as_str();
    let text = text.expect("a text");
    assert!(text.starts_with("claude-flow on src/a.py, after"), "{text}");
    assert!(text.contains("\nclaude-flow on b.py, after"), "{text}");
}

#[test]
fn claude_code_tells_of_a_batch() {
    let call = |tool: &str, path: &str, old: &str, new: &str| {
        json!({"tool_name": tool, "tool_use_id": "t", "tool_response": "done",
            "tool_input": {"file_path": path, "old_string": old, "new_string": new}})
    };
    let payload = json!({
        "hook_event_name": "PostToolBatch", "cwd": "/p",
        "tool_calls": [
            call("Edit", "/p/a.py", "a", "b"),
            call("Bash", "/p/never.py", "", ""),
            call("Edit", "/p/a.py", "b", "c"),
            call("Edit", "/p/b.py", "0", "c"),
        ],
    });
    let expected = [("/p/a.py", Some("x a")), ("/p/b.py", Some("x 0"))];
    check_asked(Harness::ClaudeCode, &payload, "x c", &expected);
    let told = told_by(Harness::ClaudeCode, &payload);
    assert_eq!(told["hookSpecificOutput"]["hookEventName"], "PostToolBatch");
    let none = json!({"hook_event_name": "PostToolBatch", "tool_calls": []});
    check_asked(Harness::ClaudeCode, &none, "", &[]);
}

#[test]
fn cursor_is_answered_in_its_own_form() {
    let payload = json!({
        "conversation_id": "c", "generation_id": "g", "hook_event_name": "postToolUse",
        "model": "m", "cursor_version": "2.4.0", "workspace_roots": ["/p"], "cwd": "/p",
        "tool_name": "Write", "tool_input": {"path": "a.py", "contents": "x"},
        "tool_output": "{}", "tool_use_id": "t", "duration": 3,
    });
    check_asked(Harness::Cursor, &payload, "x", &[("/p/a.py", None)]);
    let told = told_by(Harness::Cursor, &payload);
    assert_eq!(told.as_object().map(serde_json::Map::len), Some(1));
    assert!(told["additional_context"].is_string(), "{told}");
}

#[test]
fn gemini_is_answered_by_its_event() {
    let payload = json!({
        "session_id": "s", "transcript_path": "/t", "cwd": "/p", "hook_event_name": "AfterTool",
        "timestamp": "2026-11-23T00:00:00Z", "tool_name": "replace",
        "tool_input": {"file_path": "/p/a.py", "old_string": "a", "new_string": "b"},
        "tool_response": {"llmContent": "done", "returnDisplay": "done"},
    });
    check_asked(Harness::Gemini, &payload, "b", &[("/p/a.py", Some("a"))]);
    let told = told_by(Harness::Gemini, &payload);
    assert_eq!(told["hookSpecificOutput"]["hookEventName"], "AfterTool");
}

#[test]
fn copilot_is_answered_in_the_form_that_it_asked_in() {
    let terminal = json!({
        "sessionId": "s", "timestamp": 1_700_000_000_000_u64, "cwd": "/p", "toolName": "edit",
        "toolArgs": "{\"path\": \"/p/a.py\", \"old_str\": \"a\", \"new_str\": \"b\"}",
        "toolResult": {"resultType": "success", "textResultForLlm": "done"},
    });
    check_asked(Harness::Copilot, &terminal, "b", &[("/p/a.py", Some("a"))]);
    assert!(told_by(Harness::Copilot, &terminal)["additionalContext"].is_string());
    let mut failed = terminal;
    failed["toolResult"]["resultType"] = json!("failure");
    check_asked(Harness::Copilot, &failed, "b", &[]);
    let editor = json!({
        "timestamp": "2026-11-23T00:00:00Z", "cwd": "/p", "sessionId": "s",
        "hook_event_name": "PostToolUse", "tool_name": "multi_replace_string_in_file",
        "tool_input": {"replacements": [
            {"filePath": "/p/a.ts", "oldString": "a", "newString": "b"},
            {"filePath": "/p/b.ts", "oldString": "c", "newString": "b"},
        ]},
        "tool_response": "done",
    });
    let expected = [("/p/a.ts", Some("a")), ("/p/b.ts", Some("c"))];
    check_asked(Harness::Copilot, &editor, "b", &expected);
    let told = told_by(Harness::Copilot, &editor);
    assert_eq!(told["hookSpecificOutput"]["hookEventName"], "PostToolUse");
    let listed = json!({"hook_event_name": "PostToolUse", "cwd": "/p", "tool_name": "editFiles",
        "tool_input": {"files": ["a.ts", "b.ts"]}});
    check_asked(
        Harness::Copilot,
        &listed,
        "",
        &[("/p/a.ts", None), ("/p/b.ts", None)],
    );
}

#[test]
fn a_patch_of_too_many_files_says_how_many_were_left_out() {
    let files: Vec<String> = (0..150)
        .map(|n| format!("*** Add File: {n}.py\n+x\n"))
        .collect();
    let files = files.concat();
    let mut payload = codex();
    payload["tool_input"]["command"] = json!(format!("*** Begin Patch\n{files}*** End Patch\n"));
    let told = told_by(Harness::Codex, &payload);
    let text = told["hookSpecificOutput"]["additionalContext"].as_str();
    let text = text.expect("a text");
    assert!(text.encode_utf16().count() <= CONTEXT_UNITS_MAX);
    assert!(
        text.ends_with("50 more files were edited and not checked"),
        "{text}"
    );
    assert!(
        text.contains("more files with something to tell are not listed here"),
        "{text}"
    );
}

#[test]
fn one_odd_call_does_not_silence_a_batch() {
    let payload = json!({
        "hook_event_name": "PostToolBatch", "cwd": "/p",
        "tool_calls": [
            {"tool_name": "Write", "tool_input": {}},
            {"tool_input": {"file_path": "/p/b.py"}},
            {"tool_name": "Edit", "tool_input": {"file_path": "/p/a.py"}},
        ],
    });
    let told = told_by(Harness::ClaudeCode, &payload);
    let text = told["hookSpecificOutput"]["additionalContext"].as_str();
    let text = text.expect("a text");
    assert!(text.starts_with("claude-flow on a.py, after"), "{text}");
    assert!(
        text.ends_with("1 more files were edited and not checked"),
        "{text}"
    );
}
