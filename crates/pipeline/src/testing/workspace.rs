//! The files of a workspace, read within bounds and without following links.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use claude_flow_checkers::affected;
use claude_flow_lang_detect::project::{FILES_MAX, FOREIGN_DIRECTORIES, wants_text};

use crate::read;

/// How deep folders are walked into.
const DEPTH_MAX: usize = 64;
/// A larger file is told by its size and times instead of its content.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How many bytes are read in all; of later files only size and times are looked at.
const BYTES_MAX: u64 = 512 * 1024 * 1024;
/// A mark that programs leave in folders which they can make again: cargo's build output, caches.
const CACHE_MARK: &str = "CACHEDIR.TAG";
/// What programs write beside sources and no test looks at.
const MADE: &[&str] = &[
    "__pycache__",
    ".gradle",
    ".pytest_cache",
    "target",
    ".tox",
    ".mypy_cache",
];

/// A file as it was read.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Below the root, with `/`.
    pub(super) path: String,
    /// Of its content; of a large file of its size and times.
    pub(super) hash: blake3::Hash,
    /// Its text, if it says anything of tests.
    pub(super) text: Option<String>,
    /// Who may read it, and whether it is a program.
    pub(super) mode: u32,
    stamp: [u64; 5],
}

/// A workspace as it was read.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) root: PathBuf,
    /// In the order of the paths.
    pub(super) files: Vec<SourceFile>,
    /// Symbolic links and where they lead, which is not followed; in the order of the paths.
    pub(super) links: Vec<(String, PathBuf)>,
    /// What was not looked at, for people.
    pub(super) left_out: Vec<String>,
}

impl Workspace {
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut workspace = Self {
            root: root.to_owned(),
            files: Vec::new(),
            links: Vec::new(),
            left_out: Vec::new(),
        };
        let mut folders = VecDeque::from([(String::new(), 0)]);
        let mut bytes_left = BYTES_MAX;
        while let Some((folder, depth)) = folders.pop_front() {
            let entries = match fs::read_dir(root.join(&folder)) {
                Ok(entries) => entries,
                Err(error) if folder.is_empty() => return Err(error),
                Err(error) => {
                    workspace
                        .left_out
                        .push(format!("{folder} was not looked at: {error}"));
                    continue;
                }
            };
            let entries: Vec<fs::DirEntry> = entries.flatten().collect();
            if !folder.is_empty() && entries.iter().any(|entry| entry.file_name() == CACHE_MARK) {
                continue;
            }
            for entry in entries {
                let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type())
                else {
                    continue;
                };
                let path = if folder.is_empty() {
                    name.clone()
                } else {
                    format!("{folder}/{name}")
                };
                let is_foreign =
                    FOREIGN_DIRECTORIES.contains(&name.as_str()) || MADE.contains(&name.as_str());
                if kind.is_dir() && !is_foreign {
                    if depth == DEPTH_MAX {
                        workspace
                            .left_out
                            .push(format!("{path} was not looked at: it is too deep"));
                    } else {
                        folders.push_back((path, depth + 1));
                    }
                } else if kind.is_file() || kind.is_symlink() {
                    if workspace.files.len() + workspace.links.len() == FILES_MAX {
                        workspace.left_out.push(format!(
                            "everything after {FILES_MAX} files was not looked at"
                        ));
                        folders.clear();
                        break;
                    }
                    if kind.is_symlink() {
                        let target = fs::read_link(root.join(&path));
                        workspace.links.extend(target.map(|it| (path, it)));
                    } else {
                        let file = SourceFile::read(root, path, &mut bytes_left);
                        workspace.files.extend(file);
                    }
                }
            }
        }
        workspace.files.sort_by(|a, b| a.path.cmp(&b.path));
        workspace.links.sort_unstable();
        Ok(workspace)
    }

    pub(super) fn file(&self, path: &str) -> Option<&SourceFile> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path));
        self.files.get(at.ok()?)
    }

    /// Whether the files and links are as they were read.
    pub(super) fn is_current(&self) -> bool {
        self.files.iter().all(|file| {
            let metadata = fs::symlink_metadata(self.root.join(&file.path));
            metadata.is_ok_and(|it| stamp(&it) == file.stamp)
        }) && self.links.iter().all(|(path, target)| {
            let now = fs::read_link(self.root.join(path));
            now.is_ok_and(|it| it == *target)
        })
    }
}

impl SourceFile {
    /// None if it is gone by now.
    fn read(root: &Path, path: String, bytes_left: &mut u64) -> Option<Self> {
        let place = root.join(&path);
        let metadata = fs::symlink_metadata(&place).ok()?;
        let stamp = stamp(&metadata);
        let is_small = metadata.len() <= FILE_BYTES_MAX.min(*bytes_left);
        let bytes = if is_small {
            read::bounded(&place, FILE_BYTES_MAX).ok()
        } else {
            None
        };
        let hash = match &bytes {
            Some(bytes) => blake3::hash(bytes),
            None => blake3::hash(&stamp.map(u64::to_le_bytes).concat()),
        };
        *bytes_left = bytes_left.saturating_sub(bytes.as_ref().map_or(0, |it| it.len() as u64));
        let is_wanted = affected::wants_text(&path) || wants_text(&path);
        let text = bytes
            .filter(|_| is_wanted)
            .and_then(|it| String::from_utf8(it).ok());
        Some(Self {
            path,
            hash,
            text,
            mode: metadata.mode(),
            stamp,
        })
    }
}

/// What changes with a file.
fn stamp(metadata: &Metadata) -> [u64; 5] {
    [
        metadata.len(),
        metadata.ino(),
        metadata.mtime().cast_unsigned(),
        metadata.mtime_nsec().cast_unsigned(),
        // A content that is written back with its old time still changes this one.
        metadata.ctime().cast_unsigned() ^ metadata.ctime_nsec().cast_unsigned().rotate_left(32),
    ]
}
