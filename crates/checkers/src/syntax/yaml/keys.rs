//! Keys that occur twice in one mapping.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, ScalarStyle};

use crate::{Finding, Severity};

/// Follows the events of a stream and collects its duplicate keys.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) duplicates: Vec<Finding>,
    frames: Vec<Frame>,
}

/// A collection that encloses the place.
enum Frame {
    Sequence,
    Mapping {
        /// By text, and whether it is quoted: `1` and `"1"` are different keys.
        keys: BTreeMap<(String, bool), Range<usize>>,
        is_key_next: bool,
    },
}

impl Keys {
    pub(super) fn event(&mut self, event: Event<'_>, place: impl FnOnce() -> Range<usize>) {
        match event {
            Event::Scalar(text, style, _, _) => {
                let is_quoted = style != ScalarStyle::Plain;
                self.scalar((text.into_owned(), is_quoted), place);
                self.node_ended();
            }
            Event::Alias(_) => self.node_ended(),
            Event::SequenceStart(..) => self.frames.push(Frame::Sequence),
            Event::MappingStart(..) => self.frames.push(Frame::Mapping {
                keys: BTreeMap::new(),
                is_key_next: true,
            }),
            Event::SequenceEnd | Event::MappingEnd => {
                self.frames.pop();
                self.node_ended();
            }
            Event::DocumentStart(_) | Event::DocumentEnd => self.frames.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }

    /// Whether the next node is a key.
    pub(super) fn is_key_next(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame::Mapping {
                is_key_next: true,
                ..
            })
        )
    }

    fn scalar(&mut self, key: (String, bool), place: impl FnOnce() -> Range<usize>) {
        let Some(Frame::Mapping {
            keys,
            is_key_next: true,
        }) = self.frames.last_mut()
        else {
            return;
        };
        // Merge keys may repeat.
        if key == ("<<".to_owned(), false) {
            return;
        }
        let place = place();
        let name = key.0.clone();
        if let Some(first) = keys.insert(key, place.clone()) {
            let message = format!("the key `{name}` occurs twice in this mapping");
            let finding = Finding::error("syntax/duplicate-key", message, place)
                .with_severity(Severity::Warning)
                .with_related("the key occurs here first", first);
            self.duplicates.push(finding);
        }
    }

    /// A node is complete: in a mapping the next is a value after a key, a key after a value.
    fn node_ended(&mut self) {
        if let Some(Frame::Mapping { is_key_next, .. }) = self.frames.last_mut() {
            *is_key_next = !*is_key_next;
        }
    }
}
