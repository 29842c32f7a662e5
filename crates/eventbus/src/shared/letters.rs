//! Dead letters: a journal in the bus's directory, opened for as long as one is written or read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Message;
use super::registry::Record;
use crate::clock::{Clock as _, PreciseClock};
use crate::delivery::{Attempt, ConsumerId, Letter, REASON_BYTES_MAX, Reason};
use crate::journal::{AppendError, Journal, OpenError, Options, SyncError, Time};
use crate::sync::thread;

const DIRECTORY: &str = "dead";
const SEGMENT_BYTES: u64 = 8 << 20;
const BYTES_MAX: u64 = 64 << 20;
const RECORD_BYTES_MAX: u32 = 2 << 20;

/// How long anybody waits for others who write letters: each takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);

/// Why a letter was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Sync(#[from] SyncError),
}

pub(super) fn directory(bus: &Path) -> PathBuf {
    bus.join(DIRECTORY)
}

/// Opens the journal of dead letters, waiting for those who have it.
pub(super) fn open(bus: &Path) -> Result<Journal, OpenError> {
    let end = Instant::now() + PATIENCE;
    loop {
        let options = Options {
            segment_bytes: SEGMENT_BYTES,
            bytes_max: BYTES_MAX,
            record_bytes_max: RECORD_BYTES_MAX,
            ahead: 0,
            ..Options::default()
        };
        match Journal::open(&directory(bus), options) {
            Ok(opened) => return Ok(opened.journal),
            Err(OpenError::InUse { .. }) if Instant::now() < end => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn write(
    bus: &Path,
    record: &Record,
    message: &Message,
    reason: &str,
) -> Result<(), LetterError> {
    let mut bytes = Vec::new();
    message.copy_to(&mut bytes);
    let now = Time::from_ns(PreciseClock.unix_ns());
    let reason = format!("{}: {reason}", record.label());
    let letter = Letter {
        offset: crate::journal::Offset(message.number),
        time: Time::from_ns(message.unix_ns),
        history: vec![Attempt {
            consumer: ConsumerId(record.id.index.into()),
            taken: now,
            ended: now,
            reason: Reason::Rejected(reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].into()),
        }],
        payload: &bytes,
    };
    let mut record = Vec::new();
    letter.encode(&mut record);
    let journal = open(bus)?;
    let offset = journal.append(now, &record)?;
    journal.commit(offset)?;
    Ok(())
}
