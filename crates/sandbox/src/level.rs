//! How much of the policy the machine can enforce.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How strongly a child is held. A higher level has all of the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Resource limits, a process group, a subreaper, a clean environment.
    L1,
    /// Landlock and seccomp.
    L2,
    /// Namespaces of its own.
    L3,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        })
    }
}

/// What this machine gives, found out once at the helper's start by trying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// The highest level that works here.
    pub level: Level,
    /// The version of Landlock's interface, 0 if there is none.
    pub landlock_abi: u32,
    /// What does not work here, strongest first; empty at L3.
    pub missing: Vec<Missing>,
}

/// A primitive that does not work here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name, for example `namespaces`.
    pub primitive: String,
    /// What the kernel answered, and to what.
    pub cause: String,
    /// What would make it work.
    pub cure: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.primitive, self.cause, self.cure)
    }
}
