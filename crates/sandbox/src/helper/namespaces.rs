//! What a process does first in its new namespaces.

use std::fs;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::sys;
use crate::{Network, Policy};

use super::{Failure, Step};

/// The namespaces for a policy.
pub(crate) fn flags(network: Network) -> u64 {
    match network {
        Network::None | Network::Loopback => sys::NAMESPACES | sys::NETWORK_NAMESPACE,
        Network::All => sys::NAMESPACES,
    }
}

/// The caller's ids, read before the fork: afterwards they are not mapped yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Ids {
    pub(crate) fn of_this_process() -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        }
    }
}

/// Maps the caller's user and group to themselves and brings loopback up.
pub(crate) fn enter(ids: Ids, policy: &Policy) -> Result<(), Failure> {
    let Ids { uid, gid } = ids;
    write("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/gid_map", &format!("{gid} {gid} 1"))?;
    if policy.network == Network::Loopback {
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .step(|| "open a socket in the network namespace".into())?;
        sys::bring_loopback_up(&socket).step(|| "bring the loopback interface up".into())?;
    }
    Ok(())
}

/// Limits the processes of this pid namespace, where the kernel can; also holds for root.
pub(crate) fn limit_processes(processes: u32) {
    /// The kernel keeps 300 process ids for itself, and refuses a smaller limit than 301 or 8 a core.
    const PROCESSES_MIN: u32 = 301;
    // Before Linux 6.14 the file is the whole machine's and cannot be written here; the limit's
    // documentation says so.
    let _ = fs::write(
        "/proc/sys/kernel/pid_max",
        processes.max(PROCESSES_MIN).to_string(),
    );
}

fn write(path: &str, text: &str) -> Result<(), Failure> {
    fs::write(path, text).step(|| format!("write {text:?} to {path}"))
}
