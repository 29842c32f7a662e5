//! `claude-flow post-edit`.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use anyhow::{Context, bail};
#[cfg(target_os = "linux")]
use claude_flow::pipeline::Toolbox;
use claude_flow::pipeline::document::{Document, FileReport, Request};
use claude_flow::pipeline::tdd::Recorder;
use claude_flow::pipeline::{BaselineSource, Config, Options, Pipeline};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::PostEditArgs;
use crate::failure::Usage;
use crate::output::{width, write_plain, write_styled};
use crate::render::{Format, render};
use crate::report::{Report, read_source};

/// The largest content that is read from standard input, in bytes; `limits.file_size_bytes` allows no more.
const STDIN_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// The largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Who waits longer than this wants to see that something happens.
const PATIENCE: Duration = Duration::from_secs(1);

/// Checks files and writes what was found.
pub(super) fn run(mut args: PostEditArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let mut files = std::mem::take(&mut args.files);
    files.append(&mut args.file);
    if args.since_content.is_some() && files.len() > 1 {
        let count = files.len();
        return Err(Usage(format!(
            "--since-content is the earlier content of one file, and {count} are given; \
             check them one by one, or use --git-base"
        ))
        .into());
    }
    let pipeline = match &args.config {
        Some(path) => Pipeline::new(read_config(path)?),
        None => Pipeline::with_nearest_config(),
    };
    #[cfg(target_os = "linux")]
    let pipeline = pipeline.with_tools(Toolbox::of_user());
    let pipeline = match Recorder::of_user() {
        Some(recorder) => pipeline.with_recorder(recorder),
        None => pipeline,
    };
    let format = if args.structured {
        Format::Json
    } else {
        args.format
    };
    let exit_zero = args.exit_zero;
    let stdin_path = args.stdin_path.take();
    let options = options(args);
    let document = if let Some(path) = stdin_path {
        let content = read_stdin(&path)?;
        let report = pipeline.check_content(&path, &content, &options);
        let document = Document::new(options.request, vec![report]);
        write(&document, &|_| Some(content.clone()), format, color)?;
        document
    } else {
        let document = check_files(&pipeline, &files, &options);
        write(&document, &read_source, format, color)?;
        document
    };
    Ok(match document.exit_status() {
        1 if exit_zero => ExitCode::SUCCESS,
        status => ExitCode::from(status),
    })
}

fn write(
    document: &Document,
    source: &dyn Fn(&FileReport) -> Option<Vec<u8>>,
    format: Format,
    color: ColorChoice,
) -> anyhow::Result<()> {
    let directory = std::env::current_dir().unwrap_or_default();
    let report = Report {
        document,
        source,
        directory: &directory,
    };
    let mut text = Vec::new();
    render(report, format, width(), &mut text).context("the result could not be rendered")?;
    if format == Format::Human {
        write_styled(&text, color)
    } else {
        write_plain(&text)
    }
}

fn options(args: PostEditArgs) -> Options {
    let accepted = args.accepted;
    let baseline = match (args.since_content, args.git_base) {
        (Some(path), _) => BaselineSource::File(path),
        (None, Some(revision)) => BaselineSource::Git { revision },
        (None, None) => BaselineSource::None,
    };
    Options {
        request: Request {
            memory_key: accepted.memory_key,
            agent_id: accepted.agent_id,
            swarm_id: accepted.swarm_id,
        },
        baseline,
        tests: args.tests,
        minimum_coverage: accepted.minimum_coverage,
        block_on_critical: accepted.block_on_critical,
        tdd_mode: accepted.tdd_mode,
        block_on_tdd_violations: accepted.block_on_tdd_violations,
        rust_strict: accepted.rust_strict,
        no_tools: args.no_tools,
        no_format: accepted.no_format,
        no_validate: accepted.no_validate,
        no_recommendations: accepted.no_recommendations,
        no_tdd: accepted.no_tdd,
    }
}

fn read_stdin(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_bounded(io::stdin().lock(), STDIN_BYTES_MAX)
        .with_context(|| format!("standard input, the content of {}", path.display()))
}

/// Checks files; on a terminal that has waited for long enough, shows how many are done.
fn check_files(pipeline: &Pipeline, files: &[PathBuf], options: &Options) -> Document {
    if files.len() < 2 || !io::stderr().is_terminal() {
        return pipeline.check_paths(files, options);
    }
    let started = Instant::now();
    let bar: OnceLock<ProgressBar> = OnceLock::new();
    let progress = |done: usize, all: usize| {
        if started.elapsed() < PATIENCE {
            return;
        }
        bar.get_or_init(|| progress_bar(all))
            .set_position(done as u64);
    };
    let document = pipeline.check_paths_with_progress(files, options, &progress);
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    document
}

fn progress_bar(all: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} files checked")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(all as u64).with_style(style)
}

fn read_config(path: &Path) -> anyhow::Result<Config> {
    let failed = || {
        format!(
            "the configuration {} cannot be used; `claude-flow init` writes one to start from",
            path.display()
        )
    };
    let file = File::open(path).with_context(failed)?;
    let bytes = read_bounded(file, CONFIG_BYTES_MAX).with_context(failed)?;
    let text = String::from_utf8(bytes)
        .context("it is not UTF-8")
        .with_context(failed)?;
    // The error names the file, the line and what is allowed.
    Ok(Config::parse(&text, path)?)
}

fn read_bounded(reader: impl Read, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        bail!("it has more than the {bytes_max} bytes that are read");
    }
    Ok(bytes)
}
