//! Tests are run, or known, and what is shown is never more than was seen.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Ended, Project};

const PYTHON: &str =
    "import unittest\nfrom sums import add\n\n\nclass SumTest(unittest.TestCase):\n";
const ADDS: &str = "    def test_adds(self):\n        self.assertEqual(add(1, 2), 3)\n\n";

/// A trusted project of Python's own runner.
fn python(tests: &[(&str, &str)]) -> Project {
    let project = Project::new();
    project.write("work/.git/HEAD", "ref: refs/heads/main\n");
    project.write(
        "work/claude-flow.toml",
        "[limits]\ntest_time_ms = 20000\n[tests]\nrunner = \"unittest\"\n",
    );
    project.write("work/sums.py", "def add(a, b):\n    return a + b\n");
    for (name, body) in tests {
        project.write(&format!("work/{name}"), format!("{PYTHON}{body}"));
    }
    project.run(&["trust", "work"]).expect_code(0);
    project
}

/// Runs `claude-flow test` in the project and gives its document.
fn test(project: &Project, path: &str, arguments: &[&str]) -> (Value, Ended) {
    let ended = in_work(
        project,
        path,
        &[&["test", "--format", "json"], arguments].concat(),
    );
    let document = if ended.stdout.is_empty() {
        Value::Null
    } else {
        ended.json()
    };
    (document, ended)
}

/// Runs the program in the project, which is as good as the user's own directory.
fn in_work(project: &Project, path: &str, arguments: &[&str]) -> Ended {
    let mut command = project.command();
    command.current_dir(project.path("work")).env("PATH", path);
    // Toolchains are found in the home directory; what is written is not.
    command.envs(std::env::home_dir().map(|home| ("HOME", home)));
    command.env("XDG_STATE_HOME", project.path("home/.local/state"));
    command.env("XDG_CACHE_HOME", project.path("cache"));
    command.envs(
        std::env::var_os("RUNNERS").map(|it| ("VIRTUAL_ENV", PathBuf::from(it).join("venv"))),
    );
    Ended::of(command.args(arguments))
}

/// Compares the state of the one run, the names and outcomes of its tests, and the exit code.
#[track_caller]
fn check(
    project: &Project,
    path: &str,
    arguments: &[&str],
    code: i32,
    state: &str,
    tests: &[&str],
) -> Value {
    let (document, ended) = test(project, path, arguments);
    let run = &document["runs"][0];
    assert_eq!(run["state"], state, "{ended:?}");
    let mut found: Vec<String> = run["tests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|test| {
            format!(
                "{} {}",
                test["name"].as_str().unwrap_or("?"),
                test["outcome"].as_str().unwrap_or("?")
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, tests, "{run}");
    ended.expect_code(code);
    run.clone()
}

const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program of the machine that the sandbox lets tests use; says loudly that there is none.
fn has(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let mut places = SYSTEM
            .split(':')
            .map(|folder| Path::new(folder).join(program));
        !places.any(|place| place.is_file())
    });
    if let Some(program) = missing {
        eprintln!("SKIPPED: {program} is not in {SYSTEM}; install it to have this tested");
    }
    missing.is_none()
}

#[test]
fn nothing_runs_before_the_project_is_trusted() {
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    project.write("work/test_a.py", "def test_a(): pass\n");
    let (_, ended) = test(&project, SYSTEM, &["test_a.py"]);
    assert!(ended.stderr.contains("`claude-flow trust`"), "{ended:?}");
    ended.expect_code(2);
}

#[test]
fn unittest_green_red_skipped_crashing_and_empty() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[
        ("test_green.py", ADDS),
        (
            "test_red.py",
            &format!("{ADDS}    def test_wrong(self):\n        self.assertEqual(add(1, 2), 4)\n"),
        ),
        (
            "test_skipped.py",
            &format!("{ADDS}    @unittest.skip('no')\n    def test_later(self):\n        pass\n"),
        ),
        (
            "test_crash.py",
            "    def test_kills(self):\n        import os\n        os.kill(os.getpid(), 11)\n",
        ),
        ("test_syntax.py", "    def test_adds(self:\n"),
        ("test_empty.py", "    pass\n"),
    ]);
    check(
        &project,
        SYSTEM,
        &["test_green.py"],
        0,
        "passed",
        &["test_adds passed"],
    );
    let red = ["test_adds passed", "test_wrong failed"];
    let run = check(&project, SYSTEM, &["test_red.py"], 1, "failed", &red);
    let wrong = run["tests"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|it| it["name"] == "test_wrong");
    assert_eq!(
        wrong.expect("it is there")["failure"]["reason"],
        "assertion",
        "{run}"
    );
    let skipped = ["test_adds passed", "test_later skipped"];
    check(
        &project,
        SYSTEM,
        &["test_skipped.py"],
        0,
        "passed",
        &skipped,
    );
    check(&project, SYSTEM, &["test_empty.py"], 2, "none_ran", &[]);
    check(&project, SYSTEM, &["test_syntax.py"], 1, "failed", &[]);
    let (document, ended) = test(&project, SYSTEM, &["test_crash.py"]);
    assert_eq!(document["runs"][0]["state"], "crashed", "{ended:?}");
    check(
        &project,
        SYSTEM,
        &["test_red.py", "--name", "test_adds"],
        0,
        "passed",
        &["test_adds passed"],
    );
}

