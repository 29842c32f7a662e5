//! Validators as processes: voting, deciding, verifying, being killed.

mod kill;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::program::Project;

/// A validator's process; killed when it is dropped.
pub(crate) struct Validator {
    child: Child,
}

impl Validator {
    /// Starts validator `id` of the group, and waits until it says that it is up.
    pub(crate) fn start(project: &Project, id: usize) -> Self {
        let mut command = project.command();
        let mut child = command
            .args(["consensus", "node", &format!("group/validator-{id}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line of text");
        if !line.starts_with(&format!("validator {id} of ")) {
            let mut told = String::new();
            let mut stderr = child.stderr.take().expect("a pipe");
            let _ = stderr.read_to_string(&mut told);
            panic!("validator {id} did not start: {line:?} {told}");
        }
        Self { child }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// SIGTERM; gives the code with which it ends.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        self.end();
    }
}

fn group() -> (Project, Vec<Validator>) {
    let project = Project::new();
    project.run(&["consensus", "init", "group"]).expect_code(0);
    let validators = (0..5).map(|id| Validator::start(&project, id)).collect();
    (project, validators)
}

/// The votes of the report from which this project grew; gives the ballots.
fn vote(project: &Project, subject: &str) -> String {
    let votes = [
        ("partial", "85"),
        ("pass", "95"),
        ("pass", "92"),
        ("pass", "98"),
        ("partial", "78"),
    ];
    let mut ballots = String::new();
    for (id, (vote, confidence)) in votes.into_iter().enumerate() {
        let directory = format!("group/validator-{id}");
        let arguments = ["consensus", "vote", &directory, subject, "--vote", vote];
        let arguments = [arguments.as_slice(), &["--confidence", confidence]].concat();
        ballots.push_str(&project.run(&arguments).expect_code(0).stdout);
    }
    ballots
}

fn verify(project: &Project, document: &str, code: i32) -> serde_json::Value {
    project.write("decision.json", document);
    let arguments = ["consensus", "verify", "decision.json", "--roster"];
    let arguments = [
        arguments.as_slice(),
        &["group/roster.toml", "--format", "json"],
    ]
    .concat();
    project.run(&arguments).expect_code(code).json()
}

#[test]
fn five_processes_decide_the_golden_votes_and_anyone_can_verify() {
    let (project, _validators) = group();
    let ballots = vote(&project, "pipeline 1.4.0");
    let submit = ["consensus", "submit", "group/validator-2", "pipeline 1.4.0"];
    let decision = project
        .run_with_stdin(&submit, ballots.as_bytes())
        .expect_code(0);
    let found = verify(&project, &decision.stdout, 0);
    assert_eq!(found["holds"], true);
    assert_eq!(
        (&found["verdict"], &found["level"]),
        (&"PARTIAL".into(), &"SILVER".into())
    );
    assert_eq!(found["score"], 3.5);
    // Submitting again gives the same.
    let again = project
        .run_with_stdin(&submit, ballots.as_bytes())
        .expect_code(0);
    assert_eq!(again.stdout, decision.stdout);

    // What is changed does not hold.
    let document = decision.json();
    for (field, reason) in [
        ("certificate", "signature"),
        ("proposal", "proposal"),
        ("subject", "subject"),
    ] {
        let mut changed = document.clone();
        let text = changed[field].as_str().expect("text").to_owned();
        let last = if text.ends_with('0') { "1" } else { "0" };
        changed[field] = format!("{}{last}", &text[..text.len() - 1]).into();
        let found = verify(&project, &changed.to_string(), 1);
        let told = found["reason"].as_str().expect("a reason");
        assert!(told.contains(reason), "{field}: {told}");
    }
    let status = [
        "consensus",
        "status",
        "group/validator-4",
        "--format",
        "json",
    ];
    let status = project.run(&status).expect_code(0).json();
    assert_eq!(status["validator"], 4);
    let status = project
        .run(&["consensus", "status", "group/validator-1"])
        .expect_code(0);
    assert!(status.stdout.contains("validator 1"), "{}", status.stdout);
}

/// Would be broken by a lock that is not taken: two processes with one key contradict each other.
/// Would be broken by a signal that ends the process in the middle of a commit, or not at all.
#[test]
fn whoever_is_told_to_end_ends_cleanly() {
    let (project, mut validators) = group();
    let last = validators.pop().expect("five");
    assert_eq!(last.terminate(), Some(0));
    // Its socket is gone, and its log opens again.
    let again = Validator::start(&project, 4);
    assert_eq!(again.terminate(), Some(0));
}

#[test]
fn a_second_process_with_the_same_key_is_refused() {
    let (project, _validators) = group();
    let second = ["consensus", "node", "group/validator-0"];
    let ended = project.run(&second).expect_code(2);
    assert!(
        ended.stderr.contains("in use by another process"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let project = Project::new();
    let keygen = ["consensus", "keygen", "validator"];
    let key = project.run(&keygen).expect_code(0).stdout;
    let again = project.run(&keygen).expect_code(2);
    assert!(
        again.stderr.contains("is there already"),
        "{}",
        again.stderr
    );
    for (arguments, told) in [
        (vec!["status", "validator"], "consensus node"),
        (vec!["node", "validator"], "consensus init"),
        (vec!["init", "g", "--validators", "3"], "3f + 1"),
        (vec!["init", "g", "--approval-votes", "1"], "liars decide"),
        (
            vec!["init", "g", "--member", "0=unix:/a"],
            "consensus keygen",
        ),
        (
            vec!["verify", "none.json", "--roster", "none.toml"],
            "none.toml",
        ),
    ] {
        let ended = project
            .run(&[&["consensus"], arguments.as_slice()].concat())
            .expect_code(2);
        assert!(
            ended.stderr.contains(told),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert!(!project.path("g/validator-0").exists());
    let member = format!("{}=tcp:localhost:7100", key.trim());
    let init = [
        "consensus",
        "init",
        "h",
        "--faults",
        "0",
        "--approval-votes",
        "1",
        "--member",
        &member,
    ];
    project.run(&init).expect_code(0);
    assert!(project.read("h/roster.toml").contains("tcp:localhost:7100"));
}

#[test]
fn every_subcommand_has_help_with_examples() {
    let project = Project::new();
    for command in [
        "keygen", "init", "node", "vote", "submit", "status", "verify",
    ] {
        let help = project
            .run(&["consensus", command, "--help"])
            .expect_code(0);
        assert!(
            help.stdout.contains("Examples:\n  claude-flow consensus"),
            "{command}"
        );
        assert!(help.stdout.contains("Exit status:"), "{command}");
    }
}
