//! The root directory of a child at L3: nothing but what the policy names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
    mount_change, move_mount, open_tree, unmount,
};

use crate::Policy;
use crate::sys;

use super::{Failure, Step};

/// Where the new root is put together; any directory will do, its old content stays visible outside.
const STAGE: &str = "/tmp";

/// Device files that a program may expect.
const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];

/// What `/tmp` and `/dev/shm` together may hold is bounded by this size each.
const SCRATCH_BYTES: &str = "268435456";

/// How many symbolic links are followed in one path.
const LINKS_MAX: usize = 40;

/// What is to appear at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Read,
    Write,
    Nothing,
}

/// Replaces this process's root by one that holds only what the policy names, and `/proc`, `/dev` and `/tmp`.
///
/// The process must be the first of its own mount and pid namespaces.
pub(crate) fn build(policy: &Policy) -> Result<(), Failure> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .step(|| "make all mounts private".into())?;
    // Sources are opened while the old root is still there.
    let plan = Plan::new(policy)?;
    let mut trees = Vec::with_capacity(plan.views.len());
    for (path, &(view, kind)) in &plan.views {
        trees.push((path.as_path(), kind, open_view(path, view, kind)?));
    }
    let devices = open_devices();
    let root = memory_file_system("262144", "0755")?;
    attach(&root, Path::new(STAGE))?;
    rustix::process::chdir(STAGE).step(|| format!("enter {STAGE}"))?;
    let mut places = Places::default();
    for folder in ["old", "proc", "dev/shm", "tmp"] {
        places.make_directory(Path::new(folder))?;
    }
    rustix::process::pivot_root(".", "old").step(|| "make the new root the root".into())?;
    rustix::process::chdir("/").step(|| "enter the new root".into())?;
    mount_devices(devices)?;
    attach(
        &memory_file_system(SCRATCH_BYTES, "1777")?,
        Path::new("/tmp"),
    )?;
    attach(
        &memory_file_system(SCRATCH_BYTES, "1777")?,
        Path::new("/dev/shm"),
    )?;
    // The old root must still be mounted somewhere, or the kernel refuses a new `/proc`.
    attach(&file_system("proc", &[])?, Path::new("/proc"))?;
    super::namespaces::limit_processes(policy.limits.processes);
    for (from, to) in &plan.links {
        places.make_link(from, to)?;
    }
    for (path, kind, tree) in trees {
        // Below a mounted directory, the place is there already: it is the same directory.
        if !plan.is_below_another(path) {
            places.make(path, kind)?;
        }
        attach(&tree, path)?;
    }
    unmount("/old", UnmountFlags::DETACH).step(|| "let go of the old root".into())?;
    fs::remove_dir("/old").step(|| "remove /old".into())?;
    let own = open_root()?;
    sys::set_mount_attributes(
        &own,
        u64::from(MountAttrFlags::MOUNT_ATTR_RDONLY.bits()),
        false,
    )
    .step(|| "make the new root read-only".into())
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Link(PathBuf),
    Other(Kind),
}

/// What kind of place a mount needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
}

/// Real paths with their views, parents before children, and the symbolic links that lead to them.
struct Plan {
    views: BTreeMap<PathBuf, (View, Kind)>,
    links: BTreeMap<PathBuf, PathBuf>,
    /// What was found at the paths walked so far: most begin alike.
    found: BTreeMap<PathBuf, Found>,
}

impl Plan {
    fn new(policy: &Policy) -> Result<Self, Failure> {
        let mut plan = Self {
            views: BTreeMap::new(),
            links: BTreeMap::new(),
            found: BTreeMap::new(),
        };
        // Of one path, writable wins over readable, and hidden over both.
        for (paths, view) in [
            (&policy.write, View::Write),
            (&policy.read, View::Read),
            (&policy.hide, View::Nothing),
        ] {
            for path in paths {
                match plan.resolve(path) {
                    Ok((real, kind)) => {
                        let entry = plan.views.entry(real).or_insert((view, kind));
                        if view == View::Nothing {
                            entry.0 = view;
                        }
                    }
                    Err(error) if view == View::Write => {
                        let step = format!("find {} which is to be writable", path.display());
                        return Err(Failure::new(step, error));
                    }
                    Err(_) => {}
                }
            }
        }
        let all = plan.views.clone();
        plan.views.retain(|path, &mut (view, _)| {
            let above = path.ancestors().skip(1).find_map(|parent| all.get(parent));
            // What shows the same anyway, or is inside what is hidden, needs no mount.
            above.is_none_or(|&(above, _)| above != view && above != View::Nothing)
        });
        Ok(plan)
    }

    /// Follows symbolic links in `path`, noting each link that is passed.
    fn resolve(&mut self, path: &Path) -> io::Result<(PathBuf, Kind)> {
        let mut real = PathBuf::from("/");
        let mut kind = Kind::Directory;
        let mut rest = components(path);
        let mut followed = 0;
        while let Some(next) = rest.pop() {
            if next == Path::new("..") {
                real.pop();
                continue;
            }
            let here = real.join(next);
            match self.find(&here)? {
                Found::Other(found) => {
                    kind = found;
                    real = here;
                }
                Found::Link(target) => {
                    followed += 1;
                    if followed > LINKS_MAX {
                        return Err(io::Error::from_raw_os_error(libc::ELOOP));
                    }
                    if target.is_absolute() {
                        real = PathBuf::from("/");
                    }
                    rest.extend(components(&target));
                    self.links.insert(here, target);
                }
            }
        }
        Ok((real, kind))
    }

