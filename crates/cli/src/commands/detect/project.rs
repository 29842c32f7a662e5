//! `claude-flow detect DIRECTORY`: the projects in a directory and what each uses.
//!
//! The directory is walked within bounds and without following links; only manifests and settings
//! are read, each up to a limit. What was left out is told.

mod read;
mod show;

use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use claude_flow::lang_detect::project::{Text, Tree, detect};

use self::read::Listing;
use crate::output::{write_plain, write_styled};

/// How the answer is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// One JSON document instead of text for people.
    pub(crate) is_json: bool,
    /// With the evidence of each finding; JSON always has it.
    pub(crate) is_explained: bool,
    /// Whether text has colours.
    pub(crate) color: ColorChoice,
}

/// Prints the projects in a directory.
///
/// If the directory lies in a repository, the whole repository is looked at, since what a member
/// of a workspace uses stands in the workspace's root; what is printed is in the directory.
///
/// # Errors
///
/// If the directory cannot be listed, or the answer not be written.
pub(crate) fn run(directory: &Path, options: Options) -> anyhow::Result<ExitCode> {
    let listing = Listing::read(directory)?;
    let entries = listing.files.iter().map(|(path, text)| {
        let text = match text {
            read::Content::Unwanted => Text::NotGiven,
            read::Content::TooLarge => Text::TooLarge,
            read::Content::Unreadable => Text::Unreadable,
            read::Content::Read(text) => Text::Given(text),
        };
        (path.as_str(), text)
    });
    let projects = detect(&Tree::new(entries));
    let answer = show::Answer::new(&listing, &projects);
    if options.is_json {
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        write_plain(&text)?;
    } else {
        let mut out = Vec::new();
        answer.write(options.is_explained, &mut out)?;
        write_styled(&out, options.color)?;
    }
    Ok(ExitCode::SUCCESS)
}
