//! The journal of one workspace: lines that are only ever added, and the contents that they name.
//!
//! A directory has `journal` and, after a rotation, `previous`; `contents/` by hash, `latest/` with the hash of
//! the last content of each path, and `lock`.
//! A line is `1 CHECKSUM JSON`; the checksum is the first 16 digits of the JSON's blake3.
//! A line is written with one call, behind a line end if the last one is torn, so that a crash costs at most the
//! line that was being written.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use claude_flow_checkers::tdd::{Before, Digest, Event};
use serde::{Deserialize, Serialize};

use super::digest;

/// The size at which the journal is rotated, in bytes; two of them are kept.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 512 * 1024;

/// How many bytes of contents are written before the journal is rotated.
const CONTENTS_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// How long another process that writes is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// How often the lock is tried.
const LOCK_PAUSE: Duration = Duration::from_micros(200);

/// What each line begins with: the version of the form.
const VERSION: &str = "1";

/// How many digits of the hash a checksum has.
const CHECKSUM_LEN: usize = 16;

/// The journal in a directory, which need not exist.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    directory: PathBuf,
}

/// An event and when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// Milliseconds since 1970, by the clock of the machine.
    pub time_ms: u64,
    /// The event.
    pub event: Event,
}

/// What a journal holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The events, the oldest first.
    pub events: Vec<Stamped>,
    /// How many lines are torn, damaged or of another version; they are left out.
    pub damaged: usize,
}

/// Why something was not recorded, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// What the operating system says.
    #[error("{}: {what}: {cause}; check the disk and the rights of its directory", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What it says; part of the text, so it is no source besides.
        cause: io::Error,
    },
    /// Another process has been writing for too long.
    #[error("{}: another process has been writing for {} s", path.display(), LOCK_WAIT.as_secs())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The event is larger than what is recorded.
    #[error(
        "an event of {size_bytes} bytes, and at most {LINE_BYTES_MAX} are recorded; run fewer tests at once"
    )]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
}

impl Journal {
    pub(super) fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds an event and keeps the contents that it names.
    pub(super) fn append(
        &self,
        time_ms: u64,
        event: &Event,
        contents: &[&[u8]],
    ) -> Result<(), JournalError> {
        let line = line_of(time_ms, event)?;
        make_private(&self.directory.join("contents")).map_err(self.failed("cannot be made"))?;
        make_private(&self.directory.join("latest")).map_err(self.failed("cannot be made"))?;
        let mut lock = self.lock(false)?;
        let size_bytes = contents.iter().map(|it| it.len() as u64).sum();
        let kept = kept_bytes(&mut lock).unwrap_or(CONTENTS_BYTES_MAX);
        let path = self.directory.join("journal");
        let len = fs::metadata(&path).map_or(0, |it| it.len());
        let is_full = len > 0 && len + line.len() as u64 > SEGMENT_BYTES_MAX;
        let kept = if is_full || kept.saturating_add(size_bytes) > CONTENTS_BYTES_MAX {
            self.rotate().map_err(self.failed("cannot be rotated"))?;
            0
        } else {
            kept
        };
        set_kept_bytes(&mut lock, kept + size_bytes).map_err(self.failed("cannot be written"))?;
        // A line never names a content that is not there.
        for content in contents {
            self.keep(content)
                .map_err(self.failed("contents cannot be written"))?;
        }
        let file = private(OpenOptions::new().create(true).append(true).read(true)).open(&path);
        let mut file = file.map_err(self.failed("cannot be opened"))?;
        let len = file
            .metadata()
            .map_err(self.failed("cannot be read"))?
            .len();
        let torn = is_torn(&mut file, len).map_err(self.failed("cannot be read"))?;
        let bytes = if torn { format!("\n{line}") } else { line };
        write_whole(&mut file, len, bytes.as_bytes()).map_err(self.failed("cannot be written"))?;
        self.remember(event)
            .map_err(self.failed("cannot be written"))
    }

    /// Every event that is kept.
    pub(super) fn read(&self) -> Result<Recorded, JournalError> {
        let mut recorded = Recorded::default();
        if !self.directory.exists() {
            return Ok(recorded);
        }
        let _lock = self.lock(true)?;
        for name in ["previous", "journal"] {
            let bytes = read_bounded(&self.directory.join(name), 2 * SEGMENT_BYTES_MAX);
            let bytes = bytes.map_err(self.failed("cannot be read"))?;
            read_lines(&bytes, &mut recorded);
        }
        Ok(recorded)
    }

    /// A content that is kept and whole.
    pub(super) fn content(&self, wanted: Digest) -> Option<Vec<u8>> {
        let path = self.directory.join("contents").join(wanted.to_string());
        let bytes = read_bounded(&path, CONTENTS_BYTES_MAX).ok()?;
        (digest(&bytes) == wanted).then_some(bytes)
    }

    /// The content of a path that was recorded last, if it is kept.
    pub(super) fn latest(&self, path: &str) -> Option<Vec<u8>> {
        let text = read_bounded(&self.latest_of(path), 64).ok()?;
        self.content(Digest::try_from(String::from_utf8(text).ok()?).ok()?)
    }

    fn latest_of(&self, path: &str) -> PathBuf {
        self.directory
            .join("latest")
            .join(digest(path.as_bytes()).to_string())
    }

