//! go vet, over the package of the file.

use std::borrow::Cow;
use std::sync::LazyLock;

use claude_flow_lang_detect::Language;
use regex::Regex;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Repair};
use crate::tools::format::{Defaults, Lines, compiled};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

/// Each analyzer's answer by package and analyzer: findings, or an error.
type Packages = serde_json::Map<String, serde_json::Value>;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("go-vet"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Go]),
    program: Program {
        name: Cow::Borrowed("go"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["version"]),
    config: Config {
        files: &[ConfigFile::data("go.mod")],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["vet", "-json", "."]),
        is_stdin: false,
        scope: Scope::Directory,
        directory: Directory::File,
        environment: &[
            ("GOCACHE", "{scratch}"),
            ("GOFLAGS", "-mod=readonly"),
            ("GOPROXY", "off"),
            ("GOTOOLCHAIN", "local"),
        ],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1, 2]),
    signs: &[
        Sign::new("go.mod file not found", Why::NotConfigured),
        Sign::new("errors parsing go.mod", Why::BadConfiguration),
        Sign::new("go: go.mod", Why::BadConfiguration),
        Sign::new("build constraints exclude all Go files", Why::Ignored),
        Sign::new("no required module provides", Why::Unable),
        Sign::new("panic:", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("https://go.dev/dl installs it with Go"),
    warm: None,
};

#[derive(Deserialize)]
struct Finding {
    posn: String,
    end: Option<String>,
    message: String,
    #[serde(default)]
    suggested_fixes: Vec<Fix>,
}

#[derive(Deserialize)]
struct Fix {
    message: String,
    edits: Vec<GoEdit>,
}

#[derive(Deserialize)]
struct GoEdit {
    filename: String,
    start: usize,
    end: usize,
    new: String,
}

/// What the compiler said before any analyzer ran.
static COMPILER: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"^(?:vet: )?(?P<path>\S[^:]*\.go):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)$")
});

static POSITION: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^(?P<path>.+):(?P<line>\d+):(?P<column>\d+)$"));

/// Reads both streams: the findings are on the standard output in Go 1.27, on the other one in Go 1.19.
fn read(request: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let (stdout, stderr) = (output.text(Stream::Stdout)?, output.text(Stream::Stderr)?);
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Byte,
    };
    let mut json = stdout.to_owned();
    let mut diagnostics = Vec::new();
    let mut is_json = false;
    for line in stderr.lines().filter(|line| !line.starts_with("# ")) {
        is_json |= line.starts_with('{');
        if is_json {
            json.push_str(line);
            json.push('\n');
            is_json = line != "}";
        } else if COMPILER.is_match(line) {
            let found = Lines::read(&COMPILER, line, defaults).diagnostics;
            diagnostics.extend(found.into_iter().map(|mut it| {
                it.path = it.path.map(|path| request.below_root(&path));
                it.of_rule("compiler")
            }));
        } else if !line.trim().is_empty() {
            return Err(Unread::not_understood(format!("it says {}", excerpt(line))));
        }
    }
    let mut has_answer = !diagnostics.is_empty();
    for packages in serde_json::Deserializer::from_str(&json).into_iter::<Packages>() {
        let packages = packages.map_err(|error| {
            Unread::not_understood(format!("its output is not its JSON: {error}"))
        })?;
        has_answer = true;
        for analyzers in packages.into_values() {
            read_package(analyzers, &mut diagnostics)?;
        }
    }
    if has_answer {
        Ok(diagnostics)
    } else {
        Err(Unread::not_understood(
            "it printed nothing, not even an empty answer",
        ))
    }
}

fn read_package(analyzers: serde_json::Value, to: &mut Vec<Diagnostic>) -> Result<(), Unread> {
    let broken = |error: serde_json::Error| {
        Unread::not_understood(format!("its output is not its JSON: {error}"))
    };
    let analyzers: Packages = serde_json::from_value(analyzers).map_err(broken)?;
    for (analyzer, answer) in analyzers {
        if let Some(error) = answer.get("error").and_then(serde_json::Value::as_str) {
            return Err(Unread::new(
                Why::Unable,
                format!("{analyzer}: {}", excerpt(error)),
            ));
        }
        let findings: Vec<Finding> = serde_json::from_value(answer).map_err(broken)?;
        for finding in findings {
            to.push(diagnostic(finding, &analyzer)?);
        }
    }
    Ok(())
}

fn diagnostic(finding: Finding, analyzer: &str) -> Result<Diagnostic, Unread> {
    let unknown = || Unread::not_understood(format!("{:?} is no position", finding.posn));
    let (path, line, column) = position(&finding.posn).ok_or_else(unknown)?;
    let mut place = Place::at(line, column, Unit::Byte);
    if let Some((_, line, column)) = finding.end.as_deref().and_then(position) {
        place = place.to(line, column, Unit::Byte);
    }
    let fix = finding.suggested_fixes.into_iter().next();
    let mut diagnostic = Diagnostic::new(Severity::Warning, finding.message)
        .in_file(path)
        .at(place)
        .of_rule(analyzer);
    diagnostic.repair = fix
        .filter(|fix| fix.edits.iter().all(|edit| edit.filename == path))
        .map(|fix| Repair {
            message: fix.message,
            is_safe: false,
            edits: fix.edits.into_iter().map(edit).collect(),
        });
    Ok(diagnostic)
}

fn edit(edit: GoEdit) -> Edit {
    Edit {
        place: Place::bytes(edit.start..edit.end),
        text: edit.new,
    }
}

fn position(text: &str) -> Option<(&str, u64, u64)> {
    let captures = POSITION.captures(text)?;
    let number = |name: &str| captures.name(name)?.as_str().parse().ok();
    Some((
        captures.name("path")?.as_str(),
        number("line")?,
        number("column")?,
    ))
}
