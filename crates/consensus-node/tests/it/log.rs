//! The log on disks that crash, fail, fill up and rot.

use claude_flow_consensus::{
    Certificate, Decision, Digest, Domain, Kind, Record, SignatureSet, Statement, ValidatorId,
};
use claude_flow_consensus_node::{
    Disk, FileDisk, Identity, Log, LogError, LogOptions, Opened, SEGMENT_BYTES_MIN,
};

use crate::faulty::{Fault, FaultyDisk};

/// Segments that hold a few commits, so that every test crosses their ends.
const SEGMENT_BYTES: u64 = SEGMENT_BYTES_MIN;

const SEGMENTS: u64 = 64;

fn identity() -> Identity {
    Identity {
        roster: Digest::of(Domain::Roster, b"a roster"),
        validator: ValidatorId(2),
    }
}

fn open(disk: &FaultyDisk) -> Result<Opened, LogError> {
    let options = LogOptions {
        segment_bytes: SEGMENT_BYTES,
        bytes_max: SEGMENTS * SEGMENT_BYTES,
    };
    Log::open(Box::new(disk.clone()), identity(), options, [7; 16])
}

fn records(log: &mut Log) -> Vec<Record> {
    let mut records = log.records();
    let all = records.by_ref().collect();
    records.finish().unwrap();
    all
}

fn statement(kind: Kind, seq: u64) -> Statement {
    Statement {
        kind,
        view: 0,
        seq,
        digest: Digest::NULL,
    }
}

/// What slot `seq` leaves in a log: 2 records.
fn slot(seq: u64) -> Vec<Record> {
    let certificate = Certificate {
        statement: statement(Kind::Commit, seq),
        votes: SignatureSet::default(),
    };
    vec![
        Record::Promise(statement(Kind::Commit, seq)),
        Record::Decided(Decision {
            certificate,
            proposal: None,
        }),
    ]
}

/// Commits 3 slots at a time, more in some; gives what was acknowledged and what was tried.
fn write(log: &mut Log, from: u64, slots: u64) -> (Vec<Record>, Vec<Record>) {
    let (mut acknowledged, mut tried) = (Vec::new(), Vec::new());
    let mut seq = from;
    while seq < from + slots {
        let count = 1 + seq % 7;
        let batch: Vec<Record> = (seq..seq + count).flat_map(slot).collect();
        tried.extend(batch.clone());
        if log.commit(&batch).is_err() {
            assert!(matches!(log.commit(&batch), Err(LogError::Poisoned)));
            return (acknowledged, tried);
        }
        acknowledged.extend(batch);
        seq += count;
    }
    (acknowledged, tried)
}

/// Opens what a power loss left: all that was acknowledged is there, then a part of what was tried,
/// and no loss is claimed. Then it goes on from there.
fn check_after_power_loss(
    disk: &FaultyDisk,
    acknowledged: &[Record],
    tried: &[Record],
    what: &str,
) {
    let Opened {
        mut log, is_lossy, ..
    } = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(!is_lossy, "{what}");
    let found = records(&mut log);
    assert!(
        found.len() >= acknowledged.len(),
        "{what}: {} records of {}",
        found.len(),
        acknowledged.len()
    );
    assert_eq!(found, tried[..found.len()], "{what}");
    let decided = log.decided();
    let (after, _) = write(&mut log, decided + 1, 20);
    drop(log);
    let mut again = open(disk).unwrap();
    assert!(!again.is_lossy, "{what}");
    let all = records(&mut again.log);
    assert_eq!(all[..found.len()], found, "{what}");
    assert_eq!(all[found.len()..], after, "{what}");
    let last = again.log.decided();
    let decision = again.log.decision(last).unwrap().unwrap();
    assert_eq!(decision.certificate.statement.seq, last, "{what}");
}

/// Would be broken by a missing sync of file or directory, a header that is used before it is
/// durable, or a cut that leaves frames behind.
#[test]
fn a_crash_at_any_call_keeps_what_was_acknowledged() {
    let whole = FaultyDisk::default();
    let mut log = open(&whole).unwrap().log;
    let (acknowledged, _) = write(&mut log, 1, 100);
    assert!(acknowledged.len() >= 200);
    let calls = whole.calls();
    assert!(calls > 60, "{calls}");
    for at in 1..=calls {
        for seed in 0..4 {
            let disk = FaultyDisk::with_fault(seed * 1_000 + at, at, Fault::Crash);
            let (mut acknowledged, mut tried) = (Vec::new(), Vec::new());
            if let Ok(mut opened) = open(&disk) {
                (acknowledged, tried) = write(&mut opened.log, 1, 100);
            }
            let after = disk.after_power_loss();
            let what = format!("crash at call {at}, seed {seed}");
            check_after_power_loss(&after, &acknowledged, &tried, &what);
        }
    }
}