    fn remember(&self, event: &Event) -> io::Result<()> {
        let Event::Edit(edit) = event else {
            return Ok(());
        };
        let path = self.latest_of(&edit.path);
        match edit.after {
            // All of one length, so that nothing is cut: file systems bring a file that was to the disk at once.
            Some(after) => write_over(&path, after.to_string().as_bytes()),
            None => remove(&path),
        }
    }

    fn keep(&self, content: &[u8]) -> io::Result<()> {
        let path = self
            .directory
            .join("contents")
            .join(digest(content).to_string());
        // A content that a crash cut short is written again; one of its length is checked when it is read.
        if fs::metadata(&path).is_ok_and(|it| it.len() == content.len() as u64) {
            return Ok(());
        }
        write_private(&path, content)
    }

    /// Makes room: the journal becomes the previous one, and what that does not name goes.
    fn rotate(&self) -> io::Result<()> {
        let (journal, previous) = (
            self.directory.join("journal"),
            self.directory.join("previous"),
        );
        match fs::rename(&journal, &previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut recorded = Recorded::default();
        read_lines(
            &read_bounded(&previous, 2 * SEGMENT_BYTES_MAX)?,
            &mut recorded,
        );
        let mut contents = BTreeSet::new();
        let mut paths = BTreeSet::new();
        for stamped in &recorded.events {
            if let Event::Edit(edit) = &stamped.event {
                contents.extend(edit.after.map(|it| it.to_string()));
                if let Before::Was(before) = edit.before {
                    contents.insert(before.to_string());
                }
                paths.insert(digest(edit.path.as_bytes()).to_string());
            }
        }
        self.prune("contents", &contents)?;
        self.prune("latest", &paths)
    }

    fn prune(&self, folder: &str, kept: &BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(self.directory.join(folder))? {
            let entry = entry?;
            if !kept.contains(&*entry.file_name().to_string_lossy()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Waits for other processes; the lock ends with the file.
    fn lock(&self, is_shared: bool) -> Result<File, JournalError> {
        let path = self.directory.join("lock");
        let file = private(OpenOptions::new().create(true).read(true).write(true)).open(&path);
        let file = file.map_err(self.failed("cannot be opened"))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match if is_shared {
                file.try_lock_shared()
            } else {
                file.try_lock()
            } {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => {
                    return Err(self.failed("cannot be locked")(error));
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(JournalError::Busy { path });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            }
        }
    }

    fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> JournalError {
        let path = self.directory.clone();
        move |cause| JournalError::Io {
            path: path.clone(),
            what,
            cause,
        }
    }
}

fn line_of(time_ms: u64, event: &Event) -> Result<String, JournalError> {
    #[derive(Serialize)]
    struct Line<'a> {
        time_ms: u64,
        event: &'a Event,
    }
    let json =
        serde_json::to_string(&Line { time_ms, event }).map_err(|error| JournalError::Io {
            path: PathBuf::new(),
            what: "an event has no JSON",
            cause: error.into(),
        })?;
    let line = format!("{VERSION} {} {json}\n", checksum(json.as_bytes()));
    if line.len() > LINE_BYTES_MAX {
        return Err(JournalError::TooLarge {
            size_bytes: line.len(),
        });
    }
    Ok(line)
}

fn checksum(json: &[u8]) -> String {
    blake3::hash(json).to_hex()[..CHECKSUM_LEN].to_owned()
}

fn read_lines(bytes: &[u8], recorded: &mut Recorded) {
    for line in bytes
        .split(|byte| *byte == b'\n')
        .filter(|it| !it.is_empty())
    {
        match read_line(line) {
            Some(stamped) => recorded.events.push(stamped),
            None => recorded.damaged += 1,
        }
    }
}

fn read_line(line: &[u8]) -> Option<Stamped> {
    let rest = line.strip_prefix(VERSION.as_bytes())?.strip_prefix(b" ")?;
    let (sum, json) = rest.split_at_checked(CHECKSUM_LEN)?;
    let json = json.strip_prefix(b" ")?;
    (sum == checksum(json).as_bytes()).then(|| serde_json::from_slice(json).ok())?
}

/// What lines are written to.
trait Storage: Write {
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Storage for File {
    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Writes at the end; if that fails, the end is what it was, or a torn line that the next one closes.
fn write_whole(file: &mut impl Storage, len: u64, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes).inspect_err(|_| {
        // The error that is told is the one of the writing.
        let _ = file.cut(len);
    })
}

fn is_torn(file: &mut File, len: u64) -> io::Result<bool> {
    let Some(last) = len.checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    file.seek(SeekFrom::Start(last))?;
    file.read_exact(&mut byte)?;
    Ok(byte != *b"\n")
}

/// The bytes of contents that were written since the last rotation; none if that is not told.
fn kept_bytes(lock: &mut File) -> Option<u64> {
    let mut bytes = [0; 8];
    if lock.metadata().ok()?.len() == 0 {
        return Some(0);
    }
    lock.rewind().ok()?;
    lock.read_exact(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

fn set_kept_bytes(lock: &mut File, bytes: u64) -> io::Result<()> {
    lock.rewind()?;
    lock.write_all(&bytes.to_le_bytes())
}

fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(bytes_max).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(bytes),
        Err(error) => Err(error),
    }
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    private(options.create(true).write(true).truncate(true))
        .open(path)?
        .write_all(content)
}

fn write_over(path: &Path, content: &[u8]) -> io::Result<()> {
    private(OpenOptions::new().create(true).write(true))
        .open(path)?
        .write_all(content)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests;
