//! The in-process checks of a file of 1,000 lines, language by language.
//!
//! `cargo xtask bench checkers`; run as a test it takes files of 100 lines, once.
use std::hint::black_box;
use std::time::Duration;

use claude_flow_benches::{FOLDERS, Sample, sample};
use claude_flow_checkers::{Outcome, Severity, Source, syntax, text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const LINES: usize = 1_000;

/// The parsers' part of an edit, text checks included.
fn check(sample: &Sample) -> [Outcome; 2] {
    let source = Source {
        path: &sample.path,
        language: sample.language,
        bytes: sample.text.as_bytes(),
    };
    [text(&source), syntax(&source)]
}

/// A check that does not look is fast: that it looks, and finds nothing, is a part of the figure.
fn assert_clean(folder: &str, sample: &Sample) {
    for outcome in check(sample) {
        let Outcome::Checked { findings } = outcome else {
            panic!("{folder}: {outcome:?}");
        };
        let is_clean = findings.iter().all(|it| it.severity > Severity::Error);
        assert!(is_clean, "{folder}: {:?}", findings.first());
    }
}

fn checkers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checkers");
    for folder in FOLDERS {
        let sample = sample(folder, LINES).expect("the fixtures are there");
        assert_clean(folder, &sample);
        group.throughput(Throughput::Bytes(sample.text.len() as u64));
        group.bench_function(folder, |bencher| {
            bencher.iter(|| check(black_box(&sample)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = checkers
}
criterion_main!(benches);
