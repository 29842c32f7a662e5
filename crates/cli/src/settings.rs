//! Puts the hook into a Claude Code settings file and takes it out again, as edits of the text.
//!
//! Everything that is not ours keeps its bytes: the file is parsed to find the places, and text is
//! inserted or cut there. Taking the hook out gives back the bytes that were there before, without
//! any record of them, because the inserted text tells what was there:
//!
//! - an array or object that was there and empty is filled without a blank after its bracket;
//! - one that we made has a blank or a line break there.

mod place;
#[cfg(test)]
mod tests;

use jsonc_parser::ParseOptions;
use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::parse_to_ast;
use serde_json::json;

use self::place::{Container, Layout, line_and_column};

/// What the settings file calls the event after an edit.
const EVENT: &str = "PostToolUse";

/// The tools that edit files.
const MATCHER: &str = "Edit|Write|MultiEdit|NotebookEdit";

/// The program as the settings name it; found on the harness's PATH.
const PROGRAM: &str = "claude-flow";

/// The arguments that make the program answer the harness.
const ARGUMENTS: [&str; 2] = ["hook", "claude-code"];

/// How long the harness waits, in seconds; the checks themselves end sooner.
const TIMEOUT_S: u64 = 10;

/// How often the hook is taken out of one file; nobody has it in there more often.
const HOOKS_MAX: usize = 100;

/// A byte-order mark, which stays where it is.
const BOM: &str = "\u{feff}";

/// Why a settings file is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    /// There is nothing in it.
    #[error("it is empty, and has to hold a JSON object; remove it or write `{{}}` into it")]
    Empty,
    /// It is no JSON; comments and trailing commas are none either.
    #[error("line {line}, column {column}: {message}; mend that and try again")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It has a comment.
    #[error(
        "line {line} has a comment, which JSON does not know; remove it, or add the hook by hand (`claude-flow init --help` shows it)"
    )]
    Comment {
        /// The line, from 1.
        line: usize,
    },
    /// A key has a value of another kind than Claude Code wants.
    #[error("`{key}` is {found}, and has to be {wanted}; mend that and try again")]
    Shape {
        /// The key as a path, for example `hooks.PostToolUse[0].hooks`.
        key: String,
        /// What it is.
        found: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
    /// A key is there more than once.
    #[error("`{key}` is there twice; keep one of them and try again")]
    Twice {
        /// The key as a path.
        key: String,
    },
}

/// The text with the hook in it; `None` if it is in there.
///
/// # Errors
///
/// [`SettingsError`] if the text is not what Claude Code would read.
pub(crate) fn install(text: &str) -> Result<Option<String>, SettingsError> {
    let (bom, text) = split_bom(text);
    let root = parse(text)?;
    let Some(hooks) = object_member(&root, "hooks", "hooks")? else {
        let value = json!({ EVENT: [group()] });
        let container = Container::of_object(text, &root);
        let inserted = container.insert(Some("hooks"), &value);
        return Ok(Some(format!("{bom}{inserted}")));
    };
    let key = format!("hooks.{EVENT}");
    let inserted = match array_member(hooks, EVENT, &key)? {
        None => Container::of_object(text, hooks).insert(Some(EVENT), &json!([group()])),
        Some(groups) if !our_handlers(groups)?.is_empty() => return Ok(None),
        Some(groups) => Container::of_array(text, groups).insert(None, &group()),
    };
    Ok(Some(format!("{bom}{inserted}")))
}

/// The text without the hook; `None` if it is not in there.
///
/// # Errors
///
/// [`SettingsError`] if the text is not what Claude Code would read.
pub(crate) fn uninstall(text: &str) -> Result<Option<Uninstalled>, SettingsError> {
    if text == new_file() {
        return Ok(Some(Uninstalled::File));
    }
    let (bom, text) = split_bom(text);
    let mut current = text.to_owned();
    for _ in 0..HOOKS_MAX {
        match remove_first(&current)? {
            Some(shorter) => current = shorter,
            None => break,
        }
    }
    if current == text {
        return Ok(None);
    }
    Ok(Some(Uninstalled::Text(format!("{bom}{current}"))))
}

/// What is left of a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uninstalled {
    /// The text to keep.
    Text(String),
    /// Nothing: the file is byte for byte the one that [`new_file`] makes.
    File,
}

/// Whether the hook is in the text.
///
/// # Errors
///
/// [`SettingsError`] if the text is not what Claude Code would read.
pub(crate) fn is_installed(text: &str) -> Result<bool, SettingsError> {
    Ok(install(text)?.is_none())
}

/// A settings file with nothing but the hook.
pub(crate) fn new_file() -> String {
    let layout = Layout::default();
    let value = json!({ "hooks": { EVENT: [group()] } });
    format!("{}\n", layout.pretty(&value, ""))
}

/// What is added to the list of the event.
fn group() -> serde_json::Value {
    json!({
        "matcher": MATCHER,
        "hooks": [{
            "type": "command",
            "command": PROGRAM,
            "args": ARGUMENTS,
            "timeout": TIMEOUT_S,
        }],
    })
}

