//! Who may depend on whom.

use std::path::Path;

use super::{Tree, Violation, line_of, relative};
use crate::workspace::{Metadata, Package};

/// Layer, crate, and the crates of ours that it may use in its library or program.
const LAYERS: &[(u8, &str, &[&str])] = &[
    (0, "ringbuf", &[]),
    (0, "lang-detect", &[]),
    (0, "consensus", &[]),
    (0, "sandbox", &[]),
    (1, "msgpool", &["ringbuf"]),
    (1, "checkers", &["lang-detect"]),
    (1, "consensus-node", &["consensus"]),
    (2, "eventbus", &["msgpool", "ringbuf"]),
    (2, "executor", &["ringbuf", "sandbox"]),
    (
        3,
        "pipeline",
        &["checkers", "lang-detect", "sandbox", "executor", "eventbus"],
    ),
    (3, "certify", &["consensus"]),
];

/// The facade uses every crate of the layers below it.
const FACADE: &str = "claude-flow";

/// People and measurement: they may use everything, nothing may use them.
const TOPS: &[&str] = &["cli", "xtask", "benches"];

const REMEDY: &str = "remove the edge, or write a decision and add it to the table in \
                      xtask/src/tidy/layers.rs in the same commit";

pub(super) fn check(metadata: &Metadata, tree: &Tree, violations: &mut Vec<Violation>) {
    let members: Vec<&Package> = metadata.members().collect();
    for package in &members {
        let manifest = relative(&tree.root, &package.manifest_path);
        let text = tree.text(&manifest).unwrap_or_default();
        let name = dir_name(package);
        if !is_known(name) {
            violations.push(Violation {
                path: manifest.clone(),
                line: line_of(text, "name ="),
                what: format!("the crate {name} is in no layer"),
                remedy: "add it to the table in xtask/src/tidy/layers.rs",
            });
            continue;
        }
        // Tests may look at more than the code that they test may use, but never at the tops.
        for dependency in &package.dependencies {
            let Some(used) = members.iter().find(|member| member.name == dependency.name) else {
                continue;
            };
            let used = dir_name(used);
            let is_for_tests = dependency.kind.as_deref() == Some("dev");
            let is_allowed = if is_for_tests {
                !TOPS.contains(&used)
            } else {
                may_use(name, used)
            };
            if !is_allowed {
                violations.push(Violation {
                    path: manifest.clone(),
                    line: line_of(text, &dependency.name),
                    what: format!("{name} may not use {used}"),
                    remedy: REMEDY,
                });
            }
        }
    }
}

/// The name of the package's folder, by which the table calls it.
fn dir_name(package: &Package) -> &str {
    let dir = package.manifest_path.parent().and_then(Path::file_name);
    dir.and_then(|name| name.to_str()).unwrap_or(&package.name)
}

fn is_known(name: &str) -> bool {
    name == FACADE || TOPS.contains(&name) || LAYERS.iter().any(|(_, it, _)| *it == name)
}

fn may_use(name: &str, used: &str) -> bool {
    if TOPS.contains(&used) {
        return false;
    }
    if TOPS.contains(&name) {
        return true;
    }
    if name == FACADE {
        return used != FACADE;
    }
    LAYERS
        .iter()
        .find(|(_, it, _)| *it == name)
        .is_some_and(|(_, _, uses)| uses.contains(&used))
}

#[cfg(test)]
mod tests {
    use super::LAYERS;

    /// A table with an edge upwards would bless what it is there to forbid.
    #[test]
    fn every_edge_of_the_table_goes_downwards() {
        for (layer, name, uses) in LAYERS {
            for used in *uses {
                let found = LAYERS.iter().find(|(_, it, _)| it == used);
                let (below, ..) = found.expect("the table names only crates that it holds");
                assert!(below < layer, "{name} uses {used}");
            }
        }
    }
}
