//! A few languages, the likeliest first.

use crate::Language;

/// How many languages are named beside the answer.
pub const CANDIDATES_MAX: usize = 3;

/// At most [`CANDIDATES_MAX`] languages, the likeliest first; holds no memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Candidates {
    /// Filled from the front, without doubles.
    slots: [Option<Language>; CANDIDATES_MAX],
}

impl Candidates {
    /// The languages, the likeliest first.
    pub fn iter(&self) -> impl Iterator<Item = Language> + '_ {
        self.slots.iter().copied().flatten()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots[0].is_none()
    }

    /// Adds one behind the others; does nothing if it is there or no room is left.
    pub(crate) fn push(&mut self, language: Language) {
        if self.iter().any(|there| there == language) {
            return;
        }
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(language);
        }
    }

    /// The languages of a list that are not `except`.
    pub(crate) fn of(languages: &[Language], except: Option<Language>) -> Self {
        let mut candidates = Self::default();
        for &language in languages {
            if Some(language) != except {
                candidates.push(language);
            }
        }
        candidates
    }
}
