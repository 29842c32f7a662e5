//! `go test -coverprofile`: a line with the mode, then a line for each block of statements.
//!
//! Source: golang.org/x/tools/cover, profile.go: `name.go:line.column,line.column statements count`.

use super::model::{Builder, Merge};
use super::{Coverage, Format};
use crate::read_error::{ReadError, quoted};

/// A block's file, first line, first column, last line and last column.
type Place<'a> = (&'a str, u32, u32, u32, u32);

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    // A block counts for all its lines, and a line has the most hits of its blocks.
    let mut builder = Builder::new(Merge::Max, Merge::Max);
    let mut blocks: Vec<(Place<'_>, u64)> = Vec::new();
    let mut has_mode = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("mode: ") {
            has_mode = true;
        } else if !line.trim().is_empty() {
            let block = has_mode.then(|| block(line)).flatten();
            let malformed = || ReadError::at_line(index + 1, quoted(line));
            blocks.push(block.ok_or_else(malformed)?);
        }
    }
    if !has_mode || !text.ends_with('\n') {
        return Err(ReadError::Truncated);
    }
    // `-coverpkg` lists a block once for each test binary.
    blocks.sort_by_key(|(place, _)| *place);
    blocks.dedup_by(|(place, hits), (kept, sum)| {
        let is_same = place == kept;
        if is_same {
            *sum = sum.saturating_add(*hits);
        }
        is_same
    });
    for ((path, start, _, end, _), hits) in blocks {
        let file = builder.file(path)?;
        builder.range(file, start..=end, hits)?;
    }
    Ok(builder.finish(Format::GoProfile))
}

fn block(line: &str) -> Option<(Place<'_>, u64)> {
    let mut parts = line.rsplitn(3, ' ');
    let hits = parts.next()?.parse().ok()?;
    let _statements: u64 = parts.next()?.parse().ok()?;
    let (path, range) = parts.next()?.rsplit_once(':')?;
    let (start, end) = range.split_once(',')?;
    let position = |text: &str| {
        let (line, column) = text.split_once('.')?;
        Some((line.parse().ok()?, column.parse().ok()?))
    };
    let ((start, start_column), (end, end_column)) = (position(start)?, position(end)?);
    Some(((path, start, start_column, end, end_column), hits))
}
