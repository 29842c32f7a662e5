use super::*;
use claude_flow_checkers::tdd::{Edit, Kind};

fn edit(path: &str, before: &[u8], after: &[u8]) -> Event {
    Event::Edit(Edit {
        path: path.to_owned(),
        from: None,
        before: Before::Was(digest(before)),
        after: Some(digest(after)),
        kind: Kind::Source,
        words: None,
    })
}

struct Place {
    // Removes the directory at the end.
    _directory: tempfile::TempDir,
    journal: Journal,
}

fn place() -> Place {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let journal = Journal::at(directory.path().join("tdd/one"));
    Place {
        _directory: directory,
        journal,
    }
}

/// Records the numbers from 0.
fn fill(journal: &Journal, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let (before, after) = (number.to_string(), (number + 1).to_string());
        let event = edit("a.py", before.as_bytes(), after.as_bytes());
        journal
            .append(number, &event, &[before.as_bytes(), after.as_bytes()])
            .expect("there is room");
    }
}

fn times(journal: &Journal) -> (Vec<u64>, usize) {
    let recorded = journal.read().expect("it can be read");
    (
        recorded.events.iter().map(|it| it.time_ms).collect(),
        recorded.damaged,
    )
}

/// Fails if an event or a content is not given back as it was.
#[test]
fn what_was_recorded_is_read() {
    let Place {
        _directory,
        journal,
    } = place();
    assert_eq!(
        journal.read().expect("an absent journal is empty"),
        Recorded::default()
    );
    fill(&journal, 0..3);
    let recorded = journal.read().expect("it can be read");
    assert_eq!(recorded.events[2].event, edit("a.py", b"2", b"3"));
    assert_eq!(times(&journal), (vec![0, 1, 2], 0));
    assert_eq!(journal.content(digest(b"2")).as_deref(), Some(&b"2"[..]));
    assert_eq!(journal.latest("a.py").as_deref(), Some(&b"3"[..]));
    assert_eq!(journal.latest("b.py"), None);
}

/// Fails if a crash in a write costs more than what was being written, or keeps the next event from being kept.
#[test]
fn a_crash_costs_at_most_the_line_that_was_being_written() {
    let Place {
        _directory,
        journal,
    } = place();
    fill(&journal, 0..3);
    let path = journal.directory().join("journal");
    let whole = fs::read(&path).expect("it is there");
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).expect("it can be cut");
        let lines = whole[..len].split(|byte| *byte == b'\n').count() as u64 - 1;
        // A line without its end is whole all the same.
        let is_ended = len > 0 && whole[len] == b'\n';
        let kept = lines + u64::from(is_ended);
        let is_torn = !is_ended && len > 0 && whole[len - 1] != b'\n';
        assert_eq!(
            times(&journal),
            ((0..kept).collect(), usize::from(is_torn)),
            "{len} bytes"
        );
        fill(&journal, 7..8);
        let expected: Vec<u64> = (0..kept).chain([7]).collect();
        assert_eq!(
            times(&journal),
            (expected, usize::from(is_torn)),
            "{len} bytes"
        );
    }
}

/// Fails if a byte that the disk changed makes another event of one.
#[test]
fn a_damaged_line_is_counted_and_left_out() {
    let Place {
        _directory,
        journal,
    } = place();
    fill(&journal, 0..2);
    let path = journal.directory().join("journal");
    let whole = fs::read(&path).expect("it is there");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).expect("it can be written");
        let (times, damaged) = times(&journal);
        assert!(
            damaged > 0 && times.len() < 2,
            "byte {at}: {times:?}, {damaged} damaged"
        );
        assert!(times.iter().all(|it| *it < 2));
    }
}

