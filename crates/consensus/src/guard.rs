//! The one holder of the key.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::Refusal;
use crate::message::{Kind, Statement};
use crate::signature::{Signature, Signer};

/// How many subjects a validator may have ballots on that are not decided.
pub const OPEN_BALLOTS_MAX: usize = 4096;

/// Signs, and never two things that contradict each other.
///
/// It alone holds the key, and it remembers what it signed. After a restart it is told again, from
/// the log, before it signs anything.
///
/// # Invariants
///
/// - Of each place (PRE-PREPARE, PREPARE, COMMIT: view and slot; CHECKPOINT: slot; VIEW-CHANGE and
///   NEW-VIEW: view; ballot: subject) at most one statement is ever signed.
/// - After a VIEW-CHANGE for a view nothing is signed in an earlier one.
/// - After a loss ([`forget`](Self::forget)) nothing is promised until a stable checkpoint covers
///   every slot that a lost promise can be for, then only in places where none can have been; and
///   no ballot is cast under this roster any more.
/// - Memory is bounded: what lies below the last stable checkpoint or in views given up is
///   forgotten, and refused from then on.
#[derive(Debug, Clone)]
pub struct Guard {
    signer: Arc<dyn Signer>,
    roster: Digest,
    memory: Memory,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Memory {
    promises: BTreeMap<Place, Statement>,
    ballots: BTreeMap<Digest, Digest>,
    view_floor: u64,
    seq_floor: u64,
    /// The latest view in which something was said when `seq_floor` was set: in later views nothing
    /// is forgotten, and a new primary has to sign O from a checkpoint that may be behind ours.
    settled_view: u64,
    lost: Option<Lost>,
}

/// The end of what was promised and is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Lost {
    view: u64,
    seq: u64,
    /// Until a stable checkpoint covers `seq`.
    is_mute: bool,
}

impl Lost {
    const fn refusal(self) -> Refusal {
        Refusal::Forgotten {
            view: self.view,
            seq: self.seq,
        }
    }
}

/// Where only one thing may be said.
type Place = (Kind, u64, u64);

/// What the guard answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promised {
    /// The same one each time.
    pub signature: Signature,
    /// Whether it was promised just now, so that it is not in the log yet.
    pub is_new: bool,
}

impl Guard {
    /// A guard that has signed nothing yet under this roster.
    #[must_use]
    pub fn new(signer: Arc<dyn Signer>, roster: Digest) -> Self {
        Self {
            signer,
            roster,
            memory: Memory::default(),
        }
    }

    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Signs whatever is asked, for the mistakes that must be found.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn promise_blindly(&mut self, statement: Statement) -> Promised {
        let is_new = self.memory.admit(statement).unwrap_or(true);
        Promised {
            signature: self.signature(statement),
            is_new,
        }
    }

    /// Refuses from now on what belongs to earlier views: this one was entered.
    pub(crate) fn enter(&mut self, view: u64) {
        self.memory.leave_views_below(view);
    }

    /// Signs a promise, for the first time or once more.
    ///
    /// # Errors
    ///
    /// [`Refusal`], and nothing is signed or remembered.
    pub fn promise(&mut self, statement: Statement) -> Result<Promised, Refusal> {
        let is_new = self.memory.admit(statement)?;
        Ok(Promised {
            signature: self.signature(statement),
            is_new,
        })
    }

    /// Signs a ballot on a subject, for the first time or once more.
    ///
    /// # Errors
    ///
    /// [`Refusal`], and nothing is signed or remembered.
    pub fn cast(&mut self, subject: Digest, statement: Statement) -> Result<Promised, Refusal> {
        let is_new = self.memory.admit_ballot(subject, statement)?;
        Ok(Promised {
            signature: self.signature(statement),
            is_new,
        })
    }

    /// Signs what binds nobody; `None` for a promise.
    #[must_use]
    pub fn remark(&self, statement: Statement) -> Option<Signature> {
        (!statement.kind.is_promise()).then(|| self.signature(statement))
    }

