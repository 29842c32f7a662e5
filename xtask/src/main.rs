//! The workspace's own automation: `cargo xtask <command>`.
//!
//! One table of commands, one file for each; `cargo xtask help` prints the table.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "automation reads clocks, files and the environment"
)]

mod bench;
mod certify;
mod corpus;
mod detect;
mod languages;
mod mutants;
mod projects;
mod test;
mod tidy;
mod tool;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

/// One entry of the table.
struct Entry {
    name: &'static str,
    /// One line for the table.
    about: &'static str,
    /// What `cargo xtask NAME --help` prints.
    help: &'static str,
    run: fn(lexopt::Parser) -> Result<Ended>,
}

/// How a command ended that could do its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Everything was as it should be.
    Well,
    /// It found something, and has printed what.
    WithFindings,
}

const COMMANDS: &[Entry] = &[
    Entry {
        name: "test",
        about: "everything that must hold before a change lands",
        help: test::HELP,
        run: test::run,
    },
    Entry {
        name: "tidy",
        about: "the conventions that a machine can check",
        help: tidy::HELP,
        run: tidy::run,
    },
    Entry {
        name: "bench",
        about: "measure, and print one table",
        help: bench::HELP,
        run: bench::run,
    },
    Entry {
        name: "certify",
        about: "claim, command, evidence, verdict",
        help: certify::HELP,
        run: certify::run,
    },
    Entry {
        name: "corpus",
        about: "the checks over real code from package registries",
        help: corpus::HELP,
        run: corpus::run,
    },
    Entry {
        name: "mutants",
        about: "good fixtures with one token broken: are they flagged?",
        help: mutants::HELP,
        run: mutants::run,
    },
    Entry {
        name: "languages",
        about: "the language detection's tables from its data",
        help: languages::HELP,
        run: languages::run,
    },
    Entry {
        name: "detect-corpus",
        about: "how often the language detection is right, on files of packages",
        help: detect::corpus::HELP,
        run: detect::corpus::run,
    },
    Entry {
        name: "train-classifier",
        about: "the language detection's classifier from files of packages",
        help: detect::train::HELP,
        run: detect::train::run,
    },
    Entry {
        name: "projects",
        about: "the rules about projects: tables from data, fixtures",
        help: projects::HELP,
        run: projects::run,
    },
    Entry {
        name: "tools",
        about: "outside tools at pinned versions, and what they print as fixtures",
        help: tools::HELP,
        run: tools::run,
    },
];

fn main() -> ExitCode {
    let mut arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let name = if arguments.is_empty() {
        String::new()
    } else {
        arguments.remove(0).to_string_lossy().into_owned()
    };
    let Some(entry) = COMMANDS.iter().find(|entry| entry.name == name) else {
        return without_command(&name);
    };
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        println!("{}\n\n{}", entry.about, entry.help.trim_end());
        return ExitCode::SUCCESS;
    }
    match (entry.run)(lexopt::Parser::from_args(arguments)) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::WithFindings) => ExitCode::from(1),
        Err(error) => {
            eprintln!("failed to {}: {error:#}", entry.name);
            ExitCode::from(2)
        }
    }
}

/// Prints the table: asked for, it is the answer; otherwise it says what there is instead.
fn without_command(name: &str) -> ExitCode {
    let is_asked_for = ["help", "--help", "-h"].contains(&name);
    if !is_asked_for && !name.is_empty() {
        eprintln!("there is no command {name:?}");
    }
    println!("cargo xtask COMMAND [--help]\n");
    for entry in COMMANDS {
        println!("  {:<16} {}", entry.name, entry.about);
    }
    ExitCode::from(if is_asked_for { 0 } else { 2 })
}
