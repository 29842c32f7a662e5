//! Crashes at every call, of process and machine, and at every byte of what was being written.

use super::disk::{Fault, FaultyDisk};
use super::{
    AppendError, Journal, Options, Start, SyncPolicy, Written, at, check_told, open, options, read,
    record, stress,
};
use crate::journal::frame::DATA_START;
use crate::journal::{Cursor, Offset, SyncError};

/// Appends some, commits, and so on; gives how many were acknowledged, and all that was tried.
fn write(journal: &Journal, from: u64, count: u64) -> (u64, Vec<Written>) {
    let (mut acknowledged, mut tried) = (from, Vec::new());
    let mut number = from;
    while number < from + count {
        for _ in 0..=number % 5 {
            let (time, bytes) = record(number);
            let appended = journal.append(at(time), &bytes);
            tried.push((time, bytes));
            if appended.is_err() {
                return (acknowledged, tried);
            }
            number += 1;
        }
        // A segment ahead, now and then.
        if number.is_multiple_of(4) && journal.tend(at(number)).is_err() {
            return (acknowledged, tried);
        }
        let outcome = match journal.policy() {
            SyncPolicy::Batch => journal.commit(Offset(number - 1)),
            // Not everything that is written is synced.
            _ if number.is_multiple_of(3) => journal.sync(),
            _ => continue,
        };
        if outcome.is_err() {
            assert!(matches!(journal.sync(), Err(SyncError::Poisoned)));
            let more = journal.append(at(0), b"more");
            assert!(matches!(more, Err(AppendError::Poisoned)));
            return (acknowledged, tried);
        }
        acknowledged = number;
    }
    (acknowledged, tried)
}

/// All that was acknowledged is there, then a part of what was tried; and it goes on from there.
fn check_prefix(
    disk: &FaultyDisk,
    options: &Options,
    acknowledged: u64,
    tried: &[Written],
    what: &str,
) {
    let opened = open(disk, options).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(opened.damages, [], "{what}");
    let journal = opened.journal;
    let end = journal.end().0;
    assert!(
        end >= acknowledged,
        "{what}: {end} records of {acknowledged}"
    );
    let found = read(&journal, Start::Beginning);
    assert_eq!(found.damages, [], "{what}");
    check_told(&found, tried, end, what);
    let mut all = tried[..usize::try_from(end).unwrap()].to_vec();
    let (_, after) = write(&journal, end, 60);
    all.extend(after);
    drop(journal);
    let again = open(&disk.copy(), options).unwrap();
    assert_eq!((again.damages.len(), again.torn_bytes), (0, 0), "{what}");
    let found = read(&again.journal, Start::Beginning);
    check_told(&found, &all, all.len() as u64, what);
}

/// Would be broken by a missing sync of file or directory, a header that is used before it is
/// durable, an end that is found too early or late, or a cut that leaves frames behind.
#[test]
fn a_crash_at_any_call_keeps_what_was_committed() {
    let options = options(SyncPolicy::Batch);
    let whole = FaultyDisk::new(1);
    let journal = open(&whole, &options).unwrap().journal;
    let (acknowledged, _) = write(&journal, 0, 250);
    assert!(acknowledged >= 250 && whole.segments().len() > 3);
    let calls = whole.calls();
    assert!(calls > 60, "{calls}");
    for call in 1..=calls {
        for seed in 0..stress(2) {
            let disk = FaultyDisk::with_fault(seed * 1_000 + call, call, Fault::Crash);
            let (mut acknowledged, mut tried) = (0, Vec::new());
            if let Ok(opened) = open(&disk, &options) {
                (acknowledged, tried) = write(&opened.journal, 0, 250);
            }
            let what = format!("crash at call {call}, seed {seed}");
            let after = disk.after_power_loss();
            check_prefix(&after, &options, acknowledged, &tried, &what);
            let killed = disk.copy();
            check_prefix(
                &killed,
                &options,
                acknowledged,
                &tried,
                &format!("kill, {what}"),
            );
        }
    }
}

