//! The journal beside the machine's own limits: copying into mapped memory, and `fdatasync`.
//!
//! `cargo xtask bench` does not run it yet: `cargo bench -p claude-flow-benches --bench journal`. Run
//! as a test it appends and reads a few records. `JOURNAL_BENCH_DIRECTORY` names a disk.
//!
//! Append and replay are told in records a second of 64 bytes, with their check. *prepared* has the pages
//! of all segments asked for before (`ahead`, `prefault_bytes`), *cold* meets them on the way. A commit
//! is 64 records and one sync; its floor overwrites as many bytes of a file of zeros and syncs.
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, the environment and files"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claude_flow_eventbus::journal::{Journal, Keeper, Options, Start, SyncPolicy, Time, Visible};
use criterion::{BenchmarkId, Criterion, Throughput};

const PAYLOAD: [u8; 64] = [0x5a; 64];

/// Records of one measurement: 80 bytes each, 160 MB.
const RECORDS: u64 = 2_000_000;

/// Records of one measurement as a test.
const RECORDS_TEST: u64 = 2_000;

/// Records of a commit.
const BATCH: u64 = 64;

/// Of which every commit of several threads has as many.
const BATCH_SHARED: u64 = 512;

const RECORD_BYTES: u64 = 80;

const SEGMENT_BYTES: u64 = 64 << 20;

fn main() -> Result<()> {
    let is_benchmark = std::env::args().any(|it| it == "--bench");
    let records = if is_benchmark { RECORDS } else { RECORDS_TEST };
    let directory = std::env::var_os("JOURNAL_BENCH_DIRECTORY");
    let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    append(&mut criterion, &directory, records)?;
    replay(&mut criterion, &directory, records)?;
    commit(&mut criterion, &directory)?;
    criterion.final_summary();
    Ok(())
}

fn options(policy: SyncPolicy, ahead: u32) -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        bytes_max: 2 << 30,
        policy,
        ahead,
        prefault_bytes: if ahead > 1 { 1 << 30 } else { 1 << 20 },
        ..Options::default()
    }
}

fn open(directory: &Path, options: Options) -> Result<(tempfile::TempDir, Journal)> {
    let folder = tempfile::tempdir_in(directory).context("making a folder for a journal")?;
    let opened = Journal::open(folder.path(), options)?;
    ensure!(opened.damages.is_empty(), "it is new");
    Ok((folder, opened.journal))
}

fn append_all(journal: &Journal, records: u64) -> Result<Duration> {
    let mut end = journal.lock();
    let started = Instant::now();
    for number in 0..records {
        end.append(Time::from_ns(number), &PAYLOAD)?;
    }
    Ok(started.elapsed())
}

/// As much memory of a mapped file that was written before, and no more than a copy.
fn copy_all(directory: &Path, records: u64) -> Result<Duration> {
    let bytes = usize::try_from(records * RECORD_BYTES)?;
    // The mapping of a file is unsafe; a vector's pages that were touched cost the same.
    let mut memory = vec![1_u8; bytes];
    ensure!(directory.is_dir(), "the disk is there");
    let started = Instant::now();
    for place in memory.chunks_exact_mut(usize::try_from(RECORD_BYTES)?) {
        place[16..].copy_from_slice(std::hint::black_box(&PAYLOAD));
    }
    let time = started.elapsed();
    std::hint::black_box(&memory);
    Ok(time)
}