#[test]
fn what_hangs_is_timed_out_and_is_not_remembered() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[(
        "test_hang.py",
        "    def test_hangs(self):\n        while True: pass\n",
    )]);
    project.write(
        "work/claude-flow.toml",
        "[limits]\ntest_time_ms = 1000\n[tests]\nrunner = \"unittest\"\n",
    );
    for _ in 0..2 {
        let (document, ended) = test(&project, SYSTEM, &["test_hang.py"]);
        assert_eq!(document["runs"][0]["state"], "timed_out", "{ended:?}");
        assert_eq!(document["runs"][0]["is_cached"], false);
        ended.expect_code(2);
    }
}

#[test]
fn what_is_known_is_not_run_again_until_something_it_sees_changes() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[("test_green.py", ADDS)]);
    project.write("work/other.py", "A = 1\n");
    let run = |arguments: &[&str]| {
        let (document, ended) = test(&project, SYSTEM, arguments);
        assert_eq!(document["runs"][0]["state"], "passed", "{ended:?}");
        document["runs"][0]["is_cached"].as_bool()
    };
    assert_eq!(run(&["test_green.py"]), Some(false));
    assert_eq!(run(&["test_green.py"]), Some(true));
    assert_eq!(run(&["--again", "test_green.py"]), Some(false));
    // It cannot see this one.
    project.write("work/other.py", "A = 2\n");
    assert_eq!(run(&["test_green.py"]), Some(true));
    project.write("work/sums.py", "def add(a, b):\n    return b + a\n");
    assert_eq!(run(&["test_green.py"]), Some(false));
    // It could read this one.
    project.write("work/data.json", "{}");
    assert_eq!(run(&["test_green.py"]), Some(false));
    assert_eq!(run(&["test_green.py"]), Some(true));
    // And start this one, or follow that one.
    let data = project.path("work/data.json");
    let program = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&data, program).expect("it is ours");
    assert_eq!(run(&["test_green.py"]), Some(false));
    for target in ["data.json", "other.py"] {
        let link = project.path("work/link");
        let _ = fs::remove_file(&link);
        symlink(target, &link).expect("a link");
        assert_eq!(run(&["test_green.py"]), Some(false), "{target}");
    }
    assert_eq!(run(&["test_green.py"]), Some(true));
}

/// Fails if Python is left to tell a changed module by its second and size.
#[test]
fn an_edit_of_the_same_second_and_size_is_seen() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[("test_sums.py", ADDS)]);
    let write = |content: &str| {
        project.write("work/sums.py", content);
        let file = fs::File::options()
            .write(true)
            .open(project.path("work/sums.py"));
        let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        file.and_then(|it| it.set_modified(second))
            .expect("the file is ours");
    };
    for (operator, state) in [("+", "passed"), ("-", "failed"), ("+", "passed")] {
        write(&format!("def add(a, b):\n    return a {operator} b\n"));
        let (document, _) = test(&project, SYSTEM, &["--again", "test_sums.py"]);
        assert_eq!(document["runs"][0]["state"], state, "{document}");
    }
}

#[test]
fn only_the_tests_that_a_change_concerns_are_run() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[("test_green.py", ADDS)]);
    project.write("work/test_other.py", "import unittest\nclass Other(unittest.TestCase):\n    def test_other(self):\n        pass\n");
    let tests = ["test_adds passed"];
    check(
        &project,
        SYSTEM,
        &["--affected", "sums.py"],
        0,
        "passed",
        &tests,
    );
    project.write("work/sums.py", "def add(a, b):\n    return a - b\n");
    check(
        &project,
        SYSTEM,
        &["--affected", "sums.py"],
        1,
        "failed",
        &["test_adds failed"],
    );
    project.write("work/lonely.py", "A = 1\n");
    let (document, ended) = test(&project, SYSTEM, &["--affected", "lonely.py"]);
    assert_eq!(document["runs"], Value::Array(Vec::new()), "{ended:?}");
    ended.expect_code(0);
}

