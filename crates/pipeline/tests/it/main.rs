//! Behaviour of the pipeline on real files and repositories.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests make the files that are checked"
)]

mod config;
mod coverage;
mod documents;
mod git_baseline;
mod golden;
mod prop_lines;
mod reading;
mod tdd;
mod warm;

use claude_flow_pipeline::Document;
use claude_flow_pipeline::document::State;

/// The JSON Schema holds for a document.
fn assert_valid(document: &Document) {
    let schema =
        serde_json::from_str(claude_flow_pipeline::RESULT_SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let value = serde_json::to_value(document).expect("the document is plain data");
    let errors: Vec<_> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

/// State and reason of a check of the first file.
fn state(document: &Document, check: &str) -> (State, String) {
    let mut checks = document.files[0].checks.iter();
    let found = checks.find(|found| found.name == check);
    let found = found.expect("every check is listed");
    (found.state, found.reason.clone().unwrap_or_default())
}
