//! What a replica wants done, in an order that its type enforces.

use std::sync::Arc;

use crate::ballot::Proposal;
use crate::ballot::SignedBallot;
use crate::digest::Digest;
use crate::handover::Handover;
use crate::message::{Certificate, Decision, FaultProof, Message, Parsed, Statement};
use crate::quorum::ValidatorId;
use crate::signature::Signature;

/// How many records a replica has written since its log began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

/// What one step brought about.
///
/// First the records are appended to the log; then, once they are durable, what is sealed may be
/// opened and done. Timers are free.
///
/// ```compile_fail
/// # fn send(effects: claude_flow_consensus::Effects) {
/// // There is no way to the actions past the log.
/// for action in effects.sealed.actions {}
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Effects {
    /// To be appended to the log, in this order.
    pub records: Vec<Record>,
    /// To be done once the log is durable so far.
    pub sealed: Sealed,
    /// To be done at once.
    pub timers: Vec<SetTimer>,
}

/// Actions that wait for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Sealed {
    pub(crate) lsn: Lsn,
    pub(crate) actions: Vec<Action>,
}

impl Sealed {
    /// How far the log must be durable.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The actions, in order.
    ///
    /// # Errors
    ///
    /// Gives itself back if the log is not durable far enough.
    pub fn open(self, durable: Durable) -> Result<Vec<Action>, Self> {
        if durable.0 < self.lsn {
            return Err(self);
        }
        Ok(self.actions)
    }

    /// As [`open`](Self::open), and the room is kept for the next actions; `None` if the log is
    /// not durable far enough.
    pub fn drain(&mut self, durable: Durable) -> Option<std::vec::Drain<'_, Action>> {
        (durable.0 >= self.lsn).then(|| self.actions.drain(..))
    }
}

/// The word of whoever keeps the log that it is durable up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Durable(Lsn);

impl Durable {
    /// Says that every record up to here survives a crash: to be made by the log, after its sync
    /// has succeeded, and by nobody else.
    #[must_use]
    pub const fn up_to(lsn: Lsn) -> Self {
        Self(lsn)
    }
}

/// Something to be done that others see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send a packet to one validator.
    Send(ValidatorId, Parsed),
    /// Send a packet to every other validator.
    Broadcast(Parsed),
    /// Hand a decision to whoever waits for it. Slots come in order, each once.
    Deliver(Delivery),
    /// Send decisions from the log to a validator that lacks them, as packets.
    Serve {
        /// Who lacks them.
        to: ValidatorId,
        /// The first slot.
        first: u64,
        /// How many at most.
        count: u64,
    },
    /// Tell people that a validator lies.
    Accuse(Box<FaultProof>),
    /// This validator's own ballot.
    Cast(SignedBallot),
    /// The epoch has ended: whoever is in the next roster starts a replica of it, and hands this on
    /// to those who join. Comes once, and again after each restart.
    HandOver(Box<Handover>),
}

/// A decided slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// What was decided, with its proof.
    pub decision: Decision,
    /// The slot, among the last [`REPEAT_SLOTS`](crate::REPEAT_SLOTS), in which the same proposal was decided before.
    pub repeats: Option<u64>,
}

/// What the log keeps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Record {
    /// A promise that needs nothing beside it.
    Promise(Statement),
    /// A ballot on a subject.
    Ballot(Digest, Statement),
    /// A PRE-PREPARE or PREPARE, with the primary's signature and the proposal, so that it can be
    /// given to others.
    Proposed(Statement, Signature, Option<Arc<Proposal>>),
    /// The proof that a slot was prepared, which VIEW-CHANGE needs.
    Prepared(Certificate),
    /// Our VIEW-CHANGE.
    ViewChange(Message),
    /// The NEW-VIEW by which a view was entered, ours or another's.
    NewView(Message),
    /// A stable checkpoint.
    Stable(Certificate),
    /// A decided slot, in order.
    Decided(Decision),
    /// Written by whoever keeps the log, in the place of records that were synced and are lost.
    ///
    /// Nothing lost promised anything in a later view than this one, or for a later slot.
    Forgotten {
        /// The latest view.
        view: u64,
        /// The latest slot.
        seq: u64,
    },
}

/// What a replica asks to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Something waits for the primary.
    Progress,
    /// Time to say how far we are and to repeat what was not heard.
    Status,
}

/// Sets one timer anew, or stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetTimer {
    /// Which.
    pub timer: Timer,
    /// In how many ticks; `None` stops it.
    pub after: Option<u64>,
}
