//! Where unsafe code is, and whether each piece of it argues why it is sound.
//!
//! Clippy asks the same of what it compiles; this asks it of the text, also under switches and on other
//! systems, in no time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::tidy::rust_text;
use crate::tidy::{Tree, Violation};

/// The crates that may have unsafe code.
const MAY: &[&str] = &["ringbuf", "msgpool", "eventbus", "executor", "sandbox"];

/// How many lines above a piece of unsafe code its comment may begin.
const REACH: usize = 12;

/// What was found.
pub(super) struct Inventory {
    /// Blocks and implementations, by crate.
    counts: BTreeMap<String, (usize, usize)>,
    pub(super) violations: Vec<Violation>,
}

impl Inventory {
    /// One line for each crate.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        for (name, (blocks, impls)) in &self.counts {
            let _ = writeln!(text, "{name}: {blocks} blocks, {impls} implementations");
        }
        text
    }
}

/// Looks at the libraries' and programs' sources. Tests, benches and docs are not part of what is shipped.
pub(super) fn inventory(tree: &Tree) -> Inventory {
    let mut inventory = Inventory {
        counts: BTreeMap::new(),
        violations: Vec::new(),
    };
    for file in tree.rust() {
        let mut steps = file.path.split('/');
        let (top, name, src) = (steps.next(), steps.next(), steps.next());
        let (Some("crates"), Some(name), Some("src")) = (top, name, src) else {
            continue;
        };
        let parts = rust_text::split(&file.text);
        let comments: Vec<&str> = parts.comments.lines().collect();
        let code: Vec<&str> = parts.code.lines().collect();
        for (index, line) in code.iter().enumerate() {
            let Some(is_impl) = unsafe_in(line, code.get(index + 1).copied()) else {
                continue;
            };
            let count = inventory.counts.entry(name.to_owned()).or_default();
            if is_impl {
                count.1 += 1;
            } else {
                count.0 += 1;
            }
            let mut report = |what: &str, remedy| {
                inventory.violations.push(Violation {
                    path: file.path.clone(),
                    line: index + 1,
                    what: what.to_owned(),
                    remedy,
                });
            };
            if !MAY.contains(&name) {
                report(
                    "unsafe code where there may be none",
                    "do it without, or write a decision and name the crate in xtask/src/certify/unsafe_code.rs",
                );
            }
            let first = index.saturating_sub(REACH);
            if !comments[first..=index]
                .iter()
                .any(|it| it.contains("SAFETY:"))
            {
                report(
                    "unsafe code without a SAFETY comment",
                    "write above it which invariant makes it sound, and where that is established",
                );
            }
        }
    }
    inventory.violations.sort();
    inventory
}

/// Whether a line of code opens an unsafe block (`false`) or implementation (`true`).
fn unsafe_in(line: &str, next: Option<&str>) -> Option<bool> {
    let (start, _) = line.match_indices("unsafe").find(|(start, word)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let before = line[..*start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })?;
    let rest = line[start + "unsafe".len()..].trim_start();
    if rest.starts_with("impl") {
        return Some(true);
    }
    let opens = |text: &str| text.trim_start().starts_with('{');
    (opens(rest) || rest.is_empty() && next.is_some_and(opens)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::inventory;
    use crate::tidy::{TextFile, Tree};
    use crate::workspace;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let tree = Tree {
            root: "/".into(),
            files: vec![TextFile {
                path: path.to_owned(),
                text: text.to_owned(),
            }],
        };
        let found = inventory(&tree).violations;
        let found: Vec<String> = found
            .iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn unsafe_code_argues_and_is_where_it_may_be() {
        let ring = "crates/ringbuf/src/spsc.rs";
        let block = "let a = unsafe { *p };\n";
        check(ring, &format!("// SAFETY: p is ours.\n{block}"), &[]);
        check(ring, block, &["1: unsafe code without a SAFETY comment"]);
        check(
            ring,
            "unsafe impl Send for A {}\n",
            &["1: unsafe code without a SAFETY comment"],
        );
        check(
            ring,
            "unsafe\n{\n}\n",
            &["1: unsafe code without a SAFETY comment"],
        );
        // No unsafe code, or only a contract for it.
        check(
            ring,
            "// unsafe { }\nlet a = \"unsafe { }\";\nunsafe fn f() {}\nlet unsafe_a = 1;\n",
            &[],
        );
        check(
            ring,
            &format!("// SAFETY: far away.\n{}{block}", "\n".repeat(20)),
            &["22: unsafe code without a SAFETY comment"],
        );
        check(
            "crates/checkers/src/a.rs",
            &format!("// SAFETY: p is ours.\n{block}"),
            &["2: unsafe code where there may be none"],
        );
        check("crates/checkers/tests/it/a.rs", block, &[]);
    }

    /// The workspace itself passes, and has some: a search that finds nothing would pass too.
    #[test]
    fn workspace_argues_for_its_unsafe_code() {
        let found = inventory(&Tree::read(workspace::root()).unwrap());
        assert!(found.counts["ringbuf"].0 > 50, "{}", found.table());
        let lines: Vec<String> = found.violations.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}
