//! Go: a package is a folder, and what is in quotes may be the path of one.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Index, extension, folder, last};
use super::{File, Links, scan};

/// The modules and packages of the workspace.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    /// The folders of modules by their paths.
    modules: BTreeMap<&'a str, &'a str>,
    /// The folders with Go files.
    packages: BTreeSet<&'a str>,
}

impl<'a> Modules<'a> {
    pub(super) fn new(files: &'a [File<'a>]) -> Self {
        let manifests = files.iter().filter(|file| last(file.path) == "go.mod");
        let modules = manifests.filter_map(|file| {
            let mut lines = file.text?.lines();
            let name = lines.find_map(|line| line.trim().strip_prefix("module "))?;
            Some((name.trim().trim_matches('"'), folder(file.path)))
        });
        let sources = files.iter().filter(|file| extension(file.path) == "go");
        Self {
            modules: modules.collect(),
            packages: sources.map(|file| folder(file.path)).collect(),
        }
    }

    /// The packages with what is compiled or embedded into them, and those of tests with their tests.
    pub(super) fn units(&self, files: &[File<'_>]) -> Vec<(String, BTreeSet<usize>)> {
        let mut units = BTreeMap::<String, BTreeSet<usize>>::new();
        if self.packages.is_empty() {
            return Vec::new();
        }
        for (at, file) in files.iter().enumerate() {
            if file.path.ends_with("_test.go") {
                units
                    .entry(tests_of(folder(file.path)))
                    .or_default()
                    .insert(at);
            } else if extension(file.path) == "go" {
                units
                    .entry(named(folder(file.path)))
                    .or_default()
                    .insert(at);
            } else {
                for package in self.around(file.path) {
                    units.entry(named(package)).or_default().insert(at);
                }
            }
        }
        units.into_iter().collect()
    }

    /// The packages in whose folders a path is, however deep.
    fn around(&self, path: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut at = folder(path);
        loop {
            found.extend(self.packages.get(at).copied());
            if at.is_empty() {
                return found;
            }
            at = folder(at);
        }
    }

    /// The packages that an import may mean.
    fn meant(&self, import: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        for (module, at) in &self.modules {
            let Some(rest) = import.strip_prefix(module) else {
                continue;
            };
            let below = rest.trim_start_matches('/');
            let path = match (at.is_empty(), below.is_empty()) {
                (true, _) => below.to_owned(),
                (false, true) => (*at).to_owned(),
                (false, false) => format!("{at}/{below}"),
            };
            found.extend(self.packages.get(path.as_str()).copied());
        }
        // A module that is replaced, or whose manifest is not there.
        let mut tail = import;
        loop {
            found.extend(self.packages.get(tail).copied());
            match tail.split_once('/') {
                Some((_, rest)) => tail = rest,
                None => return found,
            }
        }
    }
}

fn named(folder: &str) -> String {
    format!("package {folder}")
}

fn tests_of(folder: &str) -> String {
    format!("tests of package {folder}")
}

pub(super) fn links(at: usize, index: &Index<'_>, links: &mut Links) {
    let (path, text) = (index.path(at), index.text(at).unwrap_or_default());
    links.units.insert(named(folder(path)));
    if path.ends_with("_test.go") {
        links.units.insert(tests_of(folder(path)));
    }
    index.add_strings(at, text, links);
    for quoted in scan::quoted(text) {
        let packages = index.modules.meant(quoted.text);
        links.units.extend(packages.into_iter().map(named));
    }
}
