//! Tells which projects a directory holds and what each is built, tested and checked with.
//!
//! # Guarantees
//!
//! - Pure: paths and texts in, projects out; no file system, clock, network or environment.
//! - Total: any listing and any texts give an answer and never a panic; what could not be
//!   understood is among the [`problems`](Projects::problems).
//! - Bounded: see [`FILES_MAX`], [`TEXT_BYTES_MAX`], [`PROJECTS_MAX`]; documents nest as deep as
//!   their parsers allow, and no entity of XML is expanded.
//! - Every finding carries its evidence and how much it is worth.
//!
//! # What it does not do
//!
//! It runs nothing and asks no package manager: what a build script computes stays unknown.
//! It reads no lock file, so a framework's version is what the manifest asks for.
//! Manifests in folders of test data are data and no projects.
//!
//! # Example
//!
//! ```
//! use claude_flow_lang_detect::project::{Key, Text, Tree, detect};
//!
//! let tree = Tree::new([
//!     ("Cargo.toml", Text::Given("[package]\nname = \"a\"\n[dependencies]\naxum = \"0.8\"\n")),
//!     ("src/lib.rs", Text::NotGiven),
//!     ("tests/it.rs", Text::NotGiven),
//! ]);
//! let projects = detect(&tree);
//! let project = projects.project_of("tests/it.rs").expect("it lies in a project");
//! let framework = project.first(Key::Framework).expect("axum");
//! assert_eq!((framework.id, framework.version.as_deref()), ("axum", Some("0.8")));
//! assert_eq!(project.test_all().expect("a suite").to_string(), "cargo test");
//! let one = projects.test_file("tests/it.rs").expect("a test");
//! assert_eq!(one.to_string(), "cargo test --test it");
//! ```
//!
//! # Design
//!
//! What is known about tools is data: one file for each ecosystem in `data/projects`, of
//! detectors with conditions over paths, dependencies, keys, contents and commands.
//! `cargo xtask projects generate` makes static tables of them, so that nothing is parsed at the
//! start of the program; see the decisions in `docs/adr`.

mod blank;
mod commands;
mod find;
mod glob;
mod judge;
mod manifest;
mod rules;
mod run;
mod tables;
mod tier;
mod tree;

use std::fmt;

pub use find::PROJECTS_MAX;
pub use run::Invocation;
pub use tier::{Part, Tier};
pub use tree::{
    FILES_MAX, FOREIGN_DIRECTORIES, PATH_BYTES_MAX, TEXT_BYTES_MAX, Text, Tree, wants_text,
};

/// Finds the projects in a tree and what they use.
///
/// # Complexity
///
/// Linear in the texts that are given, and in the number of files for each project above them.
#[must_use]
pub fn detect(tree: &Tree<'_>) -> Projects {
    let found = find::projects(tree);
    judge::projects(tree, found)
}

/// What a detector is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// What fetches the dependencies.
    PackageManager,
    /// What builds or bundles.
    Build,
    /// What the tests are written for, or run by.
    Test,
    /// What measures which lines the tests reach.
    Coverage,
    /// What lays out the text.
    Formatter,
    /// What looks for bad practice.
    Linter,
    /// What checks types beyond the compiler.
    TypeChecker,
    /// The web or application framework.
    Framework,
    /// What ties several projects together.
    Monorepo,
}

impl Key {
    /// Every key, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::PackageManager,
        Self::Build,
        Self::Test,
        Self::Coverage,
        Self::Formatter,
        Self::Linter,
        Self::TypeChecker,
        Self::Framework,
        Self::Monorepo,
    ];

    /// The name in data and documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PackageManager => "package_manager",
            Self::Build => "build",
            Self::Test => "test",
            Self::Coverage => "coverage",
            Self::Formatter => "formatter",
            Self::Linter => "linter",
            Self::TypeChecker => "type_checker",
            Self::Framework => "framework",
            Self::Monorepo => "monorepo",
        }
    }
}

/// How much a finding is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Nothing speaks for it but habit: it is what such projects use if they say nothing.
    Habit,
    /// One kind of evidence.
    Likely,
    /// A declaration made for the purpose, or several kinds of evidence.
    Certain,
}

impl Confidence {
    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Habit => "habit",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What kind of thing speaks for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EvidenceKind {
    /// A file that is there.
    Path,
    /// A dependency in a manifest.
    Dependency,
    /// A key in a structured file.
    Key,
    /// A text in a file.
    Content,
    /// A command in a script, a make file or a continuous-integration file.
    Command,
    /// A script in a manifest.
    Script,
    /// The workspace that a manifest declares.
    Workspace,
    /// It ships with the language.
    Toolchain,
    /// It is what such projects use if they say nothing.
    Habit,
}

impl EvidenceKind {
    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Dependency => "dependency",
            Self::Key => "key",
            Self::Content => "content",
            Self::Command => "command",
            Self::Script => "script",
            Self::Workspace => "workspace",
            Self::Toolchain => "toolchain",
            Self::Habit => "habit",
        }
    }
}

