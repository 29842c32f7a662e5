//! What a child may do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Level;

/// What every program needs to start: programs, libraries and how they are found.
/// `/etc` is named entry by entry, because it also holds keys and passwords.
const SYSTEM_PATHS: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/lsb-release",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/java",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/protocols",
    "/etc/python3",
    "/etc/python3.11",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/sys/devices/system/cpu",
];

/// Where language tools live below a home directory; not their credentials.
const TOOLCHAIN_PATHS: &[&str] = &[
    ".bun/bin",
    ".bun/install",
    ".cargo/bin",
    ".cargo/config.toml",
    ".cargo/env",
    ".cargo/git",
    ".cargo/registry",
    ".deno/bin",
    ".local/bin",
    ".local/lib",
    ".local/share/pnpm",
    ".local/share/uv",
    ".nvm",
    ".pyenv",
    ".rustup",
    ".sdkman/candidates",
    ".volta",
    "go",
];

/// Names that are passed on from the caller's environment by [`Policy::for_workspace`].
pub const ENVIRONMENT: &[&str] = &[
    "CARGO_HOME",
    "GOMODCACHE",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "NO_COLOR",
    "NVM_DIR",
    "PATH",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "TERM",
    "TZ",
    "VIRTUAL_ENV",
];

/// What a child may do. Everything that is not named is refused.
///
/// Paths are absolute. Those that do not exist when the child starts are skipped, except in `write`.
/// The most deeply nested path decides: a path in `read` below one in `write` is read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Files and directories that may be read and executed.
    pub read: Vec<PathBuf>,
    /// Files and directories that may also be written; they must exist.
    pub write: Vec<PathBuf>,
    /// Files and directories inside the others that appear empty; at [`Level::L3`] only.
    pub hide: Vec<PathBuf>,
    /// What of the network there is.
    pub network: Network,
    /// The child's whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// How much of everything.
    pub limits: Limits,
    /// The least level at which the child may run.
    pub require: Level,
    /// The highest level that is tried: a caller may ask for less than the machine gives.
    pub at_most: Level,
}

impl Policy {
    /// Nothing but the system's programs and libraries, no network, an empty environment.
    #[must_use]
    pub fn new() -> Self {
        Self {
            read: SYSTEM_PATHS.iter().map(PathBuf::from).collect(),
            write: Vec::new(),
            hide: Vec::new(),
            network: Network::None,
            environment: Vec::new(),
            limits: Limits::default(),
            require: Level::L1,
            at_most: Level::L3,
        }
    }

    /// The policy for a checker: the system, the toolchains in the caller's home and the workspace are
    /// read-only, `scratch` is the only place to write, loopback is the only network.
    ///
    /// `HOME` and `TMPDIR` are `scratch`, and `CARGO_HOME` and `RUSTUP_HOME` stay where the caller has them.
    #[must_use]
    pub fn for_workspace(workspace: impl Into<PathBuf>, scratch: impl Into<PathBuf>) -> Self {
        let mut policy = Self::new();
        let scratch = scratch.into();
        policy.read.push(workspace.into());
        policy.network = Network::Loopback;
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                policy.environment.push((name.into(), value));
            }
        }
        if let Some(home) = std::env::home_dir() {
            policy.add_toolchains(&home);
        }
        for name in ["HOME", "TMPDIR", "XDG_CACHE_HOME"] {
            policy = policy.env(name, &scratch);
        }
        policy.write.push(scratch);
        policy
    }

    fn add_toolchains(&mut self, home: &Path) {
        self.read
            .extend(TOOLCHAIN_PATHS.iter().map(|path| home.join(path)));
        // With `HOME` moved, the tools no longer find their own folders by themselves.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let path = home.join(folder);
            if !self.environment.iter().any(|(known, _)| known == name) && path.is_dir() {
                self.environment.push((name.into(), path.into()));
            }
        }
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let name = name.into();
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    /// Lets the child read and execute what is below `path`.
    #[must_use]
    pub fn read(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// Lets the child write below `path`, but not below its `.git`.
    #[must_use]
    pub fn write(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.read.push(path.join(".git"));
        self.write.push(path);
        self
    }

    /// Makes `path` appear empty.
    #[must_use]
    pub fn hide(mut self, path: impl Into<PathBuf>) -> Self {
        self.hide.push(path.into());
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

/// What of the network a child has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Network {
    /// Nothing.
    None,
    /// 127.0.0.1 and `::1`, of its own at [`Level::L3`]; the same as [`Network::None`] at [`Level::L2`].
    Loopback,
    /// The caller's network.
    All,
}

/// How much a child and its descendants may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from the start to the end.
    pub wall: Duration,
    /// CPU time of one process.
    pub cpu: Duration,
    /// Resident memory of all processes together that is neither backed by files nor shared; sampled, see [`Limits::sampling`].
    /// One process may also not map more than twice as much writable private memory.
    pub memory_bytes: u64,
    /// How often memory is sampled near its limit; far below it up to 20 times less often.
    pub sampling: Duration,
    /// Processes and threads.
    /// Enforced by the kernel for users other than root, and for root at [`Level::L3`] from Linux 6.14 on,
    /// where at least 301 are allowed.
    pub processes: u32,
    /// The size of one file.
    pub file_bytes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// What is kept of each captured stream: half at its beginning, half at its end.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_mins(1),
            cpu: Duration::from_mins(2),
            memory_bytes: 4 << 30,
            sampling: Duration::from_millis(50),
            processes: 512,
            file_bytes: 1 << 30,
            open_files: 4096,
            output_bytes: 1 << 20,
        }
    }
}
