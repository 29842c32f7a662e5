//! Full disks, full journals, and what retention removes.

use std::time::Duration;

use super::disk::FaultyDisk;
use super::{
    AppendError, Journal, Options, Read, Start, SyncPolicy, at, open, options, read, record,
};
use crate::journal::{CURSORS_MAX, CursorError, Cursors, Offset, OpenError, RESULT_BYTES_MAX};

/// Appends until one is refused, at most so many; gives why.
fn fill(journal: &Journal, count: u64) -> Option<AppendError> {
    (0..count).find_map(|number| {
        let (time, bytes) = record(number);
        journal.append(at(time), &bytes).err()
    })
}

/// Would be broken by half a segment that stays, by a record that is there in part, or by a journal
/// that stays full.
#[test]
fn a_full_disk_refuses_by_name_and_recovers_by_itself() {
    for policy in [SyncPolicy::Batch, SyncPolicy::None] {
        let options = options(policy);
        let disk = FaultyDisk::new(1);
        let journal = open(&disk, &options).unwrap().journal;
        disk.set_full(true);
        let refused = fill(&journal, 1_000);
        assert!(
            matches!(refused, Some(AppendError::DiskFull(_))),
            "{refused:?}"
        );
        assert!(refused.unwrap().to_string().contains("00000002.seg"));
        let end = journal.end();
        assert!(
            journal.tend(at(0)).is_err(),
            "there is no room to make one ahead either"
        );
        assert_eq!(disk.segments().len(), 1, "nothing is left behind");
        assert_eq!(read(&journal, Start::Beginning).records.len() as u64, end.0);
        journal
            .append(at(0), b"x")
            .expect("a short one fits the segment's end");
        disk.set_full(false);
        assert!(fill(&journal, 200).is_none());
        journal.sync().unwrap();
        drop(journal);
        let again = open(&disk.copy(), &options).unwrap();
        assert_eq!(again.damages, []);
        assert_eq!(again.journal.end().0, end.0 + 201);
    }
}