/// Would be broken by a recovery that cannot be repeated.
#[test]
fn a_crash_while_coming_back_changes_nothing() {
    let options = options(SyncPolicy::Batch);
    for seed in 0..40 {
        let disk = FaultyDisk::with_fault(seed, 40 + seed * 3, Fault::Crash);
        let journal = open(&disk, &options).unwrap().journal;
        let (acknowledged, tried) = write(&journal, 0, 250);
        let after = disk.after_power_loss();
        for call in 1..=20 {
            let again = after.copy();
            again.plan(call, Fault::Crash);
            let is_done = open(&again, &options).is_ok();
            let what = format!("seed {seed}, crash at call {call} of coming back");
            check_prefix(
                &again.after_power_loss(),
                &options,
                acknowledged,
                &tried,
                &what,
            );
            if is_done {
                break;
            }
        }
    }
}

/// Would be broken by a hole that is skipped, or by records behind it that are taken for others:
/// without a policy nothing was promised, and what is missing between records is said.
#[test]
fn a_power_loss_without_syncs_is_told_or_cut() {
    let options = options(SyncPolicy::None);
    let mut holes = 0;
    for seed in 0..200 {
        let disk = FaultyDisk::new(seed);
        let journal = open(&disk, &options).unwrap().journal;
        let (acknowledged, tried) = write(&journal, 0, 100 + seed);
        let after = disk.after_power_loss();
        drop(journal);
        let Ok(opened) = open(&after, &options) else {
            panic!("seed {seed}");
        };
        let end = opened.journal.end().0;
        let found = read(&opened.journal, Start::Beginning);
        let what = format!("seed {seed}");
        check_told(&found, &tried, end, &what);
        let lost = found.damages.iter().find(|it| it.from.0 < acknowledged);
        assert_eq!(lost, None, "{what}: it was synced");
        holes += u64::from(!found.damages.is_empty());
    }
    assert!(holes > 10, "the test shows something: {holes}");
}

/// Would be broken by a promise kept too late: what a sync returned for is there.
#[test]
fn a_power_loss_between_timed_syncs_keeps_what_was_synced() {
    let options = options(SyncPolicy::Every(super::MINUTE));
    for seed in 0..100 {
        let disk = FaultyDisk::new(seed);
        let journal = open(&disk, &options).unwrap().journal;
        let (acknowledged, tried) = write(&journal, 0, 60 + 2 * seed);
        drop(journal);
        let after = disk.after_power_loss();
        check_prefix(
            &after,
            &options,
            acknowledged,
            &tried,
            &format!("seed {seed}"),
        );
    }
}

/// Would be broken by going on after a failed sync, whose bytes may be lost.
#[test]
fn a_failed_sync_ends_the_journal() {
    let options = options(SyncPolicy::Batch);
    for call in 8..60 {
        let disk = FaultyDisk::with_fault(call, call, Fault::SyncFails);
        let Ok(opened) = open(&disk, &options) else {
            continue;
        };
        let (acknowledged, tried) = write(&opened.journal, 0, 100);
        drop(opened);
        let after = disk.after_power_loss();
        check_prefix(
            &after,
            &options,
            acknowledged,
            &tried,
            &format!("call {call}"),
        );
    }
}

/// The end of the last frame in a segment.
fn used(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |it| it + 1)
}

