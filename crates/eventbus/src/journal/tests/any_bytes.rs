//! Files with any bytes: they are refused, cut or read, and never a panic.

use proptest::prelude::*;

use super::disk::FaultyDisk;
use super::{SyncPolicy, at, open, options, record};
use crate::journal::{Journal, ReadError, Start, Visible};

/// Reads all there is, in every way; what is wrong is said, and it comes to an end.
fn use_it(journal: &Journal) {
    for start in [
        Start::Beginning,
        Start::Since(at(300)),
        Start::At(journal.end()),
    ] {
        let mut reader = journal.reader(start, Visible::Appended).unwrap();
        let mut steps = 0;
        loop {
            match reader.next() {
                Ok(None) => break,
                Ok(Some(_)) | Err(ReadError::Damaged(_) | ReadError::Removed { .. }) => steps += 1,
                Err(error) => panic!("{error}"),
            }
            assert!(steps < 1_000_000, "it comes to an end");
        }
    }
    journal.verify().unwrap();
    let offset = journal.append(at(1), b"more").unwrap();
    journal.sync().unwrap();
    let mut reader = journal.reader(Start::At(offset), Visible::Durable).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().payload, b"more");
}

fn policies() -> impl Strategy<Value = SyncPolicy> {
    prop_oneof![Just(SyncPolicy::None), Just(SyncPolicy::Batch)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_files_are_refused_or_read(
        policy in policies(),
        files in prop::collection::vec(
            (1..5_u32, prop::collection::vec(any::<u8>(), 0..300), 0..20_000_usize),
            0..4,
        ),
    ) {
        let disk = FaultyDisk::new(0);
        for (index, bytes, len) in files {
            let mut all = vec![0; len];
            all.extend(bytes);
            disk.put(&format!("{index:08}.seg"), all);
        }
        if let Ok(opened) = open(&disk, &options(policy)) {
            use_it(&opened.journal);
        }
    }

    #[test]
    fn files_that_were_changed_are_refused_or_read(
        policy in policies(),
        changes in prop::collection::vec((0..3_usize, any::<u16>(), any::<u8>(), 0..40_usize), 1..12),
        cursor in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let disk = FaultyDisk::new(0);
        let journal = open(&disk, &options(policy)).unwrap().journal;
        for number in 0..200 {
            let (time, bytes) = record(number);
            journal.append(at(time), &bytes).unwrap();
            if number % 16 == 0 {
                journal.sync().unwrap();
            }
        }
        drop(journal);
        let disk = disk.copy();
        disk.put("some.cursor", cursor);
        let names = disk.segments();
        for (which, place, value, len) in changes {
            disk.damage(&names[which % names.len()], |bytes| {
                let start = usize::from(place) % (bytes.len() + 1);
                let end = (start + len).min(bytes.len());
                match len {
                    0 => bytes.truncate(start),
                    // What was there before, moved.
                    20.. => bytes.copy_within(start / 2 / 8 * 8..start / 2 / 8 * 8 + (end - start), start / 8 * 8),
                    _ => bytes[start..end].fill(value),
                }
            });
        }
        if let Ok(opened) = open(&disk, &options(policy)) {
            use_it(&opened.journal);
        }
    }
}