fn append(criterion: &mut Criterion, directory: &Path, records: u64) -> Result<()> {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(records));
    let mut error = None;
    let mut measure = |name: &str, run: &dyn Fn() -> Result<Duration>| {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|count| {
                let times: Result<Duration> = (0..count).map(|_| run()).sum();
                times.unwrap_or_else(|it| {
                    error = Some(it);
                    Duration::from_secs(1)
                })
            });
        });
    };
    measure("floor: copy", &|| copy_all(directory, records));
    let segments = u32::try_from(records * RECORD_BYTES / SEGMENT_BYTES)? + 2;
    measure("none, prepared", &|| {
        let (_folder, journal) = open(directory, options(SyncPolicy::None, segments))?;
        // The first round goes through the pages of a segment that the second does not meet.
        journal.tend(Time::default())?;
        append_prepared(&journal, records)
    });
    measure("none, cold", &|| {
        let (_folder, journal) = open(directory, options(SyncPolicy::None, 1))?;
        append_all(&journal, records)
    });
    measure("none, cold, with keeper", &|| {
        let (_folder, journal) = open(directory, options(SyncPolicy::None, 2))?;
        let _keeper = Keeper::start(journal.clone())?;
        append_all(&journal, records)
    });
    measure("every 5 ms", &|| {
        let policy = SyncPolicy::Every(Duration::from_millis(5));
        let (_folder, journal) = open(directory, options(policy, 2))?;
        let _keeper = Keeper::start(journal.clone())?;
        append_all(&journal, records)
    });
    group.finish();
    error.map_or(Ok(()), Err)
}

/// A segment's worth at a time, whose pages are asked for outside of the measurement.
fn append_prepared(journal: &Journal, records: u64) -> Result<Duration> {
    let round = (SEGMENT_BYTES - (1 << 20)) / RECORD_BYTES;
    let mut time = Duration::ZERO;
    let mut left = records;
    while left > 0 {
        journal.tend(Time::default())?;
        let count = left.min(round / 4);
        time += append_all(journal, count)?;
        left -= count;
    }
    Ok(time)
}

fn replay(criterion: &mut Criterion, directory: &Path, records: u64) -> Result<()> {
    let (_folder, journal) = open(directory, options(SyncPolicy::None, 1))?;
    append_all(&journal, records)?;
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(records));
    group.bench_function("from the beginning", |bencher| {
        bencher.iter(|| {
            let reader = journal.reader(Start::Beginning, Visible::Appended);
            let mut reader = reader.expect("the beginning is there");
            let (mut count, mut sum) = (0, 0_u64);
            while let Ok(Some(record)) = reader.next() {
                count += 1;
                sum += u64::from(record.payload[0]);
            }
            assert_eq!((count, sum), (records, records * 0x5a));
        });
    });
    group.finish();
    Ok(())
}

fn commit(criterion: &mut Criterion, directory: &Path) -> Result<()> {
    let mut group = criterion.benchmark_group("commit");
    let bytes = usize::try_from(BATCH * RECORD_BYTES)?;
    let folder = tempfile::tempdir_in(directory)?;
    let file = File::create_new(folder.path().join("floor"))?;
    file.write_all_at(&vec![0; 16 << 20], 0)?;
    file.sync_all()?;
    let mut place = 0;
    let written = vec![1; bytes];
    group.bench_function("floor: write and fdatasync", |bencher| {
        bencher.iter(|| {
            file.write_all_at(&written, place).expect("it is there");
            file.sync_data().expect("the disk works");
            place = (place + bytes as u64) % (15 << 20);
        });
    });
    let (_folder, journal) = open(directory, options(SyncPolicy::Batch, 1))?;
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("batch of 64", |bencher| {
        bencher.iter(|| commit_one(&journal, BATCH));
    });
    group.throughput(Throughput::Elements(2 * 16 * BATCH_SHARED));
    group.bench_function("2 threads, 16 batches of 512 each", |bencher| {
        bencher.iter(|| {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| (0..16).for_each(|_| commit_one(&journal, BATCH_SHARED)));
                }
            });
        });
    });
    group.finish();
    Ok(())
}

fn commit_one(journal: &Journal, records: u64) {
    let mut end = journal.lock();
    for number in 0..records {
        end.append(Time::from_ns(number), &PAYLOAD)
            .expect("the oldest make room");
    }
    let last = claude_flow_eventbus::journal::Offset(end.end().0 - 1);
    drop(end);
    journal.commit(last).expect("the disk works");
    assert!(journal.durable() > last);
}
