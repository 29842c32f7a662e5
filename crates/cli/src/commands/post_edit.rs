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
use claude_flow::pipeline::{BaselineSource, Config, Options, Pipeline};
use indicatif::{ProgressBar, ProgressStyle};

use super::recording;
use crate::args::PostEditArgs;
#[cfg(target_os = "linux")]
use crate::daemon::{self, client};
use crate::failure::Usage;
use crate::output::{width, write_plain, write_styled};
use crate::render::{Format, render};
use crate::report::{Report, read_source};

/// The largest content that is read from standard input, in bytes; `limits.file_size_bytes` allows no more.
const STDIN_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// The largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// How long the daemon is waited for, as long as it gives signs of life; tools may take their time.
#[cfg(target_os = "linux")]
const DAEMON_WAIT_MAX: Duration = Duration::from_mins(2);

/// Who waits longer than this wants to see that something happens.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most files that the daemon is asked about; more are checked here, where it is told how many are done.
#[cfg(target_os = "linux")]
const DAEMON_FILES_MAX: usize = 16;

/// Checks files and writes what was found.
pub(super) fn run(args: PostEditArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let count = args.files.len() + args.file.len();
    if args.since_content.is_some() && count > 1 {
        return Err(Usage(format!(
            "--since-content is the earlier content of one file, and {count} are given; \
             check them one by one, or use --git-base"
        ))
        .into());
    }
    let format = format_of(&args);
    let stdin = args.stdin_path.as_deref().map(read_stdin).transpose()?;
    #[cfg(target_os = "linux")]
    let answered = answered_by_daemon(&args, count, stdin.as_deref());
    #[cfg(not(target_os = "linux"))]
    let answered = None;
    let (text, code) = if let Some(answered) = answered {
        answered
    } else {
        let pipeline = match &args.config {
            Some(path) => Pipeline::new(read_config(path)?),
            None => Pipeline::with_nearest_config(),
        };
        #[cfg(target_os = "linux")]
        let pipeline = pipeline.with_tools(Toolbox::of_user());
        let pipeline = recording(pipeline);
        let asker = Asker {
            directory: &std::env::current_dir().unwrap_or_default(),
            width: width(),
        };
        let told = tell(&pipeline, args, stdin.as_deref(), &asker)?;
        (told.text, told.code)
    };
    if format == Format::Human {
        write_styled(&text, color)?;
    } else {
        write_plain(&text)?;
    }
    Ok(ExitCode::from(code))
}

/// Who asks, as far as the text depends on it.
#[derive(Debug)]
pub(crate) struct Asker<'a> {
    /// The directory that relative paths start from.
    pub(crate) directory: &'a Path,
    /// Of the terminal, in columns.
    pub(crate) width: usize,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Told {
    /// In the form that was asked for, with styles if it is for people.
    pub(crate) text: Vec<u8>,
    /// What the program exits with.
    pub(crate) code: u8,
    /// The verdict itself.
    pub(crate) document: Document,
}

/// Checks files, or the content on standard input, and tells what was found.
///
/// # Errors
///
/// If it cannot be told in the form that was asked for.
pub(crate) fn tell(
    pipeline: &Pipeline,
    mut args: PostEditArgs,
    stdin: Option<&[u8]>,
    asker: &Asker<'_>,
) -> anyhow::Result<Told> {
    let mut files = std::mem::take(&mut args.files);
    files.append(&mut args.file);
    let (format, exit_zero) = (format_of(&args), args.exit_zero);
    let stdin_path = args.stdin_path.take();
    let options = options(args);
    let (document, text) = if let (Some(path), Some(content)) = (stdin_path, stdin) {
        let report = pipeline.check_content(&path, content, &options);
        let document = Document::new(options.request, vec![report]);
        let text = rendered(&document, &|_| Some(content.to_vec()), format, asker)?;
        (document, text)
    } else {
        let document = check_files(pipeline, &files, &options);
        let text = rendered(&document, &read_source, format, asker)?;
        (document, text)
    };
    let code = match document.exit_status() {
        1 if exit_zero => 0,
        status => status,
    };
    Ok(Told {
        text,
        code,
        document,
    })
}

/// What the daemon answers, if it is to be asked and does.
#[cfg(target_os = "linux")]
fn answered_by_daemon(
    args: &PostEditArgs,
    count: usize,
    stdin: Option<&[u8]>,
) -> Option<(Vec<u8>, u8)> {
    use std::os::unix::ffi::OsStrExt;

    // A configuration of its own is read here, where its errors are told.
    let is_wanted = !args.no_daemon && args.config.is_none() && count <= DAEMON_FILES_MAX;
    if !is_wanted || client::is_off() {
        return None;
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    let question = daemon::Question::PostEdit {
        arguments: arguments.iter().map(|it| it.as_bytes()).collect(),
        stdin,
        width: u32::try_from(width()).unwrap_or(u32::MAX),
    };
    match client::ask(question, Instant::now() + DAEMON_WAIT_MAX) {
        Ok(daemon::Reply::PostEdit { text, code }) => Some((text, code)),
        _ => None,
    }
}

fn format_of(args: &PostEditArgs) -> Format {
    if args.structured {
        Format::Json
    } else {
        args.format
    }
}

fn rendered(
    document: &Document,
    source: &dyn Fn(&FileReport) -> Option<Vec<u8>>,
    format: Format,
    asker: &Asker<'_>,
) -> anyhow::Result<Vec<u8>> {
    let report = Report {
        document,
        source,
        directory: asker.directory,
    };
    let mut text = Vec::new();
    render(report, format, asker.width, &mut text).context("the result could not be rendered")?;
    Ok(text)
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
