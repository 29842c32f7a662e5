//! Rivals asked about the same files and projects: `benches/detect-peers`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use claude_flow_lang_detect::Language;
use claude_flow_lang_detect::project::{Text, Tree, detect};
use serde::Deserialize;
use serde_json::json;

use super::corpus::CORE;
use super::{Found, spread};
use crate::projects::pack;
use crate::tool;
use crate::workspace::{self, cargo};

/// Who is asked about files, and whether a program for Node.js asks.
const WHO: [(&str, bool); 5] = [
    ("ours", false),
    ("hyperpolyglot", false),
    ("gengo", false),
    ("tokei", false),
    ("linguist-js", true),
];

/// Who is not asked, and why.
const LEFT_OUT: [(&str, &str); 1] = [(
    "magika",
    "the package 1.0.0 on npm holds no model: it fetches one from a web site, which is no registry",
)];

/// What rivals call languages that have another name here; JSX counts as JavaScript, headers count
/// as the language that they belong to.
const NAMES: [(&str, &str); 14] = [
    ("Assembly (x86)", "Assembly"),
    ("Autoconf", "M4"),
    ("BASH", "Shell"),
    ("C Header", "C"),
    ("C++ Header", "C++"),
    ("Coq", "Rocq Prover"),
    ("FORTRAN Legacy", "Fortran"),
    ("FORTRAN Modern", "Fortran"),
    ("GNU Style Assembly", "Assembly"),
    ("JSX", "JavaScript"),
    ("LESS", "Less"),
    ("Plain Text", "Text"),
    ("Perl 6", "Raku"),
    ("Sass", "SCSS"),
];

/// What one of them said.
#[derive(Debug)]
struct Told {
    who: &'static str,
    speed: Speed,
    /// In the order of the files.
    languages: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Speed {
    files_per_second: f64,
    p50_us: Option<f64>,
    p95_us: Option<f64>,
}

/// A file that everybody is asked about.
#[derive(Debug)]
struct File<'p> {
    package: &'p Found,
    path: String,
    language: Language,
}

/// Asks everybody and prints tables; of what ours gets wrong and another one right, some lines.
pub(super) fn compare(packages: &[Found], per_label: usize, losses_max: usize) -> Result<()> {
    let home = workspace::target_dir().join("detect-peers");
    fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
    let mut files = Vec::new();
    for package in packages {
        files.extend(
            spread(&package.samples, per_label)
                .into_iter()
                .map(|it| File {
                    package,
                    path: it.path,
                    language: it.language,
                }),
        );
    }
    let list = home.join("list.tsv");
    fs::write(&list, listing(&files)?).with_context(|| format!("writing {}", list.display()))?;
    let program = build()?;
    let node = node_modules(&home);
    if let Err(error) = &node {
        println!("the rivals from npm are left out: {error:#}");
    }
    let mut told = Vec::new();
    for (who, is_script) in WHO {
        let mut command = if is_script {
            let Ok(modules) = &node else {
                continue;
            };
            script("linguist.mjs", modules)
        } else {
            let mut command = Command::new(&program);
            command.arg(who);
            command
        };
        eprintln!("asking {who}");
        told.push(ask(who, command.arg(&list), &home)?);
    }
    print(&files, &told, losses_max);
    if let Ok(modules) = &node {
        projects(&home, modules)?;
    }
    Ok(())
}

fn listing(files: &[File<'_>]) -> Result<String> {
    let mut list = String::new();
    for file in files {
        let root = file.package.dir.canonicalize()?;
        writeln!(list, "{}\t{}\t{}", root.display(), file.path, file.language)?;
    }
    Ok(list)
}

fn home_of_peers() -> PathBuf {
    workspace::root().join("benches/detect-peers")
}

/// Builds the rivals, which are a workspace of their own, and says where the program is.
fn build() -> Result<PathBuf> {
    let dir = home_of_peers();
    let target = workspace::target_dir().join("detect-peers/target");
    let mut command = cargo();
    command.current_dir(&dir).env("CARGO_TARGET_DIR", &target);
    tool::run(command.args(["build", "--release", "--locked"]))?;
    Ok(target.join("release/detect-peers"))
}

/// Installs the rivals from npm in the pinned versions; no script of theirs is run.
fn node_modules(home: &Path) -> Result<PathBuf> {
    let dir = home.join("npm");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let from = home_of_peers().join("npm").join(name);
        fs::copy(&from, dir.join(name)).with_context(|| format!("copying {}", from.display()))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&dir);
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    tool::stdout(&mut npm)?;
    Ok(dir)
}

fn script(name: &str, modules: &Path) -> Command {
    let mut node = Command::new("node");
    node.arg(home_of_peers().join("npm").join(name))
        .arg(modules);
    node
}

