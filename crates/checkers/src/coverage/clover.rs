//! Clover XML.
//!
//! Source: the schema clover.xsd of `OpenClover` 4; Istanbul's reporter `clover`.
//! Both write `truecount` and `falsecount` on a line that branches, and mean different things by them:
//! Clover how often the condition was true and false, Istanbul how many of the ways were taken and were not.
//! Istanbul's file is known by its project `All files`.

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::read_error::ReadError;
use crate::xml::{Node, Tag, Xml};

/// The name that Istanbul gives to every project.
const ISTANBUL_PROJECT: &str = "All files";

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let mut builder = Builder::new(Merge::Max, Merge::Max);
    let (mut file, mut counts_ways) = (None, false);
    let mut document = Xml::new(text);
    while let Some(node) = document.next()? {
        match node {
            Node::Open(tag) => match tag.name() {
                "project" => {
                    counts_ways = tag.attribute("name").as_deref() == Some(ISTANBUL_PROJECT);
                }
                "file" => {
                    let path = tag.attribute("path").or_else(|| tag.attribute("name"));
                    let path = path.ok_or_else(|| document.malformed("a file without a path"))?;
                    file = Some(builder.file(&path)?);
                }
                "line" => {
                    let read = file.map(|file| line(file, &tag, counts_ways, &mut builder));
                    if let Some(read) = read {
                        read?.ok_or_else(|| document.malformed("a line without num and count"))?;
                    }
                }
                _ => {}
            },
            Node::Close(end) if end.name() == "file" => file = None,
            Node::Close(_) | Node::Text(_) => {}
        }
    }
    Ok(builder.finish(Format::Clover))
}

/// Takes a `line`; none if it is not well-formed.
fn line(
    file: usize,
    tag: &Tag<'_>,
    counts_ways: bool,
    builder: &mut Builder,
) -> Result<Option<()>, ReadError> {
    let (mut number, mut hits, mut kind) = (None, None, String::new());
    let (mut when_true, mut when_false) = (0_usize, 0_usize);
    let mut name = String::new();
    for (key, value) in tag.attributes() {
        match key {
            "num" => number = value.parse::<u32>().ok(),
            "count" => hits = value.parse::<u64>().ok(),
            "type" => value.as_ref().clone_into(&mut kind),
            "truecount" => when_true = value.parse().unwrap_or(0),
            "falsecount" => when_false = value.parse().unwrap_or(0),
            "signature" | "name" if name.is_empty() => name = value.into_owned(),
            _ => {}
        }
    }
    let Some(number) = number else {
        return Ok(None);
    };
    if kind == "cond" {
        let (taken, total) = if counts_ways {
            (when_true, when_true.saturating_add(when_false))
        } else {
            (usize::from(when_true > 0) + usize::from(when_false > 0), 2)
        };
        builder.branches(file, number, taken, total)?;
        // OpenClover's conditions have no count of their own.
        let sum = (when_true as u64).saturating_add(when_false as u64);
        hits = hits.or(Some(sum));
    }
    let Some(hits) = hits else {
        return Ok(None);
    };
    builder.line(file, number, hits);
    if kind == "method" {
        builder.function(
            file,
            Function {
                start: number,
                name,
                end: None,
                hits,
            },
        );
    }
    Ok(Some(()))
}