/// Would be broken by a limit that does not count everything, or by an oldest record that is not.
#[test]
fn the_oldest_go_when_the_length_is_reached() {
    let options = Options {
        bytes_max: 5 * super::super::SEGMENT_BYTES_MIN,
        ..options(SyncPolicy::None)
    };
    let disk = FaultyDisk::new(1);
    let journal = open(&disk, &options).unwrap().journal;
    let mut slow = journal
        .reader(Start::Beginning, super::Visible::Appended)
        .unwrap();
    let held = {
        journal.append(at(1), b"first").unwrap();
        slow.next().unwrap().unwrap().hold()
    };
    assert!(fill(&journal, 2_000).is_none());
    journal.tend(at(0)).unwrap();
    let stats = journal.stats();
    assert!(stats.bytes <= options.bytes_max, "{stats:?}");
    assert_eq!(disk.segments().len(), 5, "{stats:?}");
    assert!(stats.start.0 > 0 && stats.end.0 == 2_001);
    let found = read(&journal, Start::Beginning);
    assert_eq!(found.records[0].0, stats.start.0);
    assert_eq!(found.records.len() as u64, stats.end.0 - stats.start.0);
    // What a slow reader has is still there; what it has not is told.
    assert_eq!(&*held, b"first");
    let mut rest = Read::default();
    loop {
        match slow.next() {
            Ok(Some(_)) => rest.removed += 1,
            Ok(None) => break,
            Err(super::ReadError::Removed { from, to }) => {
                rest.removed += to.0 - from.0;
                rest.records.push((from.0, (to.0, Vec::new())));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((rest.removed, rest.records.len()), (2_000, 1));
    assert_eq!(rest.records[0].1.0, stats.start.0);
    let late = read(&journal, Start::At(Offset(3)));
    assert_eq!(late.removed, stats.start.0 - 3);
}

/// Would be broken by an age that is counted from the oldest record of a segment.
#[test]
fn what_is_old_goes() {
    let options = Options {
        age_max: Some(Duration::from_micros(5)),
        ..options(SyncPolicy::None)
    };
    let disk = FaultyDisk::new(1);
    let journal = open(&disk, &options).unwrap().journal;
    assert!(fill(&journal, 500).is_none());
    let youngest: Vec<u64> = journal
        .0
        .store
        .segments
        .read()
        .unwrap()
        .iter()
        .skip(1)
        .map(|it| it.header.time_max)
        .collect();
    journal.tend(at(youngest[1] + 5_000)).unwrap();
    assert_eq!(journal.stats().segments, youngest.len());
    journal.tend(at(youngest[1] + 5_001)).unwrap();
    assert_eq!(journal.stats().segments, youngest.len() - 1);
    journal.tend(at(u64::MAX)).unwrap();
    assert_eq!(journal.stats().segments, 1, "the last one is written to");
    assert_eq!(journal.end().0, 500);
}

/// Would be broken by a cursor that protects nothing, or that nobody can get rid of.
#[test]
fn the_slowest_cursor_decides() {
    let options = Options {
        bytes_max: 5 * super::super::SEGMENT_BYTES_MIN,
        cursors: Cursors::Protect,
        ..options(SyncPolicy::None)
    };
    let disk = FaultyDisk::new(1);
    let journal = open(&disk, &options).unwrap().journal;
    let mut fast = journal.cursor("fast", Offset(0)).unwrap();
    let slow = journal.cursor("slow", Offset(0)).unwrap();
    let refused = fill(&journal, 2_000);
    assert!(
        matches!(refused, Some(AppendError::Full { .. })),
        "{refused:?}"
    );
    let end = journal.end();
    fast.commit(end, b"").unwrap();
    assert!(matches!(
        journal.append(at(0), &[0; 16_000]),
        Err(AppendError::Full { .. })
    ));
    drop((fast, slow));
    drop(journal);
    // It protects also while nobody has it open.
    let opened = open(&disk, &options);
    assert!(opened.is_ok(), "{opened:?}");
    let journal = opened.unwrap().journal;
    assert!(matches!(
        journal.append(at(0), &[0; 16_000]),
        Err(AppendError::Full { .. })
    ));
    let slow = journal.cursor("slow", Offset(0)).unwrap();
    assert!(matches!(
        journal.remove_cursor("slow"),
        Err(CursorError::InUse { .. })
    ));
    drop(slow);
    assert!(journal.remove_cursor("slow").unwrap());
    assert!(!journal.remove_cursor("slow").unwrap());
    journal
        .append(at(0), &[0; 16_000])
        .expect("the slow one is forgotten");
    assert!(journal.start().0 > 0);
}

/// Would be broken by a segment that is released before the last of its records is done.
#[test]
fn what_all_have_read_is_released() {
    let options = Options {
        cursors: Cursors::Release,
        ..options(SyncPolicy::None)
    };
    let disk = FaultyDisk::new(1);
    let journal = open(&disk, &options).unwrap().journal;
    assert!(fill(&journal, 500).is_none());
    journal.tend(at(0)).unwrap();
    assert_eq!(journal.start().0, 0, "nobody reads");
    let mut cursor = journal.cursor("reader", Offset(0)).unwrap();
    let second = journal.0.store.segments.read().unwrap()[1].header.base;
    cursor.commit(Offset(second - 1), b"").unwrap();
    journal.tend(at(0)).unwrap();
    assert_eq!(journal.start().0, 0);
    cursor.commit(Offset(second), b"").unwrap();
    journal.tend(at(0)).unwrap();
    assert_eq!(journal.start().0, second);
}

/// Would be broken by a limit that is not there.
#[test]
fn everything_has_a_limit() {
    let good = options(SyncPolicy::None);
    let disk = FaultyDisk::new(1);
    let bad = [
        Options {
            segment_bytes: 4_096,
            ..good.clone()
        },
        Options {
            segment_bytes: 2 << 30,
            ..good.clone()
        },
        Options {
            segment_bytes: (64 << 10) + 1,
            ..good.clone()
        },
        Options {
            bytes_max: 3 * good.segment_bytes,
            ..good.clone()
        },
        Options {
            record_bytes_max: 17 << 10,
            ..good.clone()
        },
        Options {
            ahead: 65,
            ..good.clone()
        },
    ];
    for options in bad {
        let refused = open(&disk, &options);
        assert!(
            matches!(refused, Err(OpenError::Options { .. })),
            "{options:?}"
        );
    }
    let journal = open(&disk, &good).unwrap().journal;
    let refused = journal.append(at(0), &vec![0; (16 << 10) + 1]);
    assert!(matches!(
        refused,
        Err(AppendError::TooLong {
            bytes: 16_385,
            bytes_max: 16_384
        })
    ));
    journal.append(at(0), &vec![0; 16 << 10]).unwrap();
    journal.append(at(0), b"").unwrap();
}

/// Would be broken by a limit that is not there.
#[test]
fn cursors_have_limits() {
    let disk = FaultyDisk::new(1);
    let journal = open(&disk, &options(SyncPolicy::None)).unwrap().journal;
    journal.append(at(0), b"").unwrap();
    journal.append(at(0), b"").unwrap();
    for name in ["", "a b", "../x", &"x".repeat(65)] {
        let refused = journal.cursor(name, Offset(0));
        assert!(matches!(refused, Err(CursorError::Name { .. })), "{name}");
    }
    let mut cursor = journal.cursor("one", Offset(0)).unwrap();
    let refused = cursor.commit(Offset(1), &vec![0; RESULT_BYTES_MAX + 1]);
    assert!(matches!(refused, Err(CursorError::TooLong { .. })));
    cursor
        .commit(Offset(1), &vec![7; RESULT_BYTES_MAX])
        .unwrap();
    assert!(matches!(
        cursor.commit(Offset(0), b""),
        Err(CursorError::Back { .. })
    ));
    assert!(matches!(
        cursor.commit(Offset(3), b""),
        Err(CursorError::Ahead { .. })
    ));
    assert!(matches!(
        journal.cursor("one", Offset(0)),
        Err(CursorError::InUse { .. })
    ));
    for number in 1..CURSORS_MAX {
        journal.cursor(&format!("c{number}"), Offset(0)).unwrap();
    }
    let refused = journal.cursor("more", Offset(0));
    assert!(matches!(
        refused,
        Err(CursorError::TooMany { count: CURSORS_MAX })
    ));
}
