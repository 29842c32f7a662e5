//! The description of a tool.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use globset::GlobSet;

use super::diagnostic::Diagnostic;
use super::format::FormatReader;
use super::invocation::Request;
use super::output::{Output, Stream, Unread, Why};
use super::warm::Warm;

/// One tool doing one kind of check: everything that is to be known to run it and to read its answer.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name, unique in the catalog.
    pub name: Cow<'static, str>,
    /// What it checks.
    pub check: Check,
    /// Which files it is for.
    pub files: Files,
    /// How to find it.
    pub program: Program,
    /// The arguments that make it print its version.
    pub version: Words,
    /// Which configuration counts.
    pub config: Config,
    /// What the tool is known to execute of the project even if its configuration is plain data; `None` is no
    /// proof that it executes nothing.
    pub runs_code: Option<&'static str>,
    /// How to ask about one file.
    pub ask: Ask,
    /// The stream that holds its report.
    pub report: Stream,
    /// Which exit codes agree with which output.
    pub exits: Exits,
    /// Lines that tell why a report says nothing, the most telling first.
    pub signs: &'static [Sign],
    /// What reads the report.
    pub reader: Reader,
    /// The line that installs it.
    pub install: Cow<'static, str>,
    /// How it answers without being started for each question; `None` if it cannot.
    pub warm: Option<Warm>,
}

/// The kinds of checks that tools make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// Whether the text is laid out as the formatter would do it.
    Format,
    /// Rules of style and of likely mistakes.
    Lint,
    /// Types and names, as a compiler sees them.
    Types,
    /// Patterns that are dangerous.
    Security,
}

impl Check {
    /// The name in results and in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Types => "types",
            Self::Security => "security",
        }
    }
}

/// Which files a tool is for.
#[derive(Debug, Clone)]
pub enum Files {
    /// Files of these languages.
    Languages(&'static [Language]),
    /// Files whose path below the root matches one of these globs.
    Globs(GlobSet),
}

impl Files {
    /// True if the tool is for a file; `path` is relative to the root, with `/`.
    #[must_use]
    pub fn contains(&self, path: &str, language: Option<Language>) -> bool {
        match self {
            Self::Languages(languages) => language.is_some_and(|it| languages.contains(&it)),
            Self::Globs(globs) => globs.is_match(path),
        }
    }
}

/// How an executable is found: the first of [`Tool::candidates`] that is there.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable's name, without `.exe`; for [`Home::Root`] its path below the root.
    pub name: Cow<'static, str>,
    /// Where to look, in this order. Nothing is ever downloaded.
    pub homes: &'static [Home],
    /// The executables that the script in `node_modules/.bin` would start.
    pub native: &'static [Native],
}

/// A kind of place where executables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Home {
    /// The root itself.
    Root,
    /// `node_modules/.bin` of the file's directory and those above it.
    NodeModules,
    /// The active virtual environment, then `.venv` and `venv` of the file's directory and those above it.
    VirtualEnvironment,
    /// The directories of `PATH`.
    Path,
}

/// The executable of an npm package for one platform, so that no Node process is needed to start it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Native {
    /// The system, as in [`std::env::consts::OS`].
    pub os: &'static str,
    /// The processor, as in [`std::env::consts::ARCH`].
    pub arch: &'static str,
    /// The path below `node_modules`.
    pub path: &'static str,
}

/// What surrounds a file for which an executable is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The absolute root that the configuration gives.
    pub root: &'a str,
    /// The absolute directory of the file and those above it up to the workspace, nearest first.
    pub directories: &'a [&'a str],
    /// The active virtual environment, as an absolute path.
    pub virtual_environment: Option<&'a str>,
    /// The system, as in [`std::env::consts::OS`].
    pub os: &'a str,
    /// The processor, as in [`std::env::consts::ARCH`].
    pub arch: &'a str,
}

/// One place to look for an executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// This file.
    File(String),
    /// This name in the directories of `PATH`.
    OnPath(String),
}

/// The configuration of a tool.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The files that count; in one directory the first of them, and the nearest directory wins.
    pub files: &'static [ConfigFile],
    /// True if the project uses the tool only where there is a configuration.
    pub is_needed: bool,
}

impl Config {
    /// The configuration that counts: its directory and file, or `None` if there is none.
    ///
    /// `directories` are those of the file and above, nearest first; `holds` says whether a directory
    /// has the file, with the section that it needs.
    pub fn nearest<'a>(
        &self,
        directories: &[&'a str],
        mut holds: impl FnMut(&str, &ConfigFile) -> bool,
    ) -> Option<(&'a str, &'static ConfigFile)> {
        directories.iter().find_map(|directory| {
            let file = self.files.iter().find(|file| holds(directory, file))?;
            Some((*directory, file))
        })
    }
}

/// One kind of configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigFile {
    /// The file's name, or its path below the directory.
    pub name: &'static str,
    /// The dotted key that the file must hold to count, in TOML, JSON or an ini file.
    pub section: Option<&'static str>,
    /// The argument that names the file to the tool, with `{config}` for its absolute path; `None` if the
    /// tool finds it by itself.
    pub argument: Option<&'static str>,
    /// True if reading it can execute something: it is a program, or it may name one.
    pub is_code: bool,
}

impl ConfigFile {
    /// A file of plain data that the tool finds by itself.
    #[must_use]
    pub const fn data(name: &'static str) -> Self {
        Self {
            name,
            section: None,
            argument: None,
            is_code: false,
        }
    }

