//! Installs the outside tools that the fixtures of `checkers` are recorded with, at pinned versions.
//!
//! Resumable: what a registry gives appears under its final name only when it is complete, and is kept as
//! long as its list does not change.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{Ended, tool, workspace};

pub(crate) const HELP: &str = "\
cargo xtask tools [NAME...] [--record]

Installs ruff, eslint, clang-tidy and others at the versions that xtask/tools pins, from PyPI, npm and
Debian, into <target>/tools, whose `bin` then holds them. Nothing outside that folder changes.
Prints what is there; with names only those, and exits with 1 if one of them could not be had.

  --record   run the tools and write what they print to fixtures/checkers/tools; with one NAME only that
             tool's, by its name in the catalog, for example ruff-check

It needs python3 with venv, npm, and apt-get of Debian 12.";

/// A script that starts a tool which does not find its own parts outside `/usr`.
struct Wrapper {
    name: &'static str,
    script: &'static str,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        name: "cppcheck",
        script: include_str!("../tools/cppcheck.sh"),
    },
    Wrapper {
        name: "staticcheck",
        script: include_str!("../tools/staticcheck.sh"),
    },
    Wrapper {
        name: "checkstyle",
        script: include_str!("../tools/checkstyle.sh"),
    },
];

/// Names in `bin`, and where they lead.
const LINKS: &[(&str, &str)] = &[
    ("bandit", "python/bin/bandit"),
    ("basedpyright", "python/bin/basedpyright"),
    ("biome", "node/node_modules/@biomejs/cli-linux-x64/biome"),
    ("clang", "debian/usr/lib/llvm-14/bin/clang"),
    ("clang-format", "python/bin/clang-format"),
    ("clang-tidy", "python/bin/clang-tidy"),
    ("eslint", "node/node_modules/.bin/eslint"),
    ("go", "python/lib/go/bin/go"),
    ("gofmt", "python/lib/go/bin/gofmt"),
    (
        "google-java-format",
        "node/node_modules/.bin/google-java-format",
    ),
    ("hadolint", "python/bin/hadolint"),
    ("mypy", "python/bin/mypy"),
    ("oxlint", "node/node_modules/.bin/oxlint"),
    ("prettier", "node/node_modules/.bin/prettier"),
    ("pyrefly", "python/bin/pyrefly"),
    ("ruff", "python/bin/ruff"),
    ("shellcheck", "python/bin/shellcheck"),
    ("shfmt", "python/bin/shfmt"),
    ("taplo", "python/bin/taplo"),
    ("tsc", "node/node_modules/.bin/tsc"),
    ("ty", "python/bin/ty"),
    ("yamllint", "python/bin/yamllint"),
];

/// Tools that come with a compiler and are taken from `PATH`.
const FROM_PATH: &[&str] = &["cargo", "cargo-clippy", "gcc", "javac", "rustfmt"];

/// Installs what one registry has, from the lists in a folder, into another folder.
type Install = fn(&Path, &Path) -> Result<()>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Debian {
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Package {
    name: String,
    version: String,
    sha256: String,
}

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Ended> {
    use lexopt::ValueExt;
    use lexopt::prelude::{Long, Value};
    let mut names = Vec::new();
    let mut is_record = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("record") => is_record = true,
            Value(name) => names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let cache = workspace::target_dir().join("tools");
    let mut failures = Vec::new();
    let sources: [(&str, Install); 3] = [("python", python), ("node", node), ("debian", debian)];
    for (index, (name, install)) in sources.into_iter().enumerate() {
        eprintln!("[{}/{}] {name}", index + 1, sources.len());
        if let Err(error) = once(&cache, name, install) {
            failures.push(format!("{name}: {error:#}"));
        }
    }
    link(&cache)?;
    for failure in &failures {
        eprintln!("could not be had: {failure}");
    }
    if is_record {
        record(&cache, &names)?;
        return Ok(Ended::Well);
    }
    let is_missing = report(&cache, &names);
    Ok(if is_missing {
        Ended::WithFindings
    } else {
        Ended::Well
    })
}

/// Installs one registry's tools, unless they are there already as the list says.
fn once(cache: &Path, name: &str, install: Install) -> Result<()> {
    let pins = workspace::root().join("xtask/tools");
    let list = match name {
        "python" => pins.join("python.txt"),
        "node" => pins.join("node/package-lock.json"),
        _ => pins.join("debian.toml"),
    };
    let text = fs::read(&list).with_context(|| format!("reading {}", list.display()))?;
    let home = cache.join(name);
    let stamp = home.join(".installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == text) {
        return Ok(());
    }
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))?;
    }
    fs::create_dir_all(&home)?;
    install(&pins, &home)?;
    fs::write(stamp, text)?;
    Ok(())
}