/// A disk that takes so many more bytes.
struct Full {
    written: Vec<u8>,
    room: usize,
    can_cut: bool,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room -= count;
        self.written.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Full {
    fn cut(&mut self, len: u64) -> io::Result<()> {
        if !self.can_cut {
            return Err(io::ErrorKind::Other.into());
        }
        self.written
            .truncate(usize::try_from(len).expect("it is small"));
        Ok(())
    }
}

/// Fails if a full disk takes an event, loses an earlier one, or says that all is well.
#[test]
fn a_full_disk_refuses_and_keeps_what_was_there() {
    let first = line_of(1, &edit("a.py", b"a", b"b")).expect("it is small");
    let second = line_of(2, &edit("a.py", b"b", b"c")).expect("it is small");
    for can_cut in [true, false] {
        for room in 0..second.len() {
            let written = first.clone().into_bytes();
            let mut disk = Full {
                written,
                room,
                can_cut,
            };
            let refused = write_whole(&mut disk, first.len() as u64, second.as_bytes());
            let error = refused.expect_err("there is no room");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert!(!can_cut || disk.written == first.as_bytes(), "{room}");
            let mut recorded = Recorded::default();
            read_lines(&disk.written, &mut recorded);
            let is_whole = !can_cut && room == second.len() - 1;
            assert_eq!(recorded.events.len(), 1 + usize::from(is_whole), "{room}");
        }
    }
}

/// Fails if the journal grows without a bound, or forgets the newest events.
#[test]
fn rotation_bounds_the_files_and_keeps_the_newest() {
    let Place {
        _directory,
        journal,
    } = place();
    let words = (0..20_000).map(|it| format!("w{it}")).collect();
    let large = |number: u64| {
        let Event::Edit(edit) = edit("a.py", &number.to_le_bytes(), &(number + 1).to_le_bytes())
        else {
            unreachable!("it is an edit")
        };
        let words = claude_flow_checkers::tdd::Words {
            touched: Vec::clone(&words),
            ..Default::default()
        };
        Event::Edit(Edit {
            words: Some(words),
            ..edit
        })
    };
    for number in 0..40_u64 {
        let content = (number + 1).to_le_bytes();
        journal
            .append(number, &large(number), &[&content])
            .expect("there is room");
    }
    let size = |name: &str| {
        fs::metadata(journal.directory().join(name))
            .expect("it is there")
            .len()
    };
    assert!(size("journal") <= SEGMENT_BYTES_MAX && size("previous") <= SEGMENT_BYTES_MAX);
    let (times, damaged) = times(&journal);
    let expected: Vec<u64> = (40 - times.len() as u64..40).collect();
    assert_eq!((times, damaged), (expected, 0));
    let contents = fs::read_dir(journal.directory().join("contents"))
        .expect("it is there")
        .count();
    assert!(contents < 40, "{contents} contents are kept");
    assert_eq!(
        journal.latest("a.py").as_deref(),
        Some(&40_u64.to_le_bytes()[..])
    );
    assert!(matches!(
        line_of(
            0,
            &Event::Edit(Edit {
                path: "a".repeat(LINE_BYTES_MAX),
                ..match large(0) {
                    Event::Edit(edit) => edit,
                    Event::Run(_) => unreachable!("it is an edit"),
                }
            })
        ),
        Err(JournalError::TooLarge { .. })
    ));
}

/// Fails if a crash in a rotation leaves a journal that cannot go on.
#[test]
fn a_crash_in_a_rotation_is_survived() {
    let Place {
        _directory,
        journal,
    } = place();
    fill(&journal, 0..3);
    let at = |name: &str| journal.directory().join(name);
    // Renamed, and nothing else done.
    fs::rename(at("journal"), at("previous")).expect("it is there");
    assert_eq!(times(&journal), (vec![0, 1, 2], 0));
    fill(&journal, 3..4);
    assert_eq!(times(&journal), (vec![0, 1, 2, 3], 0));
    // The count of bytes was being written: what is not told makes room.
    fs::write(at("lock"), [1, 2, 3]).expect("it is there");
    fill(&journal, 4..5);
    assert_eq!(times(&journal), (vec![3, 4], 0));
    assert_eq!(journal.content(digest(b"4")).as_deref(), Some(&b"4"[..]));
}

/// Fails if a torn or changed content is handed out, or is never mended.
#[test]
fn a_broken_content_is_none() {
    let Place {
        _directory,
        journal,
    } = place();
    journal
        .append(0, &edit("a.py", b"old", b"content"), &[b"content"])
        .expect("there is room");
    let path = journal
        .directory()
        .join("contents")
        .join(digest(b"content").to_string());
    fs::write(&path, b"contenT").expect("it can be written");
    assert_eq!(journal.content(digest(b"content")), None);
    fs::write(&path, b"con").expect("it can be written");
    assert_eq!(
        (journal.content(digest(b"content")), journal.latest("a.py")),
        (None, None)
    );
    journal
        .append(1, &edit("a.py", b"old", b"content"), &[b"content"])
        .expect("there is room");
    assert_eq!(journal.latest("a.py").as_deref(), Some(&b"content"[..]));
}

/// Fails if writers that do not know of each other lose or mix lines; a lock is held by an open file, so that
/// threads stand for processes.
#[test]
fn writers_at_once_keep_all_lines() {
    const EACH: u64 = 50;
    let Place {
        _directory,
        journal,
    } = place();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let journal = Journal::at(journal.directory().to_owned());
            scope.spawn(move || fill(&journal, writer * EACH..(writer + 1) * EACH));
        }
    });
    let (mut times, damaged) = times(&journal);
    for writer in 0..4 {
        let own = times.iter().filter(|it| **it / EACH == writer);
        assert!(own.is_sorted(), "the order of one writer is kept");
    }
    times.sort_unstable();
    assert_eq!((times, damaged), ((0..4 * EACH).collect(), 0));
}

