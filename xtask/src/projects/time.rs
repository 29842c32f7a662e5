//! Measures how long the detection takes over the fixtures.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_flow_lang_detect::project::{Text, Tree, detect};

use crate::{Ended, workspace};

/// How often each project is looked at; the median counts.
const ROUNDS: usize = 21;

pub(super) fn run() -> Result<Ended> {
    let dir = workspace::root().join("fixtures/lang-detect/projects");
    let mut medians: Vec<(Duration, String, usize)> = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("listing {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "txtar") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let files = unpacked(&text);
        let mut rounds: Vec<Duration> = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let tree = Tree::new(files.iter().copied());
            let found = black_box(detect(&tree));
            rounds.push(start.elapsed());
            ensure!(
                !found.all().is_empty(),
                "{} holds no project",
                path.display()
            );
        }
        rounds.sort_unstable();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        medians.push((rounds[ROUNDS / 2], name, files.len()));
    }
    medians.sort();
    ensure!(!medians.is_empty(), "there are no fixtures");
    let at = |share: usize| &medians[(medians.len() - 1) * share / 100];
    println!(
        "{} projects, median of {ROUNDS} rounds each, one thread",
        medians.len()
    );
    for (label, share) in [("p50", 50), ("p95", 95), ("max", 100)] {
        let (time, name, count) = at(share);
        println!(
            "{label}  {:>9.3} ms  {name}, {count} files",
            time.as_secs_f64() * 1e3
        );
    }
    Ok(Ended::Well)
}

/// The files of a fixture in txtar, as `pack` wrote it.
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