    /// Takes a promise from the log.
    ///
    /// # Errors
    ///
    /// [`Refusal::Contradiction`]: the log is not this guard's.
    pub fn recall(&mut self, statement: Statement) -> Result<(), Refusal> {
        match self.memory.admit(statement) {
            // A later checkpoint or view is already known.
            Ok(_) | Err(Refusal::Settled { .. } | Refusal::OldView { .. }) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes a ballot from the log.
    ///
    /// # Errors
    ///
    /// [`Refusal::Contradiction`]: the log is not this guard's.
    pub fn recall_ballot(&mut self, subject: Digest, statement: Statement) -> Result<(), Refusal> {
        self.memory.admit_ballot(subject, statement).map(|_| ())
    }

    /// Learns that promises are lost, none of them in a later view or for a later slot.
    ///
    /// What is remembered of them stays: it is still promised.
    pub fn forget(&mut self, view: u64, seq: u64) {
        let memory = &mut self.memory;
        let before = memory.lost.map_or((0, 0), |lost| (lost.view, lost.seq));
        let (view, seq) = (view.max(before.0), seq.max(before.1));
        let is_mute = true;
        memory.lost = Some(Lost { view, seq, is_mute });
        memory.leave_views_below(view);
        memory.settled_view = memory.settled_view.max(view);
        memory.seq_floor = memory.seq_floor.max(seq);
    }

    /// Whether it promises nothing because of what it forgot.
    #[must_use]
    pub fn is_mute(&self) -> bool {
        self.memory.lost.is_some_and(|lost| lost.is_mute)
    }

    /// Forgets, and refuses from now on, what a stable checkpoint covers.
    pub fn settle(&mut self, seq: u64) {
        let memory = &mut self.memory;
        if let Some(lost) = &mut memory.lost {
            lost.is_mute &= seq < lost.seq;
        }
        memory.seq_floor = memory.seq_floor.max(seq);
        let floor = memory.seq_floor;
        let said = memory.promises.keys().map(|(_, view, _)| *view).max();
        memory.settled_view = memory.view_floor.max(said.unwrap_or_default());
        memory
            .promises
            .retain(|(kind, _, place), _| !is_of_slot(*kind) || *place > floor);
    }

    /// Forgets the ballot on a subject that is decided.
    pub fn close_ballot(&mut self, subject: &Digest) {
        self.memory.ballots.remove(subject);
    }

    fn signature(&self, statement: Statement) -> Signature {
        self.signer.sign(&statement.encode(&self.roster))
    }
}

impl Memory {
    /// Remembers a promise; says whether it is new.
    fn admit(&mut self, statement: Statement) -> Result<bool, Refusal> {
        let Statement {
            kind, view, seq, ..
        } = statement;
        if let Some(lost) = self.lost
            && (lost.is_mute || !is_of_slot(kind) && view <= lost.view)
        {
            return Err(lost.refusal());
        }
        if kind != Kind::Checkpoint && view < self.view_floor {
            return Err(Refusal::OldView {
                view,
                floor: self.view_floor,
            });
        }
        let is_forgotten = kind == Kind::Checkpoint || view <= self.settled_view;
        if is_of_slot(kind) && seq <= self.seq_floor && is_forgotten {
            return Err(Refusal::Settled {
                seq,
                floor: self.seq_floor,
            });
        }
        let place = if is_of_slot(kind) {
            (kind, view, seq)
        } else {
            (kind, view, 0)
        };
        match self.promises.entry(place) {
            Entry::Occupied(given) if *given.get() == statement => return Ok(false),
            Entry::Occupied(given) => {
                return Err(Refusal::Contradiction {
                    wanted: statement,
                    given: *given.get(),
                });
            }
            Entry::Vacant(place) => place.insert(statement),
        };
        if kind == Kind::ViewChange {
            self.leave_views_below(view);
        }
        Ok(true)
    }

    fn leave_views_below(&mut self, view: u64) {
        self.view_floor = self.view_floor.max(view);
        let floor = self.view_floor;
        self.promises
            .retain(|(kind, old, _), _| *kind == Kind::Checkpoint || *old >= floor);
    }

    fn admit_ballot(&mut self, subject: Digest, statement: Statement) -> Result<bool, Refusal> {
        if let Some(given) = self.ballots.get(&subject) {
            if *given == statement.digest {
                return Ok(false);
            }
            return Err(Refusal::Contradiction {
                wanted: statement,
                given: Statement {
                    digest: *given,
                    ..statement
                },
            });
        }
        if let Some(lost) = self.lost {
            return Err(lost.refusal());
        }
        if self.ballots.len() >= OPEN_BALLOTS_MAX {
            return Err(Refusal::TooManyBallots);
        }
        self.ballots.insert(subject, statement.digest);
        Ok(true)
    }
}

const fn is_of_slot(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PrePrepare | Kind::Prepare | Kind::Commit | Kind::Checkpoint
    )
}
