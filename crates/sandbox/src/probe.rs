//! Finds out what this machine enforces, by trying it.

use std::fs;
use std::io::{self, Read};

use crate::helper::{Failure, Ids, try_namespaces};
use crate::sys;
use crate::{Available, Level, Missing};

/// Tries every primitive once. Only the helper calls this: it forks.
pub(crate) fn probe(ids: Ids) -> Available {
    let mut missing = Vec::new();
    if let Err(failure) = try_namespaces(ids) {
        missing.push(missing_namespaces(&failure));
    }
    let (landlock_abi, landlock) = sys::landlock_abi();
    if let Err(error) = landlock {
        missing.push(missing_landlock(&error));
    }
    if !has_seccomp() {
        missing.push(Missing {
            primitive: "seccomp".into(),
            cause: "/proc/sys/kernel/seccomp/actions_avail does not name errno".into(),
            cure: "run a kernel built with CONFIG_SECCOMP_FILTER".into(),
        });
    }
    let is_missing = |name: &str| missing.iter().any(|missing| missing.primitive == name);
    let level = if is_missing("Landlock") || is_missing("seccomp") {
        Level::L1
    } else if is_missing("namespaces") {
        Level::L2
    } else {
        Level::L3
    };
    Available {
        level,
        landlock_abi,
        missing,
    }
}

fn missing_namespaces(failure: &Failure) -> Missing {
    Missing {
        primitive: "namespaces".into(),
        cause: format!("failed to {}: {}", failure.step, failure.source),
        cure: cure_for_namespaces().into(),
    }
}

/// The first known reason that holds here.
fn cure_for_namespaces() -> &'static str {
    let setting = |name: &str| {
        fs::read_to_string(format!("/proc/sys/{name}"))
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    if setting("user/max_user_namespaces") == Some(0) {
        "allow user namespaces: sysctl -w user.max_user_namespaces=15000"
    } else if setting("kernel/unprivileged_userns_clone") == Some(0) {
        "allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1"
    } else if setting("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        "give this program an AppArmor profile with `userns,`, or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else {
        "a container's seccomp profile, masked /proc or a kernel before 5.12 are the usual reasons; Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
    }
}

fn missing_landlock(error: &io::Error) -> Missing {
    let cure = match error.raw_os_error() {
        Some(libc::EOPNOTSUPP) => "add landlock to the lsm= parameter of the kernel",
        Some(libc::ENOSYS) => "run Linux 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK",
        _ => "a container's seccomp profile that allows landlock_create_ruleset",
    };
    Missing {
        primitive: "Landlock".into(),
        cause: format!("landlock_create_ruleset: {error}"),
        cure: cure.into(),
    }
}

fn has_seccomp() -> bool {
    let mut text = String::new();
    fs::File::open("/proc/sys/kernel/seccomp/actions_avail")
        .and_then(|mut file| file.read_to_string(&mut text))
        .is_ok_and(|_| {
            text.split_ascii_whitespace()
                .any(|action| action == "errno")
        })
}
