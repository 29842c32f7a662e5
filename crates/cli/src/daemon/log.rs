//! What the daemon did, in lines; a log never grows beyond a limit.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::visible::visible;

/// The largest log, in bytes; then it begins anew.
const LOG_BYTES_MAX: u64 = 256 * 1024;

/// Where the daemon tells what it did.
#[derive(Debug)]
pub(super) struct Log {
    started: Instant,
    /// None writes to standard error.
    file: Option<Mutex<File>>,
}

impl Log {
    /// On standard error, for who watches.
    pub(super) fn to_stderr() -> Self {
        Self {
            started: Instant::now(),
            file: None,
        }
    }

    /// In a file, which is begun anew.
    pub(super) fn to_file(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        file.set_len(0)?;
        Ok(Self {
            started: Instant::now(),
            file: Some(Mutex::new(file)),
        })
    }

    /// Sends the standard streams of this process to the log, so that it keeps none of who started it.
    pub(super) fn take_streams(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(&*file)?;
        rustix::stdio::dup2_stderr(&*file)?;
        Ok(())
    }

    /// One line with the time since the start.
    pub(super) fn line(&self, text: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let line = format!("{seconds:.3} s: {}\n", visible(text));
        // A full disk keeps the daemon from telling, not from answering.
        let _ = match &self.file {
            None => io::stderr().write_all(line.as_bytes()),
            Some(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                append(&mut file, line.as_bytes())
            }
        };
    }
}

fn append(file: &mut File, line: &[u8]) -> io::Result<()> {
    if file.metadata()?.len() + line.len() as u64 > LOG_BYTES_MAX {
        file.set_len(0)?;
    }
    file.write_all(line)
}
