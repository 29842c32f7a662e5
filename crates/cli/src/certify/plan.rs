//! What is to be done, as the coordinating process tells it to the validators'.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use claude_flow::certify::{Subject, TARGETS_BYTES_MAX, Targets};
use serde::{Deserialize, Serialize};

/// The file of targets in a project's root.
const FILE: &str = "certify.toml";

/// The configuration that may hold the targets too.
const CONFIGURATION: &str = "claude-flow.toml";

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Where commands are run.
    pub(super) root: PathBuf,
    /// What is claimed.
    pub(super) targets: Targets,
    /// What is voted on.
    pub(super) subject: Subject,
    /// Each validator has a directory below it.
    pub(super) evidence: PathBuf,
    /// The roster file.
    pub(super) roster: PathBuf,
    /// The validators' directories with keys and logs, in their order.
    pub(super) homes: Vec<PathBuf>,
    /// Whether the homes are for this run only.
    pub(super) is_for_one_run: bool,
    /// Whether nothing of earlier runs is used.
    pub(super) is_fresh: bool,
}

/// Reads a project's targets: the file named, or `certify.toml`, or `[certify]` of `claude-flow.toml`.
pub(crate) fn targets_of(root: &Path, file: Option<&Path>) -> anyhow::Result<Targets> {
    let path = file.map_or_else(|| root.join(FILE), Path::to_owned);
    if file.is_some() || path.is_file() {
        let text = read(&path)?;
        let targets = Targets::parse(&text);
        return targets.with_context(|| format!("{} cannot be used", path.display()));
    }
    let path = root.join(CONFIGURATION);
    if path.is_file() {
        let text = read(&path)?;
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("{} cannot be used", path.display()))?;
        if let Some(section) = table.get("certify") {
            let text = toml::to_string(section).context("writing [certify] again")?;
            let targets = Targets::parse(&text);
            return targets.with_context(|| format!("[certify] of {}", path.display()));
        }
    }
    bail!(
        "{} has neither {FILE} nor [certify] in {CONFIGURATION}; `claude-flow certify --help` shows one",
        root.display()
    )
}

fn read(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    let size = fs::metadata(path)
        .with_context(|| format!("looking at {name}"))?
        .len();
    if size > TARGETS_BYTES_MAX as u64 {
        bail!("{name} is longer than {TARGETS_BYTES_MAX} bytes");
    }
    fs::read_to_string(path).with_context(|| format!("reading {name}"))
}
