//! What a coverage report says, whatever its format.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::limits::{FILES_MAX, LINES_MAX};
use super::{Format, Share};
use crate::read_error::ReadError;

/// What a report says of all its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The format that it was read from.
    pub format: Format,
    /// The files in the order of their paths, each path once.
    pub files: Vec<FileCoverage>,
    /// The folders that the report says its relative paths are below; as it gives them, often none.
    pub roots: Vec<String>,
}

impl Coverage {
    /// What the report says of a path, which has to be written as the report writes it.
    ///
    /// # Complexity
    ///
    /// O(log n) comparisons of paths.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&FileCoverage> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path));
        self.files.get(at.ok()?)
    }

    /// Counts over all files.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.files
            .iter()
            .map(FileCoverage::totals)
            .fold(Totals::default(), Totals::and)
    }
}

/// What a report says of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileCoverage {
    path: String,
    /// Ordered by number, each number once, no number 0.
    lines: Vec<Line>,
    /// Ordered by line, each line once, none with a total of 0.
    branches: Vec<Branches>,
    /// Ordered by first line, then name.
    functions: Vec<Function>,
}

impl FileCoverage {
    /// The path as the report gives it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The lines that can be covered, ascending.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines that branch, ascending.
    #[must_use]
    pub fn branches(&self) -> &[Branches] {
        &self.branches
    }

    /// The functions, ascending by first line.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Counts over the whole file.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals_where(|_| true, |_, _| true)
    }

    /// Counts over the lines, and the functions by their first and last line, that are asked for.
    pub(super) fn totals_where(
        &self,
        has_line: impl Fn(u32) -> bool,
        has_function: impl Fn(u32, u32) -> bool,
    ) -> Totals {
        let mut totals = Totals::default();
        for line in self.lines.iter().filter(|it| has_line(it.number)) {
            totals.lines = totals.lines.and(Share::new(u64::from(line.hits > 0), 1));
        }
        for it in self.branches.iter().filter(|it| has_line(it.line)) {
            totals.branches = totals.branches.and(it.share());
        }
        for (index, function) in self.functions.iter().enumerate() {
            if has_function(function.start, self.end_of(index)) {
                let hit = Share::new(u64::from(function.hits > 0), 1);
                totals.functions = totals.functions.and(hit);
            }
        }
        totals
    }

    /// The innermost function that a line is in.
    ///
    /// A function without an end is taken to reach to the line before the next function.
    #[must_use]
    pub fn function_at(&self, line: u32) -> Option<&Function> {
        let before = self.functions.partition_point(|it| it.start <= line);
        (0..before)
            .rev()
            .take(ENCLOSING_MAX)
            .find(|index| self.end_of(*index) >= line)
            .map(|index| &self.functions[index])
    }

    /// The last line of a function as far as the report tells.
    fn end_of(&self, index: usize) -> u32 {
        let function = &self.functions[index];
        function.end.unwrap_or_else(|| {
            let next = self
                .functions
                .partition_point(|it| it.start <= function.start);
            let next = self.functions.get(next);
            next.map_or(u32::MAX, |next| next.start - 1)
        })
    }
}

/// How many functions before a line are looked at for the one around it.
const ENCLOSING_MAX: usize = 1_000;

/// A line that can be covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// From 1.
    pub number: u32,
    /// How often it ran; 1 where the format only says that it did.
    pub hits: u64,
}

/// The ways on from one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branches {
    /// From 1.
    pub line: u32,
    /// How many of the ways were taken, at most `total`.
    pub taken: u32,
    /// How many there are, at least 1.
    pub total: u32,
}

impl Branches {
    const fn share(self) -> Share {
        Share::new(self.taken as u64, self.total as u64)
    }
}

/// A function, method or closure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Function {
    /// The first line, from 1.
    pub start: u32,
    /// The name as the report gives it.
    pub name: String,
    /// The last line, where the format tells it.
    pub end: Option<u32>,
    /// How often it was called; 1 where the format only says that it was.
    pub hits: u64,
}

/// Counts of what is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Totals {
    /// Of the lines that can be covered.
    pub lines: Share,
    /// Of the ways on from lines that branch.
    pub branches: Share,
    /// Of the functions.
    pub functions: Share,
}

impl Totals {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            lines: self.lines.and(other.lines),
            branches: self.branches.and(other.branches),
            functions: self.functions.and(other.functions),
        }
    }
}

/// What two entries for one line become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    /// Several runs, instances or branches: they add up.
    Sum,
    /// Several views of the same: the larger number.
    Max,
}