fn ask(who: &'static str, command: &mut Command, home: &Path) -> Result<Told> {
    let answers = home.join(format!("{who}.txt"));
    let speed = tool::stdout(command.arg(&answers))?;
    let speed = serde_json::from_str(&speed).with_context(|| format!("understanding {who}"))?;
    let text =
        fs::read_to_string(&answers).with_context(|| format!("reading {}", answers.display()))?;
    let languages = text.lines().map(|name| {
        let known = NAMES.iter().find(|(theirs, _)| *theirs == name);
        known.map_or(name, |(_, ours)| *ours).to_owned()
    });
    Ok(Told {
        who,
        speed,
        languages: languages.collect(),
    })
}

fn print(files: &[File<'_>], told: &[Told], losses_max: usize) {
    println!(
        "{} files, each alone, one thread; reading the file is within the time",
        files.len()
    );
    println!(
        "{:<16} {:>8} {:>8} {:>10} {:>10} {:>9} {:>9}",
        "", "core %", "all %", "of its %", "files/s", "p50 us", "p95 us"
    );
    for one in told {
        // A language that it never names is one that it does not know, or calls something else.
        let named: BTreeSet<&str> = one.languages.iter().map(String::as_str).collect();
        let core = percent(files, one, |file| CORE.contains(&file.language));
        let its = percent(files, one, |file| named.contains(file.language.name()));
        let time = |time: Option<f64>| time.map_or("–".to_owned(), |time| format!("{time:.1}"));
        println!(
            "{:<16} {core:>8.2} {:>8.2} {its:>10.2} {:>10.0} {:>9} {:>9}",
            one.who,
            percent(files, one, |_| true),
            one.speed.files_per_second,
            time(one.speed.p50_us),
            time(one.speed.p95_us)
        );
    }
    for (who, why) in LEFT_OUT {
        println!("{who:<16} left out: {why}");
    }
    let Some((ours, rivals)) = told.split_first() else {
        return;
    };
    for rival in rivals {
        let lost: Vec<usize> = (0..files.len())
            .filter(|&at| !is_right(files, ours, at) && is_right(files, rival, at))
            .collect();
        println!(
            "\n{} files that {} tells and ours does not",
            lost.len(),
            rival.who
        );
        for at in lost.into_iter().take(losses_max) {
            let File {
                package,
                path,
                language,
            } = &files[at];
            println!(
                "  {}: {path}: {:?} instead of {language}",
                package.name, ours.languages[at]
            );
        }
    }
}

fn is_right(files: &[File<'_>], told: &Told, at: usize) -> bool {
    told.languages
        .get(at)
        .is_some_and(|name| name == files[at].language.name())
}

fn percent(files: &[File<'_>], told: &Told, holds: impl Fn(&File<'_>) -> bool) -> f64 {
    let asked: Vec<usize> = (0..files.len()).filter(|&at| holds(&files[at])).collect();
    let right = asked
        .iter()
        .filter(|&&at| is_right(files, told, at))
        .count();
    let part = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    100.0 * part(right) / part(asked.len().max(1))
}

/// What a rival names of the labelled tools of real projects, beside ours.
fn projects(home: &Path, modules: &Path) -> Result<()> {
    let fixtures = workspace::root().join("fixtures/lang-detect/projects");
    let text = fs::read_to_string(fixtures.join("labels.toml")).context("reading the labels")?;
    let labels: serde_json::Value = toml::from_str(&text).context("understanding the labels")?;
    let trees = home.join("trees");
    let mut ours = serde_json::Map::new();
    let names = labels["project"].as_array().context("there are projects")?;
    for project in names {
        let name = project["name"].as_str().context("a project has a name")?;
        let path = fixtures.join(format!("{name}.txtar"));
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let files = pack::unpacked(&text);
        for (path, text) in &files {
            let path = trees.join(name).join(path);
            let dir = path.parent().context("a file lies in a folder")?;
            fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        let found = detect(&Tree::new(files.iter().map(|(path, text)| {
            let text = if text.is_empty() {
                Text::NotGiven
            } else {
                Text::Given(text)
            };
            (*path, text)
        })));
        let findings = found.all().iter().flat_map(|project| &project.findings);
        let said = findings.map(|it| format!("{}:{}", it.key.name(), it.id));
        ours.insert(name.to_owned(), json!(said.collect::<BTreeSet<String>>()));
    }
    ensure!(!ours.is_empty(), "no project is labelled");
    let (labels_path, ours_path) = (home.join("labels.json"), home.join("ours.json"));
    fs::write(&labels_path, labels.to_string()).context("writing the labels")?;
    fs::write(&ours_path, serde_json::Value::Object(ours).to_string()).context("writing ours")?;
    println!(
        "\nprojects: the share of the labelled tools that @specfy/stack-analyser and ours name"
    );
    let mut command = script("stack.mjs", modules);
    print!(
        "{}",
        tool::stdout(command.arg(labels_path).arg(&trees).arg(ours_path))?
    );
    Ok(())
}
