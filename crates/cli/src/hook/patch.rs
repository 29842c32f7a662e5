//! The patches of `apply_patch`: one text that adds, changes, moves and deletes files.

use std::path::PathBuf;

use super::edit::Change;

const BEGIN: &str = "*** Begin Patch";
const ADD: &str = "*** Add File: ";
const UPDATE: &str = "*** Update File: ";
const DELETE: &str = "*** Delete File: ";
const MOVE: &str = "*** Move to: ";
/// What begins a hunk, with or without a line of the file that says where it is.
const HUNK: &str = "@@";

/// How many places are looked at to find where a hunk is.
const PLACES_MAX: usize = 1_000;

/// Whether a text is such a patch.
pub(super) fn is_patch(text: &str) -> bool {
    text.trim_start().starts_with(BEGIN)
}

/// The files that are there after the patch, and what it did to each.
pub(super) fn changes(patch: &str) -> Vec<(PathBuf, Vec<Change>)> {
    let mut files: Vec<(PathBuf, Vec<Change>)> = Vec::new();
    // Lines before the first file and after a deleted one belong to nothing.
    let mut is_open = false;
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix(ADD) {
            files.push((path.trim().into(), vec![Change::Created]));
            is_open = true;
        } else if let Some(path) = line.strip_prefix(UPDATE) {
            files.push((path.trim().into(), vec![Change::Patched(Vec::new())]));
            is_open = true;
        } else if line.starts_with(DELETE) {
            is_open = false;
        } else if let Some((path, changes)) = files.last_mut().filter(|_| is_open) {
            if let Some(moved) = line.strip_prefix(MOVE) {
                *path = moved.trim().into();
            } else if let [Change::Patched(hunks)] = changes.as_mut_slice() {
                Hunk::read_line(hunks, line);
            }
        }
    }
    files
}

/// Lines of a file that a patch replaced by others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hunk {
    old: Vec<String>,
    new: Vec<String>,
}

impl Hunk {
    fn read_line(hunks: &mut Vec<Self>, line: &str) {
        if line.starts_with(HUNK) {
            hunks.push(Self::default());
            return;
        }
        // The first hunk may come without its mark.
        if hunks.is_empty() && !line.starts_with("***") {
            hunks.push(Self::default());
        }
        let Some(hunk) = hunks.last_mut() else { return };
        let mut rest = line.chars();
        let mark = rest.next();
        let rest = rest.as_str().to_owned();
        match mark {
            Some('+') => hunk.new.push(rest),
            Some('-') => hunk.old.push(rest),
            // An empty line of context may have lost its blank.
            Some(' ') | None => {
                hunk.old.push(rest.clone());
                hunk.new.push(rest);
            }
            Some(_) => {}
        }
    }

    /// The text before the hunks were applied, if each is in one place only.
    pub(super) fn undo_all(hunks: &[Self], text: &str) -> Option<String> {
        let mut before = String::with_capacity(text.len());
        let mut at = 0;
        for hunk in hunks {
            let new = hunk.new.join("\n");
            let start = only_place(text, at, &new)?;
            before.push_str(&text[at..start]);
            before.push_str(&hunk.old.join("\n"));
            at = start + new.len();
            if hunk.old.is_empty() {
                // The lines are gone, so their line break goes too.
                at = (at + 1).min(text.len());
            }
        }
        before.push_str(&text[at..]);
        Some(before)
    }
}

/// Where whole lines are in a text behind `from`; `None` if they are nowhere or in several places.
fn only_place(text: &str, from: usize, lines: &str) -> Option<usize> {
    if lines.is_empty() {
        return None;
    }
    let mut found = None;
    let mut at = from;
    for _ in 0..PLACES_MAX {
        let Some(start) = text.get(at..)?.find(lines).map(|offset| at + offset) else {
            return found;
        };
        let end = start + lines.len();
        let is_whole = (start == 0 || text[..start].ends_with('\n'))
            && (end == text.len() || text[end..].starts_with('\n'));
        if is_whole && found.replace(start).is_some() {
            return None;
        }
        at = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

#[cfg(test)]
mod tests;
