//! Manifests, the lock file and the lints' settings.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::{Tree, Violation, line_of, relative};
use crate::workspace::{Metadata, Package};

/// What clippy must be told, so that functions fit a screen.
const FUNCTION_LINES: &str = "too-many-lines-threshold = 70";

/// The tables of a manifest that name dependencies.
const DEPENDENCY_TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

pub(super) fn check(
    metadata: &Metadata,
    tree: &Tree,
    violations: &mut Vec<Violation>,
) -> Result<()> {
    workspace_manifest(tree, violations)?;
    for package in metadata.members() {
        package_fields(package, tree, violations);
        member_manifest(package, tree, violations)?;
    }
    lock_file(tree, violations);
    let settings = tree.text(".cargo/clippy.toml").unwrap_or_default();
    if !settings.lines().any(|line| line == FUNCTION_LINES) {
        violations.push(Violation {
            path: ".cargo/clippy.toml".to_owned(),
            line: line_of(settings, "too-many-lines-threshold"),
            what: "functions are not held to 70 lines".to_owned(),
            remedy: "write `too-many-lines-threshold = 70`",
        });
    }
    Ok(())
}

/// A path dependency without a version cannot be published.
fn workspace_manifest(tree: &Tree, violations: &mut Vec<Violation>) -> Result<()> {
    let text = tree.text("Cargo.toml").unwrap_or_default();
    let manifest: Table = text.parse().context("understanding Cargo.toml")?;
    let dependencies = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    for (name, value) in dependencies.into_iter().flatten() {
        if value.get("path").is_some() && value.get("version").is_none() {
            violations.push(Violation {
                path: "Cargo.toml".to_owned(),
                line: line_of(text, &format!("{name} =")),
                what: format!("{name} is a path dependency without a version"),
                remedy: "give it the version beside the path",
            });
        }
    }
    Ok(())
}

fn package_fields(package: &Package, tree: &Tree, violations: &mut Vec<Violation>) {
    let fields = [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("repository", package.repository.is_some()),
    ];
    for (field, is_there) in fields {
        if !is_there {
            violations.push(Violation {
                path: relative(&tree.root, &package.manifest_path),
                line: 1,
                what: format!("the package has no {field}"),
                remedy: "add it, from the workspace where it is the same for all",
            });
        }
    }
}

fn member_manifest(package: &Package, tree: &Tree, violations: &mut Vec<Violation>) -> Result<()> {
    let path = relative(&tree.root, &package.manifest_path);
    let text = tree.text(&path).unwrap_or_default();
    let manifest: Table = text
        .parse()
        .with_context(|| format!("understanding {path}"))?;
    let lints = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    if lints != Some(&Value::Boolean(true)) {
        violations.push(Violation {
            path: path.clone(),
            line: line_of(text, "[lints"),
            what: "the crate is not under the workspace's lints".to_owned(),
            remedy: "write `[lints]` and `workspace = true`",
        });
    }
    let mut tables: Vec<&Table> = dependency_tables(&manifest);
    let targets = manifest.get("target").and_then(Value::as_table);
    for target in targets.into_iter().flat_map(Table::values) {
        tables.extend(target.as_table().map(dependency_tables).unwrap_or_default());
    }
    for (name, value) in tables.into_iter().flatten() {
        if value.get("workspace") != Some(&Value::Boolean(true)) {
            violations.push(Violation {
                path: path.clone(),
                line: line_of(text, name),
                what: format!("the version of {name} is not the workspace's"),
                remedy: "put the version into the root manifest and write `workspace = true` here",
            });
        }
    }
    Ok(())
}

fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    let tables = DEPENDENCY_TABLES.iter();
    tables
        .filter_map(|name| manifest.get(*name)?.as_table())
        .collect()
}

fn lock_file(tree: &Tree, violations: &mut Vec<Violation>) {
    let ignored = tree.text(".gitignore").unwrap_or_default();
    let is_ignored = ignored
        .lines()
        .any(|line| line.trim().trim_start_matches('/') == "Cargo.lock");
    if is_ignored || tree.text("Cargo.lock").is_none() {
        violations.push(Violation {
            path: "Cargo.lock".to_owned(),
            line: 1,
            what: "the lock file is not committed".to_owned(),
            remedy: "commit it and take it out of .gitignore",
        });
    }
}
