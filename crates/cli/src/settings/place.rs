//! Where text is inserted into a JSON file and cut out of it, and how it is laid out.

use std::ops::Range;

use jsonc_parser::ast::{Array, Object};
use jsonc_parser::common::Ranged;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The indentation of a file that shows none.
const INDENT: &str = "  ";

/// How a file breaks and indents its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    line_break: &'a str,
    indent: &'a str,
}

impl Default for Layout<'_> {
    fn default() -> Self {
        Self {
            line_break: "\n",
            indent: INDENT,
        }
    }
}

impl<'a> Layout<'a> {
    fn of(text: &'a str) -> Self {
        let Some(newline) = text.find('\n') else {
            return Self::default();
        };
        let is_crlf = text[..newline].ends_with('\r');
        let indent = text
            .lines()
            .map(leading_blank)
            .find(|indent| !indent.is_empty());
        Self {
            line_break: if is_crlf { "\r\n" } else { "\n" },
            indent: indent.unwrap_or(INDENT),
        }
    }

    /// The value over several lines; all but the first begin with `base`.
    pub(super) fn pretty(&self, value: &Value, base: &str) -> String {
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(self.indent.as_bytes());
        value
            .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
            .expect("a JSON value has a JSON form, and a vector takes everything");
        // Line breaks within strings are escaped, so each one here is layout.
        String::from_utf8_lossy(&bytes).replace('\n', &format!("{}{base}", self.line_break))
    }
}

/// An array or object in a text, with the places of what is in it.
#[derive(Debug)]
pub(super) struct Container<'a> {
    text: &'a str,
    range: Range<usize>,
    children: Vec<Range<usize>>,
}

impl<'a> Container<'a> {
    pub(super) fn of_object(text: &'a str, object: &Object<'_>) -> Self {
        let ranges = object.properties.iter().map(Ranged::range);
        Self {
            text,
            range: object.range.start..object.range.end,
            children: ranges.map(|range| range.start..range.end).collect(),
        }
    }

    pub(super) fn of_array(text: &'a str, array: &Array<'_>) -> Self {
        let ranges = array.elements.iter().map(Ranged::range);
        Self {
            text,
            range: array.range.start..array.range.end,
            children: ranges.map(|range| range.start..range.end).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The child that a place is in; the first if it is in none.
    pub(super) fn index_of(&self, place: Range<usize>) -> usize {
        self.children
            .iter()
            .position(|child| child.contains(&place.start))
            .unwrap_or(0)
    }

    /// Whether [`Self::insert`] made it: then a blank follows its bracket.
    pub(super) fn is_ours(&self) -> bool {
        self.text[self.range.start + 1..].starts_with(|c: char| c.is_ascii_whitespace())
    }

    /// The text with a value added at the end, under a key if it is an object.
    pub(super) fn insert(&self, key: Option<&str>, value: &Value) -> String {
        let layout = Layout::of(self.text);
        let key = key.map_or_else(String::new, |key| format!("\"{key}\": "));
        let Some(last) = self.children.last() else {
            let line = &self.text[..self.range.start];
            let line = &line[line.rfind('\n').map_or(0, |newline| newline + 1)..];
            let base = format!("{}{}", leading_blank(line), layout.indent);
            let value = layout.pretty(value, &base);
            return self.splice(self.range.start + 1, &format!("{key}{value}"));
        };
        let before = &self.text[self.range.start + 1..last.start];
        let blank = &before[before.trim_ascii_end().len()..];
        let inserted = match blank.rfind('\n') {
            Some(newline) => {
                let base = &blank[newline + 1..];
                let value = layout.pretty(value, base);
                format!(",{}{base}{key}{value}", layout.line_break)
            }
            None => format!(", {key}{}", one_line(value)),
        };
        self.splice(last.end, &inserted)
    }

    /// The text without one of the children.
    pub(super) fn remove(&self, index: usize) -> String {
        let child = &self.children[index];
        let cut = match (index.checked_sub(1), self.children.get(index + 1)) {
            (_, Some(next)) => child.start..next.start,
            (Some(previous), None) => self.children[previous].end..child.end,
            (None, None) => self.range.start + 1..child.end,
        };
        format!("{}{}", &self.text[..cut.start], &self.text[cut.end..])
    }

    fn splice(&self, at: usize, inserted: &str) -> String {
        format!("{}{inserted}{}", &self.text[..at], &self.text[at..])
    }
}

/// Line and column of a byte, both from 1, the column in characters.
pub(super) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_begin..].chars().count() + 1)
}

/// The value in one line, with blanks inside its brackets.
fn one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(one_line).collect();
            format!("[ {} ]", items.join(", "))
        }
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), one_line(value))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{ {} }}", members.join(", "))
        }
        other => other.to_string(),
    }
}

fn leading_blank(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
