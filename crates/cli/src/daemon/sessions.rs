//! What each agent's session has edited, for the question what of it is still broken.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::hook::Question;

/// How many sessions are remembered; the one that edited longest ago is forgotten first.
const SESSIONS_MAX: usize = 64;

/// How many files of a session are remembered.
const FILES_MAX: usize = 1_000;

/// How many files are looked at when a session asks.
const ASKED_MAX: usize = 20;

/// How much of the contents before a session's edits is remembered, in bytes.
const BEFORE_BYTES_MAX: usize = 1024 * 1024;

/// The sessions, the one that edited last at the end.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: Mutex<VecDeque<Session>>,
}

#[derive(Debug)]
struct Session {
    id: String,
    files: BTreeMap<PathBuf, Edited>,
    before_bytes: usize,
}

/// A file of a session.
#[derive(Debug)]
struct Edited {
    /// What it held before the session's first edit, if that is known and there was room for it.
    before: Option<Arc<[u8]>>,
    /// Whether the last verdict had an error that an edit brought.
    is_broken: bool,
}

impl Sessions {
    /// A session edits a file.
    pub(super) fn edited(&self, id: &str, path: &Path, before: Option<&[u8]>) {
        self.with(id, |session| session.edited(path, before));
    }

    /// What became of the edit.
    pub(super) fn checked(&self, id: &str, path: &Path, is_broken: bool) {
        self.with(id, |session| {
            if let Some(edited) = session.files.get_mut(path) {
                edited.is_broken = is_broken;
            }
        });
    }

    /// The files whose last verdict was bad, and how many more there are.
    pub(super) fn broken(&self, id: &str) -> (Vec<Question>, usize) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = known.iter().find(|session| session.id == id) else {
            return (Vec::new(), 0);
        };
        let broken = session.files.iter().filter(|(_, file)| file.is_broken);
        let mut questions: Vec<_> = broken
            .map(|(path, file)| Question {
                path: path.clone(),
                before: file.before.as_deref().map(<[u8]>::to_vec),
            })
            .collect();
        let left_out = questions.len().saturating_sub(ASKED_MAX);
        questions.truncate(ASKED_MAX);
        (questions, left_out)
    }

    fn with(&self, id: &str, change: impl FnOnce(&mut Session)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|session| session.id == id);
        let mut session = place
            .and_then(|place| known.remove(place))
            .unwrap_or_else(|| Session::new(id));
        change(&mut session);
        known.push_back(session);
        if known.len() > SESSIONS_MAX {
            known.pop_front();
        }
    }
}

impl Session {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            files: BTreeMap::new(),
            before_bytes: 0,
        }
    }

    fn edited(&mut self, path: &Path, before: Option<&[u8]>) {
        if self.files.contains_key(path) || self.files.len() == FILES_MAX {
            return;
        }
        let room = BEFORE_BYTES_MAX - self.before_bytes;
        let before = before.filter(|before| before.len() <= room);
        self.before_bytes += before.map_or(0, <[u8]>::len);
        let edited = Edited {
            before: before.map(Arc::from),
            is_broken: false,
        };
        self.files.insert(path.to_owned(), edited);
    }
}
