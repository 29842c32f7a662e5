use std::fs;
use std::path::Path;

use super::{Tree, Violation, decisions, fixtures, layers, licences, manifests, sources};
use crate::workspace::{self, Dependency, Metadata, Package};

/// The workspace itself is tidy; every other test shows that this one can fail.
#[test]
fn workspace_is_tidy() {
    let violations = super::check(workspace::root()).unwrap();
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

/// Lays files into an empty folder.
fn planted(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

fn places(violations: &[Violation]) -> Vec<String> {
    let mut places: Vec<String> = violations
        .iter()
        .map(|it| format!("{}:{}: {}", it.path, it.line, it.what))
        .collect();
    places.sort();
    places
}

/// Plants files and compares what the rules on sources and decisions find in them.
fn check_sources(files: &[(&str, &str)], expected: &[&str]) {
    let dir = planted(files);
    let tree = Tree::read(dir.path()).unwrap();
    let mut violations = Vec::new();
    sources::check(&tree, &mut violations);
    decisions::check(&tree, &mut violations);
    assert_eq!(places(&violations), expected);
}

#[test]
fn module_without_docs_is_found() {
    check_sources(
        &[
            ("crates/a/src/lib.rs", "//! Docs.\nmod b;\n"),
            ("crates/a/src/b.rs", "fn f() {}\n"),
            ("crates/a/src/b/tests.rs", "fn f() {}\n"),
            ("xtask/src/main.rs", "\n//! Too late.\n"),
        ],
        &[
            "crates/a/src/b.rs:1: the module has no docs",
            "xtask/src/main.rs:1: the module has no docs",
        ],
    );
}

#[test]
fn left_over_note_is_found_in_comments_only() {
    let note = ["FIX", "ME"].concat();
    let source = format!("//! Docs.\n// {note}: later\nfn f() -> &'static str {{ \"{note}\" }}\n");
    check_sources(
        &[("crates/a/src/lib.rs", &source)],
        &[&format!("crates/a/src/lib.rs:2: {note} was left over")],
    );
}

#[test]
fn lint_set_aside_without_reason_is_found() {
    check_sources(
        &[(
            "crates/a/src/lib.rs",
            "//! Docs.\n#![allow(dead_code)]\n#[expect(\n    dead_code,\n    reason = \"a [b]\"\n)]\nfn f() {}\n#[cfg_attr(test, allow(unused))]\nfn g() {}\n",
        )],
        &[
            "crates/a/src/lib.rs:2: a lint is set aside without a reason",
            "crates/a/src/lib.rs:8: a lint is set aside without a reason",
        ],
    );
}

#[test]
fn ignored_and_sleeping_tests_are_found() {
    check_sources(
        &[
            (
                "crates/a/tests/it/main.rs",
                "#[test]\n#[ignore = \"slow\"]\nfn f() { std::thread::sleep(D); }\n#[cfg_attr(miri, ignore)]\nfn g() {}\n",
            ),
            (
                "crates/a/src/lib.rs",
                "//! Docs.\nfn f() { thread::sleep(D) }\n",
            ),
        ],
        &[
            "crates/a/tests/it/main.rs:2: the test is ignored",
            "crates/a/tests/it/main.rs:3: a test sleeps",
            "crates/a/tests/it/main.rs:4: the test is ignored",
        ],
    );
}

#[test]
fn atomics_outside_of_the_door_are_found() {
    let uses = "//! Docs.\nuse std::sync::atomic::AtomicU8;\n// std::thread in words\nuse std::thread;\nstd::thread_local! {}\n";
    check_sources(
        &[
            ("crates/ringbuf/src/queue.rs", uses),
            ("crates/ringbuf/src/sync.rs", uses),
            ("crates/cli/src/main.rs", uses),
        ],
        &[
            "crates/ringbuf/src/queue.rs:2: std::sync::atomic is named outside of src/sync.rs",
            "crates/ringbuf/src/queue.rs:4: std::thread is named outside of src/sync.rs",
        ],
    );
}

#[test]
fn second_test_binary_and_missing_root_are_found() {
    check_sources(
        &[
            ("crates/a/tests/other.rs", ""),
            ("crates/b/tests/it/main.rs", ""),
            ("crates/b/tests/it/more.rs", ""),
        ],
        &[
            "crates/a/tests/it/main.rs:1: the crate's tests have no root",
            "crates/a/tests/other.rs:1: a second integration binary",
        ],
    );
}

#[test]
fn gaps_doubles_and_odd_names_of_decisions_are_found() {
    check_sources(
        &[
            ("crates/a/docs/adr/0001-one.md", ""),
            ("crates/a/docs/adr/0003-three.md", ""),
            ("crates/a/docs/adr/0003-three-again.md", ""),
            ("crates/a/docs/adr/notes.md", ""),
            ("crates/b/docs/adr/0001-one.md", ""),
            ("crates/b/docs/spec.md", ""),
        ],
        &[
            "crates/a/docs/adr/0003-three-again.md:1: the decision's number is 0003 where 0002 comes next",
            "crates/a/docs/adr/0003-three.md:1: the decision's number is 0003 where 0004 comes next",
            "crates/a/docs/adr/notes.md:1: a decision is not named NNNN-title.md",
        ],
    );
}

/// A package below the planted root, as cargo would describe it.
fn package(root: &Path, dir: &str, name: &str, uses: &[(&str, Option<&str>)]) -> Package {
    let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
        name: (*name).to_owned(),
        kind: kind.map(ToOwned::to_owned),
        path: None,
    };
    Package {
        id: name.to_owned(),
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        manifest_path: root.join(dir).join("Cargo.toml"),
        license: Some("MIT".to_owned()),
        description: Some("x".to_owned()),
        repository: Some("x".to_owned()),
        dependencies: uses.iter().map(dependency).collect(),
        ..Package::default()
    }
}

fn metadata(packages: Vec<Package>) -> Metadata {
    Metadata {
        workspace_members: packages.iter().map(|it| it.id.clone()).collect(),
        packages,
    }
}

#[test]
fn edge_upwards_sideways_or_to_the_program_is_found() {
    let dir = planted(&[(
        "crates/checkers/Cargo.toml",
        "\n[dependencies]\npipe = {}\n",
    )]);
    let root = dir.path();
    let all = metadata(vec![
        package(
            root,
            "crates/lang-detect",
            "detect",
            &[("tool", Some("dev"))],
        ),
        package(
            root,
            "crates/checkers",
            "check",
            &[("detect", None), ("pipe", None)],
        ),
        package(
            root,
            "crates/pipeline",
            "pipe",
            &[("check", None), ("detect", Some("dev"))],
        ),
        package(
            root,
            "crates/claude-flow",
            "facade",
            &[("pipe", None), ("check", None)],
        ),
        package(
            root,
            "crates/cli",
            "tool",
            &[("facade", None), ("serde", None)],
        ),
        package(root, "crates/brand-new", "new", &[]),
    ]);
    let mut violations = Vec::new();
    layers::check(&all, &Tree::read(root).unwrap(), &mut violations);
    assert_eq!(
        places(&violations),
        [
            "crates/brand-new/Cargo.toml:1: the crate brand-new is in no layer",
            "crates/checkers/Cargo.toml:3: checkers may not use pipeline",
            "crates/lang-detect/Cargo.toml:1: lang-detect may not use cli",
        ]
    );
}

#[test]
fn licence_outside_of_the_list_is_found() {
    let root = Path::new("/nowhere");
    let mut copyleft = package(root, "a", "copyleft", &[]);
    copyleft.license = Some("GPL-3.0-only".to_owned());
    let mut silent = package(root, "b", "silent", &[]);
    silent.license = None;
    let all = metadata(vec![copyleft, silent, package(root, "c", "fine", &[])]);
    let mut violations = Vec::new();
    licences::check(&all, &mut violations);
    assert_eq!(
        places(&violations),
        [
            "Cargo.lock:1: copyleft 0.1.0 is under GPL-3.0-only",
            "Cargo.lock:1: silent 0.1.0 names no licence",
        ]
    );
}

/// Plants a workspace of one crate and compares what the rules on manifests find in it.
fn check_manifests(files: &[(&str, &str)], mut described: Package, expected: &[&str]) {
    let dir = planted(files);
    described.manifest_path = dir.path().join("crates/a/Cargo.toml");
    let mut violations = Vec::new();
    let tree = Tree::read(dir.path()).unwrap();
    manifests::check(&metadata(vec![described]), &tree, &mut violations).unwrap();
    assert_eq!(places(&violations), expected);
}

#[test]
fn sound_manifests_are_left_alone() {
    check_manifests(
        &[
            (
                "Cargo.toml",
                "[workspace.dependencies]\na = { path = \"a\", version = \"1\" }\n",
            ),
            ("Cargo.lock", ""),
            (".cargo/clippy.toml", "too-many-lines-threshold = 70\n"),
            (
                "crates/a/Cargo.toml",
                "[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n",
            ),
        ],
        package(Path::new(""), "", "a", &[]),
        &[],
    );
}

#[test]
fn every_fault_of_a_manifest_is_found() {
    let mut bare = package(Path::new(""), "", "a", &[]);
    bare.description = None;
    bare.repository = None;
    check_manifests(
        &[
            (
                "Cargo.toml",
                "[workspace.dependencies]\n\na = { path = \"a\" }\n",
            ),
            ("Cargo.lock", ""),
            (".gitignore", "/target\n/Cargo.lock\n"),
            (".cargo/clippy.toml", "too-many-lines-threshold = 100\n"),
            (
                "crates/a/Cargo.toml",
                "[package]\n[target.'cfg(unix)'.dev-dependencies]\nlibc = \"0.2\"\n",
            ),
        ],
        bare,
        &[
            ".cargo/clippy.toml:1: functions are not held to 70 lines",
            "Cargo.lock:1: the lock file is not committed",
            "Cargo.toml:3: a is a path dependency without a version",
            "crates/a/Cargo.toml:1: the crate is not under the workspace's lints",
            "crates/a/Cargo.toml:1: the package has no description",
            "crates/a/Cargo.toml:1: the package has no repository",
            "crates/a/Cargo.toml:3: the version of libc is not the workspace's",
        ],
    );
}

#[test]
fn manifest_and_fixtures_disagreeing_is_found_both_ways() {
    let manifest = r#"
[[set]]
path = "checkers/broken"
source = "written for it"
licence = "MIT"
made = ""
expected = "one error"

[[set]]
path = "gone"
source = "x"
licence = "x"
made = "x"
expected = "x"

[[file]]
path = "checkers/broken/go/a.go"
special = "x"
reference = "x"
line = 9

[[file]]
path = "checkers/broken/go/missing.go"
special = "x"
reference = "x"
line = 1

[[file]]
path = "checkers/broken/go/c.go"
special = "x"
reference = " "
"#;
    let dir = planted(&[
        ("fixtures/MANIFEST.toml", manifest),
        ("fixtures/corpora.toml", ""),
        ("fixtures/checkers/broken/go/a.go", "one\n"),
        ("fixtures/checkers/broken/go/b.go", ""),
        ("fixtures/checkers/broken/go/c.go", ""),
        ("fixtures/other/d.go", ""),
    ]);
    let mut violations = Vec::new();
    fixtures::check(dir.path(), &mut violations).unwrap();
    assert_eq!(
        places(&violations),
        [
            "fixtures/MANIFEST.toml:10: the set fixtures/gone has no file",
            "fixtures/MANIFEST.toml:17: checkers/broken/go/a.go has no line 9",
            "fixtures/MANIFEST.toml:23: fixtures/checkers/broken/go/missing.go is listed and not there",
            "fixtures/MANIFEST.toml:29: checkers/broken/go/c.go does not say what makes it special or who says so",
            "fixtures/MANIFEST.toml:29: checkers/broken/go/c.go must name a line if it is broken, and only then",
            "fixtures/MANIFEST.toml:3: the set checkers/broken does not say all that is asked",
            "fixtures/checkers/broken/go/b.go:1: the fixture is not listed, its neighbours are",
            "fixtures/other/d.go:1: the fixture is in no set",
        ]
    );
}
