//! A certificate for people.

mod page;

use crate::certificate::Certificate;
use crate::conclusion::{Seat, Standing};
use crate::evidence::{Evidence, EvidenceDocument};
use crate::opinion::Judged;
use crate::targets::{Bound, Check, Unit};
use page::{Block, Page};

/// The certificate as Markdown.
#[must_use]
pub fn markdown(certificate: &Certificate) -> String {
    page_of(certificate).markdown()
}

/// The certificate as one HTML file that needs nothing else.
#[must_use]
pub fn html(certificate: &Certificate) -> String {
    page_of(certificate).html()
}

/// A value with its unit, as short as it is told exactly enough.
#[must_use]
pub fn shown_value(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Ns if value >= 10_000_000_000 => format!("{} s", decimal(value, 1_000_000_000)),
        Unit::Ns if value >= 10_000 => format!("{} ms", decimal(value, 1_000_000)),
        Unit::Ns => format!("{value} ns"),
        Unit::PerSecond => format!("{}/s", grouped(value)),
        Unit::BasisPoints => format!("{} %", decimal(value, 100)),
        Unit::Bytes if value >= 100_000 => format!("{} MB", decimal(value, 1_000_000)),
        Unit::Bytes => format!("{} bytes", grouped(value)),
        Unit::Count => grouped(value),
    }
}

/// A bound in words.
pub(crate) fn shown_bound(bound: Bound, unit: Unit) -> String {
    let limit = shown_value(bound.limit(), unit);
    match bound {
        Bound::Below(_) => format!("less than {limit}"),
        Bound::Above(_) => format!("more than {limit}"),
    }
}

/// A quotient with at most three places, and none that are zero.
fn decimal(value: u64, divisor: u64) -> String {
    let places = u128::from(value % divisor) * 1_000 / u128::from(divisor);
    let text = format!("{}.{places:03}", grouped(value / divisor));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With a comma after every three digits.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn page_of(certificate: &Certificate) -> Page {
    let (subject, conclusion) = (certificate.subject(), certificate.conclusion());
    let (verdict, level) = (conclusion.verdict.name(), conclusion.level.name());
    let mut blocks = vec![
        Block::Lead(format!("{verdict}, level {level}")),
        Block::Text(format!(
            "{} of {} votes. Commit {}, tree {}. {} run, begun {} seconds after 1970 (UTC).",
            decimal(u64::from(conclusion.score_quarters), 4),
            conclusion.seats.len(),
            subject.commit,
            subject.tree,
            if subject.is_quick {
                "A quick"
            } else {
                "A full"
            },
            subject.made_unix_s,
        )),
        Block::Heading("Votes".to_owned()),
        table(&VOTE_HEAD, conclusion.seats.iter().map(vote_row).collect()),
    ];
    let documents = certificate.evidence().iter();
    for (seat, document) in conclusion.seats.iter().zip(documents) {
        blocks.push(Block::Heading(seat.validator.clone()));
        if let Some(document) = document {
            blocks.push(Block::Text(machine_line(document)));
        }
        let rows = seat.judged.iter().map(|judged| {
            let checks = &certificate.targets().checks;
            let check = checks.iter().find(|it| it.id == judged.check);
            check_row(judged, check, evidence_of(document.as_ref(), &judged.check))
        });
        blocks.push(table(&CHECK_HEAD, rows.collect()));
    }
    blocks.push(Block::Heading("Rules".to_owned()));
    blocks.extend(
        crate::RULES
            .lines()
            .map(|line| Block::Text(line.to_owned())),
    );
    blocks.push(Block::Heading("Keys".to_owned()));
    let keys = certificate.targets().validators.iter();
    let keys = keys.zip(certificate.roster().keys());
    let rows = keys.map(|(name, key)| vec![name.clone(), key.clone()]);
    blocks.push(table(&["validator", "public key"], rows.collect()));
    Page {
        title: format!("Certificate of {}", subject.project),
        blocks,
    }
}

const VOTE_HEAD: [&str; 7] = [
    "validator",
    "vote",
    "confidence",
    "passed",
    "failed",
    "skipped",
    "standing",
];

const CHECK_HEAD: [&str; 6] = [
    "check",
    "finding",
    "claim",
    "what was seen",
    "ours",
    "command",
];

fn table(head: &[&str], rows: Vec<Vec<String>>) -> Block {
    Block::Table {
        head: head.iter().map(|cell| (*cell).to_owned()).collect(),
        rows,
    }
}

fn vote_row(seat: &Seat) -> Vec<String> {
    let count = |finding| {
        let same = seat.judged.iter().filter(|it| it.finding == finding);
        same.count().to_string()
    };
    let standing = match &seat.standing {
        Standing::Counted => "counted".to_owned(),
        Standing::Absent => "absent: no ballot came".to_owned(),
        Standing::Discounted { reason } => format!("counts as absent: {reason}"),
    };
    vec![
        seat.validator.clone(),
        seat.vote.map_or("–", |vote| vote.name()).to_owned(),
        seat.confidence_percent
            .map_or_else(|| "–".to_owned(), |it| format!("{it} %")),
        count(crate::Finding::Pass),
        count(crate::Finding::Fail),
        count(crate::Finding::Skipped),
        standing,
    ]
}

fn machine_line(document: &EvidenceDocument) -> String {
    let machine = &document.machine;
    format!(
        "Seen on {}, {} × {}.",
        machine.system, machine.cores, machine.processor
    )
}

fn evidence_of<'a>(document: Option<&'a EvidenceDocument>, check: &str) -> Option<&'a Evidence> {
    document?.evidence.iter().find(|it| it.check == check)
}

fn check_row(judged: &Judged, check: Option<&Check>, evidence: Option<&Evidence>) -> Vec<String> {
    let mut cause = judged.cause.clone();
    if !judged.is_sure && judged.finding != crate::Finding::Skipped {
        cause.push_str("; not sure: the spread reaches over the bound");
    }
    if let Some([before, after]) = evidence.and_then(|it| it.load) {
        let load = |it: u32| decimal(u64::from(it), 100);
        cause = format!(
            "{cause}; load {} before, {} after",
            load(before),
            load(after)
        );
    }
    if evidence.is_some_and(|it| it.is_reused) {
        cause.push_str("; seen by an earlier run on the same tree");
    }
    let ours = check.and_then(|it| it.target.as_ref()).and_then(|target| {
        let ours = shown_bound(target.bound.at(target.ours?), target.unit);
        Some(match judged.is_ours_met {
            Some(true) => format!("{ours}: met"),
            Some(false) => format!("{ours}: missed"),
            None => ours,
        })
    });
    vec![
        judged.check.clone(),
        judged.finding.name().to_owned(),
        check.map(|it| it.claim.clone()).unwrap_or_default(),
        cause,
        ours.unwrap_or_default(),
        check.and_then(|it| it.command.clone()).unwrap_or_default(),
    ]
}
