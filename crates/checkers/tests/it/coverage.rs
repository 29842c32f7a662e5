//! What is read of recorded coverage reports, lcov there and back, and what is found.

use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;

use claude_flow_checkers::coverage::{
    Coverage, FileCoverage, Format, Freshness, Minimum, Minimums, Origin, ReadError, Request,
    Share, Totals, check, read, write_lcov,
};
use claude_flow_checkers::{Finding, Outcome, Severity};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::{expect_text, fixtures_dir};

/// The recorded reports in the order of their names: `format/tool.ext`, the format, the bytes.
fn recorded() -> Vec<(String, Format, Vec<u8>)> {
    let dir = fixtures_dir().join("checkers/coverage");
    let mut all = Vec::new();
    for (folder, format) in [
        ("clover", Format::Clover),
        ("cobertura", Format::Cobertura),
        ("coverage-py", Format::CoveragePy),
        ("gcov", Format::Gcov),
        ("go", Format::GoProfile),
        ("istanbul", Format::Istanbul),
        ("jacoco", Format::Jacoco),
        ("lcov", Format::Lcov),
        ("llvm-cov", Format::LlvmCov),
        ("opencover", Format::OpenCover),
    ] {
        let files = fs::read_dir(dir.join(folder)).expect("each format has a folder");
        let mut paths: Vec<_> = files
            .map(|it| it.expect("it can be listed").path())
            .collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().expect("it is a file").to_string_lossy();
            let bytes = fs::read(&path).expect("it can be read");
            all.push((format!("{folder}/{name}"), format, bytes));
        }
    }
    all
}

