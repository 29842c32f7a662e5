//! The files by their names, and the units that they form.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Links, go, java, rust, scan, script};

/// How many files with one name are taken for what a word names.
const SAME_MAX: usize = 10_000;

/// The files of a workspace, and what is known of them at large.
#[derive(Debug)]
pub(super) struct Index<'a> {
    files: &'a [File<'a>],
    /// The files of each name, in order.
    by_name: BTreeMap<&'a str, Vec<usize>>,
    pub(super) scripts: script::Packages<'a>,
    pub(super) crates: rust::Packages<'a>,
    pub(super) modules: go::Modules<'a>,
    pub(super) packages: java::Packages<'a>,
    /// The sources of C that include a file of this name.
    pub(super) including: BTreeMap<String, Vec<usize>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(files: &'a [File<'a>]) -> Self {
        let mut by_name = BTreeMap::<&str, Vec<usize>>::new();
        for (at, file) in files.iter().enumerate() {
            by_name.entry(last(file.path)).or_default().push(at);
        }
        Self {
            files,
            by_name,
            scripts: script::Packages::new(files),
            crates: rust::Packages::new(files),
            modules: go::Modules::new(files),
            packages: java::Packages::new(files),
            including: super::c::including(files),
        }
    }

    pub(super) fn path(&self, at: usize) -> &'a str {
        self.files[at].path
    }

    pub(super) fn text(&self, at: usize) -> Option<&'a str> {
        self.files[at].text
    }

    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|file| file.path.cmp(path)).ok()
    }

    /// The files whose path is this one, or ends with it behind a `/`.
    pub(super) fn ending(&self, tail: &str) -> impl Iterator<Item = usize> {
        let same = self.by_name.get(last(tail)).map_or(&[][..], Vec::as_slice);
        let fits = move |at: &usize| {
            let head = self.files[*at].path.strip_suffix(tail);
            head.is_some_and(|head| head.is_empty() || head.ends_with('/'))
        };
        let fitting: Vec<usize> = same.iter().copied().filter(fits).take(SAME_MAX).collect();
        fitting.into_iter()
    }

    /// Adds the files that a text names in quotes: below the folder of a file, or by the end of their paths.
    pub(super) fn add_strings(&self, at: usize, text: &str, links: &mut Links) {
        let folder = folder(self.path(at));
        for quoted in scan::quoted(text) {
            let name = quoted.text;
            if name.contains(char::is_whitespace) || !name.contains(['.', '/']) {
                continue;
            }
            if let Some(found) = joined(folder, name).and_then(|path| self.find(&path)) {
                links.to.insert(found);
            }
            let tail = name.trim_start_matches(['.', '/']);
            // `sum.js`, `.env` and `data/x` name files; a word alone does not.
            if !tail.is_empty() {
                links.to.extend(self.ending(tail));
            }
        }
    }

    /// The units with their members.
    pub(super) fn units(&self) -> Vec<(String, BTreeSet<usize>)> {
        let mut units = self.crates.units(self.files);
        units.extend(self.modules.units(self.files));
        units.extend(self.packages.units(self.files));
        units
    }

    /// The units that a unit needs.
    pub(super) fn needs(&self, unit: &str) -> Vec<String> {
        self.crates.needs(unit)
    }
}

/// The last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What is behind the last dot of a path; empty without one.
pub(super) fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The folder of a path, empty for the root.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path from a folder, without `.` and `..`; none if it leads out of the root.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|it| !it.is_empty()).collect()
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
