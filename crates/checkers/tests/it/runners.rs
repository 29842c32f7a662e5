//! What each runner is told.

use claude_flow_checkers::runners::{RUNNERS, Request, Selection, merged, runner};

fn words(name: &str, selection: Selection<'_>) -> String {
    let files = [
        "Cargo.toml",
        "a/Cargo.toml",
        "b.java",
        "lib/a.java",
        "src/lib.rs",
        "tests/one.rs",
    ];
    let request = Request {
        selection,
        root: "/w",
        files: &files,
        scratch: "/s",
        home: "/h",
    };
    let runner = runner(name).unwrap_or_else(|| panic!("{name} is known"));
    let steps = runner.steps(&request);
    let last = steps.last().expect("a run has a step");
    let fixed = runner.run.words.len();
    last.arguments[fixed..].join(" ")
}

#[track_caller]
fn check(name: &str, file: &str, of_all: &str, of_file: &str, of_names: &str) {
    assert_eq!(words(name, Selection::All), of_all, "{name}, all");
    assert_eq!(
        words(name, Selection::Files(&[file])),
        of_file,
        "{name}, a file"
    );
    let names = &["one.a", "two"];
    assert_eq!(
        words(name, Selection::Names { file, names }),
        of_names,
        "{name}, names"
    );
}

#[test]
fn runners_of_scripts_are_asked_for_all_for_a_file_and_for_names() {
    let file = "--runTestsByPath a.test.js";
    check(
        "jest",
        "a.test.js",
        "",
        file,
        &format!(r"-t (^| )(one\.a|two)$ {file}"),
    );
    check(
        "vitest",
        "a.test.js",
        "",
        "/w/a.test.js",
        r"-t (^| )(one\.a|two)$ /w/a.test.js",
    );
    check(
        "mocha",
        "a.js",
        "",
        "a.js",
        r"--grep (^| )(one\.a|two)$ a.js",
    );
    let names = r"--test-name-pattern=^one\.a$ --test-name-pattern=^two$ a.js";
    check("node-test", "a.js", "", "a.js", names);
    check("pytest", "-a.py", "", "./-a.py", "-k one.a or two ./-a.py");
    check(
        "unittest",
        "a.py",
        "discover -v",
        "-v a.py",
        "-v -k one.a -k two a.py",
    );
}

#[test]
fn runners_of_what_is_compiled_are_asked_for_all_for_a_file_and_for_names() {
    let names = "--test=one -- --exact one.a two";
    check(
        "cargo-test",
        "tests/one.rs",
        "--workspace",
        "--test=one",
        names,
    );
    check(
        "cargo-nextest",
        "tests/one.rs",
        "--workspace",
        "--test=one",
        names,
    );
    check(
        "go-test",
        "a/a_test.go",
        "./...",
        "./a",
        r"-run=^(one\.a|two)$ ./a",
    );
    check(
        "maven",
        "src/ATest.java",
        "",
        "-Dtest=ATest",
        "-Dtest=ATest#one.a+two",
    );
    let all = "--scan-classpath=/s/classes --include-classname";
    let of_file = format!("{all}=(.*[.])?(ATest)");
    check(
        "junit-console",
        "ATest.java",
        &format!("{all}=.*"),
        &of_file,
        &of_file,
    );
    check("ctest", "a.cc", "", "", r"-R ^(one\.a|two)$");
}

#[test]
fn sources_of_rust_are_tested_with_their_whole_package() {
    assert_eq!(
        words("cargo-test", Selection::Files(&["src/a.rs"])),
        "--workspace"
    );
}

#[test]
fn names_are_unique_and_no_place_stays_open() {
    let request = Request {
        selection: Selection::All,
        root: "/w",
        files: &["a.java"],
        scratch: "/s",
        home: "/h",
    };
    for (at, runner) in RUNNERS.iter().enumerate() {
        assert!(
            RUNNERS[..at].iter().all(|other| other.name < runner.name),
            "{}",
            runner.name
        );
        for step in runner.steps(&request) {
            let values = step.environment.iter().map(|(_, value)| value);
            for word in step.arguments.iter().chain(values) {
                assert!(!word.contains('{'), "{}: {word}", runner.name);
            }
        }
    }
}

#[test]
fn reports_of_several_files_become_one_and_none_stays_none() {
    let one = b"<?xml version=\"1.0\"?>\n<testsuite name=\"a\"/>".to_vec();
    let all = merged(&[one.clone(), one]);
    let all = String::from_utf8(all).expect("it is text");
    assert_eq!(
        all,
        "<testsuites>\n<testsuite name=\"a\"/>\n<testsuite name=\"a\"/></testsuites>"
    );
    assert!(merged(&[]).is_empty());
}
