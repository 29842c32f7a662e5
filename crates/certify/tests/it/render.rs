//! Certificates for people.

use claude_flow_certify::{Unit, html, markdown, shown_value};

use crate::group::{Voting, certify, failed, good, skipped, targets, with};

fn certificate() -> claude_flow_certify::Certificate {
    let mut documents = good(&targets());
    with(
        &mut documents,
        "secrets",
        failed("<b>a|key</b> in [a.txt](b)\n# not a heading"),
    );
    with(
        &mut documents,
        "coverage",
        skipped("cargo llvm-cov is not installed"),
    );
    documents[3].evidence[0].is_reused = true;
    let voting = [
        Voting::Honest,
        Voting::Killed,
        Voting::Honest,
        Voting::Honest,
        Voting::Honest,
    ];
    certify(&documents, &voting, true).expect("it holds")
}

#[test]
fn markdown_shows_everything_on_its_line() {
    insta::assert_snapshot!(markdown(&certificate()));
}

/// A claim or cause that is markup would let evidence draw its own certificate.
#[test]
fn html_stands_alone_and_shows_markup_as_text() {
    let page = html(&certificate());
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("&lt;b&gt;a|key&lt;/b&gt;") && !page.contains("<b>"));
    assert!(page.contains("<td class=\"skipped\">SKIPPED"));
    for outside in ["http://", "https://", "src=", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn values_are_shown_with_their_unit() {
    for (value, unit, expected) in [
        (950, Unit::Ns, "950 ns"),
        (10_000, Unit::Ns, "0.01 ms"),
        (1_234_567, Unit::Ns, "1.234 ms"),
        (5_000_000, Unit::Ns, "5 ms"),
        (12_500_000_000, Unit::Ns, "12.5 s"),
        (5_000_000, Unit::PerSecond, "5,000,000/s"),
        (9_990, Unit::BasisPoints, "99.9 %"),
        (10_000_000, Unit::Bytes, "10 MB"),
        (999, Unit::Count, "999"),
    ] {
        assert_eq!(shown_value(value, unit), expected);
    }
}
