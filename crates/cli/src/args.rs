//! What the command line can say.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod bus;
#[cfg(unix)]
mod certify;
#[cfg(unix)]
mod consensus;
#[cfg(target_os = "linux")]
mod daemon;
#[cfg(target_os = "linux")]
mod events;
mod watch;

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use claude_flow::pipeline::Percent;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) use self::bus::{
    BusCommand, BusFormat, MessageFormat, PlaceArgs, PubArgs, RecordArgs, ReplayArgs, SubArgs,
};
#[cfg(unix)]
pub(crate) use self::certify::{CertificateCommand, CertifyArgs, VerifyArgs};
#[cfg(unix)]
pub(crate) use self::consensus::{
    ConsensusCommand, ConsensusFormat, GroupArgs, NodeArgs, SubmitArgs, VoteArgs, VoteChoice,
};
#[cfg(target_os = "linux")]
pub(crate) use self::daemon::{DaemonArgs, DaemonCommand};
#[cfg(target_os = "linux")]
pub(crate) use self::events::EventsArgs;
pub(crate) use self::watch::WatchArgs;
use crate::hook::Harness;
use crate::render::Format;

const EXAMPLES: &str = "\
Examples:
  claude-flow post-edit src/app.ts          what is wrong with this file
  claude-flow post-edit --git-base HEAD src/*.rs
                                            only what the edits since the last commit brought
  claude-flow init --harness claude-code    check every edit that Claude Code makes
  claude-flow doctor                        what is found here, and what is missing";

const POST_EDIT_EXAMPLES: &str = "\
Exit status:
  0  no error finding
  1  at least one error finding that the edit brought
  2  the job could not be done: unreadable file, bad configuration, bad usage,
     a check that broke or took too long
  With --exit-zero a 1 becomes a 0.

Examples:
  claude-flow post-edit src/app.ts src/lib.rs
  claude-flow post-edit --structured src/app.ts | jq .summary
  claude-flow post-edit --git-base HEAD --format github src/*.py
  claude-flow post-edit --since-content before.go after.go
  generate | claude-flow post-edit --stdin-path src/made.json";

const HOOK_EXAMPLES: &str = "\
The exit status is always 0: a harness takes every other one for a failure of its own.
What was wrong with the payload is on standard error.

Examples:
  claude-flow init --harness claude-code    installs the hook
  claude-flow hook claude-code < payload.json";

const INIT_EXAMPLES: &str = "\
With --harness claude-code this is added to .claude/settings.json:
  {\"hooks\": {\"PostToolUse\": [{\"matcher\": \"Edit|Write|MultiEdit|NotebookEdit\", \"hooks\":
    [{\"type\": \"command\", \"command\": \"claude-flow\", \"args\": [\"hook\", \"claude-code\"], \"timeout\": 10}]}]}}

The others have their hooks in .codex/hooks.json, .cursor/hooks.json, .gemini/settings.json and
.github/hooks/claude-flow.json; --dry-run shows them.

Exit status:
  0  done, or there was nothing to do
  2  a file could not be read, understood or written; no file is changed then

Examples:
  claude-flow init                          write claude-flow.toml
  claude-flow init --harness claude-code --dry-run
                                            show what would change
  claude-flow init --harness codex cursor   install two hooks
  claude-flow init --harness codex --uninstall
                                            take one hook out again
  claude-flow init --uninstall              take everything out again";

const DOCTOR_EXAMPLES: &str = "\
No program is started.

Exit status:
  0  nothing is broken; what is only missing is told
  2  a configuration or settings file cannot be used

Examples:
  claude-flow doctor
  claude-flow doctor --format json | jq '.tools[] | select(.path == null) | .name'";

const DETECT_EXAMPLES: &str = "\
Of a directory, the projects are told: package manager, build tool, tests and how to run them,
coverage, formatter, linter, type checker, frameworks.

What decides on a file's language is asked in this order: .gitattributes, a modeline, the file's name, its first line,
its extension, its content, compile_commands.json, the files beside it, likeness.

Exit status:
  0  told; \"not sure\" is an answer
  2  a path is no file or cannot be read

Examples:
  claude-flow detect
  claude-flow detect --explain crates/cli
  claude-flow detect src/app.ts include/app.h
  claude-flow detect --explain include/app.h
  claude-flow detect --format json src/* | jq '.files[] | select(.language == null) | .path'";

#[cfg(target_os = "linux")]
const TEST_EXAMPLES: &str = "\
The project's own runner is asked for its machine output and run in the sandbox, only if the project is
trusted (`claude-flow trust`). What the output says decides, never the exit status alone. What was run
before on the same content is not run again; the answer says so.

Exit status:
  0  every run passed, or no test concerns the change
  1  a test failed, or code with tests does not load or compile
  2  nothing is shown: no test ran, the runner crashed, hung or could not be run or read

Examples:
  claude-flow test                          all tests here
  claude-flow test tests/test_sums.py       the tests of a file
  claude-flow test tests/test_sums.py --name test_adds
  claude-flow test --affected src/sums.py   the tests that a change of src/sums.py concerns
  claude-flow test --format json | jq '.runs[].tests[] | select(.outcome == \"failed\")'";

const TRUST_EXAMPLES: &str = "\
Formatters, linters and compilers run code that a project brings along: eslint.config.js, build.rs,
plugins, toolchains, programs in node_modules or .venv. None of them runs before the project is
trusted, and then only in the sandbox, with the project read-only. The list of trusted directories is the user's own, in
$XDG_STATE_HOME/claude-flow/trusted.toml or ~/.local/state/claude-flow/trusted.toml.

Exit status:
  0  done
  2  the directory does not exist or was not trusted, or the list cannot be read or written

Examples:
  claude-flow trust                         trust the current directory and all below it
  claude-flow trust --list
  claude-flow trust --revoke ~/work/project";

const TDD_EXAMPLES: &str = "\
The edits that `post-edit` and the hooks check in a trusted directory, and the runs of `claude-flow test`,
are recorded in $XDG_STATE_HOME/claude-flow/tdd or ~/.local/state/claude-flow/tdd, with copies of the files.

Exit status:
  0  told; a violation is an answer
  2  the directory is not trusted, or the record cannot be read

Examples:
  claude-flow tdd                           phase and verdict of the current directory
  claude-flow tdd log ~/work/project        the verdict on each of the last rounds
  claude-flow post-edit --block-on-tdd-violations src/app.ts";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  claude-flow schema > result.schema.json";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  claude-flow completions bash > ~/.local/share/bash-completion/completions/claude-flow
  claude-flow completions zsh > \"${fpath[1]}/_claude-flow\"
  claude-flow completions fish > ~/.config/fish/completions/claude-flow.fish";

/// Says within milliseconds, and truthfully, what an edit broke
#[derive(Debug, Parser)]
#[command(name = "claude-flow", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Args {
    /// Whether to use colours: `auto` looks for a terminal, `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    pub(crate) fn choice(self) -> ColorChoice {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::AlwaysAnsi,
            Self::Never => ColorChoice::Never,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check edited files and say what is wrong with them
    #[command(after_help = POST_EDIT_EXAMPLES)]
    PostEdit(Box<PostEditArgs>),
    /// Answer an agent harness that calls after an edit: JSON on standard input and output
    #[command(after_help = HOOK_EXAMPLES)]
    Hook {
        /// The harness that is calling
        #[arg(value_enum)]
        harness: Harness,
        /// Do not ask the daemon, and do not start it
        #[arg(long)]
        no_daemon: bool,
    },
    /// Keep a process that answers hooks sooner; the first hook starts it by itself
    #[cfg(target_os = "linux")]
    #[command(after_help = daemon::EXAMPLES)]
    Daemon(DaemonArgs),
    /// Show what the daemon sees: edits, checks and verdicts of all agents
    #[cfg(target_os = "linux")]
    #[command(after_help = events::EXAMPLES)]
    Events(EventsArgs),
    /// Write a configuration file, and install the hook of an agent harness
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArgs),
    /// Say what is found here, what is missing, and what each missing thing would add
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor {
        /// The directory to look at
        #[arg(default_value = ".")]
        directory: PathBuf,
        /// The form of the output
        #[arg(long, value_enum, default_value = "human")]
        format: DoctorFormat,
    },
    /// Messages between the processes of one user, without a server
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[command(subcommand, after_help = bus::EXAMPLES)]
    Bus(Box<BusCommand>),
    /// Validators that agree on signed ballots, with certificates that anyone can verify
    #[cfg(unix)]
    #[command(subcommand, after_help = consensus::EXAMPLES)]
    Consensus(Box<ConsensusCommand>),
    /// Check files as they change, whoever changes them
    #[command(after_help = watch::EXAMPLES)]
    Watch(WatchArgs),
    /// Check what a project claims, have validators vote on it, and sign what they agree on
    #[cfg(unix)]
    #[command(after_help = certify::EXAMPLES)]
    Certify(Box<CertifyArgs>),
    /// Verify what was certified
    #[cfg(unix)]
    #[command(subcommand)]
    Certificate(Box<CertificateCommand>),
    /// Look for secrets in a project's files
    #[cfg(unix)]
    #[command(after_help = certify::SECRETS_EXAMPLES)]
    Secrets {
        /// The project's root
        #[arg(default_value = ".")]
        directory: PathBuf,
    },
    /// Say in which language files are written, or which projects a directory holds, and what decided
    #[command(after_help = DETECT_EXAMPLES)]
    Detect(DetectArgs),
    /// Run tests, or those that a change concerns, and say what they show
    #[cfg(target_os = "linux")]
    #[command(after_help = TEST_EXAMPLES)]
    Test(TestArgs),
    /// Let a project's own tools and configurations that are programs run, in the sandbox
    #[command(after_help = TRUST_EXAMPLES)]
    Trust(TrustArgs),
    /// Say whether code was driven by tests, from the edits and test runs that are recorded
    #[command(after_help = TDD_EXAMPLES)]
    Tdd(TddArgs),
    /// Print the JSON Schema of the result document
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Print a script that completes this program's arguments in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// What `post-edit` is asked.
#[derive(Debug, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent flag of the command line"
)]
pub(crate) struct PostEditArgs {
    /// The files to check
    #[arg(value_name = "FILE", required_unless_present_any = ["stdin_path", "file"])]
    pub(crate) files: Vec<PathBuf>,
    /// One more file; existing set-ups name it this way
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) file: Vec<PathBuf>,
    /// Check standard input as if it were the content of PATH
    #[arg(long, value_name = "PATH", conflicts_with_all = ["files", "file"])]
    pub(crate) stdin_path: Option<PathBuf>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) structured: bool,
    /// Exit with 0 even if there are error findings; what could not be done still exits with 2
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// Use this configuration instead of the nearest claude-flow.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Count only what is new against this earlier content of the one FILE
    #[arg(long, value_name = "FILE", conflicts_with = "git_base")]
    pub(crate) since_content: Option<PathBuf>,
    /// Count only what is new against this revision, for example HEAD
    #[arg(long, value_name = "REV")]
    pub(crate) git_base: Option<String>,
    /// Leave the project's own tools out: what needs none takes milliseconds
    #[arg(long)]
    pub(crate) no_tools: bool,
    /// Run the tests that concern the files, in the sandbox; can take as long as they do
    #[arg(long)]
    pub(crate) tests: bool,
    /// Do not ask the daemon
    #[arg(long)]
    pub(crate) no_daemon: bool,
    #[command(flatten)]
    pub(crate) accepted: AcceptedArgs,
}

#[cfg(target_os = "linux")]
impl PostEditArgs {
    /// Whether the working directory matters.
    pub(crate) fn has_relative_paths(&self) -> bool {
        let named = [&self.stdin_path, &self.config, &self.since_content];
        let mut paths = self.files.iter().chain(&self.file);
        let mut named = named.into_iter().flatten();
        paths.any(|path| path.is_relative()) || named.any(|path| path.is_relative())
    }
}

/// What existing set-ups pass: labels, and checks that are planned.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Accepted from existing set-ups")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent flag of the command line"
)]
pub(crate) struct AcceptedArgs {
    /// A label that is handed through to the result
    #[arg(long, value_name = "KEY")]
    pub(crate) memory_key: Option<String>,
    /// A label that is handed through to the result
    #[arg(long, value_name = "ID")]
    pub(crate) agent_id: Option<String>,
    /// A label that is handed through to the result
    #[arg(long, value_name = "ID")]
    pub(crate) swarm_id: Option<String>,
    /// The least coverage of the file, its changed lines and the project, in percent, by the newest report
    #[arg(long, value_name = "N")]
    pub(crate) minimum_coverage: Option<Percent>,
    /// Make critical security findings errors; not built yet, the result says so
    #[arg(long)]
    pub(crate) block_on_critical: bool,
    /// Tell whether a test drove the edit; in trusted directories, see `claude-flow tdd --help`
    #[arg(long)]
    pub(crate) tdd_mode: bool,
    /// The same, and a violation is an error
    #[arg(long)]
    pub(crate) block_on_tdd_violations: bool,
    /// Be strict with Rust; not built yet, the result says so
    #[arg(long)]
    pub(crate) rust_strict: bool,
    /// Leave the format check out
    #[arg(long)]
    pub(crate) no_format: bool,
    /// Leave the text and syntax checks out
    #[arg(long)]
    pub(crate) no_validate: bool,
    /// Leave help and suggested fixes out
    #[arg(long)]
    pub(crate) no_recommendations: bool,
    /// Leave the tdd check out
    #[arg(long)]
    pub(crate) no_tdd: bool,
}

/// What `init` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// The project's directory
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Install the hook of this agent harness too; several names may follow
    #[arg(long, value_enum, num_args = 1.., value_name = "NAME")]
    pub(crate) harness: Vec<Harness>,
    /// The same as --harness claude-code
    #[arg(long)]
    pub(crate) claude_code: bool,
    /// Take out what `init` put in: every hook, and claude-flow.toml if it was not changed;
    /// with --harness the named hooks alone
    #[arg(long)]
    pub(crate) uninstall: bool,
    /// Show what would change and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl InitArgs {
    /// The harnesses that were named, each once.
    pub(crate) fn harnesses(&self) -> Vec<Harness> {
        let mut named = Vec::new();
        let claude_code = self.claude_code.then_some(Harness::ClaudeCode);
        for harness in claude_code.into_iter().chain(self.harness.iter().copied()) {
            if !named.contains(&harness) {
                named.push(harness);
            }
        }
        named
    }
}

/// What `detect` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct DetectArgs {
    /// The files to look at, or one directory
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Say what decided, how far to rely on it, and what else it could be
    #[arg(long)]
    pub(crate) explain: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: DoctorFormat,
}

/// What `test` is asked.
#[cfg(target_os = "linux")]
#[derive(Debug, ClapArgs)]
pub(crate) struct TestArgs {
    /// Test files or directories; with --affected the files that were changed
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Run the tests that concern changes of the paths
    #[arg(long, requires = "paths")]
    pub(crate) affected: bool,
    /// Of the one test file only the tests of this name
    #[arg(
        long,
        value_name = "NAME",
        requires = "paths",
        conflicts_with = "affected"
    )]
    pub(crate) name: Vec<String>,
    /// Run again what was run before on the same content
    #[arg(long)]
    pub(crate) again: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: DoctorFormat,
}

/// What `trust` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct TrustArgs {
    /// The project's root
    #[arg(value_name = "DIRECTORY", default_value = ".", conflicts_with = "list")]
    pub(crate) directory: PathBuf,
    /// Trust it no longer
    #[arg(long, conflicts_with = "list")]
    pub(crate) revoke: bool,
    /// Show what is trusted
    #[arg(long)]
    pub(crate) list: bool,
    /// The form of the list
    #[arg(long, value_enum, default_value = "human", requires = "list")]
    pub(crate) format: DoctorFormat,
}

/// What `tdd` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct TddArgs {
    /// What to tell
    #[arg(value_enum, default_value = "status")]
    pub(crate) view: TddView,
    /// A directory or file of the workspace
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: DoctorFormat,
}

/// What `tdd` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TddView {
    /// The phase, and the verdict on the last round
    Status,
    /// The verdict on each of the last rounds
    Log,
}

/// The form of the output of `doctor`, `detect`, `tdd`, `test` and `trust --list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
}
