//! `cargo xtask detect-corpus`: how often the language detection is right.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use claude_flow_lang_detect::{Confidence, Evidence, Input, Language, Sibling, examine};
use lexopt::prelude::*;

use super::report::Report;
use super::{Found, Sample, TEST_LIST, fetched, found, peers, read, speed, spread};
use crate::{Ended, workspace};

pub(crate) const HELP: &str = "\
cargo xtask detect-corpus [--offline] [--dir DIR] [--per-label N] [--errors N] [--json FILE]
                          [--speed] [--peers]

Downloads the packages in fixtures/lang-detect/corpus.toml and compares the language that the
project says of each file with the one that is detected: alone, beside the other files of the
package whose language is told with confidence alone, with `.orig` behind the name, and with the
name taken away. Then with the extension of another language, where nothing is promised but
what crates/lang-detect/docs/files.md says.

  --offline       download nothing; what is missing is an error
  --dir DIR       where to keep them; target/detect-corpora without it
  --per-label N   how many files of each label of a package are taken; 40 without it
  --errors N      how many errors of each way of asking are printed; 20 without it
  --json FILE     write every error and figure
  --speed         print instead how many files a second one thread does, and percentiles of the
                  time for one file; the contents are in memory, as a program has them that checks
  --peers         print instead what rivals from crates.io and npm say of the same files, each
                  alone, and how fast; and which of the labelled tools of the projects in
                  fixtures/lang-detect/projects a rival names

Exit code: 0 the figures are what is promised, 1 one is not, 2 could not run.
";

/// The languages that must be told without error.
pub(super) const CORE: [Language; 9] = [
    Language::JavaScript,
    Language::TypeScript,
    Language::Tsx,
    Language::Rust,
    Language::Python,
    Language::Go,
    Language::Java,
    Language::C,
    Language::Cpp,
];

#[derive(Debug)]
struct Options {
    offline: bool,
    dir: PathBuf,
    per_label: usize,
    errors: usize,
    json: Option<PathBuf>,
    is_speed: bool,
    is_with_peers: bool,
}

pub(crate) fn run(parser: lexopt::Parser) -> Result<Ended> {
    let options = parse(parser)?;
    let list = read(TEST_LIST)?;
    fetched(&list, &options.dir, options.offline)?;
    if options.is_speed {
        speed::measure(&found(&list, &options.dir)?, options.per_label)?;
        return Ok(Ended::Well);
    }
    if options.is_with_peers {
        peers::compare(
            &found(&list, &options.dir)?,
            options.per_label,
            options.errors,
        )?;
        return Ok(Ended::Well);
    }
    let mut report = Report::default();
    for package in found(&list, &options.dir)? {
        ask(&package, &options, &mut report)?;
    }
    report.print(options.errors);
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report.json())?;
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.keeps_promises() {
        Ended::Well
    } else {
        Ended::WithFindings
    })
}

fn parse(mut parser: lexopt::Parser) -> Result<Options> {
    let mut options = Options {
        offline: false,
        dir: workspace::target_dir().join("detect-corpora"),
        per_label: 40,
        errors: 20,
        json: None,
        is_speed: false,
        is_with_peers: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("offline") => options.offline = true,
            Long("dir") => options.dir = parser.value()?.into(),
            Long("per-label") => options.per_label = parser.value()?.parse()?,
            Long("errors") => options.errors = parser.value()?.parse()?,
            Long("speed") => options.is_speed = true,
            Long("peers") => options.is_with_peers = true,
            Long("json") => options.json = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// A way of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Alone,
    WithSiblings,
    Suffixed,
    Nameless,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [
        Self::Alone,
        Self::WithSiblings,
        Self::Suffixed,
        Self::Nameless,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::WithSiblings => "with siblings",
            Self::Suffixed => "with .orig behind the name",
            Self::Nameless => "name taken away",
        }
    }
}

/// Extensions of one language and shared ones, for files that are in none of theirs.
const WRONG_EXTENSIONS: [&str; 16] = [
    "c", "cls", "cpp", "fs", "go", "h", "inc", "java", "js", "m", "pl", "py", "rs", "sql", "ts",
    "v",
];

