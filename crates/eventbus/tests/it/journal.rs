//! The journal on real files, in other processes too.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use claude_flow_eventbus::journal::{
    AppendError, Due, Journal, Keeper, Offset, OpenError, Options, Paced, ReadError, Speed, Start,
    SyncPolicy, Time, Visible,
};

const DIRECTORY: &str = "JOURNAL_TEST_DIRECTORY";

fn at(ns: u64) -> Time {
    Time::from_ns(ns)
}

fn options(policy: SyncPolicy) -> Options {
    Options {
        segment_bytes: 256 << 10,
        bytes_max: 64 << 20,
        record_bytes_max: 4_096,
        policy,
        ..Options::default()
    }
}

fn open(directory: &Path, policy: SyncPolicy) -> Journal {
    let opened = Journal::open(directory, options(policy)).unwrap();
    assert_eq!(opened.damages, []);
    opened.journal
}

fn payload(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(8 + usize::try_from(number % 200).unwrap(), b'x');
    bytes
}

/// So many times what the environment variable `STRESS` says (1 without it).
fn stress(usual: u64) -> u64 {
    let factor = std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    usual * factor
}

/// Would be broken by two writers in one directory, or one that others may write to.
#[test]
fn one_journal_has_the_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path(), SyncPolicy::Batch);
    let refused = Journal::open(root.path(), options(SyncPolicy::Batch));
    assert!(
        matches!(refused, Err(OpenError::InUse { .. })),
        "{refused:?}"
    );
    drop(journal);
    drop(open(root.path(), SyncPolicy::Batch));
    let open_to_all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(root.path(), open_to_all).unwrap();
    let refused = Journal::open(root.path(), options(SyncPolicy::Batch));
    assert!(matches!(refused, Err(OpenError::Io(_))), "{refused:?}");
}

/// Would be broken by a sync for each caller, by one that returns too early, or by records of two that
/// are mixed up.
#[test]
fn appenders_share_syncs() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path(), SyncPolicy::Batch);
    let keeper = Keeper::start(journal.clone()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..50 {
                    let bytes = payload(thread * 1_000 + number);
                    let offset = journal.append(at(number), &bytes).unwrap();
                    journal.commit(offset).unwrap();
                    assert!(journal.durable() > offset);
                }
            });
        }
        let mut reader = journal.reader(Start::Beginning, Visible::Durable).unwrap();
        let mut last = [None; 8];
        let mut count = 0;
        while count < 400 {
            let Some(record) = reader.next().unwrap() else {
                std::thread::yield_now();
                continue;
            };
            let number = u64::from_le_bytes(record.payload[..8].try_into().unwrap());
            let of_thread = &mut last[usize::try_from(number / 1_000).unwrap()];
            assert!(of_thread.is_none_or(|last| last + 1 == number), "{number}");
            *of_thread = Some(number);
            count += 1;
        }
    });
    let stats = journal.stats();
    assert_eq!(stats.end, Offset(400));
    assert!(stats.syncs <= 400, "{stats:?}");
    keeper.stop().unwrap();
}

/// Would be broken by a reader that sees what is not written yet, or mistakes a segment's end.
#[test]
fn a_reader_follows_a_writer_in_another_thread() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path(), SyncPolicy::None);
    let count = stress(50_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..count {
                journal.append(at(number), &payload(number)).unwrap();
            }
        });
        let mut reader = journal.reader(Start::Beginning, Visible::Appended).unwrap();
        let mut next = 0;
        while next < count {
            match reader.next() {
                Ok(Some(record)) => {
                    assert_eq!(
                        (record.offset.0, record.payload),
                        (next, payload(next).as_slice())
                    );
                    next += 1;
                }
                Ok(None) => std::thread::yield_now(),
                Err(ReadError::Removed { from, to }) if from.0 == next => next = to.0,
                Err(error) => panic!("{error}"),
            }
        }
    });
}

