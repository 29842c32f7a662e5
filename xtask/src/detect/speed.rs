//! How fast the files of the corpus are told.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_flow_lang_detect::{Input, examine};

use super::{Found, spread};

/// How often every file is asked for; the first time does not count.
const ROUNDS: usize = 6;

/// Measures with and without names, and prints.
pub(super) fn measure(packages: &[Found], per_label: usize) -> Result<()> {
    let mut files = Vec::new();
    for package in packages {
        for sample in spread(&package.samples, per_label) {
            let path = package.dir.join(&sample.path);
            let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            files.push((sample.path, content));
        }
    }
    ensure!(!files.is_empty(), "there is no file to measure with");
    let bytes: usize = files.iter().map(|(_, content)| content.len()).sum();
    println!("{} files, {bytes} bytes, one thread", files.len());
    println!(
        "{:<10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "", "files/s", "p50 us", "p95 us", "p99 us", "max us"
    );
    for (name, is_nameless) in [("named", false), ("nameless", true)] {
        let mut times = Vec::new();
        let mut total = Duration::ZERO;
        for round in 0..ROUNDS {
            for (path, content) in &files {
                let path = if is_nameless { "" } else { path };
                let started = Instant::now();
                black_box(examine(&Input::new(black_box(path), black_box(content))));
                let time = started.elapsed();
                if round > 0 {
                    times.push(time);
                    total += time;
                }
            }
        }
        times.sort_unstable();
        let at = |percent: usize| {
            let time = times[(times.len() - 1) * percent / 100];
            time.as_secs_f64() * 1e6
        };
        let count = f64::from(u32::try_from(times.len()).context("counting files")?);
        println!(
            "{name:<10} {:>10.0} {:>10.1} {:>10.1} {:>10.1} {:>10.1}",
            count / total.as_secs_f64(),
            at(50),
            at(95),
            at(99),
            at(100)
        );
    }
    Ok(())
}
