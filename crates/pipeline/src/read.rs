//! Reads one regular file, never more of it than asked for and never waiting for it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claude_flow_lang_detect::CONTENT_BYTES_MAX;

/// The most bytes of a file that are hashed; a larger one is refused.
const HASHED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The size of the pieces in which a file beyond the limit is hashed.
const PIECE_BYTES: usize = 64 * 1024;
/// A change within this time of the last one may leave the modification time as it was.
pub(crate) const CLOCK_TICK: Duration = Duration::from_millis(20);

/// A file's content as it was at one time.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) content: Content,
    pub(crate) blake3: blake3::Hash,
    pub(crate) size_bytes: u64,
    stamp: Stamp,
    // When the reading began; a modification time that is this near could hide a later change.
    read_at: SystemTime,
}

/// What was kept of a content.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it.
    Whole(Arc<[u8]>),
    /// Its first bytes, as it is larger than the limit.
    TooLarge { head: Vec<u8> },
}

impl Snapshot {
    /// Reads a file and hashes it; keeps the content if it has at most `limit_bytes`.
    pub(crate) fn take(path: &Path, limit_bytes: u64) -> Result<Self, ReadError> {
        let read_at = SystemTime::now();
        let mut file = open_regular(path)?;
        let failed = |source| ReadError::io(path, source);
        let stamp = Stamp::of(&file.metadata().map_err(failed)?);
        if stamp.len > HASHED_BYTES_MAX {
            return Err(ReadError::TooLarge {
                path: path.to_owned(),
                size_bytes: stamp.len,
                limit_bytes: HASHED_BYTES_MAX,
            });
        }
        let capacity = usize::try_from(stamp.len.min(limit_bytes)).unwrap_or(0) + 1;
        let mut bytes = Vec::with_capacity(capacity);
        (&mut file)
            .take(limit_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        let mut size_bytes = bytes.len() as u64;
        let too_large = size_bytes > limit_bytes;
        if too_large {
            size_bytes += hash_rest(&mut file, &mut hasher).map_err(failed)?;
        }
        if size_bytes > stamp.len && file.metadata().map_err(failed)?.len() < size_bytes {
            return Err(ReadError::NotStored {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            content: if too_large {
                bytes.truncate(CONTENT_BYTES_MAX);
                Content::TooLarge { head: bytes }
            } else {
                Content::Whole(bytes.into())
            },
            blake3: hasher.finalize(),
            size_bytes,
            stamp,
            read_at,
        })
    }

    /// Whether the file holds the same content now.
    ///
    /// Reads it again only if its metadata differ or are too young to be relied on.
    pub(crate) fn is_current(&self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else {
            return false;
        };
        let settled = self.stamp.modified.is_some_and(|modified| {
            modified
                .checked_add(CLOCK_TICK)
                .is_some_and(|end| end < self.read_at)
        });
        if settled && Stamp::of(&metadata) == self.stamp {
            return true;
        }
        // Nothing is kept of this reading, only its hash is wanted.
        metadata.len() == self.size_bytes
            && Self::take(path, 0).is_ok_and(|now| now.blake3 == self.blake3)
    }
}

/// What tells cheaply that a file has changed.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

/// Which file it is, and when anything about it changed.
type Identity = (u64, u64, i64, i64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Identity {
    (0, 0, 0, 0)
}

/// Reads a regular file of at most `limit_bytes`.
pub(crate) fn bounded(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| ReadError::io(path, source))?;
    if bytes.len() as u64 > limit_bytes {
        let size_bytes = fs::metadata(path).map_or(bytes.len() as u64, |metadata| metadata.len());
        return Err(ReadError::TooLarge {
            path: path.to_owned(),
            size_bytes,
            limit_bytes,
        });
    }
    Ok(bytes)
}

/// Why a file cannot be read; the text names it, what is wrong and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing by that name.
    #[error("{}: no such file; check the path and the working directory", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// A symbolic link that leads nowhere.
    #[error("{}: a symbolic link to {}, which does not exist; mend the link or name the file itself", path.display(), target.display())]
    BrokenLink {
        /// The path.
        path: PathBuf,
        /// What the link says.
        target: PathBuf,
    },
    /// Symbolic links that lead to each other.
    #[error("{}: a loop of symbolic links; mend the links or name the file itself", path.display())]
    LinkLoop {
        /// The path.
        path: PathBuf,
    },
    /// The rights do not suffice.
    #[error("{}: may not be read by this user; change its permissions or those of its directories", path.display())]
    Denied {
        /// The path.
        path: PathBuf,
    },
    /// A directory, a pipe, a socket or a device.
    #[error("{}: {kind}; only regular files are read", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A file that the kernel makes up while it is read.
    #[error("{}: gives more bytes than the file system says it has; copy it to a regular file first", path.display())]
    NotStored {
        /// The path.
        path: PathBuf,
    },
    /// Larger than what is read of such a file.
    #[error("{}: {size_bytes} bytes, and at most {limit_bytes} are read; make it smaller", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The largest size.
        limit_bytes: u64,
    },
    /// Anything else that the operating system says.
    #[error("{}: cannot be read: {cause}; check the disk and try again", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What it says; part of the text, so it is no source besides.
        cause: io::Error,
    },
}

impl ReadError {
    /// Whether there is nothing at all by that name, not even a link.
    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => match fs::read_link(&path) {
                Ok(target) => Self::BrokenLink { path, target },
                Err(_) => Self::NotFound { path },
            },
            io::ErrorKind::PermissionDenied => Self::Denied { path },
            _ if is_link_loop(&source) => Self::LinkLoop { path },
            _ => Self::Io {
                path,
                cause: source,
            },
        }
    }
}

#[cfg(unix)]
fn is_link_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

#[cfg(not(unix))]
fn is_link_loop(_error: &io::Error) -> bool {
    false
}

/// Opens a file that is regular before and after: opening a device can have effects and opening a FIFO
/// can wait, and either may take the file's place in between.
fn open_regular(path: &Path) -> Result<File, ReadError> {
    let failed = |source| ReadError::io(path, source);
    require_regular(path, &fs::metadata(path).map_err(failed)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path).map_err(failed)?;
    require_regular(path, &file.metadata().map_err(failed)?)?;
    Ok(file)
}

fn require_regular(path: &Path, metadata: &Metadata) -> Result<(), ReadError> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(ReadError::NotRegular {
        path: path.to_owned(),
        kind: kind(metadata),
    })
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "no regular file"
    }
}

#[cfg(not(unix))]
fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() {
        "a directory"
    } else {
        "no regular file"
    }
}

fn hash_rest(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<u64> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut count = 0_u64;
    while count <= HASHED_BYTES_MAX {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => {
                hasher.update(&piece[..len]);
                count += len as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