    fn find(&mut self, path: &Path) -> io::Result<Found> {
        if let Some(found) = self.found.get(path) {
            return Ok(found.clone());
        }
        let metadata = fs::symlink_metadata(path)?;
        let found = if metadata.is_symlink() {
            Found::Link(fs::read_link(path)?)
        } else if metadata.is_dir() {
            Found::Other(Kind::Directory)
        } else {
            Found::Other(Kind::File)
        };
        self.found.insert(path.to_path_buf(), found.clone());
        Ok(found)
    }

    fn is_below_another(&self, path: &Path) -> bool {
        path.ancestors()
            .skip(1)
            .any(|parent| self.views.contains_key(parent))
    }
}

/// A path's names, the last one first.
fn components(path: &Path) -> Vec<PathBuf> {
    path.components()
        .rev()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(PathBuf::from(name)),
            Component::ParentDir => Some(PathBuf::from("..")),
            _ => None,
        })
        .collect()
}

/// The places made in the new root so far.
#[derive(Default)]
struct Places {
    directories: BTreeSet<PathBuf>,
}

impl Places {
    /// Makes the file or directory on which a tree is mounted.
    fn make(&mut self, path: &Path, kind: Kind) -> Result<(), Failure> {
        match kind {
            Kind::Directory => self.make_directory(path),
            Kind::File => {
                self.make_parent(path)?;
                make_file(path)
            }
        }
    }

    fn make_directory(&mut self, path: &Path) -> Result<(), Failure> {
        if path.parent().is_none() || !self.directories.insert(path.to_path_buf()) {
            return Ok(());
        }
        self.make_parent(path)?;
        unless_there(rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)))
            .step(|| format!("make a place for {}", path.display()))
    }

    fn make_parent(&mut self, path: &Path) -> Result<(), Failure> {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.make_directory(parent),
            _ => Ok(()),
        }
    }

    fn make_link(&mut self, from: &Path, to: &Path) -> Result<(), Failure> {
        self.make_parent(from)?;
        unless_there(rustix::fs::symlink(to, from))
            .step(|| format!("link {} to {}", from.display(), to.display()))
    }
}

fn make_file(path: &Path) -> Result<(), Failure> {
    let mode = Mode::from_raw_mode(0o644);
    unless_there(rustix::fs::mknodat(
        CWD,
        path,
        FileType::RegularFile,
        mode,
        0,
    ))
    .step(|| format!("make a place for {}", path.display()))
}

fn unless_there(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// A copy of the mounts at a path, with the attributes of its view.
fn open_view(path: &Path, view: View, kind: Kind) -> Result<OwnedFd, Failure> {
    let set = |tree: OwnedFd, attributes: MountAttrFlags| {
        sys::set_mount_attributes(&tree, u64::from(attributes.bits()), true)
            .step(|| format!("set the attributes of {}", path.display()))?;
        Ok(tree)
    };
    let basic = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let read_only = basic | MountAttrFlags::MOUNT_ATTR_RDONLY;
    match view {
        View::Write => set(copy_mounts(path)?, basic),
        View::Read => set(copy_mounts(path)?, read_only),
        View::Nothing if kind == Kind::Directory => {
            set(memory_file_system("4096", "0555")?, read_only)
        }
        View::Nothing => set(
            copy_mounts(Path::new("/dev/null"))?,
            MountAttrFlags::MOUNT_ATTR_RDONLY,
        ),
    }
}

fn copy_mounts(path: &Path) -> Result<OwnedFd, Failure> {
    open_tree(
        CWD,
        path,
        OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_SYMLINK_NOFOLLOW,
    )
    .step(|| format!("copy the mounts of {}", path.display()))
}

fn open_devices() -> Vec<(&'static str, OwnedFd)> {
    DEVICES
        .iter()
        .filter_map(|&name| {
            // A machine without one of them has a child without it.
            Some((name, copy_mounts(&Path::new("/dev").join(name)).ok()?))
        })
        .collect()
}

fn mount_devices(devices: Vec<(&'static str, OwnedFd)>) -> Result<(), Failure> {
    for (name, tree) in devices {
        let path = Path::new("/dev").join(name);
        make_file(&path)?;
        attach(&tree, &path)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        let path = Path::new("/dev").join(name);
        rustix::fs::symlink(target, &path).step(|| format!("make {}", path.display()))?;
    }
    Ok(())
}

fn memory_file_system(size_bytes: &str, mode: &str) -> Result<OwnedFd, Failure> {
    file_system("tmpfs", &[("size", size_bytes), ("mode", mode)])
}

fn file_system(kind: &str, options: &[(&str, &str)]) -> Result<OwnedFd, Failure> {
    let make = || -> rustix::io::Result<OwnedFd> {
        let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        for &(name, value) in options {
            fsconfig_set_string(context.as_fd(), name, value)?;
        }
        fsconfig_create(context.as_fd())?;
        fsmount(
            context.as_fd(),
            FsMountFlags::FSMOUNT_CLOEXEC,
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV,
        )
    };
    make().step(|| format!("make a {kind} file system"))
}

fn attach(tree: &OwnedFd, path: &Path) -> Result<(), Failure> {
    move_mount(tree, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .step(|| format!("mount {}", path.display()))
}

fn open_root() -> Result<OwnedFd, Failure> {
    rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .step(|| "open the new root".into())
}
