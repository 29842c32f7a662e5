//! The contents of the files of a workspace at one time, as far as they are known.

use std::collections::BTreeMap;

use super::event::{Before, Digest, Edit, Run};

/// What is known of a file's content; a path that is not in the world may have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Absent,
    Is(Digest),
}

/// The known contents by path.
#[derive(Debug, Clone, Default)]
pub(super) struct World<'a>(BTreeMap<&'a str, Content>);

impl<'a> World<'a> {
    pub(super) fn content(&self, path: &str) -> Option<Content> {
        self.0.get(path).copied()
    }

    pub(super) fn set(&mut self, path: &'a str, content: Content) {
        self.0.insert(path, content);
    }

    /// What an edit says of the content before it; nothing that is known is overwritten.
    pub(super) fn learn(&mut self, edit: &'a Edit) {
        let before = match edit.before {
            Before::Unknown => return,
            Before::Absent => Content::Absent,
            Before::Was(digest) => Content::Is(digest),
        };
        let path = edit.from.as_deref().unwrap_or(&edit.path);
        self.0.entry(path).or_insert(before);
        if edit.from.is_some() {
            self.0.entry(&edit.path).or_insert(Content::Absent);
        }
    }

    pub(super) fn apply(&mut self, edit: &'a Edit) {
        if let Some(from) = &edit.from {
            self.set(from, Content::Absent);
        }
        self.set(&edit.path, edit.after.map_or(Content::Absent, Content::Is));
    }

    /// Whether a run saw these contents: no file of it had another one.
    pub(super) fn fits(&self, run: &Run) -> bool {
        run.files.iter().all(|(path, digest)| {
            self.content(path)
                .is_none_or(|known| known == Content::Is(*digest))
        })
    }
}
