//! YAML 1.2, every document of a stream, by saphyr's parser.
//!
//! The parser wants every line of a flow collection indented more than what it belongs to, as the
//! specification does; no common loader does, so such a collection is read as if on one line.
//!
//! Its events come one by one from a parser that keeps its own stack, so no nesting is too deep.

mod flow;
mod keys;
mod template;

use std::borrow::Cow;

use saphyr_parser::{Event, Marker, Parser, ScanError};

use self::keys::Keys;
use super::first_cause;
use super::message::fragment;
use crate::{Finding, Outcome, Source};

/// How many bytes are read in all, when a text is read again after each flow collection that is
/// indented too little.
const READ_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn check(_source: &Source<'_>, text: &str) -> Outcome {
    if let Some(offset) = memchr::memchr(0, text.as_bytes()) {
        // The parser takes it for the end of the text.
        let message = "a NUL character, which YAML does not allow";
        return Outcome::Checked {
            findings: vec![Finding::error(
                "syntax/invalid-character",
                message,
                offset..offset + 1,
            )],
        };
    }
    let mut masked = Cow::Borrowed(text);
    // The first quoted scalar that runs on into lines of a lesser indentation: if the text makes
    // no sense with it, it was meant to end earlier.
    let mut quoted = None;
    for _ in 0..=READ_BYTES_MAX / text.len().max(1024) {
        let reading = Reading::of(text, &masked);
        let Some(error) = &reading.error else {
            let tab = reading.tab.map(|tab| {
                let message = "a tab in the indentation, where YAML takes only spaces";
                Finding::error("syntax/indentation", message, tab..tab + 1)
            });
            let findings = reading.keys.duplicates.into_iter().chain(tab).collect();
            return Outcome::Checked { findings };
        };
        if template::is_template(text) {
            let reason = "looks like a template, which is not YAML until it is rendered";
            return Outcome::not_run(reason);
        }
        if error.info().starts_with("recursion limit") {
            return Outcome::not_run("flow collections nest deeper than the parser goes");
        }
        let joined = if error
            .info()
            .starts_with("invalid indentation in quoted scalar")
        {
            quoted.get_or_insert(reading.offset);
            flow::join_quoted(&masked, reading.offset)
        } else if error.info().starts_with("invalid indentation") {
            reading
                .flow_start
                .and_then(|start| flow::join(&masked, start))
        } else {
            None
        };
        if let Some(joined) = joined {
            masked = Cow::Owned(joined);
            continue;
        }
        let finding = match quoted {
            Some(quote) => {
                let message = "quoted scalar is never closed";
                Finding::error("syntax/unterminated-literal", message, quote..quote + 1)
            }
            None => reading.finding(text, error),
        };
        let mut findings = reading.keys.duplicates;
        findings.push(finding);
        return Outcome::Checked { findings };
    }
    Outcome::not_run("too many flow collections are indented less than what they belong to")
}

/// One pass of the parser over a text.
struct Reading {
    keys: Keys,
    error: Option<ScanError>,
    /// The offset of the error.
    offset: usize,
    /// The offset of the outermost flow collection that is open at the error.
    flow_start: Option<usize>,
    /// The offset of the first tab that indents a key or an entry, which the parser lets pass.
    tab: Option<usize>,
}

