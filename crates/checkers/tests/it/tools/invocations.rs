//! The commands, and where the executables are looked for.

use claude_flow_checkers::tools::{Candidate, ConfigFile, Request, Surroundings, TOOLS, tool};
use claude_flow_lang_detect::Language;

fn request(path: &str) -> Request<'_> {
    Request {
        root: "/project",
        path,
        content: b"text",
        scratch: "/scratch",
        config: None,
        edition: None,
    }
}

fn arguments(name: &str, request: &Request<'_>) -> String {
    let tool = tool(name).unwrap_or_else(|| panic!("no {name}"));
    tool.invocation(request).arguments.join(" ")
}

/// Catches a placeholder that stays, a value that is lost, or a path that reads as an option.
#[test]
fn placeholders_are_filled() {
    let file = ConfigFile::data(".bandit").with_argument("--ini={config}");
    let with = Request {
        config: Some(("/project/.bandit", &file)),
        ..request("a.py")
    };
    assert_eq!(
        arguments("bandit", &with),
        "--quiet --format=json --ini=/project/.bandit -- a.py"
    );
    assert_eq!(
        arguments("bandit", &request("a.py")),
        "--quiet --format=json -- a.py"
    );
    assert_eq!(
        arguments("gcc", &request("-o.c")).rsplit(' ').next(),
        Some("./-o.c")
    );
    assert_eq!(
        arguments("ruff-check", &request("a {root}.py"))
            .rsplit("-- ")
            .next(),
        Some("a {root}.py")
    );
    let edition = Request {
        edition: Some("2021"),
        ..request("src/a.rs")
    };
    assert_eq!(
        arguments("rustfmt", &edition),
        "--edition=2021 --color=never"
    );
    assert_eq!(arguments("rustfmt", &request("src/a.rs")), "--color=never");
    for tool in TOOLS {
        let invocation = tool.invocation(&request("src/a.x"));
        let words = invocation
            .arguments
            .iter()
            .chain(invocation.environment.iter().map(|it| &it.1));
        assert!(
            words.clone().all(|word| !word.contains('{')),
            "{}: {invocation:?}",
            tool.name
        );
        assert_eq!(
            invocation.stdin.is_some(),
            tool.ask.is_stdin,
            "{}",
            tool.name
        );
    }
}

/// Catches a tool that runs where its configuration is not found.
#[test]
fn a_tool_runs_where_it_is_described_to() {
    let directory = |name: &str| {
        tool(name)
            .expect("known")
            .invocation(&request("src/a.go"))
            .directory
    };
    assert_eq!(directory("go-vet"), "/project/src");
    assert_eq!(directory("ruff-check"), "/project");
}

/// Catches the script of an npm package before its executable, and a far place before a near one.
#[test]
fn the_nearest_executable_comes_first() {
    let around = Surroundings {
        root: "/w",
        directories: &["/w/a", "/w"],
        virtual_environment: Some("/v"),
        os: "linux",
        arch: "x86_64",
    };
    let files = |name: &str| -> Vec<String> {
        let candidates = tool(name).expect("known").candidates(&around);
        let shown = candidates.into_iter().map(|candidate| match candidate {
            Candidate::File(path) => path,
            Candidate::OnPath(name) => format!("PATH:{name}"),
        });
        shown.collect()
    };
    assert_eq!(
        files("ruff-check"),
        [
            "/v/bin/ruff",
            "/w/a/.venv/bin/ruff",
            "/w/a/venv/bin/ruff",
            "/w/.venv/bin/ruff",
            "/w/venv/bin/ruff",
            "PATH:ruff"
        ]
    );
    let biome = files("biome-lint");
    assert_eq!(biome[0], "/w/a/node_modules/@biomejs/cli-linux-x64/biome");
    assert_eq!(biome[2], "/w/a/node_modules/.bin/biome");
    assert_eq!(biome.last().map(String::as_str), Some("PATH:biome"));
}

/// Catches a far configuration that wins over a near one, and a file without its section that counts.
#[test]
fn the_nearest_configuration_wins() {
    let ruff = tool("ruff-check").expect("known");
    let directories = ["/w/a", "/w"];
    let has = |files: &'static [&str]| {
        let holds = |directory: &str, file: &ConfigFile| {
            let section = file.section.unwrap_or_default();
            files.contains(&format!("{directory}/{}#{section}", file.name).as_str())
        };
        ruff.config
            .nearest(&directories, holds)
            .map(|(directory, file)| (directory, file.name))
    };
    assert_eq!(
        has(&["/w/ruff.toml#", "/w/a/pyproject.toml#tool.ruff"]),
        Some(("/w/a", "pyproject.toml"))
    );
    assert_eq!(
        has(&["/w/ruff.toml#", "/w/.ruff.toml#"]),
        Some(("/w", ".ruff.toml"))
    );
    assert_eq!(has(&["/w/pyproject.toml#"]), None);
}

/// Catches two tools of one name, a catalog out of order, and a tool that is for no file.
#[test]
fn the_catalog_is_in_order() {
    let mut names: Vec<&str> = TOOLS.iter().map(|tool| tool.name.as_ref()).collect();
    let written = names.clone();
    names.sort_unstable();
    names.dedup();
    assert_eq!(written, names);
    let for_python = TOOLS
        .iter()
        .filter(|tool| tool.files.contains("a.py", Some(Language::Python)));
    assert_eq!(for_python.count(), 7);
    assert!(
        TOOLS
            .iter()
            .all(|tool| !tool.install.is_empty() && !tool.program.homes.is_empty())
    );
}
