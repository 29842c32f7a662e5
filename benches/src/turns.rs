//! Programs that are measured in turn, so that a change in the machine's load meets all of them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use lexopt::prelude::*;

/// How often each is measured, as a test.
const RUNS_TEST: usize = 2;

/// What a benchmark of this kind is asked for.
#[derive(Debug)]
pub struct Options {
    /// How often each is measured.
    pub runs: usize,
    /// Where the figures are written.
    pub json: Option<PathBuf>,
}

impl Options {
    /// Reads this program's arguments; `runs` are made when cargo runs it as a benchmark.
    ///
    /// # Errors
    ///
    /// For an argument that is not known.
    pub fn from_arguments(runs: usize) -> Result<Self> {
        let mut options = Self {
            runs: RUNS_TEST,
            json: None,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                // Cargo says so when it is to be a benchmark, and nothing when it is a test.
                Long("bench") => options.runs = options.runs.max(runs),
                Long("runs") => options.runs = parser.value()?.parse()?,
                Long("json") => options.json = Some(parser.value()?.into()),
                Long("test" | "nocapture" | "quiet") | Short('q') | Value(_) => {}
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// One thing that is measured, and what it took each time.
#[derive(Debug)]
pub struct Series {
    name: String,
    times_ns: Vec<u64>,
}

impl Series {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            times_ns: Vec::new(),
        }
    }

    /// What it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a time.
    ///
    /// # Errors
    ///
    /// For more than 584 years.
    pub fn push(&mut self, time: Duration) -> Result<()> {
        self.times_ns.push(u64::try_from(time.as_nanos())?);
        Ok(())
    }

    /// Of sorted times.
    fn percentile(&self, per_cent: usize) -> u64 {
        let index = (self.times_ns.len() * per_cent / 100).min(self.times_ns.len() - 1);
        self.times_ns[index]
    }

    fn row(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "samples": self.times_ns.len(),
            "min_ns": self.percentile(0),
            "p50_ns": self.percentile(50),
            "p95_ns": self.percentile(95),
            "p99_ns": self.percentile(99),
        })
    }
}

/// Prints a table, and writes the figures where the options say.
///
/// # Errors
///
/// When the file cannot be written.
///
/// # Panics
///
/// If a series is empty.
pub fn report(title: &str, series: &mut [Series], options: &Options) -> Result<()> {
    println!(
        "{title:<24} {:>9} {:>9} {:>9} {:>9}",
        "min", "p50", "p95", "p99"
    );
    for series in series.iter_mut() {
        series.times_ns.sort_unstable();
        let [least, median, p95, p99] = [0, 50, 95, 99].map(|per_cent| series.percentile(per_cent));
        println!(
            "{:<24} {:>9} {:>9} {:>9} {:>9}",
            series.name,
            milliseconds(least),
            milliseconds(median),
            milliseconds(p95),
            milliseconds(p99)
        );
    }
    if let Some(path) = &options.json {
        let rows: Vec<_> = series.iter().map(Series::row).collect();
        let text = serde_json::to_string_pretty(&rows)?;
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn milliseconds(time_ns: u64) -> String {
    format!("{}.{:02} ms", time_ns / 1_000_000, time_ns / 10_000 % 100)
}