#[test]
fn post_edit_tells_failures_of_tests_only_if_asked() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[("test_green.py", ADDS)]);
    let check = |arguments: &[&str]| {
        let mut command = project.command();
        command
            .env("PATH", SYSTEM)
            .args(["post-edit", "--format", "json"]);
        let ended = Ended::of(command.args(arguments).arg("work/sums.py"));
        let document = ended.json();
        let checks = document["files"][0]["checks"].as_array().expect("a list");
        let tests = checks.iter().find(|check| check["name"] == "tests");
        (tests.expect("an entry for each check").clone(), ended.code)
    };
    assert_eq!(check(&[]).0["state"], "not_run");
    let (tests, code) = check(&["--tests"]);
    assert_eq!(
        (&tests["state"], &tests["engine"], code),
        (&"clean".into(), &"unittest".into(), Some(0))
    );
    project.write("work/sums.py", "def add(a, b):\n    return a - b\n");
    let (tests, code) = check(&["--tests"]);
    assert_eq!(
        (&tests["state"], code),
        (&"findings".into(), Some(1)),
        "{tests}"
    );
    assert_eq!(tests["findings"][0]["rule"], "tests/failed");
    project.write("work/sums.py", "print(1)\nexit(3)\n");
    let (tests, code) = check(&["--tests"]);
    assert_ne!(tests["state"], "clean");
    assert_ne!(code, Some(0));
    project.write("work/lonely.py", "A = 1\n");
    assert_eq!(check(&[]).0["findings"], Value::Array(Vec::new()));
}

#[test]
fn a_runner_that_is_missing_or_talks_nonsense_is_never_passed() {
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    project.write("work/package.json", r#"{"devDependencies": {"jest": "1"}}"#);
    project.write("work/a.test.js", "test('a', () => {});\n");
    project.run(&["trust", "work"]).expect_code(0);
    check(&project, SYSTEM, &["a.test.js"], 2, "not_run", &[]);
    for (script, state) in [
        ("exit 0", "unreadable"),
        ("echo nonsense; exit 0", "unreadable"),
        ("kill -9 $$", "crashed"),
    ] {
        project.write(
            "work/node_modules/.bin/jest",
            format!("#!/bin/sh\n{script}\n"),
        );
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(project.path("work/node_modules/.bin/jest"), executable)
            .expect("a file of ours");
        check(&project, SYSTEM, &["a.test.js"], 2, state, &[]);
    }
}

#[test]
fn node_green_red_skipped_and_empty() {
    if !has(&["node"]) {
        return;
    }
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    project.write("work/claude-flow.toml", "[tests]\nrunner = \"node-test\"\n");
    project.write(
        "work/package.json",
        r#"{"scripts": {"test": "node --test"}}"#,
    );
    project.write("work/sum.js", "exports.add = (a, b) => a + b;\n");
    let head = "const { it } = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('./sum');\n";
    let adds = "it('adds', () => { assert.strictEqual(add(1, 2), 3); });\n";
    let wrong = "it('is wrong', () => { assert.strictEqual(add(1, 2), 4); });\n";
    let later = "it.skip('later', () => {});\n";
    for (name, body) in [
        ("green", adds.to_owned()),
        ("red", format!("{adds}{wrong}")),
        ("skipped", format!("{adds}{later}")),
        ("empty", String::new()),
    ] {
        project.write(&format!("work/{name}.test.js"), format!("{head}{body}"));
    }
    project.run(&["trust", "work"]).expect_code(0);
    check(
        &project,
        SYSTEM,
        &["green.test.js"],
        0,
        "passed",
        &["adds passed"],
    );
    let red = ["adds passed", "is wrong failed"];
    check(&project, SYSTEM, &["red.test.js"], 1, "failed", &red);
    check(
        &project,
        SYSTEM,
        &["skipped.test.js"],
        0,
        "passed",
        &["adds passed", "later skipped"],
    );
    check(&project, SYSTEM, &["empty.test.js"], 2, "none_ran", &[]);
    check(
        &project,
        SYSTEM,
        &["--affected", "sum.js"],
        1,
        "failed",
        &[
            "adds passed",
            "adds passed",
            "adds passed",
            "is wrong failed",
            "later skipped",
        ],
    );
}

/// The folder of the runners that `RUNNERS` names, which has `node/node_modules` and `venv`; says loudly that there is none.
fn runners() -> Option<PathBuf> {
    let folder = std::env::var_os("RUNNERS")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!(
            "SKIPPED: RUNNERS names no folder with node/node_modules and venv, see fixtures/checkers/reports/record.sh"
        );
    }
    folder
}

