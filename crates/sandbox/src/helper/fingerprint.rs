//! Whether a policy's paths still lead to the same files.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;

use crate::Level;
use crate::wire::Confinement;

/// A number that changes when one of the policy's paths comes to lead to another file or directory.
pub(crate) fn of(confinement: &Confinement) -> u64 {
    if confinement.level == Level::L1 {
        // Nothing was opened.
        return 0;
    }
    let policy = &confinement.policy;
    let mut hasher = DefaultHasher::new();
    for path in [&policy.read, &policy.write, &policy.hide]
        .into_iter()
        .flatten()
    {
        let identity = fs::metadata(path)
            .ok()
            .map(|metadata| (metadata.dev(), metadata.ino()));
        identity.hash(&mut hasher);
    }
    hasher.finish()
}