/// Catches a reader that reads something else than before of what a real tool wrote.
#[test]
fn recorded_reports_are_read_as_expected() {
    let mut text = String::new();
    for (name, format, bytes) in recorded() {
        let coverage = format
            .read(&bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        writeln!(text, "=== {name}").expect("a string takes it");
        for root in &coverage.roots {
            writeln!(text, "root {root}").expect("a string takes it");
        }
        text += &write_lcov(&coverage);
    }
    expect_text("checkers/coverage/expected.txt", &text);
}

/// Catches a report that is taken for one of another format.
#[test]
fn formats_are_recognised() {
    for (name, format, bytes) in recorded() {
        assert_eq!(Format::recognise(&bytes), Some(format), "{name}");
    }
    for nonsense in [
        "",
        " ",
        "{}",
        "<html/>",
        "mode",
        "[1]",
        "hello",
        "{\"a\":1}",
    ] {
        assert_eq!(Format::recognise(nonsense.as_bytes()), None, "{nonsense:?}");
    }
}

/// The lines of a file of the project that did and did not run.
fn hits(coverage: &Coverage, ending: &str) -> Vec<(u32, bool)> {
    let file = coverage.files.iter().find(|it| it.path().ends_with(ending));
    let file = file.unwrap_or_else(|| panic!("no file ends with {ending}"));
    let lines = file.lines().iter().map(|it| (it.number, it.hits > 0));
    lines.collect()
}

/// Catches a reader that is wrong by a line or takes a hit for a miss: all tools looked at the same programs.
#[test]
fn tools_agree_on_what_ran() {
    for (name, format, bytes) in recorded() {
        if name.contains("empty") || format == Format::OpenCover {
            continue;
        }
        // The lines of the bodies of `add`, the taken and the other half of `sign`, and `never`.
        let (ending, ran, missed): (&str, [u32; 3], [u32; 2]) = match name.split('/').next_back() {
            Some("coverage-py.info" | "coverage-py.xml") => ("sums.py", [2, 6, 8], [7, 12]),
            _ if format == Format::CoveragePy => ("sums.py", [2, 6, 8], [7, 12]),
            Some("nyc.info" | "c8.info" | "nyc.json" | "c8.json" | "istanbul.xml") => {
                ("sums.js", [2, 6, 9], [7, 13])
            }
            _ if format == Format::GoProfile => ("sums.go", [4, 8, 11], [9, 15]),
            Some("partial.xml") => ("Sums.java", [5, 9, 12], [10, 16]),
            _ => ("sums.c", [2, 6, 9], [7, 13]),
        };
        let coverage = format
            .read(&bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let hits = hits(&coverage, ending);
        for line in ran {
            assert!(
                hits.contains(&(line, true)),
                "{name}: line {line} ran: {hits:?}"
            );
        }
        for line in missed {
            assert!(
                hits.contains(&(line, false)),
                "{name}: line {line} did not run: {hits:?}"
            );
        }
    }
}

/// Catches a line or branch that is counted otherwise than by the tool itself, which also writes lcov.
#[test]
fn readers_agree_with_the_lcov_of_the_same_tool() {
    let all = recorded();
    let of = |name: &str| {
        let found = all.iter().find(|(it, ..)| it == name);
        let (_, format, bytes) = found.unwrap_or_else(|| panic!("{name} is not recorded"));
        let coverage = format
            .read(bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_sums = |it: &&FileCoverage| it.path().contains("sums.");
        let file = coverage.files.iter().find(is_sums).expect("sums is in it");
        (file.lines().to_vec(), file.branches().to_vec())
    };
    for (own, lcov) in [
        ("coverage-py/partial.json", "lcov/coverage-py.info"),
        ("gcov/partial.json", "lcov/geninfo.info"),
        ("cobertura/gcovr.xml", "lcov/gcovr.info"),
        ("istanbul/c8.json", "lcov/c8.info"),
        ("istanbul/nyc.json", "lcov/nyc.info"),
        ("cobertura/istanbul.xml", "lcov/nyc.info"),
        ("clover/istanbul.xml", "lcov/nyc.info"),
        ("cobertura/coverage-py.xml", "lcov/coverage-py.info"),
        ("llvm-cov/partial.json", "lcov/llvm-cov.info"),
    ] {
        assert_eq!(of(own), of(lcov), "{own}");
    }
}

/// Catches hostile documents: entities that grow, elements that nest, ranges that stand for billions of lines.
#[test]
fn hostile_reports_are_refused() {
    let bomb = "<!DOCTYPE coverage [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\"><!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
                <coverage><packages><class filename=\"&b;&x;\"><line number=\"1\" hits=\"1\"/></class></packages></coverage>";
    let coverage = Format::Cobertura
        .read(bomb.as_bytes())
        .expect("it is well-formed");
    assert_eq!(coverage.files[0].path(), "&b;&x;");

    let deep = "<coverage>".repeat(100_000);
    let error = Format::Cobertura
        .read(deep.as_bytes())
        .expect_err("it is too deep");
    assert!(matches!(error, ReadError::TooDeep { .. }), "{error}");

    let nested = format!("{{\"files\":{}", "[".repeat(100_000));
    let error = Format::CoveragePy
        .read(nested.as_bytes())
        .expect_err("it is too deep");
    assert!(matches!(error, ReadError::Malformed { .. }), "{error}");

    for (format, report) in [
        (Format::GoProfile, "mode: set\na.go:1.1,4000000000.1 1 1\n".to_owned()),
        (
            Format::Cobertura,
            "<coverage><class filename=\"a\"><line number=\"1\" hits=\"1\" condition-coverage=\"50% (1/4000000000)\"/></class></coverage>"
                .to_owned(),
        ),
    ] {
        let error = format.read(report.as_bytes()).expect_err("it stands for too much");
        assert!(matches!(error, ReadError::TooMany { .. }), "{error}");
    }
}

/// Catches shares that are rounded up, are no number, or take nothing for everything.
#[test]
fn shares_are_exact() {
    let minimum = Minimum::percent(80);
    assert_eq!(Share::new(4, 5).reaches(minimum), Some(true));
    assert_eq!(Share::new(799_999, 1_000_000).reaches(minimum), Some(false));
    assert_eq!(Share::new(799_999, 1_000_000).hundredths(), Some(7_999));
    assert_eq!(Share::new(u64::MAX - 1, u64::MAX).hundredths(), Some(9_999));
    assert_eq!(Share::new(0, 0).reaches(Minimum::percent(0)), None);
    assert_eq!(Share::new(0, 0).to_string(), "nothing to cover");
    assert_eq!(Share::new(9, 5), Share::new(5, 5));
}

/// Catches a report of yesterday that speaks of today's source.
#[test]
fn freshness_is_of_hashes_then_of_times() {
    let of = |made, changed| {
        let origin = Origin {
            report_made_ns: made,
            source_changed_ns: changed,
            ..Origin::default()
        };
        origin.freshness()
    };
    assert_eq!(of(Some(2), Some(1)), Freshness::Fresh);
    assert_eq!(of(Some(1), Some(2)), Freshness::Stale);
    assert_eq!(of(Some(1), Some(1)), Freshness::Unknown);
    assert_eq!(of(None, Some(1)), Freshness::Unknown);
    let hashes = |now| Origin {
        report_made_ns: Some(2),
        source_changed_ns: Some(1),
        hash_then: Some(b"a"),
        hash_now: Some(now),
    };
    assert_eq!(hashes(&b"b"[..]).freshness(), Freshness::Stale);
    assert_eq!(hashes(&b"a"[..]).freshness(), Freshness::Fresh);
}

const SOURCE: &str = "def add(a, b):\n    return a + b\n\n\ndef sign(a):\n    if a < 0:\n        return -1\n    return 1\n\n\ndef never():\n    x = 1\n    return x\n";

/// The coverage of [`SOURCE`].
fn sums() -> FileCoverage {
    let report = "SF:sums.py\nFN:1,2,add\nFN:5,8,sign\nFN:11,13,never\nFNDA:1,add\nFNDA:1,sign\nFNDA:0,never\n\
                  DA:1,1\nDA:2,1\nDA:5,1\nDA:6,1\nDA:7,0\nDA:8,1\nDA:11,1\nDA:12,0\nDA:13,0\n\
                  BRDA:6,0,0,0\nBRDA:6,0,1,1\nend_of_record\n";
    let coverage = read(report.as_bytes()).expect("it is lcov");
    coverage.file("sums.py").expect("it is there").clone()
}

fn findings(
    changed: &[RangeInclusive<u32>],
    minimums: Minimums,
) -> Vec<(Severity, String, String)> {
    let file = sums();
    let outcome = check(&Request {
        source: SOURCE.as_bytes(),
        file: &file,
        changed,
        project: Some(file.totals()),
        of_file: minimums,
        of_changed: minimums,
        of_project: minimums,
    });
    let Outcome::Checked { findings } = outcome else {
        panic!("{outcome:?}")
    };
    let shown = |it: &Finding| {
        let text = SOURCE[it.span.clone()].replace('\n', "|");
        (it.severity, format!("{}: {}", it.rule, it.message), text)
    };
    findings.iter().map(shown).collect()
}

/// Catches wrong places, a wrong order, and minimums that are not held.
#[test]
fn what_is_not_covered_is_found_changed_lines_first() {
    let found = findings(&[12..=13], Minimums::default());
    let shown: Vec<String> = found
        .iter()
        .map(|(severity, message, text)| format!("{severity:?} {message} <{text}>"))
        .collect();
    assert_eq!(
        shown,
        [
            "Warning coverage/below-minimum: the changed lines: lines covered 0 of 2 (0.00 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the changed lines: functions covered 0 of 1 (0.00 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the file: lines covered 6 of 9 (66.66 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the file: branches covered 1 of 2 (50.00 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the file: functions covered 2 of 3 (66.66 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the project: lines covered 6 of 9 (66.66 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the project: branches covered 1 of 2 (50.00 %), less than 80.00 % <>",
            "Warning coverage/below-minimum: the project: functions covered 2 of 3 (66.66 %), less than 80.00 % <>",
            "Warning coverage/uncovered-lines: the changed lines 12 to 13 are not covered (2 that can be), in `never` <x = 1|    return x>",
            "Info coverage/untaken-branches: 1 of 2 branches were not taken, in `sign` <if a < 0:>",
            "Info coverage/uncovered-lines: the line 7 is not covered, in `sign` <return -1>",
        ]
    );
}

/// Catches a changed line that cannot be covered and reads like a covered one.
#[test]
fn nothing_to_cover_is_said() {
    let found = findings(&[3..=4], Minimums::all(Minimum::percent(50)));
    assert!(
        found[0].1.starts_with("coverage/nothing-to-cover"),
        "{found:?}"
    );
}

/// Catches a report of another content, and a file that the report does not speak of.
#[test]
fn a_report_that_cannot_be_of_the_source_is_not_used() {
    let judged = |source: &str, file: &FileCoverage| {
        check(&Request {
            source: source.as_bytes(),
            file,
            changed: &[],
            project: None,
            of_file: Minimums::none(),
            of_changed: Minimums::none(),
            of_project: Minimums::none(),
        })
    };
    let short = judged("def add(a, b):\n    return a + b\n", &sums());
    assert!(matches!(short, Outcome::NotRun { .. }), "{short:?}");
    let empty = judged(SOURCE, &FileCoverage::default());
    assert!(matches!(empty, Outcome::NotRun { .. }), "{empty:?}");
}

/// Catches an unbounded list of findings.
#[test]
fn findings_are_bounded() {
    let lines = 5_000;
    let source = "x\n".repeat(lines);
    let mut report = "SF:a\n".to_owned();
    for line in 1..=lines {
        writeln!(report, "DA:{line},{}", line % 2).expect("a string takes it");
    }
    let coverage = read((report + "end_of_record\n").as_bytes()).expect("it is lcov");
    let outcome = check(&Request {
        source: source.as_bytes(),
        file: &coverage.files[0],
        changed: &[4_000..=4_001],
        project: None,
        of_file: Minimums::none(),
        of_changed: Minimums::none(),
        of_project: Minimums::none(),
    });
    let Outcome::Checked { findings } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(findings.len(), 100);
    assert!(
        findings[0].message.contains("changed line 4000"),
        "{:?}",
        findings[0]
    );
    assert_eq!(
        findings[99].message,
        "2401 more places that are not covered"
    );
}

/// A report of any files, as lcov can hold it.
fn any_report() -> impl Strategy<Value = String> {
    let line = (1..60_u32, any::<u32>()).prop_map(|(number, hits)| format!("DA:{number},{hits}\n"));
    let way = (
        1..60_u32,
        0..3_u32,
        0..4_u32,
        select(&["-", "0", "1", "7"][..]),
    )
        .prop_map(|(line, block, way, taken)| format!("BRDA:{line},{block},{way},{taken}\n"));
    let function = (
        1..60_u32,
        prop::option::of(0..30_u32),
        "[a-z_<(][a-z_:<>() ,]{0,8}",
        any::<u32>(),
    )
        .prop_map(|(start, length, name, hits)| {
            let name = name.trim_end();
            let end = length.map_or(String::new(), |length| format!("{},", start + length));
            format!("FN:{start},{end}{name}\nFNDA:{hits},{name}\n")
        });
    let lines = prop::collection::vec(line, 0..40);
    let ways = prop::collection::vec(way, 0..20);
    let functions = prop::collection::vec(function, 0..6);
    let file =
        ("[a-c/]{1,4}", functions, ways, lines).prop_map(|(path, functions, ways, lines)| {
            let (functions, ways, lines) = (functions.concat(), ways.concat(), lines.concat());
            format!("SF:{path}\n{functions}{ways}{lines}end_of_record\n")
        });
    prop::collection::vec(file, 1..5).prop_map(|files| files.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Catches a reader and a writer of lcov that do not mean the same.
    #[test]
    fn lcov_goes_there_and_back(report in any_report()) {
        let once = Format::Lcov.read(report.as_bytes()).expect("it is lcov");
        let written = write_lcov(&once);
        let again = Format::Lcov.read(written.as_bytes()).expect("it is lcov");
        prop_assert_eq!(&once, &again, "{}", written);
    }

    /// Catches a loss on the way from any format to lcov.
    #[test]
    fn every_format_goes_to_lcov_and_back(which in any::<Index>()) {
        let all = recorded();
        let (name, format, bytes) = which.get(&all);
        let once = format.read(bytes).expect("it was recorded");
        if once.files.is_empty() {
            return Ok(());
        }
        let again = Format::Lcov.read(write_lcov(&once).as_bytes()).expect("it is lcov");
        prop_assert_eq!(&once.files, &again.files, "{}", name);
    }

    /// Catches a cut report that says more than the whole one: a line that it does not have, or a hit.
    #[test]
    fn a_cut_report_never_covers_more(which in any::<Index>(), at in any::<Index>()) {
        let all = recorded();
        let (name, format, bytes) = which.get(&all);
        let cut = &bytes[..at.index(bytes.trim_ascii_end().len())];
        // A cut that is seen is an error; one between two records leaves files or blocks out.
        if let Ok(part) = format.read(cut) {
            prop_assert!(matches!(format, Format::Lcov | Format::GoProfile | Format::Gcov), "{}", name);
            let whole = format.read(bytes).expect("it was recorded");
            for file in &part.files {
                let of_whole = whole.file(file.path()).expect("the whole has it");
                for line in file.lines() {
                    let same = of_whole.lines().iter().find(|it| it.number == line.number);
                    prop_assert!(same.is_some_and(|it| it.hits >= line.hits), "{} {:?}", name, line);
                }
            }
        }
    }

    /// Catches a panic on any bytes.
    #[test]
    fn any_bytes_are_survived(
        format in select(&Format::ALL[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let _ = Format::recognise(&bytes);
        let _ = format.read(&bytes);
    }

    /// Catches a panic on what looks like a report, and an invariant of the model that a reader breaks.
    #[test]
    fn mutated_reports_keep_the_invariants(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0..60_usize, any::<Index>()), 1..5),
    ) {
        let all = recorded();
        let (name, format, original) = which.get(&all);
        let mut bytes = original.clone();
        for (at, len, from) in cuts {
            let start = at.index(bytes.len() + 1);
            let end = (start + len).min(bytes.len());
            let taken = from.index(original.len() + 1);
            let piece = original[taken..(taken + len).min(original.len())].to_vec();
            bytes.splice(start..end, piece);
        }
        let Ok(coverage) = format.read(&bytes) else { return Ok(()) };
        let is_ascending = coverage.files.windows(2).all(|it| it[0].path() < it[1].path());
        prop_assert!(is_ascending, "{}", name);
        let mut sum = Totals::default();
        for file in &coverage.files {
            prop_assert!(file.lines().windows(2).all(|it| it[0].number < it[1].number), "{}", name);
            prop_assert!(file.lines().iter().all(|it| it.number > 0), "{}", name);
            prop_assert!(file.branches().windows(2).all(|it| it[0].line < it[1].line), "{}", name);
            prop_assert!(file.branches().iter().all(|it| it.taken <= it.total && it.total > 0));
            prop_assert!(file.functions().iter().all(|it| it.end.is_none_or(|end| end >= it.start)));
            sum = sum.and(file.totals());
        }
        prop_assert_eq!(sum, coverage.totals());
        let _ = write_lcov(&coverage);
    }
}
