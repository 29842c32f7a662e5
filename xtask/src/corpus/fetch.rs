//! Downloads packages with their registries' own clients and unpacks what can be checked.
//!
//! Resumable: an archive that was downloaded is not asked for again, and a folder appears
//! under its final name only when everything is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::list::{Pinned, Registry};
use crate::{tool, workspace};

/// The endings of files that are kept.
const ENDINGS: &[&str] = &[
    "c", "cc", "cjs", "cpp", "cppm", "cts", "cxx", "go", "h", "hh", "hpp", "hxx", "inl", "ipp",
    "ixx", "java", "js", "json", "json5", "jsonc", "jsx", "mjs", "mts", "py", "pyi", "rs", "tcc",
    "toml", "tpp", "ts", "tsx", "yaml", "yml",
];

/// A larger file is not kept, since the program does not read it either.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// All that is kept of one package; more means that its entry needs `keep`.
const PACKAGE_BYTES_MAX: u64 = 600 << 20;

/// Fetches what is not there yet, and says what could not be had.
pub(crate) fn all(packages: &[Pinned], dir: &Path, offline: bool) -> Result<Vec<String>> {
    let missing: Vec<&Pinned> = packages
        .iter()
        .filter(|package| !home(dir, package).is_dir())
        .collect();
    if offline && !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|package| package.dir_name()).collect();
        bail!(
            "not downloaded yet: {}; run it once without --offline",
            names.join(", ")
        );
    }
    let (crates, others): (Vec<&Pinned>, Vec<&Pinned>) = missing
        .into_iter()
        .partition(|package| package.registry == Registry::Crates);
    let total = others.len();
    let mut failures = Vec::new();
    for (index, package) in others.into_iter().enumerate() {
        eprintln!(
            "[{}/{total}] {} {}",
            index + 1,
            package.registry.name(),
            package.dir_name()
        );
        if let Err(error) = one(package, dir) {
            failures.push(format!("{}: {error:#}", package.dir_name()));
        }
    }
    let folders: BTreeSet<&str> = crates
        .iter()
        .map(|package| package.folder.as_str())
        .collect();
    for folder in folders {
        let wanted: Vec<&Pinned> = crates
            .iter()
            .copied()
            .filter(|package| package.folder == folder)
            .collect();
        eprintln!("crates {folder}: {} packages", wanted.len());
        if let Err(error) = vendored(&wanted, dir) {
            failures.push(format!("the crates of {folder}: {error:#}"));
        }
    }
    Ok(failures)
}

fn home(dir: &Path, package: &Pinned) -> PathBuf {
    dir.join(&package.folder).join(package.dir_name())
}

fn one(package: &Pinned, dir: &Path) -> Result<()> {
    let cache = dir.join(".cache").join(package.registry.name());
    let downloads = cache.join(package.dir_name());
    fs::create_dir_all(&downloads)?;
    if archive(&downloads)?.is_none() {
        download(package, &cache, &downloads)?;
    }
    let Some(archive) = archive(&downloads)? else {
        bail!(
            "the client downloaded no archive to {}",
            downloads.display()
        );
    };
    let staging = Staging::new(dir)?;
    unpack(&archive, &staging.0)?;
    if let Some(inner) = &package.inner {
        let place = staging.0.join(inner);
        let unpacked = Staging::new(&staging.0)?;
        unpack(&place, &unpacked.0)?;
        return settle(package, &single_top(&unpacked.0)?, dir);
    }
    settle(package, &single_top(&staging.0)?, dir)
}

/// The one archive in a folder, signatures and descriptions left aside.
fn archive(dir: &Path) -> Result<Option<PathBuf>> {
    let mut largest = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.to_string_lossy().into_owned();
        let is_archive = [
            ".tgz", ".whl", ".deb", ".tar.gz", ".tar.xz", ".tar.bz2", ".zip",
        ]
        .iter()
        .any(|ending| name.ends_with(ending));
        let is_packaging = name.contains(".debian.tar") || name.contains(".orig-");
        if is_archive && !is_packaging {
            let size = path.metadata()?.len();
            if largest.as_ref().is_none_or(|(most, _)| size > *most) {
                largest = Some((size, path));
            }
        }
    }
    Ok(largest.map(|(_, path)| path))
}

fn download(package: &Pinned, cache: &Path, downloads: &Path) -> Result<()> {
    let (name, version) = (&package.name, &package.version);
    let mut command = match package.registry {
        Registry::Npm => {
            let mut npm = Command::new("npm");
            npm.args(["pack", "--silent", "--ignore-scripts"])
                .arg(format!("{name}@{version}"));
            npm
        }
        Registry::Pypi => {
            let mut pip = Command::new("python3");
            pip.args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-deps", "--only-binary", ":all:"])
            .arg(format!("{name}=={version}"));
            pip
        }
        Registry::Debian => {
            let mut apt = Command::new("apt-get");
            apt.args(["download", "--quiet"])
                .arg(format!("{name}={version}"));
            apt
        }
        Registry::DebianSource => {
            let suite = package
                .suite
                .as_deref()
                .context("a source package needs a suite")?;
            let mut apt = source_lists(cache, suite)?;
            apt.args(["source", "--download-only", "--tar-only", "--quiet"])
                .arg(format!("{name}={version}"));
            apt
        }
        Registry::Crates => bail!("crates are fetched together"),
    };
    command.current_dir(downloads);
    tool::stdout(&mut command).map(drop).context(
        "a version that its registry no longer has needs a newer pin in fixtures/corpora.toml",
    )
}

