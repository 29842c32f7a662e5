//! `llvm-cov export -format=text`, versions 2 and 3 of its JSON.
//!
//! Source: llvm/tools/llvm-cov/CoverageExporterJson.cpp for the form; for the hits of a line
//! `LineCoverageStats` in llvm/lib/ProfileData/Coverage/CoverageMapping.cpp.

use serde::Deserialize;

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::json::{Numbers, Text};
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    data: Vec<Export<'a>>,
}

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow)]
    files: Vec<File<'a>>,
    #[serde(borrow, default)]
    functions: Vec<FunctionRecord<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    filename: Text<'a>,
    /// None in a summary.
    #[serde(default)]
    segments: Vec<Segment>,
    /// Line, column, line, column, count of true, count of false, and more.
    #[serde(default)]
    branches: Vec<Numbers<6>>,
}

/// Where a count begins to hold.
#[derive(Deserialize, Clone, Copy)]
#[serde(from = "Numbers<6>")]
struct Segment {
    line: u32,
    count: u64,
    has_count: bool,
    is_entry: bool,
    is_gap: bool,
}

impl From<Numbers<6>> for Segment {
    fn from(Numbers([line, _, count, has_count, is_entry, is_gap]): Numbers<6>) -> Self {
        Self {
            line: clamp(line),
            count,
            has_count: has_count > 0,
            is_entry: is_entry > 0,
            is_gap: is_gap > 0,
        }
    }
}

impl Segment {
    /// `isStartOfRegion` of the source.
    fn is_start(&self) -> bool {
        !self.is_gap && self.has_count && self.is_entry
    }
}

#[derive(Deserialize)]
struct FunctionRecord<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    count: u64,
    #[serde(borrow)]
    filenames: Vec<Text<'a>>,
    /// Line, column, line, column, count, file, expanded file, kind.
    regions: Vec<Numbers<8>>,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let report: Report<'_> = serde_json::from_str(text)?;
    let mut builder = Builder::new(Merge::Max, Merge::Sum);
    for export in report.data {
        for record in &export.files {
            let file = builder.file(&record.filename.0)?;
            lines(file, &record.segments, &mut builder)?;
            for Numbers([line, _, _, _, when_true, when_false]) in &record.branches {
                let taken = usize::from(*when_true > 0) + usize::from(*when_false > 0);
                builder.branches(file, clamp(*line), taken, 2)?;
            }
        }
        for function in &export.functions {
            let Some(path) = function.filenames.first() else {
                continue;
            };
            let file = builder.file(&path.0)?;
            let own = function.regions.iter().filter(|it| it.0[5] == 0);
            let start = own.clone().map(|it| clamp(it.0[0])).min().unwrap_or(0);
            builder.function(
                file,
                Function {
                    start,
                    name: function.name.0.clone().into_owned(),
                    end: own.map(|it| clamp(it.0[2])).max(),
                    hits: function.count,
                },
            );
        }
    }
    Ok(builder.finish(Format::LlvmCov))
}

/// The hits of every line that a list of segments maps.
fn lines(file: usize, segments: &[Segment], builder: &mut Builder) -> Result<(), ReadError> {
    let mut before: Option<Segment> = None;
    for on_line in segments.chunk_by(|one, other| one.line == other.line) {
        let line = on_line[0].line;
        if let Some(before) = before
            && before.has_count
        {
            let between = before.line.saturating_add(1)..=line.saturating_sub(1);
            builder.range(file, between, before.count)?;
        }
        if let Some(hits) = hits(before, on_line) {
            builder.line(file, line, hits);
        }
        before = on_line.last().copied();
    }
    Ok(())
}

/// The hits of a line on which regions begin or end; none if it is not mapped.
fn hits(before: Option<Segment>, on_line: &[Segment]) -> Option<u64> {
    let starts = || on_line.iter().filter(|it| it.is_start());
    let is_skipped = !on_line[0].has_count && on_line[0].is_entry;
    let goes_on = before.is_some_and(|it| it.has_count);
    let has_entry = on_line.iter().any(|it| it.is_entry && it.has_count);
    let is_mapped = (!is_skipped && (goes_on || starts().next().is_some())) || has_entry;
    let most = starts().map(|it| it.count).max().unwrap_or(0);
    is_mapped.then(|| most.max(before.map_or(0, |it| it.count)))
}

fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
