//! Certifying small projects: five processes vote, some are killed or tampered with, and anyone can
//! verify what came out.

use serde_json::Value;

use crate::program::{Ended, Project};

const VALIDATORS: [&str; 5] = [
    "performance",
    "integration",
    "security",
    "architecture",
    "tests",
];

/// Where certificate and evidence are.
const OUT: &str = ".claude-flow/certify";

/// A project in which each validator has one check with this command.
fn project(commands: [&str; 5]) -> Project {
    let project = Project::new();
    let mut text = format!("version = 1\nproject = \"small\"\nvalidators = {VALIDATORS:?}\n");
    for (validator, command) in VALIDATORS.iter().zip(commands) {
        text = format!(
            "{text}[[check]]\nid = \"{validator}-check\"\nvalidator = \"{validator}\"\nclaim = \"it is well\"\n\
             command = '''{command}'''\ncritical = true\nlimit_s = 60\n"
        );
    }
    project.write("certify.toml", text);
    project
}

fn certify(project: &Project, code: i32) -> Ended {
    project.run(&["certify", "--trusted"]).expect_code(code)
}

fn verify(project: &Project, code: i32) -> Value {
    let (certificate, evidence) = (format!("{OUT}/certificate.json"), format!("{OUT}/evidence"));
    let roster = format!("{OUT}/roster.toml");
    let arguments = [
        "certificate",
        "verify",
        &certificate,
        "--evidence",
        &evidence,
    ];
    let arguments = [
        arguments.as_slice(),
        &["--roster", &roster, "--format", "json"],
    ]
    .concat();
    project.run(&arguments).expect_code(code).json()
}

/// Would be broken by processes that do not agree, by evidence that is not kept as it was signed, and by
/// results that outlive a change of the tree.
#[test]
fn project_is_certified_and_anyone_can_verify_it() {
    let project = project([
        "/bin/true",
        "/bin/echo all well",
        "claude-flow secrets .",
        "/bin/true",
        "/bin/true",
    ]);
    let ended = certify(&project, 0);
    assert!(ended.stdout.contains("PASS, level PLATINUM"), "{ended:?}");
    let told = verify(&project, 0);
    assert_eq!(
        (&told["holds"], &told["is_roster_trusted"]),
        (&true.into(), &true.into())
    );
    assert_eq!(told["outputs"], 5);
    assert!(
        project
            .read(&format!("{OUT}/certificate.md"))
            .contains("**PASS, level PLATINUM**")
    );
    assert!(
        project
            .read(&format!("{OUT}/certificate.html"))
            .contains("all well")
    );

    // The same tree again: nothing is run twice.
    let again = certify(&project, 0);
    assert_eq!(
        again.stderr.matches("seen by an earlier run").count(),
        5,
        "{again:?}"
    );
    verify(&project, 0);

    // A secret in the tree, put together here.
    let key = ["AKIA", "ABCDEFGHIJKLMNOP"].concat();
    project.write("src/settings.txt", format!("first\nkey = {key}\n"));
    let found = certify(&project, 1);
    assert_eq!(
        found.stderr.matches("seen by an earlier run").count(),
        0,
        "{found:?}"
    );
    assert!(found.stdout.contains("PARTIAL, level BRONZE"), "{found:?}");
    assert!(
        found.stdout.contains("security: FAIL at 100 %"),
        "{found:?}"
    );
    let cause = "the first is an AWS access key at src/settings.txt:2";
    assert!(found.stdout.contains(cause), "{found:?}");
    let told = verify(&project, 0);
    assert_eq!(told["conclusion"]["seats"][2]["vote"], "FAIL");

    // One byte of a kept output.
    let log = format!("{OUT}/evidence/integration/integration-check.log");
    project.write(&log, "all wel1\n");
    let told = verify(&project, 1);
    assert_eq!(told["holds"], false);
    let reason = told["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("integration-check.log is not the output that was signed"),
        "{reason}"
    );
    project.write(&log, "all well\n");
    // One word of the certificate.
    let path = format!("{OUT}/certificate.json");
    let text = project.read(&path);
    project.write(&path, text.replacen("BRONZE", "SILVER", 1));
    let told = verify(&project, 1);
    let reason = told["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("the ballots give PARTIAL, BRONZE"),
        "{reason}"
    );
}

/// What the killed ones would have said does not matter: one is borne, two are not, and it says so.
#[test]
fn one_killed_validator_is_borne_and_two_are_not() {
    let kill = "/bin/sh -c 'kill -9 $PPID'";
    let one = project(["/bin/true", "/bin/true", kill, "/bin/true", "/bin/true"]);
    let ended = certify(&one, 1);
    assert!(ended.stdout.contains("PARTIAL, level BRONZE"), "{ended:?}");
    assert!(
        ended.stdout.contains("security: no vote, absent"),
        "{ended:?}"
    );
    let told = verify(&one, 0);
    assert_eq!(told["conclusion"]["seats"][2]["standing"], "absent");

    let two = project(["/bin/true", kill, kill, "/bin/true", "/bin/true"]);
    let ended = certify(&two, 1);
    let expected = "no verdict: 4 of 5 validators must answer, and these do not: \
                    integration (its process ended), security (its process ended)";
    assert!(ended.stdout.contains(expected), "{ended:?}");
    assert!(!two.path(&format!("{OUT}/certificate.json")).exists());
}

