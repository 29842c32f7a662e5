//! Runs the tools themselves and writes down what they print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use claude_flow_checkers::tools::{TOOLS, Tool};

use super::{Case, ROOT, Recorded, SCRATCH, cases, tool_dir};

/// The cache of `cargo xtask tools`, whose `bin` holds the tools; set, it makes the fixtures anew.
const VARIABLE: &str = "RECORD_TOOLS_WITH";

pub(super) fn record_if_asked() {
    let Some(cache) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        return;
    };
    let only = std::env::var("RECORD_TOOLS_ONLY").unwrap_or_default();
    for tool in TOOLS
        .iter()
        .filter(|tool| only.is_empty() || only == tool.name)
    {
        for case in cases(tool) {
            let recorded = run(tool, &case, &cache);
            let text = toml::to_string_pretty(&recorded).expect("strings and a number are TOML");
            let path = tool_dir(tool).join(format!("{}.toml", case.name));
            fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

fn run(tool: &Tool, case: &Case, cache: &Path) -> Recorded {
    let home = std::env::temp_dir().join(format!("claude-flow-tools-{}", std::process::id()));
    let (root, scratch) = (home.join("project"), home.join("scratch"));
    for (path, text) in &case.files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory");
        fs::write(&path, text.replace(ROOT, &shown(&root))).expect("a file");
    }
    fs::create_dir_all(&scratch).expect("a directory");
    let (root, scratch) = (shown(&root), shown(&scratch));
    let config = format!("{root}/{}", case.config.as_deref().unwrap_or_default());
    let invocation = tool.invocation(&case.request(tool, &root, &scratch, &config));
    let mut command = command(tool, cache);
    command
        .args(&invocation.arguments)
        .envs(invocation.environment)
        .current_dir(&invocation.directory);
    let input = home.join("stdin");
    fs::write(&input, invocation.stdin.unwrap_or_default()).expect("a file");
    command.stdin(fs::File::open(&input).expect("it was just written"));
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    fs::remove_dir_all(&home).expect("the directory is ours");
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).expect("these tools print UTF-8");
        text.replace(&root, ROOT)
            .replace(&scratch, SCRATCH)
            .replace(&shown(cache), "/tools")
    };
    let words = [tool.program.name.as_ref().to_owned()]
        .into_iter()
        .chain(invocation.arguments);
    Recorded {
        version: version(tool, cache),
        command: plain(words.collect::<Vec<_>>().join(" ").as_bytes()),
        exit: output
            .status
            .code()
            .expect("none of the cases ends by a signal"),
        stdout: plain(&output.stdout),
        stderr: plain(&output.stderr),
    }
}

/// The program, from the cache or from `PATH`, without what cargo tells its own children.
fn command(tool: &Tool, cache: &Path) -> Command {
    let name = tool.program.name.as_ref();
    let pinned = cache.join("bin").join(name);
    let mut command = if pinned.exists() {
        Command::new(pinned)
    } else {
        Command::new(name)
    };
    for (key, _) in std::env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        let is_cargos = key.starts_with("CARGO") && key != "CARGO_HOME";
        if is_cargos || key == "RUSTFLAGS" || key.starts_with("NEXTEST") {
            command.env_remove(key);
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = cache.join("bin").into_os_string();
    let separator = std::ffi::OsString::from(":");
    command.env(
        "PATH",
        [bin, separator, path]
            .into_iter()
            .collect::<std::ffi::OsString>(),
    );
    command
}

fn version(tool: &Tool, cache: &Path) -> String {
    if tool.version.iter().next().is_none() {
        return String::new();
    }
    let mut command = command(tool, cache);
    let output = command
        .args(tool.version.iter())
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find(|line| line.contains(|c: char| c.is_ascii_digit()));
    line.unwrap_or_default()
        .trim()
        .replace(&shown(cache), "/tools")
}

fn shown(path: &Path) -> String {
    path.to_str()
        .expect("temporary directories have plain names")
        .to_owned()
}
