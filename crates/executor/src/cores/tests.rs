//! The system's files as they are found, in a folder that stands for the root.

use super::*;
use crate::sync::scope;

#[test]
fn this_process_has_a_core_and_can_be_bound_to_it() {
    let cores = Cores::detect();
    assert!(cores.worker_count() >= 1);
    let Some(&core) = cores.allowed.first() else {
        assert!(matches!(
            pin_this_thread(Core { id: 0, node: None }),
            Err(PinError::NotAvailable)
        ));
        return;
    };
    scope(|scope| {
        let bound = scope.spawn(|| {
            pin_this_thread(core).expect("it is in the mask");
            Cores::detect().allowed
        });
        let bound = bound.join().expect("it does not panic");
        assert_eq!(bound, [core]);
    });
}

#[test]
fn a_core_that_is_not_there_is_refused_by_name() {
    let core = Core {
        id: usize::MAX,
        node: None,
    };
    let error = pin_this_thread(core).expect_err("no machine has so many");
    if cfg!(target_os = "linux") {
        assert!(error.to_string().contains(&usize::MAX.to_string()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lists_of_cores_are_read() {
    let check = |list: &str, expected: &[usize]| assert_eq!(parse_list(list), expected, "{list:?}");
    check("0-3,8\n", &[0, 1, 2, 3, 8]);
    check("5", &[5]);
    check("\n", &[]);
    check("3-1,nonsense,7", &[7]);
}

#[cfg(target_os = "linux")]
fn quota_of(files: &[(&str, &str)]) -> Option<Quota> {
    let root = tempfile::tempdir().expect("there is room for a folder");
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    quota(root.path())
}

#[cfg(target_os = "linux")]
#[test]
fn the_lowest_quota_of_all_groups_counts() {
    let check = |files: &[(&str, &str)], expected: Option<(u64, u64)>| {
        let expected = expected.and_then(|(quota, period)| Quota::new(quota, period));
        assert_eq!(quota_of(files), expected, "{files:?}");
    };
    check(&[], None);
    let v2 = ("proc/self/cgroup", "0::/a/b\n");
    let a = ("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    let b = ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    check(&[v2, b], None);
    check(&[v2, a, b], Some((150_000, 100_000)));
    let b = ("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    check(&[v2, a, b], Some((50_000, 100_000)));
    // In a container the group is named as the host sees it, and mounted as the root.
    let mounted = ("sys/fs/cgroup/cpu.max", "300000 100000\n");
    check(&[v2, mounted], Some((300_000, 100_000)));
    let v1 = ("proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/c\n");
    let period = ("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
    let limit = ("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "250000\n");
    check(&[v1, period, limit], Some((250_000, 100_000)));
    let none = ("sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
    check(&[v1, period, none], None);
}

#[test]
fn a_quota_bounds_the_workers_and_rounds_up() {
    let core = |id| Core { id, node: Some(0) };
    let check = |cores: usize, quota: Option<(u64, u64)>, expected| {
        let cores = Cores {
            allowed: (0..cores).map(core).collect(),
            quota: quota.and_then(|(quota, period)| Quota::new(quota, period)),
        };
        assert_eq!(cores.worker_count(), expected);
    };
    check(8, None, 8);
    check(8, Some((150_000, 100_000)), 2);
    check(8, Some((1_000, 100_000)), 1);
    check(2, Some((900_000, 100_000)), 2);
    check(2, Some((0, 100_000)), 2);
}

#[test]
fn two_workers_are_never_bound_to_one_core() {
    let core = |id| Core { id, node: None };
    let cores = Cores {
        allowed: vec![core(3), core(5)],
        quota: None,
    };
    assert_eq!(cores.core_for(0, 2), Some(core(3)));
    assert_eq!(cores.core_for(1, 2), Some(core(5)));
    assert_eq!(cores.core_for(0, 3), None);
}
