//! What a file of targets may say.

use claude_flow_certify::Targets;

use crate::group::TARGETS;

/// Changes the good file in one place and compares what is said of it.
#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    assert!(TARGETS.contains(from), "{from} is not there to be changed");
    let told = Targets::parse(&TARGETS.replacen(from, to, 1)).expect_err("it cannot be");
    assert!(told.to_string().contains(expected), "{told}");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    check("version = 1", "version = 2", "version 2 is not known");
    check(
        "id = \"start\"",
        "id = \"throughput\"",
        "\"throughput\" is no name of a check, or is there twice",
    );
    check(
        "id = \"start\"",
        "id = \"../start\"",
        "is no name of a check",
    );
    check("id = \"start\"", "id = \"\"", "is no name of a check");
    check(
        "validator = \"tests\"",
        "validator = \"nobody\"",
        "\"nobody\", who does not vote",
    );
    check(
        "\"tests\"]",
        "\"security\"]",
        "is no name of a validator, or is there twice",
    );
    check("command = \"start\"", "missing = \"\"", "has an empty text");
    check("command = \"start\"", "", "either `command` or");
    check(
        "command = \"start\"",
        "command = \"a\"\nmissing = \"b\"",
        "either `command` or",
    );
    check(
        "command = \"start\"",
        "command = \"start\"\nsurprise = 1",
        "unknown field `surprise`",
    );
    check(
        "reads = \"figures\"",
        "",
        "must have a `target` if, and only if",
    );
    check(
        "ours = 1_000_000",
        "ours = 99_999",
        "easier than the one that it has",
    );
    check("\"lcov.info\"", "\"../lcov.info\"", "no place");
    check("version = 1", "version = ", "TOML parse error");
}

/// A digest that depends on layout would make a comment another certificate; one that does not
/// depend on a bound would let it be changed afterwards.
#[test]
fn digest_is_of_what_is_said() {
    let digest = |text: &str| Targets::parse(text).expect("it can be").digest();
    let same = TARGETS.replace("\nid = ", "\n# a comment\nid     = ");
    assert_eq!(digest(TARGETS), digest(&same));
    assert_ne!(
        digest(TARGETS),
        digest(&TARGETS.replace("100_000", "100_001"))
    );
    assert_ne!(
        digest(TARGETS),
        digest(&TARGETS.replacen("critical = true\n", "", 1))
    );
}

/// What is in a certificate must be readable as what it was.
#[test]
fn targets_survive_json() {
    let targets = Targets::parse(TARGETS).expect("it can be");
    let text = serde_json::to_string(&targets).expect("it can be written");
    let again: Targets = serde_json::from_str(&text).expect("it can be read");
    assert_eq!(again, targets);
}
