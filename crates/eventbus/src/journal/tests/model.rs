//! The journal against a list.

use proptest::prelude::*;

use super::disk::FaultyDisk;
use super::{Start, SyncPolicy, Written, at, open, options, read};
use crate::journal::{Offset, Visible};

#[derive(Debug, Clone)]
enum Step {
    Append { time: u64, len: usize, count: usize },
    Sync,
    Tend,
    Reopen { policy: SyncPolicy },
    ReadAt { place: usize },
    ReadSince { time: u64 },
    Follow { count: usize },
    FollowDurable,
}

fn policies() -> impl Strategy<Value = SyncPolicy> {
    prop_oneof![
        Just(SyncPolicy::None),
        Just(SyncPolicy::Batch),
        Just(SyncPolicy::Every(super::MINUTE)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..1_000_u64, 0..6_000_usize, 1..20_usize)
            .prop_map(|(time, len, count)| Step::Append { time, len, count }),
        1 => Just(Step::Sync),
        1 => Just(Step::Tend),
        1 => policies().prop_map(|policy| Step::Reopen { policy }),
        2 => (0..500_usize).prop_map(|place| Step::ReadAt { place }),
        2 => (0..1_100_u64).prop_map(|time| Step::ReadSince { time }),
        3 => (0..50_usize).prop_map(|count| Step::Follow { count }),
        2 => Just(Step::FollowDurable),
    ];
    prop::collection::vec(step, 1..40)
}

fn check(first: SyncPolicy, steps: &[Step]) {
    let disk = FaultyDisk::new(0);
    let mut journal = open(&disk, &options(first)).unwrap().journal;
    let mut list: Vec<Written> = Vec::new();
    let mut durable = 0;
    let mut reader = journal.reader(Start::Beginning, Visible::Appended).unwrap();
    let mut following = 0;
    for step in steps {
        match step {
            Step::Append { time, len, count } => {
                let mut end = journal.lock();
                for extra in 0..*count {
                    let bytes = vec![u8::try_from(list.len() % 251).unwrap(); *len + extra];
                    let offset = end.append(at(*time), &bytes).unwrap();
                    assert_eq!(offset, Offset(list.len() as u64));
                    list.push((*time, bytes));
                }
            }
            Step::Sync => {
                journal.sync().unwrap();
                durable = list.len();
            }
            Step::Tend => journal.tend(at(0)).unwrap(),
            Step::Reopen { policy } => {
                drop(reader);
                drop(journal);
                let opened = open(&disk, &options(*policy)).unwrap();
                assert_eq!((opened.torn_bytes, opened.damages), (0, vec![]));
                journal = opened.journal;
                durable = usize::try_from(journal.durable().0).unwrap();
                reader = journal
                    .reader(Start::At(Offset(following)), Visible::Appended)
                    .unwrap();
            }
            Step::ReadAt { place } => {
                let place = (*place).min(list.len());
                let found = read(&journal, Start::At(Offset(place as u64)));
                let found: Vec<Written> = found.records.into_iter().map(|it| it.1).collect();
                assert_eq!(found, list[place..]);
            }
            Step::ReadSince { time } => {
                let place = list
                    .iter()
                    .position(|it| it.0 >= *time)
                    .unwrap_or(list.len());
                let found = read(&journal, Start::Since(at(*time)));
                assert_eq!(found.records.len(), list.len() - place);
            }
            Step::Follow { count } => {
                for _ in 0..*count {
                    let expected = list.get(usize::try_from(following).unwrap());
                    let found = reader.next().unwrap();
                    let found = found.map(|it| (it.time.as_ns(), it.payload.to_vec()));
                    assert_eq!(found.as_ref(), expected);
                    following += u64::from(found.is_some());
                }
            }
            Step::FollowDurable => {
                let mut reader = journal.reader(Start::Beginning, Visible::Durable).unwrap();
                let mut count = 0;
                while reader.next().unwrap().is_some() {
                    count += 1;
                }
                assert!(count >= durable && count <= list.len(), "{count}");
                assert_eq!(count as u64, journal.durable().0);
            }
        }
        assert_eq!(journal.end(), Offset(list.len() as u64));
    }
    assert_eq!(journal.verify().unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Would be broken by any place, number, time or length that is off by one.
    #[test]
    fn a_journal_is_a_list(first in policies(), steps in steps()) {
        check(first, &steps);
    }
}