/// An apt-get that knows a release's sources, with lists of its own so that the machine's stay as they are.
fn source_lists(cache: &Path, suite: &str) -> Result<Command> {
    let lists = cache.join(format!("lists-{suite}"));
    // Not among the lists, where the client removes what it does not know.
    let sources = cache.join(format!("{suite}.list"));
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.arg("-o")
            .arg(format!("Dir::Etc::sourcelist={}", sources.display()));
        apt.args(["-o", "Dir::Etc::sourceparts=/dev/null"]);
        apt.arg("-o")
            .arg(format!("Dir::State::lists={}", lists.display()));
        apt
    };
    if !sources.is_file() {
        fs::create_dir_all(lists.join("partial"))?;
        let mut line = format!("deb-src http://deb.debian.org/debian {suite} main\n");
        if suite != "sid" {
            let security =
                format!("deb-src http://deb.debian.org/debian-security {suite}-security main\n");
            line.push_str(&security);
        }
        fs::write(&sources, line)?;
        let updated = tool::stdout(apt().args(["update", "--quiet"]));
        if updated.is_err() {
            fs::remove_file(&sources)?;
        }
        updated?;
    }
    Ok(apt())
}

/// Lets cargo resolve and unpack a folder's crates at once; what they depend on is not kept.
fn vendored(packages: &[&Pinned], dir: &Path) -> Result<()> {
    let staging = Staging::new(dir)?;
    fs::create_dir_all(staging.0.join("src"))?;
    fs::write(staging.0.join("src/lib.rs"), "")?;
    let mut manifest = String::from(
        "[package]\nname = \"corpora\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n",
    );
    for package in packages {
        let line = format!(
            "{} = {{ version = \"={}\", default-features = false, optional = true }}\n",
            package.name, package.version
        );
        manifest.push_str(&line);
    }
    fs::write(staging.0.join("Cargo.toml"), manifest)?;
    let mut command = workspace::cargo();
    command
        .current_dir(&staging.0)
        .args(["vendor", "--quiet", "--versioned-dirs", "vendor"])
        .stdout(Stdio::null());
    tool::run(&mut command)?;
    for package in packages {
        let unpacked = staging.0.join("vendor").join(package.dir_name());
        settle(package, &unpacked, dir)?;
    }
    Ok(())
}

fn unpack(archive: &Path, to: &Path) -> Result<()> {
    let name = archive.to_string_lossy();
    let mut command;
    if name.ends_with(".deb") {
        command = Command::new("dpkg-deb");
        command.arg("-x").arg(archive).arg(to);
    } else if name.ends_with(".whl") || name.ends_with(".zip") {
        command = Command::new("python3");
        command.args(["-m", "zipfile", "-e"]).arg(archive).arg(to);
    } else {
        command = Command::new("tar");
        command.arg("-xf").arg(archive).arg("-C").arg(to);
        command.args(["--no-same-owner", "--no-same-permissions"]);
    }
    tool::stdout(&mut command).map(drop)
}

/// Steps into a folder's only folder as long as there is just one.
fn single_top(dir: &Path) -> Result<PathBuf> {
    let mut dir = dir.to_owned();
    loop {
        let entries = fs::read_dir(&dir)?.collect::<Result<Vec<_>, _>>()?;
        match entries.as_slice() {
            [entry] if entry.file_type()?.is_dir() => dir = entry.path(),
            _ => return Ok(dir),
        }
    }
}

/// Moves the files that can be checked to their final place.
fn settle(package: &Pinned, unpacked: &Path, dir: &Path) -> Result<()> {
    let kept = Staging::new(dir)?;
    let mut kept_bytes = 0;
    for path in files_below(unpacked)? {
        let relative = path.strip_prefix(unpacked).context("walking the package")?;
        let name = relative.to_string_lossy();
        let is_asked_for = package.keep.is_empty()
            || package
                .keep
                .iter()
                .any(|prefix| name.starts_with(prefix.as_str()));
        let ending = relative
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        let is_source =
            package.every_ending || ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
        let size = path.metadata()?.len();
        if is_asked_for && is_source && size <= FILE_BYTES_MAX {
            kept_bytes += size;
            let place = kept.0.join(relative);
            fs::create_dir_all(place.parent().context("a file has a folder")?)?;
            fs::rename(&path, &place)?;
        }
    }
    if kept_bytes > PACKAGE_BYTES_MAX {
        bail!(
            "{kept_bytes} bytes are more than the {PACKAGE_BYTES_MAX} of one package; name the paths to `keep`"
        );
    }
    let home = home(dir, package);
    fs::create_dir_all(home.parent().context("a package has a folder")?)?;
    fs::rename(&kept.0, &home).with_context(|| format!("moving to {}", home.display()))
}

/// Every ordinary file below a folder, in the order of their paths; links are not followed.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A folder for work in progress, on the same file system, gone when it is dropped.
struct Staging(PathBuf);

impl Staging {
    fn new(parent: &Path) -> Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(format!(".staging-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing depends on it being gone: a left-over folder is only waste.
        drop(fs::remove_dir_all(&self.0));
    }
}
