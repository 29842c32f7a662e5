//! Which version of a tool answers, asked once for each executable.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_flow_sandbox::{Command, End, Sandbox};

use super::{Job, run};
use crate::read;

/// How long the tool may take to say it.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// The largest record, in bytes.
const RECORD_BYTES_MAX: u64 = 4 * 1024;
/// The longest version, in bytes.
const VERSION_BYTES_MAX: usize = 64;

/// The tool's name with its version, or with nothing if the tool does not tell it.
pub(super) fn engine(sandbox: &Sandbox, job: &Job<'_>) -> String {
    let name = &job.tool.name;
    let arguments: Vec<&str> = job.tool.version.iter().collect();
    if arguments.is_empty() {
        return name.to_string();
    }
    let version = stamp(&job.found.target).and_then(|stamp| {
        let record = record(job);
        remembered(&record, &stamp).or_else(|| {
            let version = ask(sandbox, job, &arguments)?;
            // Without the record it is asked again the next time.
            let _ = remember(&record, &stamp, &version);
            Some(version)
        })
    });
    version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"))
}

/// What changes when the executable is replaced.
fn stamp(executable: &Path) -> Option<String> {
    let metadata = executable.metadata().ok()?;
    let executable = executable.display();
    let (size, inode) = (metadata.size(), metadata.ino());
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    Some(format!(
        "{executable} {size} {inode} {seconds}.{nanoseconds}"
    ))
}

fn record(job: &Job<'_>) -> PathBuf {
    Path::new(&job.words.scratch).with_extension("version")
}

fn remembered(record: &Path, stamp: &str) -> Option<String> {
    let bytes = read::bounded(record, RECORD_BYTES_MAX).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (known, version) = text.split_once('\n')?;
    (known == stamp).then(|| version.to_owned())
}

fn remember(record: &Path, stamp: &str, version: &str) -> std::io::Result<()> {
    let directory = crate::config::parent_directory(record);
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    write!(file, "{stamp}\n{version}")?;
    file.persist(record).map_err(|refused| refused.error)?;
    Ok(())
}

fn ask(sandbox: &Sandbox, job: &Job<'_>, arguments: &[&str]) -> Option<String> {
    let mut policy = run::policy(job).ok()?;
    policy.limits.wall = WAIT_MAX;
    let command = Command::new(&job.found.path)
        .args(arguments)
        .directory(&job.words.root);
    let ran = sandbox.run(&policy, &command).ok()?;
    if ran.end != End::Exited(0) {
        return None;
    }
    [&ran.stdout.head, &ran.stderr.head]
        .iter()
        .find_map(|bytes| version_in(&String::from_utf8_lossy(bytes)))
}

/// The first word that begins with a digit, or with `v` and a digit.
fn version_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"'));
    words
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .filter(|word| word.len() <= VERSION_BYTES_MAX)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        for (text, expected) in [
            ("ruff 0.14.1\n", Some("0.14.1")),
            ("v9.39.1\n", Some("9.39.1")),
            ("mypy 1.18.2 (compiled: yes)\n", Some("1.18.2")),
            ("go version go1.27.3 linux/amd64\n", None),
            (
                "ShellCheck - shell script analysis tool\nversion: 0.9.0\n",
                Some("0.9.0"),
            ),
            ("nothing\n", None),
        ] {
            assert_eq!(version_in(text).as_deref(), expected, "{text}");
        }
    }
}
