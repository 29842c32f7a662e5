//! What it takes to tell a file's language, and a directory's projects: in process, and as the
//! first answer of the program.
//!
//! `cargo xtask bench detect`; run as a test it asks twice.
//! The files are the committed sample, whose languages are compared with what their projects say;
//! `cargo xtask detect-corpus --speed` has thousands of files. The projects are those of the labels.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and files"
)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_flow_benches::process::{Subject, program};
use claude_flow_benches::turns::{Options, Series, report};
use claude_flow_lang_detect::project::{self, Text, Tree};
use claude_flow_lang_detect::{Input, Language, examine};

/// How often each is measured, as a benchmark.
const RUNS: usize = 50;

fn main() -> Result<()> {
    let options = Options::from_arguments(RUNS)?;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lang-detect");
    let mut all = Vec::from(files(&fixtures, options.runs)?);
    all.extend(projects(&fixtures.join("projects"), options.runs)?);
    all.extend(first_answers(options.runs)?);
    report("lang-detect", &mut all, &options)
}

/// A file of the sample.
#[derive(Debug)]
struct File {
    /// Below its package.
    path: String,
    content: Vec<u8>,
}

/// Every file of the sample, again and again, with and without its name.
fn files(fixtures: &Path, runs: usize) -> Result<[Series; 2]> {
    let list = fs::read_to_string(fixtures.join("sample.tsv")).context("reading the list")?;
    let mut files = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (path, language) = line.split_once('\t').context("two columns")?;
        let content = fs::read(fixtures.join("sample").join(path))
            .with_context(|| format!("reading {path}"))?;
        let (_, path) = path.split_once('/').context("a package's folder")?;
        // An answer that is wrong is fast: that all are right is a part of the figure.
        let told = examine(&Input::new(path, &content)).language;
        ensure!(
            told.map(Language::name) == Some(language),
            "{path} is told as {told:?}"
        );
        let path = path.to_owned();
        files.push(File { path, content });
    }
    let mut series = [Series::new("a file"), Series::new("a file without name")];
    for _ in 0..runs {
        for File { path, content } in &files {
            for (path, series) in [path.as_str(), ""].into_iter().zip(&mut series) {
                let started = Instant::now();
                black_box(examine(&Input::new(black_box(path), black_box(content))));
                series.push(started.elapsed())?;
            }
        }
    }
    Ok(series)
}

/// The median of each project, and every time of the slowest one.
fn projects(dir: &Path, runs: usize) -> Result<[Series; 2]> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .with_context(|| format!("listing {}", dir.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txtar"));
    paths.sort();
    let mut each = Series::new("a project");
    let mut slowest = (Duration::ZERO, String::new(), Vec::new());
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let files = unpacked(&text);
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs {
            let started = Instant::now();
            let tree = Tree::new(files.iter().copied());
            let found = black_box(project::detect(&tree));
            times.push(started.elapsed());
            ensure!(
                !found.all().is_empty(),
                "{} holds no project",
                path.display()
            );
        }
        times.sort_unstable();
        let median = times[times.len() / 2];
        each.push(median)?;
        if median > slowest.0 {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            slowest = (median, name.into_owned(), times);
        }
    }
    let (_, name, times) = slowest;
    eprintln!("the slowest project is {name}");
    let mut slowest = Series::new("the slowest project");
    for time in times {
        slowest.push(time)?;
    }
    Ok([each, slowest])
}

/// The files of a fixture in txtar, as `cargo xtask projects pack` wrote it.
fn unpacked(text: &str) -> Vec<(&str, Text<'_>)> {
    let border = text.find("\n-- ").map_or(text.len(), |at| at + 1);
    let (listing, mut rest) = text.split_at(border);
    let mut files: Vec<(&str, Text<'_>)> = Vec::new();
    // Of two entries with one path the first stays: texts go before the listing.
    while let Some((path, body)) = rest
        .strip_prefix("-- ")
        .and_then(|rest| rest.split_once(" --\n"))
    {
        let end = body.find("\n-- ").map_or(body.len(), |at| at + 1);
        files.push((path, Text::Given(&body[..end])));
        rest = &body[end..];
    }
    files.extend(listing.lines().skip(2).map(|path| (path, Text::NotGiven)));
    files
}

/// The whole program that tells one file, beside the cheapest process there is.
fn first_answers(runs: usize) -> Result<Vec<Series>> {
    let dir = tempfile::tempdir().context("making a folder for the sample")?;
    let mut subjects = vec![Subject::new("/bin/true", "/bin/true", &[])];
    let program = program()?;
    for (name, content) in [
        ("main.rs", "fn main() {}\n"),
        // An extension that languages share, and no name at all: the rules, and the classifier.
        ("queue.h", "namespace a {\nclass Queue;\n}\n"),
        (
            "script",
            "import os\n\ndef main():\n    for name in os.listdir('.'):\n        print(name)\n",
        ),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, content)?;
        let arguments = ["detect", "--format", "json", &path.to_string_lossy()];
        subjects.push(Subject::new(
            &format!("detect {name}"),
            &program,
            &arguments,
        ));
    }
    let mut series: Vec<Series> = subjects.iter().map(|it| Series::new(it.name())).collect();
    for _ in 0..runs {
        for (subject, series) in subjects.iter().zip(&mut series) {
            series.push(subject.start()?)?;
        }
    }
    Ok(series)
}
