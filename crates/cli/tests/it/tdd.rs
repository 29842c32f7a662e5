//! `claude-flow tdd`, and what `post-edit` and the hooks record.

use serde_json::{Value, json};

use crate::program::Project;

/// A trusted project.
fn project() -> Project {
    let project = Project::new();
    project.write("calc/claude-flow.toml", "");
    project.write("calc/calc.py", "def add(a, b):\n    return a + b\n");
    project.run(&["trust", "calc"]).expect_code(0);
    project
}

fn status(project: &Project) -> Value {
    project
        .run(&["tdd", "status", "calc", "--format", "json"])
        .expect_code(0)
        .json()
}

fn tdd_check(document: &Value) -> Value {
    let checks = document["files"][0]["checks"]
        .as_array()
        .expect("checks are a list");
    let mut found = checks.iter().filter(|it| it["name"] == "tdd");
    let check = found.next().expect("there is a tdd check").clone();
    assert_eq!(found.next(), None, "there is only one");
    check
}

/// Fails if an edit in a trusted directory is not recorded, or twice, or one elsewhere is.
#[test]
fn edits_in_trusted_directories_are_recorded() {
    let project = project();
    assert_eq!(status(&project)["events"], 0);
    assert_eq!(status(&project)["verdict"], "not_established");
    for _ in 0..2 {
        project
            .run(&["post-edit", "--no-tools", "calc/calc.py"])
            .expect_code(0);
    }
    assert_eq!(status(&project)["events"], 1);
    project.write("elsewhere.py", "a = 1\n");
    let ended = project.run(&[
        "post-edit",
        "--no-tools",
        "--tdd-mode",
        "--structured",
        "elsewhere.py",
    ]);
    let check = tdd_check(&ended.expect_code(0).json());
    assert_eq!(check["state"], "not_run");
    assert!(
        check["reason"]
            .as_str()
            .is_some_and(|it| it.contains("claude-flow trust")),
        "{check}"
    );
    project
        .run(&["tdd", "status", "elsewhere.py"])
        .expect_code(2);
    project.write("calc/calc.py", "def add(a, b):\n    return b + a\n");
    project
        .run(&["post-edit", "--no-tools", "--no-tdd", "calc/calc.py"])
        .expect_code(0);
    assert_eq!(status(&project)["events"], 1, "--no-tdd records nothing");
}

/// Fails if the hook does not record what the harness tells of the content before.
#[test]
fn the_hook_records_the_content_before() {
    let project = project();
    let path = project.path("calc/calc.py");
    let payload = json!({
        "hook_event_name": "PostToolUse",
        "cwd": project.path("calc"),
        "tool_name": "Edit",
        "tool_input": {"file_path": path, "old_string": "b + a", "new_string": "a + b"},
        "tool_response": {},
    });
    project
        .run_with_stdin(&["hook", "claude-code"], payload.to_string().as_bytes())
        .expect_code(0);
    let told = status(&project);
    assert_eq!(
        (&told["events"], &told["phase"]),
        (&json!(1), &json!("unknown")),
        "{told}"
    );
    let log = project
        .run(&["tdd", "log", "calc", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(log["rounds"][0]["edits"], 1, "{log}");
    assert!(
        log["because"]
            .as_str()
            .is_some_and(|it| it.contains("before the change")),
        "{log}"
    );
}

/// Fails if what is not shown reads as clean, or a deleted file or a document as a violation.
#[test]
fn what_is_not_established_is_not_clean() {
    let project = project();
    let check = |file: &str| {
        let arguments = [
            "post-edit",
            "--no-tools",
            "--block-on-tdd-violations",
            "--structured",
            file,
        ];
        tdd_check(&project.run(&arguments).expect_code(0).json())
    };
    let told = check("calc/calc.py");
    assert_eq!(told["state"], "not_run");
    assert!(
        told["reason"]
            .as_str()
            .is_some_and(|it| it.starts_with("not established")),
        "{told}"
    );
    project.write("calc/README.md", "# Calc\n");
    assert_eq!(check("calc/README.md")["state"], "clean");
}

/// Fails if programs that record at once lose an event, or one that is killed breaks the record.
#[test]
fn programs_at_once_and_killed_keep_the_record_whole() {
    const PROGRAMS: usize = 8;
    let project = project();
    let names: Vec<_> = (0..2 * PROGRAMS)
        .map(|index| format!("calc/m{index}.py"))
        .collect();
    let mut running = Vec::new();
    for (index, name) in names.iter().enumerate() {
        project.write(name, format!("def f{index}():\n    return {index}\n"));
        let mut command = project.command();
        let command = command
            .args(["post-edit", "--no-tools", name])
            .stdout(std::process::Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        if index % 2 == 1 {
            // Wherever it is just now.
            child.kill().expect("it can be killed");
        }
        running.push(child);
    }
    let ended: Vec<_> = running
        .into_iter()
        .map(|mut it| it.wait().expect("it ends"))
        .collect();
    let done = ended.iter().filter(|it| it.success()).count();
    let told = status(&project);
    let events = told["events"].as_u64().expect("a number");
    assert!(
        done >= PROGRAMS && events >= done as u64 && events <= 2 * PROGRAMS as u64,
        "{done} done: {told}"
    );
    assert!(told["damaged"].as_u64() <= Some(PROGRAMS as u64), "{told}");
    project
        .run(&["post-edit", "--no-tools", "calc/calc.py"])
        .expect_code(0);
    assert_eq!(status(&project)["events"], events + 1);
}
