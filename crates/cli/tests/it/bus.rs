//! Messages between processes, with the whole program at both ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Ended, Project};

/// How long anything is waited for that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs `bus` with these arguments on the project's bus.
fn bus(project: &Project, arguments: &[&str]) -> Ended {
    let mut all = vec!["bus"];
    all.extend(arguments);
    all.extend(["--directory", "the-bus"]);
    project.run(&all)
}

/// A `bus sub` that goes on; killed when it is dropped.
struct Follower {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Follower {
    /// Starts it, and waits until the bus knows it.
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let before = subscriptions(project).len();
        let mut child = project
            .command()
            .args(["bus", "sub", "--directory", "the-bus"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let it = Self { child, stdout };
        let pid = u64::from(it.child.id());
        let end = Instant::now() + PATIENCE;
        let is_there = |all: &[Value]| all.len() > before || all.iter().any(|it| it["pid"] == pid);
        while !is_there(&subscriptions(project)) {
            assert!(Instant::now() < end, "it subscribes");
        }
        it
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line of text");
        line
    }

    /// Interrupts it as Ctrl-C does; how it ended, and what it still said.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status();
        assert!(told.expect("there is `kill`").success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("it ends").code(), rest)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn subscriptions(project: &Project) -> Vec<Value> {
    let told = bus(project, &["stats", "--format", "json"]);
    if told.code == Some(2) {
        return Vec::new();
    }
    told.json()["subscriptions"]
        .as_array()
        .expect("a list")
        .clone()
}

#[test]
fn every_subcommand_has_help_with_examples() {
    let project = Project::new();
    for command in [
        "pub",
        "sub",
        "stats",
        "record",
        "replay",
        "dead-letters",
        "remove",
    ] {
        let help = project.run(&["bus", command, "--help"]).expect_code(0);
        let text = help.stdout;
        assert!(text.contains("Exit status:\n  0  "), "{text}");
        assert!(text.contains("Examples:\n  claude-flow bus"), "{text}");
    }
}

#[test]
fn who_follows_sees_what_others_publish_until_interrupted() {
    let project = Project::new();
    let mut follower = Follower::start(&project, &["edits.*", "--follow"]);
    let told = bus(&project, &["pub", "edits.rust", "lib.rs"]).expect_code(0);
    assert_eq!(told.stdout, "published 1, delivered 1\n");
    assert_eq!(follower.line(), "[edits.rust] lib.rs\n");
    bus(&project, &["pub", "other", "nobody"]).expect_code(0);
    bus(&project, &["pub", "edits.go", "\u{1b}[2J"]).expect_code(0);
    let line = follower.line();
    assert!(
        line.starts_with("[edits.go] ") && !line.contains('\u{1b}'),
        "{line:?}"
    );
    assert_eq!(follower.interrupt(), (Some(0), String::new()));
    assert_eq!(
        subscriptions(&project),
        Vec::<Value>::new(),
        "it took its subscription along"
    );
    let told = bus(&project, &["pub", "edits.rust", "x", "--expect", "1"]).expect_code(1);
    assert_eq!(told.stdout, "published 1, delivered 0\n");
}

#[test]
fn json_has_everything_and_raw_the_payload_alone() {
    let project = Project::new();
    bus(&project, &["sub", "a", "--name", "n", "--timeout", "0"]).expect_code(1);
    let arguments = [
        "pub",
        "a",
        "--key",
        "k",
        "--header",
        "tool=rustfmt",
        "--format",
        "json",
    ];
    let mut all = vec!["bus", "--color", "never"];
    all.extend(arguments);
    all.extend(["--directory", "the-bus"]);
    let told = project.run_with_stdin(&all, b"one\ntwo").expect_code(0);
    assert_eq!(
        told.json(),
        json!({"published": 1, "delivered": 1, "dropped": 0})
    );
    let told = bus(&project, &["sub", "a", "--name", "n", "--format", "json"]).expect_code(0);
    let message = told.json();
    assert_eq!(message["topic"], "a");
    assert_eq!(message["key"], "k");
    assert_eq!(
        message["headers"],
        json!([{"name": "tool", "value": "rustfmt"}])
    );
    assert_eq!(message["payload"], "one\ntwo");
    assert_eq!(message["is_redelivered"], false);
    bus(&project, &["pub", "a", "raw"]).expect_code(0);
    let told = bus(&project, &["sub", "a", "--name", "n", "--format", "raw"]).expect_code(0);
    assert_eq!(told.stdout, "raw");
}

#[test]
fn a_name_collects_and_gives_what_was_not_printed_to_the_next() {
    let project = Project::new();
    bus(
        &project,
        &["sub", "work.>", "--name", "w", "--timeout", "0"],
    )
    .expect_code(1);
    let all = [
        "bus",
        "pub",
        "work.build",
        "--lines",
        "--directory",
        "the-bus",
    ];
    let told = project.run_with_stdin(&all, b"1\n2\n3\n4").expect_code(0);
    assert_eq!(told.stdout, "published 4, delivered 4\n");
    let told = bus(&project, &["sub", "work.>", "--name", "w", "--count", "3"]).expect_code(0);
    assert_eq!(
        told.stdout,
        "[work.build] 1\n[work.build] 2\n[work.build] 3\n"
    );
    let found = subscriptions(&project);
    assert_eq!(found[0]["name"], "w");
    assert_eq!(
        (&found[0]["waiting"], &found[0]["acknowledged"]),
        (&json!(1), &json!(3))
    );
    let told = bus(
        &project,
        &[
            "sub",
            "work.>",
            "--name",
            "w",
            "--follow",
            "--timeout",
            "0.05",
        ],
    );
    assert_eq!(told.expect_code(0).stdout, "[work.build] 4\n");
    let told = bus(&project, &["sub", "other", "--name", "w"]).expect_code(2);
    assert!(
        told.stderr.contains("is for work.>; remove it first"),
        "{told:?}"
    );
    bus(&project, &["remove", "w"]).expect_code(0);
    bus(&project, &["remove", "w"]).expect_code(1);
}

#[test]
fn what_was_recorded_is_replayed_and_published_again() {
    let project = Project::new();
    bus(&project, &["record", ">", "journal"]).expect_code(0);
    for (topic, payload) in [("a.b", "one"), ("c", "two"), ("a.b", "three")] {
        bus(&project, &["pub", topic, payload]).expect_code(0);
    }
    let told = bus(&project, &["record", ">", "journal"]).expect_code(0);
    assert_eq!(told.stderr, "3 recorded\n");
    let told = bus(&project, &["replay", "journal"]).expect_code(0);
    assert_eq!(told.stdout, "[a.b] one\n[c] two\n[a.b] three\n");
    let told = bus(
        &project,
        &["replay", "journal", "--from", "1", "--pattern", "a.*"],
    );
    assert_eq!(told.expect_code(0).stdout, "[a.b] three\n");
    let told = bus(
        &project,
        &[
            "replay",
            "journal",
            "--from",
            "1",
            "--format",
            "json",
            "--pattern",
            "c",
        ],
    );
    assert_eq!(told.expect_code(0).json()["record"], 1);
    bus(&project, &["sub", "c", "--name", "again", "--timeout", "0"]).expect_code(1);
    bus(&project, &["replay", "journal", "--publish"]).expect_code(0);
    let told = bus(&project, &["sub", "c", "--name", "again"]).expect_code(0);
    assert_eq!(told.stdout, "[c] two\n");
    let told = bus(&project, &["replay", "nowhere"]).expect_code(2);
    assert!(
        told.stderr.contains("there is no journal nowhere"),
        "{told:?}"
    );
}

#[test]
fn a_message_that_its_readers_die_of_is_a_dead_letter() {
    let project = Project::new();
    bus(&project, &["sub", "a", "--name", "n", "--timeout", "0"]).expect_code(1);
    for payload in ["poison", "bread"] {
        bus(&project, &["pub", "a", payload]).expect_code(0);
    }
    // What is printed into a full device is not acknowledged.
    for _ in 0..5 {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = project.command();
        command
            .args(["bus", "sub", "a", "--name", "n", "--directory", "the-bus"])
            .stdout(full.expect("there is such a device"));
        assert_eq!(Ended::of(&mut command).code, Some(2));
    }
    let told = bus(&project, &["sub", "a", "--name", "n"]).expect_code(0);
    assert_eq!(told.stdout, "[a] bread\n");
    assert!(told.stderr.contains("put aside"), "{told:?}");
    let told = bus(&project, &["dead-letters", "--format", "json"]).expect_code(0);
    assert_eq!(told.json()["payload"], "poison");
    assert_eq!(
        told.json()["reason"],
        "n: 5 consumers went while it was first"
    );
    let told = bus(&project, &["dead-letters", "--resend"]).expect_code(0);
    assert_eq!(told.stdout, "1 published again\n");
    let told = bus(&project, &["dead-letters", "--resend"]).expect_code(0);
    assert_eq!(told.stdout, "0 published again\n");
    let told = bus(&project, &["sub", "a", "--name", "n"]).expect_code(0);
    assert_eq!(told.stdout, "[a] poison\n");
}

#[test]
fn what_cannot_be_done_is_told_and_exits_with_2() {
    let project = Project::new();
    let told = bus(&project, &["stats"]).expect_code(2);
    assert!(
        told.stderr.contains("there is no bus in the-bus"),
        "{told:?}"
    );
    for (arguments, said) in [
        (&["pub", "a..b", "x"][..], "\"a..b\" is no topic"),
        (&["sub", "a.>.b"], "\"a.>.b\" is no pattern"),
        (&["pub", "a", "x", "--header", "none"], "is not NAME=VALUE"),
    ] {
        let told = bus(&project, arguments).expect_code(2);
        assert!(told.stderr.contains(said), "{told:?}");
    }
    bus(&project, &["pub", "a", "x"]).expect_code(0);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.path("the-bus"), open).expect("it is ours");
    let told = bus(&project, &["stats"]).expect_code(2);
    assert!(told.stderr.contains("may be used by others"), "{told:?}");
    let told = project
        .run(&["bus", "stats", "--bus", "../elsewhere"])
        .expect_code(2);
    assert!(told.stderr.contains("the bus's name"), "{told:?}");
}
