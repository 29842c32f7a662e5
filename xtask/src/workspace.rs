//! Where the workspace is and what cargo knows about it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::tool;

/// The workspace's root, which is the parent of this package.
///
/// Cargo says at run time where the package is: two checkouts that share a target directory share
/// this program, which may have been built in the other one.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Path::new(&package)
            .parent()
            .expect("xtask lies one level below the workspace's root")
            .to_owned()
    });
    &ROOT
}

/// The cargo that started this program, or the one on the path.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where cargo builds to.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Builds the program for release and says where it is.
pub(crate) fn release_program() -> Result<PathBuf> {
    tool::run(cargo().args(["build", "--release", "-p", "claude-flow-cli"]))?;
    let path = target_dir()
        .join("release")
        .join(format!("claude-flow{}", env::consts::EXE_SUFFIX));
    anyhow::ensure!(
        path.is_file(),
        "the build made no {}; is another target directory set?",
        path.display()
    );
    Ok(path)
}

/// What `cargo metadata` says, as far as it is read here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
}

/// One package of the workspace or of the registry.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) license: Option<String>,
    pub(crate) license_file: Option<PathBuf>,
    pub(crate) description: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: std::collections::BTreeMap<String, Vec<String>>,
}

/// One `[dependencies]` line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for an ordinary one.
    pub(crate) kind: Option<String>,
    /// The folder, if it is a path dependency.
    pub(crate) path: Option<PathBuf>,
}

impl Metadata {
    /// Asks cargo about the workspace at `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut command = cargo();
        command
            .current_dir(root)
            .args(["metadata", "--format-version", "1", "--locked"]);
        let text = tool::stdout(&mut command)?;
        serde_json::from_str(&text).context("reading what cargo metadata printed")
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }
}
