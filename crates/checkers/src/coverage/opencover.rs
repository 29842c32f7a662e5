//! `OpenCover` XML.
//!
//! Source: the `OpenCover` usage guide and its `CoverageSession` model; coverlet writes the same form.
//! A sequence point has a count of visits and stands for its lines; a branch point is one way on from its line.

use std::collections::HashMap;

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::read_error::ReadError;
use crate::xml::{Node, Tag, Xml};

/// What is open.
#[derive(Debug, Default)]
struct At {
    /// The files of the module by the number that it gives them.
    files: HashMap<String, usize>,
    /// The file of the method, by its number.
    method_file: Option<usize>,
    method: String,
    start: u32,
    end: u32,
    hits: u64,
    /// The element whose text is collected.
    text: Option<String>,
}

/// A sequence or branch point.
#[derive(Debug, Default)]
struct Point {
    file: Option<usize>,
    start: Option<u32>,
    end: Option<u32>,
    hits: Option<u64>,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let mut builder = Builder::new(Merge::Max, Merge::Sum);
    let mut at = At::default();
    let mut document = Xml::new(text);
    while let Some(node) = document.next()? {
        match node {
            Node::Open(tag) => {
                let taken = at.open(&tag, &mut builder)?;
                taken.ok_or_else(|| document.malformed("a point without its place"))?;
            }
            Node::Text(piece) => {
                if let Some(text) = &mut at.text {
                    text.push_str(&piece);
                }
            }
            Node::Close(end) => at.close(end.name(), &mut builder),
        }
    }
    Ok(builder.finish(Format::OpenCover))
}

impl At {
    /// Takes the beginning of an element; none if it is not well-formed.
    fn open(&mut self, tag: &Tag<'_>, builder: &mut Builder) -> Result<Option<()>, ReadError> {
        match tag.name() {
            "Module" => self.files.clear(),
            "File" => {
                let file = builder.file(&tag.text("fullPath"))?;
                self.files.insert(tag.text("uid"), file);
            }
            "Name" => self.text = Some(String::new()),
            "Method" => {
                *self = Self {
                    files: std::mem::take(&mut self.files),
                    ..Self::default()
                };
            }
            "FileRef" => self.method_file = self.files.get(&tag.text("uid")).copied(),
            "SequencePoint" => {
                let point = self.point(tag);
                let (Some(start), Some(hits)) = (point.start, point.hits) else {
                    return Ok(None);
                };
                let end = point.end.unwrap_or(start).max(start);
                if let Some(file) = point.file {
                    builder.range(file, start..=end, hits)?;
                }
                if self.start == 0 || start < self.start {
                    (self.start, self.hits) = (start, hits);
                }
                self.end = self.end.max(end);
            }
            "BranchPoint" => {
                let point = self.point(tag);
                // Points of generated code have no line.
                if let (Some(file), Some(line)) = (point.file, point.start) {
                    let taken = usize::from(point.hits.unwrap_or(0) > 0);
                    builder.branches(file, line, taken, 1)?;
                }
            }
            _ => {}
        }
        Ok(Some(()))
    }

    /// The place and visits of a point, whose file is its own or else its method's.
    fn point(&self, tag: &Tag<'_>) -> Point {
        let mut point = Point {
            file: self.method_file,
            ..Point::default()
        };
        for (key, value) in tag.attributes() {
            match key {
                "vc" => point.hits = value.parse().ok(),
                "sl" => point.start = value.parse().ok(),
                "el" => point.end = value.parse().ok(),
                "fileid" => {
                    let own = self.files.get(value.as_ref()).copied();
                    point.file = own.or(point.file);
                }
                _ => {}
            }
        }
        point
    }

    fn close(&mut self, name: &str, builder: &mut Builder) {
        match name {
            "Name" => self.method = self.text.take().unwrap_or_default(),
            "Method" => {
                if let Some(file) = self.method_file {
                    builder.function(
                        file,
                        Function {
                            start: self.start,
                            name: std::mem::take(&mut self.method),
                            end: Some(self.end),
                            hits: self.hits,
                        },
                    );
                }
            }
            _ => {}
        }
    }
}
