//! `claude-flow daemon`: the same answers with it and without it, whatever becomes of it.

mod burst;
mod events;
mod peers;
mod process;
mod session;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use self::process::{Daemon, with_daemon};
use crate::program::{Ended, Project};

const GOOD: &str = "def f(a):\n    return a\n";
const BROKEN: &str = "def f(a:\n    return a\n";

/// A project with files of several kinds.
fn project() -> Project {
    let project = Project::new();
    project.write("claude-flow.toml", "");
    project.write("good.py", GOOD);
    project.write("broken.py", BROKEN);
    project.write("src/broken.rs", "fn main( {\n}\n");
    project.write("broken.json", "{\"a\": [1, 2}\n");
    project.write("conflict.txt", "<<<<<<< a\none\n=======\ntwo\n>>>>>>> b\n");
    project.write("empty.toml", "");
    project.write("bytes.py", b"\xff\xfe\x00\n");
    project
}

fn edit(project: &Project, name: &str) -> Value {
    json!({
        "session_id": "abc123",
        "cwd": project.path(""),
        "hook_event_name": "PostToolUse",
        "tool_name": "Edit",
        "tool_input": {"file_path": project.path(name), "old_string": "a)", "new_string": "a"},
    })
}

/// Payloads of every harness, good and bad, with their harness.
fn payloads(project: &Project) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |harness, payload: Value| all.push((harness, payload.to_string().into_bytes()));
    for name in project.names() {
        add("claude-code", edit(project, &name));
        let mut told = edit(project, &name);
        told["tool_response"] = json!({"originalFile": GOOD});
        add("claude-code", told);
        let mut cursor = edit(project, &name);
        cursor["hook_event_name"] = json!("postToolUse");
        cursor["tool_name"] = json!("Write");
        add("cursor", cursor);
        let mut gemini = edit(project, &name);
        gemini["hook_event_name"] = json!("AfterTool");
        gemini["tool_name"] = json!("replace");
        add("gemini", gemini);
    }
    let names = ["broken.py", "src/broken.rs", "gone.py", "good.py"];
    let calls = names
        .map(|name| json!({"tool_name": "Edit", "tool_input": {"file_path": project.path(name)}}));
    add(
        "claude-code",
        json!({"hook_event_name": "PostToolBatch", "cwd": project.path(""), "tool_calls": calls}),
    );
    let patch =
        "*** Begin Patch\n*** Update File: broken.py\n@@\n-def f(a):\n+def f(a:\n*** End Patch\n";
    add(
        "codex",
        json!({"hook_event_name": "PostToolUse", "tool_name": "apply_patch", "cwd": project.path(""),
            "tool_input": {"command": patch}}),
    );
    add(
        "copilot",
        json!({"toolName": "edit", "cwd": project.path(""), "toolArgs":
            json!({"path": project.path("broken.json")}).to_string()}),
    );
    let mut relative = edit(project, "broken.py");
    relative["tool_input"]["file_path"] = json!("broken.py");
    add("claude-code", relative.clone());
    relative["cwd"] = Value::Null;
    add("claude-code", relative);
    let mut replayed = edit(project, "broken.py");
    replayed["cursor_version"] = json!("2.0");
    add("claude-code", replayed);
    let mut other = edit(project, "broken.py");
    other["tool_name"] = json!("Bash\u{1b}[31m");
    add("claude-code", other);
    let raw: [&[u8]; 4] = [b"", b"{", b"\xff\xfe\x00", b"\xef\xbb\xbf{}"];
    all.extend(raw.map(|payload| ("claude-code", payload.to_vec())));
    all
}

/// Durations differ from run to run.
fn without_durations(ended: Ended) -> Ended {
    let Ok(mut document) = serde_json::from_str::<Value>(&ended.stdout) else {
        return ended;
    };
    let files = document["files"].as_array_mut().into_iter().flatten();
    for check in files.flat_map(|file| file["checks"].as_array_mut().into_iter().flatten()) {
        check["duration_ns"] = Value::Null;
    }
    Ended {
        stdout: document.to_string(),
        ..ended
    }
}

/// Both ways say the same; gives what they say.
#[track_caller]
fn check_same(project: &Project, arguments: &[&str], stdin: &[u8]) -> Ended {
    let asked = with_daemon(project, arguments, stdin);
    let alone = project.run_with_stdin(arguments, stdin);
    let (asked, alone) = (without_durations(asked), without_durations(alone));
    let what = || format!("{arguments:?} {}", String::from_utf8_lossy(stdin));
    assert_eq!(asked.stdout, alone.stdout, "{}", what());
    assert_eq!(asked.stderr, alone.stderr, "{}", what());
    assert_eq!(asked.code, alone.code, "{}", what());
    asked
}

