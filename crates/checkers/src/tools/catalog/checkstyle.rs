//! Checkstyle. A file that it cannot parse makes it throw.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;

use crate::Severity;
use crate::tools::format::{Format, FormatReader};
use crate::tools::output::{Stream, Why};
use crate::tools::place::Unit;
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("checkstyle"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Java]),
    program: Program {
        name: Cow::Borrowed("checkstyle"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data("checkstyle.xml").with_argument("-c={config}"),
            ConfigFile::data(".checkstyle.xml").with_argument("-c={config}"),
            ConfigFile::data("config/checkstyle/checkstyle.xml").with_argument("-c={config}"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["-f=xml", "{config}", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], CODES),
    signs: &[
        Sign::new("cannot initialize module", Why::BadConfiguration),
        Sign::new("Unable to parse configuration", Why::BadConfiguration),
        Sign::new("Files to process must be specified", Why::Unable),
        Sign::new("unexpected token", Why::Unparsable),
        Sign::new(
            "IllegalStateException occurred while parsing",
            Why::Unparsable,
        ),
        Sign::new("CheckstyleException", Why::Crashed),
    ],
    reader: Reader::Format(FormatReader {
        format: Format::Checkstyle,
        severity: Severity::Warning,
        unit: Unit::Tabbed,
    }),
    install: Cow::Borrowed("apt-get install checkstyle"),
    warm: None,
};

/// The exit code is the number of errors, as far as it fits.
const CODES: &[i32] = &{
    let mut codes = [0; 254];
    let (mut index, mut code) = (0, 0);
    while index < codes.len() {
        codes[index] = code;
        index += 1;
        code += 1;
    }
    codes
};
