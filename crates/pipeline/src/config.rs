//! The configuration file `claude-flow.toml`.

mod kept;
mod schema;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use claude_flow_checkers::runners::Runner;
use claude_flow_checkers::tools;
use globset::GlobSet;

use crate::document::Severity;
use crate::read::{self, ReadError};
pub(crate) use kept::{Kept, Resolved};
use schema::Schema;

/// The name of the configuration file.
const FILE_NAME: &str = "claude-flow.toml";
/// The largest configuration file that is read, in bytes.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;
/// What `claude-flow init` writes.
const TEMPLATE: &str = include_str!("config/template.toml");

/// What a `claude-flow.toml` says, or the defaults.
///
/// Every key, its meaning, its default and what is allowed is told in [`Config::template`].
///
/// # Examples
///
/// ```
/// use claude_flow_pipeline::Config;
///
/// let config = Config::parse("[limits]\ntime_ms = 250\n", "claude-flow.toml".as_ref())
///     .expect("the key is known and the value allowed");
/// assert_eq!(config.time_ms(), 250);
///
/// let error = Config::parse("[limits]\ntime_ms = 0\n", "claude-flow.toml".as_ref())
///     .expect_err("no check ends in no time");
/// assert_eq!(
///     error.to_string(),
///     "claude-flow.toml:2:11: invalid value: integer `0`, expected an integer from 1 to 600000",
/// );
/// ```
#[derive(Debug, Clone, Default)]
pub struct Config {
    schema: Schema,
    // The file that it came from; the globs are relative to its directory.
    path: Option<PathBuf>,
    excluded: OnceLock<GlobSet>,
    // Why what the file says now is not used, if this is what it said before.
    refused: Option<String>,
}

