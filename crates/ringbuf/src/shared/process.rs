//! Who has a seat: a word that names a process so that another one is never taken for it.
//!
//! ```text
//!   63          42 41                                       0
//!  ┌──────────────┬──────────────────────────────────────────┐
//!  │     pid      │ upper 42 bits of a hash of boot and start │
//!  └──────────────┴──────────────────────────────────────────┘
//!   0: nobody yet      1: the last one left in order
//! ```
//!
//! Linux gives a process at most 22 bits of pid, and reuses them. The time at which the process
//! started and the boot of the machine tell the process apart from an earlier one of that pid,
//! but for one chance in 2^42; then a dead owner is taken for a living one, never the reverse.
#![expect(unsafe_code, reason = "a signal has no safe door")]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// Nobody had the seat yet.
pub(super) const VACANT: u64 = 0;

/// Who had the seat gave it up.
pub(super) const LEFT: u64 = 1;

const TAG_BITS: u32 = 42;

/// FNV-1a's start.
pub(super) const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a.
pub(super) const fn hash(start: u64, bytes: &[u8]) -> u64 {
    let mut hash = start;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

/// The other end of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// Nobody has taken the seat yet.
    Absent,
    /// It left in order; another one may take its seat.
    Left,
    /// It lives, or nothing says that it does not.
    Alive {
        /// Its process.
        pid: u32,
    },
    /// It ended without leaving; another one may take its seat over.
    Dead {
        /// The process that it was.
        pid: u32,
    },
}

impl Peer {
    /// What a seat's owner word says now.
    ///
    /// Blocks for the time of two system calls and the reading of a file in `/proc`.
    pub(super) fn of(owner: u64) -> Self {
        match owner {
            VACANT => Self::Absent,
            LEFT => Self::Left,
            _ => {
                let pid = pid_of(owner);
                if is_alive(owner) {
                    Self::Alive { pid }
                } else {
                    Self::Dead { pid }
                }
            }
        }
    }
}

/// A word in shared memory that names the process that has a place there.
///
/// ```
/// use claude_flow_ringbuf::shared::Peer;
/// use claude_flow_ringbuf::shared::parts::Owner;
///
/// let owner = Owner::of_this_process()?;
/// let pid = std::process::id();
/// assert_eq!(Owner::from_word(owner.to_word()).look(), Peer::Alive { pid });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(u64);

impl Owner {
    /// Nobody had the place yet; the word is 0.
    pub const VACANT: Self = Self(VACANT);

    /// Who had the place gave it up; the word is 1.
    pub const LEFT: Self = Self(LEFT);

    /// The name of this process.
    ///
    /// # Errors
    ///
    /// `/proc` does not tell who this process is.
    pub fn of_this_process() -> io::Result<Self> {
        myself().map(Self)
    }

    /// The number of the namespace in which this process's pid counts: owners of another one
    /// cannot be looked at.
    ///
    /// # Errors
    ///
    /// `/proc` does not tell.
    pub fn namespace() -> io::Result<u64> {
        namespace()
    }

    /// What a word names; any word will do.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The word to be stored.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.0
    }

    /// Whether the process lives.
    ///
    /// # Complexity
    ///
    /// Some microseconds: two system calls and a file in `/proc`.
    #[must_use]
    pub fn look(self) -> Peer {
        Peer::of(self.0)
    }
}

/// The word for this process.
pub(super) fn myself() -> io::Result<u64> {
    let stat = Stat::read("/proc/self/stat")?;
    Ok(word(stat.pid, &boot()?, stat.start_ticks))
}

/// The number of the namespace in which this process's pid counts.
pub(super) fn namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

fn word(pid: u32, boot: &str, start_ticks: u64) -> u64 {
    let hash = hash(
        hash(HASH_START, boot.as_bytes()),
        &start_ticks.to_le_bytes(),
    );
    u64::from(pid) << TAG_BITS | hash >> (u64::BITS - TAG_BITS)
}

pub(super) fn pid_of(owner: u64) -> u32 {
    u32::try_from(owner >> TAG_BITS).expect("22 bits are left")
}

fn boot() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

/// Whether the process lives: when in doubt, it does.
fn is_alive(owner: u64) -> bool {
    let pid = pid_of(owner);
    // No process has pid 0; to the kernel it means a group.
    if pid == 0 || !exists(pid) {
        return false;
    }
    let (Ok(stat), Ok(boot)) = (Stat::read(&format!("/proc/{pid}/stat")), boot()) else {
        // It ended just now, or `/proc` hides the processes of other users.
        return exists(pid);
    };
    !stat.is_ended && word(pid, &boot, stat.start_ticks) == owner
}

fn exists(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    // Miri has no signals: in doubt a process lives.
    if cfg!(miri) {
        return true;
    }
    // SAFETY: signal 0 is sent to nobody; the call touches no memory of ours.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// What `/proc/<pid>/stat` tells, `proc_pid_stat(5)`.
struct Stat {
    pid: u32,
    /// Perhaps nobody has collected its exit status yet, but none of its threads runs any more.
    is_ended: bool,
    /// In clock ticks since the boot.
    start_ticks: u64,
}

impl Stat {
    fn read(path: &str) -> io::Result<Self> {
        // The name of the program is in it, which may be any bytes.
        let bytes = fs::read(path)?;
        Self::parse(&String::from_utf8_lossy(&bytes))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no stat of a process"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (pid, _) = text.split_once(' ')?;
        // The name is in parentheses and may contain some.
        let (_, rest) = text.rsplit_once(") ")?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        // State is field 3, the number of threads 20, the start time 22.
        let threads: i64 = fields.nth(20 - 4)?.parse().ok()?;
        let start_ticks = fields.nth(22 - 21)?;
        Some(Self {
            pid: pid.parse().ok()?,
            // A first thread that ended is shown as this while others still run.
            is_ended: matches!(state, "Z" | "X" | "x") && threads <= 1,
            start_ticks: start_ticks.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests;