fn split_bom(text: &str) -> (&str, &str) {
    match text.strip_prefix(BOM) {
        Some(rest) => (BOM, rest),
        None => ("", text),
    }
}

/// Parses strict JSON.
fn parse(text: &str) -> Result<Object<'_>, SettingsError> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &strict);
    let parsed = parsed.map_err(|error| {
        let (line, column) = line_and_column(text, error.range().start);
        if text[error.range().start..].starts_with("//")
            || text[error.range().start..].starts_with("/*")
        {
            return SettingsError::Comment { line };
        }
        let message = error.kind().to_string();
        SettingsError::NotJson {
            line,
            column,
            message,
        }
    })?;
    match parsed.value {
        None => Err(SettingsError::Empty),
        Some(Value::Object(root)) => Ok(root),
        Some(other) => Err(wrong_shape("the top level", &other, "an object")),
    }
}

/// Takes out the first of our handlers, and what it leaves empty and is ours.
fn remove_first(text: &str) -> Result<Option<String>, SettingsError> {
    let root = parse(text)?;
    let Some(hooks) = object_member(&root, "hooks", "hooks")? else {
        return Ok(None);
    };
    let Some(groups) = array_member(hooks, EVENT, &format!("hooks.{EVENT}"))? else {
        return Ok(None);
    };
    let Some(&(group_index, handler_index)) = our_handlers(groups)?.first() else {
        return Ok(None);
    };
    let group = groups.elements[group_index].as_object();
    let handlers = group.and_then(|group| group.get_array("hooks"));
    if let Some(handlers) = handlers.filter(|handlers| handlers.elements.len() > 1) {
        let container = Container::of_array(text, handlers);
        return Ok(Some(container.remove(handler_index)));
    }
    let groups = Container::of_array(text, groups);
    if groups.len() > 1 || !groups.is_ours() {
        return Ok(Some(groups.remove(group_index)));
    }
    let hooks = Container::of_object(text, hooks);
    if hooks.len() > 1 || !hooks.is_ours() {
        return Ok(Some(hooks.remove(hooks.index_of(groups.range()))));
    }
    let root = Container::of_object(text, &root);
    Ok(Some(root.remove(root.index_of(hooks.range()))))
}

/// The indices of our handlers: of the group, and in its list.
fn our_handlers(groups: &Array<'_>) -> Result<Vec<(usize, usize)>, SettingsError> {
    let mut found = Vec::new();
    for (group_index, group) in groups.elements.iter().enumerate() {
        let key = format!("hooks.{EVENT}[{group_index}]");
        let Value::Object(group) = group else {
            return Err(wrong_shape(&key, group, "an object"));
        };
        let key = format!("{key}.hooks");
        let Some(handlers) = array_member(group, "hooks", &key)? else {
            continue;
        };
        for (handler_index, handler) in handlers.elements.iter().enumerate() {
            let Value::Object(handler) = handler else {
                let key = format!("{key}[{handler_index}]");
                return Err(wrong_shape(&key, handler, "an object"));
            };
            if is_ours(handler) {
                found.push((group_index, handler_index));
            }
        }
    }
    Ok(found)
}

/// Whether the handler starts this program for this harness, in the exec or in the shell form.
fn is_ours(handler: &Object<'_>) -> bool {
    let Some(command) = handler.get_string("command") else {
        return false;
    };
    let words: Vec<&str> = match handler.get_array("args") {
        Some(args) => {
            let args = args.elements.iter().map(|arg| arg.as_string_lit());
            let args = args.map(|arg| arg.map_or("", |text| text.value.as_ref()));
            std::iter::once(command.value.as_ref())
                .chain(args)
                .collect()
        }
        None => command.value.split_ascii_whitespace().collect(),
    };
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    matches!(name, "claude-flow" | "claude-flow.exe") && arguments == ARGUMENTS
}

fn object_member<'o, 'a>(
    object: &'o Object<'a>,
    name: &str,
    key: &str,
) -> Result<Option<&'o Object<'a>>, SettingsError> {
    match member(object, name, key)? {
        None => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(other) => Err(wrong_shape(key, other, "an object")),
    }
}

fn array_member<'o, 'a>(
    object: &'o Object<'a>,
    name: &str,
    key: &str,
) -> Result<Option<&'o Array<'a>>, SettingsError> {
    match member(object, name, key)? {
        None => Ok(None),
        Some(Value::Array(inner)) => Ok(Some(inner)),
        Some(other) => Err(wrong_shape(key, other, "an array")),
    }
}

fn member<'o, 'a>(
    object: &'o Object<'a>,
    name: &str,
    key: &str,
) -> Result<Option<&'o Value<'a>>, SettingsError> {
    let mut named = object
        .properties
        .iter()
        .filter(|property| property.name.as_str() == name);
    let first = named.next();
    if named.next().is_some() {
        return Err(SettingsError::Twice {
            key: key.to_owned(),
        });
    }
    Ok(first.map(|property| &property.value))
}

fn wrong_shape(key: &str, value: &Value<'_>, wanted: &'static str) -> SettingsError {
    let found = match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::NullKeyword(_) => "null",
    };
    SettingsError::Shape {
        key: key.to_owned(),
        found,
        wanted,
    }
}