impl Config {
    /// Reads the configuration that holds for a file or a directory: the nearest `claude-flow.toml` at or
    /// above it, or the defaults if there is none; also says which file that was.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the nearest file cannot be read or says something that is not allowed.
    ///
    /// # Complexity
    ///
    /// One attempt to open a file for each directory up to the root.
    pub fn find(start: &Path) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let directory = Self::start_directory(start);
        for ancestor in directory.ancestors() {
            let path = ancestor.join(FILE_NAME);
            match read::bounded(&path, CONFIG_BYTES_MAX) {
                Ok(bytes) => {
                    let config = Self::parse_bytes(&bytes, &path)?;
                    return Ok((config, Some(path)));
                }
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok((Self::default(), None))
    }

    /// Reads the text of a configuration file; `path` is used in messages, and its directory is what
    /// the globs are relative to.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] with line and column if the text is no TOML, a key is unknown, a value is
    /// of the wrong type or out of its range.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let schema = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let place = crate::LineIndex::new(text.as_bytes()).position(start);
            ConfigError::Invalid {
                path: path.to_owned(),
                line: place.line,
                column: place.column,
                message: error.message().trim_end().replace('\n', ", "),
            }
        })?;
        Ok(Self {
            schema,
            path: Some(path.to_owned()),
            excluded: OnceLock::new(),
            refused: None,
        })
    }

    /// A commented configuration file that says what the defaults are.
    #[must_use]
    pub const fn template() -> &'static str {
        TEMPLATE
    }

    /// The largest file that is checked, in bytes.
    #[must_use]
    pub const fn file_size_bytes(&self) -> u64 {
        self.schema.limits.file_size_bytes.0
    }

    /// How long the checks of one file may take, in milliseconds.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.schema.limits.time_ms.0
    }

    /// Whether the text check is made.
    #[must_use]
    pub const fn text(&self) -> bool {
        self.schema.checks.text
    }

    /// Whether the syntax check is made.
    #[must_use]
    pub const fn syntax(&self) -> bool {
        self.schema.checks.syntax
    }

    /// Whether the tests that concern a file are run without being asked for.
    #[must_use]
    pub const fn tests(&self) -> bool {
        self.schema.checks.tests
    }

    /// Whether coverage is checked without being asked for.
    #[must_use]
    pub const fn coverage(&self) -> bool {
        self.schema.checks.coverage
    }

    /// Whether a check is made by the project's own tools.
    #[must_use]
    pub const fn tool_check(&self, check: tools::Check) -> bool {
        let checks = &self.schema.checks;
        match check {
            tools::Check::Format => checks.format,
            tools::Check::Lint => checks.lint,
            tools::Check::Types => checks.types,
            tools::Check::Security => checks.security,
        }
    }

    /// The directory of the file that it came from.
    #[cfg(target_os = "linux")]
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.path.as_deref().map(parent_directory)
    }

    /// The tools that the file itself describes, in the order of their names.
    pub fn tools(&self) -> impl Iterator<Item = &tools::Tool> {
        self.schema.tools.tools()
    }

    /// Whether a hook may start a process that answers the next ones.
    #[must_use]
    pub const fn daemon(&self) -> bool {
        self.schema.daemon.enabled
    }

    /// How long one tool may take for one file, in milliseconds.
    #[must_use]
    pub const fn tool_time_ms(&self) -> u64 {
        self.schema.limits.tool_time_ms.0
    }

    /// How long one run of tests may take, in milliseconds.
    #[must_use]
    pub const fn test_time_ms(&self) -> u64 {
        self.schema.limits.test_time_ms.0
    }

    /// What runs the tests of the directory of the file, if it says so.
    #[must_use]
    pub fn runner(&self) -> Option<&'static Runner> {
        self.schema.tests.runner.map(|key| key.0)
    }

    /// The least severity that is reported.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.schema.report.severity.0
    }

    /// Whether a file is one of those that `files.exclude` names.
    ///
    /// # Complexity
    ///
    /// The globs are compiled at the first call, and only if there are any.
    #[must_use]
    pub fn excludes(&self, file: &Path) -> bool {
        let globs = &self.schema.files.exclude;
        if globs.is_empty() {
            return false;
        }
        let root = self.path.as_deref().and_then(Path::parent);
        let Some(relative) = relative_to(file, root.unwrap_or(Path::new(""))) else {
            return false;
        };
        let set = self.excluded.get_or_init(|| schema::glob_set(globs));
        set.is_match(relative)
    }

    /// The same, told to be what the file said before.
    fn instead_of(&self, error: String) -> Self {
        Self {
            refused: Some(error),
            ..self.clone()
        }
    }

    /// Why what the file says now is not used, if it is not.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    pub(crate) const fn time_limit(&self) -> Duration {
        Duration::from_millis(self.time_ms())
    }

    #[cfg(target_os = "linux")]
    pub(crate) const fn tool_time_limit(&self) -> Duration {
        Duration::from_millis(self.tool_time_ms())
    }

    /// The directory that the search for a configuration begins with, free of symbolic links where it exists.
    pub(crate) fn start_directory(start: &Path) -> PathBuf {
        let start = if start.as_os_str().is_empty() {
            Path::new(".")
        } else {
            start
        };
        let directory = if start.is_dir() {
            start
        } else {
            parent_directory(start)
        };
        std::fs::canonicalize(directory)
            .or_else(|_| std::path::absolute(directory))
            .unwrap_or_else(|_| directory.to_owned())
    }

    fn parse_bytes(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let place = crate::LineIndex::new(bytes).position(error.valid_up_to());
            ConfigError::Invalid {
                path: path.to_owned(),
                line: place.line,
                column: place.column,
                message: "not UTF-8, which TOML has to be".to_owned(),
            }
        })?;
        Self::parse(text, path)
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is there and cannot be read: no rights, a loop of links, no regular file, too large.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The file says something that is not allowed.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// What is wrong and what is allowed.
        message: String,
    },
}

/// The directory of a path, `.` for a bare file name.
pub(crate) fn parent_directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn relative_to(file: &Path, root: &Path) -> Option<PathBuf> {
    let resolve = |directory: &Path| -> io::Result<PathBuf> { std::fs::canonicalize(directory) };
    let name = file.file_name()?;
    let root = if root.as_os_str().is_empty() {
        Path::new(".")
    } else {
        root
    };
    let directory = resolve(parent_directory(file)).ok()?;
    let root = resolve(root).ok()?;
    Some(directory.join(name).strip_prefix(root).ok()?.to_owned())
}
