//! Capabilities and Landlock: what a process gives up for itself and all that it starts.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::{Level, Network, Policy};

use super::Failure;

/// Device files that are written and that keep nothing.
const WRITABLE_DEVICES: &[&str] = &[
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

/// Directories for what does not outlive the child; at L3 they are the child's own.
const SHARED_MEMORY: &str = "/dev/shm";

/// Gives up every capability, also those that a program file would bring.
pub(crate) fn drop_capabilities() -> rustix::io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        // The kernel refuses numbers that it does not know, and there is nothing to drop then; it also
        // refuses a process that is not privileged, whose bounding set no_new_privs makes idle.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let _ = rustix::thread::clear_ambient_capability_set();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        },
    )
}

/// Restricts this process to the policy's paths, ports and signals.
pub(crate) fn apply_landlock(policy: &Policy, level: Level, abi: u32) -> Result<(), Failure> {
    let apply = || -> Result<(), RulesetError> {
        rules(policy, level, known_abi(abi))?
            .restrict_self()
            .map(drop)
    };
    apply().map_err(|error| {
        Failure::new(
            format!("apply Landlock ({error})"),
            io::Error::last_os_error(),
        )
    })
}

/// The newest version that both this program and the kernel know.
fn known_abi(abi: u32) -> ABI {
    match abi {
        0..=1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        _ => ABI::V6,
    }
}

fn rules(policy: &Policy, level: Level, abi: ABI) -> Result<RulesetCreated, RulesetError> {
    let all = AccessFs::from_all(abi);
    let read = AccessFs::from_read(abi);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(all)?;
    if abi >= ABI::V4 && policy.network == Network::None {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        ruleset = ruleset.scope(Scope::from_all(abi))?;
    }
    let mut created = ruleset.create()?;
    if level == Level::L3 {
        // Nothing else is there, and `/tmp` is the child's own.
        created = allow(created, Path::new("/"), read, abi)?;
        created = allow(created, Path::new("/tmp"), all, abi)?;
    } else {
        for path in policy.read.iter().map(PathBuf::as_path) {
            created = allow(created, path, read, abi)?;
        }
        for path in ["/proc", "/dev"] {
            created = allow(created, Path::new(path), read, abi)?;
        }
    }
    for path in &policy.write {
        created = allow(created, path, all, abi)?;
    }
    for path in WRITABLE_DEVICES {
        let access = AccessFs::ReadFile | AccessFs::WriteFile;
        created = allow(created, Path::new(path), access, abi)?;
    }
    created = allow(created, Path::new(SHARED_MEMORY), all, abi)?;
    Ok(created)
}

fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
    abi: ABI,
) -> Result<RulesetCreated, RulesetError> {
    // What does not exist needs no rule.
    let Ok(fd) = PathFd::new(path) else {
        return Ok(ruleset);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(abi)
    };
    ruleset.add_rule(PathBeneath::new(fd, access))
}
