//! Makes `tables.rs` of the data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::{Ended, workspace};

const DATA: &str = "crates/lang-detect/data/projects";
const TABLES: &str = "crates/lang-detect/src/project/tables.rs";

/// The order in which ecosystems are asked and shown.
const ORDER: &[&str] = &[
    "javascript",
    "python",
    "rust",
    "go",
    "java",
    "kotlin",
    "cpp",
    "php",
    "ruby",
    "csharp",
    "swift",
    "elixir",
];

/// Files that the readers of manifests ask for in every ecosystem.
const TEXTS: &[&str] = &[
    "package.json",
    "composer.json",
    "deno.json",
    "deno.jsonc",
    "Cargo.toml",
    "Pipfile",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
    "setup.py",
    "noxfile.py",
    "go.mod",
    "go.work",
    "pom.xml",
    "Gemfile",
    "*.gemspec",
    "mix.exs",
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".gitlab-ci.yml",
    ".travis.yml",
    ".circleci/config.yml",
    ".cirrus.yml",
    ".builds/*.yml",
    "appveyor.yml",
    ".appveyor.yml",
    "azure-pipelines.yml",
    "ci/*.sh",
    "script/*.sh",
    "scripts/*.sh",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ecosystem {
    id: String,
    name: String,
    family: Option<String>,
    /// Its detectors and suites follow one's own.
    extends: Option<String>,
    extensions: Vec<String>,
    manifests: Vec<String>,
    #[serde(default)]
    weak_manifests: Vec<String>,
    #[serde(default = "yes")]
    nested: bool,
    #[serde(default)]
    compiled: bool,
    when: Option<Condition>,
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    detector: Vec<Detector>,
    #[serde(default)]
    suite: Vec<Suite>,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detector {
    key: String,
    id: String,
    name: String,
    when: Option<Condition>,
    some: Option<Vec<Condition>>,
    every: Option<Vec<Condition>>,
    #[serde(default)]
    fallback: bool,
    version: Option<String>,
    #[serde(default)]
    reports: Vec<String>,
    script: Option<String>,
    exec: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    when: Option<Condition>,
    some: Option<Vec<Condition>>,
    every: Option<Vec<Condition>>,
    #[serde(default)]
    root: bool,
    all: Option<String>,
    file: Option<String>,
    #[serde(default)]
    files: Vec<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Condition {
    every: Option<Vec<Condition>>,
    some: Option<Vec<Condition>>,
    not: Option<Box<Condition>>,
    path: Option<String>,
    dependency: Option<String>,
    runtime: Option<String>,
    key: Option<String>,
    starts: Option<String>,
    content: Option<String>,
    #[serde(rename = "in")]
    file: Option<String>,
    command: Option<String>,
    script: Option<String>,
    found: Option<String>,
    workspace: Option<bool>,
    member: Option<bool>,
    toolchain: Option<bool>,
}

pub(super) fn run(is_check: bool) -> Result<Ended> {
    let path = workspace::root().join(TABLES);
    let text = tables()?;
    if is_check {
        let written = fs::read_to_string(&path).unwrap_or_default();
        let is_same = written == text;
        println!(
            "{TABLES}: {}",
            if is_same {
                "up to date"
            } else {
                "run `cargo xtask projects generate`"
            }
        );
        return Ok(if is_same {
            Ended::Well
        } else {
            Ended::WithFindings
        });
    }
    fs::write(&path, text).with_context(|| format!("writing {TABLES}"))?;
    println!("wrote {TABLES}");
    Ok(Ended::Well)
}

/// The text of the tables, as it should be in the crate.
fn tables() -> Result<String> {
    let mut ecosystems = BTreeMap::new();
    for id in ORDER {
        let path = workspace::root().join(DATA).join(format!("{id}.toml"));
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let ecosystem: Ecosystem =
            toml::from_str(&text).with_context(|| format!("understanding {DATA}/{id}.toml"))?;
        ensure!(
            ecosystem.id == **id,
            "{DATA}/{id}.toml says that it is {}",
            ecosystem.id
        );
        ecosystems.insert(*id, ecosystem);
    }
    for entry in fs::read_dir(workspace::root().join(DATA))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let id = name.trim_end_matches(".toml");
        ensure!(
            ORDER.contains(&id),
            "{DATA}/{name} is not in the order of the ecosystems"
        );
    }
    let mut code = String::from(
        "//! Written by `cargo xtask projects generate` from `data/projects`; not to be edited.\n\n\
         use super::Key;\nuse super::rules::{Condition, Detector, Ecosystem, Suite};\n\n",
    );
    let mut texts: BTreeSet<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    for ecosystem in ecosystems.values() {
        texts.extend(ecosystem.texts.iter().map(|text| last_parts(text)));
        let whens = ecosystem
            .detector
            .iter()
            .map(|d| (&d.when, &d.some, &d.every));
        let whens = whens.chain(ecosystem.suite.iter().map(|s| (&s.when, &s.some, &s.every)));
        for (when, some, every) in whens {
            let all = when
                .iter()
                .chain(some.iter().flatten())
                .chain(every.iter().flatten());
            all.for_each(|condition| files_of(condition, &mut texts));
        }
    }
    writeln!(
        code,
        "/// The files whose texts are of use, by the end of their paths."
    )?;
    writeln!(code, "#[rustfmt::skip]")?;
    writeln!(
        code,
        "pub(super) const TEXTS: &[&str] = &{};\n",
        list(texts.iter())
    )?;
    writeln!(
        code,
        "/// The ecosystems, in the order in which they are asked."
    )?;
    writeln!(code, "#[rustfmt::skip]")?;
    writeln!(code, "pub(super) static ECOSYSTEMS: &[Ecosystem] = &[")?;
    for id in ORDER {
        one(&mut code, &ecosystems[id], &ecosystems)?;
    }
    code.push_str("];\n");
    Ok(code)
}

/// A pattern without folders at its front that may be any.
fn last_parts(pattern: &str) -> String {
    pattern.rsplit("**/").next().unwrap_or(pattern).to_owned()
}

fn files_of(condition: &Condition, texts: &mut BTreeSet<String>) {
    let inner = condition.every.iter().chain(&condition.some).flatten();
    inner
        .chain(condition.not.as_deref())
        .for_each(|inner| files_of(inner, texts));
    texts.extend(condition.file.as_deref().map(last_parts));
}

fn one(code: &mut String, ecosystem: &Ecosystem, all: &BTreeMap<&str, Ecosystem>) -> Result<()> {
    let parent = match &ecosystem.extends {
        Some(id) => Some(
            all.get(id.as_str())
                .with_context(|| format!("there is no {id}"))?,
        ),
        None => None,
    };
    let family = ecosystem.family.as_ref().unwrap_or(&ecosystem.id);
    writeln!(
        code,
        "Ecosystem {{ id: {:?}, name: {:?}, family: {family:?},",
        ecosystem.id, ecosystem.name
    )?;
    writeln!(code, "extensions: &{},", list(ecosystem.extensions.iter()))?;
    writeln!(code, "manifests: &{},", list(ecosystem.manifests.iter()))?;
    writeln!(
        code,
        "weak_manifests: &{},",
        list(ecosystem.weak_manifests.iter())
    )?;
    writeln!(
        code,
        "is_nested: {}, is_compiled: {},",
        ecosystem.nested, ecosystem.compiled
    )?;
    match &ecosystem.when {
        Some(when) => writeln!(code, "when: Some({}),", condition(when)?)?,
        None => writeln!(code, "when: None,")?,
    }
    writeln!(code, "detectors: &[")?;
    for detector in ecosystem
        .detector
        .iter()
        .chain(parent.iter().flat_map(|p| &p.detector))
    {
        one_detector(code, detector)?;
    }
    writeln!(code, "], suites: &[")?;
    for suite in ecosystem
        .suite
        .iter()
        .chain(parent.iter().flat_map(|p| &p.suite))
    {
        let when = whole(
            suite.when.as_ref(),
            suite.some.as_ref(),
            suite.every.as_ref(),
        )?;
        writeln!(
            code,
            "Suite {{ when: {when}, is_at_root: {}, all: {:?}, file: {:?}, files: &{} }},",
            suite.root,
            suite.all,
            suite.file,
            list(suite.files.iter()),
        )?;
    }
    writeln!(code, "] }},")?;
    Ok(())
}

fn one_detector(code: &mut String, detector: &Detector) -> Result<()> {
    let when = whole(
        detector.when.as_ref(),
        detector.some.as_ref(),
        detector.every.as_ref(),
    )
    .with_context(|| format!("the detector {}", detector.id))?;
    writeln!(
        code,
        "Detector {{ key: Key::{}, id: {:?}, name: {:?}, when: {when}, is_fallback: {}, \
             version: {:?}, reports: &{}, script: {:?}, exec: {:?} }},",
        key(&detector.key)?,
        detector.id,
        detector.name,
        detector.fallback,
        detector.version,
        list(detector.reports.iter()),
        detector.script,
        detector.exec,
    )?;
    Ok(())
}

fn whole(
    when: Option<&Condition>,
    some: Option<&Vec<Condition>>,
    every: Option<&Vec<Condition>>,
) -> Result<String> {
    match (when, some, every) {
        (Some(when), None, None) => condition(when),
        (None, Some(some), None) => Ok(format!("Condition::Some(&[{}])", conditions(some)?)),
        (None, None, Some(every)) => Ok(format!("Condition::Every(&[{}])", conditions(every)?)),
        _ => bail!("exactly one of `when`, `some` and `every` is needed"),
    }
}

fn conditions(all: &[Condition]) -> Result<String> {
    let all: Result<Vec<String>> = all.iter().map(condition).collect();
    Ok(all?.join(", "))
}

fn condition(condition: &Condition) -> Result<String> {
    let mut found = Vec::new();
    if let Some(every) = &condition.every {
        found.push(format!("Condition::Every(&[{}])", conditions(every)?));
    }
    if let Some(some) = &condition.some {
        found.push(format!("Condition::Some(&[{}])", conditions(some)?));
    }
    if let Some(not) = &condition.not {
        found.push(format!("Condition::Not(&{})", self::condition(not)?));
    }
    for (name, value) in [
        ("Path", &condition.path),
        ("Dependency", &condition.dependency),
        ("Runtime", &condition.runtime),
        ("Command", &condition.command),
        ("Script", &condition.script),
        ("Found", &condition.found),
    ] {
        found.extend(
            value
                .as_ref()
                .map(|value| format!("Condition::{name}({value:?})")),
        );
    }
    for (name, value) in [
        ("Workspace", condition.workspace),
        ("Member", condition.member),
        ("Toolchain", condition.toolchain),
    ] {
        found.extend(value.map(|_| format!("Condition::{name}")));
    }
    if let Some(key) = &condition.key {
        let file = condition.file.as_ref().context("`key` needs `in`")?;
        let starts = condition.starts.as_deref().unwrap_or_default();
        found.push(format!(
            "Condition::Key {{ file: {file:?}, key: {key:?}, starts: {starts:?} }}"
        ));
    }
    if let Some(text) = &condition.content {
        let file = condition.file.as_ref().context("`content` needs `in`")?;
        found.push(format!(
            "Condition::Content {{ file: {file:?}, text: {text:?} }}"
        ));
    }
    ensure!(
        found.len() == 1,
        "a condition asks for one thing: {condition:?}"
    );
    Ok(found.remove(0))
}

fn key(name: &str) -> Result<&'static str> {
    Ok(match name {
        "package_manager" => "PackageManager",
        "build" => "Build",
        "test" => "Test",
        "coverage" => "Coverage",
        "formatter" => "Formatter",
        "linter" => "Linter",
        "type_checker" => "TypeChecker",
        "framework" => "Framework",
        "monorepo" => "Monorepo",
        other => bail!("there is no key {other:?}"),
    })
}

fn list<'t>(texts: impl Iterator<Item = &'t String>) -> String {
    let quoted: Vec<String> = texts.map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{TABLES, tables};
    use crate::workspace;

    /// Would catch a change to the data without a new table.
    #[test]
    fn the_tables_are_what_the_data_says() {
        let written = std::fs::read_to_string(workspace::root().join(TABLES)).unwrap_or_default();
        let made = tables().expect("the data can be read");
        assert!(written == made, "run `cargo xtask projects generate`");
    }
}
