//! One run of one runner in the sandbox.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use claude_flow_checkers::reports::limits::REPORT_BYTES_MAX;
use claude_flow_checkers::reports::{Ended, Run, judge};
use claude_flow_checkers::runners::{Place, REPORT, Request, Runner, Selection, Step, merged};
use claude_flow_checkers::tools::Surroundings;
use claude_flow_sandbox::{Command, ENVIRONMENT, End, Outcome, Policy, Sandbox};

use super::cache::Cache;
use super::document::{RunReport, TestState};
use super::workspace::Workspace;
use super::{Graph, TestError, below, inputs, is_above};
use crate::Toolbox;
use crate::read;
use crate::tools::find::{self, Found};
use crate::tools::run::with_program;

/// What is kept of each output: half at its beginning, half at its end.
const OUTPUT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many report files of one run are read.
const REPORTS_MAX: usize = 20_000;
/// How many threads of a run may be busy all the time.
const BUSY_MAX: u32 = 64;
/// Where packages are that no lock file of the workspace tells apart from those of another day.
const INSTALLED: &[&str] = &[
    ".venv/pyvenv.cfg",
    "node_modules",
    "node_modules/.package-lock.json",
    "vendor",
    "venv/pyvenv.cfg",
];

/// What all runs of one call share.
pub(super) struct Context<'a> {
    pub(super) tools: &'a Toolbox,
    pub(super) workspace: &'a Workspace,
    pub(super) graph: &'a Graph,
    pub(super) time: Duration,
    pub(super) is_again: bool,
}

/// Runs tests, or tells what they gave before.
pub(super) fn run(
    context: &Context<'_>,
    runner: &'static Runner,
    directory: &str,
    selection: Selection<'_>,
) -> Result<RunReport, TestError> {
    let cache = context.tools.cache.as_deref().ok_or(TestError::NoCache)?;
    let root = match directory {
        "" => context.workspace.root.clone(),
        directory => context.workspace.root.join(directory),
    };
    let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    let scratch = cache.join("tests").join(&name[..32]).join(runner.name);
    let files: Vec<&str> = context
        .workspace
        .files
        .iter()
        .filter(|file| is_above(directory, &file.path))
        .map(|file| below(&file.path, directory))
        .collect();
    let home = std::env::home_dir().unwrap_or_default();
    let (root_text, scratch_text, home_text) = (
        root.to_string_lossy(),
        scratch.to_string_lossy(),
        home.to_string_lossy(),
    );
    let request = Request {
        selection,
        root: &root_text,
        files: &files,
        scratch: &scratch_text,
        home: &home_text,
    };
    let steps = runner.steps(&request);
    let mut report = blank(directory, runner, &steps);
    let programs: Result<Vec<Found>, String> = steps
        .iter()
        .map(|step| program(context, step, &root))
        .collect();
    let programs = match programs {
        Ok(programs) => programs,
        Err(reason) => return Ok(refused(report, reason)),
    };
    let tests = chosen(selection, directory);
    let is_all = tests.is_empty() || !runner.is_by_file;
    report.inputs = inputs(context.workspace, context.graph, &tests, is_all);
    report.inputs_blake3 = key(context, &report, &programs, &root);
    let answers = Cache::new(cache);
    if !context.is_again
        && context.workspace.left_out.is_empty()
        && let Some(answer) = answers.answer(&report.inputs_blake3)
    {
        return Ok(RunReport {
            inputs: report.inputs,
            ..answer
        });
    }
    let started = Instant::now();
    match execute(context, runner, &request, &steps, &programs) {
        Ok(run) => report.fill(run, started.elapsed()),
        Err(reason) => return Ok(refused(report, reason)),
    }
    if !context.workspace.is_current() {
        report.state = TestState::Stale;
        report.why = Some("files changed while the tests ran; run them again".to_owned());
    }
    if context.workspace.left_out.is_empty() {
        answers.keep(&report);
    }
    Ok(report)
}

fn blank(directory: &str, runner: &Runner, steps: &[Step]) -> RunReport {
    let last = steps.last().map(|step| {
        let words = step.arguments.iter().map(String::as_str);
        let words: Vec<&str> = std::iter::once(&*step.program.name).chain(words).collect();
        words.join(" ")
    });
    let (directory, runner) = (directory.to_owned(), runner.name.to_owned());
    RunReport::new(directory, runner, last.unwrap_or_default())
}

