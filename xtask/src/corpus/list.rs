//! The list of packages, `fixtures/corpora.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// What the list holds.
#[derive(Debug)]
pub(crate) struct Corpora {
    /// In the order of registry, folder and name.
    pub(crate) packages: Vec<Pinned>,
    /// Files that are rightly found to be broken.
    pub(crate) known: Vec<Known>,
}

/// One package in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    pub(crate) registry: Registry,
    /// The folder that it is unpacked to, named after its main language.
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The release of the distribution that carries the source archive.
    pub(crate) suite: Option<String>,
    /// The archive within the package that is unpacked instead of it.
    pub(crate) inner: Option<String>,
    /// The paths to keep, as prefixes; all if there are none.
    pub(crate) keep: Vec<String>,
    /// Whether files with other endings than those of checked languages are kept as well.
    pub(crate) every_ending: bool,
}

/// Where a package comes from, each with a client of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Registry {
    Npm,
    Pypi,
    Crates,
    Debian,
    DebianSource,
}

/// Files whose error findings are right, with the reason.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    /// A glob on the path below the corpora's folder.
    pub(crate) path: String,
    /// Why the file is broken.
    pub(crate) cause: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    known: Vec<Known>,
    #[serde(flatten)]
    registries: BTreeMap<Registry, BTreeMap<String, BTreeMap<String, Pin>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pin {
    Version(String),
    Full(FullPin),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullPin {
    version: String,
    suite: Option<String>,
    inner: Option<String>,
    #[serde(default)]
    keep: Vec<String>,
}

impl Corpora {
    /// The folders in the order of the list, each once.
    pub(crate) fn folders(&self) -> Vec<String> {
        let mut folders: Vec<String> = self.packages.iter().map(|it| it.folder.clone()).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

impl Pinned {
    /// The name of its folder: the name and version, without what a path cannot hold.
    pub(crate) fn dir_name(&self) -> String {
        let name = self.name.trim_start_matches('@').replace('/', "-");
        format!("{name}-{}", self.version.replace(':', "_"))
    }
}

impl Registry {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Crates => "crates",
            Self::Debian => "debian",
            Self::DebianSource => "debian-source",
        }
    }
}

/// Reads the list.
pub(crate) fn read(path: &Path) -> Result<Corpora> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("understanding {}", path.display()))
}

fn parse(text: &str) -> Result<Corpora> {
    let file: File = toml::from_str(text)?;
    let mut packages = Vec::new();
    for (registry, folders) in file.registries {
        for (folder, pins) in folders {
            for (name, pin) in pins {
                packages.push(pinned(registry, folder.clone(), name, pin));
            }
        }
    }
    Ok(Corpora {
        packages,
        known: file.known,
    })
}

fn pinned(registry: Registry, folder: String, name: String, pin: Pin) -> Pinned {
    let full = match pin {
        Pin::Full(full) => full,
        Pin::Version(version) => FullPin {
            version,
            suite: None,
            inner: None,
            keep: Vec::new(),
        },
    };
    Pinned {
        registry,
        folder,
        name,
        version: full.version,
        suite: full.suite,
        inner: full.inner,
        keep: full.keep,
        every_ending: false,
    }
}
