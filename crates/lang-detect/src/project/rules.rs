//! The form of the rules: what `data/projects/*.toml` says, as static values.
//!
//! The values themselves are in `tables.rs`, which `cargo xtask projects generate` writes.

use super::Key;

/// One ecosystem: which files make a directory a project, and what its projects may be using.
#[derive(Debug)]
pub(super) struct Ecosystem {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// Ecosystems of one family read each other's dependencies.
    pub(super) family: &'static str,
    /// The endings of the files that it claims, in lower case.
    pub(super) extensions: &'static [&'static str],
    /// Each of these makes its directory a project.
    pub(super) manifests: &'static [&'static str],
    /// These do so only outside every other project of the ecosystem.
    pub(super) weak_manifests: &'static [&'static str],
    /// Whether a manifest below a project of the ecosystem makes a project of its own.
    pub(super) is_nested: bool,
    /// Whether its code is compiled, so that building it finds errors of type.
    pub(super) is_compiled: bool,
    /// What must hold besides the manifest.
    pub(super) when: Option<Condition>,
    pub(super) detectors: &'static [Detector],
    /// In order of preference.
    pub(super) suites: &'static [Suite],
}

/// One tool or framework and how it is known.
#[derive(Debug)]
pub(super) struct Detector {
    pub(super) key: Key,
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) when: Condition,
    /// Only if nothing else of the key was found, here or in the workspace's root.
    pub(super) is_fallback: bool,
    /// The dependency whose requirement is the version, where it is not the first one found.
    pub(super) version: Option<&'static str>,
    /// The coverage reports that it can write.
    pub(super) reports: &'static [&'static str],
    /// Words before a script's name, of a package manager.
    pub(super) script: Option<&'static str>,
    /// Words before a program that the package manager installed.
    pub(super) exec: Option<&'static str>,
}

/// How tests are run when a condition holds.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) when: Condition,
    /// Run in the workspace's root and not in the project's directory.
    pub(super) is_at_root: bool,
    pub(super) all: Option<&'static str>,
    pub(super) file: Option<&'static str>,
    /// The files for which `file` holds, relative to the project; empty for every one.
    pub(super) files: &'static [&'static str],
}

/// What has to be so.
#[derive(Debug)]
pub(super) enum Condition {
    /// All of them.
    Every(&'static [Condition]),
    /// At least one of them.
    Some(&'static [Condition]),
    /// Not this one.
    Not(&'static Condition),
    /// A file of this name, relative to the project.
    Path(&'static str),
    /// A dependency of any kind.
    Dependency(&'static str),
    /// A dependency that is there when the program runs.
    Runtime(&'static str),
    /// A dotted key in a structured file, whose value starts with a text.
    Key {
        file: &'static str,
        key: &'static str,
        starts: &'static str,
    },
    /// A text in files, between the borders of words and outside comments.
    Content {
        file: &'static str,
        text: &'static str,
    },
    /// A command in a script, a make file or a continuous-integration file.
    Command(&'static str),
    /// A script of this name in the manifest.
    Script(&'static str),
    /// What an earlier detector found.
    Found(&'static str),
    /// The project declares members.
    Workspace,
    /// The project is a member of a workspace.
    Member,
    /// Always: a tool that ships with the language.
    Toolchain,
}
