//! What to run.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A program, its arguments and its streams. Its environment is the policy's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: PathBuf,
    pub(crate) stdin: Stream,
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
}

/// Where one of the child's standard streams leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Nowhere: reads end at once, writes are lost.
    Null,
    /// A pipe whose other end the caller takes out of [`Child`](crate::Child), or, for outputs that are not
    /// taken, that [`Child::wait`](crate::Child::wait) reads, keeping head and tail.
    Pipe,
    /// The caller's own stream.
    Inherit,
}

impl Command {
    /// A program by its path, or by its name, which is looked up in the `PATH` of the policy.
    ///
    /// Its directory is `/`, its input nothing, its outputs are captured.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            directory: PathBuf::from("/"),
            stdin: Stream::Null,
            stdout: Stream::Pipe,
            stderr: Stream::Pipe,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets the directory in which the program starts; it must be visible under the policy.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Sets the standard input.
    #[must_use]
    pub fn stdin(mut self, stream: Stream) -> Self {
        self.stdin = stream;
        self
    }

    /// Sets the standard output.
    #[must_use]
    pub fn stdout(mut self, stream: Stream) -> Self {
        self.stdout = stream;
        self
    }

    /// Sets the standard error.
    #[must_use]
    pub fn stderr(mut self, stream: Stream) -> Self {
        self.stderr = stream;
        self
    }

    /// The paths at which the program may be, in order.
    pub(crate) fn candidates(&self, environment: &[(OsString, OsString)]) -> Vec<PathBuf> {
        if self.program.as_os_str().as_encoded_bytes().contains(&b'/') {
            return vec![self.program.clone()];
        }
        let path = environment
            .iter()
            .find(|(name, _)| name == "PATH")
            .map_or(OsStr::new("/usr/bin:/bin"), |(_, value)| value);
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder: PathBuf| folder.join(Path::new(&self.program)))
            .collect()
    }
}
