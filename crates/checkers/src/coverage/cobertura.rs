//! Cobertura XML.
//!
//! Source: coverage-04.dtd of Cobertura; the files of coverage.py, gcovr and Istanbul.
//! A class lists its lines; what its methods list tells only where they are and whether they ran.

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::read_error::ReadError;
use crate::xml::{Node, Tag, Xml};

/// Where in the document the reader is.
#[derive(Debug, Default)]
struct At {
    /// The file of the class.
    file: Option<usize>,
    /// The method, until its lines are known.
    method: Option<Method>,
    is_source: bool,
}

#[derive(Debug)]
struct Method {
    name: String,
    start: u32,
    end: u32,
    hits: u64,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let mut builder = Builder::new(Merge::Max, Merge::Max);
    let mut at = At::default();
    let mut document = Xml::new(text);
    while let Some(node) = document.next()? {
        match node {
            Node::Open(tag) => match tag.name() {
                "source" => at.is_source = true,
                "class" => {
                    let path = tag.attribute("filename");
                    let path = path.ok_or_else(|| document.malformed("a class without a file"))?;
                    at.file = Some(builder.file(&path)?);
                }
                "method" => {
                    at.method = Some(Method {
                        name: tag.text("name"),
                        start: 0,
                        end: 0,
                        hits: 0,
                    });
                }
                "line" => {
                    let read = line(&tag, &mut at, &mut builder)?;
                    read.ok_or_else(|| document.malformed("a line without number and hits"))?;
                }
                _ => {}
            },
            Node::Text(path) if at.is_source && !path.trim().is_empty() => {
                builder.roots.push(path.trim().to_owned());
            }
            Node::Text(_) => {}
            Node::Close(end) => match end.name() {
                "source" => at.is_source = false,
                "class" => at.file = None,
                "method" => {
                    if let (Some(file), Some(method)) = (at.file, at.method.take()) {
                        builder.function(file, method.function());
                    }
                }
                _ => {}
            },
        }
    }
    Ok(builder.finish(Format::Cobertura))
}

impl Method {
    fn function(self) -> Function {
        Function {
            start: self.start,
            name: self.name,
            end: (self.end > self.start).then_some(self.end),
            hits: self.hits,
        }
    }
}

/// Takes a `line`; none if it is not well-formed.
fn line(tag: &Tag<'_>, at: &mut At, builder: &mut Builder) -> Result<Option<()>, ReadError> {
    let Some(file) = at.file else {
        return Ok(Some(()));
    };
    let (mut number, mut hits, mut condition) = (None, None, None);
    for (key, value) in tag.attributes() {
        match key {
            "number" => number = value.parse::<u32>().ok(),
            "hits" => hits = value.parse::<u64>().ok(),
            "condition-coverage" => condition = ways(&value),
            _ => {}
        }
    }
    let (Some(number), Some(hits)) = (number, hits) else {
        return Ok(None);
    };
    if let Some(method) = &mut at.method {
        if method.start == 0 || number < method.start {
            (method.start, method.hits) = (number, hits);
        }
        method.end = method.end.max(number);
        return Ok(Some(()));
    }
    builder.line(file, number, hits);
    if let Some((taken, total)) = condition {
        builder.branches(file, number, taken, total)?;
    }
    Ok(Some(()))
}

/// The counts in `50% (1/2)`.
fn ways(text: &str) -> Option<(usize, usize)> {
    let (_, counts) = text.trim().trim_end_matches(')').split_once('(')?;
    let (taken, total) = counts.split_once('/')?;
    Some((taken.trim().parse().ok()?, total.trim().parse().ok()?))
}
