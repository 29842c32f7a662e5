//! `claude-flow detect`.

use crate::program::Project;

#[test]
fn files_are_told_with_their_flags() {
    let project = Project::new();
    project.write("a.py", "print(1)\n");
    project.write("Cargo.lock", "version = 4\n");
    project.write("odd", "buy milk\n");
    let ended = project
        .run(&["detect", "a.py", "Cargo.lock", "odd"])
        .expect_code(0);
    assert_eq!(
        ended.stdout,
        "a.py: Python\nCargo.lock: TOML (generated, lock file)\nodd: not sure\n"
    );
}

#[test]
fn explanations_name_evidence_and_what_else_it_could_be() {
    let project = Project::new();
    project.write("include/a.h", "int f(void);\n");
    let ended = project
        .run(&["detect", "--explain", "include/a.h"])
        .expect_code(0);
    assert_eq!(
        ended.stdout,
        "include/a.h: C\n  decided by: content\n  confidence: low\n  could also be: C++, Objective-C\n"
    );
}

#[test]
fn json_says_what_the_project_says() {
    let project = Project::new();
    project.write(".git/HEAD", "");
    project.write(".gitattributes", "*.inc linguist-language=Pascal\n");
    project.write("src/a.inc", "x\n");
    project.write("src/b.h", "int f(void);\n");
    project.write("src/b.cpp", "");
    project.write("lib/c.h", "int f(void);\n");
    project.write(
        "build/compile_commands.json",
        r#"[{"file": "c.cc", "command": "c++ -c c.cc"}]"#,
    );
    let document = project
        .run(&[
            "detect",
            "--format",
            "json",
            "--explain",
            "src/a.inc",
            "src/b.h",
            "lib/c.h",
        ])
        .expect_code(0)
        .json();
    assert_eq!(document["schema_version"], 1);
    let told = |index: usize| {
        let file = &document["files"][index];
        (
            file["language"].as_str().map(str::to_owned),
            file["explanation"]["evidence"].as_str().map(str::to_owned),
        )
    };
    let expected =
        |language: &str, evidence: &str| (Some(language.to_owned()), Some(evidence.to_owned()));
    assert_eq!(told(0), expected("Pascal", "override"));
    assert_eq!(told(1), expected("C++", "compile commands"));
    assert_eq!(told(2), expected("C++", "compile commands"));
    let plain = project
        .run(&["detect", "--format", "json", "src/a.inc"])
        .expect_code(0)
        .json();
    assert!(plain["files"][0].get("explanation").is_none());
}

#[test]
fn what_is_no_file_is_an_error() {
    let project = Project::new();
    project.write("a/b.py", "");
    let cases: [(&[&str], &str); 2] = [
        (&["detect", "missing"], "missing"),
        (
            &["detect", "a/b.py", "a"],
            "a is a directory; name it alone",
        ),
    ];
    for (arguments, said) in cases {
        let ended = project.run(arguments).expect_code(2);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn projects_of_a_directory_are_told_with_the_command_that_tests_them() {
    let project = Project::new();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
    );
    project.write("src/lib.rs", "");
    for arguments in [&["detect"][..], &["detect", "."]] {
        let ended = project.run(arguments).expect_code(0);
        assert!(ended.stdout.contains("cargo test"), "{}", ended.stdout);
    }
    let json = project
        .run(&["detect", ".", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(json["projects"].as_array().map(Vec::len), Some(1), "{json}");
}