/// Would be broken by a recovery that cannot be repeated.
#[test]
fn a_crash_while_coming_back_changes_nothing() {
    for seed in 0..24 {
        let disk = FaultyDisk::with_fault(seed, 20 + seed, Fault::Crash);
        let mut opened = open(&disk).unwrap();
        let (acknowledged, tried) = write(&mut opened.log, 1, 100);
        let torn = disk.after_power_loss();
        for at in 1..8 {
            let again = torn.copy();
            again.plan(seed, at, Fault::Crash);
            let _ = open(&again);
            let what = format!("seed {seed}, crash at call {at} of coming back");
            check_after_power_loss(&again.after_power_loss(), &acknowledged, &tried, &what);
        }
    }
}

/// Would be broken by a second try after a failed sync, or an answer before the sync.
#[test]
fn a_failed_sync_ends_the_log() {
    for at in 3..40 {
        let disk = FaultyDisk::with_fault(at, at, Fault::SyncFails);
        let Ok(mut opened) = open(&disk) else {
            continue;
        };
        let (acknowledged, tried) = write(&mut opened.log, 1, 100);
        assert!(acknowledged.len() < tried.len(), "no sync failed");
        drop(opened);
        check_after_power_loss(
            &disk.after_power_loss(),
            &acknowledged,
            &tried,
            &format!("sync {at}"),
        );
    }
}

#[test]
fn a_full_disk_ends_the_log_and_loses_nothing() {
    let disk = FaultyDisk::with_fault(1, 12, Fault::Full);
    let mut opened = open(&disk).unwrap();
    let (acknowledged, tried) = write(&mut opened.log, 1, 200);
    assert!(!acknowledged.is_empty() && acknowledged.len() < tried.len());
    let after = disk.after_power_loss();
    check_after_power_loss(&after, &acknowledged, &tried, "full disk");
}

#[test]
fn a_log_is_not_longer_than_it_may_be() {
    let disk = FaultyDisk::default();
    let mut log = open(&disk).unwrap().log;
    let error = (1..).find_map(|seq| log.commit(&slot(seq)).err());
    assert!(matches!(error, Some(LogError::Full { .. })), "{error:?}");
    drop(log);
    assert!(records(&mut open(&disk).unwrap().log).len() > 1_000);
}

/// A log of several segments, all of it durable, whose last commit is 7 slots.
fn durable_log() -> (FaultyDisk, Vec<Record>, usize) {
    let disk = FaultyDisk::default();
    let mut log = open(&disk).unwrap().log;
    let (mut all, _) = write(&mut log, 1, 150);
    let last: Vec<Record> = (log.decided() + 1..log.decided() + 8)
        .flat_map(slot)
        .collect();
    let before = all.len();
    log.commit(&last).unwrap();
    all.extend(last);
    (disk, all, before)
}

/// Opens a damaged log: a part of what was there from the start on, and amnesia if anything before
/// the last commit is gone.
fn check_damaged(disk: &FaultyDisk, all: &[Record], last_commit: usize, what: &str) {
    let mut opened = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut found = records(&mut opened.log);
    if opened.is_lossy {
        let Some(Record::Forgotten { view: 0, seq }) = found.pop() else {
            panic!("{what}: nothing says what is lost");
        };
        let reach = all.iter().map(Record::reach).max();
        assert!(
            Some((0, seq)) >= reach,
            "{what}: lost up to {reach:?}, not {seq}"
        );
    }
    assert_eq!(found, all[..found.len()], "{what}");
    assert_eq!(
        opened.is_lossy,
        found.len() < last_commit,
        "{what}: {} records",
        found.len()
    );
    // It stays so.
    drop(opened);
    let mut again = open(disk).unwrap();
    assert!(!again.is_lossy, "{what}");
    let forgotten = |record: &&Record| matches!(record, Record::Forgotten { .. });
    let kept = records(&mut again.log);
    assert_eq!(
        kept.iter().filter(forgotten).count(),
        usize::from(found.len() < last_commit),
        "{what}"
    );
}

/// Would be broken by a check that leaves a byte out, or a hole that is taken for a torn end.
#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let (disk, all, last_commit) = durable_log();
    for name in ["00000001.log", "00000002.log", "00000003.log"] {
        let len = disk.bytes(name).len();
        for at in (0..len).step_by(37) {
            let copy = disk.copy();
            copy.damage(name, |bytes| bytes[at] ^= 1 << (at % 8));
            check_damaged(
                &copy,
                &all,
                last_commit,
                &format!("bit flipped at {at} of {name}"),
            );
        }
    }
}

