//! Who edits, and an answer that is seen on the bus.

use std::borrow::Cow;
use std::path::Path;

use claude_flow::pipeline::document::Document;
use serde::Deserialize;

use super::State;
use crate::commands::hook::Machine;
use crate::daemon::events::Author;
use crate::hook::{Question, Workspace};

/// What a payload says of who sent it; a payload that cannot be read says nothing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow, default, alias = "conversation_id", alias = "sessionId")]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    hook_event_name: Option<Cow<'a, str>>,
    /// Whether the agent goes on because of an answer to the same event.
    #[serde(default)]
    pub(super) stop_hook_active: bool,
}

impl<'a> Said<'a> {
    pub(super) fn of(payload: &'a [u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }

    pub(super) fn session(&self) -> &str {
        self.session_id.as_deref().unwrap_or_default()
    }

    pub(super) fn event(&self) -> &str {
        self.hook_event_name.as_deref().unwrap_or_default()
    }

    pub(super) fn author(&'a self, source: &'static str, harness: Option<&'a str>) -> Author<'a> {
        Author {
            source,
            harness,
            session: self.session_id.as_deref(),
        }
    }
}

/// A machine whose work is published and remembered.
pub(super) struct Watched<'a> {
    pub(super) machine: &'a Machine,
    pub(super) state: &'a State,
    pub(super) author: Author<'a>,
    /// What relative paths are meant from.
    pub(super) directory: &'a Path,
}

impl Workspace for Watched<'_> {
    fn is_cursor(&self) -> bool {
        self.machine.is_cursor()
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.machine.read(path)
    }

    fn check(&self, questions: Vec<Question>) -> Vec<Document> {
        let session = self.author.session.unwrap_or_default();
        let paths: Vec<_> = questions
            .iter()
            .map(|question| self.directory.join(&question.path))
            .collect();
        for (path, question) in paths.iter().zip(&questions) {
            self.state.seen.begin(path);
            self.state.events.edited(self.author, path);
            let before = question.before.as_deref();
            self.state.sessions.edited(session, path, before);
        }
        let documents = self.machine.check(questions);
        for (path, document) in paths.iter().zip(&documents) {
            let file = document.files.first();
            let content = file.and_then(|file| file.content.as_ref());
            let blake3 = content.map(|content| &*content.blake3);
            self.state.seen.end(path, blake3);
            let is_broken = document.summary.errors > 0;
            self.state.sessions.checked(session, path, is_broken);
            if let Some(file) = file {
                self.state.events.checked(self.author, path, file);
            }
        }
        documents
    }
}
