//! The arguments of `claude-flow events`.

use clap::Args as ClapArgs;

use super::DoctorFormat;

pub(super) const EXAMPLES: &str = "\
Edits, the checks of each and the verdicts, of all agents and programs that the daemon answers in this workspace.
As JSON each event is one line; a line with \"event\": \"gap\" counts those that came too fast to be shown.

Exit status:
  0  shown
  1  no daemon runs here; a hook starts it, or `claude-flow daemon`
  2  it could not be asked

Examples:
  claude-flow events                        what happened last
  claude-flow events --follow               what happens, until Ctrl-C
  claude-flow events --follow --format json | jq 'select(.event == \"verdict\" and .errors > 0)'";

/// What `events` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct EventsArgs {
    /// Show what happens from now on, until the program is ended
    #[arg(long)]
    pub(crate) follow: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: DoctorFormat,
}
