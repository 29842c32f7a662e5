//! What is looked at: the listing of a directory, and the texts of its manifests.

use std::collections::{BTreeMap, BTreeSet};

use super::glob;
use super::tables::TEXTS;

/// How many files of a listing are looked at; the rest is left out, and [`Tree::is_cut`] says so.
pub const FILES_MAX: usize = 200_000;

/// A longer text is not read, and a problem says so.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// How long a path may be; a longer one is left out.
pub const PATH_BYTES_MAX: usize = 4096;

/// Folders of other people's code and of generated files: nothing in them says anything about
/// the project.
pub const FOREIGN_DIRECTORIES: &[&str] = &[
    ".git",
    ".venv",
    "Vendor",
    "bower_components",
    "deps",
    "external",
    "node_modules",
    "site-packages",
    "third-party",
    "third_party",
    "thirdparty",
    "vendor",
    "venv",
];

/// The text of a file, as far as the caller has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Text<'a> {
    /// Nobody read it.
    #[default]
    NotGiven,
    /// It is longer than the caller reads, or than [`TEXT_BYTES_MAX`].
    TooLarge,
    /// It could not be read, or is not text.
    Unreadable,
    /// The whole text.
    Given(&'a str),
}

/// Whether the text of a file is of use for finding out about projects.
///
/// `path` is relative and uses `/`.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::project::wants_text;
///
/// assert!(wants_text("packages/a/package.json"));
/// assert!(!wants_text("src/main.rs"));
/// assert!(!wants_text("node_modules/a/package.json"));
/// ```
#[must_use]
pub fn wants_text(path: &str) -> bool {
    !is_foreign(path)
        && TEXTS
            .iter()
            .any(|pattern| glob::ending_matches(pattern, path))
}

/// Whether a path leads through one of [`FOREIGN_DIRECTORIES`].
pub(super) fn is_foreign(path: &str) -> bool {
    path.split('/')
        .any(|part| FOREIGN_DIRECTORIES.contains(&part))
}

/// The files below one directory.
#[derive(Debug, Clone, Default)]
pub struct Tree<'a> {
    /// In the order of the paths, without doubles.
    files: Vec<(&'a str, Text<'a>)>,
    /// The names of the files in each directory.
    directories: BTreeMap<&'a str, Vec<&'a str>>,
    /// The indices of the files of each name, in order.
    by_name: BTreeMap<&'a str, Vec<usize>>,
    is_cut: bool,
}

impl<'a> Tree<'a> {
    /// Takes a listing: paths relative to the directory with `/` between their parts, in any
    /// order, each with its text.
    ///
    /// A path that is absolute, leads upwards, is empty in a part, holds a NUL or is longer than
    /// [`PATH_BYTES_MAX`] is left out, and so is what lies in [`FOREIGN_DIRECTORIES`].
    /// Of two entries with one path the first stays.
    ///
    /// # Complexity
    ///
    /// Sorts the paths.
    pub fn new(entries: impl IntoIterator<Item = (&'a str, Text<'a>)>) -> Self {
        let mut files: Vec<(&str, Text<'_>)> = entries
            .into_iter()
            .filter(|(path, _)| is_proper(path) && !is_foreign(path))
            .map(|(path, text)| (path, bounded(text)))
            .collect();
        files.sort_by_key(|(path, _)| *path);
        files.dedup_by_key(|(path, _)| *path);
        let is_cut = files.len() > FILES_MAX;
        files.truncate(FILES_MAX);
        let mut directories = BTreeMap::<&str, Vec<&str>>::new();
        let mut by_name = BTreeMap::<&str, Vec<usize>>::new();
        for (index, (path, _)) in files.iter().enumerate() {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            directories.entry(directory).or_default().push(name);
            by_name.entry(name).or_default().push(index);
        }
        Self {
            files,
            directories,
            by_name,
            is_cut,
        }
    }

    /// Whether the listing was longer than [`FILES_MAX`].
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many files are looked at.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The text of a file; [`Text::NotGiven`] if there is none of that name.
    pub(super) fn text(&self, path: &str) -> Text<'a> {
        self.files
            .binary_search_by_key(&path, |(path, _)| *path)
            .map_or(Text::NotGiven, |index| self.files[index].1)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files
            .binary_search_by_key(&path, |(path, _)| *path)
            .is_ok()
    }

    /// The names of the files in a directory.
    pub(super) fn names(&self, directory: &str) -> &[&'a str] {
        self.directories.get(directory).map_or(&[], Vec::as_slice)
    }

