//! Bytes that change, and files that go.

use super::disk::FaultyDisk;
use super::{
    Journal, Options, Start, SyncPolicy, Written, at, check_told, open, options, read, record,
};
use crate::journal::frame::DATA_START;
use crate::journal::{DamageKind, Offset, OpenError, ReadError, Visible};

/// Three segments and a bit, all synced, and what they hold.
fn written(options: &Options) -> (FaultyDisk, Vec<Written>) {
    let disk = FaultyDisk::new(1);
    let journal = open(&disk, options).unwrap().journal;
    let tried: Vec<Written> = (0..250).map(record).collect();
    for (number, (time, bytes)) in tried.iter().enumerate() {
        journal.append(at(*time), bytes).unwrap();
        if number % 10 == 0 {
            journal.sync().unwrap();
        }
    }
    journal.sync().unwrap();
    // The mark that says so.
    journal.append(at(9_999), b"last").unwrap();
    journal.sync().unwrap();
    drop(journal);
    let mut tried = tried;
    tried.push((9_999, b"last".to_vec()));
    (disk.copy(), tried)
}

/// Would be broken by a check that leaves out a byte, by a hole that ends the journal, or by one
/// behind which records have other numbers.
#[test]
fn every_byte_that_rots_is_told_and_costs_no_more_than_its_record() {
    for policy in [SyncPolicy::Batch, SyncPolicy::None] {
        let options = options(policy);
        let (disk, tried) = written(&options);
        let names = disk.segments();
        assert!(names.len() >= 3);
        for (which, name) in names.iter().enumerate() {
            let bytes = disk.bytes(name);
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            // Every byte of the beginning, and a sample of the rest.
            for place in (0..used).filter(|it| it / 512 % 16 == 15 || it % 149 == 7) {
                let rotten = disk.copy();
                rotten.damage(name, |bytes| bytes[place] ^= 1 << (place % 8));
                let what = format!("{policy:?}, byte {place} of {name}");
                let opened = open(&rotten, &options).unwrap_or_else(|it| panic!("{what}: {it}"));
                let end = opened.journal.end().0;
                let found = read(&opened.journal, Start::Beginning);
                // The very last commit may look torn.
                let is_last = which + 1 == names.len();
                assert!(
                    end == tried.len() as u64 || (is_last && end + 11 >= tried.len() as u64),
                    "{what}: {end}"
                );
                check_told(&found, &tried, end, &what);
                let lost: u64 = found.damages.iter().map(|it| it.to.0 - it.from.0).sum();
                assert!(lost <= 11, "{what}: {lost} records are lost");
                assert_eq!(opened.journal.verify().unwrap(), found.damages, "{what}");
                for damage in &found.damages {
                    assert_eq!(damage.kind, DamageKind::Broken, "{what}");
                }
            }
        }
    }
}

/// Would be broken by a reader that takes the next file for the next records.
#[test]
fn a_lost_segment_is_told() {
    let options = options(SyncPolicy::Batch);
    let (disk, tried) = written(&options);
    let names = disk.segments();
    disk.lose(&names[1]);
    let journal = open(&disk, &options).unwrap().journal;
    let found = read(&journal, Start::Beginning);
    check_told(&found, &tried, tried.len() as u64, "a segment is gone");
    assert_eq!(found.damages.len(), 1);
    assert_eq!(found.damages[0].kind, DamageKind::Missing);
    assert!(found.damages[0].to_string().contains("segment 2"));
    // A reader that was to begin within says so first, and goes on.
    let from = Offset(found.damages[0].from.0 + 1);
    let mut reader = journal.reader(Start::At(from), Visible::Appended).unwrap();
    let Err(ReadError::Damaged(damage)) = reader.next() else {
        panic!("the record is gone");
    };
    assert_eq!((damage.from, damage.to), (from, found.damages[0].to));
    assert_eq!(reader.next().unwrap().unwrap().offset, damage.to);
}

/// Would be broken by a new beginning where an old journal was, or by taking foreign records.
#[test]
fn a_journal_without_its_headers_is_refused() {
    let options = options(SyncPolicy::Batch);
    let (disk, tried) = written(&options);
    let names = disk.segments();
    let middle = disk.copy();
    middle.damage(&names[1], |bytes| bytes[..DATA_START].fill(0xff));
    let journal = open(&middle, &options).unwrap().journal;
    let found = read(&journal, Start::Beginning);
    check_told(&found, &tried, tried.len() as u64, "a header is gone");
    assert_eq!(found.damages.len(), 1);

    let last = disk.copy();
    last.damage(names.last().unwrap(), |bytes| {
        bytes[..DATA_START].fill(0xff);
    });
    let opened = open(&last, &options).unwrap();
    assert!(
        !opened.damages.is_empty(),
        "its marks say that it was durable"
    );
    let end = opened.journal.end().0;
    assert!(end + 11 >= tried.len() as u64, "{end}");
    opened.journal.append(at(1), b"on").unwrap();
    check_goes_on(&opened.journal, end);
    drop(opened);
    let again = open(&last.copy(), &options).unwrap().journal;
    check_goes_on(&again, end);

    for name in &names {
        disk.damage(name, |bytes| bytes[..DATA_START].fill(0xff));
    }
    let refused = open(&disk, &options);
    assert!(
        matches!(refused, Err(OpenError::Unreadable { .. })),
        "{refused:?}"
    );

    let (other, _) = written(&options);
    let (disk, _) = written(&options);
    disk.damage(&names[1], |bytes| bytes.clone_from(&other.bytes(&names[1])));
    let refused = open(&disk, &options);
    assert!(
        matches!(refused, Err(OpenError::Foreign { .. })),
        "{refused:?}"
    );
}

fn check_goes_on(journal: &Journal, end: u64) {
    let found = read(journal, Start::Beginning);
    let (number, (_, bytes)) = found.records.last().unwrap();
    assert_eq!((*number, bytes.as_slice()), (end, &b"on"[..]));
}