#[test]
fn a_hook_is_answered_the_same() {
    let project = project();
    let daemon = Daemon::start(&project);
    let payloads = payloads(&project);
    for (harness, payload) in &payloads {
        check_same(&project, &["hook", harness], payload);
    }
    let status = daemon.status();
    assert!(
        status.contains(&format!("answered {}, refused 0,", payloads.len())),
        "{status}"
    );
}

#[test]
fn post_edit_is_answered_the_same() {
    let project = project();
    let daemon = Daemon::start(&project);
    let mut asked = 0;
    for format in ["human", "json", "sarif", "github", "compact"] {
        for name in project.names() {
            check_same(&project, &["post-edit", "--format", format, &name], b"");
            asked += 1;
        }
        let several = ["broken.py", "good.py", "gone.py", "src/broken.rs"];
        let arguments = [&["post-edit", "--format", format][..], &several].concat();
        check_same(&project, &arguments, b"");
        let stdin = ["post-edit", "--format", format, "--stdin-path", "made.py"];
        check_same(&project, &stdin, BROKEN.as_bytes());
        asked += 2;
    }
    let status = daemon.status();
    assert!(
        status.contains(&format!("answered {asked}, refused 0,")),
        "{status}"
    );
    // What it cannot know it leaves to the program: other configurations, mistakes.
    check_same(
        &project,
        &["post-edit", "--config", "no.toml", "good.py"],
        b"",
    );
    check_same(
        &project,
        &["post-edit", "--git-base", "HEAD", "good.py"],
        b"",
    );
}