/// Fails if a line that an earlier version wrote is no longer read as what it was, or is written in another way.
#[test]
fn the_stored_form_is_the_golden_one() {
    use claude_flow_checkers::reports::{Reason, RunState};
    use claude_flow_checkers::tdd::{Failed, Outcome, Run, Test, Words};

    let Event::Edit(edit) = edit("src/a.py", b"a = 1\n", b"a = 2\n") else {
        unreachable!("it is an edit")
    };
    let words = Words {
        touched: vec!["a".to_owned()],
        ..Words::default()
    };
    let failed = Outcome::Failed {
        reason: Reason::MissingSymbol,
        words: vec!["b".to_owned()],
    };
    let test = |name: &str, outcome| Test {
        suite: "s".to_owned(),
        name: name.to_owned(),
        file: None,
        outcome,
    };
    let run = Run {
        state: RunState::Failed,
        tests: vec![
            test("one", Outcome::Passed),
            test("two", failed),
            test("three", Outcome::Skipped),
        ],
        suites: vec![Failed {
            name: "t.py".to_owned(),
            reason: Reason::Syntax,
            words: Vec::new(),
        }],
        files: [("src/a.py".to_owned(), digest(b"a = 2\n"))].into(),
        is_whole: true,
        is_copy: false,
    };
    let events = [
        Event::Edit(Edit {
            words: Some(words),
            ..edit.clone()
        }),
        Event::Edit(Edit {
            from: Some("a.py".to_owned()),
            before: Before::Unknown,
            after: None,
            ..edit.clone()
        }),
        Event::Edit(Edit {
            before: Before::Absent,
            kind: Kind::Cosmetic,
            ..edit
        }),
        Event::Run(run),
    ];
    let lines: Vec<_> = events
        .iter()
        .map(|it| line_of(1_700_000_000_000, it).expect("it is small"))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tdd/journal-1");
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        fs::write(&path, lines.concat()).expect("the fixtures can be written");
    }
    let golden = fs::read(&path).expect("the fixtures are there");
    assert_eq!(String::from_utf8_lossy(&golden), lines.concat());
    let mut recorded = Recorded::default();
    read_lines(&golden, &mut recorded);
    let read: Vec<Event> = recorded.events.into_iter().map(|it| it.event).collect();
    assert_eq!(read, events);
}
