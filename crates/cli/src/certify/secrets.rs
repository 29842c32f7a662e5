//! Secrets in a project's files, by the forms that their issuers gave them.
//!
//! Only forms that nothing else has: a rule that guesses would be switched off by whoever it bothers.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::Context;
use ignore::WalkBuilder;
use regex::bytes::{Regex, RegexSet};

/// The largest file that is looked at, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// The most findings that are told.
const FOUND_MAX: usize = 1_000;

/// What it is, and its form.
const RULES: &[(&str, &str)] = &[
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\\nr]+[A-Za-z0-9+/=]{16}",
    ),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    (
        "a GitHub token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})\b",
    ),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20}\b"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{20,}"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("a Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{24,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    ("an Anthropic key", r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}"),
    (
        "an OpenAI key",
        r"\bsk-(?:proj-)?[A-Za-z0-9_-]*T3BlbkFJ[A-Za-z0-9_-]{20,}",
    ),
    ("a crates.io token", r"\bcio[A-Za-z0-9]{32}\b"),
];

static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(RULES.iter().map(|(_, form)| form)).expect("the forms are regular expressions")
});

/// A secret in a file; the secret itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Relative to the root.
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    /// What it is.
    pub(crate) what: &'static str,
}

/// Looks at every file below a root that git would not ignore; also says how many it looked at and how
/// many were too large.
pub(crate) fn scan(root: &Path) -> anyhow::Result<(Vec<Found>, u64, u64)> {
    let mut found = Vec::new();
    let (mut files, mut large) = (0, 0);
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false)
        .require_git(false)
        .git_global(false)
        .ignore(false)
        .parents(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| entry.file_name() != ".git");
    for entry in walk.build() {
        let entry = entry.context("listing the project")?;
        if !entry.file_type().is_some_and(|it| it.is_file()) || found.len() >= FOUND_MAX {
            continue;
        }
        let path = entry.path();
        let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        let file = File::open(path).with_context(|| format!("opening {shown}"))?;
        let mut bytes = Vec::new();
        let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.with_context(|| format!("reading {shown}"))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            large += 1;
            continue;
        }
        files += 1;
        found.extend(secrets(&bytes).map(|(line, what)| Found {
            path: shown.clone().into_owned(),
            line,
            what,
        }));
    }
    found.truncate(FOUND_MAX);
    Ok((found, files, large))
}

/// Line and kind of each secret.
fn secrets(bytes: &[u8]) -> impl Iterator<Item = (usize, &'static str)> + '_ {
    let matching = SET.matches(bytes).into_iter();
    matching.flat_map(move |rule| {
        let (what, form) = RULES[rule];
        let form = Regex::new(form).expect("the set was made of it");
        let starts: Vec<usize> = form.find_iter(bytes).map(|it| it.start()).collect();
        starts.into_iter().map(move |start| {
            let before = bytes[..start].iter().filter(|byte| **byte == b'\n');
            (before.count() + 1, what)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{RULES, secrets};

    /// Every rule finds its own; the samples are put together here, so that the tree has none.
    #[test]
    fn every_form_is_found_on_its_line() {
        let long = |len: usize| "a1B2".repeat(len.div_ceil(4))[..len].to_owned();
        let samples = [
            ["-----BEGIN RSA PRIVATE", " KEY-----\nMIIEpAIBAAKCAQEA1234"].concat(),
            ["AKIA", "ABCDEFGHIJKLMNOP"].concat(),
            ["ghp", "_", &long(36)].concat(),
            ["glpat", "-", &long(20)].concat(),
            ["xoxb", "-", &long(24)].concat(),
            ["AIza", &long(35)].concat(),
            ["sk_live", "_", &long(24)].concat(),
            ["npm", "_", &long(36)].concat(),
            ["pypi-AgEIc", "HlwaS5vcmc", &long(60)].concat(),
            ["sk-ant", "-api03-", &long(90)].concat(),
            ["sk-proj-", "abc", "T3Blb", "kFJ", &long(20)].concat(),
            ["cio", &long(32)].concat(),
        ];
        assert_eq!(samples.len(), RULES.len(), "a sample for each rule");
        for (sample, (what, _)) in samples.iter().zip(RULES) {
            let text = format!("first\nkey = \"{sample}\"\n");
            let found: Vec<_> = secrets(text.as_bytes()).collect();
            assert_eq!(found, [(2, *what)], "{sample}");
        }
    }

    /// A rule that finds what is no secret would be switched off.
    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA1234",
            "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA1234",
            "the header `-----BEGIN PRIVATE KEY-----` begins a key",
            "AKIAIOSFODNN7EXAMPLES",
            "ghp_short",
            "task-anthropic-abc",
            "password = \"hunter2\"",
        ] {
            let found: Vec<_> = secrets(text.as_bytes()).collect();
            assert_eq!(found, [], "{text}");
        }
    }
}
