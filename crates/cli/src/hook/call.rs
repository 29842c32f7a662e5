//! What a harness sends, as the files that were edited and how.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::contract::Contract;
use super::edit::{Change, Edit};
use super::patch;
use crate::visible::visible_short;

/// The longest name from a payload that is repeated in a message, in characters.
const NAME_CHARS_MAX: usize = 100;

/// The most files of one call that are checked.
const FILES_MAX: usize = 100;

/// The byte-order mark of UTF-8, which some shells put before what they pipe.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where harnesses name the one file of a call, by what they call it.
const PATH_FIELDS: [&str; 5] = [
    "file_path",
    "filePath",
    "notebook_path",
    "path",
    "target_file",
];

/// Where harnesses put the text of a patch.
const PATCH_FIELDS: [&str; 3] = ["command", "input", "patch"];

/// One event after which files are to be checked.
#[derive(Debug)]
pub(super) struct Call {
    /// The event's name, as the harness knows it.
    pub(super) event: String,
    /// Whether Cursor sent it.
    pub(super) is_from_cursor: bool,
    /// The files, each once, at most [`FILES_MAX`].
    pub(super) edits: Vec<Edit>,
    /// How many more there are.
    pub(super) left_out: usize,
    directory: Option<PathBuf>,
}

impl Call {
    /// Reads a payload; the error is for people.
    pub(super) fn read(payload: &[u8], contract: &Contract) -> Result<Self, String> {
        let payload = payload.strip_prefix(BOM).unwrap_or(payload);
        if payload.trim_ascii().is_empty() {
            return Err(
                "the payload is empty; the harness writes JSON to standard input".to_owned(),
            );
        }
        let payload: Payload<'_> = serde_json::from_slice(payload).map_err(|error| {
            let event = contract.events[0];
            format!("the payload is not what {event} sends: {error}")
        })?;
        let mut call = Self {
            event: payload.event(contract)?.to_owned(),
            is_from_cursor: payload.cursor_version.is_some(),
            edits: Vec::new(),
            left_out: 0,
            directory: payload.cwd.as_deref().map(PathBuf::from),
        };
        let Some(batch) = &payload.tool_calls else {
            let tool = payload.tool.name()?;
            if !contract.tools.contains(&tool) {
                let tool = visible_short(tool, NAME_CHARS_MAX);
                let known = contract.tools.join(", ");
                return Err(format!("the tool `{tool}` is not answered, only {known}"));
            }
            call.add(&payload.tool)?;
            return Ok(call);
        };
        for tool in batch {
            // One odd call does not silence what there is to tell of the others.
            let edits = tool.name().is_ok_and(|name| contract.tools.contains(&name));
            if edits && call.add(tool).is_err() {
                call.left_out += 1;
            }
        }
        Ok(call)
    }

    /// The path as it is told: within the working directory relative to it.
    pub(super) fn shown<'a>(&self, edit: &'a Edit) -> Cow<'a, str> {
        let directory = self.directory.as_deref();
        let relative = directory.and_then(|directory| edit.path.strip_prefix(directory).ok());
        relative.unwrap_or(&edit.path).to_string_lossy()
    }

    fn add(&mut self, tool: &Tool<'_>) -> Result<(), String> {
        if !tool.has_succeeded() {
            return Ok(());
        }
        for (path, changes) in tool.changes()? {
            let path = self
                .directory
                .as_deref()
                .unwrap_or(Path::new(""))
                .join(path);
            if let Some(edit) = self.edits.iter_mut().find(|edit| edit.path == path) {
                edit.changes.extend(changes);
            } else if self.edits.len() < FILES_MAX {
                self.edits.push(Edit { path, changes });
            } else {
                self.left_out += 1;
            }
        }
        Ok(())
    }
}

/// What the harness sends, as far as it is used; other fields are ignored.
#[derive(Debug, Deserialize)]
struct Payload<'a> {
    #[serde(borrow, default)]
    hook_event_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    /// The calls of a batch.
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Tool<'a>>>,
    /// Only Cursor sends it.
    #[serde(default)]
    cursor_version: Option<Value>,
    #[serde(borrow, flatten)]
    tool: Tool<'a>,
}

impl Payload<'_> {
    fn event(&self, contract: &Contract) -> Result<&str, String> {
        let event = match self.hook_event_name.as_deref() {
            Some(event) => event,
            None if contract.is_event_optional => contract.events[0],
            None => return Err("the payload has no `hook_event_name`".to_owned()),
        };
        if contract.events.contains(&event) {
            return Ok(event);
        }
        if contract.session_events.contains(&event) {
            return Err(format!(
                "the event `{event}` is answered by the daemon, which remembers the session; it does not run here"
            ));
        }
        let event = visible_short(event, NAME_CHARS_MAX);
        let known = contract.events.join("` and `");
        Err(format!(
            "the event `{event}` is not answered, only `{known}`"
        ))
    }
}

/// One call of a tool.
#[derive(Debug, Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default, rename = "tool_name", alias = "toolName")]
    name: Option<Cow<'a, str>>,
    #[serde(
        default,
        rename = "tool_input",
        alias = "toolArgs",
        deserialize_with = "maybe_in_string"
    )]
    input: Value,
    #[serde(default, rename = "tool_response", alias = "toolResult")]
    response: Value,
}

impl Tool<'_> {
    fn name(&self) -> Result<&str, String> {
        let name = self.name.as_deref();
        name.ok_or_else(|| "the payload has no `tool_name`".to_owned())
    }

    /// Harnesses that call after a failure too say so in the result.
    fn has_succeeded(&self) -> bool {
        let result = self.response["resultType"].as_str();
        let is_looking = self.input["command"].as_str() == Some("view");
        result.is_none_or(|result| result == "success") && !is_looking
    }

    /// The files and what was done to each.
    fn changes(&self) -> Result<Vec<(PathBuf, Vec<Change>)>, String> {
        let input = &self.input;
        let text = PATCH_FIELDS
            .iter()
            .filter_map(|field| input[field].as_str())
            .chain(input.as_str())
            .find(|text| patch::is_patch(text));
        if let Some(text) = text {
            return Ok(patch::changes(text));
        }
        if let Some(paths) = input["files"].as_array() {
            let paths = paths.iter().filter_map(Value::as_str);
            return Ok(paths
                .map(|path| (path.into(), vec![Change::Unknown]))
                .collect());
        }
        if let Some(replacements) = input["replacements"].as_array() {
            let changes = replacements.iter().map(|one| {
                let path = path_in(one).or_else(|| path_in(input))?;
                Some((path.into(), Change::all_of(one, &Value::Null)))
            });
            let changes: Option<Vec<_>> = changes.collect();
            return changes.ok_or_else(|| self.has_no_path());
        }
        let path = path_in(input)
            .or_else(|| path_in(&self.response))
            .ok_or_else(|| self.has_no_path())?;
        Ok(vec![(path.into(), Change::all_of(input, &self.response))])
    }

    fn has_no_path(&self) -> String {
        let tool = visible_short(self.name.as_deref().unwrap_or_default(), NAME_CHARS_MAX);
        format!("the payload of `{tool}` has no `tool_input.file_path`")
    }
}

fn path_in(value: &Value) -> Option<&str> {
    let mut paths = PATH_FIELDS.iter().filter_map(|field| value[field].as_str());
    paths.find(|path| !path.is_empty())
}

/// Some harnesses send the arguments of a tool as a string that holds JSON.
fn maybe_in_string<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let inner = value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    Ok(inner.unwrap_or(value))
}
