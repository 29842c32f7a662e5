//! Liars: a correct replica whose every word is twisted on its way out.

mod censor;
mod double_voter;
mod equivocator;
mod false_witness;
mod flooder;
mod forger;
mod hider;
mod impersonator;
mod inventor;
mod mixer;
mod mutator;
mod omitter;
mod replayer;
mod sluggard;
mod sycophant;
mod twin;
mod withholder;

use std::rc::Rc;

use claude_flow_consensus::{Message, Packet, Signature, ValidatorId};

use super::group::Group;
use super::parcel::Parcel;
use super::rng::Rng;

/// What a liar does with what its replica wants to say.
pub(crate) trait Actor {
    /// The packets that one receiver gets instead of this one.
    fn twist(&mut self, liar: &mut Liar, to: u32, parcel: &Parcel) -> Vec<Parcel>;

    /// What the liar overhears.
    fn observe(&mut self, _parcel: &Parcel) {}

    /// Whether its replica is told.
    fn hears(&self, _parcel: &Parcel) -> bool {
        true
    }

    /// How long it keeps something back, with a time-out of this length.
    fn hold(&self, _parcel: &Parcel, _timeout: u64) -> u64 {
        0
    }

    /// Whether two machines run with the liar's key.
    fn is_twin(&self) -> bool {
        false
    }
}

/// Who lies, and with what.
pub(crate) struct Liar {
    pub(crate) id: u32,
    pub(crate) group: Rc<Group>,
    pub(crate) rng: Rng,
}

impl Liar {
    /// Signs with the liar's own key.
    pub(crate) fn sign(&self, said: &[u8]) -> Signature {
        self.group.signers[self.id as usize].sign(said)
    }

    /// Signs a changed message with the liar's own key.
    pub(crate) fn say(&self, mut message: Message) -> Parcel {
        message.sender = ValidatorId(self.id);
        let said = message.statement.encode(&self.group.roster.digest());
        message.signature = self.sign(&said);
        Parcel::of(&Packet::Signed(message))
    }
}

/// Every kind of liar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Censor,
    DoubleVoter,
    Equivocator,
    FalseWitness,
    Flooder,
    Forger,
    Hider,
    Impersonator,
    Inventor,
    Mixer,
    Mutator,
    Omitter,
    Replayer,
    Sluggard,
    Sycophant,
    Twin,
    Withholder,
}

impl Kind {
    pub(crate) const ALL: [Self; 17] = [
        Self::Censor,
        Self::DoubleVoter,
        Self::Equivocator,
        Self::FalseWitness,
        Self::Flooder,
        Self::Forger,
        Self::Hider,
        Self::Impersonator,
        Self::Inventor,
        Self::Mixer,
        Self::Mutator,
        Self::Omitter,
        Self::Replayer,
        Self::Sluggard,
        Self::Sycophant,
        Self::Twin,
        Self::Withholder,
    ];

    pub(crate) fn make(self) -> Box<dyn Actor> {
        match self {
            Self::Censor => Box::new(censor::Censor),
            Self::DoubleVoter => Box::new(double_voter::DoubleVoter::default()),
            Self::Equivocator => Box::new(equivocator::Equivocator::default()),
            Self::FalseWitness => Box::new(false_witness::FalseWitness),
            Self::Flooder => Box::new(flooder::Flooder),
            Self::Forger => Box::new(forger::Forger),
            Self::Hider => Box::new(hider::Hider),
            Self::Impersonator => Box::new(impersonator::Impersonator),
            Self::Inventor => Box::new(inventor::Inventor),
            Self::Mixer => Box::new(mixer::Mixer::default()),
            Self::Mutator => Box::new(mutator::Mutator),
            Self::Omitter => Box::new(omitter::Omitter),
            Self::Replayer => Box::new(replayer::Replayer::default()),
            Self::Sluggard => Box::new(sluggard::Sluggard),
            Self::Sycophant => Box::new(sycophant::Sycophant::default()),
            Self::Twin => Box::new(twin::Twin),
            Self::Withholder => Box::new(withholder::Withholder),
        }
    }
}
