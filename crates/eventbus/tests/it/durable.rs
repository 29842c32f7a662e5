//! Consumers over a journal, on real files.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use claude_flow_eventbus::delivery::{
    Answer, ConsumerId, Dedup, Durable, DurableError, EffectivelyOnce, Key, LETTER_BYTES_MAX,
    Letter, MessageId, Options, Reason, resend,
};
use claude_flow_eventbus::journal::{self, Journal, Offset, Start, SyncPolicy, Time, Visible};

fn at(ns: u64) -> Time {
    Time::from_ns(ns)
}

fn open(directory: &Path, record_bytes_max: usize) -> Journal {
    let options = journal::Options {
        segment_bytes: 256 << 10,
        bytes_max: 16 << 20,
        record_bytes_max: u32::try_from(record_bytes_max).unwrap(),
        policy: SyncPolicy::Batch,
        ..journal::Options::default()
    };
    Journal::open(directory, options).unwrap().journal
}

const RECORD: usize = 1_000;

fn consumer(root: &Path) -> (Journal, Journal, Durable) {
    let journal = open(&root.join("main"), RECORD);
    let dead = open(&root.join("dead"), RECORD + LETTER_BYTES_MAX);
    let options = Options {
        lease: Duration::from_micros(1),
        tries_max: 3,
        backoff: Duration::from_nanos(10),
        backoff_max: Duration::from_nanos(40),
        ..Options::default()
    };
    let key = |payload: &[u8]| payload.first().map(|byte| Key(u64::from(byte % 4)));
    let durable = Durable::open(&journal, "workers", dead.clone(), options, 7, key).unwrap();
    (journal, dead, durable)
}

/// Would be broken by a record that is lost when its consumer dies or the process does, by one that is
/// out of its key's order, or by a cursor that passes what is not done.
#[test]
fn every_record_is_handled_in_its_keys_order_across_restarts() {
    let root = tempfile::tempdir().unwrap();
    let (journal, dead, mut durable) = consumer(root.path());
    for number in 0..400_u32 {
        journal.append(at(1), &number.to_le_bytes()).unwrap();
    }
    journal.sync().unwrap();
    let mut handled: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let (mut now, mut steps, mut restarts) = (0, 0_u64, 0);
    let mut parts = Some((journal, dead));
    loop {
        steps += 1;
        now += 1;
        assert!(steps < 100_000, "it comes to an end");
        let who = ConsumerId(steps % 3);
        if steps.is_multiple_of(97) {
            durable.gone(who, at(now)).unwrap();
        }
        if steps.is_multiple_of(250) {
            durable.commit(at(now)).unwrap();
        }
        if steps.is_multiple_of(601) {
            // A restart; what was acknowledged after the last commit comes again.
            drop(durable);
            drop(parts.take());
            let (journal, dead, again) = consumer(root.path());
            durable = again;
            parts = Some((journal, dead));
            restarts += 1;
        }
        let Some(delivered) = durable.take(who, at(now)).unwrap() else {
            match durable.next_time() {
                Some(next) => now = now.max(next.as_ns()),
                None => break,
            }
            continue;
        };
        let number = u32::from_le_bytes(delivered[..].try_into().unwrap());
        if steps.is_multiple_of(5) && delivered.lease.attempt == 1 {
            durable
                .reject(delivered.lease, Answer::Retry, "later", at(now))
                .unwrap();
        } else if !steps.is_multiple_of(31) {
            durable.acknowledge(delivered.lease, at(now)).unwrap();
            let of_key = handled
                .entry(u32::from(number.to_le_bytes()[0] % 4))
                .or_default();
            // Again from an earlier one, after a restart; never past one that is missing.
            let next = of_key.last().map_or(number % 4, |last| last + 4);
            assert!(number <= next, "{number} before {next}");
            if number == next {
                of_key.push(number);
            }
        }
    }
    assert!(restarts > 0);
    let all: usize = handled.values().map(Vec::len).sum();
    assert_eq!(all, 400);
    assert_eq!(durable.commit(at(now)).unwrap(), Offset(400));
    assert_eq!(durable.counts().dead, 0);
}

