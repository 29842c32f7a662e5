//! lcov's tracefiles, 1.x and 2.x: reading and writing.
//!
//! Source: the man page geninfo(1) of lcov 1.16 and 2.0, section FILES.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use super::model::{Builder, Merge};
use super::{Coverage, FileCoverage, Format, Function};
use crate::read_error::{ReadError, quoted};

/// One way on from a line: line, block, branch, and whether it was taken.
type Way<'a> = (u32, &'a str, &'a str, bool);

/// A section, `SF:` to `end_of_record`.
#[derive(Debug, Default)]
struct Section<'a> {
    file: usize,
    functions: Vec<Function>,
    /// By name, the functions that have no hits yet.
    waiting: HashMap<&'a str, VecDeque<usize>>,
    /// By lcov 2's index, where in `functions` its name begins.
    leaders: HashMap<&'a str, (u32, Option<u32>)>,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let mut builder = Builder::new(Merge::Sum, Merge::Max);
    let mut ways: Vec<Vec<Way<'_>>> = Vec::new();
    let mut section: Option<Section<'_>> = None;
    let mut records = 0_usize;
    for (index, line) in text.lines().enumerate() {
        if line.trim_end() == "end_of_record" {
            let Some(section) = section.take() else {
                return Err(ReadError::at_line(
                    index + 1,
                    "a record ends that has not begun",
                ));
            };
            for function in section.functions {
                builder.function(section.file, function);
            }
            records += 1;
            continue;
        }
        if line.trim_end().is_empty() || line.starts_with('#') {
            continue;
        }
        let malformed = || ReadError::at_line(index + 1, quoted(line));
        let (key, value) = line.split_once(':').ok_or_else(malformed)?;
        if key == "SF" {
            if section.is_some() {
                return Err(ReadError::at_line(index + 1, "a record begins in another"));
            }
            let file = builder.file(value)?;
            ways.resize_with(ways.len().max(file + 1), Vec::new);
            section = Some(Section {
                file,
                ..Section::default()
            });
        } else if let Some(section) = &mut section {
            let ways = &mut ways[section.file];
            entry(key, value, section, ways, &mut builder).ok_or_else(malformed)?;
        } else if key != "TN" {
            return Err(malformed());
        }
    }
    if section.is_some() || records == 0 {
        return Err(ReadError::Truncated);
    }
    for (file, ways) in ways.into_iter().enumerate() {
        count_ways(file, ways, &mut builder)?;
    }
    Ok(builder.finish(Format::Lcov))
}

/// Takes one `KEY:value`; none if it is not what the key asks for.
fn entry<'a>(
    key: &str,
    value: &'a str,
    section: &mut Section<'a>,
    ways: &mut Vec<Way<'a>>,
    builder: &mut Builder,
) -> Option<()> {
    match key {
        "DA" => {
            let (number, rest) = value.split_once(',')?;
            let hits = rest.split(',').next()?;
            builder.line(section.file, number.parse().ok()?, count(hits)?);
        }
        "BRDA" => {
            let mut parts = value.splitn(3, ',');
            let (line, block) = (parts.next()?.parse().ok()?, parts.next()?);
            // A branch of lcov 2 may be an expression with commas in it.
            let (branch, taken) = parts.next()?.rsplit_once(',')?;
            ways.push((line, block, branch, taken != "-" && count(taken)? > 0));
        }
        "FN" => {
            let (start, rest) = value.split_once(',')?;
            let end = rest.split_once(',').and_then(|(end, name)| {
                let end = end.bytes().all(|it| it.is_ascii_digit()).then_some(end)?;
                Some((end.parse().ok()?, name))
            });
            let (end, name) = end.map_or((None, rest), |(end, name)| (Some(end), name));
            section.add(name, start.parse().ok()?, end, 0);
        }
        "FNDA" => {
            let (hits, name) = value.split_once(',')?;
            section.hit(name, count(hits)?);
        }
        "FNL" => {
            let mut parts = value.split(',');
            let (index, start) = (parts.next()?, parts.next()?.parse().ok()?);
            let end = parts.next().and_then(|end| end.parse().ok());
            section.leaders.insert(index, (start, end));
        }
        "FNA" => {
            let mut parts = value.splitn(3, ',');
            let (index, hits, name) = (parts.next()?, parts.next()?, parts.next()?);
            let (start, end) = *section.leaders.get(index)?;
            section.add(name, start, end, count(hits)?);
        }
        // Sums of what the other lines say, and what a later version may add.
        _ => {}
    }
    Some(())
}

