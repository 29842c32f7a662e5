//! Reports in XML as a stream of elements.
//!
//! No tree is built, a document type is stepped over and never fetched, and of the entities only
//! the five that XML itself defines and character references are replaced; any other stays as it is written.

use std::borrow::Cow;
use std::str::FromStr;

use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesEnd, BytesStart, Event};

use crate::read_error::{ReadError, quoted};

/// How deep elements may nest.
pub(crate) const DEPTH_MAX: usize = 256;

/// What comes next in a document.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// An element begins; one that is empty ends at once.
    Open(Tag<'a>),
    /// The innermost element ends.
    Close(End<'a>),
    /// A piece of text; one text may come in several pieces.
    Text(Cow<'a, str>),
}

/// An element's name and attributes.
#[derive(Debug)]
pub(crate) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    /// The name without its prefix.
    pub(crate) fn name(&self) -> &str {
        local(self.0.name().0)
    }

    /// The attributes in the order of the text; what is no attribute ends the list.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let mut attributes = self.0.attributes();
        attributes.with_checks(false);
        attributes
            .map_while(Result::ok)
            .map(|it| (it.key.0, plain(it.value)))
    }

    /// An attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attributes()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// An attribute's value as an owned text; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.attribute(name)
            .map_or_else(String::new, Cow::into_owned)
    }

    /// An attribute's value as a number; none if there is none or it is no such number.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Option<T> {
        self.attribute(name)?.trim().parse().ok()
    }
}

/// The end of an element.
#[derive(Debug)]
pub(crate) struct End<'a>(BytesEnd<'a>);

impl End<'_> {
    /// The name without its prefix.
    pub(crate) fn name(&self) -> &str {
        local(self.0.name().0)
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// A text with its entities replaced, or as it is if one of them is not known.
fn plain(raw: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return raw;
    }
    match unescape(&raw) {
        Ok(plain) => Cow::Owned(plain.into_owned()),
        Err(_) => raw,
    }
}

/// A document that is being read.
pub(crate) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    has_root: bool,
}

impl<'a> Xml<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        // A lone ampersand is an error of the writer that hurts nobody.
        reader.config_mut().allow_dangling_amp = true;
        Self {
            reader,
            depth: 0,
            has_root: false,
        }
    }

    /// The next node; none behind the end of a whole document.
    pub(crate) fn next(&mut self) -> Result<Option<Node<'a>>, ReadError> {
        loop {
            let node = match self.reader.read_event() {
                Ok(Event::Start(tag)) => self.open(tag)?,
                Ok(Event::End(end)) => {
                    self.depth = self.depth.saturating_sub(1);
                    Node::Close(End(end))
                }
                Ok(Event::Text(text)) => Node::Text(text.into_inner()),
                Ok(Event::CData(text)) => Node::Text(text.into_inner()),
                Ok(Event::GeneralRef(name)) => {
                    Node::Text(plain(Cow::Owned(format!("&{};", name.into_inner()))))
                }
                Ok(Event::Eof) if self.depth > 0 || !self.has_root => {
                    return Err(ReadError::Truncated);
                }
                Ok(Event::Eof) => return Ok(None),
                Ok(_) => continue,
                // All of them are things that the end of the text has cut.
                Err(Error::Syntax(_)) => return Err(ReadError::Truncated),
                Err(error) => return Err(self.malformed(&error.to_string())),
            };
            if let Node::Text(text) = &node
                && self.depth == 0
            {
                if text.trim().is_empty() {
                    continue;
                }
                return Err(self.malformed("there is text outside of the root element"));
            }
            return Ok(Some(node));
        }
    }

    fn open(&mut self, tag: BytesStart<'a>) -> Result<Node<'a>, ReadError> {
        if self.depth == 0 && self.has_root {
            return Err(self.malformed("there is a second root element"));
        }
        if self.depth == DEPTH_MAX {
            return Err(ReadError::TooDeep { max: DEPTH_MAX });
        }
        self.has_root = true;
        self.depth += 1;
        Ok(Node::Open(Tag(tag)))
    }

    /// An error at the place that was read last.
    pub(crate) fn malformed(&self, what: &str) -> ReadError {
        ReadError::at_byte(self.reader.buffer_position(), quoted(what))
    }
}

/// The name of the root element, if the text begins like a document.
pub(crate) fn root(text: &str) -> Option<String> {
    let mut document = Xml::new(text);
    match document.next() {
        Ok(Some(Node::Open(tag))) => Some(tag.name().to_owned()),
        _ => None,
    }
}