#[test]
fn lost_and_shortened_segments_are_amnesia() {
    let (mut disk, all, last_commit) = durable_log();
    for name in ["00000001.log", "00000002.log", "00000003.log"] {
        let copy = disk.copy();
        copy.lose(name);
        check_damaged(&copy, &all, last_commit, &format!("{name} lost"));
        for len in [0, 100, 4096, 5000] {
            let copy = disk.copy();
            copy.damage(name, |bytes| bytes.truncate(len));
            check_damaged(&copy, &all, last_commit, &format!("{name} cut to {len}"));
        }
    }
    for name in disk.names().unwrap() {
        if name != "mark" {
            disk.lose(&name);
        }
    }
    check_damaged(&disk, &all, last_commit, "all segments lost");
}

/// Would be broken by evidence that is cut before the loss is written down.
#[test]
fn a_crash_while_a_loss_is_written_down_does_not_hide_it() {
    let (disk, all, last_commit) = durable_log();
    disk.damage("00000002.log", |bytes| bytes[4200] ^= 1);
    for at in 1..20 {
        let copy = disk.copy();
        copy.plan(at, at, Fault::Crash);
        let _ = open(&copy);
        let after = copy.after_power_loss();
        let mut opened = open(&after).unwrap();
        let found = records(&mut opened.log);
        assert!(
            found
                .iter()
                .any(|record| matches!(record, Record::Forgotten { .. })),
            "call {at}"
        );
        assert!(found.len() < last_commit + 2 && found[0] == all[0]);
    }
}

/// One place of the mark may be torn, but without both nothing says how far promises reach.
#[test]
fn a_mark_is_read_from_either_place() {
    let (disk, all, _) = durable_log();
    for place in [0, 4096] {
        let copy = disk.copy();
        copy.damage("mark", |bytes| bytes[place + 9] ^= 1);
        assert_eq!(records(&mut open(&copy).unwrap().log), all, "place {place}");
    }
    disk.damage("mark", |bytes| bytes.fill(0));
    assert!(matches!(open(&disk), Err(LogError::Mark)));
}

#[test]
fn another_validators_log_is_refused() {
    let (disk, ..) = durable_log();
    let other = Identity {
        validator: ValidatorId(3),
        ..identity()
    };
    let opened = Log::open(Box::new(disk), other, LogOptions::default(), [7; 16]);
    assert!(matches!(opened, Err(LogError::Foreign { found }) if found == identity()));
}

/// Would be broken by a directory that two have at once: two processes with one key are twins.
#[test]
fn a_directory_is_locked_as_long_as_it_is_used() {
    let directory = tempfile::TempDir::new().unwrap();
    let first = FileDisk::open(directory.path()).unwrap();
    let second = FileDisk::open(directory.path()).map(|_| ());
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    assert!(FileDisk::open(directory.path()).is_ok());
}

#[test]
fn a_log_on_real_files_comes_back() {
    let directory = tempfile::TempDir::new().unwrap();
    let open = || {
        let disk = FileDisk::open(directory.path()).unwrap();
        let options = LogOptions {
            segment_bytes: SEGMENT_BYTES,
            ..LogOptions::default()
        };
        Log::open(Box::new(disk), identity(), options, [7; 16]).unwrap()
    };
    let (written, _) = write(&mut open().log, 1, 100);
    let mut opened = open();
    assert_eq!(records(&mut opened.log), written);
    assert_eq!((opened.torn_bytes, opened.is_lossy), (0, false));
    assert_eq!(opened.log.slot_of(&Digest::NULL), Some(1));
}

/// Would be broken by any change of the files' layout.
#[test]
fn the_files_are_the_golden_bytes() {
    let disk = FaultyDisk::default();
    open(&disk).unwrap().log.commit(&slot(1)).unwrap();
    for name in ["mark", "00000001.log"] {
        // Zeros at the end of a line of 4,096 bytes say nothing.
        let mut text = String::new();
        for place in disk.bytes(name).chunks(4096) {
            let used = place
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            text.push_str(&hex::encode(&place[..used]));
            text.push('\n');
        }
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/consensus-node/v1")
            .join(format!("{name}.hex"));
        let golden = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            text == golden,
            "{name} is not as in fixtures/consensus-node/v1; it is now\n{text}"
        );
    }
}
