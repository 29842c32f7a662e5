//! Any bytes as a test report: no panic, and no pass of a process that did not succeed.
//!
//! The first byte chooses the format, the second how the process ended, the rest is the report and,
//! behind a NUL byte, the log.
#![no_main]

use claude_flow_checkers::reports::{Ended, Format, RunState, judge};
use libfuzzer_sys::fuzz_target;

const ENDS: [Ended; 4] = [
    Ended::Succeeded,
    Ended::Failed,
    Ended::Crashed,
    Ended::TimedOut,
];

fuzz_target!(|data: &[u8]| {
    let [format, ended, rest @ ..] = data else {
        return;
    };
    let format = Format::ALL[usize::from(*format) % Format::ALL.len()];
    let ended = ENDS[usize::from(*ended) % ENDS.len()];
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let report = parts.next().unwrap_or_default();
    let log = parts.next().unwrap_or_default();
    let run = judge(format, report, log, ended);
    assert!(run.state != RunState::Passed || ended == Ended::Succeeded);
});
