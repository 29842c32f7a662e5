//! The document that says what was seen and agreed on, and its verification.

use claude_flow_consensus::{
    self as consensus, Digest, Domain, Ed25519Verifier, Proposal, PublicKey, RosterError,
    RosterOptions, SignedBallot, VoterSet, verify_decision,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::conclusion::{Conclusion, RULES, Seat, Standing, conclude};
use crate::evidence::EvidenceDocument;
use crate::opinion::{Opinion, Word};
use crate::targets::{Targets, TargetsError};

/// The longest certificate that is read, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 16 << 20;

/// The form of the document that is read and written here.
const VERSION: u32 = 1;

/// What was seen and agreed on: everything from which the verdict follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    version: u32,
    conclusion: Conclusion,
    rules: String,
    subject: Subject,
    targets: Targets,
    roster: Roster,
    // As many as validators, in their order.
    evidence: Vec<Option<EvidenceDocument>>,
    // The bytes of the consensus's certificate, which is another one.
    #[serde(rename = "certificate", with = "hex::serde")]
    decision: Vec<u8>,
    #[serde(with = "hex::serde")]
    proposal: Vec<u8>,
}

/// What the validators vote on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What is certified, as the targets name it.
    pub project: String,
    /// The commit; with `-dirty` if files differ from it, `unknown` without one.
    pub commit: String,
    /// The digest of the files that were there, in hexadecimal digits.
    pub tree: String,
    /// The digest of the targets, in hexadecimal digits.
    pub targets: String,
    /// Whether checks that take long were left out.
    pub is_quick: bool,
    /// When the run began, in seconds since 1970.
    pub made_unix_s: u64,
}

impl Subject {
    /// What the ballots name.
    ///
    /// # Panics
    ///
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self).expect("texts and whole numbers can be written");
        Digest::of(Domain::Subject, &bytes)
    }
}

/// Who voted, as a part of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    epoch: u64,
    faults: u32,
    approval_votes: u32,
    keys: Vec<String>,
}

impl Roster {
    /// The roster as text and numbers.
    #[must_use]
    pub fn of(roster: &consensus::Roster) -> Self {
        Self {
            epoch: roster.epoch(),
            faults: roster.committee().f(),
            approval_votes: roster.approval().votes(),
            keys: roster.keys().iter().map(|key| hex::encode(key.0)).collect(),
        }
    }

    /// The validators' public keys in hexadecimal digits, in their order.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    fn read(&self) -> Result<consensus::Roster, CertificateError> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for text in &self.keys {
            let mut key = [0; 32];
            hex::decode_to_slice(text, &mut key)
                .map_err(|_| CertificateError::Key { text: text.clone() })?;
            keys.push(PublicKey(key));
        }
        Ok(consensus::Roster::new(RosterOptions {
            epoch: self.epoch,
            keys,
            faults: self.faults,
            approval_votes: self.approval_votes,
        })?)
    }
}

/// What a certificate is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What was voted on.
    pub subject: Subject,
    /// What was claimed.
    pub targets: Targets,
    /// Who voted.
    pub roster: &'a consensus::Roster,
    /// What the validators handed in, by their order; none of whom nothing came.
    pub evidence: Vec<Option<EvidenceDocument>>,
    /// The bytes of the consensus's certificate.
    pub certificate: Vec<u8>,
    /// The bytes of the ballots that were agreed on.
    pub proposal: Vec<u8>,
}

/// A kept output that a certificate speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFile {
    /// In whose directory.
    pub validator: String,
    /// Of which check; the file is `<check>.log`.
    pub check: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its blake3 digest in hexadecimal digits.
    pub blake3: String,
}

/// What holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// In which slot it was decided.
    pub slot: u64,
    /// In which view.
    pub view: u64,
    /// How many validators signed the decision.
    pub signers: u32,
    /// Whether the roster is one that the caller trusts, and not only the document's own.
    pub is_roster_trusted: bool,
}

