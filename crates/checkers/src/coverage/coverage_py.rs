//! `coverage json` of coverage.py, formats 2 and 3.
//!
//! Source: coverage/jsonreport.py of coverage.py 7.
//! Lines are executed or missing, without counts; branches are pairs of lines, a negative one for an exit.

use serde::Deserialize;

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::json::{Entries, Text};
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    files: Entries<Text<'a>, File<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
    #[serde(default)]
    executed_branches: Vec<(i64, i64)>,
    #[serde(default)]
    missing_branches: Vec<(i64, i64)>,
    /// Since format 3; the empty name is what stands outside of all functions.
    #[serde(borrow, default)]
    functions: Entries<Text<'a>, Region>,
}

#[derive(Deserialize)]
struct Region {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
    /// The line of `def`, since coverage.py 7.7.
    start_line: Option<u32>,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let report: Report<'_> = serde_json::from_str(text)?;
    let mut builder = Builder::new(Merge::Max, Merge::Sum);
    for (path, it) in report.files.0 {
        let file = builder.file(&path.0)?;
        for (lines, hits) in [(&it.executed_lines, 1), (&it.missing_lines, 0)] {
            for line in lines {
                builder.line(file, *line, hits);
            }
        }
        for (branches, taken) in [(&it.executed_branches, 1), (&it.missing_branches, 0)] {
            for (from, _) in branches {
                let from = u32::try_from(*from).unwrap_or(0);
                builder.branches(file, from, taken, 1)?;
            }
        }
        for (name, region) in it.functions.0 {
            if let Some(function) = region.function(&name.0) {
                builder.function(file, function);
            }
        }
    }
    Ok(builder.finish(Format::CoveragePy))
}

impl Region {
    /// None for what is no function, or has no line.
    fn function(&self, name: &str) -> Option<Function> {
        let lines = || self.executed_lines.iter().chain(&self.missing_lines);
        let first = self.start_line.or_else(|| lines().min().copied())?;
        (!name.is_empty()).then(|| Function {
            start: first,
            name: name.to_owned(),
            end: lines().max().copied(),
            hits: u64::from(!self.executed_lines.is_empty()),
        })
    }
}
