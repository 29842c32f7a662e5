//! `claude-flow detect`: what a file is or which projects a directory holds, and what decided that.

mod project;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::ColorChoice;
use anstyle::Style;
use anyhow::{Context, bail};
use claude_flow::lang_detect::{
    Answer, Attributes, CONTENT_BYTES_MAX, CompileCommands, Evidence, Input, Language, Sibling,
    examine,
};
use serde::Serialize;

use crate::args::{DetectArgs, DoctorFormat};
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

/// The version of the JSON form.
const SCHEMA_VERSION: u32 = 1;

/// How many bytes of a file's end are read for the modelines there.
const TAIL_BYTES: u64 = 2 * 1024;

/// The largest `.gitattributes` or `compile_commands.json` that is read, in bytes.
const SETTINGS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How many other files of the folder are looked at.
const SIBLINGS_MAX: usize = 4096;

/// How many folders up the tree are searched for the project's root.
const FOLDERS_UP_MAX: usize = 64;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Looks at each file, or at one directory, and tells.
pub(super) fn run(args: &DetectArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    if let [directory] = args.paths.as_slice()
        && directory.is_dir()
    {
        let options = project::Options {
            is_json: args.format == DoctorFormat::Json,
            is_explained: args.explain,
            color,
        };
        return project::run(directory, options);
    }
    let mut told = Vec::new();
    for path in &args.paths {
        told.push(look(path)?);
    }
    match args.format {
        DoctorFormat::Json => {
            let document = Document {
                schema_version: SCHEMA_VERSION,
                files: told.iter().map(|told| told.report(args.explain)).collect(),
            };
            let mut text = serde_json::to_vec(&document)?;
            text.push(b'\n');
            write_plain(&text)?;
        }
        DoctorFormat::Human => {
            let mut out = Vec::new();
            for told in &told {
                told.write(args.explain, &mut out)?;
            }
            write_styled(&out, color)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The JSON form.
#[derive(Debug, Serialize)]
struct Document {
    schema_version: u32,
    files: Vec<Report>,
}

#[derive(Debug, Serialize)]
struct Report {
    path: String,
    language: Option<&'static str>,
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

#[derive(Debug, Serialize)]
struct Explanation {
    evidence: Option<&'static str>,
    confidence: &'static str,
    runners_up: Vec<&'static str>,
}

/// A file and what it is.
#[derive(Debug)]
struct Told {
    path: String,
    answer: Answer,
}

impl Told {
    fn runners_up(&self) -> Vec<&'static str> {
        self.answer.runners_up.iter().map(Language::name).collect()
    }

    fn report(&self, explain: bool) -> Report {
        let Self { path, answer } = self;
        Report {
            path: path.clone(),
            language: answer.language.map(Language::name),
            flags: answer.flags.names().collect(),
            explanation: explain.then(|| Explanation {
                evidence: answer.evidence.map(Evidence::name),
                confidence: answer.confidence.name(),
                runners_up: self.runners_up(),
            }),
        }
    }

    fn write(&self, explain: bool, out: &mut dyn Write) -> io::Result<()> {
        let answer = &self.answer;
        let language = answer.language.map_or("not sure", |it| it.name());
        write!(out, "{BOLD}{}:{BOLD:#} {language}", visible(&self.path))?;
        let flags: Vec<&str> = answer.flags.names().collect();
        if !flags.is_empty() {
            write!(out, " ({})", flags.join(", "))?;
        }
        writeln!(out)?;
        if explain {
            let evidence = answer.evidence.map_or("nothing", Evidence::name);
            let confidence = answer.confidence.name();
            let verb = if answer.language.is_some() {
                "decided by"
            } else {
                "asked last"
            };
            writeln!(out, "  {DIM}{verb}:{DIM:#} {evidence}")?;
            writeln!(out, "  {DIM}confidence:{DIM:#} {confidence}")?;
            let others = self.runners_up();
            if !others.is_empty() {
                writeln!(out, "  {DIM}could also be:{DIM:#} {}", others.join(", "))?;
            }
        }
        Ok(())
    }
}

fn look(path: &Path) -> anyhow::Result<Told> {
    let shown = path.to_string_lossy().into_owned();
    let metadata = fs::metadata(path).with_context(|| format!("reading {shown}"))?;
    if metadata.is_dir() {
        bail!("{shown} is a directory; name it alone to see its projects, or name files in it");
    }
    if !metadata.is_file() {
        bail!("{shown} is no regular file; name one");
    }
    let content = read_ends(path).with_context(|| format!("reading {shown}"))?;
    let surroundings = Surroundings::of(path);
    let below = surroundings.below(path);
    let siblings: Vec<Sibling<'_>> = surroundings
        .siblings
        .iter()
        .map(|path| Sibling::new(path))
        .collect();
    let answer = examine(&Input {
        attributes: Some(&surroundings.attributes),
        siblings: &siblings,
        compile_commands: surroundings.compile_commands.as_ref(),
        ..Input::new(&below, &content)
    });
    Ok(Told {
        path: shown,
        answer,
    })
}

/// The beginning of a file, and of a long one the last lines behind it.
fn read_ends(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let head_bytes = CONTENT_BYTES_MAX as u64;
    let mut content = Vec::new();
    (&mut file).take(head_bytes).read_to_end(&mut content)?;
    let size = file.metadata()?.len();
    if size > head_bytes {
        let start = head_bytes.max(size.saturating_sub(TAIL_BYTES));
        file.seek(SeekFrom::Start(start))?;
        file.take(TAIL_BYTES).read_to_end(&mut content)?;
    }
    Ok(content)
}

/// What the file's project says about it.
#[derive(Debug)]
struct Surroundings {
    root: PathBuf,
    attributes: Attributes,
    compile_commands: Option<CompileCommands>,
    /// Relative to the root.
    siblings: Vec<String>,
}

impl Surroundings {
    /// Looks up the tree to the nearest folder with a `.git`; without one, only at the file's own.
    fn of(path: &Path) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute.parent().unwrap_or(Path::new("")).to_owned();
        let root = folder
            .ancestors()
            .take(FOLDERS_UP_MAX)
            .find(|folder| folder.join(".git").exists())
            .unwrap_or(&folder)
            .to_owned();
        let mut attributes = Attributes::default();
        let mut folders: Vec<&Path> = folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&root))
            .collect();
        folders.reverse();
        for folder in folders {
            if let Some(text) = read_settings(&folder.join(".gitattributes")) {
                attributes.add(&relative(&root, folder), &text);
            }
        }
        let places = ["compile_commands.json", "build/compile_commands.json"];
        let commands = places
            .iter()
            .find_map(|place| read_settings(&root.join(place)));
        let names = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut siblings: Vec<String> = names
            .take(SIBLINGS_MAX)
            .map(|entry| entry.path())
            .filter(|path| *path != absolute)
            .map(|path| relative(&root, &path))
            .collect();
        siblings.sort();
        Self {
            attributes,
            compile_commands: commands.map(|text| CompileCommands::parse(&text)),
            siblings,
            root,
        }
    }

    fn below(&self, path: &Path) -> String {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        relative(&self.root, &absolute)
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.to_string_lossy().replace('\\', "/")
}

/// The text of a settings file, if there is one of a reasonable size.
fn read_settings(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > SETTINGS_BYTES_MAX {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
