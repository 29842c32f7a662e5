//! Which cores this process may use, how much of them, and binding threads to them.
//!
//! On Linux the affinity mask, the processor quotas of the control groups (version 1 and 2) and the
//! NUMA nodes are read. Elsewhere the count is what the standard library says, and pinning is not
//! available and says so.

#[cfg(test)]
mod tests;

use std::fmt;
#[cfg(target_os = "linux")]
use std::fs;
#[cfg(target_os = "linux")]
use std::path::Path;

use crate::sync::available_parallelism;

/// One core that this process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Core {
    /// The system's number for it.
    pub id: usize,
    /// The NUMA node that it is on, if the system says so.
    pub node: Option<usize>,
}

/// What this process may use of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cores {
    /// The cores of the affinity mask, node by node; empty where the system does not tell.
    pub allowed: Vec<Core>,
    /// How many of those may be used to the full at once, as control groups limit it; none if
    /// nothing does. The lowest of the group's and its ancestors' limits.
    pub quota: Option<Quota>,
}

/// Processor time in each period, as a control group has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    quota_us: u64,
    period_us: u64,
}

impl Quota {
    /// None if a number is zero.
    fn new(quota_us: u64, period_us: u64) -> Option<Self> {
        (quota_us > 0 && period_us > 0).then_some(Self {
            quota_us,
            period_us,
        })
    }

    /// So many cores, rounded up.
    #[must_use]
    pub fn cores(self) -> usize {
        usize::try_from(self.quota_us.div_ceil(self.period_us)).unwrap_or(usize::MAX)
    }

    fn thousandths(self) -> u128 {
        u128::from(self.quota_us) * 1_000 / u128::from(self.period_us)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.thousandths();
        write!(
            f,
            "{}.{:03} cores",
            thousandths / 1_000,
            thousandths % 1_000
        )
    }
}

/// Why a thread was not bound to its core.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The system has no way to do it.
    #[error("this system does not let a program choose a thread's core")]
    NotAvailable,
    /// The system refused.
    #[error("the system refused core {core}: {text}")]
    Refused {
        /// The core's number.
        core: usize,
        /// What the system said.
        text: String,
    },
}

impl Cores {
    /// Asks the system.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_os = "linux")]
        {
            let mut allowed = allowed_cores();
            allowed.sort_by_key(|core| (core.node, core.id));
            Self {
                allowed,
                quota: quota(Path::new("/")),
            }
        }
        #[cfg(not(target_os = "linux"))]
        Self {
            allowed: Vec::new(),
            quota: None,
        }
    }

    /// How many threads can run at once: the allowed cores, or the quota if that is less; at
    /// least one.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        let cores = if self.allowed.is_empty() {
            available_parallelism().map_or(1, std::num::NonZero::get)
        } else {
            self.allowed.len()
        };
        let quota = self.quota.map_or(usize::MAX, Quota::cores);
        cores.min(quota).max(1)
    }

    /// The core for one of `count` workers, or none if that would put two on one core.
    pub(crate) fn core_for(&self, worker: usize, count: usize) -> Option<Core> {
        if count > self.allowed.len() {
            return None;
        }
        self.allowed.get(worker).copied()
    }
}

/// Binds the calling thread to a core.
///
/// # Errors
///
/// [`PinError::NotAvailable`] where the system has no way to do it, [`PinError::Refused`]; the
/// thread runs where it did.
#[cfg(target_os = "linux")]
pub fn pin_this_thread(core: Core) -> Result<(), PinError> {
    let refused = |text: String| PinError::Refused {
        core: core.id,
        text,
    };
    if core.id >= rustix::thread::CpuSet::MAX_CPU {
        return Err(refused("its number is beyond the kernel's mask".to_owned()));
    }
    let mut set = rustix::thread::CpuSet::new();
    set.set(core.id);
    rustix::thread::sched_setaffinity(None, &set).map_err(|error| refused(error.to_string()))
}

/// Binds the calling thread to a core.
///
/// # Errors
///
/// [`PinError::NotAvailable`].
#[cfg(not(target_os = "linux"))]
pub fn pin_this_thread(_core: Core) -> Result<(), PinError> {
    Err(PinError::NotAvailable)
}

#[cfg(target_os = "linux")]
fn allowed_cores() -> Vec<Core> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else {
        return Vec::new();
    };
    let nodes = nodes(Path::new("/sys/devices/system/node"));
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|id| set.is_set(*id))
        .map(|id| Core {
            id,
            node: node_of(&nodes, id),
        })
        .collect()
}

/// The node of a core.
#[cfg(target_os = "linux")]
fn node_of(nodes: &[(usize, Vec<usize>)], core: usize) -> Option<usize> {
    let mut nodes = nodes.iter();
    nodes
        .find(|(_, cores)| cores.contains(&core))
        .map(|(node, _)| *node)
}

/// Every NUMA node and its cores.
#[cfg(target_os = "linux")]
fn nodes(dir: &Path) -> Vec<(usize, Vec<usize>)> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut nodes: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let node = name.to_str()?.strip_prefix("node")?.parse().ok()?;
            let list = fs::read_to_string(entry.path().join("cpulist")).ok()?;
            Some((node, parse_list(&list)))
        })
        .collect();
    nodes.sort();
    nodes
}

/// The kernel's lists of numbers: `0-3,8`.
#[cfg(target_os = "linux")]
fn parse_list(list: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    for part in list.trim().split(',') {
        let (start, end) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(start), Ok(end)) = (start.parse(), end.parse::<usize>()) {
            numbers.extend(start..=end.min(rustix::thread::CpuSet::MAX_CPU));
        }
    }
    numbers
}

/// The lowest quota of this process's control groups and their ancestors.
///
/// What `/proc/self/cgroup` names need not be below what is mounted here: then what is mounted is
/// looked at.
#[cfg(target_os = "linux")]
fn quota(root: &Path) -> Option<Quota> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mount = root.join("sys/fs/cgroup");
    let of_all = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        if controllers.is_empty() {
            return lowest(&mount, path, quota_v2);
        }
        let is_cpu = controllers.split(',').any(|it| it == "cpu");
        let dirs = [controllers, "cpu"];
        let dir = dirs
            .map(|it| mount.join(it))
            .into_iter()
            .find(|it| it.is_dir());
        is_cpu.then(|| lowest(&dir?, path, quota_v1)).flatten()
    });
    of_all.min_by_key(|quota| quota.thousandths())
}

/// The lowest quota of a group and its ancestors.
#[cfg(target_os = "linux")]
fn lowest(mount: &Path, group: &str, read: fn(&Path) -> Option<Quota>) -> Option<Quota> {
    let group = Path::new(group.trim_start_matches('/'));
    let quotas = group
        .ancestors()
        .filter_map(|group| read(&mount.join(group)));
    quotas.min_by_key(|quota| quota.thousandths())
}

#[cfg(target_os = "linux")]
fn quota_v2(group: &Path) -> Option<Quota> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    Quota::new(quota.parse().ok()?, period.parse().ok()?)
}

#[cfg(target_os = "linux")]
fn quota_v1(group: &Path) -> Option<Quota> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let quota = read("cpu.cfs_quota_us")?;
    let period = read("cpu.cfs_period_us")?;
    // No limit is -1, which is no such number.
    Quota::new(quota.trim().parse().ok()?, period.trim().parse().ok()?)
}
