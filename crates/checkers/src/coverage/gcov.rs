//! `gcov --json-format`, unpacked, or as `--stdout` writes it: one document after the other.
//!
//! Source: the GCC manual, section "Invoking gcov", format versions 1 and 2.
//! Ways that an exception takes are left out, because hardly a test can take them.

use serde::Deserialize;

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::json::Text;
use crate::read_error::ReadError;

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    current_working_directory: Option<Text<'a>>,
    #[serde(borrow)]
    files: Vec<File<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, rename = "file")]
    path: Text<'a>,
    lines: Vec<LineRecord>,
    #[serde(borrow)]
    functions: Vec<FunctionRecord<'a>>,
}

#[derive(Deserialize)]
struct LineRecord {
    line_number: u32,
    count: u64,
    #[serde(default)]
    branches: Vec<BranchRecord>,
}

#[derive(Deserialize)]
struct BranchRecord {
    count: u64,
    #[serde(default)]
    throw: bool,
}

#[derive(Deserialize)]
struct FunctionRecord<'a> {
    #[serde(borrow)]
    demangled_name: Text<'a>,
    start_line: u32,
    end_line: u32,
    execution_count: u64,
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    // A line of a template stands once for each instance.
    let mut builder = Builder::new(Merge::Sum, Merge::Max);
    let mut documents = 0_usize;
    for report in serde_json::Deserializer::from_str(text).into_iter::<Report<'_>>() {
        let report = report?;
        documents += 1;
        if let Some(root) = report.current_working_directory {
            let root = root.0.into_owned();
            if !builder.roots.contains(&root) {
                builder.roots.push(root);
            }
        }
        for it in report.files {
            let file = builder.file(&it.path.0)?;
            for line in &it.lines {
                builder.line(file, line.line_number, line.count);
                let ways = || line.branches.iter().filter(|way| !way.throw);
                let taken = ways().filter(|way| way.count > 0).count();
                builder.branches(file, line.line_number, taken, ways().count())?;
            }
            for function in it.functions {
                builder.function(
                    file,
                    Function {
                        start: function.start_line,
                        name: function.demangled_name.0.into_owned(),
                        end: Some(function.end_line),
                        hits: function.execution_count,
                    },
                );
            }
        }
    }
    if documents == 0 {
        return Err(ReadError::Empty);
    }
    Ok(builder.finish(Format::Gcov))
}
