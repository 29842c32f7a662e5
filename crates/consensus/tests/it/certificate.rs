//! Certificates, checked from their bytes with real signatures.

use claude_flow_consensus::{
    CertificateError, Digest, Ed25519Verifier, Kind, Level, SignatureSet, Statement, ValidatorId,
    Verdict, Verifier, verify_certificate, verify_decision,
};

use crate::make::Group;

struct Case {
    group: Group,
    verifier: Ed25519Verifier,
    statement: Statement,
}

impl Case {
    fn new() -> Self {
        let group = Group::new(5, 1, 3);
        let verifier = Ed25519Verifier::new(group.roster.keys()).unwrap();
        let statement = Statement {
            kind: Kind::Commit,
            view: 3,
            seq: 9,
            digest: group.golden_proposal().digest(),
        };
        Self {
            group,
            verifier,
            statement,
        }
    }

    fn bytes(&self, signers: u32) -> Vec<u8> {
        let certificate = self.group.certificate(self.statement, signers);
        certificate.encode(&self.group.roster.digest())
    }

    fn verify(&self, bytes: &[u8]) -> Result<(u64, u64, Digest), CertificateError> {
        verify_certificate(&self.group.roster, &self.verifier, bytes)
            .map(|it| (it.view, it.seq, it.digest))
    }
}

/// The bound is 512 bytes at five validators.
#[test]
fn four_of_five_are_a_certificate_of_346_bytes() {
    let case = Case::new();
    let bytes = case.bytes(4);
    assert_eq!(bytes.len(), 346);
    assert_eq!(case.verify(&bytes), Ok((3, 9, case.statement.digest)));
}

/// Two sets of three among five may share only the liar.
#[test]
fn three_of_five_are_none() {
    let case = Case::new();
    let expected = Err(CertificateError::Quorum { signers: 3 });
    assert_eq!(case.verify(&case.bytes(3)), expected);
}

#[test]
fn no_changed_byte_verifies() {
    let case = Case::new();
    let good = case.bytes(4);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        assert!(case.verify(&bytes).is_err(), "byte {at}");
    }
    for len in 0..good.len() {
        assert!(case.verify(&good[..len]).is_err(), "cut to {len}");
    }
}

/// One validator's signature in the place of another's, as a liar would fill a certificate up.
#[test]
fn a_repeated_signature_does_not_count_twice() {
    let case = Case::new();
    let mut certificate = case.group.certificate(case.statement, 3);
    let own = certificate.votes.iter().next().map(|(_, it)| *it).unwrap();
    let votes: Vec<_> = certificate.votes.iter().map(|(id, it)| (id, *it)).collect();
    certificate.votes = SignatureSet::new(votes.into_iter().chain([(ValidatorId(3), own)]));
    let bytes = certificate.encode(&case.group.roster.digest());
    let signer = ValidatorId(3);
    assert_eq!(
        case.verify(&bytes),
        Err(CertificateError::Signature { signer })
    );
}

/// PREPAREs are no COMMITs, even from everyone.
#[test]
fn a_prepared_certificate_is_no_decision() {
    let case = Case::new();
    let prepared = Statement {
        kind: Kind::Prepare,
        ..case.statement
    };
    let mut bytes = case
        .group
        .certificate(prepared, 5)
        .encode(&case.group.roster.digest());
    assert_eq!(case.verify(&bytes), Err(CertificateError::Layout));
    bytes[1] = Kind::Commit.tag();
    assert!(matches!(
        case.verify(&bytes),
        Err(CertificateError::Signature { .. })
    ));
}

#[test]
fn another_roster_does_not_accept_it() {
    let case = Case::new();
    let other = Group::new(5, 1, 4);
    let found = verify_certificate(&other.roster, &case.verifier, &case.bytes(4));
    assert_eq!(found, Err(CertificateError::Roster));
}

#[test]
fn a_decision_brings_its_verdict() {
    let case = Case::new();
    let proposal = case.group.golden_proposal();
    let verify = |verifier: &dyn Verifier, proposal: &[u8]| {
        verify_decision(&case.group.roster, verifier, &case.bytes(4), proposal)
    };
    let (certified, tally) = verify(&case.verifier, &proposal.encode()).unwrap();
    assert_eq!(certified.seq, 9);
    assert_eq!(
        (tally.verdict, tally.level),
        (Verdict::Partial, Level::Silver)
    );
    let mut fewer = proposal;
    fewer.ballots.pop();
    let found = verify(&case.verifier, &fewer.encode());
    assert_eq!(found, Err(CertificateError::Proposal));
}
