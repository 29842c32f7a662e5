//! Rust: packages for what is linked together, and files for the programs of integration tests.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Index, extension, folder, last};
use super::{File, Links, scan};

/// The packages of the workspace.
#[derive(Debug)]
pub(super) struct Packages<'a> {
    /// The folder of each and the text of its manifest.
    all: BTreeMap<&'a str, &'a str>,
    /// The folders by the names of the packages.
    by_name: BTreeMap<String, Vec<&'a str>>,
}

impl<'a> Packages<'a> {
    pub(super) fn new(files: &'a [File<'a>]) -> Self {
        let mut packages = Self {
            all: BTreeMap::new(),
            by_name: BTreeMap::new(),
        };
        for file in files.iter().filter(|file| last(file.path) == "Cargo.toml") {
            let text = file.text.unwrap_or_default();
            packages.all.insert(folder(file.path), text);
            for line in text.lines() {
                let value = line.trim().strip_prefix("name").map(str::trim_start);
                if let Some(name) = value.and_then(|it| it.strip_prefix('=')) {
                    let name = name.trim().trim_matches(['"', '\'']).to_owned();
                    packages
                        .by_name
                        .entry(name)
                        .or_default()
                        .push(folder(file.path));
                }
            }
        }
        packages
    }

    /// The folder of the package around a file.
    fn around(&self, path: &str) -> Option<&'a str> {
        let mut at = folder(path);
        loop {
            if let Some((folder, _)) = self.all.get_key_value(at) {
                return Some(folder);
            }
            if at.is_empty() {
                return None;
            }
            at = folder(at);
        }
    }

    pub(super) fn units(&self, files: &[File<'_>]) -> Vec<(String, BTreeSet<usize>)> {
        // A package of nothing but tests has needs too.
        let all = self
            .all
            .keys()
            .map(|package| (named(package), BTreeSet::new()));
        let mut units: BTreeMap<String, BTreeSet<usize>> = all.collect();
        for (at, file) in files
            .iter()
            .enumerate()
            .filter(|(_, it)| extension(it.path) == "rs")
        {
            let Some(package) = self.around(file.path) else {
                continue;
            };
            let unit = match program(file.path, package) {
                Program::Library => named(package),
                Program::Test(name) => program_of(package, name),
                Program::Other => continue,
            };
            units.entry(unit).or_default().insert(at);
        }
        units.into_iter().collect()
    }

    /// The packages that a package's manifest names, whatever for.
    pub(super) fn needs(&self, unit: &str) -> Vec<String> {
        let package = unit.strip_prefix(PREFIX).unwrap_or(unit);
        let Some(manifest) = self.all.get(package).filter(|_| unit.starts_with(PREFIX)) else {
            return Vec::new();
        };
        let others = self
            .by_name
            .iter()
            .filter(|(name, _)| names(manifest, name));
        let folders = others
            .flat_map(|(_, folders)| folders)
            .filter(|it| **it != package);
        folders.map(|folder| named(folder)).collect()
    }
}

/// Whether a package's name stands by itself in a manifest.
fn names(manifest: &str, name: &str) -> bool {
    let is_part = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
    let bytes = manifest.as_bytes();
    memchr::memmem::find_iter(bytes, name).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !before.is_some_and(is_part) && !bytes.get(at + name.len()).is_some_and(is_part)
    })
}

/// What the names of the nodes of packages begin with.
const PREFIX: &str = "crate ";

fn named(package: &str) -> String {
    format!("{PREFIX}{package}")
}

fn program_of(package: &str, name: &str) -> String {
    format!("test {package}/tests/{name}")
}

/// What a file is linked into.
enum Program<'a> {
    /// The library or the programs of the package, or what builds them.
    Library,
    /// An integration test of several files.
    Test(&'a str),
    /// A test of one file, an example, a benchmark.
    Other,
}

fn program<'a>(path: &'a str, package: &str) -> Program<'a> {
    let below = path
        .strip_prefix(package)
        .unwrap_or(path)
        .trim_start_matches('/');
    let mut parts = below.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("tests"), Some(name), Some(_)) => Program::Test(name),
        (Some("tests" | "examples" | "benches"), ..) => Program::Other,
        _ => Program::Library,
    }
}

pub(super) fn links(at: usize, index: &Index<'_>, links: &mut Links) {
    let (path, text) = (index.path(at), index.text(at).unwrap_or_default());
    // `#[path = "…"]`, `include!("…")`, and data.
    index.add_strings(at, text, links);
    let Some(package) = index.crates.around(path) else {
        add_modules(path, text, index, links);
        return;
    };
    links.units.insert(named(package));
    if let Program::Test(name) = program(path, package) {
        links.units.insert(program_of(package, name));
    }
    add_modules(path, text, index, links);
}

/// The files of the modules that a file declares.
fn add_modules(path: &str, text: &str, index: &Index<'_>, links: &mut Links) {
    let stem = last(path).strip_suffix(".rs").unwrap_or_default();
    for at in scan::words(text, "mod") {
        let rest = text[at + "mod".len()..].trim_start();
        let name = rest.split(|c| !scan::is_part(c)).next().unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        for folder in [folder(path).to_owned(), format!("{}/{stem}", folder(path))] {
            for file in [
                format!("{folder}/{name}.rs"),
                format!("{folder}/{name}/mod.rs"),
            ] {
                if let Some(found) = index.find(file.trim_start_matches('/')) {
                    links.to.insert(found);
                    // What lies in `tests/common` is linked as one.
                    if let Some(package) = index.crates.around(index.path(found))
                        && let Program::Test(name) = program(index.path(found), package)
                    {
                        links.units.insert(program_of(package, name));
                    }
                }
            }
        }
    }
}