impl Merge {
    fn hits(self, one: u64, other: u64) -> u64 {
        match self {
            Self::Sum => one.saturating_add(other),
            Self::Max => one.max(other),
        }
    }

    fn ways(self, one: u32, other: u32) -> u32 {
        match self {
            Self::Sum => one.saturating_add(other),
            Self::Max => one.max(other),
        }
    }
}

/// A report that is being read.
#[derive(Debug)]
pub(super) struct Builder {
    lines: Merge,
    branches: Merge,
    files: Vec<FileCoverage>,
    /// Where in `files` a path is.
    index: HashMap<String, usize>,
    /// Lines and branches that ranges and counts stood for so far.
    expanded: usize,
    pub(super) roots: Vec<String>,
}

impl Builder {
    pub(super) fn new(lines: Merge, branches: Merge) -> Self {
        Self {
            lines,
            branches,
            files: Vec::new(),
            index: HashMap::new(),
            expanded: 0,
            roots: Vec::new(),
        }
    }

    /// The place of a file, which may have been named before.
    pub(super) fn file(&mut self, path: &str) -> Result<usize, ReadError> {
        if let Some(index) = self.index.get(path) {
            return Ok(*index);
        }
        if self.files.len() == FILES_MAX {
            return Err(ReadError::TooMany {
                what: "files",
                max: FILES_MAX,
            });
        }
        let index = self.files.len();
        self.index.insert(path.to_owned(), index);
        self.files.push(FileCoverage {
            path: path.to_owned(),
            ..FileCoverage::default()
        });
        Ok(index)
    }

    /// A line of a file; line 0, which some tools give to generated code, is not one.
    pub(super) fn line(&mut self, file: usize, number: u32, hits: u64) {
        if number > 0 {
            self.files[file].lines.push(Line { number, hits });
        }
    }

    /// All lines of a range of a file.
    pub(super) fn range(
        &mut self,
        file: usize,
        range: RangeInclusive<u32>,
        hits: u64,
    ) -> Result<(), ReadError> {
        self.expand(range.end().saturating_sub(*range.start()) as usize)?;
        self.files[file].lines.extend(
            range
                .filter(|it| *it > 0)
                .map(|number| Line { number, hits }),
        );
        Ok(())
    }

    /// Counts what a few bytes stand for against the bound.
    fn expand(&mut self, count: usize) -> Result<(), ReadError> {
        self.expanded = self.expanded.saturating_add(count);
        if self.expanded > LINES_MAX {
            return Err(ReadError::TooMany {
                what: "lines and branches",
                max: LINES_MAX,
            });
        }
        Ok(())
    }

    /// The ways on from a line, which are counted against the bound as lines are.
    pub(super) fn branches(
        &mut self,
        file: usize,
        line: u32,
        taken: usize,
        total: usize,
    ) -> Result<(), ReadError> {
        self.expand(total)?;
        let (Ok(taken), Ok(total)) = (u32::try_from(taken.min(total)), u32::try_from(total)) else {
            return Ok(());
        };
        if line > 0 && total > 0 {
            self.files[file]
                .branches
                .push(Branches { line, taken, total });
        }
        Ok(())
    }

    pub(super) fn function(&mut self, file: usize, function: Function) {
        if function.start > 0 {
            self.files[file].functions.push(Function {
                end: function.end.filter(|end| *end >= function.start),
                ..function
            });
        }
    }

    /// The report, everything in order and each line once.
    pub(super) fn finish(self, format: Format) -> Coverage {
        let Self {
            lines,
            branches,
            mut files,
            roots,
            ..
        } = self;
        for file in &mut files {
            in_order(&mut file.lines, |one, other| {
                let is_same = one.number == other.number;
                if is_same {
                    one.hits = lines.hits(one.hits, other.hits);
                }
                is_same
            });
            in_order(&mut file.branches, |one, other| {
                let is_same = one.line == other.line;
                if is_same {
                    one.total = branches.ways(one.total, other.total);
                    one.taken = branches.ways(one.taken, other.taken);
                }
                is_same
            });
            in_order(&mut file.functions, |one, other| {
                let is_same =
                    one.start == other.start && one.name == other.name && one.end == other.end;
                if is_same {
                    one.hits = lines.hits(one.hits, other.hits);
                }
                is_same
            });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Coverage {
            format,
            files,
            roots,
        }
    }
}

/// Sorts, and joins neighbours into the first of them where `join` says that they were the same.
fn in_order<T: Ord>(items: &mut Vec<T>, mut join: impl FnMut(&mut T, &T) -> bool) {
    if !items.is_sorted() {
        items.sort_unstable();
    }
    items.dedup_by(|later, kept| join(kept, later));
    items.shrink_to_fit();
}