/// Would be broken by a letter without its reasons, or one that is settled before it is written.
#[test]
fn dead_letters_keep_their_history_and_can_be_sent_again() {
    let root = tempfile::tempdir().unwrap();
    let (journal, dead, mut durable) = consumer(root.path());
    journal.append(at(5), b"poison").unwrap();
    journal.append(at(6), b"poison's next").unwrap();
    journal.sync().unwrap();
    let first = durable.take(ConsumerId(1), at(10)).unwrap().unwrap();
    assert!(
        durable.take(ConsumerId(2), at(10)).unwrap().is_none(),
        "it has the same key"
    );
    durable
        .reject(
            first.lease,
            Answer::RetryAfter(Duration::from_nanos(3)),
            "bad day",
            at(11),
        )
        .unwrap();
    assert!(durable.acknowledge(first.lease, at(11)).is_err());
    let second = durable.take(ConsumerId(2), at(14)).unwrap().unwrap();
    assert_eq!(
        (second.lease.attempt, &second[..], second.time()),
        (2, &b"poison"[..], at(5))
    );
    durable.gone(ConsumerId(2), at(20)).unwrap();
    let third = durable.take(ConsumerId(1), at(21)).unwrap().unwrap();
    assert_eq!(third.lease.attempt, 3);
    // Its lease ends, and its tries are used up: the next of the key comes.
    let next = durable.take(ConsumerId(1), at(2_000)).unwrap().unwrap();
    assert_eq!(&next[..], b"poison's next");
    durable.acknowledge(next.lease, at(2_001)).unwrap();
    assert_eq!(durable.commit(at(2_001)).unwrap(), Offset(2));

    let mut letters = dead.reader(Start::Beginning, Visible::Durable).unwrap();
    let record = letters.next().unwrap().unwrap();
    let letter = Letter::decode(record.payload).unwrap();
    assert_eq!(
        (letter.offset, letter.time, letter.payload),
        (Offset(0), at(5), &b"poison"[..])
    );
    let reasons: Vec<_> = letter.history.iter().map(|it| it.reason.clone()).collect();
    let said = Reason::Rejected("bad day".to_owned());
    assert_eq!(reasons, [said, Reason::ConsumerGone, Reason::TimedOut]);
    assert_eq!(letter.history[2].ended, at(1_021));
    for len in 0..record.payload.len() - letter.payload.len() {
        assert!(Letter::decode(&record.payload[..len]).is_err(), "{len}");
    }

    assert_eq!(resend(&dead, "resent", &journal, at(3_000), 10).unwrap(), 1);
    assert_eq!(resend(&dead, "resent", &journal, at(3_000), 10).unwrap(), 0);
    let again = durable.take(ConsumerId(1), at(3_001)).unwrap().unwrap();
    assert_eq!((again.lease.attempt, &again[..]), (1, &b"poison"[..]));
}

/// Would be broken by letters that do not fit, found out when it is too late.
#[test]
fn a_journal_for_letters_must_take_the_longest() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(&root.path().join("main"), RECORD);
    let dead = open(&root.path().join("dead"), RECORD + LETTER_BYTES_MAX - 1);
    let refused = Durable::open(&journal, "x", dead, Options::default(), 0, |_| None);
    assert!(matches!(refused, Err(DurableError::Letters { .. })));
}

/// Would be broken by a place that is kept without its result, or the other way round.
#[test]
fn a_sum_is_right_however_often_its_consumer_stops() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path(), RECORD);
    for number in 0..1_000_u64 {
        journal.append(at(1), &number.to_le_bytes()).unwrap();
    }
    journal.sync().unwrap();
    let mut stops = 0;
    let sum = loop {
        let mut consumer = EffectivelyOnce::open(&journal, "sum").unwrap();
        let mut sum = consumer.result().try_into().map_or(0, u64::from_le_bytes);
        let mut is_done = false;
        for step in 0..17 + stops % 5 {
            match consumer.next().unwrap() {
                Some(record) => sum += u64::from_le_bytes(record.payload.try_into().unwrap()),
                None => is_done = true,
            }
            if step == 11 {
                consumer.commit(&sum.to_le_bytes()).unwrap();
            }
        }
        stops += 1;
        assert!(stops < 1_000, "it comes to an end");
        if is_done {
            break sum;
        }
    };
    assert_eq!(sum, 999 * 1_000 / 2);
}

/// Would be broken by a window that never ends, has no limit, or forgets in silence.
#[test]
fn a_message_that_is_sent_twice_is_known_within_its_window() {
    let mut dedup = Dedup::new(Duration::from_nanos(100), 3);
    assert!(dedup.is_empty());
    dedup.remember(MessageId(1), Offset(10), at(0));
    assert_eq!(dedup.known(MessageId(1), at(100)), Some(Offset(10)));
    dedup.remember(MessageId(1), Offset(11), at(50));
    assert_eq!(
        dedup.known(MessageId(1), at(100)),
        Some(Offset(10)),
        "the first one counts"
    );
    assert_eq!(dedup.known(MessageId(1), at(101)), None);
    for id in 2..6 {
        dedup.remember(MessageId(id), Offset(0), at(101));
    }
    assert_eq!((dedup.len(), dedup.forgotten_early()), (3, 1));
    assert_eq!(dedup.known(MessageId(2), at(101)), None);
}
