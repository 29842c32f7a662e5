//! The record of a workspace's edits and test runs, and what it tells of test-driven development.
//!
//! Edits are recorded only in a trusted directory: what is recorded are copies of a project's files, and a
//! person has said of these directories that they are theirs.
//! The workspace is the nearest directory at or above the file with a `.git` or `claude-flow.toml`, and at most
//! the trusted one; its journal lies in the user's own state directory (`docs/tdd.md`).

mod check;
mod journal;
mod mutants;
mod scratch;
mod sides;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use claude_flow_checkers::reports;
use claude_flow_checkers::tdd::{
    self, Before, CONTENT_BYTES_MAX, Contents, Digest, Edit, Event, Run, describe, kind_of_path,
};

use crate::{Trust, TrustError};

pub(crate) use self::check::follow_edit;
use self::journal::Journal;
pub use self::journal::{JournalError, Recorded, Stamped};
pub use self::mutants::{Mutation, MutationError};
pub use self::sides::{Runner, SidesError};

/// The most files of a cycle that are looked for on the disk.
const FILES_MAX: usize = 4096;

/// Finds the workspaces whose edits and runs are recorded.
///
/// # Examples
///
/// ```
/// use claude_flow_pipeline::Trust;
/// use claude_flow_pipeline::tdd::Recorder;
///
/// # let state = tempfile::tempdir()?;
/// # let project = tempfile::tempdir()?;
/// let trust = Trust::at(state.path().join("trusted.toml"));
/// let recorder = Recorder::new(state.path().join("tdd"), trust.clone());
/// assert!(recorder.workspace(project.path())?.is_none());
///
/// trust.add(project.path())?;
/// let workspace = recorder.workspace(project.path())?.expect("it is trusted");
/// let path = project.path().join("a.py");
/// std::fs::write(&path, "a = 1\n")?;
/// workspace.record_edit(&path, Some(b""), b"a = 1\n")?;
/// assert_eq!(workspace.recorded()?.events.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recorder {
    state: PathBuf,
    trust: Trust,
}

impl Recorder {
    /// Journals in `state`, one for each workspace in a trusted directory.
    pub fn new(state: impl Into<PathBuf>, trust: Trust) -> Self {
        Self {
            state: state.into(),
            trust,
        }
    }

    /// The journals of the user whose environment this is, in `tdd` beside [`Trust::of_user`]'s list.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        let trust = Trust::of_user()?;
        let state = crate::config::parent_directory(trust.path()).join("tdd");
        Some(Self::new(state, trust))
    }

    /// The workspace that a file or directory is in; none if it is not trusted.
    ///
    /// # Errors
    ///
    /// [`TrustError`] if the path does not exist or the list of trusted directories is not to be relied on.
    pub fn workspace(&self, path: &Path) -> Result<Option<Workspace>, TrustError> {
        let Some(trusted) = self.trust.root_of(path)? else {
            return Ok(None);
        };
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let is_marked = |it: &&Path| {
            [".git", "claude-flow.toml"]
                .iter()
                .any(|name| it.join(name).exists())
        };
        let within = path.ancestors().take_while(|it| it.starts_with(&trusted));
        let root = within
            .into_iter()
            .find(is_marked)
            .unwrap_or(&trusted)
            .to_owned();
        let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        let journal = Journal::at(self.state.join(&name[..32]));
        Ok(Some(Workspace { root, journal }))
    }
}

/// A workspace and its journal.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    journal: Journal,
}

impl Workspace {
    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the journal lies.
    #[must_use]
    pub fn journal_directory(&self) -> &Path {
        self.journal.directory()
    }

