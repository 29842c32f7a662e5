//! The conventions that a machine can check.
//!
//! Function length is not here: clippy counts it, with the threshold in `.cargo/clippy.toml`,
//! and `manifests` sees to it that the threshold stands and that every crate is under the lints.

mod decisions;
mod fixtures;
mod layers;
mod licences;
mod manifests;
pub(crate) mod rust_text;
mod sources;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Ended;
use crate::workspace::{self, Metadata};

pub(crate) const HELP: &str = "\
cargo xtask tidy

Checks what the conventions ask for and the compiler does not see: who depends on whom,
licences, manifests, module docs, the door to atomics and threads, left-over notes,
sleeping and ignored tests, the fixtures' manifest, the numbers of decisions.

Exit code: 0 nothing to say, 1 at least one violation, 2 could not run.
";

/// Folders with sources of ours.
const SOURCE_DIRS: &[&str] = &["crates", "xtask", "benches", "fuzz"];

/// One breach of a convention.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            what,
            remedy,
        } = self;
        write!(f, "{path}:{line}: {what}; {remedy}")
    }
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Ended> {
    if let Some(argument) = parser.next()? {
        return Err(argument.unexpected().into());
    }
    let violations = check(workspace::root())?;
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy");
        return Ok(Ended::Well);
    }
    println!("{} violations", violations.len());
    Ok(Ended::WithFindings)
}

/// Everything that is not as it should be, in the order of paths and lines.
pub(crate) fn check(root: &Path) -> Result<Vec<Violation>> {
    let metadata = Metadata::read(root)?;
    let tree = Tree::read(root)?;
    let mut violations = Vec::new();
    layers::check(&metadata, &tree, &mut violations);
    licences::check(&metadata, &mut violations);
    manifests::check(&metadata, &tree, &mut violations)?;
    sources::check(&tree, &mut violations);
    fixtures::check(root, &mut violations)?;
    decisions::check(&tree, &mut violations);
    violations.sort();
    Ok(violations)
}

/// What the crates of a root use that their layers may not.
pub(crate) fn layers(root: &Path) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    layers::check(&Metadata::read(root)?, &Tree::read(root)?, &mut violations);
    violations.sort();
    Ok(violations)
}

/// The dependencies whose licences are not allowed.
pub(crate) fn licences(metadata: &Metadata) -> Vec<Violation> {
    let mut violations = Vec::new();
    licences::check(metadata, &mut violations);
    violations.sort();
    violations
}

/// The workspace's text files, all read once.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    /// In the order of their paths, which are relative to the root with forward slashes.
    pub(crate) files: Vec<TextFile>,
}

/// One text file.
#[derive(Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tree {
    /// Reads the manifests, sources and documents below a root.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for name in [
            "Cargo.toml",
            "Cargo.lock",
            ".gitignore",
            ".cargo/clippy.toml",
        ] {
            if root.join(name).is_file() {
                files.push(TextFile::read(root, &root.join(name))?);
            }
        }
        for dir in SOURCE_DIRS.iter().map(|name| root.join(name)) {
            if dir.is_dir() {
                for path in files_below(&dir)? {
                    let ending = path.extension().and_then(|ending| ending.to_str());
                    if matches!(ending, Some("rs" | "toml" | "md")) {
                        files.push(TextFile::read(root, &path)?);
                    }
                }
            }
        }
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// The Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| {
            Path::new(&file.path)
                .extension()
                .is_some_and(|ending| ending == "rs")
        })
    }
}

impl TextFile {
    fn read(root: &Path, path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self {
            path: relative(root, path),
            text,
        })
    }
}

/// A path below the root, with forward slashes.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.to_string_lossy().replace('\\', "/")
}

/// The first line, from 1, that contains a text; 1 if none does.
pub(crate) fn line_of(text: &str, wanted: &str) -> usize {
    let found = text.lines().position(|line| line.contains(wanted));
    found.map_or(1, |index| index + 1)
}

/// Every file below a folder, in the order of their paths, without build output and hidden folders.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_ours = name != "target" && !name.to_string_lossy().starts_with('.');
            if entry.file_type()?.is_dir() {
                if is_ours {
                    folders.push(entry.path());
                }
            } else if is_ours {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
