//! `JaCoCo` XML.
//!
//! Source: report.dtd of `JaCoCo` 0.8, which is never fetched.
//! A line has counts of instructions and branches that were missed and covered.

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::read_error::ReadError;
use crate::xml::{Node, Tag, Xml};

/// A method whose counters have not come yet.
#[derive(Debug)]
struct Method {
    file: usize,
    start: u32,
    name: String,
    hits: u64,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let mut builder = Builder::new(Merge::Max, Merge::Max);
    let (mut package, mut class) = (String::new(), String::new());
    // The file of the class and of the source file that are open.
    let (mut class_file, mut source_file) = (None, None);
    let mut method: Option<Method> = None;
    let mut document = Xml::new(text);
    while let Some(node) = document.next()? {
        match node {
            Node::Open(tag) => match tag.name() {
                "package" => package = tag.text("name"),
                "class" => {
                    let name = tag.text("name");
                    let local = name.rsplit('/').next().unwrap_or_default();
                    local.clone_into(&mut class);
                    let file = tag.attribute("sourcefilename");
                    class_file = match file {
                        Some(file) => Some(builder.file(&path(&package, &file))?),
                        None => None,
                    };
                }
                "sourcefile" => {
                    let path = path(&package, &tag.text("name"));
                    source_file = Some(builder.file(&path)?);
                }
                "method" => {
                    method = class_file.and_then(|file| {
                        Some(Method {
                            file,
                            start: tag.number("line")?,
                            name: format!("{class}.{}", tag.text("name")),
                            hits: 0,
                        })
                    });
                }
                "counter" if tag.attribute("type").as_deref() == Some("METHOD") => {
                    if let Some(method) = &mut method {
                        method.hits = tag.number("covered").unwrap_or(0);
                    }
                }
                "line" => {
                    let taken = source_file.map(|file| line(file, &tag, &mut builder));
                    if let Some(taken) = taken {
                        taken?.ok_or_else(|| document.malformed("a line without its counts"))?;
                    }
                }
                _ => {}
            },
            Node::Close(end) => match end.name() {
                "method" => {
                    if let Some(method) = method.take() {
                        builder.function(method.file, method.function());
                    }
                }
                "class" => class_file = None,
                "sourcefile" => source_file = None,
                _ => {}
            },
            Node::Text(_) => {}
        }
    }
    Ok(builder.finish(Format::Jacoco))
}

impl Method {
    fn function(self) -> Function {
        Function {
            start: self.start,
            name: self.name,
            end: None,
            hits: self.hits,
        }
    }
}

fn path(package: &str, file: &str) -> String {
    if package.is_empty() {
        return file.to_owned();
    }
    format!("{package}/{file}")
}

/// Takes a `line`; none if it is not well-formed.
fn line(file: usize, tag: &Tag<'_>, builder: &mut Builder) -> Result<Option<()>, ReadError> {
    let (mut number, mut covered) = (None, None);
    let (mut missed_ways, mut covered_ways) = (0_usize, 0_usize);
    for (key, value) in tag.attributes() {
        match key {
            "nr" => number = value.parse::<u32>().ok(),
            "ci" => covered = value.parse::<u64>().ok(),
            "mb" => missed_ways = value.parse().unwrap_or(0),
            "cb" => covered_ways = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let (Some(number), Some(covered)) = (number, covered) else {
        return Ok(None);
    };
    builder.line(file, number, u64::from(covered > 0));
    let total = covered_ways.saturating_add(missed_ways);
    builder.branches(file, number, covered_ways, total)?;
    Ok(Some(()))
}
