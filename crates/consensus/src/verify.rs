//! Verifies a certificate from its bytes.
//!
//! Written from `docs/spec.md` and independently of the replica: it shares no encoder, decoder,
//! quorum or certificate with it, so that a mistake there is not repeated here.

use thiserror::Error;

use crate::ballot::Proposal;
use crate::digest::{Digest, Domain};
use crate::error::DecodeError;
use crate::handover::Origin;
use crate::quorum::ValidatorId;
use crate::roster::Roster;
use crate::signature::{Signature, Verifier};
use crate::tally::{Tally, tally};
use crate::wire::Reader;

/// Where the signatures begin in a certificate that stands alone.
const HEADER_BYTES: usize = 90;

/// What a certificate is for, as its second byte says.
const COMMIT: u8 = 3;
const CHECKPOINT: u8 = 4;

/// What a certificate proves: a quorum committed this digest to this slot, and no other digest can
/// be committed to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Certified {
    /// In which view.
    pub view: u64,
    /// Which slot.
    pub seq: u64,
    /// The proposal's digest.
    pub digest: Digest,
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes are not laid out as a certificate of this version.
    #[error("the bytes are not a certificate of version 1")]
    Layout,
    /// It was given under another roster.
    #[error("the certificate is of another roster")]
    Roster,
    /// Someone signed who is not in the roster.
    #[error("a signer is not in the roster")]
    Stranger,
    /// Too few signed.
    #[error("{signers} signers are not a quorum")]
    Quorum {
        /// How many signed.
        signers: u32,
    },
    /// A signature is not the signer's.
    #[error("the signature of validator {signer} does not hold")]
    Signature {
        /// Whose.
        signer: ValidatorId,
    },
    /// The proposal is another one.
    #[error("the proposal is not the one that was decided")]
    Proposal,
    /// The bytes of a proposal or roster are none.
    #[error("the proposal or roster cannot be read")]
    Decode(#[from] DecodeError),
    /// The certificate is not for this chain and this roster, or the roster cannot follow.
    #[error("the certificate does not hand over to this roster")]
    Handover,
    /// A ballot is forged, doubled or on another subject, or there are too few.
    #[error("the ballots do not hold")]
    Ballots,
}

/// Verifies the bytes of [`Certificate::encode`](crate::Certificate::encode).
///
/// # Errors
///
/// [`CertificateError`], the first reason found.
///
/// # Complexity
///
/// One signature check a signer; allocates nothing.
pub fn verify_certificate(
    roster: &Roster,
    verifier: &dyn Verifier,
    bytes: &[u8],
) -> Result<Certified, CertificateError> {
    verify_signed(COMMIT, roster, verifier, bytes)
}

fn verify_signed(
    kind: u8,
    roster: &Roster,
    verifier: &dyn Verifier,
    bytes: &[u8],
) -> Result<Certified, CertificateError> {
    let (header, signatures) = bytes
        .split_at_checked(HEADER_BYTES)
        .ok_or(CertificateError::Layout)?;
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(word)
    };
    if header[..2] != [1, kind] || !signatures.len().is_multiple_of(Signature::BYTES) {
        return Err(CertificateError::Layout);
    }
    if header[2..34] != *roster.digest().as_bytes() {
        return Err(CertificateError::Roster);
    }
    let (view, seq, bits) = (word(34), word(42), word(82));
    let (n, f) = (roster.committee().n(), roster.committee().f());
    let signers = bits.count_ones();
    if signatures.len() / Signature::BYTES != signers as usize || seq == 0 {
        return Err(CertificateError::Layout);
    }
    if n < u64::BITS && bits >> n != 0 {
        return Err(CertificateError::Stranger);
    }
    // Two sets of signers share more than f validators.
    if 2 * signers <= n + f {
        return Err(CertificateError::Quorum { signers });
    }
    // What each of them signed: domain, version, kind and roster; view, slot and digest.
    let mut said = [0; 98];
    said[..16].copy_from_slice(b"cf/consensus/say");
    said[16..66].copy_from_slice(&header[..50]);
    said[66..].copy_from_slice(&header[50..82]);
    let ids = (0..u64::BITS).filter(|id| bits >> id & 1 == 1);
    for (id, signature) in ids.zip(signatures.chunks_exact(Signature::BYTES)) {
        let mut bytes = [0; Signature::BYTES];
        bytes.copy_from_slice(signature);
        let signer = ValidatorId(id);
        if !verifier.is_signed(signer, &said, &Signature(bytes)) {
            return Err(CertificateError::Signature { signer });
        }
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&header[50..82]);
    Ok(Certified {
        view,
        seq,
        digest: Digest::from_bytes(digest),
    })
}

/// Verifies a certificate together with the proposal that it is for, and adds its ballots up again.
///
/// # Errors
///
/// [`CertificateError`], the first reason found.
pub fn verify_decision(
    roster: &Roster,
    verifier: &dyn Verifier,
    certificate: &[u8],
    proposal: &[u8],
) -> Result<(Certified, Tally), CertificateError> {
    let certified = verify_certificate(roster, verifier, certificate)?;
    if Digest::of(Domain::Proposal, proposal) != certified.digest {
        return Err(CertificateError::Proposal);
    }
    let proposal = Proposal::decode(proposal)?;
    if !proposal.is_valid(roster, verifier) {
        return Err(CertificateError::Ballots);
    }
    Ok((certified, tally(roster, &proposal.ballots)))
}

/// Verifies the bytes of [`Handover::encode`](crate::Handover::encode): the epoch of this roster has
/// ended, and the roster that is given back goes on from there.
///
/// # Errors
///
/// [`CertificateError`], the first reason found.
pub fn verify_handover(
    roster: &Roster,
    verifier: &dyn Verifier,
    bytes: &[u8],
) -> Result<(Origin, Roster), CertificateError> {
    let signers = bytes
        .get(HEADER_BYTES - 8..HEADER_BYTES)
        .ok_or(CertificateError::Layout)?;
    let signers: u32 = signers.iter().map(|byte| byte.count_ones()).sum();
    let (certificate, rest) = bytes
        .split_at_checked(HEADER_BYTES + Signature::BYTES * signers as usize)
        .ok_or(CertificateError::Layout)?;
    let (chain, next) = rest
        .split_at_checked(Digest::BYTES)
        .ok_or(CertificateError::Layout)?;
    let certified = verify_signed(CHECKPOINT, roster, verifier, certificate)?;
    let mut reader = Reader(next);
    let next = reader.roster()?;
    reader.end()?;
    let mut named = [0; 72];
    named[..32].copy_from_slice(chain);
    named[32..40].copy_from_slice(&certified.seq.to_le_bytes());
    named[40..].copy_from_slice(next.digest().as_bytes());
    if certified.view != 0
        || Digest::of(Domain::Handover, &named) != certified.digest
        || !next.can_follow(roster, verifier)
    {
        return Err(CertificateError::Handover);
    }
    let origin = Origin {
        seq: certified.seq,
        chain: certified.digest,
    };
    Ok((origin, next))
}
