//! How urgent a task is, and on whose behalf it runs.

use std::fmt;
use std::sync::Arc;

/// How urgent a task is; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Somebody waits for it and can do nothing else meanwhile.
    Critical,
    /// Somebody waits for it.
    High,
    /// The usual work.
    #[default]
    Normal,
    /// Work that may wait, and that is dropped first.
    Low,
}

impl Priority {
    /// How many there are.
    pub(crate) const COUNT: usize = 4;

    /// From the most urgent to the least.
    pub const ALL: [Self; Self::COUNT] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// The place in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether a reserved worker takes it.
    pub(crate) const fn is_urgent(self) -> bool {
        matches!(self, Self::Critical | Self::High)
    }
}

/// On whose behalf a task runs: an agent, a project, a tool.
///
/// Keys take turns, and the tasks of one that run at once can be limited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
