//! Every dependency's licence is one that we can ship under.

use super::Violation;
use crate::workspace::{Metadata, Package};

/// Licences that ask for no more than their text and, with MPL-2.0, for the changes made to its own files.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

pub(super) fn check(metadata: &Metadata, violations: &mut Vec<Violation>) {
    for package in &metadata.packages {
        if let Some(what) = objection(package) {
            violations.push(Violation {
                path: "Cargo.lock".to_owned(),
                line: 1,
                what,
                remedy: "drop the dependency, or add the licence to xtask/src/tidy/licences.rs if it can be shipped",
            });
        }
    }
}

fn objection(package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    match (&package.license, &package.license_file) {
        (Some(licence), _) if is_allowed(licence) => None,
        (Some(licence), _) => Some(format!("{name} {version} is under {licence}")),
        (None, Some(file)) => Some(format!(
            "{name} {version} has a licence of its own, {}",
            file.display()
        )),
        (None, None) => Some(format!("{name} {version} names no licence")),
    }
}

/// Evaluates an SPDX expression, in which old manifests write `/` for `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let value = any_of(&mut rest);
    value && rest.is_empty()
}

fn any_of(words: &mut &[&str]) -> bool {
    let mut value = all_of(words);
    while let ["OR", rest @ ..] = words {
        *words = rest;
        // Not short-circuited: the other side must be read either way.
        value |= all_of(words);
    }
    value
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut value = one(words);
    while let ["AND", rest @ ..] = words {
        *words = rest;
        value &= one(words);
    }
    value
}

fn one(words: &mut &[&str]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let value = any_of(words);
            let ends = matches!(words, [")", ..]);
            *words = words.get(1..).unwrap_or_default();
            value && ends
        }
        [name, "WITH", exception, rest @ ..] => {
            *words = rest;
            ALLOWED.contains(&format!("{name} WITH {exception}").as_str())
        }
        [name, rest @ ..] => {
            *words = rest;
            ALLOWED.contains(name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for (expression, expected) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("MIT OR Apache-2.0 OR LGPL-2.1-or-later", true),
            ("GPL-3.0-only", false),
            ("MIT AND GPL-3.0-only", false),
            ("(GPL-2.0-only OR MIT) AND AGPL-3.0-only", false),
            ("GPL-2.0-only WITH Classpath-exception-2.0", false),
            ("(MIT", false),
            ("MIT MIT", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression), expected, "{expression}");
        }
    }
}
