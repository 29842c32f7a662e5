//! Reading coverage reports of 100,000 lines of source, and test reports of 100,000 lines or objects.
//!
//! `cargo xtask bench evidence`.
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use claude_flow_checkers::coverage::{self, Format};
use claude_flow_checkers::reports::{self, Ended, RunState, judge};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

const FILES: u32 = 100;
const LINES_PER_FILE: u32 = 1_000;
/// How many lines each function has.
const FUNCTION: u32 = 20;

/// Every third line does not run; every tenth branches one of two ways.
fn hits(line: u32) -> u32 {
    line % 3
}

/// Writes the parts of a report: before, for each line of a file, and after.
fn report(
    (head, tail): (&str, &str),
    open: impl Fn(u32) -> String,
    line: impl Fn(u32) -> String,
    (separator, close): (&str, &str),
    between: &str,
) -> String {
    let mut text = head.to_owned();
    for file in 0..FILES {
        if file > 0 {
            text += between;
        }
        text += &open(file);
        for number in 1..=LINES_PER_FILE {
            if number > 1 {
                text += separator;
            }
            text += &line(number);
        }
        text += close;
    }
    text + tail
}

/// The numbers of a file's lines of which something holds, as the inside of a list.
fn list(is_in: impl Fn(u32) -> bool) -> String {
    let numbers = (1..=LINES_PER_FILE).filter(|it| is_in(*it));
    let numbers: Vec<String> = numbers.map(|it| it.to_string()).collect();
    numbers.join(", ")
}

fn lcov() -> String {
    let line = |number| {
        let mut text = String::new();
        if number % FUNCTION == 1 {
            writeln!(
                text,
                "FN:{number},f{number}\nFNDA:{},f{number}",
                hits(number)
            )
            .expect("it fits");
        }
        if number % 10 == 0 {
            writeln!(text, "BRDA:{number},0,0,1\nBRDA:{number},0,1,0").expect("it fits");
        }
        writeln!(text, "DA:{number},{}", hits(number)).expect("it fits");
        text
    };
    report(
        ("TN:\n", ""),
        |file| format!("SF:src/f{file}.c\n"),
        line,
        ("", "end_of_record\n"),
        "",
    )
}

fn cobertura() -> String {
    let line = |number| {
        let branch = if number % 10 == 0 {
            " branch=\"true\" condition-coverage=\"50% (1/2)\""
        } else {
            ""
        };
        format!(
            "<line number=\"{number}\" hits=\"{}\"{branch}/>\n",
            hits(number)
        )
    };
    let open =
        |file| format!("<class name=\"c{file}\" filename=\"src/f{file}.c\"><methods/><lines>\n");
    let around = (
        "<?xml version=\"1.0\"?><coverage><packages><package><classes>",
        "</classes></package></packages></coverage>",
    );
    report(around, open, line, ("", "</lines></class>\n"), "")
}

fn jacoco() -> String {
    let line = |number| {
        let covered = hits(number);
        format!("<line nr=\"{number}\" mi=\"1\" ci=\"{covered}\" mb=\"0\" cb=\"0\"/>\n")
    };
    let open = |file| format!("<sourcefile name=\"F{file}.java\">\n");
    let around = (
        "<report name=\"r\"><package name=\"a\">",
        "</package></report>",
    );
    report(around, open, line, ("", "</sourcefile>\n"), "")
}

fn go_profile() -> String {
    let mut text = "mode: count\n".to_owned();
    for file in 0..FILES {
        for number in 1..=LINES_PER_FILE {
            let count = hits(number);
            writeln!(
                text,
                "example.com/a/f{file}.go:{number}.2,{number}.30 1 {count}"
            )
            .expect("it fits");
        }
    }
    text
}

fn llvm_cov() -> String {
    let open = |file| {
        format!(
            "{{\"filename\":\"/src/f{file}.c\",\"branches\":[],\"expansions\":[],\"segments\":["
        )
    };
    // A region for each line, which ends on it.
    let line = |number| {
        let count = hits(number);
        format!("[{number},3,{count},true,true,false],[{number},30,0,false,false,false]")
    };
    let around = (
        "{\"data\":[{\"files\":[",
        "],\"functions\":[]}],\"type\":\"llvm.coverage.json.export\",\"version\":\"2.0.1\"}",
    );
    report(around, open, line, (",", "]}"), ",")
}

fn coverage_py() -> String {
    let file = |file: u32| {
        let (ran, missed) = (list(|it| hits(it) > 0), list(|it| hits(it) == 0));
        format!("\"f{file}.py\": {{\"executed_lines\": [{ran}], \"missing_lines\": [{missed}]}}")
    };
    let files: Vec<String> = (0..FILES).map(file).collect();
    format!(
        "{{\"meta\": {{\"format\": 3}}, \"files\": {{{}}}}}",
        files.join(", ")
    )
}

fn istanbul() -> String {
    let file = |file: u32| {
        let all = 1..=LINES_PER_FILE;
        let place = |it: u32| {
            format!(
                "\"{it}\":{{\"start\":{{\"line\":{it},\"column\":2}},\"end\":{{\"line\":{it},\"column\":30}}}}"
            )
        };
        let places: Vec<String> = all.clone().map(place).collect();
        let counts: Vec<String> = all.map(|it| format!("\"{it}\":{}", hits(it))).collect();
        format!(
            "\"/f{file}.js\":{{\"path\":\"/f{file}.js\",\"statementMap\":{{{}}},\"fnMap\":{{}},\
             \"branchMap\":{{}},\"s\":{{{}}},\"f\":{{}},\"b\":{{}}}}",
            places.join(","),
            counts.join(",")
        )
    };
    let files: Vec<String> = (0..FILES).map(file).collect();
    format!("{{{}}}", files.join(",\n"))
}

