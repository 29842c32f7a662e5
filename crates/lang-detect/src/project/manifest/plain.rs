//! Manifests that are read line by line.

use super::gradle::{CALL_BYTES_MAX, CALLS_MAX, quoted};
use super::pyproject::requires;
use super::{DependencyKind, Manifest};
use crate::project::blank;

/// How many lists of one name a `setup.py` may hold.
const LISTS_MAX: usize = 8;

/// How far a list in a `setup.py` is read.
const LIST_BYTES_MAX: usize = 20_000;

pub(super) fn pnpm_workspace(text: &str) -> Manifest {
    let mut manifest = Manifest::of("javascript");
    let mut is_packages = false;
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        let Some(item) = line.trim_start().strip_prefix("- ") else {
            if !line.trim().is_empty() {
                is_packages = line.trim_end() == "packages:";
            }
            continue;
        };
        let item = item.trim().trim_matches(['"', '\'']);
        match item.strip_prefix('!') {
            _ if !is_packages => {}
            Some(excluded) => manifest.excluded.push(excluded.to_owned()),
            None => manifest.has_member(item),
        }
    }
    manifest
}

pub(super) fn requirements(text: &str, kind: DependencyKind) -> Manifest {
    let mut manifest = Manifest::of("python");
    for line in text.lines() {
        let line = line.trim();
        if !line.starts_with(['#', '-']) && !line.is_empty() {
            requires(&mut manifest, line, kind);
        }
    }
    manifest
}

/// `setup.py`, as far as its lists stand there as texts: nothing of it is run.
pub(super) fn setup_py(text: &str) -> Manifest {
    let mut manifest = Manifest::of("python");
    let text = blank::hashes(text);
    for (key, kind) in [
        ("install_requires", DependencyKind::Runtime),
        ("tests_require", DependencyKind::Other),
        ("extras_require", DependencyKind::Other),
    ] {
        for (at, _) in text.match_indices(key).take(LISTS_MAX) {
            let rest = &text[at + key.len()..];
            let rest = &rest[..rest.floor_char_boundary(LIST_BYTES_MAX)];
            let Some(list) = rest.trim_start().strip_prefix('=') else {
                continue;
            };
            let close = match list.trim_start().chars().next() {
                Some('[') => ']',
                Some('{') => '}',
                _ => continue,
            };
            let list = list.split(close).next().unwrap_or_default();
            for line in list.lines() {
                for requirement in quoted(line) {
                    requires(&mut manifest, requirement, kind);
                }
            }
        }
    }
    manifest
}

pub(super) fn go_mod(text: &str) -> Manifest {
    let mut manifest = Manifest::of("go");
    let mut is_require = false;
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut words = code.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("module"), Some(name), _) => manifest.name = Some(name.to_owned()),
            (Some("require"), Some("("), _) => is_require = true,
            (Some("require"), Some(name), Some(version)) => {
                go_dependency(&mut manifest, name, version, line);
            }
            (Some(")"), ..) => is_require = false,
            (Some(name), Some(version), _) if is_require => {
                go_dependency(&mut manifest, name, version, line);
            }
            _ => {}
        }
    }
    manifest
}

fn go_dependency(manifest: &mut Manifest, name: &str, version: &str, line: &str) {
    // What only a dependency needs says nothing about this project.
    if !line.contains("// indirect") {
        manifest.depends(name, version, DependencyKind::Runtime);
    }
}

pub(super) fn go_work(text: &str) -> Manifest {
    let mut manifest = Manifest::of("go");
    let mut is_use = false;
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut words = code.split_whitespace();
        match (words.next(), words.next()) {
            (Some("use"), Some("(")) => is_use = true,
            (Some("use"), Some(path)) => manifest.has_member(path.trim_matches('"')),
            (Some(")"), _) => is_use = false,
            (Some(path), None) if is_use => manifest.has_member(path.trim_matches('"')),
            _ => {}
        }
    }
    manifest
}

/// `Gemfile` and `*.gemspec`.
pub(super) fn ruby(text: &str) -> Manifest {
    let mut manifest = Manifest::of("ruby");
    // What the tool `gem build` writes: `%q<rails>.freeze`.
    let text = blank::hashes(text)
        .replace("%q<", "'")
        .replace(">.freeze", "'");
    for line in text.lines() {
        let code = line.trim_start();
        let is_other = ["gem ", "gem("].iter().any(|call| code.starts_with(call))
            || code.contains(".add_development_dependency");
        let kind = if is_other {
            DependencyKind::Other
        } else if code.contains(".add_dependency") || code.contains(".add_runtime_dependency") {
            DependencyKind::Runtime
        } else {
            if let Some((_, name)) = code.split_once(".name = ") {
                manifest.name = quoted(name).next().map(str::to_owned);
            }
            continue;
        };
        let mut texts = quoted(code);
        if let Some(name) = texts.next() {
            let requirement = texts.next().unwrap_or_default();
            let is_version =
                requirement.starts_with(|c: char| c.is_ascii_digit() || "~<>=".contains(c));
            manifest.depends(name, if is_version { requirement } else { "" }, kind);
        }
    }
    manifest
}

/// `Package.swift`: the packages that it names by address.
pub(super) fn swift(text: &str) -> Manifest {
    let mut manifest = Manifest::of("swift");
    let text = blank::slashes(text);
    for (at, _) in text.match_indices(".package(").take(CALLS_MAX) {
        let rest = &text[at..];
        let rest = &rest[..rest.floor_char_boundary(CALL_BYTES_MAX)];
        let rest = rest.split('\n').next().unwrap_or_default();
        let mut texts = quoted(rest);
        let address = texts.find(|text| text.contains('/'));
        if let Some(address) = address {
            let name = address
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let name = name.strip_suffix(".git").unwrap_or(name);
            manifest.depends(
                name,
                texts.next().unwrap_or_default(),
                DependencyKind::Runtime,
            );
        }
    }
    manifest
}

/// `mix.exs`: the tuples `{:name, "~> 1.0", only: …}`.
pub(super) fn mix(text: &str) -> Manifest {
    let mut manifest = Manifest::of("elixir");
    let text = blank::hashes(text);
    for (at, _) in text.match_indices("{:").take(CALLS_MAX) {
        let rest = &text[at + 2..];
        let rest = &rest[..rest.floor_char_boundary(CALL_BYTES_MAX)];
        let end = rest.find(['}', '\n']).unwrap_or(rest.len());
        let (tuple, _) = rest.split_at(end);
        let Some((name, rest)) = tuple.split_once(',') else {
            continue;
        };
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            continue;
        }
        let kind = if rest.contains("only:") && !rest.contains(":prod") {
            DependencyKind::Other
        } else {
            DependencyKind::Runtime
        };
        let requirement = quoted(rest).next().unwrap_or_default();
        manifest.depends(name, requirement, kind);
    }
    if text.contains("apps_path:") {
        let (_, rest) = text.split_once("apps_path:").unwrap_or_default();
        if let Some(folder) = quoted(rest).next() {
            manifest.has_member(&format!("{folder}/*"));
        }
    }
    manifest
}