#[test]
fn a_relative_path_from_elsewhere_is_not_taken_for_another_file() {
    let project = project();
    project.write("sub/broken.py", GOOD);
    let daemon = Daemon::start(&project);
    for off in [true, false] {
        let mut command = project.command();
        command.current_dir(project.path("sub"));
        if !off {
            process::allow_daemon(&project, &mut command);
        }
        let ended = Ended::of(command.args(["post-edit", "broken.py"]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let status = daemon.status();
    assert!(status.contains("answered 0, refused 1,"), "{status}");
}

#[test]
fn there_is_only_one() {
    let project = project();
    let daemon = Daemon::start(&project);
    let second = with_daemon(&project, &["daemon"], b"").expect_code(2);
    assert!(second.stderr.contains("already"), "{}", second.stderr);
    daemon.expect_well();
}

#[test]
fn what_a_killed_one_leaves_is_in_nobodys_way() {
    let project = project();
    let daemon = Daemon::start(&project);
    let socket = process::socket(&project);
    daemon.kill();
    assert!(socket.exists(), "it had no time to remove it");
    let payload = edit(&project, "broken.py").to_string();
    check_same(&project, &["post-edit", "broken.py"], payload.as_bytes());
    Daemon::start(&project).expect_well();
}

#[test]
fn a_signal_ends_it_cleanly() {
    let project = project();
    let daemon = Daemon::start(&project);
    let socket = process::socket(&project);
    let stopped = with_daemon(&project, &["daemon", "stop"], b"").expect_code(0);
    assert!(stopped.stdout.contains("has ended"), "{}", stopped.stdout);
    let ended = daemon.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("ended: a signal"), "{ended:?}");
    assert!(!socket.exists());
    let status = with_daemon(&project, &["daemon", "status"], b"").expect_code(1);
    assert!(status.stdout.contains("no daemon runs"), "{status:?}");
    with_daemon(&project, &["daemon", "stop"], b"").expect_code(0);
}

#[test]
fn nobody_asking_ends_it() {
    let project = project();
    let ended = with_daemon(&project, &["daemon", "--idle", "1"], b"").expect_code(0);
    assert!(ended.stderr.contains("ended: nobody asked"), "{ended:?}");
}

#[test]
fn the_first_hook_starts_it_and_is_not_kept_waiting() {
    let project = project();
    let payload = edit(&project, "broken.py").to_string();
    // The pipes of the hook are read to their end here: a daemon that held them would keep this waiting.
    let first = with_daemon(&project, &["hook", "claude-code"], payload.as_bytes());
    let alone = project.run_with_stdin(&["hook", "claude-code"], payload.as_bytes());
    assert_eq!(first.stdout, alone.stdout);
    let daemon = process::Started::wait(&project);
    let second = with_daemon(&project, &["hook", "claude-code"], payload.as_bytes());
    assert_eq!(second.stdout, alone.stdout);
    assert!(daemon.status().contains("answered 1, refused 0,"));
}

#[test]
fn it_can_be_left_out() {
    let project = project();
    let daemon = Daemon::start(&project);
    let payload = edit(&project, "broken.py").to_string();
    let hook = ["hook", "claude-code", "--no-daemon"];
    with_daemon(&project, &hook, payload.as_bytes()).expect_code(0);
    with_daemon(&project, &["post-edit", "--no-daemon", "good.py"], b"").expect_code(0);
    project.run(&["post-edit", "good.py"]).expect_code(0);
    assert!(daemon.status().contains("answered 0, refused 0,"));
}

#[test]
fn a_broken_configuration_is_told_and_the_one_before_goes_on() {
    let project = project();
    let _daemon = Daemon::start(&project);
    let payload = edit(&project, "broken.py").to_string();
    let hook = || with_daemon(&project, &["hook", "claude-code"], payload.as_bytes());
    project.write("claude-flow.toml", "[checks]\nsyntax = false\n");
    assert_eq!(hook().stdout, "");
    project.write("claude-flow.toml", "[checks]\nsyntax = 1\n");
    let told = hook().stdout;
    assert!(told.contains("config not checked: "), "{told}");
    assert!(told.contains("claude-flow.toml:2:10"), "{told}");
    assert!(
        !told.contains("error["),
        "the syntax is not checked: {told}"
    );
    let json = with_daemon(&project, &["post-edit", "--structured", "good.py"], b"");
    let document = json.expect_code(2).json();
    let schema = project.run(&["schema"]).json();
    let schema = jsonschema::validator_for(&schema).expect("it is a schema");
    assert!(schema.is_valid(&document), "{document}");
    project.write("claude-flow.toml", "");
    assert!(hook().stdout.contains("error["));
}

#[test]
fn a_configuration_that_does_not_want_it_ends_it() {
    let project = project();
    let daemon = Daemon::start(&project);
    project.write("claude-flow.toml", "[daemon]\nenabled = false\n");
    check_same(&project, &["post-edit", "broken.py"], b"");
    let ended = daemon.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn another_environment_is_refused() {
    let project = project();
    let daemon = Daemon::start(&project);
    let mut command = project.command();
    process::allow_daemon(&project, &mut command);
    let ended = Ended::of(
        command
            .env("PATH", "/nowhere")
            .args(["post-edit", "good.py"]),
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(daemon.status().contains("answered 0, refused 1,"));
}

#[test]
fn a_directory_that_others_may_enter_is_not_used() {
    let project = project();
    project.write("run/claude-flow/file", "");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path("run/claude-flow"), mode).expect("its owner may");
    for arguments in [&["daemon"][..], &["daemon", "status"], &["daemon", "stop"]] {
        let refused = with_daemon(&project, arguments, b"").expect_code(2);
        let told = refused.stderr;
        assert!(told.contains("only this user"), "{arguments:?}: {told}");
        assert!(told.contains("run/claude-flow"), "{arguments:?}: {told}");
    }
}

#[test]
fn a_lock_that_is_a_link_is_not_followed() {
    let project = project();
    let daemon = Daemon::start(&project);
    let lock = process::socket(&project).with_extension("lock");
    let elsewhere = project.path("elsewhere");
    std::fs::rename(&lock, &elsewhere).expect("it is ours");
    std::os::unix::fs::symlink(&elsewhere, &lock).expect("it is ours");
    with_daemon(&project, &["daemon", "stop"], b"").expect_code(2);
    std::fs::rename(&elsewhere, &lock).expect("it is ours");
    daemon.expect_well();
}

#[test]
fn a_replaced_program_ends_the_old_one() {
    let project = project();
    let copy = project.path("old-claude-flow");
    std::fs::copy(env!("CARGO_BIN_EXE_claude-flow"), &copy).expect("there is room for a copy");
    let daemon = Daemon::start_from(&project, &copy);
    // Two installations side by side: the one that is there stays, the other one works by itself.
    check_same(&project, &["post-edit", "broken.py"], b"");
    assert!(daemon.status().contains("answered 0, refused 1,"));
    std::fs::remove_file(&copy).expect("it is there");
    check_same(&project, &["post-edit", "broken.py"], b"");
    let ended = daemon.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Daemon::start(&project).expect_well();
}
