//! The first line `#!…`, and what it runs.

use crate::Language;
use crate::language::with_interpreter;

/// How long a first line may be; kernels stop far earlier.
const LINE_BYTES_MAX: usize = 512;

/// How many lines a script may take to hand itself over to another interpreter.
const HANDOVER_LINES_MAX: usize = 6;

/// Programs that run several languages: the extension chooses among them.
const RUNS: &[(&str, &[Language])] = &[
    ("bun", JAVASCRIPT_FAMILY),
    ("deno", JAVASCRIPT_FAMILY),
    ("esr", JAVASCRIPT_FAMILY),
    ("sucrase-node", JAVASCRIPT_FAMILY),
    ("swc-node", JAVASCRIPT_FAMILY),
    ("ts-node", JAVASCRIPT_FAMILY),
    ("ts-node-esm", JAVASCRIPT_FAMILY),
    ("ts-node-script", JAVASCRIPT_FAMILY),
    ("tsx", JAVASCRIPT_FAMILY),
    ("vite-node", JAVASCRIPT_FAMILY),
    ("zx", &[Language::JavaScript, Language::TypeScript]),
    ("node", &[Language::JavaScript, Language::TypeScript]),
    ("nodejs", &[Language::JavaScript, Language::TypeScript]),
    (
        "jbang",
        &[Language::Java, Language::Kotlin, Language::Groovy],
    ),
    ("java", &[Language::Java]),
    ("rust-script", &[Language::Rust]),
    ("cargo-eval", &[Language::Rust]),
    ("run-cargo-script", &[Language::Rust]),
    ("gorun", &[Language::Go]),
    ("go", &[Language::Go]),
    ("kotlin", &[Language::Kotlin]),
    ("pypy", &[Language::Python]),
    ("ipython", &[Language::Python]),
    ("tcc", &[Language::C]),
    ("c", &[Language::C]),
    ("cling", &[Language::Cpp]),
    ("nu", &[Language::Nushell]),
    ("busybox", &[Language::Shell]),
];

/// TypeScript first: without an extension these programs are used for it.
const JAVASCRIPT_FAMILY: &[Language] = &[Language::TypeScript, Language::JavaScript, Language::Tsx];

/// The languages that the program named on the first line runs, the likeliest first.
pub(crate) fn languages(content: &[u8]) -> &'static [Language] {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let Some(line) = content.strip_prefix(b"#!").or_else(|| in_comment(content)) else {
        return &[];
    };
    let mut lines = line.split(|&byte| byte == b'\n');
    let Some(words) = lines.next().and_then(text) else {
        return &[];
    };
    let found = of_program(program(words));
    if found.first() == Some(&Language::Shell) {
        let handed_over = lines
            .take(HANDOVER_LINES_MAX)
            .filter_map(text)
            .find_map(handover);
        return handed_over.unwrap_or(found);
    }
    found
}

/// `///usr/bin/env jbang` and `//usr/bin/env go run`: to a shell a path, to the language a comment.
fn in_comment(content: &[u8]) -> Option<&[u8]> {
    let line = content.strip_prefix(b"//")?;
    let program = line.strip_prefix(b"/").unwrap_or(line);
    program.starts_with(b"usr/bin/env ").then_some(program)
}

fn text(line: &[u8]) -> Option<&str> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    std::str::from_utf8(&line[..line.len().min(LINE_BYTES_MAX)]).ok()
}

/// The name of the program that is run in the end, without its folder and version.
fn program(line: &str) -> &str {
    let mut words = line.split_ascii_whitespace().map(base_name);
    let Some(mut program) = words.next() else {
        return "";
    };
    if program == "env" {
        program = words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .unwrap_or("");
    }
    if matches!(program, "sudo" | "time" | "nice" | "command" | "exec") {
        program = words.find(|word| !word.starts_with('-')).unwrap_or("");
    }
    let mut commands = words.filter(|word| !word.starts_with('-'));
    match program {
        // `uv run`, `uvx`, `pipx run`: what they run is a Python program, unless another is named.
        "uv" | "uvx" | "pipx" | "hatch" | "poetry" | "pdm" | "rye" => "python",
        "npx" | "pnpx" | "bunx" => commands.next().unwrap_or("node"),
        "pnpm" | "yarn" | "npm" => commands
            .find(|word| !matches!(*word, "exec" | "dlx" | "run" | "x"))
            .unwrap_or("node"),
        "cargo" => "rust-script",
        "dotnet" => "dotnet-script",
        "nix-shell" | "guix" => "",
        "stack" | "cabal" => "runghc",
        other => other,
    }
}

fn base_name(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}

fn of_program(program: &str) -> &'static [Language] {
    if program.is_empty() {
        return &[];
    }
    let plain = program.split('@').next().unwrap_or(program);
    let unversioned = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    for name in [plain, unversioned] {
        let runs = RUNS.iter().find(|(known, _)| *known == name);
        if let Some((_, languages)) = runs {
            return languages;
        }
        let languages = with_interpreter(name);
        if !languages.is_empty() {
            return languages;
        }
    }
    &[]
}

/// What a shell script becomes that only starts another interpreter on itself.
fn handover(line: &str) -> Option<&'static [Language]> {
    let (before, after) = line.split_once("exec")?;
    let is_alone = before
        .chars()
        .all(|c| c.is_ascii_whitespace() || "'\":;#/*|&-".contains(c));
    if !is_alone || !after.contains("$0") && !after.contains("${0}") {
        return None;
    }
    let after = after.trim_start_matches(['"', '\'', ' ']);
    let languages = of_program(program(after).trim_matches(['"', '\'']));
    (!languages.is_empty()).then_some(languages)
}
