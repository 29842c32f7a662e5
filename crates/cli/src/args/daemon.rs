//! The arguments of `claude-flow daemon`.

use clap::{Args as ClapArgs, Subcommand};

pub(super) const EXAMPLES: &str = "\
`claude-flow hook` starts the daemon in the background by itself, and `post-edit` asks it if it runs.
What it answers is what they would find out themselves, only sooner; without it, or when it is busy, they do.
It is turned off by --no-daemon, by CLAUDE_FLOW_NO_DAEMON=1, and by `enabled = false` under [daemon] in
claude-flow.toml.

Exit status:
  0  done; `status`: it runs
  1  `status`: it does not run
  2  it could not begin, be asked or be ended

Examples:
  claude-flow daemon                        run it in the foreground and say what it does
  claude-flow daemon status
  claude-flow daemon stop";

/// What `daemon` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct DaemonArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DaemonCommand>,
    /// End after so many seconds without a question
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) idle: u64,
    /// Leave who started it; its output goes to the log
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

/// What else `daemon` can do.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum DaemonCommand {
    /// Say whether it runs, and what it has done
    Status,
    /// End it; what it is answering is answered before
    Stop,
}
