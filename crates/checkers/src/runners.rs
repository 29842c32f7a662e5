//! The runners of tests: how each is asked for its machine output, about which tests.
//!
//! # Guarantees
//!
//! - Pure: a request in, commands as values out; nothing is run and no file is looked at.
//! - Never fewer: what is asked for is run, where a runner cannot tell tests apart more than that.
//! - Nothing is written but into the scratch directory, and the folders that [`Runner::writes`] names.
//! - Nothing is fetched: package managers are asked to stay offline.
//!
//! # What it does not do
//!
//! It chooses no test (its caller does), runs nothing, and judges nothing ([`crate::reports`] does).
//! There is no description for Gradle, which nothing here could be tried with.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::runners::{Request, Selection, runner};
//!
//! let request = Request {
//!     selection: Selection::Files(&["tests/test_sums.py"]),
//!     root: "/work",
//!     files: &["sums.py", "tests/test_sums.py"],
//!     scratch: "/cache",
//!     home: "/home/me",
//! };
//! let steps = runner("pytest").expect("it is known").steps(&request);
//! let words = steps.last().expect("it is run").arguments.join(" ");
//! assert!(words.ends_with("--junitxml=/cache/report -o junit_family=xunit1 tests/test_sums.py"));
//! ```
//!
//! # Design
//!
//! A runner is a row of one table: the words that are always said, and a function for the words that choose the tests.
//! The formats are those whose readers were tried on recorded runs, see `fixtures/checkers/reports`.

mod catalog;
mod select;

pub use catalog::{RUNNERS, runner};

use std::borrow::Cow;

use crate::reports::Format;
use crate::tools::{Home, Program};

/// The name of the report, a file or a folder of files, in the scratch directory.
pub const REPORT: &str = "report";

/// What every runner's environment has on top of the sandbox's: plain text in a language that is known.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("CI", "1"),
    ("LC_ALL", "C.UTF-8"),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
];

/// A runner of tests: everything that is to be known to run it and to find its answer.
#[derive(Debug)]
pub struct Runner {
    /// Its name, as `lang_detect::project` has it where that names runners.
    pub name: &'static str,
    /// The programs to run before the tests, each of which has to succeed.
    pub before: &'static [Part],
    /// The program that runs the tests; its words are followed by those that choose them.
    pub run: Part,
    /// Variables on top of the sandbox's, with the same placeholders as the words.
    pub environment: &'static [(&'static str, &'static str)],
    /// Where its report is.
    pub report: Place,
    /// What reads the report.
    pub format: Format,
    /// Folders below the root that it has to be able to write to.
    pub writes: &'static [&'static str],
    /// Folders below the home directory that it reads.
    pub reads: &'static [&'static str],
    /// Whether a run for some files looks at nothing but what these may reach.
    pub is_by_file: bool,
    /// The words that choose the tests.
    select: fn(&Request<'_>) -> Vec<String>,
}

/// One program of a run.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Where it is looked for.
    pub homes: &'static [Home],
    /// Its arguments, in which `{root}`, `{scratch}`, `{report}` and `{home}` stand for the places of the request,
    /// and the word `{java}` for the project's Java files.
    pub words: &'static [&'static str],
}

/// Where a runner leaves its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On standard output.
    Stdout,
    /// On standard error.
    Stderr,
    /// In the file [`REPORT`] of the scratch directory.
    File,
    /// In the files of a folder that begin and end like this; those of earlier runs have to go first.
    Files {
        /// The folder, see [`Runner::folder`].
        folder: &'static str,
        /// How the names begin.
        prefix: &'static str,
        /// How the names end.
        suffix: &'static str,
    },
}

/// What a runner is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which tests.
    pub selection: Selection<'a>,
    /// The absolute directory of the project, in which the runner is started.
    pub root: &'a str,
    /// The project's files below the root with `/`, in order.
    pub files: &'a [&'a str],
    /// An absolute private directory; it may be used again for the same root.
    pub scratch: &'a str,
    /// The home directory.
    pub home: &'a str,
}

/// Which tests are to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// All of the project.
    All,
    /// Those of some files below the root.
    Files(&'a [&'a str]),
    /// Those of one file that have one of these names, as reports give them.
    Names {
        /// The file, below the root.
        file: &'a str,
        /// The names.
        names: &'a [&'a str],
    },
}

impl Selection<'_> {
    /// The files, none for all.
    fn files(&self) -> &[&str] {
        match self {
            Self::All => &[],
            Self::Files(files) => files,
            Self::Names { file, .. } => std::slice::from_ref(file),
        }
    }

    /// The names, if there are some.
    fn names(&self) -> &[&str] {
        match self {
            Self::Names { names, .. } => names,
            Self::All | Self::Files(_) => &[],
        }
    }
}

/// One command of a run, as a value; it is started in the root.
#[derive(Debug)]
pub struct Step {
    /// How the program is found.
    pub program: Program,
    /// The arguments behind its name.
    pub arguments: Vec<String>,
    /// Variables on top of the sandbox's.
    pub environment: Vec<(&'static str, String)>,
}

impl Runner {
    /// The commands of a run, at least one; the last one runs the tests.
    #[must_use]
    pub fn steps(&'static self, request: &Request<'_>) -> Vec<Step> {
        let step = |part: &'static Part| Step {
            program: Program {
                name: Cow::Borrowed(part.name),
                homes: part.homes,
                native: &[],
            },
            arguments: words(part.words, request),
            environment: ENVIRONMENT
                .iter()
                .chain(self.environment)
                .map(|(name, value)| (*name, fill(value, request)))
                .collect(),
        };
        let mut last = step(&self.run);
        last.arguments.extend((self.select)(request));
        let before = self.before.iter().map(step);
        before.chain(std::iter::once(last)).collect()
    }

    /// The folder that its reports are in, if there are several.
    #[must_use]
    pub fn folder(&self, request: &Request<'_>) -> Option<String> {
        match self.report {
            Place::Files { folder, .. } => Some(fill(folder, request)),
            Place::Stdout | Place::Stderr | Place::File => None,
        }
    }
}

fn words(words: &[&str], request: &Request<'_>) -> Vec<String> {
    let filled = |word: &&str| match *word {
        "{java}" => select::java_files(request),
        word => vec![fill(word, request)],
    };
    words.iter().flat_map(filled).collect()
}

/// A word with its places filled.
fn fill(word: &str, request: &Request<'_>) -> String {
    if !word.contains('{') {
        return word.to_owned();
    }
    word.replace("{report}", &format!("{}/{REPORT}", request.scratch))
        .replace("{scratch}", request.scratch)
        .replace("{home}", request.home)
        .replace("{root}", request.root)
}

/// The files of one report as one document.
///
/// `JUnit` reports of several classes become one; a file that is cut makes all of it unreadable.
#[must_use]
pub fn merged(files: &[Vec<u8>]) -> Vec<u8> {
    if files.is_empty() {
        return Vec::new();
    }
    let mut all = b"<testsuites>".to_vec();
    for file in files {
        let text = file.trim_ascii_start();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let head = text.starts_with(b"<?xml");
        let end = text.iter().position(|it| *it == b'>').filter(|_| head);
        all.extend_from_slice(&text[end.map_or(0, |end| end + 1)..]);
    }
    all.extend_from_slice(b"</testsuites>");
    all
}
