//! The sandbox as its users see it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests make files and wait for processes; the ban is for the pure crates"
)]

mod ending;
mod escapes;
mod lasting;
mod running;
mod tools;

use std::path::Path;
use std::sync::OnceLock;

use claude_flow_sandbox::{Helper, Level, Policy, Sandbox};
use tempfile::TempDir;

const LEVELS: [Level; 3] = [Level::L1, Level::L2, Level::L3];

/// One helper for all tests of this process.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let helper = Helper::program(env!("CARGO_BIN_EXE_claude-flow-sandbox-helper"));
        Sandbox::start(helper).expect("the helper is built beside this test")
    })
}

/// A workspace with a repository, and a scratch directory.
struct Folders {
    folder: TempDir,
}

impl Folders {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary directory can be made");
        for path in ["workspace/.git/hooks", "scratch"] {
            std::fs::create_dir_all(folder.path().join(path)).expect("the folder is writable");
        }
        Self { folder }
    }

    fn workspace(&self) -> std::path::PathBuf {
        self.folder.path().join("workspace")
    }

    fn scratch(&self) -> std::path::PathBuf {
        self.folder.path().join("scratch")
    }

    fn policy(&self, level: Level) -> Policy {
        let mut policy = Policy::for_workspace(self.workspace(), self.scratch());
        policy.require = level;
        policy.at_most = level;
        policy
    }

    fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("the folder is writable");
        std::fs::write(path, text).expect("the folder is writable");
    }
}

fn text(captured: &claude_flow_sandbox::Captured) -> String {
    assert_eq!(captured.omitted_bytes, 0, "the output was cut");
    String::from_utf8_lossy(&captured.head).into_owned()
}
