//! Fail-to-pass evidence: the tests of a round without its change, and with it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use claude_flow_checkers::reports;
use claude_flow_checkers::tdd::{Run, Verdict, follow};

use super::scratch::Scratch;
use super::{JournalError, Workspace, digest, events};

/// Runs test files, given relative to a directory, in that directory.
///
/// Whoever gives it decides on the sandbox and the time limit.
pub type Runner<'r> = dyn FnMut(&Path, &[&str]) -> reports::Run + 'r;

/// Why both sides could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SidesError {
    /// The record cannot be read, or the runs not be recorded.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The workspace cannot be copied.
    #[error("the workspace could not be copied: {0}")]
    Copy(
        // Part of the text, so it is no source besides.
        io::Error,
    ),
    /// A content from before the change is not kept.
    #[error(
        "the content of {path} before the change is not kept; it is larger than 256 KiB, or from before the record"
    )]
    NotKept {
        /// The file.
        path: String,
    },
}

impl Workspace {
    /// The verdict on the last round in which a file was edited, with the tests of that round run on both sides of its
    /// change if the recorded runs do not show it.
    ///
    /// The workspace is left alone: both sides run in a copy, and the runs are recorded as such.
    ///
    /// # Errors
    ///
    /// [`SidesError`]; what was run until then is recorded.
    ///
    /// # Complexity
    ///
    /// Copies the workspace once and runs the round's test files twice.
    pub fn established(&self, path: &Path, runner: &mut Runner<'_>) -> Result<Verdict, SidesError> {
        let name = self.name_of(path);
        let recorded = events(self.recorded()?);
        let history = follow(&recorded);
        let verdict = history.verdict_of(&name);
        let is_open = matches!(&verdict, Verdict::NotEstablished(why) if why.may_be_shown());
        let Some(change) = history.change_of(&name).filter(|_| is_open) else {
            return Ok(verdict);
        };
        let scratch = Scratch::of(self.root()).map_err(SidesError::Copy)?;
        let paths = || change.tests.iter().chain(change.sources.keys()).copied();
        let mut run = |is_copy: bool| -> Result<(), SidesError> {
            let seen = paths().filter_map(|it| Some((it.to_owned(), digest(&scratch.read(it)?))));
            let files: BTreeMap<_, _> = seen.collect();
            let ran = runner(scratch.path(), &change.tests);
            Ok(self.record(Run {
                is_copy,
                ..Run::of(&ran, files, false)
            })?)
        };
        // With the change first: its contents are those of the workspace, so that the run is one of the workspace.
        run(false)?;
        for (path, digest) in &change.sources {
            let content = match digest {
                Some(digest) => Some(self.content(*digest).ok_or_else(|| SidesError::NotKept {
                    path: (*path).to_owned(),
                })?),
                None => None,
            };
            scratch
                .put(path, content.as_deref())
                .map_err(SidesError::Copy)?;
        }
        run(true)?;
        let recorded = events(self.recorded()?);
        Ok(follow(&recorded).verdict_of(&name))
    }
}
