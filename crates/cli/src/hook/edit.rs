//! One edited file, and what it held before.

use std::path::PathBuf;

use serde_json::Value;

use super::patch::Hunk;

/// The most changes of one call that are undone to find the content before.
const CHANGES_MAX: usize = 1_000;

/// The most bytes that are gone through to undo them, all changes together: the harness waits meanwhile.
const WORK_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A file that was edited.
#[derive(Debug)]
pub(super) struct Edit {
    /// The file.
    pub(super) path: PathBuf,
    /// What was done to it, in this order.
    pub(super) changes: Vec<Change>,
}

impl Edit {
    /// The content before: as the harness tells it, or by undoing the changes in what the file holds now.
    pub(super) fn before(&self, read: &dyn Fn() -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        match self.changes.first()? {
            Change::Original(text) => return Some(text.clone().into_bytes()),
            Change::Created => return Some(Vec::new()),
            _ if self.changes.len() > CHANGES_MAX => return None,
            _ => {}
        }
        if self.changes.iter().any(|change| !change.can_be_undone()) {
            return None;
        }
        let now = String::from_utf8(read()?).ok()?;
        if now.len().saturating_mul(self.changes.len()) > WORK_BYTES_MAX {
            return None;
        }
        let mut changes = self.changes.iter().rev();
        let before = changes.try_fold(now, |text, change| change.undo(&text))?;
        Some(before.into_bytes())
    }
}

/// One change of a file.
#[derive(Debug)]
pub(super) enum Change {
    /// The harness tells what the file held before it.
    Original(String),
    /// The file was not there before.
    Created,
    /// One string was replaced by another, once or everywhere.
    Replaced {
        old: String,
        new: String,
        is_everywhere: bool,
    },
    /// A patch was applied.
    Patched(Vec<Hunk>),
    /// It is not told.
    Unknown,
}

impl Change {
    /// The changes that a tool's input tells of, or its response.
    pub(super) fn all_of(input: &Value, response: &Value) -> Vec<Self> {
        if let Some(original) = response["originalFile"].as_str() {
            return vec![Self::Original(original.to_owned())];
        }
        match &input["edits"] {
            Value::Array(edits) => edits.iter().map(Self::of_replacement).collect(),
            Value::Null => vec![Self::of_replacement(input)],
            _ => vec![Self::Unknown],
        }
    }

    fn of_replacement(edit: &Value) -> Self {
        let text = |names: [&str; 3]| names.iter().find_map(|name| edit[name].as_str());
        let old = text(["old_string", "oldString", "old_str"]);
        let new = text(["new_string", "newString", "new_str"]);
        let (Some(old), Some(new)) = (old, new) else {
            return Self::Unknown;
        };
        let is_everywhere = ["replace_all", "allow_multiple"]
            .iter()
            .any(|name| edit[name].as_bool() == Some(true));
        Self::Replaced {
            old: old.to_owned(),
            new: new.to_owned(),
            is_everywhere,
        }
    }

    const fn can_be_undone(&self) -> bool {
        matches!(self, Self::Replaced { .. } | Self::Patched(_))
    }

    /// The text before the change, if there is only one such text.
    fn undo(&self, text: &str) -> Option<String> {
        match self {
            Self::Replaced {
                old,
                new,
                is_everywhere,
            } => undo_replacement(text, old, new, *is_everywhere),
            Self::Patched(hunks) => Hunk::undo_all(hunks, text),
            Self::Original(_) | Self::Created | Self::Unknown => None,
        }
    }
}

/// With `is_everywhere`, places that held the new string before are undone too: then more lines count
/// as edited than were, and no finding is kept from the agent.
fn undo_replacement(text: &str, old: &str, new: &str, is_everywhere: bool) -> Option<String> {
    let first = text.find(new).filter(|_| !new.is_empty())?;
    if is_everywhere {
        return Some(text.replace(new, old));
    }
    let second_start = first + text[first..].chars().next().map_or(1, char::len_utf8);
    if text[second_start..].contains(new) {
        return None;
    }
    let rest = &text[first + new.len()..];
    Some(format!("{}{old}{rest}", &text[..first]))
}
