//! Reads manifests: what a project depends on, what its scripts run, who its members are.
//!
//! Every reader is bounded by the text's length, recurses nowhere of its own, and says what it
//! could not understand instead of leaving it out in silence.

mod gradle;
mod ini;
mod json;
mod maven;
mod msbuild;
mod plain;
mod pyproject;
mod toml;

use super::commands;
use super::glob;

/// How many dependencies of one manifest are looked at.
const DEPENDENCIES_MAX: usize = 5_000;

/// How many members one manifest may declare.
const MEMBERS_MAX: usize = 5_000;

/// The files of continuous integration, relative to the project.
const INTEGRATION: &[&str] = &[
    ".appveyor.yml",
    ".builds/*.yml",
    ".circleci/config.yml",
    ".cirrus.yml",
    ".github/workflows/*.{yml,yaml}",
    ".gitlab-ci.yml",
    ".travis.yml",
];

/// A structured manifest, kept to be asked for keys.
#[derive(Debug)]
pub(super) enum Document {
    Json(serde_json::Value),
    Toml(::toml::Table),
}

/// What kind of dependency it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DependencyKind {
    /// There when the program runs.
    Runtime,
    /// For development, tests and building, or kept ready for members.
    Other,
}

/// Something that a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) family: &'static str,
    pub(super) name: String,
    /// What the manifest asks for, as it is written there.
    pub(super) requirement: String,
    pub(super) kind: DependencyKind,
}

/// What one manifest says.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// The name that the project has in its ecosystem.
    pub(super) name: Option<String>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) scripts: Vec<(String, String)>,
    /// Command lines, normalised.
    pub(super) commands: Vec<String>,
    /// Directories of members, relative to the manifest, possibly with `*`.
    pub(super) members: Vec<String>,
    pub(super) excluded: Vec<String>,
    /// The ecosystem's family, for members and names.
    pub(super) family: &'static str,
    pub(super) document: Option<Document>,
    /// What could not be understood.
    pub(super) problem: Option<String>,
}

impl Manifest {
    fn of(family: &'static str) -> Self {
        Self {
            family,
            ..Self::default()
        }
    }

    fn broken(family: &'static str, problem: &impl ToString) -> Self {
        // Parsers quote the line; the first is enough, and bounded.
        let text = problem.to_string();
        let mut text: String = text.lines().next().unwrap_or_default().to_owned();
        text.truncate(text.floor_char_boundary(200));
        Self {
            problem: Some(text),
            ..Self::of(family)
        }
    }

    fn depends(&mut self, name: &str, requirement: &str, kind: DependencyKind) {
        if self.dependencies.len() < DEPENDENCIES_MAX && !name.is_empty() {
            self.dependencies.push(Dependency {
                family: self.family,
                name: name.to_owned(),
                requirement: requirement.to_owned(),
                kind,
            });
        }
    }

    fn has_script(&mut self, name: &str, command: &str) {
        if self.scripts.len() < DEPENDENCIES_MAX {
            self.scripts.push((name.to_owned(), command.to_owned()));
            for found in commands::in_line(command) {
                // `build> tsc` is the command tsc within the script build.
                self.commands.push(format!("{name}> {found}"));
                self.commands.push(found);
            }
        }
    }

    fn has_member(&mut self, pattern: &str) {
        if self.members.len() < MEMBERS_MAX {
            self.members.push(pattern.to_owned());
        }
    }
}

/// Reads a file of a project; `None` if it is none that any reader knows.
///
/// `path` is relative to the project's directory.
pub(super) fn read(path: &str, text: &str) -> Option<Manifest> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let manifest = match name {
        "package.json" => json::package(text),
        "composer.json" => json::composer(text),
        "deno.json" | "deno.jsonc" => json::deno(text),
        "lerna.json" => json::lerna(text),
        "rush.json" => json::rush(text),
        "pnpm-workspace.yaml" => plain::pnpm_workspace(text),
        "Cargo.toml" => toml::cargo(text),
        "Pipfile" => toml::pipfile(text),
        "hatch.toml" => toml::hatch(text),
        "pyproject.toml" => pyproject::read(text),
        "libs.versions.toml" => toml::gradle_catalogue(text),
        "tox.ini" | "setup.cfg" => ini::read(text),
        "setup.py" => plain::setup_py(text),
        "go.mod" => plain::go_mod(text),
        "go.work" => plain::go_work(text),
        "pom.xml" => maven::read(text),
        "Gemfile" => plain::ruby(text),
        "Package.swift" => plain::swift(text),
        "mix.exs" => plain::mix(text),
        "Directory.Packages.props" | "Directory.Build.props" => msbuild::project(text),
        "global.json" | "turbo.json" | "nx.json" | "biome.json" | ".c8rc.json" | ".nycrc" => {
            json::other(text)
        }
        _ => return by_ending(path, name, text),
    };
    Some(manifest)
}

fn by_ending(path: &str, name: &str, text: &str) -> Option<Manifest> {
    let is = |pattern: &str| glob::name_matches(pattern, name);
    if is("*.gradle") || is("*.gradle.kts") {
        return Some(gradle::read(text));
    }
    if is("*.gemspec") {
        return Some(plain::ruby(text));
    }
    if is("*.csproj") || is("*.props") {
        return Some(msbuild::project(text));
    }
    if is("*.sln") || is("*.slnx") {
        return Some(msbuild::solution(text));
    }
    if is("*requirements*.txt") || path.starts_with("requirements/") {
        // A file of requirements beside the main one is for an occasion: tests, an extra.
        let is_main = is("requirements.txt")
            || is("{base,common,core,default,install,main,prod,production,runtime}.txt");
        let kind = if is_main {
            DependencyKind::Runtime
        } else {
            DependencyKind::Other
        };
        return Some(plain::requirements(text, kind));
    }
    // Settings of other tools are in YAML too: only continuous integration runs commands.
    let is_integration = is("*.{yml,yaml}")
        && path.starts_with('.')
        && INTEGRATION
            .iter()
            .any(|pattern| glob::path_matches(pattern, path))
        || matches!(
            name,
            "appveyor.yml" | "azure-pipelines.yml" | "Taskfile.yml"
        );
    let is_script =
        is("*akefile*") || is("*.sh") || matches!(name, "justfile" | "Justfile" | "noxfile.py");
    if is_integration || is_script {
        let mut manifest = Manifest::of("");
        manifest.commands = if is("noxfile.py") {
            commands::in_nox(text)
        } else {
            commands::in_text(text)
        };
        return Some(manifest);
    }
    None
}

/// The value of a dotted key as text; of a table or a list, an empty text.
pub(super) fn value_of(document: &Document, key: &str) -> Option<String> {
    match document {
        Document::Json(value) => {
            let found = key
                .split('.')
                .try_fold(value, |value, part| value.as_object()?.get(part))?;
            Some(found.as_str().map(str::to_owned).unwrap_or_default())
        }
        Document::Toml(table) => {
            let (folders, last) = key.rsplit_once('.').unwrap_or(("", key));
            let table = folders
                .split('.')
                .filter(|part| !part.is_empty())
                .try_fold(table, |table, part| table.get(part)?.as_table())?;
            let found = table.get(last)?;
            Some(found.as_str().map(str::to_owned).unwrap_or_default())
        }
    }
}