impl Reading {
    /// Reads a text that may be masked: of the same characters but for line ends and comments.
    fn of(text: &str, masked: &str) -> Self {
        let mut reading = Self {
            keys: Keys::default(),
            error: None,
            offset: 0,
            flow_start: None,
            tab: None,
        };
        let mut offsets = Offsets::new(text);
        let has_tabs = text.contains('\t');
        let mut depth = 0_usize;
        for event in Parser::new_from_str(masked) {
            match event {
                Ok((Event::StreamEnd, _)) => break,
                Ok((event, span)) => {
                    if has_tabs && reading.flow_start.is_none() && reading.tab.is_none() {
                        reading.tab = reading.tab_before(text, &event, offsets.of(&span.start));
                    }
                    match &event {
                        Event::SequenceStart(..) | Event::MappingStart(..) => {
                            let start = offsets.of(&span.start);
                            if depth > 0 || text[start..].starts_with(['[', '{']) {
                                depth += 1;
                                reading.flow_start.get_or_insert(start);
                            }
                        }
                        Event::SequenceEnd | Event::MappingEnd => {
                            depth = depth.saturating_sub(1);
                            if depth == 0 {
                                reading.flow_start = None;
                            }
                        }
                        _ => {}
                    }
                    reading
                        .keys
                        .event(event, || offsets.of(&span.start)..offsets.of(&span.end));
                }
                Err(error) => {
                    reading.offset = offsets.of(error.marker());
                    reading.error = Some(error);
                    break;
                }
            }
        }
        reading
    }

    /// The tab in the indentation of the line on which a key or an entry of a sequence starts.
    fn tab_before(&self, text: &str, event: &Event<'_>, start: usize) -> Option<usize> {
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &text[line_start..start];
        let content = before.trim_start();
        let is_entry = content.starts_with("- ") || content.starts_with("-\t");
        let is_key = matches!(event, Event::Scalar(..)) && self.keys.is_key_next();
        let indentation = &before[..before.len() - content.len()];
        let tab = indentation
            .find('\t')
            .filter(|_| is_entry || (is_key && content.is_empty()))?;
        Some(line_start + tab)
    }

    fn finding(&self, text: &str, error: &ScanError) -> Finding {
        if let Some(start) = self.flow_start
            && let Some(opener) = flow::unclosed(text, start)
        {
            let message = format!("`{}` is never closed", &text[opener.clone()]);
            return Finding::error("syntax/unclosed-bracket", message, opener);
        }
        if let Some(place) = template::unquoted_value(text, self.offset) {
            let message = "a value that begins with `{{` is a flow mapping unless it is quoted";
            return Finding::error("syntax/unquoted-string", message, place)
                .with_help("put the whole value into quotes");
        }
        let len = text[self.offset..].chars().next().map_or(0, char::len_utf8);
        let info = error.info();
        if info.starts_with("simple key expect") {
            let line_start = text[..self.offset]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            let end = first_cause::previous_token_end(text, line_start, &[]);
            let message = "expected `:` after the key";
            return Finding::error("syntax/missing-token", message, end..end);
        }
        let message = fragment(info);
        Finding::error(rule(&message), message, self.offset..self.offset + len)
    }
}

fn rule(message: &str) -> &'static str {
    const BY_TEXT: [(&str, &str); 6] = [
        ("unknown anchor", "syntax/undefined-alias"),
        ("escape", "syntax/invalid-escape"),
        ("quoted scalar", "syntax/unterminated-literal"),
        ("tab", "syntax/indentation"),
        ("indent", "syntax/indentation"),
        ("expected", "syntax/missing-token"),
    ];
    let by_text = BY_TEXT.iter().find(|(part, _)| message.contains(part));
    by_text.map_or("syntax/unexpected-token", |(_, rule)| rule)
}

/// Turns the parser's places, which count characters, into offsets.
struct Offsets<'a> {
    text: &'a str,
    is_ascii: bool,
    /// The last place asked for, in characters and bytes; the next is usually behind it.
    last: (usize, usize),
}

impl<'a> Offsets<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            is_ascii: text.is_ascii(),
            last: (0, 0),
        }
    }

    fn of(&mut self, marker: &Marker) -> usize {
        let index = marker.index();
        if self.is_ascii {
            return index.min(self.text.len());
        }
        if index < self.last.0 {
            self.last = (0, 0);
        }
        let (characters, bytes) = self.last;
        let rest = &self.text[bytes..];
        let ahead = rest.char_indices().nth(index - characters);
        let offset = ahead.map_or(self.text.len(), |(ahead, _)| bytes + ahead);
        if ahead.is_some() {
            self.last = (index, offset);
        }
        offset
    }
}

#[cfg(test)]
mod tests;
