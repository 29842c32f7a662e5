//! Puts the hook into a harness's settings file and takes it out again, as edits of the text.
//!
//! Everything that is not ours keeps its bytes: the file is parsed to find the places, and text is
//! inserted or cut there. Taking the hook out gives back the bytes that were there before, without
//! any record of them, because the inserted text tells what was there:
//!
//! - an array or object that was there and empty is filled without a blank after its bracket;
//! - one that we made has a blank or a line break there.

mod place;
mod placement;
#[cfg(test)]
mod tests;

use jsonc_parser::ParseOptions;
use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::parse_to_ast;
use serde_json::json;

use self::place::{Container, Layout, line_and_column};
pub(crate) use self::placement::Placement;

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
    /// A key has a value of another kind than the harness wants.
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

impl Placement {
    /// The text with the hook in it; `None` if it is in there.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the text is not what the harness would read.
    pub(crate) fn install(&self, text: &str) -> Result<Option<String>, SettingsError> {
        let (bom, text) = split_bom(text);
        let root = parse(text)?;
        let event = self.event;
        let Some(hooks) = object_member(&root, "hooks", "hooks")? else {
            let value = json!({ event: [self.entry()] });
            let container = Container::of_object(text, &root);
            let inserted = container.insert(Some("hooks"), &value);
            return Ok(Some(format!("{bom}{inserted}")));
        };
        let key = format!("hooks.{event}");
        let inserted = match array_member(hooks, event, &key)? {
            None => Container::of_object(text, hooks).insert(Some(event), &json!([self.entry()])),
            Some(list) if !self.our_handlers(list)?.is_empty() => return Ok(None),
            Some(list) => Container::of_array(text, list).insert(None, &self.entry()),
        };
        Ok(Some(format!("{bom}{inserted}")))
    }

    /// The text without the hook; `None` if it is not in there.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the text is not what the harness would read.
    pub(crate) fn uninstall(&self, text: &str) -> Result<Option<Uninstalled>, SettingsError> {
        if text == self.new_file() {
            return Ok(Some(Uninstalled::File));
        }
        let (bom, text) = split_bom(text);
        let mut current = text.to_owned();
        for _ in 0..HOOKS_MAX {
            match self.remove_first(&current)? {
                Some(shorter) => current = shorter,
                None => break,
            }
        }
        if current == text {
            return Ok(None);
        }
        Ok(Some(Uninstalled::Text(format!("{bom}{current}"))))
    }

    /// Whether the hook is in the text.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the text is not what the harness would read.
    pub(crate) fn is_installed(&self, text: &str) -> Result<bool, SettingsError> {
        Ok(self.install(text)?.is_none())
    }

    /// A settings file with nothing but the hook.
    pub(crate) fn new_file(&self) -> String {
        let layout = Layout::default();
        let hooks = json!({ self.event: [self.entry()] });
        let value = match self.version {
            Some(version) => json!({ "version": version, "hooks": hooks }),
            None => json!({ "hooks": hooks }),
        };
        format!("{}\n", layout.pretty(&value, ""))
    }

    /// Takes out the first of our handlers, and what it leaves empty and is ours.
    fn remove_first(&self, text: &str) -> Result<Option<String>, SettingsError> {
        let root = parse(text)?;
        let Some(hooks) = object_member(&root, "hooks", "hooks")? else {
            return Ok(None);
        };
        let key = format!("hooks.{}", self.event);
        let Some(list) = array_member(hooks, self.event, &key)? else {
            return Ok(None);
        };
        let Some(&(index, in_group)) = self.our_handlers(list)?.first() else {
            return Ok(None);
        };
        let group = list.elements[index].as_object();
        let handlers = group.and_then(|group| group.get_array("hooks"));
        if let (Some(handlers), Some(in_group)) = (handlers, in_group)
            && handlers.elements.len() > 1
        {
            let container = Container::of_array(text, handlers);
            return Ok(Some(container.remove(in_group)));
        }
        let list = Container::of_array(text, list);
        if list.len() > 1 || !list.is_ours() {
            return Ok(Some(list.remove(index)));
        }
        let hooks = Container::of_object(text, hooks);
        if hooks.len() > 1 || !hooks.is_ours() {
            return Ok(Some(hooks.remove(hooks.index_of(list.range()))));
        }
        let root = Container::of_object(text, &root);
        Ok(Some(root.remove(root.index_of(hooks.range()))))
    }

    /// The indices of our handlers: in the event's list, and in the group if there are groups.
    fn our_handlers(&self, list: &Array<'_>) -> Result<Vec<(usize, Option<usize>)>, SettingsError> {
        let mut found = Vec::new();
        for (index, entry) in list.elements.iter().enumerate() {
            let key = format!("hooks.{}[{index}]", self.event);
            let Value::Object(entry) = entry else {
                return Err(wrong_shape(&key, entry, "an object"));
            };
            if !self.has_groups {
                if self.is_ours(entry) {
                    found.push((index, None));
                }
                continue;
            }
            let key = format!("{key}.hooks");
            let Some(handlers) = array_member(entry, "hooks", &key)? else {
                continue;
            };
            for (in_group, handler) in handlers.elements.iter().enumerate() {
                let Value::Object(handler) = handler else {
                    let key = format!("{key}[{in_group}]");
                    return Err(wrong_shape(&key, handler, "an object"));
                };
                if self.is_ours(handler) {
                    found.push((index, Some(in_group)));
                }
            }
        }
        Ok(found)
    }

    /// Whether the handler starts this program for this harness, in the exec or in the shell form.
    fn is_ours(&self, handler: &Object<'_>) -> bool {
        let command = ["command", "bash"]
            .iter()
            .find_map(|name| handler.get_string(name));
        let Some(command) = command else { return false };
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
        matches!(name, "claude-flow" | "claude-flow.exe") && arguments == ["hook", self.harness]
    }
}

/// What is left of a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uninstalled {
    /// The text to keep.
    Text(String),
    /// Nothing: the file is byte for byte the one that [`Placement::new_file`] makes.
    File,
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
