//! Where each key of a document is first defined.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use toml_parser::parser::{Event, EventKind};
use toml_parser::{Raw, Source};

use super::range;

/// The place at which the key whose last part starts at an offset was defined before.
pub(super) fn first_definition(
    source: Source<'_>,
    events: &[Event],
    offset: usize,
) -> Option<Range<usize>> {
    let mut walk = Walk::default();
    for event in events {
        if walk.event(source, event) == Some(offset) {
            let path = walk.here();
            return walk
                .first
                .get(&path)
                .filter(|place| place.start != offset)
                .cloned();
        }
    }
    None
}

type Path = Vec<String>;

/// An inline table, or an element of an array.
struct Enclosing {
    path: Path,
    is_element: bool,
}

#[derive(Default)]
struct Walk {
    /// The path of the table that the last header opened.
    table: Path,
    in_header: bool,
    /// The inline tables and arrays that enclose the place.
    inline: Vec<Enclosing>,
    /// The key that is being read, dotted parts included.
    key: Path,
    /// How many elements each array has so far, by its path.
    elements: BTreeMap<Path, usize>,
    first: BTreeMap<Path, Range<usize>>,
}

impl Walk {
    /// Takes one event in; gives the offset of a key's part if it is one.
    fn event(&mut self, source: Source<'_>, event: &Event) -> Option<usize> {
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                self.table.clear();
                self.inline.clear();
                self.key.clear();
                self.in_header = true;
            }
            EventKind::ArrayTableClose => {
                let path = self.here();
                self.table = self.next_element(path);
                self.key.clear();
                self.in_header = false;
            }
            EventKind::StdTableClose => {
                self.table = self.here();
                self.key.clear();
                self.in_header = false;
            }
            EventKind::SimpleKey => {
                let mut name = Cow::Borrowed("");
                let raw: Raw<'_> = source.get(event)?;
                raw.decode_key(&mut name, &mut ());
                self.key.push(name.into_owned());
                let path = self.here();
                let place = range(event.span());
                let start = place.start;
                self.first.entry(path).or_insert(place);
                return Some(start);
            }
            EventKind::InlineTableOpen => {
                let path = self.here();
                self.inline.push(Enclosing {
                    path,
                    is_element: false,
                });
                self.key.clear();
            }
            EventKind::ArrayOpen => {
                let path = self.here();
                let path = self.next_element(path);
                self.inline.push(Enclosing {
                    path,
                    is_element: true,
                });
                self.key.clear();
            }
            EventKind::InlineTableClose | EventKind::ArrayClose => {
                self.inline.pop();
                self.key.clear();
            }
            EventKind::ValueSep => self.next_value(),
            EventKind::Newline if self.inline.is_empty() => self.key.clear(),
            _ => {}
        }
        None
    }

    fn here(&self) -> Path {
        if self.in_header {
            return self.resolve_header();
        }
        let enclosing = self
            .inline
            .last()
            .map_or(&self.table, |enclosing| &enclosing.path);
        enclosing.iter().chain(&self.key).cloned().collect()
    }

    /// A header's path, with the number of the last element wherever it leads through an array.
    fn resolve_header(&self) -> Path {
        let mut path = Path::new();
        for (index, part) in self.key.iter().enumerate() {
            path.push(part.clone());
            if index + 1 < self.key.len()
                && let Some(count) = self.elements.get(&path)
            {
                path.push(count.to_string());
            }
        }
        path
    }

    fn next_element(&mut self, mut path: Path) -> Path {
        let count = self.elements.entry(path.clone()).or_insert(0);
        *count += 1;
        path.push(count.to_string());
        path
    }

    fn next_value(&mut self) {
        self.key.clear();
        if let Some(mut enclosing) = self.inline.pop() {
            if enclosing.is_element {
                enclosing.path.pop();
                enclosing.path = self.next_element(enclosing.path);
            }
            self.inline.push(enclosing);
        }
    }
}
