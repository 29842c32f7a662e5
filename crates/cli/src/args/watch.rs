//! The arguments of `claude-flow watch`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

pub(super) const EXAMPLES: &str = "\
A file is told when something is wrong with it, and once more when nothing is any longer.
On a terminal for people, otherwise as the result document of each file in one line of JSON.
What git ignores is not watched.

Exit status:
  0  it was ended
  2  the directory cannot be watched

Examples:
  claude-flow watch                         what edits break, until Ctrl-C
  claude-flow watch --git-base HEAD src     only what is new since the last commit
  claude-flow watch | jq .summary.errors";

/// What `watch` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct WatchArgs {
    /// The directory to watch
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Count only what is new against this revision, for example HEAD
    #[arg(long, value_name = "REV")]
    pub(crate) git_base: Option<String>,
    /// Leave the project's own tools out: what needs none takes milliseconds
    #[arg(long)]
    pub(crate) no_tools: bool,
}