/// What is answered for a file with the extension of another language.
#[derive(Debug)]
pub(super) struct Misnamed {
    /// The languages that have the extension.
    pub(super) candidates: Vec<Language>,
    pub(super) expected: Language,
    pub(super) answered: Option<Language>,
    pub(super) confidence: Confidence,
}

/// One answer beside what it should have been.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) way: Way,
    /// The package and the path in it.
    pub(super) place: String,
    pub(super) extension: String,
    pub(super) expected: Language,
    pub(super) answered: Option<Language>,
    pub(super) evidence: Option<Evidence>,
    pub(super) confidence: Confidence,
}

fn ask(package: &Found, options: &Options, report: &mut Report) -> Result<()> {
    let known = known(package)?;
    for sample in spread(&package.samples, options.per_label) {
        let path = package.dir.join(&sample.path);
        let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let siblings = siblings(&package.samples, &known, &sample);
        for way in Way::ALL {
            let suffixed = format!("{}.orig", sample.path);
            let input = match way {
                Way::Alone => Input::new(&sample.path, &content),
                Way::WithSiblings => Input {
                    siblings: &siblings,
                    ..Input::new(&sample.path, &content)
                },
                Way::Suffixed => Input {
                    siblings: &siblings,
                    ..Input::new(&suffixed, &content)
                },
                Way::Nameless => Input::new("file", &content),
            };
            let answer = examine(&input);
            report.add(Asked {
                way,
                place: format!("{}: {}", package.name, sample.path),
                extension: extension(&sample.path),
                expected: sample.language,
                answered: answer.language,
                evidence: answer.evidence,
                confidence: answer.confidence,
            });
        }
        report.add_misnamed(misnamed(&sample, &content, report.misnamed_count()));
    }
    Ok(())
}

/// Takes the next extension in turn that is none of the language's.
fn misnamed(sample: &Sample, content: &[u8], turn: usize) -> Misnamed {
    let count = WRONG_EXTENSIONS.len();
    let turns = (turn..turn + count).map(|turn| WRONG_EXTENSIONS[turn % count]);
    let known = sample.language.extensions();
    let extension = turns.into_iter().find(|it| !known.contains(it));
    let extension = extension.expect("no language has all of them");
    let stem = sample
        .path
        .rsplit_once('.')
        .map_or(&*sample.path, |it| it.0);
    let path = format!("{stem}.{extension}");
    let answer = examine(&Input::new(&path, content));
    let all = Language::ALL.iter().copied();
    Misnamed {
        candidates: all
            .filter(|it| it.extensions().contains(&extension))
            .collect(),
        expected: sample.language,
        answered: answer.language,
        confidence: answer.confidence,
    }
}

/// The languages of the package's files that are told with confidence from each file alone, as a
/// program learns them that looks at a project twice.
fn known(package: &Found) -> Result<Vec<Option<Language>>> {
    let tell = |sample: &Sample| {
        let path = package.dir.join(&sample.path);
        let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let answer = examine(&Input::new(&sample.path, &content));
        Ok(answer
            .language
            .filter(|_| answer.confidence >= Confidence::High))
    };
    package.samples.iter().map(tell).collect()
}

/// The other files of the package, those of the same folder first.
fn siblings<'a>(
    samples: &'a [Sample],
    known: &[Option<Language>],
    one: &Sample,
) -> Vec<Sibling<'a>> {
    let folder = |path: &'a str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let own = one.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (near, far): (Vec<Sibling<'_>>, Vec<Sibling<'_>>) = samples
        .iter()
        .zip(known)
        .map(|(sample, language)| Sibling {
            path: &sample.path,
            language: *language,
        })
        .filter(|sibling| sibling.path != one.path)
        .partition(|sibling| folder(sibling.path) == own);
    near.into_iter().chain(far).collect()
}

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.')
        .map_or_else(String::new, |(_, extension)| extension.to_ascii_lowercase())
}