/// A project of a runner of JavaScript with a green, a red and a skipped test, below `work`.
fn javascript(project: &Project, runners: &Path, name: &str, head: &str) {
    let write = |file: &str, content: &str| project.write(&format!("work/{name}/{file}"), content);
    write(
        "package.json",
        &format!(r#"{{"devDependencies": {{"{name}": "1"}}}}"#),
    );
    symlink(
        runners.join("node/node_modules"),
        project.path(&format!("work/{name}/node_modules")),
    )
    .expect("a link");
    let adds = format!("{head}it('adds', () => {{ same(1 + 2, 3); }});\n");
    write("green.test.js", &adds);
    write(
        "red.test.js",
        &format!("{adds}it('is wrong', () => {{ same(1 + 2, 4); }});\n"),
    );
    write(
        "skipped.test.js",
        &format!("{adds}it.skip('later', () => {{}});\n"),
    );
}

#[test]
fn jest_vitest_and_mocha_green_red_and_skipped() {
    let Some(runners) = runners() else { return };
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    let expect = "const same = (a, b) => expect(a).toBe(b);\n";
    let vitest = format!("import {{ it, expect }} from 'vitest';\n{expect}");
    let assert = "const same = require('node:assert').strictEqual;\n";
    for (name, head) in [("jest", expect), ("vitest", &*vitest), ("mocha", assert)] {
        javascript(&project, &runners, name, head);
    }
    project.run(&["trust", "work"]).expect_code(0);
    for name in ["jest", "mocha", "vitest"] {
        for (file, code, state, tests) in [
            ("green", 0, "passed", &["adds passed"][..]),
            ("red", 1, "failed", &["adds passed", "is wrong failed"]),
            ("skipped", 0, "passed", &["adds passed", "later skipped"]),
        ] {
            let file = format!("{name}/{file}.test.js");
            check(&project, SYSTEM, &[&file], code, state, tests);
        }
    }
}

#[test]
fn pytest_green_and_red() {
    if runners().is_none() {
        return;
    }
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    project.write("work/pyproject.toml", "[tool.pytest.ini_options]\n");
    let adds = "def test_adds():\n    assert 1 + 2 == 3\n";
    project.write("work/test_green.py", adds);
    let wrong = format!("{adds}\ndef test_wrong():\n    assert 1 + 2 == 4\n");
    project.write("work/test_red.py", wrong);
    project.run(&["trust", "work"]).expect_code(0);
    let green = ["test_adds passed"];
    check(&project, SYSTEM, &["test_green.py"], 0, "passed", &green);
    let red = ["test_adds passed", "test_wrong failed"];
    let run = check(&project, SYSTEM, &["test_red.py"], 1, "failed", &red);
    assert_eq!(run["tests"][1]["line"], 4, "{run}");
}

#[test]
fn ctest_builds_elsewhere_and_what_does_not_build_is_never_passed() {
    if !has(&["cmake", "ctest", "gcc", "make"]) {
        return;
    }
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    project.write(
        "work/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.20)\nproject(it C)\nenable_testing()\n\
         foreach(it adds wrong kills)\n  add_executable(${it} ${it}.c)\n  add_test(NAME ${it} COMMAND ${it})\nendforeach()\n",
    );
    project.write("work/adds.c", "int main(void) { return 0; }\n");
    project.write("work/wrong.c", "int main(void) { return 1; }\n");
    project.write(
        "work/kills.c",
        "#include <stdlib.h>\nint main(void) { abort(); }\n",
    );
    project.write("work/claude-flow.toml", "[tests]\nrunner = \"ctest\"\n");
    project.run(&["trust", "work"]).expect_code(0);
    let before = project.names();
    let tests = ["adds passed", "kills failed", "wrong failed"];
    check(&project, SYSTEM, &["adds.c"], 1, "failed", &tests);
    check(
        &project,
        SYSTEM,
        &["adds.c", "--name", "adds"],
        0,
        "passed",
        &["adds passed"],
    );
    let after = project
        .names()
        .into_iter()
        .filter(|name| name.starts_with("work/"));
    let before = before.into_iter().filter(|name| name.starts_with("work/"));
    assert_eq!(after.collect::<Vec<_>>(), before.collect::<Vec<_>>());
    project.write("work/adds.c", "int main(void) { return nothing; }\n");
    check(
        &project,
        SYSTEM,
        &["adds.c", "--name", "adds"],
        2,
        "unreadable",
        &[],
    );
}

/// What `junit-console` needs of Debian's Java libraries.
const JARS: &[&str] = &[
    "apiguardian-api",
    "junit-jupiter-api",
    "junit-jupiter-engine",
    "junit-jupiter-params",
    "junit-platform-commons",
    "junit-platform-console",
    "junit-platform-console-standalone",
    "junit-platform-engine",
    "junit-platform-launcher",
    "junit-platform-reporting",
    "opentest4j",
    "opentest4j-reporting-events",
    "opentest4j-reporting-schema",
    "picocli",
    "univocity-parsers",
];

#[test]
fn junit_console_green_red_skipped_and_not_compiling() {
    if !has(&["java", "javac"]) {
        return;
    }
    let jar = |name: &str| Path::new("/usr/share/java").join(format!("{name}.jar"));
    if !jar("junit-platform-console-standalone").exists() {
        eprintln!(
            "SKIPPED: there is no JUnit in /usr/share/java; `apt-get install junit5` to have this tested"
        );
        return;
    }
    let project = Project::new();
    project.write("work/.git/HEAD", "");
    project.write(
        "work/claude-flow.toml",
        "[limits]\ntest_time_ms = 60000\n[tests]\nrunner = \"junit-console\"\n",
    );
    project.write(
        "work/Sum.java",
        "class Sum { static int add(int a, int b) { return a + b; } }\n",
    );
    let head = "import org.junit.jupiter.api.*;\nimport static org.junit.jupiter.api.Assertions.*;\nclass NAMETest {\n    @Test void adds() { assertEquals(3, Sum.add(1, 2)); }\n";
    for (name, body) in [
        ("Green", ""),
        (
            "Red",
            "    @Test void wrong() { assertEquals(4, Sum.add(1, 2)); }\n",
        ),
        ("Skipped", "    @Test @Disabled void later() { fail(); }\n"),
    ] {
        let text = format!("{}{body}}}\n", head.replace("NAME", name));
        project.write(&format!("work/{name}Test.java"), text);
    }
    fs::create_dir_all(project.path("work/lib")).expect("a folder of ours");
    for name in JARS {
        symlink(jar(name), project.path(&format!("work/lib/{name}.jar"))).expect("a link");
    }
    project.run(&["trust", "work"]).expect_code(0);
    check(
        &project,
        SYSTEM,
        &["GreenTest.java"],
        0,
        "passed",
        &["adds() passed"],
    );
    check(
        &project,
        SYSTEM,
        &["RedTest.java"],
        1,
        "failed",
        &["adds() passed", "wrong() failed"],
    );
    check(
        &project,
        SYSTEM,
        &["SkippedTest.java"],
        0,
        "passed",
        &["adds() passed", "later() skipped"],
    );
    project.write(
        "work/Sum.java",
        "class Sum { static int sub(int a, int b) { return a - b; } }\n",
    );
    check(&project, SYSTEM, &["GreenTest.java"], 1, "failed", &[]);
}

/// Fails if runs are not told to the record of edits, or with other contents than those that were edited.
#[test]
fn a_change_that_a_test_drove_is_told_as_such() {
    if !has(&["python3"]) {
        return;
    }
    let project = python(&[("test_sums.py", ADDS)]);
    let edit = |name: &str, content: &str| {
        project.write(&format!("work/{name}"), content);
        in_work(&project, SYSTEM, &["post-edit", "--no-tools", name]).expect_code(0);
    };
    let verdict = || {
        let told = in_work(
            &project,
            SYSTEM,
            &["tdd", "status", ".", "--format", "json"],
        );
        told.expect_code(0).json()
    };
    edit("sums.py", "def add(a, b):\n    return a + b\n");
    edit("test_sums.py", &format!("{PYTHON}{ADDS}"));
    assert_eq!(
        test(&project, SYSTEM, &["test_sums.py"]).0["summary"]["failed"],
        0
    );
    let doubles = "    def test_doubles(self):\n        self.assertEqual(sums.double(4), 8)\n\n";
    edit(
        "test_sums.py",
        &format!("import sums\n{PYTHON}{ADDS}{doubles}"),
    );
    assert_eq!(
        test(&project, SYSTEM, &["test_sums.py"]).0["summary"]["failed"],
        1
    );
    assert_eq!(verdict()["phase"], "red");
    edit(
        "sums.py",
        "def add(a, b):\n    return a + b\n\n\ndef double(a):\n    return 2 * a\n",
    );
    assert_eq!(
        test(&project, SYSTEM, &["test_sums.py"]).0["summary"]["failed"],
        0
    );
    let told = verdict();
    assert_eq!(
        (&told["phase"], &told["verdict"]),
        (&"green".into(), &"compliant".into()),
        "{told}"
    );
}
