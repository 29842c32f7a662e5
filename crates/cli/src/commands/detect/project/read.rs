//! Walks a directory and reads its manifests, within bounds.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use claude_flow::lang_detect::project::{
    FILES_MAX, FOREIGN_DIRECTORIES, TEXT_BYTES_MAX, wants_text,
};

/// How deep folders are walked into.
const DEPTH_MAX: usize = 64;

/// How many folders above the directory a repository's root is looked for.
const ABOVE_MAX: usize = 32;

/// How many bytes of manifests are read in all; later ones count as too large.
const BYTES_MAX: usize = 64 << 20;

/// A mark that programs leave in folders which they can make again: cargo's build output, caches.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// What was read of a file.
#[derive(Debug)]
pub(super) enum Content {
    Unwanted,
    TooLarge,
    Unreadable,
    Read(String),
}

/// The files of a repository, or of the directory alone if it lies in none.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    /// The directory that was asked for, relative to the root, with `/`.
    pub(super) below: String,
    pub(super) files: Vec<(String, Content)>,
    /// What was left out.
    pub(super) left_out: Vec<String>,
}

impl Listing {
    pub(super) fn read(directory: &Path) -> anyhow::Result<Self> {
        let shown = directory.display();
        let directory =
            fs::canonicalize(directory).with_context(|| format!("looking for {shown}"))?;
        ensure!(directory.is_dir(), "{shown} is no directory");
        let root = repository(&directory).unwrap_or(&directory).to_owned();
        let below = directory
            .strip_prefix(&root)
            .map(slashed)
            .unwrap_or_default();
        let mut listing = Self {
            root,
            below,
            files: Vec::new(),
            left_out: Vec::new(),
        };
        listing.walk()?;
        Ok(listing)
    }

    /// Breadth first, so that a bound leaves out what lies deepest.
    fn walk(&mut self) -> anyhow::Result<()> {
        let mut folders = VecDeque::from([(String::new(), 0)]);
        let mut bytes_left = BYTES_MAX;
        while let Some((folder, depth)) = folders.pop_front() {
            let path = self.root.join(&folder);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if folder.is_empty() => {
                    return Err(error).with_context(|| format!("listing {}", path.display()));
                }
                Err(error) => {
                    self.left_out.push(format!("{folder}: {error}"));
                    continue;
                }
            };
            let mut found: Vec<(String, fs::FileType)> = Vec::new();
            for entry in entries.flatten() {
                // A name that is no text cannot be a manifest's.
                if let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) {
                    found.push((name, kind));
                }
            }
            if !folder.is_empty() && found.iter().any(|(name, _)| name == CACHE_MARK) {
                continue;
            }
            found.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (name, kind) in found {
                let path = if folder.is_empty() {
                    name.clone()
                } else {
                    format!("{folder}/{name}")
                };
                if kind.is_dir() && !FOREIGN_DIRECTORIES.contains(&name.as_str()) {
                    if depth == DEPTH_MAX {
                        self.left_out
                            .push(format!("{path}: deeper than {DEPTH_MAX} folders"));
                    } else {
                        folders.push_back((path, depth + 1));
                    }
                } else if kind.is_file() || kind.is_symlink() {
                    if self.files.len() == FILES_MAX {
                        self.left_out
                            .push(format!("everything after {FILES_MAX} files"));
                        return Ok(());
                    }
                    // A link is there; where it leads is not looked at.
                    let content = if kind.is_file() && wants_text(&path) {
                        read(&self.root.join(&path), &mut bytes_left)
                    } else {
                        Content::Unwanted
                    };
                    self.files.push((path, content));
                }
            }
        }
        Ok(())
    }
}

/// The nearest folder at or above a directory that holds a repository.
fn repository(directory: &Path) -> Option<&Path> {
    directory.ancestors().take(ABOVE_MAX).find(|folder| {
        [".git", ".hg", ".jj"]
            .iter()
            .any(|name| folder.join(name).exists())
    })
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn read(path: &Path, bytes_left: &mut usize) -> Content {
    let Ok(file) = File::open(path) else {
        return Content::Unreadable;
    };
    let bytes_max = TEXT_BYTES_MAX.min(*bytes_left);
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large from one that just fits.
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    if file.take(limit).read_to_end(&mut bytes).is_err() {
        return Content::Unreadable;
    }
    if bytes.len() > bytes_max {
        return Content::TooLarge;
    }
    *bytes_left -= bytes.len();
    String::from_utf8(bytes).map_or(Content::Unreadable, Content::Read)
}

#[cfg(test)]
mod tests {
    use super::{Content, Listing};

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        dir
    }

    #[test]
    fn a_member_is_seen_with_its_repository() {
        let dir = written(&[
            (".git/HEAD", ""),
            ("package.json", "{}"),
            ("a/b/package.json", "{}"),
        ]);
        let listing = Listing::read(&dir.path().join("a/b")).expect("a listing");
        assert_eq!(listing.below, "a/b");
        let paths: Vec<&str> = listing
            .files
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(paths, ["package.json", "a/b/package.json"]);
    }

    #[test]
    fn caches_are_left_out() {
        let dir = written(&[
            ("Cargo.toml", ""),
            ("target/CACHEDIR.TAG", ""),
            ("target/Cargo.toml", ""),
        ]);
        let listing = Listing::read(dir.path()).expect("a listing");
        assert_eq!(listing.files.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let outside = written(&[("package.json", "{\"name\": \"secret\"}")]);
        let dir = written(&[("a.txt", "")]);
        std::os::unix::fs::symlink(outside.path(), dir.path().join("folder")).expect("a link");
        let manifest = outside.path().join("package.json");
        std::os::unix::fs::symlink(manifest, dir.path().join("package.json")).expect("a link");
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).expect("a link");
        let listing = Listing::read(dir.path()).expect("a listing");
        assert!(
            listing
                .files
                .iter()
                .all(|(_, content)| matches!(content, Content::Unwanted))
        );
        assert!(listing.files.iter().all(|(path, _)| !path.contains('/')));
    }

    #[test]
    fn what_is_too_large_is_said() {
        let dir = written(&[("package.json", &" ".repeat(super::TEXT_BYTES_MAX + 1))]);
        let listing = Listing::read(dir.path()).expect("a listing");
        assert!(matches!(listing.files[0].1, Content::TooLarge));
    }
}
