//! Any bytes in: no panic, no failure, and every span within the text.
//!
//! The first byte chooses the language, the rest is the file.
//! The suite has the same property with other inputs, in `crates/checkers/tests/it/prop_any_bytes.rs`.
#![no_main]

use claude_flow_checkers::{LANGUAGES, Outcome, Source, syntax, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    let language = LANGUAGES[usize::from(*choice) % LANGUAGES.len()];
    let source = Source {
        path: "input",
        language,
        bytes,
    };
    for outcome in [text(&source), syntax(&source)] {
        match outcome {
            Outcome::Checked { findings } => {
                for finding in findings {
                    let related = finding.related.iter().map(|related| &related.span);
                    let fix = finding.fix.iter().map(|fix| &fix.span);
                    for span in related.chain(fix).chain([&finding.span]) {
                        let is_within = span.start <= span.end && span.end <= bytes.len();
                        assert!(is_within, "{language}: {span:?} of {}", bytes.len());
                    }
                }
            }
            Outcome::NotRun { .. } => {}
            Outcome::Failed { reason } => panic!("{language}: {reason}"),
        }
    }
});