fn gcov() -> String {
    let open = |file| format!("{{\"file\":\"f{file}.c\",\"functions\":[],\"lines\":[");
    let line = |number| {
        format!(
            "{{\"branches\":[],\"count\":{},\"line_number\":{number},\"unexecuted_block\":false,\"function_name\":\"f\"}}",
            hits(number)
        )
    };
    let around = (
        "{\"gcc_version\":\"12\",\"current_working_directory\":\"/a\",\"files\":[",
        "]}",
    );
    report(around, open, line, (",", "]}"), ",")
}

fn clover() -> String {
    let open = |file| format!("<file name=\"f{file}.js\" path=\"/f{file}.js\">\n");
    let line = |number| {
        format!(
            "<line num=\"{number}\" count=\"{}\" type=\"stmt\"/>\n",
            hits(number)
        )
    };
    let around = (
        "<coverage clover=\"4\"><project name=\"a\">",
        "</project></coverage>",
    );
    report(around, open, line, ("", "</file>\n"), "")
}

fn opencover() -> String {
    let open = |file| {
        format!(
            "<Module><Files><File uid=\"1\" fullPath=\"/f{file}.cs\"/></Files><Classes><Class><Methods><Method>\
             <Name>F</Name><FileRef uid=\"1\"/><SequencePoints>\n"
        )
    };
    let line = |number| {
        let count = hits(number);
        format!(
            "<SequencePoint vc=\"{count}\" uspid=\"1\" ordinal=\"0\" offset=\"0\" sl=\"{number}\" sc=\"9\" el=\"{number}\" ec=\"22\" fileid=\"1\"/>\n"
        )
    };
    let close = "</SequencePoints></Method></Methods></Class></Classes></Module>\n";
    let around = ("<CoverageSession><Modules>", "</Modules></CoverageSession>");
    report(around, open, line, ("", close), "")
}

/// A fast reader that reads nothing would be a poor figure.
fn assert_read(format: Format, text: &str) {
    assert_eq!(Format::recognise(text.as_bytes()), Some(format));
    let coverage = coverage::read(text.as_bytes()).expect("it is well-formed");
    let lines = coverage.totals().lines;
    let all = u64::from(FILES * LINES_PER_FILE);
    assert_eq!(lines.total(), all, "{}", format.name());
    assert_eq!(
        lines.covered(),
        all - u64::from(FILES * (LINES_PER_FILE / 3)),
        "{}",
        format.name()
    );
}

fn read_coverage(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evidence/coverage");
    for (format, text) in [
        (Format::Lcov, lcov()),
        (Format::Cobertura, cobertura()),
        (Format::Jacoco, jacoco()),
        (Format::GoProfile, go_profile()),
        (Format::LlvmCov, llvm_cov()),
        (Format::CoveragePy, coverage_py()),
        (Format::Istanbul, istanbul()),
        (Format::Gcov, gcov()),
        (Format::Clover, clover()),
        (Format::OpenCover, opencover()),
    ] {
        assert_read(format, &text);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format.name(), |bencher| {
            bencher.iter(|| coverage::read(black_box(text.as_bytes())));
        });
    }
    group.finish();
}

fn junit() -> String {
    let cases = (0..100_000).map(|it| {
        format!("<testcase classname=\"tests.test_a\" name=\"test_{it}\" time=\"0.001\"/>\n")
    });
    let cases: String = cases.collect();
    format!(
        "<testsuites><testsuite name=\"pytest\" tests=\"100000\">{cases}</testsuite></testsuites>"
    )
}

fn go_test() -> String {
    let mut text = String::new();
    for it in 0..25_000 {
        let event = |action: &str, more: &str| {
            format!(
                "{{\"Time\":\"2026-11-23T03:12:51.289694038Z\",\"Action\":\"{action}\",\
                 \"Package\":\"example.com/a\",\"Test\":\"Test{it}\"{more}}}\n"
            )
        };
        text += &event("run", "");
        text += &event("output", ",\"Output\":\"=== RUN   Test\\n\"");
        text += &event("output", ",\"Output\":\"--- PASS: Test (0.00s)\\n\"");
        text += &event("pass", ",\"Elapsed\":0");
    }
    text + "{\"Action\":\"pass\",\"Package\":\"example.com/a\",\"Elapsed\":1}\n"
}

fn libtest() -> String {
    let tests: Vec<String> = (0..100_000)
        .map(|it| format!("test case::number_{it} ... ok\n"))
        .collect();
    let tests = tests.concat();
    format!(
        "\nrunning 100000 tests\n{tests}\ntest result: ok. 100000 passed; 0 failed; 0 ignored; 0 measured; \
         0 filtered out; finished in 1.00s\n\n"
    )
}

fn bench_judge(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    format: reports::Format,
    text: &str,
) {
    let read = || judge(format, black_box(text.as_bytes()), b"", Ended::Succeeded);
    assert_eq!(read().state, RunState::Passed, "{name}");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function(name, |bencher| bencher.iter(read));
}

fn read_reports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("evidence/reports");
    bench_judge(&mut group, "junit-xml", reports::Format::JunitXml, &junit());
    bench_judge(
        &mut group,
        "go-test-json",
        reports::Format::GoTestJson,
        &go_test(),
    );
    bench_judge(&mut group, "libtest", reports::Format::Libtest, &libtest());
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20);
    targets = read_coverage, read_reports
}
criterion_main!(benches);