    /// A file that is a program, or that may name one, and that the tool finds by itself.
    #[must_use]
    pub const fn code(name: &'static str) -> Self {
        Self {
            is_code: true,
            ..Self::data(name)
        }
    }

    /// The same file, which counts only if it holds a section.
    #[must_use]
    pub const fn with_section(mut self, section: &'static str) -> Self {
        self.section = Some(section);
        self
    }

    /// The same file, which the tool has to be told.
    #[must_use]
    pub const fn with_argument(mut self, argument: &'static str) -> Self {
        self.argument = Some(argument);
        self
    }
}

/// How a tool is asked about one file.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The arguments, in which `{path}` (relative to the working directory), `{directory}` (the file's,
    /// likewise), `{root}`, `{scratch}`, `{config}` and `{edition}` stand for what the request says.
    ///
    /// A word with a value that the request does not have is left out.
    pub arguments: Words,
    /// True if the text is given on the standard input; otherwise the tool reads the file from the disk.
    pub is_stdin: bool,
    /// How much one run looks at.
    pub scope: Scope,
    /// Where it runs.
    pub directory: Directory,
    /// Variables on top of the runner's, with the same placeholders as the arguments.
    pub environment: &'static [(&'static str, &'static str)],
}

/// How much one run of a tool looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The file, and what it needs to be understood.
    File,
    /// The files of its directory.
    Directory,
    /// The whole project: one run for each root at a time.
    Project,
}

/// The working directory of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Directory {
    /// The root: the directory of the configuration, or the workspace if there is none.
    Root,
    /// The directory of the file.
    File,
}

/// Which exit codes agree with which output; any other one means that the tool broke.
#[derive(Debug, Clone)]
pub struct Exits {
    /// Codes that may go with no finding.
    pub clean: Cow<'static, [i32]>,
    /// Codes that may go with findings.
    pub findings: Cow<'static, [i32]>,
}

impl Exits {
    /// The table of a tool of the catalog.
    #[must_use]
    pub const fn new(clean: &'static [i32], findings: &'static [i32]) -> Self {
        Self {
            clean: Cow::Borrowed(clean),
            findings: Cow::Borrowed(findings),
        }
    }
}

/// A part of a line that tells why a report says nothing.
///
/// Looked for in the stream that does not hold the report, and in both where the report was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// What the line holds.
    pub text: &'static str,
    /// What that means.
    pub why: Why,
}

impl Sign {
    /// A sign.
    #[must_use]
    pub const fn new(text: &'static str, why: Why) -> Self {
        Self { text, why }
    }
}

/// What reads a report.
#[derive(Debug, Clone)]
pub enum Reader {
    /// A reader of the tool's own.
    Own(fn(&Request<'_>, &Output<'_>) -> Result<Vec<Diagnostic>, Unread>),
    /// A general format.
    Format(FormatReader),
    /// The whole new text on the standard output; the other reader finds the place of a syntax error.
    Formatter(fn(&Output<'_>) -> Option<Diagnostic>),
}

/// A list of words, of the catalog or of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// Of the catalog.
    Fixed(&'static [&'static str]),
    /// Of the settings.
    Owned(Vec<String>),
}

impl Words {
    /// The words in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (fixed, owned): (&[&str], &[String]) = match self {
            Self::Fixed(words) => (words, &[]),
            Self::Owned(words) => (&[], words),
        };
        fixed
            .iter()
            .copied()
            .chain(owned.iter().map(String::as_str))
    }
}

impl Tool {
    /// Where the executable may be, best first.
    #[must_use]
    pub fn candidates(&self, around: &Surroundings<'_>) -> Vec<Candidate> {
        self.program.candidates(around)
    }
}

impl Program {
    /// Where the executable may be, best first.
    #[must_use]
    pub fn candidates(&self, around: &Surroundings<'_>) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for home in self.homes {
            self.add_candidates(*home, around, &mut candidates);
        }
        candidates
    }

    fn add_candidates(&self, home: Home, around: &Surroundings<'_>, to: &mut Vec<Candidate>) {
        let name = &self.name;
        let (bin, suffix) = if around.os == "windows" {
            ("Scripts", ".exe")
        } else {
            ("bin", "")
        };
        match home {
            Home::Root => to.push(Candidate::File(format!("{}/{name}", around.root))),
            Home::NodeModules => {
                let natives = self.native.iter();
                let natives: Vec<&Native> = natives
                    .filter(|native| native.os == around.os && native.arch == around.arch)
                    .collect();
                for directory in around.directories {
                    let modules = format!("{directory}/node_modules");
                    let native = natives
                        .iter()
                        .map(|native| format!("{modules}/{}", native.path));
                    to.extend(native.map(Candidate::File));
                    let shim = if suffix.is_empty() { "" } else { ".cmd" };
                    to.push(Candidate::File(format!("{modules}/.bin/{name}{shim}")));
                }
            }
            Home::VirtualEnvironment => {
                let active = around.virtual_environment.map(str::to_owned);
                let near = around.directories.iter().flat_map(|directory| {
                    [".venv", "venv"].map(|name| format!("{directory}/{name}"))
                });
                let files = active.into_iter().chain(near);
                let files = files.map(|home| format!("{home}/{bin}/{name}{suffix}"));
                to.extend(files.map(Candidate::File));
            }
            Home::Path => to.push(Candidate::OnPath(format!("{name}{suffix}"))),
        }
    }
}
