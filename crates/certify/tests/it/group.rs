//! A group of validators in one hand, that agrees on whatever it is told.

use claude_flow_certify::{
    Certificate, CertificateError, Evidence, EvidenceDocument, Machine, Measured, Opinion, Outcome,
    Parts, Raw, Subject, Targets,
};
use claude_flow_consensus::{
    self as consensus, Ballot, Confidence, Digest, Domain, Ed25519Signer, Kind, Proposal, Roster,
    RosterOptions, SignatureSet, SignedBallot, Signer, Statement, ValidatorId, Vote,
};

/// Five validators; two facts each, and a value for the first.
pub(crate) const TARGETS: &str = r#"
version = 1
project = "example"
validators = ["performance", "integration", "security", "architecture", "tests"]

[[check]]
id = "throughput"
validator = "performance"
claim = "the bus takes more than 100,000 messages a second"
command = "bench bus --json {out}"
critical = true
reads = "figures"
target = { figure = "bus/*", field = "rate", unit = "per_second", bound = { above = 100_000 }, ours = 1_000_000 }

[[check]]
id = "start"
validator = "performance"
claim = "it starts"
command = "start"

[[check]]
id = "edits"
validator = "integration"
claim = "every edit gets its verdict"
command = "cargo test edits"
reads = "tests"
critical = true

[[check]]
id = "restart"
validator = "integration"
claim = "it comes back"
command = "cargo test restart"
reads = "tests"

[[check]]
id = "secrets"
validator = "security"
claim = "there is no secret in the tree"
command = "scan"
critical = true

[[check]]
id = "escapes"
validator = "security"
claim = "nothing escapes"
command = "escape"

[[check]]
id = "layers"
validator = "architecture"
claim = "every edge goes downwards"
command = "layers"
critical = true

[[check]]
id = "docs"
validator = "architecture"
claim = "everything is documented"
command = "docs"

[[check]]
id = "suite"
validator = "tests"
claim = "every test passes"
command = "cargo test"
reads = "tests"
critical = true

[[check]]
id = "coverage"
validator = "tests"
claim = "more than 80 % is covered"
command = "cover"
reads = "coverage"
target = { figure = "lcov.info", unit = "basis_points", bound = { above = 8_000 } }
"#;

pub(crate) fn targets() -> Targets {
    Targets::parse(TARGETS).expect("they can be")
}

/// Evidence of which everything passes, by validator.
pub(crate) fn good(targets: &Targets) -> Vec<EvidenceDocument> {
    let subject = subject(targets).digest().to_string();
    let of = |validator: &String| EvidenceDocument {
        subject: subject.clone(),
        validator: validator.clone(),
        machine: Machine {
            system: "linux x86_64".to_owned(),
            processor: "a processor".to_owned(),
            cores: 2,
        },
        evidence: targets
            .of(validator)
            .map(|check| {
                let outcome = match &check.target {
                    None => Outcome::Fact {
                        holds: true,
                        cause: "as it should be".to_owned(),
                    },
                    Some(target) => Outcome::Value(Measured {
                        value: target.ours.unwrap_or(target.bound.limit()) * 2,
                        unit: target.unit,
                        spread_percent: Some(5),
                        samples: 30,
                        figure: target.figure.clone(),
                    }),
                };
                Evidence {
                    exit_code: Some(0),
                    raw: Some(Raw::of(check.id.as_bytes())),
                    load: Some([10, 120]),
                    made_unix_s: 1_700_000_000,
                    ..Evidence::of(&check.id, outcome)
                }
            })
            .collect(),
        ..EvidenceDocument::default()
    };
    targets.validators.iter().map(of).collect()
}

pub(crate) fn subject(targets: &Targets) -> Subject {
    Subject {
        project: targets.project.clone(),
        commit: "0123456789ab".to_owned(),
        tree: Digest::of(Domain::Evidence, b"a tree").to_string(),
        targets: targets.digest().to_string(),
        is_quick: false,
        made_unix_s: 1_700_000_000,
    }
}

