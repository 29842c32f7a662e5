//! What `consensus` is asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Five validators on this machine, of which one may lie:
  claude-flow consensus init group
  for i in 0 1 2 3 4; do claude-flow consensus node group/validator-$i & done
  for i in 0 1 2 3 4; do
    claude-flow consensus vote group/validator-$i release-1.4.0 --vote pass --confidence 90
  done | claude-flow consensus submit group/validator-0 release-1.4.0 > decision.json
  claude-flow consensus verify decision.json --roster group/roster.toml

Examples:
  claude-flow consensus init group --validators 7 --faults 2 --approval-votes 4
  claude-flow consensus status group/validator-0 --format json | jq .decided";

const KEYGEN_EXAMPLES: &str = "\
The secret key is written to DIRECTORY/key, for its owner alone; a key that is there is left alone.

Exit status:
  0  made
  2  it could not be made

Examples:
  claude-flow consensus keygen /var/lib/validator";

const INIT_EXAMPLES: &str = "\
Without --member it makes a group on this machine: DIRECTORY/roster.toml, and a directory with a key
for each validator, who talk over Unix sockets. With --member it writes the roster alone.

Exit status:
  0  made
  2  it could not be made; what is there is never overwritten

Examples:
  claude-flow consensus init group
  claude-flow consensus init group --faults 1 --approval-votes 3 \\
    --member KEY0=tcp:a.example:7100 --member KEY1=tcp:b.example:7100 \\
    --member KEY2=tcp:c.example:7100 --member KEY3=tcp:d.example:7100";

const NODE_EXAMPLES: &str = "\
Runs until it is killed; it may be killed at any time, and comes back from its log.

Exit status:
  2  it could not start, or could not go on: the log cannot be written, the disk is full

Examples:
  claude-flow consensus node group/validator-0
  claude-flow consensus node /var/lib/validator --roster /etc/roster.toml";

const VOTE_EXAMPLES: &str = "\
A validator votes once on a subject. The ballot is printed as one line of JSON, for `submit`.

Exit status:
  0  voted
  2  the node cannot be reached, or refuses

Examples:
  claude-flow consensus vote group/validator-0 release-1.4.0 --vote partial --confidence 85 \\
    --evidence report.txt";

const SUBMIT_EXAMPLES: &str = "\
The ballots, lines from `vote`, are read from standard input or from --ballots. The decision is
printed as one line of JSON, for `verify`. Submitting again is safe.

Exit status:
  0  decided, and in this validator's log
  2  not decided, or not known to be

Examples:
  claude-flow consensus submit group/validator-0 release-1.4.0 --ballots ballots.jsonl";

const STATUS_EXAMPLES: &str = "\
Exit status:
  0  told
  2  the node cannot be reached

Examples:
  claude-flow consensus status group/validator-0
  claude-flow consensus status group/validator-0 --format json | jq '.links[] | select(.is_connected | not)'";

const VERIFY_EXAMPLES: &str = "\
Needs no node and no network: signatures, quorum and ballots are checked, and the ballots added up
again.

Exit status:
  0  the certificate holds
  1  it does not; the reason is told
  2  the files cannot be read

Examples:
  claude-flow consensus verify decision.json --roster group/roster.toml
  claude-flow consensus verify decision.json --roster roster.toml --format json | jq .verdict";

/// What to do with validators.
#[derive(Debug, Subcommand)]
pub(crate) enum ConsensusCommand {
    /// Make a validator's key
    #[command(after_help = KEYGEN_EXAMPLES)]
    Keygen {
        /// The validator's directory
        directory: PathBuf,
    },
    /// Name a group: who validates, how many may lie, how much approval a subject needs
    #[command(after_help = INIT_EXAMPLES)]
    Init(GroupArgs),
    /// Run a validator
    #[command(after_help = NODE_EXAMPLES)]
    Node(NodeArgs),
    /// Have a validator sign its ballot on a subject
    #[command(after_help = VOTE_EXAMPLES)]
    Vote(VoteArgs),
    /// Have the validators agree on ballots
    #[command(after_help = SUBMIT_EXAMPLES)]
    Submit(SubmitArgs),
    /// Say how a validator is doing
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// The validator's directory
        directory: PathBuf,
        /// The form of the output
        #[arg(long, value_enum, default_value = "human")]
        format: ConsensusFormat,
    },
    /// Verify a decision off line
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// What `submit` printed
        certificate: PathBuf,
        /// The roster file
        #[arg(long, value_name = "FILE")]
        roster: PathBuf,
        /// The form of the output
        #[arg(long, value_enum, default_value = "human")]
        format: ConsensusFormat,
    },
}

/// What `consensus init` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct GroupArgs {
    /// Where the group's files go
    pub(crate) directory: PathBuf,
    /// How many validators there are
    #[arg(long, default_value_t = 5, value_name = "N", conflicts_with = "member")]
    pub(crate) validators: u32,
    /// How many of them may lie; a third at most
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) faults: u32,
    /// How much approval a subject needs, in whole votes
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) approval_votes: u32,
    /// The number of this roster among those of its group
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) epoch: u64,
    /// A validator's public key and where it listens: unix:PATH or tcp:HOST:PORT
    #[arg(long, value_name = "KEY=ADDRESS")]
    pub(crate) member: Vec<String>,
}

/// What `consensus node` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct NodeArgs {
    /// The validator's directory
    pub(crate) directory: PathBuf,
    /// The roster file; roster.toml beside the directory if it is not given
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Option<PathBuf>,
    /// Do not wait for the disk: promises survive a killed process, and no machine that stops
    #[arg(long)]
    pub(crate) no_sync: bool,
}

/// What `consensus vote` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct VoteArgs {
    /// The validator's directory
    pub(crate) directory: PathBuf,
    /// What is voted on, named once and for all
    pub(crate) subject: String,
    /// What the validator finds
    #[arg(long, value_enum)]
    pub(crate) vote: VoteChoice,
    /// How sure it is, in percent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) confidence: u8,
    /// What the finding rests on; its digest goes into the ballot
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
}

/// What `consensus submit` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct SubmitArgs {
    /// The directory of the validator to submit to
    pub(crate) directory: PathBuf,
    /// What was voted on
    pub(crate) subject: String,
    /// The ballots; standard input if it is not given
    #[arg(long, value_name = "FILE")]
    pub(crate) ballots: Option<PathBuf>,
    /// How long to wait, in seconds
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) timeout: u32,
}

/// What a validator can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VoteChoice {
    /// Good: a vote
    Pass,
    /// Good in part: a quarter of a vote
    Partial,
    /// Not good: nothing
    Fail,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConsensusFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
}
