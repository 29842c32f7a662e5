//! Reads a file's earlier content out of a git repository, without running anything.
//!
//! The repository is not trusted. It is opened isolated: its own configuration is parsed and nothing
//! else is, no environment variable, no include, no system or user configuration. Only objects and
//! references are read, so no filter, hook, file-system monitor, external diff or credential helper that
//! the configuration names has a place where it would run.

use std::fs;
use std::path::{Path, PathBuf};

use gix::ThreadSafeRepository;
use gix::open::Options;
use gix::sec::trust::Mapping;

use crate::config::parent_directory;

/// The most bytes that reading one object may take, so that no pack can claim all memory; a little more
/// than the largest file that a configuration lets be checked.
const ALLOC_LIMIT: &str = "gitoxide.objects.allocLimit=134217728";

/// The content of the file at `path` in a revision, or `None` if it does not exist there.
///
/// The path is resolved first: a link is followed to the file, and the repository is the one around
/// that file, be it a submodule or a linked worktree.
pub(crate) fn content_at(
    path: &Path,
    revision: &str,
    limit_bytes: u64,
) -> Result<Option<Vec<u8>>, GitError> {
    let file = resolve(path)?;
    let repository = open(parent_directory(&file))?;
    let root = repository.workdir().ok_or_else(|| GitError::Bare {
        directory: repository.git_dir().to_owned(),
    })?;
    let root = fs::canonicalize(root).map_err(|source| GitError::Directory {
        directory: root.to_owned(),
        source,
    })?;
    let relative = file
        .strip_prefix(&root)
        .map_err(|_| GitError::Outside { root: root.clone() })?;
    if relative.components().any(|part| part.as_os_str() == ".git") {
        return Err(GitError::Bare {
            directory: repository.git_dir().to_owned(),
        });
    }
    if revision == "HEAD" && repository.head().is_ok_and(|head| head.is_unborn()) {
        return Ok(None);
    }
    let unknown = |source: gix::Error| GitError::Revision {
        revision: revision.to_owned(),
        root: root.clone(),
        message: one_line(&source),
    };
    let tree = repository
        .rev_parse_single(revision)
        .and_then(|id| id.object())
        .and_then(gix::Object::peel_to_tree)
        .map_err(unknown)?;
    let broken = |source: gix::Error| GitError::Broken {
        root: root.clone(),
        message: one_line(&source),
    };
    let entry = tree.lookup_entry_by_path(relative).map_err(broken)?;
    let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else {
        return Ok(None);
    };
    let header = repository.find_header(entry.object_id()).map_err(broken)?;
    if header.size() > limit_bytes {
        return Err(GitError::TooLarge {
            revision: revision.to_owned(),
            size_bytes: header.size(),
            limit_bytes,
        });
    }
    let mut object = entry.object().map_err(broken)?;
    Ok(Some(std::mem::take(&mut object.data)))
}

/// Why there is no earlier content; the texts read after "PATH: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum GitError {
    #[error("{} cannot be resolved: {source}", directory.display())]
    Directory {
        directory: PathBuf,
        source: std::io::Error,
    },
    #[error("no git repository is around it ({message}); leave the git baseline out")]
    NoRepository { message: String },
    #[error("the git repository around {} cannot be read ({message}); mend it or leave the git baseline out", directory.display())]
    Unusable { directory: PathBuf, message: String },
    #[error("{} is a bare repository or lies within one, which has no files; name a file in a worktree", directory.display())]
    Bare { directory: PathBuf },
    #[error("not within {}, the worktree of the repository that was found", root.display())]
    Outside { root: PathBuf },
    #[error("`{revision}` is no revision of {} ({message}); name a commit, a branch or a tag", root.display())]
    Revision {
        revision: String,
        root: PathBuf,
        message: String,
    },
    #[error("the git repository {} is damaged: {message}; `git fsck` tells more", root.display())]
    Broken { root: PathBuf, message: String },
    #[error(
        "{size_bytes} bytes in {revision}, more than the {limit_bytes} that limits.file_size_bytes allows"
    )]
    TooLarge {
        revision: String,
        size_bytes: u64,
        limit_bytes: u64,
    },
}

fn resolve(path: &Path) -> Result<PathBuf, GitError> {
    let failed = |source| GitError::Directory {
        directory: path.to_owned(),
        source,
    };
    fs::canonicalize(path)
        .or_else(|error| match path.file_name() {
            // The caller may hold the content of a file that is not there yet.
            Some(name) => fs::canonicalize(parent_directory(path)).map(|found| found.join(name)),
            None => Err(error),
        })
        .map_err(failed)
}

fn open(directory: &Path) -> Result<gix::Repository, GitError> {
    let isolated = Options::isolated().config_overrides([ALLOC_LIMIT]);
    let trust = Mapping {
        full: isolated.clone(),
        reduced: isolated,
    };
    ThreadSafeRepository::discover_opts(
        directory,
        gix::discover::upwards::Options::default(),
        trust,
    )
    .map(|repository| repository.to_thread_local())
    .map_err(|error| {
        let message = one_line(&error);
        let has_one = |directory: &Path| fs::symlink_metadata(directory.join(".git")).is_ok();
        if directory.ancestors().any(has_one) {
            GitError::Unusable {
                directory: directory.to_owned(),
                message,
            }
        } else {
            GitError::NoRepository { message }
        }
    })
}

fn one_line(error: &gix::Error) -> String {
    error.to_string().trim().replace('\n', ", ")
}