/// Why a certificate does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Longer than [`CERTIFICATE_BYTES_MAX`].
    #[error("longer than {CERTIFICATE_BYTES_MAX} bytes")]
    TooLong,
    /// Not JSON, or a field is unknown, missing or of the wrong type.
    #[error("not a certificate: {0}")]
    Layout(String),
    /// Of another version.
    #[error("version {0} is not known here; version {VERSION} is")]
    Version(u32),
    /// The rules are other ones.
    #[error("its rules are not those of version {VERSION}")]
    Rules,
    /// The targets cannot be.
    #[error("its targets cannot be: {0}")]
    Targets(#[from] TargetsError),
    /// The validators voted on other targets.
    #[error("its targets are not those that were voted on")]
    OtherTargets,
    /// The validators voted on another project.
    #[error("it names the project {project:?}, its targets another")]
    Project {
        /// As the subject names it.
        project: String,
    },
    /// A key is not 64 hexadecimal digits.
    #[error("{text:?} is no key")]
    Key {
        /// What is there.
        text: String,
    },
    /// There is no such roster.
    #[error("its roster cannot be: {0}")]
    Roster(#[from] RosterError),
    /// The caller trusts another roster.
    #[error("its roster is not the one that is trusted")]
    OtherRoster,
    /// Validators, keys and evidence are not equally many.
    #[error("it has {validators} validators, {keys} keys and {evidence} places for evidence")]
    Count {
        /// Names.
        validators: usize,
        /// Keys.
        keys: usize,
        /// Places for evidence.
        evidence: usize,
    },
    /// The decision proves nothing.
    #[error("the decision does not hold: {0}")]
    Decision(#[from] consensus::CertificateError),
    /// The ballots are on something else.
    #[error("the ballots are on another subject")]
    OtherSubject,
    /// Evidence is not what was signed.
    #[error("the evidence of {validator} was changed after its ballot was signed")]
    Evidence {
        /// Whose.
        validator: String,
    },
    /// Evidence without a ballot, which nobody has signed.
    #[error("there is evidence of {validator}, and no ballot that signs it")]
    Unsigned {
        /// Whose.
        validator: String,
    },
    /// The conclusion does not follow.
    #[error("the ballots give {found}, and it says {told}")]
    Conclusion {
        /// Verdict and level that follow.
        found: String,
        /// Verdict and level that are told.
        told: String,
    },
    /// Verdict and level follow, and something else in the conclusion does not.
    #[error("what it says of {validator} does not follow from the ballot and evidence")]
    Seat {
        /// Of whom.
        validator: String,
    },
}

impl Certificate {
    /// Puts a certificate together and draws its conclusion.
    ///
    /// Evidence without a ballot, or other evidence than a ballot names, is left out; the ballot then
    /// counts as absent.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if the parts do not belong together.
    pub fn assemble(parts: Parts<'_>) -> Result<Self, CertificateError> {
        let Parts {
            subject,
            targets,
            roster,
            mut evidence,
            certificate,
            proposal,
        } = parts;
        let ballots = Proposal::decode(&proposal).map_err(consensus::CertificateError::from)?;
        evidence.resize(targets.validators.len(), None);
        for (place, id) in evidence.iter_mut().zip(0..) {
            let ballot = ballots.ballots.iter().find(|it| it.validator.0 == id);
            let signed = ballot.map(|it| it.ballot.evidence);
            place.take_if(|document| Some(document.digest()) != signed);
        }
        let mut made = Self {
            version: VERSION,
            conclusion: Conclusion {
                verdict: crate::Verdict::NoQuorum,
                level: crate::Level::None,
                score_quarters: 0,
                seats: Vec::new(),
            },
            rules: RULES.to_owned(),
            subject,
            targets,
            roster: Roster::of(roster),
            evidence,
            decision: certificate,
            proposal,
        };
        made.conclusion = made.proven(Some(roster))?.1;
        Ok(made)
    }

    /// Reads a document; nothing in it is verified yet.
    ///
    /// # Errors
    ///
    /// [`CertificateError::TooLong`], [`CertificateError::Layout`], [`CertificateError::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLong);
        }
        let read: Result<Self, _> = serde_json::from_slice(bytes);
        let certificate = read.map_err(|error| CertificateError::Layout(error.to_string()))?;
        if certificate.version != VERSION {
            return Err(CertificateError::Version(certificate.version));
        }
        Ok(certificate)
    }

    /// The document as it is written to a file.
    ///
    /// # Panics
    ///
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let text = serde_json::to_vec_pretty(self);
        let mut text = text.expect("texts and whole numbers can be written");
        text.push(b'\n');
        text
    }

    /// Verifies signatures, quorum, digests and ballots, and draws the conclusion again.
    ///
    /// Without a trusted roster the keys are the document's own: then it is known that nothing was
    /// changed since somebody signed it, and not who.
    ///
    /// # Errors
    ///
    /// [`CertificateError`], the first reason found.
    pub fn verify(
        &self,
        trusted: Option<&consensus::Roster>,
    ) -> Result<Verified, CertificateError> {
        let (verified, conclusion) = self.proven(trusted)?;
        if conclusion == self.conclusion {
            return Ok(verified);
        }
        let shown = |it: &Conclusion| {
            let (verdict, level) = (it.verdict.name(), it.level.name());
            format!("{verdict}, {level}, {} quarters", it.score_quarters)
        };
        let (found, told) = (shown(&conclusion), shown(&self.conclusion));
        if found != told || conclusion.seats.len() != self.conclusion.seats.len() {
            return Err(CertificateError::Conclusion { found, told });
        }
        let mut pairs = conclusion.seats.iter().zip(&self.conclusion.seats);
        let differing = pairs.find(|(one, other)| one != other);
        let validator = differing.map(|(seat, _)| seat.validator.clone());
        Err(CertificateError::Seat {
            validator: validator.unwrap_or_default(),
        })
    }

    fn proven(
        &self,
        trusted: Option<&consensus::Roster>,
    ) -> Result<(Verified, Conclusion), CertificateError> {
        if self.rules != RULES {
            return Err(CertificateError::Rules);
        }
        self.targets.validate()?;
        if self.subject.targets != self.targets.digest().to_string() {
            return Err(CertificateError::OtherTargets);
        }
        if self.subject.project != self.targets.project {
            return Err(CertificateError::Project {
                project: self.subject.project.clone(),
            });
        }
        let roster = self.roster.read()?;
        if trusted.is_some_and(|trusted| trusted.digest() != roster.digest()) {
            return Err(CertificateError::OtherRoster);
        }
        let validators = self.targets.validators.len();
        let (keys, evidence) = (roster.keys().len(), self.evidence.len());
        if validators != keys || validators != evidence {
            return Err(CertificateError::Count {
                validators,
                keys,
                evidence,
            });
        }
        let keys = Ed25519Verifier::new(roster.keys())?;
        let (certified, _) = verify_decision(&roster, &keys, &self.decision, &self.proposal)?;
        let proposal =
            Proposal::decode(&self.proposal).map_err(consensus::CertificateError::from)?;
        if proposal.subject != self.subject.digest() {
            return Err(CertificateError::OtherSubject);
        }
        let (seats, counted) = self.seats(&proposal)?;
        let conclusion = conclude(&roster, seats, &counted, !self.subject.is_quick);
        let verified = Verified {
            slot: certified.seq,
            view: certified.view,
            signers: self.signers(),
            is_roster_trusted: trusted.is_some(),
        };
        Ok((verified, conclusion))
    }

    /// How many signed the decision: a field of the certificate's header, which is verified.
    fn signers(&self) -> u32 {
        let bits = self.decision.get(82..90).and_then(|it| it.try_into().ok());
        VoterSet::from_bits(bits.map_or(0, u64::from_le_bytes)).count()
    }

    fn seats(
        &self,
        proposal: &Proposal,
    ) -> Result<(Vec<Seat>, Vec<SignedBallot>), CertificateError> {
        let (mut seats, mut counted) = (Vec::new(), Vec::new());
        let places = self.targets.validators.iter().zip(&self.evidence);
        for ((validator, evidence), id) in places.zip(0..) {
            let signed = proposal.ballots.iter().find(|it| it.validator.0 == id);
            let (standing, judged) = match (signed, evidence) {
                (None, None) => (Standing::Absent, Vec::new()),
                (None, Some(_)) => {
                    let validator = validator.clone();
                    return Err(CertificateError::Unsigned { validator });
                }
                (Some(_), None) => (discounted("its evidence was not handed in"), Vec::new()),
                (Some(signed), Some(document)) => {
                    if document.digest() != signed.ballot.evidence {
                        let validator = validator.clone();
                        return Err(CertificateError::Evidence { validator });
                    }
                    self.weigh(validator, signed, document)
                }
            };
            if let (Some(signed), Standing::Counted) = (signed, &standing) {
                counted.push(*signed);
            }
            seats.push(Seat {
                validator: validator.clone(),
                vote: signed.map(|it| Word::from(it.ballot.vote)),
                confidence_percent: signed.map(|it| it.ballot.confidence.percent()),
                standing,
                judged,
            });
        }
        Ok((seats, counted))
    }

    /// Whether a ballot says what its evidence says.
    fn weigh(
        &self,
        validator: &str,
        signed: &SignedBallot,
        document: &EvidenceDocument,
    ) -> (Standing, Vec<crate::Judged>) {
        if document.validator != validator {
            return (
                discounted("its evidence is another validator's"),
                Vec::new(),
            );
        }
        if document.subject != self.subject.digest().to_string() {
            return (discounted("its evidence is on another subject"), Vec::new());
        }
        let opinion = match Opinion::of(&self.targets, document) {
            Ok(opinion) => opinion,
            Err(error) => return (discounted(&error.to_string()), Vec::new()),
        };
        let (vote, confidence) = (signed.ballot.vote, signed.ballot.confidence);
        let standing = if (vote, confidence) == (opinion.vote, opinion.confidence) {
            Standing::Counted
        } else {
            discounted(&format!(
                "it voted {} with {} %, and its evidence gives {} with {} %",
                Word::from(vote).name(),
                confidence.percent(),
                Word::from(opinion.vote).name(),
                opinion.confidence.percent()
            ))
        };
        (standing, opinion.judged)
    }

    /// What follows, as the document has it; [`verify`](Self::verify) says whether that is so.
    #[must_use]
    pub const fn conclusion(&self) -> &Conclusion {
        &self.conclusion
    }

    /// What was voted on.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What was claimed.
    #[must_use]
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Who voted.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// What each validator saw, in their order; none of whom nothing came.
    #[must_use]
    pub fn evidence(&self) -> &[Option<EvidenceDocument>] {
        &self.evidence
    }

    /// The kept outputs that the evidence speaks of, of the validators' own checks.
    ///
    /// Of a document that was verified, names of validators and checks are good names of files.
    pub fn raw_files(&self) -> impl Iterator<Item = RawFile> + '_ {
        let documents = self.targets.validators.iter().zip(&self.evidence);
        documents.flat_map(|(validator, document)| {
            self.targets.of(validator).filter_map(move |check| {
                let mut kept = document.iter().flat_map(|it| &it.evidence);
                let raw = kept.find(|it| it.check == check.id)?.raw.as_ref()?;
                Some(RawFile {
                    validator: validator.clone(),
                    check: check.id.clone(),
                    size_bytes: raw.size_bytes,
                    blake3: raw.blake3.clone(),
                })
            })
        })
    }
}

fn discounted(reason: &str) -> Standing {
    Standing::Discounted {
        reason: reason.to_owned(),
    }
}