/// Evidence that is exchanged after it was signed is as good as none: for one it is borne, for two
/// nothing follows.
#[test]
fn exchanged_evidence_counts_as_absent() {
    let forge = |names: &str| {
        format!(
            "/bin/sh -c 'for v in {names}; do sed -i s/true/false/ {OUT}/evidence/$v/evidence.json; done'"
        )
    };
    let forged = |names: &str| {
        project([
            "/bin/true",
            "/bin/true",
            "/bin/true",
            "/bin/true",
            &forge(names),
        ])
    };
    let one = forged("security");
    let ended = certify(&one, 1);
    assert!(ended.stdout.contains("PARTIAL, level BRONZE"), "{ended:?}");
    let expected = "security: PASS at 100 %, counts as absent: its evidence was not handed in";
    assert!(ended.stdout.contains(expected), "{ended:?}");

    let two = forged("security integration");
    let ended = certify(&two, 1);
    assert!(ended.stdout.contains("NO QUORUM, level none"), "{ended:?}");
}

#[test]
fn what_cannot_run_is_skipped_and_what_hangs_fails() {
    let mut text = "version = 1\nproject = \"small\"\nvalidators = [\"tests\"]\n".to_owned();
    for (id, lines) in [
        ("absent", "command = \"/no/such/program\""),
        ("missing", "missing = \"nobody has written it\""),
        (
            "needs",
            "command = \"/bin/true\"\nneeds = \"no-such-program-here\"",
        ),
        ("slow", "command = \"/bin/true\"\nquick = false"),
        ("hangs", "command = \"/bin/sleep 1000\"\nlimit_s = 1"),
        ("fails", "command = \"/bin/sh -c 'echo why; exit 3'\""),
        ("passes", "command = \"/bin/true\""),
    ] {
        text = format!(
            "{text}[[check]]\nid = \"{id}\"\nvalidator = \"tests\"\nclaim = \"x\"\n{lines}\n"
        );
    }
    let project = Project::new();
    // In the project's own configuration, which every other command must still understand.
    project.write(
        "claude-flow.toml",
        text.replace("[[check]]", "[[certify.check]]")
            .replacen("version", "[certify]\nversion", 1),
    );
    project.write("a.json", "{}\n");
    project.run(&["post-edit", "a.json"]).expect_code(0);
    let ended = project
        .run(&["certify", "--trusted", "--quick"])
        .expect_code(1);
    for expected in [
        "FAIL, level none",
        "SKIPPED absent: /no/such/program cannot be started",
        "SKIPPED missing: nobody has written it",
        "SKIPPED needs: no-such-program-here is not installed",
        "SKIPPED slow: left out of a quick run",
        "FAIL    hangs: the command took longer than 1 s",
        "FAIL    fails: the command exited with 3: why",
    ] {
        assert!(ended.stdout.contains(expected), "{expected}: {ended:?}");
    }
}

#[test]
fn reports_and_figures_are_read() {
    let text = r#"version = 1
project = "small"
validators = ["tests"]
[[check]]
id = "coverage"
validator = "tests"
claim = "more than 70 % is covered"
command = "/bin/cp given.info lcov.info"
reads = "coverage"
target = { figure = "lcov.info", unit = "basis_points", bound = { above = 7_000 } }
[[check]]
id = "speed"
validator = "tests"
claim = "fast"
command = "/bin/cp figures.json {out}"
reads = "figures"
target = { figure = "app/*", field = "p95_ns", unit = "ns", bound = { below = 1_000 } }
[[check]]
id = "stale"
validator = "tests"
claim = "a report from before is no evidence"
command = "/bin/true"
reads = "coverage"
target = { figure = "old.info", unit = "basis_points", bound = { above = 1 } }
"#;
    let project = Project::new();
    project.write("certify.toml", text);
    let report = "TN:\nSF:a.c\nDA:1,1\nDA:2,1\nDA:3,1\nDA:4,0\nend_of_record\n";
    project.write("given.info", report);
    project.write("old.info", report);
    let old = std::fs::File::options()
        .write(true)
        .open(project.path("old.info"));
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    old.and_then(|file| file.set_modified(hour_ago))
        .expect("a file can be made older");
    project.write(
        "figures.json",
        r#"{"figures": [{"area": "app", "name": "start", "p95_ns": 2000}]}"#,
    );
    let ended = project.run(&["certify", "--trusted"]).expect_code(1);
    assert!(
        ended.stderr.contains("PASS    coverage: 75 % (lcov.info"),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("FAIL    speed: 2000 ns (app/start"),
        "{ended:?}"
    );
    let expected = "FAIL    stale: the report old.info is older than the command";
    assert!(ended.stdout.contains(expected), "{ended:?}");
}