/// Would be broken by a frame that passes for whole without its last bytes, or by one that is not
/// zeroed before others are written there.
#[test]
fn the_tail_may_end_at_any_byte() {
    for policy in [SyncPolicy::Batch, SyncPolicy::None] {
        let options = options(policy);
        let disk = FaultyDisk::new(1);
        let journal = open(&disk, &options).unwrap().journal;
        let tried: Vec<Written> = (0..30).map(|number| (number, vec![1; 20])).collect();
        for (time, bytes) in &tried {
            journal.append(at(*time), bytes).unwrap();
        }
        drop(journal);
        let name = disk.segments().pop().unwrap();
        let whole = used(&disk.bytes(&name));
        for len in DATA_START..whole {
            for is_short in [false, true] {
                let torn = disk.copy();
                torn.damage(&name, |bytes| {
                    if is_short {
                        bytes.truncate(len);
                    } else {
                        bytes[len..].fill(0);
                    }
                });
                let what = format!("{policy:?}, {len} bytes, cut {is_short}");
                let opened = open(&torn, &options).unwrap_or_else(|it| panic!("{what}: {it}"));
                // A frame has 40 bytes, of which the last four are zeros anyway.
                let zeros = if is_short { 0 } else { 4 };
                let end = (len + zeros - DATA_START) as u64 / 40;
                let end = end.min(30);
                assert_eq!(opened.journal.end().0, end, "{what}");
                assert_eq!(opened.damages.len(), usize::from(is_short), "{what}");
                opened.journal.append(at(7), b"after").unwrap();
                drop(opened);
                let again = open(&torn.copy(), &options).unwrap().journal;
                let mut all = tried[..usize::try_from(end).unwrap()].to_vec();
                all.push((7, b"after".to_vec()));
                let found = read(&again, Start::Beginning);
                check_told(&found, &all, end + 1, &what);
            }
        }
    }
}

/// Would be broken by a cursor that is overwritten in place, or by a result that is written beside it.
#[test]
fn a_cursor_and_its_result_are_kept_together() {
    let options = options(SyncPolicy::Batch);
    let steps = |cursor: &mut Cursor| {
        let mut done = 0;
        for position in 1..20 {
            let result =
                vec![u8::try_from(position).unwrap(); usize::try_from(position).unwrap() * 400];
            if cursor.commit(Offset(position), &result).is_err() {
                break;
            }
            done = position;
        }
        done
    };
    for call in 1..80 {
        for seed in 0..4 {
            let disk = FaultyDisk::new(seed * 1_000 + call);
            let journal = open(&disk, &options).unwrap().journal;
            let (_, tried) = write(&journal, 0, 30);
            disk.plan(call, Fault::Crash);
            let opened = journal.cursor("reader", Offset(0));
            let done = opened.map_or(0, |mut cursor| steps(&mut cursor));
            drop(journal);
            let what = format!("crash at call {call}, seed {seed}");
            let after = open(&disk.after_power_loss(), &options).unwrap().journal;
            assert_eq!(after.end().0, tried.len() as u64);
            let cursor = after
                .cursor("reader", Offset(0))
                .unwrap_or_else(|it| panic!("{what}: {it}"));
            let position = cursor.position().0;
            assert!(
                position == done || position == done + 1,
                "{what}: {position}, {done}"
            );
            let expected = u8::try_from(position).unwrap();
            let len = usize::try_from(position).unwrap() * 400;
            assert_eq!(cursor.result(), vec![expected; len], "{what}");
        }
    }
}

/// Would be broken by a segment without a seal behind which another policy's stands: it would be taken
/// for torn.
#[test]
fn another_policy_goes_on_behind_what_was_there() {
    let policies = [
        SyncPolicy::None,
        SyncPolicy::Batch,
        SyncPolicy::Every(super::MINUTE),
    ];
    for (first, second) in policies.iter().flat_map(|a| policies.map(|b| (*a, b))) {
        let disk = FaultyDisk::new(0);
        let mut written = Vec::new();
        for (policy, count) in [(first, 1), (second, 0), (first, 1), (second, 1), (first, 0)] {
            let opened = open(&disk, &options(policy)).unwrap();
            assert_eq!(opened.torn_bytes, 0, "{first:?}, {second:?}");
            assert_eq!(opened.damages, [], "{first:?}, {second:?}");
            for _ in 0..count {
                let (time, bytes) = record(written.len() as u64);
                opened.journal.lock().append(at(time), &bytes).unwrap();
                written.push((time, bytes));
            }
            let found = read(&opened.journal, Start::Beginning);
            check_told(&found, &written, written.len() as u64, "reopened");
        }
    }
}