/// Would be broken by waits that are not those of the records.
#[test]
fn a_replay_takes_as_long_as_it_was_recorded() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path(), SyncPolicy::None);
    for time in [1_000, 1_100, 1_050, 1_400] {
        journal.append(at(time), b"").unwrap();
    }
    let given = |speed, steps: &[u64]| {
        let reader = journal.reader(Start::Beginning, Visible::Appended).unwrap();
        let mut paced = Paced::new(reader, speed);
        let mut given = Vec::new();
        for now in steps {
            loop {
                match paced.next(at(*now)).unwrap() {
                    Due::Now(record) => given.push((*now, record.offset.0)),
                    Due::Later(later) => {
                        assert!(later > at(*now));
                        break;
                    }
                    Due::End => break,
                }
            }
        }
        given
    };
    let recorded = given(Speed::RECORDED, &[7, 106, 107, 406, 407]);
    assert_eq!(recorded, [(7, 0), (107, 1), (107, 2), (407, 3)]);
    let twice = given(Speed { times: 2, per: 1 }, &[7, 56, 57, 206, 207]);
    assert_eq!(twice, [(7, 0), (57, 1), (57, 2), (207, 3)]);
}

/// The other process; killed at the latest when the test ends.
struct Other(Child);

impl Other {
    fn start(test: &str, directory: &Path) -> Self {
        let this = std::env::current_exe().unwrap();
        let mut command = Command::new(this);
        command.args(["--exact", test, "--nocapture"]);
        command
            .env(DIRECTORY, directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Errors say that it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_other() -> Option<std::path::PathBuf> {
    std::env::var_os(DIRECTORY).map(Into::into)
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Would be broken by anything that is only in the process when a commit returns.
#[test]
fn a_killed_writer_loses_nothing_that_it_committed() {
    const TEST: &str = "journal::a_killed_writer_loses_nothing_that_it_committed";
    if let Some(directory) = is_other() {
        let journal = open(&directory, SyncPolicy::Batch);
        let mut cursor = journal.cursor("self", Offset(0)).unwrap();
        for number in journal.end().0.. {
            let offset = journal.append(at(number), &payload(number)).unwrap();
            if number % 7 == 0 {
                journal.commit(offset).unwrap();
                say(&format!("done {number}"));
            }
            if number % 50 == 0 {
                cursor.commit(offset, &number.to_le_bytes()).unwrap();
            }
        }
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let mut done = None;
    for round in 0..stress(8) {
        let mut other = Other::start(TEST, root.path());
        let lines = BufReader::new(other.0.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let Some(number) = line
                .unwrap()
                .strip_prefix("done ")
                .map(|it| it.parse::<u64>().unwrap())
            else {
                continue;
            };
            done = Some(number);
            seen += 1;
            if seen > 20 + round * 13 % 50 {
                break;
            }
        }
        drop(other);
        let journal = open(root.path(), SyncPolicy::Batch);
        assert!(Some(journal.end().0) > done, "round {round}");
        let mut reader = journal.reader(Start::Beginning, Visible::Appended).unwrap();
        for number in 0..journal.end().0 {
            let record = reader.next().unwrap().unwrap();
            assert_eq!(
                (record.time, record.payload),
                (at(number), payload(number).as_slice())
            );
        }
        let cursor = journal.cursor("self", Offset(0)).unwrap();
        let position = cursor.position().0;
        assert_eq!(
            cursor.result().try_into().map_or(0, u64::from_le_bytes),
            position
        );
    }
    assert!(done > Some(100));
}

/// Would be broken by a full disk that is a signal at a store, or by a segment that is left half made.
#[test]
fn a_disk_without_room_is_an_error_by_name() {
    const TEST: &str = "journal::a_disk_without_room_is_an_error_by_name";
    if let Some(directory) = is_other() {
        // No file may be longer, as on a full disk; the signal that comes with it is not wanted.
        let wide = Options {
            segment_bytes: 512 << 10,
            ..options(SyncPolicy::Batch)
        };
        let refused = Journal::open(&directory, wide);
        let Err(OpenError::DiskFull(error)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.name, "00000001.seg");
        let journal = open(&directory, SyncPolicy::Batch);
        journal.append(at(0), b"it fits").unwrap();
        journal.sync().unwrap();
        say("refused");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    // In units of 1,024 bytes.
    let script = format!("trap '' XFSZ; ulimit -f 300; exec \"$0\" --exact {TEST} --nocapture");
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .arg(this)
        .env(DIRECTORY, root.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("refused") && output.status.success(),
        "{output:?}"
    );
    assert_eq!(open(root.path(), SyncPolicy::Batch).end(), Offset(1));
}

/// Would be broken by a cut file that is not told: who has it mapped ends as if killed, and the next one
/// says what is gone.
#[test]
fn a_file_that_is_cut_meanwhile_ends_the_process_and_is_told() {
    use std::os::unix::process::ExitStatusExt as _;
    const TEST: &str = "journal::a_file_that_is_cut_meanwhile_ends_the_process_and_is_told";
    if let Some(directory) = is_other() {
        let journal = open(&directory, SyncPolicy::Batch);
        for number in 0..5_000 {
            journal.append(at(number), &payload(number)).unwrap();
        }
        journal.sync().unwrap();
        let mut reader = journal.reader(Start::Beginning, Visible::Durable).unwrap();
        assert_eq!(reader.next().unwrap().unwrap().offset, Offset(0));
        let first = directory.join("00000001.seg");
        let file = std::fs::OpenOptions::new().write(true).open(first).unwrap();
        file.set_len(64 << 10).unwrap();
        say("cut");
        while reader.next().unwrap().is_some() {}
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let mut other = Other::start(TEST, root.path());
    let status = other.0.wait().unwrap();
    // SIGBUS
    assert_eq!(status.signal(), Some(7), "{status}");
    let opened = Journal::open(root.path(), options(SyncPolicy::Batch)).unwrap();
    let said = format!("{:?}", opened.damages);
    assert!(
        said.contains("Length") && said.contains("Missing"),
        "{said}"
    );
    let journal = opened.journal;
    assert_eq!(journal.end(), Offset(5_000));
    let damages = journal.verify().unwrap();
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!(damages[0].segment, 1);
    let mut reader = journal
        .reader(Start::At(damages[0].to), Visible::Appended)
        .unwrap();
    assert_eq!(
        reader.next().unwrap().unwrap().payload,
        payload(damages[0].to.0)
    );
}

/// Would be broken by any change of the bytes, or by a reader that needs one.
#[test]
fn the_files_are_those_of_version_1() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/eventbus/journal-v1");
    let root = tempfile::tempdir().unwrap();
    if let Some(to) = std::env::var_os("WRITE_GOLDEN_BYTES_TO") {
        let journal = open(root.path(), SyncPolicy::Batch);
        for number in 0..10 {
            journal.append(at(number * 100), &payload(number)).unwrap();
        }
        journal.sync().unwrap();
        journal
            .cursor("reader", Offset(0))
            .unwrap()
            .commit(Offset(4), b"four")
            .unwrap();
        drop(journal);
        for name in ["00000001.seg", "reader.cursor"] {
            let bytes = std::fs::read(root.path().join(name)).unwrap();
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            std::fs::create_dir_all(&to).unwrap();
            std::fs::write(Path::new(&to).join(name), &bytes[..used]).unwrap();
        }
    }
    for (name, len) in [("00000001.seg", 256 << 10), ("reader.cursor", 128 << 10)] {
        let mut bytes = std::fs::read(golden.join(name)).unwrap();
        bytes.resize(len, 0);
        std::fs::write(root.path().join(name), bytes).unwrap();
    }
    let journal = open(root.path(), SyncPolicy::Batch);
    let mut reader = journal.reader(Start::Beginning, Visible::Durable).unwrap();
    for number in 0..10 {
        let record = reader.next().unwrap().unwrap();
        assert_eq!(
            (record.time, record.payload),
            (at(number * 100), payload(number).as_slice())
        );
    }
    assert!(reader.next().unwrap().is_none());
    let cursor = journal.cursor("reader", Offset(0)).unwrap();
    assert_eq!(
        (cursor.position(), cursor.result()),
        (Offset(4), &b"four"[..])
    );
    // And they are written the same: the next frame, from the golden file's own name.
    let before = std::fs::read(golden.join("00000001.seg")).unwrap();
    let now = std::fs::read(root.path().join("00000001.seg")).unwrap();
    assert!(now.starts_with(&before));
}

/// Would be broken by records that wait for a caller to come again.
#[test]
fn a_keeper_syncs_and_makes_segments_ahead() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path(), SyncPolicy::Every(Duration::from_millis(1)));
    let keeper = Keeper::start(journal.clone()).unwrap();
    let offset = journal.append(at(0), b"soon").unwrap();
    let patience = std::time::Instant::now() + Duration::from_mins(1);
    while journal.durable() <= offset || journal.stats().spares == 0 {
        assert!(
            std::time::Instant::now() < patience,
            "{:?}",
            journal.stats()
        );
        std::thread::yield_now();
    }
    keeper.stop().unwrap();
    let refused = journal.append(at(0), &[0; 5_000]);
    assert!(matches!(refused, Err(AppendError::TooLong { .. })));
}