    /// The directories that directly hold a file whose name matches one of the patterns, in order.
    pub(super) fn directories_with<'p>(
        &self,
        patterns: impl Iterator<Item = &'p str>,
    ) -> BTreeSet<&'a str> {
        let mut files: Vec<usize> = Vec::new();
        for pattern in patterns {
            if pattern.contains(['*', '?', '{']) {
                let named = self.by_name.iter();
                let matching = named.filter(|(name, _)| glob::name_matches(pattern, name));
                files.extend(matching.flat_map(|(_, files)| files));
            } else {
                files.extend(self.by_name.get(pattern).into_iter().flatten());
            }
        }
        let directory = |index: usize| {
            let (path, _) = self.files[index];
            path.rsplit_once('/').map_or("", |(directory, _)| directory)
        };
        files.into_iter().map(directory).collect()
    }

    /// The files below a directory, at any depth.
    pub(super) fn below(&self, directory: &str) -> &[(&'a str, Text<'a>)] {
        if directory.is_empty() {
            return &self.files;
        }
        // `0` is the character after `/`.
        let (first, after) = (format!("{directory}/"), format!("{directory}0"));
        let from = self
            .files
            .partition_point(|(path, _)| *path < first.as_str());
        let to = self
            .files
            .partition_point(|(path, _)| *path < after.as_str());
        &self.files[from..to]
    }

    /// The files that match a pattern relative to a directory, at most `count_max`.
    pub(super) fn matching(
        &self,
        directory: &str,
        pattern: &str,
        count_max: usize,
    ) -> Vec<(&'a str, Text<'a>)> {
        if let Some((prefix, rest)) = pattern.split_once("**/") {
            let top = join(directory, prefix.trim_end_matches('/'));
            // Most patterns name a file at any depth: its name alone is looked at.
            let is_name = !rest.contains('/');
            if is_name && !rest.contains(['*', '?', '{']) {
                let named = self.by_name.get(rest).map_or(&[][..], Vec::as_slice);
                return named
                    .iter()
                    .map(|&index| self.files[index])
                    .filter(|(path, _)| super::is_above(&top, path))
                    .take(count_max)
                    .collect();
            }
            let matches = |path: &str| {
                if is_name {
                    glob::name_matches(rest, path.rsplit('/').next().unwrap_or(path))
                } else {
                    glob::path_matches(pattern, relative(path, directory))
                }
            };
            return self
                .below(&top)
                .iter()
                .filter(|(path, _)| matches(path))
                .take(count_max)
                .copied()
                .collect();
        }
        let (folder, wanted) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let folder = join(directory, folder);
        if !wanted.contains(['*', '{', '?']) {
            let path = join(&folder, wanted);
            let found = self
                .files
                .binary_search_by_key(&path.as_str(), |(path, _)| *path);
            return found.map(|index| self.files[index]).into_iter().collect();
        }
        self.names(&folder)
            .iter()
            .filter(|name| glob::name_matches(wanted, name))
            .take(count_max)
            .filter_map(|name| {
                let path = join(&folder, name);
                let index = self
                    .files
                    .binary_search_by_key(&path.as_str(), |(path, _)| *path);
                index.ok().map(|index| self.files[index])
            })
            .collect()
    }
}

fn is_proper(path: &str) -> bool {
    path.len() <= PATH_BYTES_MAX
        && !path.contains('\0')
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

fn bounded(text: Text<'_>) -> Text<'_> {
    match text {
        Text::Given(text) if text.len() > TEXT_BYTES_MAX => Text::TooLarge,
        Text::Given(text) => Text::Given(text.strip_prefix('\u{feff}').unwrap_or(text)),
        other => other,
    }
}

/// Two paths after each other; either may be empty.
pub(super) fn join(directory: &str, rest: &str) -> String {
    match (directory, rest) {
        ("", rest) => rest.to_owned(),
        (directory, "") => directory.to_owned(),
        (directory, rest) => format!("{directory}/{rest}"),
    }
}

/// A path below a directory, relative to it.
pub(super) fn relative<'p>(path: &'p str, directory: &str) -> &'p str {
    if directory.is_empty() {
        return path;
    }
    path.strip_prefix(directory)
        .map_or(path, |rest| rest.trim_start_matches('/'))
}

/// A path that may lead upwards, seen from a directory; `None` if it leaves the tree.
pub(super) fn resolve(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in path.split(['/', '\\']) {
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
