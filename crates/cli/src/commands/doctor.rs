//! `claude-flow doctor`: what is found, what is missing, and what each missing thing would add.

mod isolation;
mod tools;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use claude_flow::checkers::{LANGUAGES, TEXT_VERSION, engine};
use claude_flow::lang_detect::Language;
use claude_flow::pipeline::Config;
use serde::Serialize;

use self::isolation::Isolation;
use self::tools::{Tool, look_for_tools};
use crate::args::DoctorFormat;
use crate::failure::EXIT_FAILED;
use crate::hook::Harness;
use crate::output::{write_plain, write_styled};
use crate::settings::Placement;
use crate::visible::visible;

/// The largest settings file that is read, in bytes.
const SETTINGS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The tools that are found are not run.
const TOOLS_NOTE: &str = "`post-edit` runs those of the catalog that a project uses; dmypy, ecj, gopls, clangd, oxfmt and tsgo are not in it yet";

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// Looks around and tells.
pub(super) fn run(
    directory: &Path,
    format: DoctorFormat,
    color: ColorChoice,
) -> anyhow::Result<ExitCode> {
    let diagnosis = Diagnosis::of(directory);
    match format {
        DoctorFormat::Human => {
            let mut out = Vec::new();
            diagnosis.write(&mut out)?;
            write_styled(&out, color)?;
        }
        DoctorFormat::Json => {
            let mut text = serde_json::to_vec(&diagnosis)?;
            text.push(b'\n');
            write_plain(&text)?;
        }
    }
    Ok(if diagnosis.is_broken() {
        ExitCode::from(EXIT_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Everything that is told; the JSON form has these names.
#[derive(Debug, Serialize)]
struct Diagnosis {
    version: &'static str,
    executable: Option<String>,
    configuration: Configuration,
    checks: Vec<Check>,
    hooks: Vec<Hook>,
    sandbox: Isolation,
    tools: Vec<Tool>,
    tools_note: &'static str,
}

#[derive(Debug, Serialize)]
struct Configuration {
    path: Option<String>,
    error: Option<String>,
}

/// A check that needs no outside tool.
#[derive(Debug, Serialize)]
struct Check {
    language: &'static str,
    engines: Vec<String>,
}

/// A settings file of a harness.
#[derive(Debug, Serialize)]
struct Hook {
    harness: &'static str,
    settings: String,
    installed: bool,
    error: Option<String>,
}

impl Diagnosis {
    fn of(directory: &Path) -> Self {
        let executable = std::env::current_exe().ok();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            executable: executable.map(|path| path.to_string_lossy().into_owned()),
            configuration: Configuration::of(directory),
            checks: checks(),
            hooks: settings_files(directory)
                .map(|(place, path)| Hook::of(place, &path))
                .collect(),
            sandbox: Isolation::probe(),
            tools: look_for_tools(std::env::var_os("PATH")),
            tools_note: TOOLS_NOTE,
        }
    }

    fn is_broken(&self) -> bool {
        self.configuration.error.is_some() || self.hooks.iter().any(|hook| hook.error.is_some())
    }

    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let executable = self.executable.as_deref().unwrap_or("unknown place");
        let version = self.version;
        writeln!(
            out,
            "{BOLD}claude-flow {version}{BOLD:#} ({})",
            visible(executable)
        )?;

        writeln!(out, "\n{BOLD}Configuration{BOLD:#}")?;
        match (&self.configuration.error, &self.configuration.path) {
            (Some(error), _) => {
                writeln!(out, "  {RED}not usable{RED:#}: {}", visible(error))?;
            }
            (None, Some(path)) => writeln!(out, "  {GREEN}valid{GREEN:#}: {}", visible(path))?,
            (None, None) => writeln!(
                out,
                "  none found, so the defaults hold; `claude-flow init` writes one"
            )?,
        }

        writeln!(out, "\n{BOLD}Checks that need no outside tool{BOLD:#}")?;
        for check in &self.checks {
            writeln!(out, "  {:<19} {}", check.language, check.engines.join(", "))?;
        }

        writeln!(out, "\n{BOLD}Hooks of agent harnesses{BOLD:#}")?;
        for hook in &self.hooks {
            write_hook(hook, out)?;
        }
        if !self.hooks.iter().any(|hook| hook.installed) {
            writeln!(out, "  `claude-flow init --harness NAME` installs one")?;
        }

        self.sandbox.write(out)?;

        writeln!(out, "\n{BOLD}Outside tools{BOLD:#}: {TOOLS_NOTE}")?;
        self.tools.iter().try_for_each(|tool| write_tool(tool, out))
    }
}

fn write_hook(hook: &Hook, out: &mut dyn Write) -> std::io::Result<()> {
    let path = visible(&hook.settings);
    match (&hook.error, hook.installed) {
        (Some(error), _) => writeln!(out, "  {RED}not usable{RED:#}: {path}: {}", visible(error)),
        (None, true) => writeln!(out, "  {GREEN}installed{GREEN:#}: {path}"),
        (None, false) => writeln!(out, "  {DIM}not installed: {path}{DIM:#}"),
    }
}

fn write_tool(tool: &Tool, out: &mut dyn Write) -> std::io::Result<()> {
    let (name, adds) = (tool.name, tool.adds);
    match &tool.path {
        Some(path) => writeln!(out, "  {GREEN}{name:<19}{GREEN:#} {}", visible(path)),
        None => writeln!(out, "  {DIM}{name:<19} missing; would add: {adds}{DIM:#}"),
    }
}

impl Configuration {
    fn of(directory: &Path) -> Self {
        match Config::find(directory) {
            Ok((_, path)) => Self {
                path: path.map(|path| path.to_string_lossy().into_owned()),
                error: None,
            },
            Err(error) => Self {
                path: None,
                error: Some(error.to_string()),
            },
        }
    }
}

fn checks() -> Vec<Check> {
    let check = |language: Language| Check {
        language: language.name(),
        engines: vec![
            format!("text {TEXT_VERSION}"),
            format!("syntax {}", engine(language)),
        ],
    };
    LANGUAGES.into_iter().map(check).collect()
}

/// Where harnesses look for hooks: the project's settings, and those of Claude Code that are private or
/// the person's.
fn settings_files(directory: &Path) -> impl Iterator<Item = (&'static Placement, PathBuf)> {
    let claude = Placement::of(Harness::ClaudeCode);
    let home = std::env::home_dir();
    let more = [
        Some(directory.join(".claude/settings.local.json")),
        home.map(|home| home.join(claude.path)),
    ];
    Harness::value_variants()
        .iter()
        .map(|harness| Placement::of(*harness))
        .map(|place| (place, directory.join(place.path)))
        .chain(more.into_iter().flatten().map(move |path| (claude, path)))
}

impl Hook {
    fn of(place: &Placement, path: &Path) -> Self {
        let text = read_text(path);
        let installed = text.and_then(|text| match text {
            None => Ok(false),
            Some(text) => place.is_installed(&text).map_err(|error| error.to_string()),
        });
        Self {
            harness: place.harness,
            settings: path.to_string_lossy().into_owned(),
            installed: installed == Ok(true),
            error: installed.err(),
        }
    }
}

/// The text of a file; `None` if there is none.
fn read_text(path: &Path) -> Result<Option<String>, String> {
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if !metadata.is_file() => return Err("it is no regular file".to_owned()),
        Ok(_) => {}
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(SETTINGS_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    Ok(Some(text))
}
