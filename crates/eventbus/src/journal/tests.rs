//! The journal on disks that crash, fail, fill up and rot.

mod any_bytes;
mod crash;
mod disk;
mod limits;
mod model;
mod rot;

use std::sync::Arc;
use std::time::Duration;

use self::disk::FaultyDisk;
use super::{
    AppendError, Cursors, Damage, Journal, OpenError, Opened, Options, ReadError, Start,
    SyncPolicy, Time, Visible,
};

/// What a record is in the tests: its time and its bytes.
type Written = (u64, Vec<u8>);

/// The shortest segments, so that every test crosses their ends.
fn options(policy: SyncPolicy) -> Options {
    Options {
        segment_bytes: super::SEGMENT_BYTES_MIN,
        bytes_max: 64 * super::SEGMENT_BYTES_MIN,
        record_bytes_max: 16 << 10,
        policy,
        age_max: None,
        cursors: Cursors::Ignored,
        ahead: 1,
        prefault_bytes: 0,
    }
}

fn open(disk: &FaultyDisk, options: &Options) -> Result<Opened, OpenError> {
    Journal::open_on(Box::new(disk.clone()), options.clone())
}

/// A record of some length that says which it is.
fn record(number: u64) -> Written {
    let len = usize::try_from(number * 7_919 % 1_500).expect("it is small");
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(8 + len, number.to_le_bytes()[0] ^ 0x5a);
    (number * 10 + number % 3 * 15, bytes)
}

/// What a reader finds from the beginning on: records with their numbers, and what is lost.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    records: Vec<(u64, Written)>,
    damages: Vec<Damage>,
    removed: u64,
}

fn read(journal: &Journal, start: Start) -> Read {
    let mut found = Read::default();
    let mut reader = journal.reader(start, Visible::Appended).unwrap();
    loop {
        match reader.next() {
            Ok(None) => return found,
            Ok(Some(record)) => {
                let written = (record.time.as_ns(), record.payload.to_vec());
                found.records.push((record.offset.0, written));
            }
            Err(ReadError::Damaged(damage)) => found.damages.push(damage),
            Err(ReadError::Removed { from, to }) => found.removed += to.0 - from.0,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Every record is there as it was written, or within what is reported as lost; up to the end.
fn check_told(found: &Read, tried: &[Written], end: u64, what: &str) {
    let mut next = 0;
    let mut damages = found.damages.iter().peekable();
    for (number, written) in &found.records {
        while next < *number {
            let damage = damages.next().unwrap_or_else(|| {
                panic!("{what}: records {next} to {number} are gone in silence")
            });
            assert_eq!(damage.from.0, next, "{what}: {damage}");
            next = damage.to.0;
        }
        assert_eq!(next, *number, "{what}");
        assert_eq!(
            Some(written),
            tried.get(usize::try_from(next).unwrap()),
            "{what}: {next}"
        );
        next += 1;
    }
    for damage in damages {
        assert_eq!(damage.from.0, next, "{what}: {damage}");
        next = damage.to.0;
    }
    assert_eq!(next, end, "{what}: the end {:?}", found.damages);
}

const MINUTE: Duration = Duration::from_mins(1);

fn at(ns: u64) -> Time {
    Time::from_ns(ns)
}

fn shared<T>(value: T) -> Arc<std::sync::Mutex<T>> {
    Arc::new(std::sync::Mutex::new(value))
}

/// So many times what the environment variable `STRESS` says (1 without it).
#[expect(clippy::disallowed_methods, reason = "STRESS is read here")]
fn stress(usual: u64) -> u64 {
    let factor = std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    usual * factor
}
