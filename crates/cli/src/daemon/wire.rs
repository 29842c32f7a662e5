//! What program and daemon say to each other: frames of a bounded length over a Unix socket.
//!
//! A frame is the length of its body and the version of the protocol, four bytes each in little endian, and the
//! body in postcard. One connection carries one call; replies follow until the last one.

use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The version of frames and bodies.
pub(super) const PROTOCOL: u32 = 1;

/// How often a daemon that is at work gives a sign of life.
pub(crate) const PULSE: Duration = Duration::from_millis(200);

/// How long the program waits for a sign of life.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(1);

/// The largest body of a call, in bytes: a payload and what is said about it.
pub(super) const CALL_BYTES_MAX: usize = 17 * 1024 * 1024;

/// The largest body of a reply, in bytes.
pub(super) const REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Length and protocol.
const HEADER_BYTES: usize = 8;

/// What the program asks, and who it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call<'a> {
    pub(crate) program: Program,
    /// Where the program runs.
    pub(crate) directory: &'a [u8],
    /// Device and number of that directory, as the program sees it.
    pub(crate) directory_identity: (u64, u64),
    /// [`environment`].
    pub(crate) environment: [u8; 32],
    #[serde(borrow)]
    pub(crate) question: Question<'a>,
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Question<'a> {
    /// What `hook` answers.
    Hook {
        harness: &'a str,
        payload: &'a [u8],
        is_from_cursor: bool,
    },
    /// What `post-edit` writes.
    PostEdit {
        /// All that the program was given, its own name included.
        #[serde(borrow)]
        arguments: Vec<&'a [u8]>,
        stdin: Option<&'a [u8]>,
        /// Of the terminal, in columns.
        width: u32,
    },
    /// How the daemon is.
    Status,
    /// What has happened, or what happens from now on.
    Events { is_followed: bool },
}

/// What the daemon says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// It is at work; another reply follows.
    Working,
    /// To [`Question::Hook`].
    Hook {
        stdout: Option<String>,
        stderr: Option<String>,
    },
    /// To [`Question::PostEdit`].
    PostEdit { text: Vec<u8>, code: u8 },
    /// To [`Question::Status`].
    Status(Status),
    /// To [`Question::Events`], as JSON; others follow.
    Event(String),
    /// So many events are missing here.
    Gap(u64),
    /// Nothing follows.
    End,
    /// It does not answer, and why.
    Refused(Refusal),
}

/// Why the program has to do the work itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum Refusal {
    #[error("it is busy")]
    Busy,
    #[error("it is another build of the program")]
    OtherProgram,
    #[error("its environment is another one")]
    OtherEnvironment,
    #[error("it sees another directory by that name")]
    OtherDirectory,
    #[error("a relative path is meant from elsewhere than the root of the workspace")]
    Relative,
    #[error("it is ending")]
    Ending,
    #[error("{0}")]
    Unable(String),
}

/// How a daemon is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) root: String,
    pub(crate) uptime_s: u64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) connections: u32,
    pub(crate) resident_bytes: u64,
}

/// Which file a program was started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) version: [u16; 3],
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
}

impl Program {
    /// The one that is running.
    pub(super) fn this() -> io::Result<Self> {
        Self::at(Path::new("/proc/self/exe"))
    }

    /// The one that a file holds now, by the name of this version.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        let number = |text: &str| text.parse().unwrap_or(u16::MAX);
        Ok(Self {
            version: [
                number(env!("CARGO_PKG_VERSION_MAJOR")),
                number(env!("CARGO_PKG_VERSION_MINOR")),
                number(env!("CARGO_PKG_VERSION_PATCH")),
            ],
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

/// A hash of the environment as far as an answer can depend on it: places of the user's own, and what the
/// project's tools are given.
pub(super) fn environment() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let own = ["HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"];
    for name in own.iter().chain(claude_flow::sandbox::ENVIRONMENT) {
        let value = std::env::var_os(name);
        let value = value.as_deref().map(std::ffi::OsStr::as_encoded_bytes);
        hasher.update(name.as_bytes());
        hasher.update(&[u8::from(value.is_some())]);
        hasher.update(&value.map_or(0, <[u8]>::len).to_le_bytes());
        hasher.update(value.unwrap_or_default());
    }
    *hasher.finalize().as_bytes()
}

/// Device and number of a directory.
pub(super) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A stream that is read and written until a time.
#[derive(Debug)]
pub(super) struct Timed<'a> {
    pub(super) stream: &'a UnixStream,
    pub(super) deadline: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(bytes)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one frame.
///
/// # Errors
///
/// What the stream answers, and `InvalidInput` for a body that is too large; nothing is written then.
pub(super) fn write(
    out: &mut dyn Write,
    body: &impl Serialize,
    bytes_max: usize,
) -> io::Result<()> {
    let mut frame = postcard::to_extend(body, vec![0; HEADER_BYTES]).map_err(io::Error::other)?;
    let len = frame.len() - HEADER_BYTES;
    let told = u32::try_from(len).ok().filter(|_| len <= bytes_max);
    let told = told.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is too much to be said")
    })?;
    frame[..4].copy_from_slice(&told.to_le_bytes());
    frame[4..HEADER_BYTES].copy_from_slice(&PROTOCOL.to_le_bytes());
    out.write_all(&frame)
}

/// The beginning of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) len: usize,
    pub(super) protocol: u32,
}

impl Header {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// What the stream answers, and `InvalidData` for a body of more than `bytes_max`.
    pub(super) fn read(input: &mut dyn Read, bytes_max: usize) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        input.read_exact(&mut header)?;
        let [a, b, c, d, protocol @ ..] = header;
        let len = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(io::Error::other)?;
        if len > bytes_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a frame of {len} bytes, and at most {bytes_max} are read"),
            ));
        }
        Ok(Self {
            len,
            protocol: u32::from_le_bytes(protocol),
        })
    }

    /// Reads the body that follows; the room for it is taken as it comes.
    pub(super) fn body(self, input: &mut dyn Read) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        input.take(self.len as u64).read_to_end(&mut body)?;
        if body.len() < self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }
}