impl<'a> Section<'a> {
    fn add(&mut self, name: &'a str, start: u32, end: Option<u32>, hits: u64) {
        let waiting = self.waiting.entry(name).or_default();
        waiting.push_back(self.functions.len());
        self.functions.push(Function {
            start,
            name: name.to_owned(),
            end,
            hits,
        });
    }

    /// The hits of the next function of a name; what names none is left out, as lcov does.
    fn hit(&mut self, name: &str, hits: u64) {
        let next = self.waiting.get_mut(name).and_then(VecDeque::pop_front);
        if let Some(index) = next {
            self.functions[index].hits = hits;
        }
    }
}

/// A number of hits; old versions of gcov gave negative ones.
fn count(text: &str) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(rest) => rest.parse::<u64>().ok().map(|_| 0),
        None => text.parse().ok(),
    }
}

/// Counts each way of a file once, taken if any record says so.
fn count_ways(file: usize, mut ways: Vec<Way<'_>>, builder: &mut Builder) -> Result<(), ReadError> {
    ways.sort_unstable();
    // Of the same way the one that was taken comes last, and is to be kept.
    ways.reverse();
    ways.dedup_by_key(|(line, block, branch, _)| (*line, *block, *branch));
    for of_line in ways.chunk_by(|one, other| one.0 == other.0) {
        let taken = of_line.iter().filter(|(.., taken)| *taken).count();
        builder.branches(file, of_line[0].0, taken, of_line.len())?;
    }
    Ok(())
}

/// Writes a report as an lcov tracefile that [`Format::read`] reads back.
///
/// The ways on from a line are written as one block with the ways that were taken first.
/// A control character in a path or name becomes U+FFFD; the roots are not written, for which lcov has no place.
#[must_use]
pub fn write_lcov(coverage: &Coverage) -> String {
    let mut text = String::new();
    for file in &coverage.files {
        // A string takes any text, so that the only error cannot come.
        let _ = write_file(file, &mut text);
    }
    text
}

fn write_file(file: &FileCoverage, text: &mut String) -> std::fmt::Result {
    writeln!(text, "TN:\nSF:{}", one_line(file.path()))?;
    for function in file.functions() {
        let name = one_line(&function.name);
        match function.end {
            Some(end) => writeln!(text, "FN:{},{end},{name}", function.start)?,
            None => writeln!(text, "FN:{},{name}", function.start)?,
        }
    }
    for function in file.functions() {
        writeln!(text, "FNDA:{},{}", function.hits, one_line(&function.name))?;
    }
    let totals = file.totals();
    let (found, hit) = (totals.functions.total(), totals.functions.covered());
    writeln!(text, "FNF:{found}\nFNH:{hit}")?;
    for branches in file.branches() {
        for way in 0..branches.total {
            let taken = u8::from(way < branches.taken);
            writeln!(text, "BRDA:{},0,{way},{taken}", branches.line)?;
        }
    }
    let (found, hit) = (totals.branches.total(), totals.branches.covered());
    writeln!(text, "BRF:{found}\nBRH:{hit}")?;
    for line in file.lines() {
        writeln!(text, "DA:{},{}", line.number, line.hits)?;
    }
    let (found, hit) = (totals.lines.total(), totals.lines.covered());
    writeln!(text, "LF:{found}\nLH:{hit}\nend_of_record")
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
