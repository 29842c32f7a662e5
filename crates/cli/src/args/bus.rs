//! What `bus` is asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

pub(super) const EXAMPLES: &str = "\
The processes of one user that name the same bus, `default` unless --bus or --directory says
otherwise, publish and subscribe without a server; the memory is theirs, in $XDG_RUNTIME_DIR or /dev/shm.
A topic is tokens with dots between; in a pattern `*` stands for one token and `>` for the rest.

Examples:
  claude-flow bus sub 'edits.>' --follow
  claude-flow bus pub edits.rust.saved lib.rs
  claude-flow bus sub 'work.*' --name worker --follow --format json | jq .payload
  claude-flow bus stats";

const PUB_EXAMPLES: &str = "\
The payload is standard input if it is not given. A message is for those who subscribe at this moment,
and for subscriptions with a name.

Exit status:
  0  published, for as many as there were
  1  dropped by a subscription that was full, or --expect says that there are too few
  2  not published: a subscription that loses nothing is full, no bus can be made, bad usage

Examples:
  claude-flow bus pub edits.rust.saved lib.rs
  claude-flow bus pub edits.rust.saved --key lib.rs --header tool=rustfmt < report.json
  seq 1000 | claude-flow bus pub numbers --lines
  claude-flow bus pub work.build main --expect 1";

const SUB_EXAMPLES: &str = "\
Ends after --count messages, one unless told otherwise; with --follow it stays until it is interrupted.
With --name the subscription stays when this program goes: it collects, and the next one with this name
gets what this one did not print. A message is acknowledged when it is printed.

Exit status:
  0  as many as asked for, or interrupted while it followed
  1  --timeout came first
  2  the bus cannot be used, or somebody receives under this name
  130  interrupted before there were as many as asked for

Examples:
  claude-flow bus sub 'edits.>' --follow
  claude-flow bus sub edits.rust.saved --count 10 --timeout 5
  claude-flow bus sub 'work.*' --name worker --follow --format json
  claude-flow bus sub results --format raw > result.json";

const STATS_EXAMPLES: &str = "\
Exit status:
  0  told
  2  there is no such bus, or it cannot be used

Examples:
  claude-flow bus stats
  claude-flow bus stats --format json | jq '.subscriptions[] | select(.waiting > 1000)'";

const RECORD_EXAMPLES: &str = "\
Keeps messages in a journal on disk, for `replay`. Without --follow it takes what is waiting and ends.
Its subscription has the name `recorder`, or --name; it stays, and loses nothing: who publishes more
than it can take waits, and is refused then. A message is on the disk before it is acknowledged.

Exit status:
  0  recorded
  2  the journal or the bus cannot be used, or the disk is full

Examples:
  claude-flow bus record '>' journal --follow
  claude-flow bus record 'edits.>' journal --name edits";

const REPLAY_EXAMPLES: &str = "\
Prints what `record` kept, or with --publish publishes it again, as new messages. While `record` runs
nobody else can read its journal.

Exit status:
  0  replayed
  1  the journal has holes; they are told on standard error, and the rest was replayed
  2  the journal or the bus cannot be used

Examples:
  claude-flow bus replay journal
  claude-flow bus replay journal --from 1000 --pattern 'edits.*' --format json
  claude-flow bus replay journal --publish --recorded-speed";

const DEAD_LETTERS_EXAMPLES: &str = "\
A dead letter is a message that one consumer after the other went down with, or that one refused.

Exit status:
  0  told, or published again
  2  they cannot be read, or not be published

Examples:
  claude-flow bus dead-letters
  claude-flow bus dead-letters --format json | jq -r .reason
  claude-flow bus dead-letters --resend";

const REMOVE_EXAMPLES: &str = "\
Exit status:
  0  removed, with all that waited for it
  1  there is none of this name
  2  a process receives from it, or the bus cannot be used

Examples:
  claude-flow bus remove worker";

/// What to do with messages between processes.
#[derive(Debug, Subcommand)]
pub(crate) enum BusCommand {
    /// Publish a message
    #[command(after_help = PUB_EXAMPLES)]
    Pub(PubArgs),
    /// Receive messages
    #[command(after_help = SUB_EXAMPLES)]
    Sub(SubArgs),
    /// Say who publishes, who subscribes, and what became of the messages
    #[command(after_help = STATS_EXAMPLES)]
    Stats {
        #[command(flatten)]
        place: PlaceArgs,
        /// The form of the output
        #[arg(long, value_enum, default_value = "human")]
        format: BusFormat,
    },
    /// Keep messages in a journal on disk
    #[command(after_help = RECORD_EXAMPLES)]
    Record(RecordArgs),
    /// Print or publish what was recorded
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Print the messages that were put aside, or publish them again
    #[command(after_help = DEAD_LETTERS_EXAMPLES)]
    DeadLetters {
        #[command(flatten)]
        place: PlaceArgs,
        /// Publish those that were not published again yet, under the topics that they had
        #[arg(long)]
        resend: bool,
        /// The form of the output
        #[arg(long, value_enum, default_value = "human")]
        format: BusFormat,
    },
    /// Remove a subscription that has a name
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// Which bus.
#[derive(Debug, ClapArgs)]
pub(crate) struct PlaceArgs {
    /// The bus's name
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) bus: String,
    /// The bus's directory instead; best in memory
    #[arg(long, value_name = "DIR", conflicts_with = "bus")]
    pub(crate) directory: Option<PathBuf>,
}

/// What `bus pub` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct PubArgs {
    /// What it is about
    pub(crate) topic: String,
    /// What it says
    #[arg(conflicts_with = "lines")]
    pub(crate) payload: Option<String>,
    /// Publish each line of standard input as a message
    #[arg(long)]
    pub(crate) lines: bool,
    /// What the message keeps its order with, within its topic
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) key: String,
    /// A header; may be given more than once
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub(crate) headers: Vec<String>,
    /// Exit with 1 if a message was for fewer subscriptions
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) expect: u32,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: BusFormat,
}

/// What `bus sub` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct SubArgs {
    /// Which topics
    pub(crate) pattern: String,
    /// Stay under this name when this program goes, and lose nothing
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Stay until interrupted
    #[arg(long, conflicts_with = "count")]
    pub(crate) follow: bool,
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u64,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<f64>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: MessageFormat,
}

/// What `bus record` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct RecordArgs {
    /// Which topics
    pub(crate) pattern: String,
    /// The journal's directory; made if there is none
    pub(crate) journal: PathBuf,
    /// The subscription's name
    #[arg(long, default_value = "recorder")]
    pub(crate) name: String,
    /// Stay until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// What `bus replay` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReplayArgs {
    /// The journal's directory
    pub(crate) journal: PathBuf,
    /// The number of the first record
    #[arg(long, value_name = "RECORD", conflicts_with = "since")]
    pub(crate) from: Option<u64>,
    /// Only what was published at this time or later, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    pub(crate) since: Option<f64>,
    /// Only these topics
    #[arg(long, default_value = ">")]
    pub(crate) pattern: String,
    /// With the pauses that there were
    #[arg(long)]
    pub(crate) recorded_speed: bool,
    /// Publish the messages again instead of printing them
    #[arg(long, conflicts_with = "format")]
    pub(crate) publish: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: MessageFormat,
}

/// The form of what is told about a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BusFormat {
    /// For people
    Human,
    /// JSON, a document a line
    Json,
}

/// The form in which messages are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// Topic and payload, for people
    Human,
    /// A JSON document a line, with everything that is known of a message
    Json,
    /// The payloads, byte by byte, and nothing between
    Raw,
}
