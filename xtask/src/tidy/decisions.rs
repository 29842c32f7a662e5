//! Decisions are numbered from 0001 without gaps and doubles, crate by crate.

use std::collections::BTreeMap;

use super::{Tree, Violation};

pub(super) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    let mut folders = BTreeMap::<&str, Vec<(&str, &str)>>::new();
    for file in &tree.files {
        if let Some((folder, name)) = file.path.rsplit_once('/')
            && folder.ends_with("docs/adr")
        {
            folders.entry(folder).or_default().push((name, &file.path));
        }
    }
    // Within a folder the names come in order, since the tree is read in order.
    for files in folders.values() {
        let mut expected = 1;
        for (name, path) in files {
            let Some(number) = number(name) else {
                violations.push(Violation {
                    path: (*path).to_owned(),
                    line: 1,
                    what: "a decision is not named NNNN-title.md".to_owned(),
                    remedy: "rename it, with the next free number",
                });
                continue;
            };
            if number != expected {
                violations.push(Violation {
                    path: (*path).to_owned(),
                    line: 1,
                    what: format!(
                        "the decision's number is {number:04} where {expected:04} comes next"
                    ),
                    remedy: "number decisions without gaps and doubles",
                });
            }
            expected = number + 1;
        }
    }
}

fn number(name: &str) -> Option<u32> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_well_formed = digits.len() == 4
        && !title.is_empty()
        && title
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_well_formed.then(|| digits.parse().ok()).flatten()
}