#[test]
fn nothing_runs_in_a_directory_that_is_not_trusted() {
    let project = project([
        "/usr/bin/touch ran",
        "/bin/true",
        "/bin/true",
        "/bin/true",
        "/bin/true",
    ]);
    let ended = project.run(&["certify"]).expect_code(2);
    assert!(ended.stderr.contains("is not trusted"), "{ended:?}");
    assert!(!project.path("ran").exists());
    project.run(&["trust"]).expect_code(0);
    project.run(&["certify"]).expect_code(0);
    assert!(project.path("ran").exists());
    // Without claims it says where they would be.
    let empty = Project::new().run(&["certify"]).expect_code(2);
    assert!(
        empty.stderr.contains("neither certify.toml nor [certify]"),
        "{empty:?}"
    );
}

/// Keys that last: the roster of a group that somebody else knows is the one that signed.
#[test]
fn group_that_is_given_signs() {
    let project = project(["/bin/true"; 5]);
    project.write(".gitignore", "group\n");
    project.run(&["consensus", "init", "group"]).expect_code(0);
    let given = ["certify", "--trusted", "--group", "group"];
    project.run(&given).expect_code(0);
    let certificate = format!("{OUT}/certificate.json");
    let verify = [
        "certificate",
        "verify",
        &certificate,
        "--roster",
        "group/roster.toml",
    ];
    let told = project.run(&verify).expect_code(0);
    assert!(
        told.stdout.contains("holds: small at unknown, signed by"),
        "{told:?}"
    );
    assert!(
        !told.stdout.contains("keys are the certificate's own"),
        "{told:?}"
    );
    // A second run is another subject for the same validators.
    project.run(&given).expect_code(0);
    // A certificate of other keys does not hold under this roster.
    project.run(&["certify", "--trusted"]).expect_code(0);
    let told = project.run(&verify).expect_code(1);
    assert!(
        told.stdout
            .contains("its roster is not the one that is trusted"),
        "{told:?}"
    );
    let told = project
        .run(&["certificate", "verify", &certificate])
        .expect_code(0);
    assert!(told.stdout.contains("who signed is not known"), "{told:?}");
}

/// Waits until something is so, for a minute at most.
#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 60, "it never became so");
        std::thread::yield_now();
    }
}

/// Would be broken by commands that outlive the run that started them, and by a run that begins again
/// where nothing changed.
#[cfg(target_os = "linux")]
#[test]
fn killed_run_leaves_nothing_behind_and_the_next_goes_on() {
    let wait = "/bin/sh -c 'test -e noted/go || { echo $$ > noted/pid; exec /bin/sleep 600; }'";
    let project = project(["/bin/true", wait, "/bin/true", "/bin/true", "/bin/true"]);
    // What git ignores is no part of the tree.
    project.write(".gitignore", "noted\n");
    project.write("noted/nothing", "");
    let mut command = project.command();
    let mut run = command
        .args(["certify", "--trusted"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let note = project.path("noted/pid");
    let mut pid = String::new();
    wait_until(|| {
        pid = std::fs::read_to_string(&note).unwrap_or_default();
        pid.ends_with('\n')
    });
    let second = project.run(&["certify", "--trusted"]).expect_code(2);
    assert!(
        second.stderr.contains("another run is writing"),
        "{second:?}"
    );
    run.kill().expect("it is running");
    run.wait().expect("it ends");
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    wait_until(|| !process.exists());

    project.write("noted/go", "");
    let next = certify(&project, 0);
    assert_eq!(
        next.stderr.matches("seen by an earlier run").count(),
        1,
        "{next:?}"
    );
    assert!(
        next.stderr.contains("PASS    integration-check"),
        "{next:?}"
    );
}

/// A certificate of an earlier version of this program must hold as long as its form is known.
#[test]
fn certificate_that_was_kept_still_holds() {
    let kept = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/certify/small/certified"
    );
    let certificate = format!("{kept}/certificate.json");
    let (evidence, roster) = (format!("{kept}/evidence"), format!("{kept}/roster.toml"));
    let project = Project::new();
    let arguments = [
        "certificate",
        "verify",
        &certificate,
        "--evidence",
        &evidence,
    ];
    let arguments = [
        arguments.as_slice(),
        &["--roster", &roster, "--format", "json"],
    ]
    .concat();
    let told = project.run(&arguments).expect_code(0).json();
    assert_eq!(
        (&told["holds"], &told["outputs"]),
        (&true.into(), &5.into())
    );
    assert_eq!(told["conclusion"]["seats"][4]["vote"], "PARTIAL");
}