/// One thing that speaks for a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// What kind of thing.
    pub kind: EvidenceKind,
    /// The file, relative to the tree; empty if no single file says it.
    pub file: String,
    /// What stands there.
    pub what: String,
}

/// A tool or framework that a project uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is used for.
    pub key: Key,
    /// Its name in data, for example `pytest`.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// The version that the manifest asks for, as it is written there.
    pub version: Option<String>,
    /// How much the finding is worth.
    pub confidence: Confidence,
    /// What speaks for it; at most a dozen.
    pub evidence: Vec<Evidence>,
    /// The coverage reports that it can write.
    pub reports: &'static [&'static str],
    /// The directory of the workspace's root or member from which it was taken over.
    pub from: Option<String>,
}

/// A directory with a manifest, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Relative to the tree; empty for its root.
    pub directory: String,
    /// The ecosystem, for example `python`.
    pub ecosystem: &'static str,
    /// The ecosystem's name for people.
    pub ecosystem_name: &'static str,
    /// The name in the manifest.
    pub name: Option<String>,
    /// The files that make it a project, relative to the tree.
    pub manifests: Vec<String>,
    /// The directory of the workspace whose member it is.
    pub workspace: Option<String>,
    /// The directories of its members.
    pub members: Vec<String>,
    /// In the order of [`Key::ALL`]; within a key the strongest first.
    pub findings: Vec<Finding>,
    /// Package managers whose lock files lie there too, and which are not the one in use.
    pub also_locked: Vec<Finding>,
    is_compiled: bool,
    extensions: &'static [&'static str],
    runs: run::Runs,
}

impl Project {
    /// What was found of one kind.
    pub fn of(&self, key: Key) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.key == key)
    }

    /// The strongest finding of one kind.
    #[must_use]
    pub fn first(&self, key: Key) -> Option<&Finding> {
        self.of(key).next()
    }

    /// The command that runs the whole suite.
    #[must_use]
    pub fn test_all(&self) -> Option<&Invocation> {
        self.runs.all()
    }

    /// The command that runs the tests of one file, which is relative to the tree.
    #[must_use]
    pub fn test_file(&self, path: &str) -> Option<Invocation> {
        self.runs.file(&self.directory, path)
    }

    /// How much of a stack is there.
    #[must_use]
    pub fn tier(&self) -> Tier {
        tier::of(&self.parts())
    }

    /// The parts of a stack that are there, in order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        tier::parts(self)
    }

    /// Whether its language is compiled.
    #[must_use]
    pub const fn is_compiled(&self) -> bool {
        self.is_compiled
    }
}

/// Something that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the tree.
    pub path: String,
    /// What is wrong, as a fragment in lower case.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// Everything that a tree holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projects {
    all: Vec<Project>,
    problems: Vec<Problem>,
}

impl Projects {
    /// The projects, in the order of their directories and of the ecosystems.
    #[must_use]
    pub fn all(&self) -> &[Project] {
        &self.all
    }

    /// What could not be understood, in the order of the paths.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The project that a file belongs to: the nearest one above it whose ecosystem has files of
    /// this ending, or else the nearest one.
    ///
    /// # Complexity
    ///
    /// Looks at each project once.
    #[must_use]
    pub fn project_of(&self, path: &str) -> Option<&Project> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name
            .rsplit_once('.')
            .map(|(_, extension)| extension.to_ascii_lowercase());
        let claims = |project: &Project| {
            extension
                .as_deref()
                .is_some_and(|extension| project.extensions.contains(&extension))
        };
        let mut best: Option<(&Project, (bool, usize))> = None;
        for project in self
            .all
            .iter()
            .filter(|project| is_above(&project.directory, path))
        {
            let worth = (claims(project), project.directory.len());
            if best.is_none_or(|(_, most)| worth > most) {
                best = Some((project, worth));
            }
        }
        best.map(|(project, _)| project)
    }

    /// The command that runs the tests of one file, by the project that it belongs to.
    #[must_use]
    pub fn test_file(&self, path: &str) -> Option<Invocation> {
        self.project_of(path)?.test_file(path)
    }
}

fn is_above(directory: &str, path: &str) -> bool {
    directory.is_empty()
        || path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
}
