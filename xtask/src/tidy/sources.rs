//! Rules on the text of Rust sources.

use std::collections::BTreeSet;

use super::rust_text::{self, Parts};
use super::{TextFile, Tree, Violation};

/// Crates with unsafe code, whose atomics, cells and threads come through `src/sync.rs`.
const BEHIND_THE_DOOR: &[&str] = &["ringbuf", "msgpool", "eventbus", "executor"];

/// What only the door may name.
const DOOR_PATHS: &[&str] = &[
    "std::sync::atomic",
    "core::sync::atomic",
    "std::cell::UnsafeCell",
    "core::cell::UnsafeCell",
    "std::thread",
];

/// Notes that are to be done or filed, not committed.
const LEFT_OVERS: &[&str] = &["FIXME", "XXX", "TODO"];

pub(super) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    for file in tree.rust() {
        let parts = rust_text::split(&file.text);
        module_docs(file, violations);
        left_overs(file, &parts, violations);
        attributes(file, &parts, violations);
        if is_test(&file.path) {
            sleeps(file, &parts, violations);
        }
        sync_door(file, &parts, violations);
    }
    test_layout(tree, violations);
}

/// `crates/x/src/…`, `xtask/src/…`, `benches/src/…`.
fn is_in_src(path: &str) -> bool {
    path.starts_with("xtask/src/")
        || path.starts_with("benches/src/")
        || (path.starts_with("crates/") && path.split('/').nth(2) == Some("src"))
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/loom_tests.rs")
}

fn module_docs(file: &TextFile, violations: &mut Vec<Violation>) {
    let is_exempt = is_test(&file.path);
    if is_in_src(&file.path) && !is_exempt && !file.text.starts_with("//!") {
        violations.push(Violation {
            path: file.path.clone(),
            line: 1,
            what: "the module has no docs".to_owned(),
            remedy: "begin the file with `//!` and one sentence on what it holds",
        });
    }
}

fn left_overs(file: &TextFile, parts: &Parts, violations: &mut Vec<Violation>) {
    for (index, line) in parts.comments.lines().enumerate() {
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        if let Some(word) = words.find(|word| LEFT_OVERS.contains(word)) {
            violations.push(Violation {
                path: file.path.clone(),
                line: index + 1,
                what: format!("{word} was left over"),
                remedy: "do it now, or say in the README's limits that it is missing",
            });
        }
    }
}

/// `#[allow(…)]` and `#[expect(…)]` say why; no test is ignored.
fn attributes(file: &TextFile, parts: &Parts, violations: &mut Vec<Violation>) {
    for (start, _) in parts.code.match_indices("#[") {
        report_attribute(file, &parts.code, start, start + 2, violations);
    }
    for (start, _) in parts.code.match_indices("#![") {
        report_attribute(file, &parts.code, start, start + 3, violations);
    }
}

fn report_attribute(
    file: &TextFile,
    code: &str,
    start: usize,
    body_start: usize,
    violations: &mut Vec<Violation>,
) {
    let body = attribute_body(&code[body_start..]);
    let squeezed: String = body.split_whitespace().collect();
    let is_lint = ["allow(", "expect("]
        .iter()
        .any(|name| squeezed.starts_with(name) || squeezed.contains(&format!(",{name}")));
    let mut report = |what: &str, remedy| {
        violations.push(Violation {
            path: file.path.clone(),
            line: code[..start].matches('\n').count() + 1,
            what: what.to_owned(),
            remedy,
        });
    };
    if is_lint && !squeezed.contains("reason=") {
        report(
            "a lint is set aside without a reason",
            "write `#[expect(lint, reason = \"…\")]`, or follow the lint",
        );
    }
    let is_ignore = squeezed == "ignore" || squeezed.starts_with("ignore=");
    let is_conditional = squeezed.starts_with("cfg_attr(") && squeezed.contains(",ignore");
    if is_ignore || is_conditional {
        report(
            "the test is ignored",
            "make it pass or remove it; what it needs it asks for",
        );
    }
}

/// The text of an attribute up to the bracket that closes it.
fn attribute_body(rest: &str) -> &str {
    let mut depth = 1_usize;
    for (index, byte) in rest.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[..index];
        }
    }
    rest
}

fn sleeps(file: &TextFile, parts: &Parts, violations: &mut Vec<Violation>) {
    for (index, line) in parts.code.lines().enumerate() {
        if line.contains("thread::sleep") || line.contains("sleep(Duration") {
            violations.push(Violation {
                path: file.path.clone(),
                line: index + 1,
                what: "a test sleeps".to_owned(),
                remedy: "wait on a condition with a bound",
            });
        }
    }
}

fn sync_door(file: &TextFile, parts: &Parts, violations: &mut Vec<Violation>) {
    let mut steps = file.path.split('/');
    let is_behind = steps.next() == Some("crates")
        && steps
            .next()
            .is_some_and(|name| BEHIND_THE_DOOR.contains(&name))
        && steps.next() == Some("src");
    if !is_behind || steps.eq(["sync.rs"]) {
        return;
    }
    for (index, line) in parts.code.lines().enumerate() {
        if let Some(name) = DOOR_PATHS.iter().find(|path| names(line, path)) {
            violations.push(Violation {
                path: file.path.clone(),
                line: index + 1,
                what: format!("{name} is named outside of src/sync.rs"),
                remedy: "take it from `crate::sync`, so that loom sees it",
            });
        }
    }
}

/// Whether a line of code names a path, and not one that only begins like it (`std::thread_local`).
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let after = line[start + path.len()..].chars().next();
        !after.is_some_and(|it| it.is_alphanumeric() || it == '_')
    })
}

/// One integration binary a crate: `tests/it/main.rs`, and nothing beside `it`.
fn test_layout(tree: &Tree, violations: &mut Vec<Violation>) {
    let mut crates_with_tests = BTreeSet::new();
    for file in tree.rust() {
        let steps: Vec<&str> = file.path.split('/').collect();
        let ["crates", name, "tests", inner @ ..] = steps.as_slice() else {
            continue;
        };
        crates_with_tests.insert((*name).to_owned());
        if inner.len() == 1 {
            violations.push(Violation {
                path: file.path.clone(),
                line: 1,
                what: "a second integration binary".to_owned(),
                remedy: "make it a module of tests/it/main.rs",
            });
        }
    }
    for name in crates_with_tests {
        let main = format!("crates/{name}/tests/it/main.rs");
        if tree.text(&main).is_none() {
            violations.push(Violation {
                path: main,
                line: 1,
                what: "the crate's tests have no root".to_owned(),
                remedy: "move them below tests/it and name them there",
            });
        }
    }
}
