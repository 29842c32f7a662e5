//! What `certify`, `certificate` and `secrets` are asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::ConsensusFormat;

pub(super) const EXAMPLES: &str = "\
What is claimed is in certify.toml in the project's root, or in [certify] of claude-flow.toml:
  version = 1
  project = \"shop\"
  validators = [\"tests\", \"security\"]

  [[check]]
  id = \"suite\"                        # the log is kept as <id>.log
  validator = \"tests\"
  claim = \"every test passes\"
  command = \"cargo test\"              # without a shell; exit status 0 is a pass
  reads = \"tests\"                     # or exit, figures, criterion, coverage
  critical = true                     # its failure alone is a FAIL

  [[check]]
  id = \"coverage\"
  validator = \"tests\"
  claim = \"more than 80 % of the lines are run by tests\"
  command = \"cargo llvm-cov --lcov --output-path lcov.info\"
  needs = \"cargo-llvm-cov\"            # skipped where it is not installed
  reads = \"coverage\"
  target = { figure = \"lcov.info\", unit = \"basis_points\", bound = { above = 8_000 } }

  [[check]]
  id = \"secrets\"
  validator = \"security\"
  claim = \"there is no secret in the tree\"
  command = \"claude-flow secrets .\"

Each validator is a process with its own key; it runs its checks in its turn and votes by rule, and
all agree by PBFT. With four validators or more one of them may be killed or lie. What passed is not
run again on the same tree. Commands run as you, without a sandbox, in a trusted directory only.

Exit status:
  0  certified with the verdict PASS
  1  certified with a lesser verdict, or the validators could not agree
  2  the job could not be done

Examples:
  claude-flow certify
  claude-flow certify --quick --output target/certify
  claude-flow certify --group /var/lib/validators  keys that last";

const VERIFY_EXAMPLES: &str = "\
Needs no network: signatures, quorum and digests are checked, votes and level are worked out again
from the evidence. Without --roster the keys are the certificate's own: then nothing was changed
since it was signed, and by whom is not known.

Exit status:
  0  it holds, whatever its verdict
  1  it does not; the reason is told
  2  the files cannot be read

Examples:
  claude-flow certificate verify certificate.json --roster roster.toml
  claude-flow certificate verify certificate.json --evidence evidence/";

pub(super) const SECRETS_EXAMPLES: &str = "\
Looks for forms that only secrets have: private keys, and the tokens of well-known issuers. Files
that git would ignore are left out. The secret itself is never printed.

Exit status:
  0  none found
  1  at least one found
  2  a file could not be read

Examples:
  claude-flow secrets
  claude-flow secrets ~/work/project";

/// What `certify` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct CertifyArgs {
    /// The project's root
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// The file of targets
    #[arg(long, value_name = "FILE")]
    pub(crate) targets: Option<PathBuf>,
    /// Leave out the checks that take long; no PLATINUM then
    #[arg(long)]
    pub(crate) quick: bool,
    /// Use nothing that an earlier run saw
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Where certificate and evidence are written; .claude-flow/certify in the project without it
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) output: Option<PathBuf>,
    /// The validators' keys, as `claude-flow consensus init` makes them; new ones without it
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) group: Option<PathBuf>,
    /// The name of the commit that is certified
    #[arg(long, value_name = "NAME", default_value = "unknown")]
    pub(crate) commit: String,
    /// Run the commands although the directory is not in the list of trusted ones
    #[arg(long)]
    pub(crate) trusted: bool,
    /// Be a validator of this plan
    #[arg(long, hide = true, requires = "place")]
    pub(crate) plan: Option<PathBuf>,
    /// Which of them
    #[arg(long, hide = true, requires = "plan")]
    pub(crate) place: Option<usize>,
}

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// Verify a certificate off line
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
}

/// What `certificate verify` is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// The certificate, as `certify` writes it
    pub(crate) certificate: PathBuf,
    /// The directory with the kept outputs; each is compared with its digest
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) evidence: Option<PathBuf>,
    /// The roster file that is trusted
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Option<PathBuf>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: ConsensusFormat,
}
