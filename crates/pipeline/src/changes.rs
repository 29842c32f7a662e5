//! Which lines an edit left alone.

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::LineIndex;

/// Where the lines of the new text were in the old one.
#[derive(Debug)]
pub(crate) struct LineMap {
    // One entry for each new line; the entries that are `Some` rise strictly.
    before: Vec<Option<usize>>,
}

impl LineMap {
    /// Compares two texts line by line; line endings do not count.
    ///
    /// # Complexity
    ///
    /// About linear: the diff falls back to heuristics where an exact one would be quadratic.
    pub(crate) fn new(before: &LineIndex<'_>, after: &LineIndex<'_>) -> Self {
        let mut input = InternedInput::default();
        input.update_before(before.contents());
        input.update_after(after.contents());
        let diff = Diff::compute(Algorithm::Histogram, &input);
        let mut removed = (0_u32..).zip(&input.before);
        let before = (0_u32..)
            .zip(&input.after)
            .map(|(line, _)| {
                if diff.is_added(line) {
                    return None;
                }
                removed
                    .find(|&(old, _)| !diff.is_removed(old))
                    .map(|(old, _)| old as usize)
            })
            .collect();
        Self { before }
    }

    /// The old number of a new line, both from 0, or `None` if the edit touched it.
    pub(crate) fn before(&self, line: usize) -> Option<usize> {
        self.before.get(line).copied().flatten()
    }
}

#[cfg(test)]
mod tests;
