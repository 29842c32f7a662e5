//! From what commands leave to outcomes.

use claude_flow_certify::{Bound, Check, Ended, Outcome, Targets, read};

/// The check of one command with these lines of TOML.
fn check_of(lines: &str) -> Check {
    let text = format!(
        "version = 1\nproject = \"p\"\nvalidators = [\"v\"]\n[[check]]\nid = \"c\"\n\
         validator = \"v\"\nclaim = \"x\"\ncommand = \"y\"\n{lines}\n"
    );
    Targets::parse(&text).expect("it can be").checks.remove(0)
}

#[track_caller]
fn fact(lines: &str, exit_code: Option<i32>, printed: &str, expected: (bool, &str)) {
    let ended = Ended {
        exit_code,
        printed,
        file: None,
    };
    let outcome = read(&check_of(lines), &ended);
    let Outcome::Fact { holds, cause } = outcome else {
        panic!("no fact: {outcome:?}");
    };
    assert_eq!((holds, cause.as_str()), expected);
}

#[test]
fn exit_code_decides_a_fact() {
    fact("", Some(0), "a\ntidy\n\n", (true, "tidy"));
    fact("", Some(0), "", (true, "nothing was printed"));
    fact(
        "",
        Some(1),
        "a\nb\n",
        (false, "the command exited with 1: b"),
    );
    fact("", None, "a\n", (false, "the command was killed: a"));
    fact(
        "",
        Some(1),
        "\u{1b}[31mred\u{7}\n",
        (false, "the command exited with 1: [31mred"),
    );
}

/// A run without a test, or one that ends badly after its tests, proves nothing.
#[test]
fn tests_pass_if_some_passed_and_none_failed() {
    let tests = "reads = \"tests\"";
    let two =
        "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: ok. 4 passed; 0 failed\n";
    fact(tests, Some(0), two, (true, "7 tests passed, 0 failed"));
    let nextest = "     Summary [   1.2s] 12 tests run: 12 passed, 2 skipped\n";
    fact(tests, Some(0), nextest, (true, "12 tests passed, 0 failed"));
    let failed =
        "test a::b ... ok\ntest a::c ... FAILED\ntest result: FAILED. 3 passed; 1 failed\n";
    fact(
        tests,
        Some(101),
        failed,
        (false, "3 tests passed, 1 failed, a::c first"),
    );
    let failed = "        FAIL [   0.005s] (1/3) krate a::c\n     Summary [   1.2s] 3 tests run: 2 passed, 1 failed, 0 skipped\n";
    fact(
        tests,
        Some(100),
        failed,
        (false, "2 tests passed, 1 failed, (1/3) krate a::c first"),
    );
    fact(
        tests,
        Some(0),
        "test result: ok. 0 passed; 0 failed\n",
        (false, "no test was run"),
    );
    fact(tests, Some(0), "", (false, "no test was run"));
    fact(
        tests,
        Some(101),
        "error: could not compile\n",
        (
            false,
            "0 tests passed, 0 failed; the command exited with 101: error: could not compile",
        ),
    );
}

const FIGURES: &str = r#"{"figures": [
  {"area": "bus", "name": "one", "p95_ns": 100, "spread_percent": 3.2, "samples": 30},
  {"area": "bus", "name": "three", "p95_ns": 250.4, "spread_percent": null, "samples": 10},
  {"area": "busy", "name": "one", "p95_ns": 999}]}"#;

fn target(figure: &str, bound: &str) -> String {
    format!(
        "reads = \"figures\"\ntarget = {{ figure = \"{figure}\", field = \"p95_ns\", unit = \"ns\", bound = {bound} }}"
    )
}

#[test]
fn worst_figure_of_those_that_are_meant_counts() {
    let found = |figure: &str, bound: &str| {
        let ended = Ended {
            exit_code: Some(0),
            printed: "",
            file: Some(FIGURES),
        };
        read(&check_of(&target(figure, bound)), &ended)
    };
    let Outcome::Value(slowest) = found("bus/*", "{ below = 300 }") else {
        panic!("no value")
    };
    assert_eq!(
        (
            slowest.value,
            slowest.spread_percent,
            slowest.figure.as_str()
        ),
        (250, None, "bus/three")
    );
    let Outcome::Value(least) = found("bus/*", "{ above = 300 }") else {
        panic!("no value")
    };
    assert_eq!(
        (least.value, least.spread_percent, least.samples),
        (100, Some(4), 30)
    );
    let Outcome::Value(one) = found("bus/one", "{ below = 300 }") else {
        panic!("no value")
    };
    assert_eq!(one.value, 100);
    let Outcome::Fact {
        holds: false,
        cause,
    } = found("bus/two", "{ below = 300 }")
    else {
        panic!("a figure that is not there")
    };
    assert_eq!(cause, "there is no figure bus/two");
}

#[test]
fn figures_that_make_no_sense_are_no_value() {
    let lines = target("bus/*", "{ below = 300 }");
    for (file, expected) in [
        (None, "left no figures"),
        (Some("{"), "no JSON"),
        (Some("{}"), "has no `figures`"),
        (
            Some(r#"{"figures": [{"area": "bus", "name": "one"}]}"#),
            "has no \"p95_ns\"",
        ),
        (
            Some(r#"{"figures": [{"area": "bus", "name": "one", "p95_ns": -1}]}"#),
            "has no \"p95_ns\"",
        ),
    ] {
        let ended = Ended {
            exit_code: Some(0),
            printed: "",
            file,
        };
        let Outcome::Fact {
            holds: false,
            cause,
        } = read(&check_of(&lines), &ended)
        else {
            panic!("{file:?} is no value");
        };
        assert!(cause.contains(expected), "{cause}");
    }
    // Figures of a command that failed are not looked at.
    let ended = Ended {
        exit_code: Some(1),
        printed: "out of disk",
        file: Some(FIGURES),
    };
    let Outcome::Fact { holds: false, .. } = read(&check_of(&lines), &ended) else {
        panic!("it failed")
    };
}

#[test]
fn criterion_samples_give_time_or_rate() {
    let sample = r#"{"sampling_mode": "Linear", "iters": [10, 20, 30, 40], "times": [1000, 2200, 3000, 4400]}"#;
    let found = |field: &str, unit: &str, file: &str| {
        let lines = format!(
            "reads = \"criterion\"\ntarget = {{ figure = \"bus/one\", field = \"{field}\", unit = \"{unit}\", bound = {{ above = 1 }} }}"
        );
        read(
            &check_of(&lines),
            &Ended {
                exit_code: Some(0),
                printed: "",
                file: Some(file),
            },
        )
    };
    let Outcome::Value(time) = found("p50_ns", "ns", sample) else {
        panic!("no value")
    };
    assert_eq!(
        (time.value, time.samples, time.spread_percent),
        (110, 4, Some(10))
    );
    let Outcome::Value(rate) = found("", "per_second", sample) else {
        panic!("no value")
    };
    assert_eq!(rate.value, 9_090_909);
    for broken in [
        r#"{"iters": [], "times": []}"#,
        r#"{"iters": [0], "times": [5]}"#,
        "[]",
        "x",
    ] {
        let outcome = found("p50_ns", "ns", broken);
        assert!(
            matches!(outcome, Outcome::Fact { holds: false, .. }),
            "{broken}: {outcome:?}"
        );
    }
}

#[test]
fn bound_is_met_on_its_side_only() {
    assert!(Bound::Below(5).is_met(4) && !Bound::Below(5).is_met(5));
    assert!(Bound::Above(5).is_met(6) && !Bound::Above(5).is_met(5));
}
