//! `[tools.<name>]` of `claude-flow.toml`: a project's own tools.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use globset::{GlobBuilder, GlobSet};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::format::{Format, FormatReader, Pattern};
use super::limits::{SETTINGS_MAX, WORDS_MAX};
use super::output::Stream;
use super::place::Unit;
use super::tool::{
    Ask, Check, Config, Directory, Exits, Files, Home, Program, Reader, Scope, Tool, Words,
};
use crate::Severity;

/// The longest name of a tool, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The table `[tools]`: the project's own tools by their names.
///
/// Every error is about the value that is wrong, so that a reader that knows places can tell the line.
///
/// | key | type | default | meaning |
/// |---|---|---|---|
/// | `command` | list of strings | needed | the executable and its arguments, with `{path}`, `{directory}`, `{root}` and `{scratch}` |
/// | `files` | list of globs | needed | the files that it is for, relative to the configuration file |
/// | `check` | `"format"`, `"lint"`, `"types"`, `"security"` | `"lint"` | what it checks |
/// | `format` | `"sarif"`, `"lsp"`, `"checkstyle"`, `"github"`, `"gnu"`, `"regex"`, `"diff"`, `"formatted"` | needed | how its report is read |
/// | `pattern` | string | none | the regular expression of the format `"regex"` |
/// | `report` | `"stdout"`, `"stderr"` | `"stdout"` | where the report is |
/// | `stdin` | boolean | `false` | whether it reads the text on its standard input |
/// | `scope` | `"file"`, `"directory"`, `"project"` | `"file"` | how much one run looks at |
/// | `columns` | `"characters"`, `"bytes"`, `"utf16"` | `"characters"` | what a column counts |
/// | `severity` | `"error"`, `"warning"`, `"info"` | `"warning"` | where the report tells none |
/// | `exit_clean` | list of integers | `[0]` | exit codes that may go with no finding |
/// | `exit_findings` | list of integers | `[0, 1]` | exit codes that may go with findings |
///
/// # Examples
///
/// ```
/// use claude_flow_checkers::tools::Settings;
///
/// #[derive(serde::Deserialize)]
/// struct File {
///     tools: Settings,
/// }
///
/// let text = "[tools.mine]\ncommand = [\"./lint\", \"{path}\"]\nfiles = [\"**/*.py\"]\nformat = \"gnu\"\n";
/// let file: File = toml::from_str(text).expect("all keys are right");
/// let tools: Vec<_> = file.tools.tools().collect();
/// assert_eq!(tools[0].name, "mine");
///
/// let wrong = text.replace("gnu", "xml");
/// let error = toml::from_str::<File>(&wrong).err().expect("there is no such format");
/// assert_eq!(error.span().map(|span| &wrong[span]), Some("\"xml\""));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Settings {
    tools: Vec<Tool>,
}

impl Settings {
    /// The tools, in the order of their names.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SettingsVisitor;

        impl<'de> Visitor<'de> for SettingsVisitor {
            type Value = Settings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {SETTINGS_MAX} tables [tools.<name>]")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
                let mut tools = BTreeMap::new();
                while let Some(ToolName(name)) = map.next_key()? {
                    if tools.len() == SETTINGS_MAX {
                        return Err(A::Error::invalid_length(SETTINGS_MAX + 1, &self));
                    }
                    let entry: Checked = map.next_value()?;
                    tools.insert(name.clone(), entry.0.tool(name));
                }
                Ok(Settings {
                    tools: tools.into_values().collect(),
                })
            }
        }

        deserializer.deserialize_map(SettingsVisitor)
    }
}

/// The name of a project's own tool: letters, digits, `-` and `_`, and none of the catalog's.
struct ToolName(String);

impl<'de> Deserialize<'de> for ToolName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
            return Err(D::Error::custom(format_args!(
                "invalid tool name {name:?}, expected letters, digits, `-` and `_`, at most {NAME_BYTES_MAX}"
            )));
        }
        if super::tool(&name).is_some() {
            return Err(D::Error::custom(format_args!(
                "{name:?} is the name of a tool that is known already, expected another name"
            )));
        }
        Ok(Self(name))
    }
}

#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    command: Command,
    files: Globs,
    #[serde(default = "Entry::check")]
    check: Check,
    format: FormatName,
    pattern: Option<Pattern>,
    #[serde(default = "Entry::report")]
    report: Stream,
    #[serde(default)]
    stdin: bool,
    #[serde(default)]
    scope: ScopeName,
    #[serde(default)]
    columns: Columns,
    #[serde(default)]
    severity: SeverityName,
    #[serde(default = "Entry::exit_clean")]
    exit_clean: Vec<i32>,
    #[serde(default = "Entry::exit_findings")]
    exit_findings: Vec<i32>,
}

impl Entry {
    const fn check() -> Check {
        Check::Lint
    }

    const fn report() -> Stream {
        Stream::Stdout
    }

    fn exit_clean() -> Vec<i32> {
        vec![0]
    }

    fn exit_findings() -> Vec<i32> {
        vec![0, 1]
    }