    /// Records that a file has a new content.
    ///
    /// Without the content before, what was recorded last is taken.
    /// An empty content before is that of a file that was not there.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; nothing is recorded then.
    ///
    /// # Complexity
    ///
    /// Two small reads and three small writes beside the contents; nothing is synced to the disk.
    pub fn record_edit(
        &self,
        path: &Path,
        before: Option<&[u8]>,
        after: &[u8],
    ) -> Result<(), JournalError> {
        let path = self.name_of(path);
        let last = if before.is_none() {
            self.journal.latest(&path)
        } else {
            None
        };
        let before = before.or(last.as_deref());
        let known = before.map(|it| Some(it).filter(|it| !it.is_empty()));
        let (kind, words) = describe(&Contents {
            path: &path,
            before: known,
            after,
        });
        let edit = Edit {
            from: None,
            before: match known {
                None => Before::Unknown,
                Some(None) => Before::Absent,
                Some(Some(content)) => Before::Was(digest(content)),
            },
            after: Some(digest(after)),
            kind,
            words,
            path,
        };
        if edit.before == Before::Was(digest(after)) {
            return Ok(());
        }
        let contents: Vec<&[u8]> = known.flatten().into_iter().chain([after]).collect();
        let contents: Vec<_> = contents
            .into_iter()
            .filter(|it| it.len() <= CONTENT_BYTES_MAX)
            .collect();
        self.journal.append(now_ms(), &Event::Edit(edit), &contents)
    }

    /// Records a run of tests in the workspace, as it was read of the runner's report.
    ///
    /// `files` are the contents that the tests saw, by path relative to [`Workspace::root`] with `/` between the
    /// parts; `is_whole` says whether that is all that they could see.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; nothing is recorded then.
    pub fn record_run(
        &self,
        run: &reports::Run,
        files: BTreeMap<String, Digest>,
        is_whole: bool,
    ) -> Result<(), JournalError> {
        self.record(Run::of(run, files, is_whole))
    }

    /// Records a run, also one of a copy.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; nothing is recorded then.
    pub fn record(&self, run: Run) -> Result<(), JournalError> {
        self.journal.append(now_ms(), &Event::Run(run), &[])
    }

    /// What is recorded, the oldest first, and behind it the deletions that the disk shows.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal is there and cannot be read.
    pub fn recorded(&self) -> Result<Recorded, JournalError> {
        let mut recorded = self.journal.read()?;
        let mut last: BTreeMap<&str, Digest> = BTreeMap::new();
        for stamped in &recorded.events {
            if let Event::Edit(edit) = &stamped.event {
                match edit.after {
                    Some(after) => last.insert(&edit.path, after),
                    None => last.remove(edit.path.as_str()),
                };
            }
        }
        let is_gone = |path: &str| !self.root.join(path).exists();
        let gone = last
            .iter()
            .take(FILES_MAX)
            .filter(|(path, _)| is_gone(path));
        let deletion = |(path, digest): (&&str, &Digest)| Stamped {
            time_ms: now_ms(),
            event: Event::Edit(Edit {
                path: (*path).to_owned(),
                from: None,
                before: Before::Was(*digest),
                after: None,
                kind: kind_of_path(path),
                words: None,
            }),
        };
        let deletions: Vec<_> = gone.map(deletion).collect();
        recorded.events.extend(deletions);
        Ok(recorded)
    }

    /// A content that was recorded, if it is kept.
    #[must_use]
    pub fn content(&self, digest: Digest) -> Option<Vec<u8>> {
        self.journal.content(digest)
    }

    /// The name of a file in the journal: relative to the root, with `/` between the parts.
    #[must_use]
    pub fn name_of(&self, path: &Path) -> String {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let below = path.strip_prefix(&self.root).unwrap_or(&path);
        below.to_string_lossy().replace('\\', "/")
    }
}

/// The hash by which contents are told apart.
#[must_use]
pub fn digest(content: &[u8]) -> Digest {
    Digest(*blake3::hash(content).as_bytes())
}

/// The events without their times.
#[must_use]
pub fn events(recorded: Recorded) -> Vec<tdd::Event> {
    recorded.events.into_iter().map(|it| it.event).collect()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX))
}
