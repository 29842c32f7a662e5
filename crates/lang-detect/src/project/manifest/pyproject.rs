//! `pyproject.toml`, as its standards and the tools of Python use it.

use toml::{Table, Value};

use super::toml::{at, parsed, tables, texts};
use super::{DependencyKind, Document, Manifest};
use crate::project::commands;

/// How deep lists of commands are looked into.
const DEPTH_MAX: usize = 6;

pub(super) fn read(text: &str) -> Manifest {
    let (mut manifest, table) = match parsed("python", text) {
        Ok(parsed) => parsed,
        Err(broken) => return *broken,
    };
    let name = at(&table, "project.name").or_else(|| at(&table, "tool.poetry.name"));
    manifest.name = name.and_then(Value::as_str).map(str::to_owned);
    for requirement in texts(at(&table, "project.dependencies")) {
        requires(&mut manifest, requirement, DependencyKind::Runtime);
    }
    for list in ["build-system.requires", "tool.uv.dev-dependencies"] {
        for requirement in texts(at(&table, list)) {
            requires(&mut manifest, requirement, DependencyKind::Other);
        }
    }
    for group in [
        "project.optional-dependencies",
        "dependency-groups",
        "tool.pdm.dev-dependencies",
    ] {
        let group = at(&table, group).and_then(Value::as_table);
        for (_, list) in group.into_iter().flat_map(|group| group.iter()) {
            for requirement in texts(Some(list)) {
                requires(&mut manifest, requirement, DependencyKind::Other);
            }
        }
    }
    poetry(&mut manifest, &table);
    if let Some(hatch) = at(&table, "tool.hatch").and_then(Value::as_table) {
        hatch_environments(&mut manifest, hatch);
    }
    for member in texts(at(&table, "tool.uv.workspace.members")) {
        manifest.has_member(member);
    }
    let excluded = texts(at(&table, "tool.uv.workspace.exclude")).map(str::to_owned);
    manifest.excluded.extend(excluded);
    for tasks in [
        "tool.tox",
        "tool.poe.tasks",
        "tool.pdm.scripts",
        "tool.taskipy.tasks",
    ] {
        if let Some(tasks) = at(&table, tasks) {
            tasks_of(&mut manifest, tasks, DEPTH_MAX);
        }
    }
    manifest.document = Some(Document::Toml(table));
    manifest
}

fn poetry(manifest: &mut Manifest, table: &Table) {
    let groups = tables(at(table, "tool.poetry.group"))
        .filter_map(|group| group.get("dependencies")?.as_table())
        .map(|dependencies| (dependencies, DependencyKind::Other));
    let others = [
        ("tool.poetry.dependencies", DependencyKind::Runtime),
        ("tool.poetry.dev-dependencies", DependencyKind::Other),
    ];
    let others = others
        .into_iter()
        .filter_map(|(key, kind)| Some((at(table, key)?.as_table()?, kind)));
    for (dependencies, kind) in groups.chain(others) {
        for (name, value) in dependencies {
            let version = value.as_str().or_else(|| value.get("version")?.as_str());
            manifest.depends(&normal(name), version.unwrap_or_default(), kind);
        }
    }
}

/// The environments of hatch: their dependencies and scripts.
pub(super) fn hatch_environments(manifest: &mut Manifest, hatch: &Table) {
    for environment in tables(hatch.get("envs")) {
        for list in ["dependencies", "extra-dependencies"] {
            for requirement in texts(environment.get(list)) {
                requires(manifest, requirement, DependencyKind::Other);
            }
        }
        if let Some(scripts) = environment.get("scripts") {
            tasks_of(manifest, scripts, DEPTH_MAX);
        }
    }
}

/// Everything in a tree of tasks that reads like a command line: texts, and lists of words.
fn tasks_of(manifest: &mut Manifest, value: &Value, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::String(line) => manifest.commands.extend(commands::in_text(line)),
        Value::Array(list) => {
            let words: Vec<&str> = list.iter().map_while(Value::as_str).collect();
            manifest
                .commands
                .extend(commands::in_line(&words.join(" ")));
            for inner in list {
                tasks_of(manifest, inner, depth - 1);
            }
        }
        Value::Table(table) => {
            for (_, inner) in table {
                tasks_of(manifest, inner, depth - 1);
            }
        }
        _ => {}
    }
}

/// A requirement as in `name[extra] >=1; marker`.
pub(super) fn requires(manifest: &mut Manifest, requirement: &str, kind: DependencyKind) {
    let requirement = requirement.trim();
    let end = requirement
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(requirement.len());
    let (name, rest) = requirement.split_at(end);
    let rest = rest.trim_start();
    let rest = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map_or(rest, |(_, rest)| rest);
    let version = rest.split([';', '#']).next().unwrap_or_default().trim();
    manifest.depends(&normal(name), version, kind);
}

/// A package's name as the standard compares it.
fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}
