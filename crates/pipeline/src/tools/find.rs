//! Where a file's project begins, which configuration counts, and where an executable is.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use claude_flow_checkers::tools::{Candidate, Config, ConfigFile, Surroundings, Tool};

use crate::config::parent_directory;
use crate::read;

/// How many directories of `PATH` are looked into.
pub(super) const PATH_DIRECTORIES_MAX: usize = 1_000;
/// How far up a project may reach.
const DEPTH_MAX: usize = 64;
/// The largest configuration that is searched for a section, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// A file's surroundings.
#[derive(Debug)]
pub(super) struct Project {
    /// The directory that tools see: that of the repository, or of the nearest `claude-flow.toml`, or the file's.
    pub(super) workspace: PathBuf,
    /// The file below the workspace, with `/`.
    pub(super) path: String,
    /// The file, free of symbolic links.
    pub(super) file: PathBuf,
    /// The file's directory and those above it up to the workspace, nearest first.
    directories: Vec<String>,
}

impl Project {
    /// The project of a file; the error is for people.
    pub(super) fn around(path: &Path) -> Result<Self, String> {
        let file = fs::canonicalize(path).map_err(|error| {
            format!(
                "{}: {error}; tools look at files on the disk",
                path.display()
            )
        })?;
        let directory = parent_directory(&file);
        let workspace = workspace_of(directory).to_owned();
        let directories = directory
            .ancestors()
            .take(DEPTH_MAX)
            .take_while(|it| it.starts_with(&workspace))
            .map(utf8)
            .collect::<Result<_, _>>()?;
        let below = file.strip_prefix(&workspace).unwrap_or(&file);
        Ok(Self {
            path: utf8(below)?,
            workspace,
            file,
            directories,
        })
    }

    /// The configuration of a tool that counts for the file.
    pub(super) fn config(&self, config: &Config) -> Option<Place> {
        let directories: Vec<&str> = self.directories.iter().map(String::as_str).collect();
        let (directory, file) = config.nearest(&directories, holds)?;
        Some(Place {
            directory: directory.into(),
            file,
        })
    }

    /// The place of the tools that a `claude-flow.toml` describes, if its directory is at or above the file.
    pub(super) fn own(&self, directory: &Path) -> Option<Place> {
        static OWN: ConfigFile = ConfigFile::code("claude-flow.toml");
        let directory = fs::canonicalize(directory).ok()?;
        self.file.starts_with(&directory).then_some(Place {
            directory,
            file: &OWN,
        })
    }

    /// The file's directory and those above it up to the workspace, nearest first.
    pub(super) fn directories(&self) -> impl Iterator<Item = &str> {
        self.directories.iter().map(String::as_str)
    }

    /// When the file's content or its place last changed, by the file system's own clock.
    pub(super) fn changed(&self) -> Option<SystemTime> {
        let metadata = self.file.metadata().ok()?;
        let seconds = u64::try_from(metadata.ctime()).ok()?;
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
        let placed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        Some(metadata.modified().ok()?.max(placed))
    }

    /// The edition of the Rust package that the file belongs to.
    pub(super) fn edition(&self) -> Option<String> {
        let mut manifests = self.directories.iter().filter_map(|directory| {
            let path = Path::new(directory).join("Cargo.toml");
            let bytes = read::bounded(&path, CONFIG_BYTES_MAX).ok()?;
            toml::from_str::<toml::Table>(&String::from_utf8_lossy(&bytes)).ok()
        });
        let manifest = manifests.find(|manifest| manifest.contains_key("package"))?;
        match manifest.get("package")?.get("edition") {
            None => Some("2015".to_owned()),
            Some(toml::Value::String(edition)) => Some(edition.clone()),
            // The workspace's; its manifest may be the package's own.
            Some(_) => std::iter::once(manifest.clone())
                .chain(manifests)
                .find_map(|manifest| {
                    let package = manifest.get("workspace")?.get("package")?;
                    Some(package.get("edition")?.as_str()?.to_owned())
                }),
        }
    }
}

/// The directory of the repository around a directory, or of the nearest `claude-flow.toml`, or the directory itself.
pub(crate) fn workspace_of(directory: &Path) -> &Path {
    let ancestors = || directory.ancestors().take(DEPTH_MAX);
    let holding = |name: &str| ancestors().find(|it| it.join(name).exists());
    holding(".git")
        .or_else(|| holding("claude-flow.toml"))
        .unwrap_or(directory)
}

/// A path as tools are told it; the error is for people.
pub(super) fn utf8(path: &Path) -> Result<String, String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("{}: tools are told names in UTF-8 only", path.display()))
}

/// A configuration that counts.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) file: &'static ConfigFile,
}

/// An executable.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// As it was found, which is how it is started: some programs look at their own name.
    pub(crate) path: PathBuf,
    /// Free of symbolic links.
    pub(crate) target: PathBuf,
}

/// The executable of a tool.
pub(super) fn executable(
    tool: &Tool,
    place: Option<&Place>,
    project: &Project,
    path: &[PathBuf],
    virtual_environment: Option<&str>,
) -> Option<Found> {
    let directories: Vec<&str> = project.directories.iter().map(String::as_str).collect();
    let root = place.map_or(project.workspace.as_path(), |place| &place.directory);
    let around = Surroundings {
        root: root.to_str()?,
        directories: &directories,
        virtual_environment,
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    first(tool.program.candidates(&around), path)
}

/// The first executable that is there.
pub(crate) fn first(candidates: Vec<Candidate>, path: &[PathBuf]) -> Option<Found> {
    candidates
        .into_iter()
        .find_map(|candidate| match candidate {
            Candidate::File(file) => found(PathBuf::from(file)),
            Candidate::OnPath(name) => path
                .iter()
                .find_map(|directory| found(directory.join(&name))),
        })
}

fn found(path: PathBuf) -> Option<Found> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = path.metadata().ok()?;
    let is_executable = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    let target = fs::canonicalize(&path).ok().filter(|_| is_executable)?;
    Some(Found { path, target })
}

/// Whether a directory has a configuration file, with the section that it needs.
fn holds(directory: &str, file: &ConfigFile) -> bool {
    let path = Path::new(directory).join(file.name);
    let Some(section) = file.section else {
        return path.is_file();
    };
    let Ok(bytes) = read::bounded(&path, CONFIG_BYTES_MAX) else {
        return false;
    };
    let text = String::from_utf8_lossy(&bytes);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::from_str::<toml::Table>(&text)
            .is_ok_and(|table| has_key(&toml::Value::Table(table), section)),
        Some("json") => serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| {
            let mut keys = section.split('.');
            keys.try_fold(&value, |value, key| value.get(key)).is_some()
        }),
        _ => {
            let header = format!("[{section}]");
            text.lines().any(|line| line.trim() == header)
        }
    }
}

fn has_key(value: &toml::Value, section: &str) -> bool {
    let mut keys = section.split('.');
    keys.try_fold(value, |value, key| value.get(key)).is_some()
}