    fn tool(self, name: String) -> Tool {
        let format = match (self.format, self.pattern) {
            (FormatName::Sarif, _) => Format::Sarif,
            (FormatName::Lsp, _) => Format::Lsp,
            (FormatName::Checkstyle, _) => Format::Checkstyle,
            (FormatName::Github, _) => Format::Github,
            (FormatName::Diff, _) => Format::Diff,
            (FormatName::Formatted, _) => Format::Formatted,
            (FormatName::Regex, Some(pattern)) => Format::Regex(pattern),
            (FormatName::Gnu | FormatName::Regex, _) => Format::Gnu,
        };
        let Command { program, arguments } = self.command;
        let is_path = program.contains('/');
        Tool {
            name: Cow::Owned(name),
            check: self.check,
            files: Files::Globs(self.files.0),
            program: Program {
                name: Cow::Owned(program.strip_prefix("./").unwrap_or(&program).to_owned()),
                homes: if is_path {
                    &[Home::Root]
                } else {
                    &[Home::NodeModules, Home::VirtualEnvironment, Home::Path]
                },
                native: &[],
            },
            version: Words::Fixed(&[]),
            config: Config {
                files: &[],
                is_needed: false,
            },
            runs_code: Some("the command that claude-flow.toml names"),
            ask: Ask {
                arguments: Words::Owned(arguments),
                is_stdin: self.stdin,
                scope: self.scope.0,
                directory: Directory::Root,
                environment: &[],
            },
            report: self.report,
            exits: Exits {
                clean: Cow::Owned(self.exit_clean),
                findings: Cow::Owned(self.exit_findings),
            },
            signs: &[],
            reader: Reader::Format(FormatReader {
                format,
                severity: self.severity.0,
                unit: self.columns.0,
            }),
            install: Cow::Borrowed(""),
            warm: None,
        }
    }
}

/// An entry whose keys fit together.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "Entry")]
struct Checked(Entry);

impl TryFrom<Entry> for Checked {
    type Error = &'static str;

    fn try_from(entry: Entry) -> Result<Self, Self::Error> {
        match (entry.format, &entry.pattern) {
            (FormatName::Regex, None) => Err("the format \"regex\" needs a `pattern`"),
            (FormatName::Regex, Some(pattern))
                if !pattern.has_path() && entry.scope.0 != Scope::File =>
            {
                Err("a pattern without the group path needs the scope \"file\"")
            }
            (FormatName::Regex, Some(_)) | (_, None) => Ok(Self(entry)),
            (_, Some(_)) => Err("a `pattern` needs the format \"regex\""),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    Sarif,
    Lsp,
    Checkstyle,
    Github,
    Gnu,
    Regex,
    Diff,
    Formatted,
}

/// A value by its name in the settings.
macro_rules! by_name {
    ($type:ident($value:ty) = $default:expr, $($name:literal => $meaning:expr),+ $(,)?) => {
        #[derive(Debug, Clone, Copy)]
        struct $type($value);

        impl Default for $type {
            fn default() -> Self {
                Self($default)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                match name.as_str() {
                    $($name => Ok(Self($meaning)),)+
                    other => Err(D::Error::unknown_variant(other, &[$($name),+])),
                }
            }
        }
    };
}

by_name!(ScopeName(Scope) = Scope::File,
    "file" => Scope::File, "directory" => Scope::Directory, "project" => Scope::Project);
by_name!(Columns(Unit) = Unit::Scalar,
    "characters" => Unit::Scalar, "bytes" => Unit::Byte, "utf16" => Unit::Utf16);
by_name!(SeverityName(Severity) = Severity::Warning,
    "error" => Severity::Error, "warning" => Severity::Warning, "info" => Severity::Info);

/// An executable and its arguments.
#[derive(Debug, Clone)]
struct Command {
    program: String,
    arguments: Vec<String>,
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut words = deserializer.deserialize_seq(List("the executable and its arguments"))?;
        if words.is_empty() || words[0].is_empty() {
            return Err(D::Error::custom(
                "invalid value: no executable, expected a list such as [\"./lint\", \"{path}\"]",
            ));
        }
        let program = words.remove(0);
        Ok(Self {
            program,
            arguments: words,
        })
    }
}

/// Globs, at least one.
#[derive(Debug, Clone)]
struct Globs(GlobSet);

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let globs = deserializer.deserialize_seq(List("globs such as \"**/*.py\""))?;
        if globs.is_empty() {
            return Err(D::Error::custom(
                "invalid value: no glob, expected a list such as [\"**/*.py\"]",
            ));
        }
        let mut set = GlobSet::builder();
        for glob in &globs {
            let glob = GlobBuilder::new(glob).literal_separator(true).build();
            set.add(glob.map_err(D::Error::custom)?);
        }
        set.build().map(Self).map_err(D::Error::custom)
    }
}

/// A bounded list of strings.
struct List(&'static str);

impl<'de> Visitor<'de> for List {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {WORDS_MAX} strings: {}", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = sequence.next_element()? {
            if words.len() == WORDS_MAX {
                return Err(A::Error::invalid_length(WORDS_MAX + 1, &self));
            }
            words.push(word);
        }
        Ok(words)
    }
}