fn python(pins: &Path, home: &Path) -> Result<()> {
    tool::run(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    let mut pip = Command::new(home.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args([
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--requirement",
    ])
    .arg(pins.join("python.txt"));
    tool::run(&mut pip)?;
    // The name of the interpreter's own folder is in its path; Go is found without it.
    let mut where_is = Command::new(home.join("bin/python"));
    where_is.args(["-c", "import go; print(go.__path__[0])"]);
    let go = tool::stdout(&mut where_is)?;
    symlink(go.trim(), home.join("lib/go")).context("linking Go")
}

fn node(pins: &Path, home: &Path) -> Result<()> {
    for name in ["package.json", "package-lock.json"] {
        let from = pins.join("node").join(name);
        fs::copy(&from, home.join(name)).with_context(|| format!("copying {}", from.display()))?;
    }
    // Not `npm ci`, which refuses a lock file without the executables of other systems.
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ])
    .current_dir(home);
    tool::run(&mut npm)
}

fn debian(pins: &Path, home: &Path) -> Result<()> {
    let text = fs::read_to_string(pins.join("debian.toml"))?;
    let list: Debian = toml::from_str(&text).context("understanding xtask/tools/debian.toml")?;
    let downloads = home.with_file_name("debian-archives");
    fs::create_dir_all(&downloads)?;
    let total = list.package.len();
    for (index, package) in list.package.iter().enumerate() {
        eprintln!(
            "  [{}/{total}] {} {}",
            index + 1,
            package.name,
            package.version
        );
        let archive = archive(package, &downloads)?;
        tool::run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(home))?;
    }
    // Cppcheck looks for its data in /usr, or beside itself.
    symlink(
        "../lib/x86_64-linux-gnu/cppcheck/cfg",
        home.join("usr/bin/cfg"),
    )
    .context("linking")
}

/// The archive of a package, downloaded if it is not there, and with the right hash.
fn archive(package: &Package, downloads: &Path) -> Result<PathBuf> {
    let folder = downloads.join(format!("{}-{}", package.name, &package.sha256[..16]));
    fs::create_dir_all(&folder)?;
    if single(&folder)?.is_none() {
        let mut apt = Command::new("apt-get");
        apt.args(["download", "--quiet"])
            .arg(format!("{}={}", package.name, package.version))
            .current_dir(&folder);
        tool::stdout(&mut apt).context("a version that Debian no longer has needs a newer pin")?;
    }
    let archive = single(&folder)?.context("apt-get downloaded nothing")?;
    let sum = tool::stdout(Command::new("sha256sum").arg(&archive))?;
    if !sum.starts_with(&package.sha256) {
        bail!(
            "{} is not the archive that is pinned: {}",
            archive.display(),
            sum.trim_end()
        );
    }
    Ok(archive)
}

fn single(folder: &Path) -> Result<Option<PathBuf>> {
    let entry = fs::read_dir(folder)?.next().transpose()?;
    Ok(entry.map(|entry| entry.path()))
}

/// Fills `bin`.
fn link(cache: &Path) -> Result<()> {
    let bin = cache.join("bin");
    if bin.exists() {
        fs::remove_dir_all(&bin).with_context(|| format!("removing {}", bin.display()))?;
    }
    fs::create_dir_all(&bin)?;
    for (name, target) in LINKS {
        symlink(Path::new("..").join(target), bin.join(name))?;
    }
    for wrapper in WRAPPERS {
        let path = bin.join(wrapper.name);
        fs::write(&path, wrapper.script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Prints what is there; true if something that was asked for is not.
fn report(cache: &Path, names: &[String]) -> bool {
    let bin = cache.join("bin");
    let pinned = LINKS.iter().map(|(name, _)| *name);
    let pinned = pinned.chain(WRAPPERS.iter().map(|wrapper| wrapper.name));
    let mut known: Vec<(&str, bool)> = pinned
        .map(|name| {
            let real = if name == "cppcheck" || name == "staticcheck" || name == "checkstyle" {
                cache.join("debian/.installed")
            } else {
                bin.join(name)
            };
            (name, real.exists())
        })
        .collect();
    known.extend(
        FROM_PATH
            .iter()
            .map(|name| (*name, tool::is_installed(name, "--version"))),
    );
    known.sort_unstable();
    let mut is_missing = false;
    for name in names
        .iter()
        .filter(|name| !known.iter().any(|it| it.0 == *name))
    {
        println!("{name:<20} unknown");
        is_missing = true;
    }
    for (name, is_there) in known {
        if names.is_empty() || names.iter().any(|asked| asked == name) {
            println!("{name:<20} {}", if is_there { "there" } else { "missing" });
            is_missing |= !is_there;
        }
    }
    println!("\nin {}", bin.display());
    is_missing
}

/// Runs the test that records, which checks what it recorded as well.
fn record(cache: &Path, names: &[String]) -> Result<()> {
    let mut test = workspace::cargo();
    test.args(["test", "--package", "claude-flow-checkers", "--test", "it"])
        .args([
            "--",
            "--exact",
            "tools::recorded_outputs_are_read_as_a_person_reads_them",
        ])
        .env("RECORD_TOOLS_WITH", cache)
        .env(
            "RECORD_TOOLS_ONLY",
            names.first().map_or("", String::as_str),
        );
    tool::run(&mut test)
}
