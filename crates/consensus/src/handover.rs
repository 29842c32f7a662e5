//! How one epoch ends and the next begins.

use std::sync::Arc;

use crate::digest::{Digest, Domain};
use crate::message::{Certificate, chain_genesis};
use crate::roster::Roster;

/// Where an epoch begins: after a slot, and with a digest of everything decided up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The last slot of the epochs before; 0 if there are none.
    pub seq: u64,
    /// What the chain goes on from.
    pub chain: Digest,
}

impl Origin {
    /// Where the first epoch begins.
    #[must_use]
    pub fn genesis() -> Self {
        Self {
            seq: 0,
            chain: chain_genesis(),
        }
    }
}

/// Proof that an epoch has ended, and who goes on.
///
/// The last checkpoint of an epoch is over the chain and the next roster, so that its certificate is
/// all that anyone needs who knows the roster of the epoch.
/// It is as good as that roster: once more than `f` of its keys are in wrong hands, another end can
/// be made up for those who have not heard of this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handover {
    /// The last stable checkpoint of the epoch.
    pub certificate: Certificate,
    /// The chain up to that slot.
    pub chain: Digest,
    /// The next epoch's roster.
    pub next: Arc<Roster>,
}

impl Handover {
    /// Where the next epoch begins.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        let statement = &self.certificate.statement;
        Origin {
            seq: statement.seq,
            chain: statement.digest,
        }
    }

    /// The bytes for [`verify_handover`](crate::verify_handover): the certificate as it stands alone
    /// under the roster of the epoch that ends, the chain, the next roster.
    #[must_use]
    pub fn encode(&self, roster: &Digest) -> Vec<u8> {
        let mut bytes = self.certificate.encode(roster);
        bytes.extend_from_slice(self.chain.as_bytes());
        bytes.extend_from_slice(&self.next.encode());
        bytes
    }
}

/// What the last CHECKPOINT of an epoch names.
pub(crate) fn handover_digest(chain: &Digest, seq: u64, next: &Digest) -> Digest {
    let mut bytes = [0; 72];
    bytes[..32].copy_from_slice(chain.as_bytes());
    bytes[32..40].copy_from_slice(&seq.to_le_bytes());
    bytes[40..].copy_from_slice(next.as_bytes());
    Digest::of(Domain::Handover, &bytes)
}