/// What a validator votes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Voting {
    /// As its evidence says.
    Honest,
    /// PASS, sure of it, whatever its evidence says.
    Lying,
    /// Nothing: it was killed.
    Killed,
    /// Honest, and its evidence is not handed in.
    Mute,
}

/// The group's own keys; any number of groups has the same.
pub(crate) fn signers(count: usize) -> Vec<Ed25519Signer> {
    let secrets = (1..=count).map(|id| [u8::try_from(id).expect("a small group"); 32]);
    secrets
        .map(|secret| Ed25519Signer::from_secret(&secret))
        .collect()
}

pub(crate) fn roster(count: usize) -> Roster {
    let n = u32::try_from(count).expect("a small group");
    Roster::new(RosterOptions {
        epoch: 1,
        keys: signers(count)
            .iter()
            .map(Ed25519Signer::public_key)
            .collect(),
        faults: (n - 1) / 3,
        approval_votes: n / 2 + 1,
    })
    .expect("such a roster can be")
}

/// The group votes on its evidence, decides, and puts a certificate together.
pub(crate) fn certify(
    documents: &[EvidenceDocument],
    voting: &[Voting],
    is_quick: bool,
) -> Result<Certificate, CertificateError> {
    let targets = targets();
    let mut subject = subject(&targets);
    subject.is_quick = is_quick;
    let (signers, roster) = (signers(documents.len()), roster(documents.len()));
    let mut ballots = Vec::new();
    let mut evidence = Vec::new();
    for ((document, voting), (signer, id)) in
        documents.iter().zip(voting).zip(signers.iter().zip(0..))
    {
        let mut document = document.clone();
        document.subject = subject.digest().to_string();
        let opinion = Opinion::of(&targets, &document).expect("evidence of these targets");
        let sure = Confidence::from_percent(100).expect("a percentage");
        let (vote, confidence) = match voting {
            Voting::Lying => (Vote::Pass, sure),
            _ => (opinion.vote, opinion.confidence),
        };
        evidence.push((!matches!(voting, Voting::Killed | Voting::Mute)).then(|| document.clone()));
        if matches!(voting, Voting::Killed) {
            continue;
        }
        let ballot = Ballot {
            subject: subject.digest(),
            vote,
            confidence,
            evidence: document.digest(),
        };
        let said = ballot.statement().encode(&roster.digest());
        ballots.push(SignedBallot {
            validator: ValidatorId(id),
            ballot,
            signature: signer.sign(&said),
        });
    }
    let proposal = Proposal {
        subject: subject.digest(),
        ballots,
        next: None,
    };
    Certificate::assemble(Parts {
        certificate: decided(&roster, &signers, &proposal),
        proposal: proposal.encode(),
        roster: &roster,
        subject,
        targets,
        evidence,
    })
}

/// A certificate that everyone has signed.
fn decided(roster: &Roster, signers: &[Ed25519Signer], proposal: &Proposal) -> Vec<u8> {
    let statement = Statement {
        kind: Kind::Commit,
        view: 0,
        seq: 1,
        digest: proposal.digest(),
    };
    let said = statement.encode(&roster.digest());
    let votes = (0..)
        .map(ValidatorId)
        .zip(signers.iter().map(|it| it.sign(&said)));
    let votes: Vec<_> = votes.collect();
    let certificate = consensus::Certificate {
        statement,
        votes: SignatureSet::new(votes),
    };
    certificate.encode(&roster.digest())
}

pub(crate) fn all_honest(documents: &[EvidenceDocument]) -> Certificate {
    certify(documents, &vec![Voting::Honest; documents.len()], false).expect("it holds")
}

/// Replaces the outcome of one check.
pub(crate) fn with(documents: &mut [EvidenceDocument], check: &str, outcome: Outcome) {
    let mut evidence = documents.iter_mut().flat_map(|it| &mut it.evidence);
    let found = evidence.find(|it| it.check == check);
    found.expect("there is such a check").outcome = outcome;
}

pub(crate) fn skipped(reason: &str) -> Outcome {
    Outcome::Skipped {
        reason: reason.to_owned(),
    }
}

pub(crate) fn failed(cause: &str) -> Outcome {
    Outcome::Fact {
        holds: false,
        cause: cause.to_owned(),
    }
}
