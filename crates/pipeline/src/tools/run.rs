//! One run of a tool in the sandbox.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use claude_flow_checkers::tools::{Ended, Output, Request, limits};
use claude_flow_sandbox::{Command, End, Outcome, Policy, RunError, Sandbox, Stream};

use super::find::Found;
use super::{Job, Ran, Said};

/// Runs a tool on a content and reads what it says.
pub(super) fn run(sandbox: &Sandbox, job: &Job<'_>, content: &[u8], deadline: Instant) -> Ran {
    let request = job.request(content);
    let invocation = job.tool.invocation(&request);
    let mut policy = match policy(job) {
        Ok(policy) => policy,
        Err(reason) => return Ran::failed(reason),
    };
    policy.limits.wall = deadline.saturating_duration_since(Instant::now());
    for (name, value) in &invocation.environment {
        policy = policy.env(name, value);
    }
    let command = Command::new(&job.found.path)
        .args(&invocation.arguments)
        .directory(&invocation.directory);
    let ran = match invocation.stdin {
        None => sandbox.run(&policy, &command),
        Some(input) => run_with_input(sandbox, &policy, command, input),
    };
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => return Ran::failed(format!("it could not be run: {error}")),
    };
    Ran {
        level: Some(ran.level),
        is_warm: false,
        said: said(job, &request, &policy, &ran),
    }
}

fn said(job: &Job<'_>, request: &Request<'_>, policy: &Policy, ran: &Outcome) -> Said {
    let ended = match ran.end {
        End::Exited(code) => Ended::Exited(code),
        End::Signal(signal) => Ended::Signalled(signal),
        End::WallTime | End::CpuTime => return Said::TimedOut,
        End::Memory => {
            let limit = policy.limits.memory_bytes >> 20;
            return Said::Failed(format!("it used more than the {limit} MiB that it may"));
        }
        End::Killed => return Said::Failed("it was ended".to_owned()),
    };
    let output = Output {
        ended,
        stdout: &ran.stdout.head,
        stderr: &ran.stderr.head,
        is_truncated: ran.stdout.omitted_bytes + ran.stderr.omitted_bytes > 0,
    };
    Said::Reading(job.tool.read(request, &output))
}

/// The workspace read-only, a cache of the tool's own to write to, loopback the only network.
pub(super) fn policy(job: &Job<'_>) -> Result<Policy, String> {
    let scratch = &job.words.scratch;
    fs::create_dir_all(scratch).map_err(|error| format!("{scratch} could not be made: {error}"))?;
    let workspace = &job.project.workspace;
    let policy = Policy::for_workspace(workspace, scratch);
    let mut policy = with_program(policy, &job.found, workspace);
    policy.limits.output_bytes = limits::OUTPUT_BYTES_MAX * 2;
    Ok(policy)
}

/// The same policy, under which an executable finds what it was installed with.
pub(crate) fn with_program(mut policy: Policy, found: &Found, workspace: &Path) -> Policy {
    let home = std::env::home_dir().and_then(|home| fs::canonicalize(home).ok());
    for path in [&found.path, &found.target] {
        for tree in trees(path, home.as_deref(), workspace, is_installation) {
            policy = policy.read(tree);
        }
    }
    policy
}

/// What an executable needs of what lies around it: its directory, what was installed with it, and the
/// packages that it belongs to; but nothing that holds the home directory or the workspace.
fn trees(
    executable: &Path,
    home: Option<&Path>,
    workspace: &Path,
    is_installation: impl Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let is_private = |tree: &Path| {
        let holds_home = home.is_some_and(|home| home.starts_with(tree));
        // It also holds what desktop programs keep, passwords included.
        let is_local = home.is_some_and(|home| tree == home.join(".local"));
        holds_home || is_local || workspace.starts_with(tree)
    };
    let directory = executable.parent();
    // Only what is recognisably one tool's: `bin` may lie in a home, or beside anything else.
    let installation = directory
        .filter(|directory| directory.ends_with("bin"))
        .and_then(Path::parent)
        .filter(|tree| is_installation(tree));
    let mut ancestors = executable.ancestors();
    let packages = ancestors.find(|ancestor| ancestor.ends_with("node_modules"));
    let wider = [directory, installation, packages];
    let wider = wider.into_iter().flatten().filter(|tree| !is_private(tree));
    std::iter::once(executable)
        .chain(wider)
        .map(Path::to_owned)
        .collect()
}

/// Whether a directory is a virtual environment, or holds Node, Go or a JDK.
fn is_installation(tree: &Path) -> bool {
    let markers = ["pyvenv.cfg", "lib/node_modules", "VERSION", "release"];
    markers.iter().any(|marker| tree.join(marker).exists())
}

/// Writes the input from a thread of its own, so that a tool that writes before it reads cannot block.
fn run_with_input(
    sandbox: &Sandbox,
    policy: &Policy,
    command: Command,
    input: &[u8],
) -> Result<Outcome, RunError> {
    let mut child = sandbox.spawn(policy, &command.stdin(Stream::Pipe))?;
    let pipe = child.stdin.take();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A tool that ends before it has read everything is judged by what it says.
            let _ = pipe.map(|mut pipe| pipe.write_all(input));
        });
        child.wait()
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::trees;

    #[track_caller]
    fn check(executable: &str, expected: &[&str]) {
        let home = Some(Path::new("/home/u"));
        let is_installation =
            |tree: &Path| [Path::new("/opt/go"), Path::new("/home/u/.venv")].contains(&tree);
        let work = Path::new("/home/u/work");
        let found = trees(Path::new(executable), home, work, is_installation);
        let expected: Vec<PathBuf> = std::iter::once(executable)
            .chain(expected.iter().copied())
            .map(PathBuf::from)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_executable_sees_what_it_was_installed_with() {
        check("/opt/go/bin/go", &["/opt/go/bin", "/opt/go"]);
        check(
            "/home/u/.venv/bin/ruff",
            &["/home/u/.venv/bin", "/home/u/.venv"],
        );
        check(
            "/opt/n/lib/node_modules/eslint/bin/eslint.js",
            &[
                "/opt/n/lib/node_modules/eslint/bin",
                "/opt/n/lib/node_modules",
            ],
        );
    }

    #[test]
    fn the_home_and_what_surrounds_the_workspace_stay_hidden() {
        check("/home/u/bin/tool", &["/home/u/bin"]);
        check("/home/u/.cargo/bin/rustfmt", &["/home/u/.cargo/bin"]);
        check("/home/other/bin/tool", &["/home/other/bin"]);
        check("/home/u/.local/bin/tool", &["/home/u/.local/bin"]);
        check("/home/u/work/lint", &[]);
        check("/home/u/work/bin/lint", &["/home/u/work/bin"]);
        check("/home/tool", &[]);
        check("/bin/tool", &["/bin"]);
    }
}