fn refused(report: RunReport, reason: String) -> RunReport {
    RunReport {
        state: TestState::NotRun,
        why: Some(reason),
        ..report
    }
}

/// The files of the selection, below the workspace's root.
fn chosen(selection: Selection<'_>, directory: &str) -> Vec<String> {
    let files = match selection {
        Selection::All => &[][..],
        Selection::Files(files) => files,
        Selection::Names { ref file, .. } => std::slice::from_ref(file),
    };
    let whole = |file: &&str| {
        if directory.is_empty() {
            (*file).to_owned()
        } else {
            format!("{directory}/{file}")
        }
    };
    files.iter().map(whole).collect()
}

/// The program of a step; the error is for people.
fn program(context: &Context<'_>, step: &Step, root: &Path) -> Result<Found, String> {
    let workspace = &context.workspace.root;
    let around = root.ancestors().take_while(|it| it.starts_with(workspace));
    let around: Vec<String> = around.map(|it| it.to_string_lossy().into_owned()).collect();
    let directories: Vec<&str> = around.iter().map(String::as_str).collect();
    let surroundings = Surroundings {
        root: directories.first().copied().unwrap_or_default(),
        directories: &directories,
        virtual_environment: context.tools.virtual_environment.as_deref(),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    let found = find::first(step.program.candidates(&surroundings), &context.tools.path);
    let name = &step.program.name;
    found.ok_or_else(|| {
        format!("{name} is not installed where the project would use it; install it first")
    })
}

/// The hash of everything that the tests can see.
fn key(context: &Context<'_>, report: &RunReport, programs: &[Found], root: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(root.as_os_str().as_encoded_bytes());
    add(report.command.as_bytes());
    for program in programs {
        add(program.target.as_os_str().as_encoded_bytes());
        add(&stamp(&program.target));
    }
    for name in ENVIRONMENT {
        let value = std::env::var_os(name);
        add(&[u8::from(value.is_some())]);
        add(value.unwrap_or_default().as_encoded_bytes());
    }
    for (path, target) in &context.workspace.links {
        add(path.as_bytes());
        add(target.as_os_str().as_encoded_bytes());
    }
    for directory in [root, context.workspace.root.as_path()] {
        for name in INSTALLED {
            add(&stamp(&directory.join(name)));
        }
    }
    for input in &report.inputs {
        add(input.path.as_bytes());
        add(input.blake3.as_bytes());
        let file = context.workspace.file(&input.path);
        add(&file.map_or(0, |it| it.mode).to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// What tells a file or folder from another one of its name; empty if there is none.
fn stamp(path: &Path) -> Vec<u8> {
    let Ok(metadata) = fs::metadata(path) else {
        return Vec::new();
    };
    let numbers = [
        metadata.ino(),
        metadata.len(),
        metadata.mtime().cast_unsigned(),
        metadata.mtime_nsec().cast_unsigned(),
    ];
    numbers.map(u64::to_le_bytes).concat()
}

/// Runs the steps; the error says why nothing could be run.
fn execute(
    context: &Context<'_>,
    runner: &Runner,
    request: &Request<'_>,
    steps: &[Step],
    programs: &[Found],
) -> Result<Run, String> {
    let sandbox = context.tools.sandbox()?;
    let scratch = Path::new(request.scratch);
    prepare(runner, request)
        .and_then(|()| forget_compiled(context.workspace, scratch))
        .map_err(|error| format!("{}: {error}", scratch.display()))?;
    let began = SystemTime::now();
    let deadline = Instant::now() + context.time;
    let last = steps.len() - 1;
    for (at, (step, found)) in steps.iter().zip(programs).enumerate() {
        let policy = policy(context, runner, request, step, found, deadline);
        let outcome = start(sandbox, &policy, step, found, request)?;
        let ended = ended(outcome.end);
        let mut log = outcome.stdout.head.clone();
        log.extend_from_slice(&outcome.stdout.tail);
        log.extend_from_slice(&outcome.stderr.head);
        log.extend_from_slice(&outcome.stderr.tail);
        if at < last {
            if ended != Ended::Succeeded {
                return Ok(judge(runner.format, b"", &log, ended));
            }
            continue;
        }
        let report = match runner.report {
            // Of an output that is too long the beginning is kept, and a report without its end is none.
            Place::Stdout => outcome.stdout.head,
            Place::Stderr => outcome.stderr.head,
            Place::File => {
                read::bounded(&scratch.join(REPORT), REPORT_BYTES_MAX as u64).unwrap_or_default()
            }
            Place::Files { prefix, suffix, .. } => {
                let folder = runner.folder(request).unwrap_or_default();
                merged(&reports(Path::new(&folder), prefix, suffix, began))
            }
        };
        return Ok(judge(runner.format, &report, &log, ended));
    }
    Err("there is nothing to run".to_owned())
}

/// Takes away what Python keeps compiled of the workspace's modules: it takes a module for unchanged if its
/// size and the second of its last change are the same, which are so after two quick edits.
fn forget_compiled(workspace: &Workspace, scratch: &Path) -> std::io::Result<()> {
    let root = workspace.root.strip_prefix("/");
    let kept = scratch
        .join("pycache")
        .join(root.unwrap_or(&workspace.root));
    if !kept.is_dir() {
        return Ok(());
    }
    let modules = workspace.files.iter().map(|file| Path::new(&file.path));
    let modules = modules.filter(|path| path.extension().is_some_and(|it| it == "py"));
    let folders: BTreeSet<&Path> = modules.filter_map(Path::parent).collect();
    for folder in folders {
        let entries = match fs::read_dir(kept.join(folder)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Makes the places that are written to, and takes away the reports of earlier runs.
fn prepare(runner: &Runner, request: &Request<'_>) -> std::io::Result<()> {
    let scratch = Path::new(request.scratch);
    fs::create_dir_all(scratch)?;
    let report = scratch.join(REPORT);
    let gone = if report.is_dir() {
        fs::remove_dir_all(&report)
    } else {
        fs::remove_file(&report)
    };
    match gone {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for folder in runner.writes {
        fs::create_dir_all(Path::new(request.root).join(folder))?;
    }
    if let (Some(folder), Place::Files { prefix, suffix, .. }) =
        (runner.folder(request), runner.report)
    {
        for path in report_files(Path::new(&folder), prefix, suffix) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn report_files(folder: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(prefix) && name.ends_with(suffix)
    });
    let mut paths: Vec<PathBuf> = named.map(|entry| entry.path()).take(REPORTS_MAX).collect();
    paths.sort_unstable();
    paths
}

/// The reports of a folder, none that is older than the run.
fn reports(folder: &Path, prefix: &str, suffix: &str, began: SystemTime) -> Vec<Vec<u8>> {
    let paths = report_files(folder, prefix, suffix).into_iter();
    let fresh = paths.filter(|path| {
        let modified = path.metadata().and_then(|it| it.modified());
        modified.is_ok_and(|it| it + read::CLOCK_TICK >= began)
    });
    fresh
        .map(|path| read::bounded(&path, REPORT_BYTES_MAX as u64).unwrap_or_default())
        .collect()
}

fn policy(
    context: &Context<'_>,
    runner: &Runner,
    request: &Request<'_>,
    step: &Step,
    found: &Found,
    deadline: Instant,
) -> Policy {
    let workspace = &context.workspace.root;
    let policy = Policy::for_workspace(workspace, request.scratch);
    let mut policy = with_program(policy, found, workspace);
    for folder in runner.reads {
        policy = policy.read(Path::new(request.home).join(folder));
    }
    for folder in runner.writes {
        policy.write.push(Path::new(request.root).join(folder));
    }
    for (name, value) in &step.environment {
        policy = policy.env(name, value);
    }
    policy.limits.wall = deadline.saturating_duration_since(Instant::now());
    policy.limits.cpu = context.time.saturating_mul(BUSY_MAX);
    policy.limits.output_bytes = OUTPUT_BYTES_MAX;
    policy
}

fn start(
    sandbox: &Sandbox,
    policy: &Policy,
    step: &Step,
    found: &Found,
    request: &Request<'_>,
) -> Result<Outcome, String> {
    let command = Command::new(&found.path)
        .args(&step.arguments)
        .directory(request.root);
    let ran = sandbox.run(policy, &command);
    ran.map_err(|error| format!("{} could not be run: {error}", step.program.name))
}

const fn ended(end: End) -> Ended {
    match end {
        End::Exited(0) => Ended::Succeeded,
        End::Exited(_) => Ended::Failed,
        End::WallTime | End::CpuTime => Ended::TimedOut,
        End::Signal(_) | End::Memory | End::Killed => Ended::Crashed,
    }
}
