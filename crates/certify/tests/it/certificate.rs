//! Certificates that hold, and what makes them not hold.

use claude_flow_certify::{
    Certificate, CertificateError, Level, Measured, Outcome, Standing, Unit, Verdict, Word,
};
use proptest::prelude::*;

use crate::group::{Voting, all_honest, certify, failed, good, roster, skipped, targets, with};

fn summary(certificate: &Certificate) -> (Verdict, Level) {
    let conclusion = certificate.conclusion();
    (conclusion.verdict, conclusion.level)
}

#[track_caller]
fn holds(certificate: &Certificate) {
    let verified = certificate.verify(Some(&roster(5))).expect("it holds");
    assert_eq!(
        (verified.slot, verified.signers, verified.is_roster_trusted),
        (1, 5, true)
    );
    let read = Certificate::decode(&certificate.encode()).expect("it can be read");
    assert_eq!(read, *certificate);
}

/// What is changed in good evidence, and what follows.
type Case<'a> = (&'a [(&'a str, Outcome)], (Verdict, Level));

#[test]
fn levels_follow_the_rule() {
    let targets = targets();
    let cases: [Case<'_>; 6] = [
        (&[], (Verdict::Pass, Level::Platinum)),
        (
            &[("docs", skipped("no time"))],
            (Verdict::Pass, Level::Gold),
        ),
        (
            &[
                ("docs", skipped("no time")),
                ("coverage", skipped("not installed")),
            ],
            (Verdict::Partial, Level::Silver),
        ),
        (
            &[
                ("docs", skipped("no")),
                ("coverage", skipped("no")),
                ("start", failed("no")),
            ],
            // Two PASS and three PARTIAL are 2.75 votes, less than the threshold of 3.
            (Verdict::Fail, Level::None),
        ),
        (
            &[("secrets", failed("a key in a.txt"))],
            (Verdict::Partial, Level::Bronze),
        ),
        (
            &[("layers", failed("no")), ("secrets", failed("no"))],
            (Verdict::Partial, Level::Bronze),
        ),
    ];
    for (changed, expected) in cases {
        let mut documents = good(&targets);
        for (id, outcome) in changed {
            with(&mut documents, id, outcome.clone());
        }
        let certificate = all_honest(&documents);
        holds(&certificate);
        assert_eq!(summary(&certificate), expected, "{changed:?}");
    }
}

/// The votes of the report from which this project grew: three PASS and two PARTIAL, SILVER.
#[test]
fn votes_of_the_first_report_give_silver() {
    let mut documents = good(&targets());
    with(&mut documents, "start", failed("latency"));
    with(
        &mut documents,
        "coverage",
        skipped("the infrastructure needs fixes"),
    );
    let certificate = all_honest(&documents);
    assert_eq!(summary(&certificate), (Verdict::Partial, Level::Silver));
    assert_eq!(certificate.conclusion().score_quarters, 14);
}

/// A quick run, or a harder target that is missed, is no PLATINUM.
#[test]
fn platinum_asks_for_everything() {
    let documents = good(&targets());
    let quick = certify(&documents, &[Voting::Honest; 5], true).expect("it holds");
    assert_eq!(summary(&quick), (Verdict::Pass, Level::Gold));
    let mut documents = good(&targets());
    let slow = Outcome::Value(Measured {
        value: 500_000,
        unit: Unit::PerSecond,
        spread_percent: Some(1),
        samples: 30,
        figure: "bus/one".to_owned(),
    });
    with(&mut documents, "throughput", slow);
    assert_eq!(
        summary(&all_honest(&documents)),
        (Verdict::Pass, Level::Gold)
    );
}

/// One liar or one killed validator does not stop the verdict; two do, and it says so.
#[test]
fn one_bad_validator_is_borne_and_two_are_not() {
    use Voting::{Honest, Killed, Lying, Mute};
    let mut documents = good(&targets());
    with(&mut documents, "secrets", failed("a key in a.txt"));
    with(&mut documents, "suite", failed("a test"));
    for bad in [Killed, Lying, Mute] {
        let one =
            certify(&documents, &[Honest, Honest, bad, Honest, Honest], false).expect("it holds");
        holds(&one);
        assert_eq!(summary(&one), (Verdict::Partial, Level::Bronze), "{bad:?}");
        let two =
            certify(&documents, &[Honest, Honest, bad, Honest, bad], false).expect("it holds");
        holds(&two);
        assert_eq!(summary(&two), (Verdict::NoQuorum, Level::None), "{bad:?}");
        assert!(two.conclusion().seats[4].standing != Standing::Counted);
    }
    let lied =
        certify(&documents, &[Honest, Honest, Lying, Honest, Honest], false).expect("it holds");
    let seat = &lied.conclusion().seats[2];
    assert_eq!(seat.vote, Some(Word::Pass));
    assert_eq!(
        seat.standing,
        Standing::Discounted {
            reason: "it voted PASS with 100 %, and its evidence gives FAIL with 100 %".to_owned()
        }
    );
}

#[test]
fn other_roster_is_not_the_trusted_one() {
    let certificate = all_honest(&good(&targets()));
    let other = roster(4);
    assert_eq!(
        certificate.verify(Some(&other)),
        Err(CertificateError::OtherRoster)
    );
    let verified = certificate.verify(None).expect("it holds");
    assert!(!verified.is_roster_trusted);
}

/// Replaces a text in the document and says why it does not hold any more.
#[track_caller]
fn changed(from: &str, to: &str) -> String {
    let mut documents = good(&targets());
    with(&mut documents, "secrets", failed("a key in a.txt"));
    let text = String::from_utf8(all_honest(&documents).encode()).expect("JSON is text");
    assert!(text.contains(from), "{from} is not there to be changed");
    let text = text.replacen(from, to, 1);
    let certificate = Certificate::decode(text.as_bytes()).expect("it is still laid out as one");
    certificate
        .verify(Some(&roster(5)))
        .expect_err("it was changed")
        .to_string()
}

#[test]
fn reason_names_what_was_changed() {
    assert_eq!(
        changed("\"level\": \"BRONZE\"", "\"level\": \"GOLD\""),
        "the ballots give PARTIAL, BRONZE, 16 quarters, and it says PARTIAL, GOLD, 16 quarters"
    );
    assert_eq!(
        changed("\"vote\": \"FAIL\"", "\"vote\": \"PASS\""),
        "what it says of security does not follow from the ballot and evidence"
    );
    assert_eq!(
        changed("\"value\": 2000000", "\"value\": 3000000"),
        "the evidence of performance was changed after its ballot was signed"
    );
    assert_eq!(
        changed("\"above\": 100000", "\"above\": 100001"),
        "its targets are not those that were voted on"
    );
    assert_eq!(
        changed("\"project\": \"example\"", "\"project\": \"another\""),
        "it names the project \"another\", its targets another"
    );
    assert_eq!(
        changed("\"commit\": \"0123", "\"commit\": \"1123"),
        "the ballots are on another subject"
    );
    assert_eq!(
        changed("A fact passes", "A fact may pass"),
        "its rules are not those of version 1"
    );
    assert_eq!(
        changed("\"epoch\": 1", "\"epoch\": 2"),
        "its roster is not the one that is trusted"
    );
}

#[test]
fn what_is_no_certificate_is_refused() {
    let text = String::from_utf8(all_honest(&good(&targets())).encode()).expect("JSON is text");
    let told = |text: &str| {
        Certificate::decode(text.as_bytes())
            .expect_err("none")
            .to_string()
    };
    assert!(told("{}").contains("missing field"));
    assert!(told(&text.replacen("\"version\": 1", "\"version\": 2", 1)).contains("version 2"));
    assert!(
        told(&text.replacen("\"version\": 1", "\"version\": 1, \"surprise\": 2", 1))
            .contains("surprise")
    );
    assert!(told(&" ".repeat(claude_flow_certify::CERTIFICATE_BYTES_MAX + 1)).contains("longer"));
    // Without a place for evidence.
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    json["evidence"].as_array_mut().expect("a list").pop();
    let certificate = Certificate::decode(json.to_string().as_bytes()).expect("laid out as one");
    assert!(matches!(
        certificate.verify(None),
        Err(CertificateError::Count { .. })
    ));
    // Evidence that is taken away does not pass for a certificate that was made without it.
    json["evidence"]
        .as_array_mut()
        .expect("a list")
        .push(serde_json::Value::Null);
    let certificate = Certificate::decode(json.to_string().as_bytes()).expect("laid out as one");
    assert!(matches!(
        certificate.verify(None),
        Err(CertificateError::Conclusion { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever byte is changed to whatever: the document does not hold any more, cannot be read, or
    /// still says the same.
    #[test]
    fn changed_byte_is_found(at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let certificate = all_honest(&good(&targets()));
        let mut bytes = certificate.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Certificate::decode(&bytes) && read != certificate {
            prop_assert!(read.verify(Some(&roster(5))).is_err(), "byte {at} as {byte}");
        }
    }
}
