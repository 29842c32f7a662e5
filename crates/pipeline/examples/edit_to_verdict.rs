//! How long it takes from an edit to the verdict, with tools that are started and with tools that are kept.
//!
//! `cargo run --release -p claude-flow-pipeline --example edit_to_verdict -- FILE...` edits each file in turn,
//! by blank lines at its end, asks both ways after each edit, and puts the text back.
//! The directory has to be trusted (`claude-flow trust`).
#![expect(
    clippy::disallowed_methods,
    reason = "it edits files and measures time"
)]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use claude_flow_pipeline::document::{CheckReport, State};
use claude_flow_pipeline::{Options, Pipeline, Toolbox};

const EDITS: usize = 30;

fn main() -> Result<(), Box<dyn Error>> {
    claude_flow_sandbox::become_helper_if_asked();
    let cold = Pipeline::with_nearest_config().with_tools(Toolbox::of_user());
    let warm = Pipeline::with_nearest_config().with_tools(Toolbox::of_user().kept_warm());
    for file in std::env::args_os().skip(1) {
        let file = Path::new(&file);
        let text = fs::read(file)?;
        let measured = measure(&cold, &warm, file, &text);
        fs::write(file, &text)?;
        measured?;
    }
    Ok(())
}

fn measure(
    cold: &Pipeline,
    warm: &Pipeline,
    file: &Path,
    text: &[u8],
) -> Result<(), Box<dyn Error>> {
    println!("{}, {EDITS} edits, milliseconds", file.display());
    for (name, pipeline) in [("cold", cold), ("warm", warm)] {
        // The first question is the tool's own start.
        let mut took = vec![ask(pipeline, file)?.0];
        let mut last = Vec::new();
        for edit in 0..EDITS {
            let ending = "\n".repeat(edit % 3);
            fs::write(file, [text, ending.as_bytes()].concat())?;
            let (time, checks) = ask(pipeline, file)?;
            took.push(time);
            last = checks;
        }
        let first = took.remove(0);
        took.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (p50, p95) = (took[EDITS / 2], took[EDITS * 95 / 100]);
        println!(
            "  {name}  p50 {:8.1}  p95 {:8.1}  first {:8.1}",
            ms(p50),
            ms(p95),
            ms(first)
        );
        for check in last.iter().filter(|it| it.run.is_some()) {
            let took = Duration::from_nanos(check.duration_ns.unwrap_or_default());
            let engine = check.engine.as_deref().unwrap_or_default();
            let is_warm = check.run.as_ref().is_some_and(|run| run.warm);
            let warm = if is_warm { "kept" } else { "started" };
            println!(
                "    {:8.1}  {warm:7}  {engine}  {:?}",
                ms(took),
                check.state
            );
        }
    }
    Ok(())
}

/// One verdict, and how long it took.
fn ask(pipeline: &Pipeline, file: &Path) -> Result<(Duration, Vec<CheckReport>), Box<dyn Error>> {
    let started = Instant::now();
    let mut document = pipeline.check_paths(&[file], &Options::default());
    let took = started.elapsed();
    let report = document.files.remove(0);
    if let Some(error) = report.error {
        return Err(error.into());
    }
    let broken =
        |it: &&CheckReport| matches!(it.state, State::Failed | State::TimedOut | State::Stale);
    if let Some(check) = report.checks.iter().find(broken) {
        return Err(format!("{}: {:?}", check.name, check.reason).into());
    }
    Ok((took, report.checks))
}
