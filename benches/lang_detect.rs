//! The language of real files: all of the committed sample, one after the other on one thread.
//!
//! `cargo bench -p claude-flow-benches --bench lang_detect`; `cargo xtask detect-corpus --speed` has
//! thousands of files and percentiles.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads its samples from files"
)]

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;

use claude_flow_lang_detect::{Input, Language, examine};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The path below its package, the language that its project says, and the content.
type Sample = (String, String, Vec<u8>);

fn samples() -> Vec<Sample> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lang-detect");
    let list = fs::read_to_string(dir.join("sample.tsv")).expect("the list is there");
    list.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(path, language)| {
            let content = fs::read(dir.join("sample").join(path)).expect("a listed file is there");
            let (_, below) = path.split_once('/').unwrap_or(("", path));
            (below.to_owned(), language.to_owned(), content)
        })
        .collect()
}

/// An answer that is wrong is fast: that all are right is a part of the figure.
fn assert_right(samples: &[Sample]) {
    for (path, language, content) in samples {
        let answer = examine(&Input::new(path, content));
        let told = answer.language.map(Language::name);
        assert_eq!(told, Some(language.as_str()), "{path}");
    }
}

fn lang_detect(criterion: &mut Criterion) {
    let samples = samples();
    assert_right(&samples);
    let mut group = criterion.benchmark_group("lang-detect");
    group.throughput(Throughput::Elements(samples.len() as u64));
    for (name, is_nameless) in [("named", false), ("nameless", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (path, _, content) in black_box(&samples) {
                    let path = if is_nameless { "" } else { path };
                    black_box(examine(&Input::new(path, content)));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lang_detect);
criterion_main!(benches);
