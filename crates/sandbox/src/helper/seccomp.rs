//! The system calls that a child does not have.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::{Level, Network};

use super::Failure;

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

/// Answered with "no such call", so that programs take their older way:
/// `io_uring` goes around the filter, and the flags of clone3 cannot be seen by one.
const ABSENT: &[libc::c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Answered with "not permitted": the kernel's configuration, other processes' memory and mounts,
/// and what has had more holes than users.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Calls that exist on one architecture only.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_kexec_file_load,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Namespaces that a child must not make: inside one it would be privileged.
const NAMESPACE_FLAGS: &[libc::c_int] = &[
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Puts words into a terminal's input, as if typed.
const TERMINAL_INPUT: &[u64] = &[libc::TIOCSTI, libc::TIOCLINUX];

/// Installs the filters for this process and all that it starts.
pub(crate) fn apply(network: Network, level: Level) -> Result<(), Failure> {
    let install = || -> Result<(), seccompiler::Error> {
        let absent = ABSENT.iter().map(|&call| (call, Vec::new())).collect();
        seccompiler::apply_filter(&program(absent, libc::ENOSYS)?)?;
        seccompiler::apply_filter(&program(refused(network, level)?, libc::EPERM)?)
    };
    install().map_err(|error| {
        Failure::new(
            format!("install the seccomp filter ({error})"),
            io::Error::last_os_error(),
        )
    })
}

fn program(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        arch,
    )?;
    Ok(filter.try_into()?)
}

fn refused(network: Network, level: Level) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REFUSED
        .iter()
        .chain(REFUSED_HERE)
        .map(|&call| (call, Vec::new()))
        .collect();
    let new_namespace = NAMESPACE_FLAGS
        .iter()
        .map(|&flag| {
            let flag = u64::from(flag.unsigned_abs());
            rule(0, &SeccompCmpOp::MaskedEq(flag), &[flag])
        })
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_clone, new_namespace);
    let terminal = TERMINAL_INPUT
        .iter()
        .map(|&request| rule(1, &SeccompCmpOp::Eq, &[request]))
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_ioctl, terminal);
    let families = allowed_families(network, level);
    rules.insert(
        libc::SYS_socket,
        vec![rule(0, &SeccompCmpOp::Ne, &families)?],
    );
    Ok(rules)
}

/// The socket families that are left. Without a network namespace, Landlock covers TCP only,
/// and a socket of the internet family could still send datagrams.
fn allowed_families(network: Network, level: Level) -> Vec<u64> {
    let families: &[libc::c_int] = if level == Level::L3 || network == Network::All {
        &[
            libc::AF_UNIX,
            libc::AF_INET,
            libc::AF_INET6,
            libc::AF_NETLINK,
        ]
    } else {
        &[libc::AF_UNIX]
    };
    families
        .iter()
        .map(|family| u64::from(family.unsigned_abs()))
        .collect()
}

/// A rule that holds if one argument compares so with each of the values.
fn rule(
    argument: u8,
    operator: &SeccompCmpOp,
    values: &[u64],
) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = values
        .iter()
        .map(|&value| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator.clone(), value)
        })
        .collect::<Result<_, _>>()?;
    SeccompRule::new(conditions)
}
