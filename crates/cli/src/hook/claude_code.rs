//! Claude Code: JSON in, exit code 0 and at most one JSON object out.
//!
//! # Source
//!
//! "Hooks reference" of Claude Code.
//! Exit code 2 would be shown to the agent as a failure of its edit, and 1 to nobody, so the answer is
//! always 0 and the findings are in `hookSpecificOutput.additionalContext`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::context;
use super::{Answer, Workspace};
use crate::visible::visible_short;

/// The event that is answered.
const EVENT: &str = "PostToolUse";

/// The tools that edit one file.
const TOOLS: [&str; 4] = ["Edit", "Write", "MultiEdit", "NotebookEdit"];

/// The longest name from a payload that is repeated in a message, in characters.
const NAME_CHARS_MAX: usize = 100;

/// The most edits of one call that are undone to find the content before.
const EDITS_MAX: usize = 1_000;

/// The byte-order mark of UTF-8, which some shells put before what they pipe.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The answer to a payload.
pub(super) fn respond(payload: &[u8], workspace: &dyn Workspace) -> Answer {
    if workspace.is_cursor() {
        return Answer::silent();
    }
    let payload = payload.strip_prefix(BOM).unwrap_or(payload);
    if payload.trim_ascii().is_empty() {
        return Answer::only_stderr(
            "the payload is empty; the harness writes JSON to standard input",
        );
    }
    let payload: Payload<'_> = match serde_json::from_slice(payload) {
        Ok(payload) => payload,
        Err(error) => {
            return Answer::only_stderr(format!("the payload is not what {EVENT} sends: {error}"));
        }
    };
    if payload.cursor_version.is_some() {
        return Answer::silent();
    }
    match Edit::of(&payload) {
        Ok(edit) => respond_to_edit(&edit, workspace),
        Err(reason) => Answer::only_stderr(reason),
    }
}

fn respond_to_edit(edit: &Edit<'_>, workspace: &dyn Workspace) -> Answer {
    let before = edit.before(workspace);
    let document = workspace.check(&edit.path, before);
    let path = edit.shown_path();
    let unreadable = document.files.first().and_then(|file| file.error.as_ref());
    let stderr = unreadable.map(|error| format!("{path} was not checked: {error}"));
    let text = context::of_document(&document, &path);
    let stdout = text.map(|text| {
        let output = json!({ "hookEventName": EVENT, "additionalContext": text });
        json!({ "hookSpecificOutput": output }).to_string()
    });
    Answer { stdout, stderr }
}

/// What the harness sends, as far as it is used; other fields are ignored.
#[derive(Debug, Deserialize)]
struct Payload<'a> {
    #[serde(borrow, default)]
    hook_event_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(default)]
    tool_input: Value,
    #[serde(default)]
    tool_response: Value,
    /// Only Cursor sends it.
    #[serde(default)]
    cursor_version: Option<Value>,
}

/// One call of a tool that edited one file.
#[derive(Debug)]
struct Edit<'a> {
    path: PathBuf,
    directory: Option<&'a Path>,
    input: &'a Value,
    response: &'a Value,
}

impl<'a> Edit<'a> {
    /// The edit that a payload tells of, or why there is none.
    fn of(payload: &'a Payload<'_>) -> Result<Self, String> {
        let named = |field: &'a Option<Cow<'_, str>>, name: &str| {
            let value = field.as_deref();
            value.ok_or_else(|| format!("the payload has no `{name}`"))
        };
        let event = named(&payload.hook_event_name, "hook_event_name")?;
        if event != EVENT {
            let event = visible_short(event, NAME_CHARS_MAX);
            return Err(format!(
                "the event `{event}` is not answered, only `{EVENT}`"
            ));
        }
        let tool = named(&payload.tool_name, "tool_name")?;
        if !TOOLS.contains(&tool) {
            let tool = visible_short(tool, NAME_CHARS_MAX);
            let known = TOOLS.join(", ");
            return Err(format!("the tool `{tool}` is not answered, only {known}"));
        }
        let directory = payload.cwd.as_deref().map(Path::new);
        let input = &payload.tool_input;
        let path = ["file_path", "notebook_path"]
            .into_iter()
            .find_map(|field| input[field].as_str())
            .or_else(|| payload.tool_response["filePath"].as_str())
            .filter(|path| !path.is_empty())
            .ok_or_else(|| format!("the payload of `{tool}` has no `tool_input.file_path`"))?;
        Ok(Self {
            path: directory.unwrap_or(Path::new("")).join(path),
            directory,
            input,
            response: &payload.tool_response,
        })
    }

    /// The path as it is told: within the working directory relative to it.
    fn shown_path(&self) -> Cow<'_, str> {
        let relative = self
            .directory
            .and_then(|directory| self.path.strip_prefix(directory).ok());
        relative.unwrap_or(&self.path).to_string_lossy()
    }

    /// The content before the edit: as the harness tells it, or by undoing the edit.
    fn before(&self, workspace: &dyn Workspace) -> Option<Vec<u8>> {
        if let Some(original) = self.response["originalFile"].as_str() {
            return Some(original.as_bytes().to_vec());
        }
        let replaced = Replaced::all_of(self.input)?;
        let now = workspace.read(&self.path)?;
        let now = String::from_utf8(now).ok()?;
        let before = replaced
            .iter()
            .rev()
            .try_fold(now, |text, replaced| replaced.undo(&text))?;
        Some(before.into_bytes())
    }
}

/// One replacement of an `Edit` or `MultiEdit`.
#[derive(Debug)]
struct Replaced<'a> {
    old: &'a str,
    new: &'a str,
    is_everywhere: bool,
}

impl<'a> Replaced<'a> {
    /// The replacements in their order; `None` if the tool made none, or one of another form.
    fn all_of(input: &'a Value) -> Option<Vec<Self>> {
        match &input["edits"] {
            Value::Array(edits) if edits.len() <= EDITS_MAX => edits.iter().map(Self::of).collect(),
            Value::Null => Some(vec![Self::of(input)?]),
            _ => None,
        }
    }

    fn of(edit: &'a Value) -> Option<Self> {
        Some(Self {
            old: edit["old_string"].as_str()?,
            new: edit["new_string"].as_str()?,
            is_everywhere: edit["replace_all"].as_bool().unwrap_or(false),
        })
    }

    /// The text before the replacement, if there is only one such text.
    ///
    /// With `replace_all`, places that held the new string before are undone too: then more lines
    /// count as edited than were, and no finding is kept from the agent.
    fn undo(&self, text: &str) -> Option<String> {
        let first = text.find(self.new).filter(|_| !self.new.is_empty())?;
        if self.is_everywhere {
            return Some(text.replace(self.new, self.old));
        }
        let second_start = first + text[first..].chars().next().map_or(1, char::len_utf8);
        if text[second_start..].contains(self.new) {
            return None;
        }
        let rest = &text[first + self.new.len()..];
        Some(format!("{}{}{rest}", &text[..first], self.old))
    }
}
