//! Liars: a correct replica whose every word is twisted on its way out.

mod double_voter;
mod equivocator;
mod false_witness;
mod flooder;
mod forger;
mod hider;
mod impersonator;
mod inventor;
mod mutator;
mod replayer;
mod sycophant;
mod twin;
mod withholder;

use std::sync::Arc;

use claude_flow_consensus::{Digest, Message, Packet, Signer, ValidatorId};

use super::rng::Rng;
use super::seals::Seal;

/// What a liar does with what its replica wants to say.
pub(crate) trait Actor {
    /// The packets that one receiver gets instead of this one.
    fn twist(&mut self, liar: &mut Liar, to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>>;

    /// What the liar overhears.
    fn observe(&mut self, _bytes: &Arc<[u8]>) {}

    /// Whether two machines run with the liar's key.
    fn is_twin(&self) -> bool {
        false
    }
}

/// Who lies, and with what.
pub(crate) struct Liar {
    pub(crate) id: u32,
    pub(crate) n: u32,
    pub(crate) roster: Digest,
    pub(crate) rng: Rng,
}

impl Liar {
    /// Signs a changed message with the liar's own key.
    pub(crate) fn say(&self, mut message: Message) -> Arc<[u8]> {
        message.sender = ValidatorId(self.id);
        let said = message.statement.encode(&self.roster);
        message.signature = Seal { id: self.id }.sign(&said);
        Packet::Signed(message).encode().into()
    }
}

/// The message in a packet of our own.
fn read(bytes: &[u8]) -> Option<Message> {
    match Packet::decode(bytes) {
        Ok(Packet::Signed(message)) => Some(message),
        _ => None,
    }
}

/// Every kind of liar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    DoubleVoter,
    Equivocator,
    FalseWitness,
    Flooder,
    Forger,
    Hider,
    Impersonator,
    Inventor,
    Mutator,
    Replayer,
    Sycophant,
    Twin,
    Withholder,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::DoubleVoter,
        Self::Equivocator,
        Self::FalseWitness,
        Self::Flooder,
        Self::Forger,
        Self::Hider,
        Self::Impersonator,
        Self::Inventor,
        Self::Mutator,
        Self::Replayer,
        Self::Sycophant,
        Self::Twin,
        Self::Withholder,
    ];

    pub(crate) fn make(self) -> Box<dyn Actor> {
        match self {
            Self::DoubleVoter => Box::new(double_voter::DoubleVoter::default()),
            Self::Equivocator => Box::new(equivocator::Equivocator::default()),
            Self::FalseWitness => Box::new(false_witness::FalseWitness),
            Self::Flooder => Box::new(flooder::Flooder),
            Self::Forger => Box::new(forger::Forger),
            Self::Hider => Box::new(hider::Hider),
            Self::Impersonator => Box::new(impersonator::Impersonator),
            Self::Inventor => Box::new(inventor::Inventor),
            Self::Mutator => Box::new(mutator::Mutator),
            Self::Replayer => Box::new(replayer::Replayer::default()),
            Self::Sycophant => Box::new(sycophant::Sycophant::default()),
            Self::Twin => Box::new(twin::Twin),
            Self::Withholder => Box::new(withholder::Withholder),
        }
    }
}
