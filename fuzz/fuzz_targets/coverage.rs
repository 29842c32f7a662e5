//! Any bytes as a coverage report: no panic, a model in order, and lcov there and back.
//!
//! The first byte chooses the format, the rest is the report.
#![no_main]

use claude_flow_checkers::coverage::{Format, write_lcov};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, report)) = data.split_first() else {
        return;
    };
    let format = Format::ALL[usize::from(*choice) % Format::ALL.len()];
    let Ok(coverage) = format.read(report) else {
        return;
    };
    for file in &coverage.files {
        assert!(file.lines().windows(2).all(|it| it[0].number < it[1].number));
        assert!(file.branches().iter().all(|it| it.taken <= it.total));
        let totals = file.totals();
        assert!(totals.lines.covered() <= totals.lines.total());
    }
    if !coverage.files.is_empty() {
        let written = write_lcov(&coverage);
        Format::Lcov.read(written.as_bytes()).expect("we read what we write");
    }
});
