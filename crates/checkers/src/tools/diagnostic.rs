//! What a tool said about one place.

use std::borrow::Cow;

use super::limits::MESSAGE_BYTES_MAX;
use super::place::{Place, Text};
use super::tool::Tool;
use crate::{Finding, Fix, Related, Severity};

/// One thing that a tool said, in its own numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file: relative to the root with `/`, absolute if it is outside; `None` if it is about none.
    pub path: Option<String>,
    /// Where in the file; `None` if the tool did not say.
    pub place: Option<Place>,
    /// The tool's own name of the rule.
    pub rule: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in the tool's words.
    pub message: String,
    /// What to do next, in the tool's words.
    pub help: Option<String>,
    /// Where the rule is documented.
    pub docs: Option<String>,
    /// Other places that explain it.
    pub notes: Vec<Note>,
    /// Edits that mend it.
    pub repair: Option<Repair>,
}

impl Diagnostic {
    /// A diagnostic with nothing but its severity and message.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        if message.len() > MESSAGE_BYTES_MAX {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
            message.push('…');
        }
        Self {
            path: None,
            place: None,
            rule: None,
            severity,
            message,
            help: None,
            docs: None,
            notes: Vec::new(),
            repair: None,
        }
    }

    pub(super) fn in_file(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub(super) const fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn of_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// The finding in the text that the diagnostic is about, or `None` if the text has no such place.
    pub(super) fn finding(&self, tool: &Tool, text: &Text<'_>, bytes: &[u8]) -> Option<Finding> {
        let span = match &self.place {
            Some(place) => text.span(place)?,
            None => 0..0,
        };
        let check = tool.check.name();
        let rule = match &self.rule {
            Some(rule) => format!("{check}/{}/{rule}", tool.name),
            None => format!("{check}/{}", tool.name),
        };
        let related = self.notes.iter().filter(|note| note.path == self.path);
        Some(Finding {
            rule: Cow::Owned(rule),
            severity: self.severity,
            message: self.message.clone(),
            span,
            related: related
                .filter_map(|note| {
                    Some(Related {
                        message: note.message.clone(),
                        span: text.span(note.place.as_ref()?)?,
                    })
                })
                .collect(),
            help: self.help.clone(),
            fix: self.repair.as_ref().and_then(|it| it.fix(text, bytes)),
            docs: self.docs.clone().map(Cow::Owned),
        })
    }
}

/// A place that explains a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file, as in [`Diagnostic::path`].
    pub path: Option<String>,
    /// Where in the file.
    pub place: Option<Place>,
    /// What is there.
    pub message: String,
}

/// Edits that mend a [`Diagnostic`], all of them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What they do.
    pub message: String,
    /// True if the tool says that they do not change what the program means.
    pub is_safe: bool,
    /// The edits, in the file of the diagnostic; they do not overlap.
    pub edits: Vec<Edit>,
}

impl Repair {
    /// The edits as one that spans them, if they are safe and fit the text.
    fn fix(&self, text: &Text<'_>, bytes: &[u8]) -> Option<Fix> {
        if !self.is_safe {
            return None;
        }
        let spans = self.edits.iter().map(|edit| {
            let span = text.span(&edit.place)?;
            Some((span, edit.text.as_str()))
        });
        let mut edits = spans.collect::<Option<Vec<_>>>()?;
        // A stable sort: insertions at one place keep the tool's order.
        edits.sort_by_key(|(span, _)| (span.start, span.end));
        let start = edits.first()?.0.start;
        let mut at = start;
        let mut replacement = String::new();
        for (span, text) in edits {
            let kept = bytes.get(at..span.start)?;
            replacement.push_str(std::str::from_utf8(kept).ok()?);
            replacement.push_str(text);
            at = span.end;
        }
        Some(Fix {
            message: self.message.clone(),
            span: start..at,
            replacement,
        })
    }
}

/// One edit of a [`Repair`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; a place without an end is an insertion.
    pub place: Place,
    /// What stands there afterwards.
    pub text: String,
}
