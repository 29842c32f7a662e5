//! Cut or double one bracket, quote or keyword of a good file: the result is flagged.
//!
//! Which mutants are valid programs all the same is asked of each language's reference parser by
//! `cargo xtask mutants --classify` and kept in `fixtures/checkers/equivalent.toml`.

mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::{env, fs};

use claude_flow_checkers::{Severity, Source};

use crate::{Fixture, findings, toml_fixture};
use tokens::{Kind, Token};

/// Positions a file, a kind of token and a way to break it.
const POSITIONS: usize = 6;

/// Names the folder that all mutants are written to, for those who classify them.
const EXPORT: &str = "CLAUDE_FLOW_MUTANTS_DIR";

/// Per cent of the mutants that are not equivalent.
const FLAGGED_PERCENT_MIN: f64 = 99.0;

/// How a token is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Cut,
    Double,
}

impl Way {
    const ALL: [Self; 2] = [Self::Cut, Self::Double];

    const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Double => "double",
        }
    }
}

/// A good file with one token broken.
struct Mutant {
    /// `<way> <kind> <byte offset>`, by which `equivalent.toml` calls it.
    name: String,
    kind: Kind,
    token: String,
    offset: usize,
    bytes: Vec<u8>,
}

/// `SplitMix64`: seeded, the same on every machine.
struct Random(u64);

impl Random {
    /// A sequence of its own for each seed and file.
    fn new(seed: u64, path: &str) -> Self {
        // FNV-1a spreads the path over the state.
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(path.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mix))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let wide = u128::from(z ^ (z >> 31)) * bound as u128;
        usize::try_from(wide >> 64).expect("the product's upper half is below the bound")
    }
}

/// The mutants of a file, for each kind and way from positions of their own.
fn mutants(fixture: &Fixture, seed: u64) -> Vec<Mutant> {
    let tokens = tokens::of(fixture);
    let mut random = Random::new(seed, &fixture.path);
    let mut mutants = Vec::new();
    for kind in Kind::ALL {
        for way in Way::ALL {
            let mut left: Vec<&Token> = tokens.iter().filter(|token| token.kind == kind).collect();
            for _ in 0..POSITIONS.min(left.len()) {
                let token = left.swap_remove(random.below(left.len()));
                mutants.push(broken(fixture, token, way));
            }
        }
    }
    mutants
}

fn broken(fixture: &Fixture, token: &Token, way: Way) -> Mutant {
    let span = token.span.clone();
    let text = &fixture.bytes[span.clone()];
    let mut bytes = fixture.bytes.clone();
    match way {
        Way::Cut => drop(bytes.drain(span.clone())),
        Way::Double => {
            let gap: &[u8] = if token.kind == Kind::Keyword {
                b" "
            } else {
                b""
            };
            bytes.splice(span.end..span.end, [gap, text].concat());
        }
    }
    Mutant {
        name: format!("{} {} {}", way.name(), token.kind.name(), span.start),
        kind: token.kind,
        token: String::from_utf8_lossy(text).into_owned(),
        offset: span.start,
        bytes,
    }
}

/// What the reference parser said about a file's mutants.
struct Judged {
    size_bytes: usize,
    /// False if no reference can read even the file itself.
    is_read: bool,
    equivalent: BTreeSet<String>,
}

/// The seed, and what is known about each file.
fn judged() -> (u64, BTreeMap<String, Judged>) {
    let document = toml_fixture("checkers/equivalent.toml");
    let seed = document["seed"].as_integer().expect("the seed is a number");
    let files = document
        .get("file")
        .and_then(toml_edit::Item::as_array_of_tables);
    let files = files.into_iter().flatten().map(|table| {
        let text = |key: &str| {
            table
                .get(key)
                .and_then(toml_edit::Item::as_str)
                .unwrap_or_default()
        };
        let size = table
            .get("size_bytes")
            .and_then(toml_edit::Item::as_integer);
        let names = table.get("equivalent").and_then(toml_edit::Item::as_array);
        let judged = Judged {
            size_bytes: size
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or_default(),
            is_read: !text("reference").is_empty(),
            equivalent: names
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(ToOwned::to_owned))
                .collect(),
        };
        (text("path").to_owned(), judged)
    });
    (seed.unsigned_abs(), files.collect())
}

#[derive(Default)]
struct Counts {
    mutants: usize,
    equivalent: usize,
    flagged: usize,
    missed: Vec<String>,
    /// Files whose keywords are left alone, since no reference reads them.
    unread: Vec<String>,
}

impl Counts {
    fn percent(&self) -> f64 {
        let asked = u32::try_from(self.mutants - self.equivalent).unwrap_or(u32::MAX);
        let flagged = u32::try_from(self.flagged).unwrap_or(u32::MAX);
        100.0 * f64::from(flagged) / f64::from(asked.max(1))
    }
}

fn count(fixture: &Fixture, judged: &Judged, seed: u64, counts: &mut Counts) {
    if !judged.is_read {
        counts.unread.push(fixture.path.clone());
    }
    for mutant in mutants(fixture, seed) {
        if !judged.is_read && mutant.kind == Kind::Keyword {
            continue;
        }
        counts.mutants += 1;
        if judged.equivalent.contains(&mutant.name) {
            counts.equivalent += 1;
            continue;
        }
        let source = Source {
            bytes: &mutant.bytes,
            ..fixture.source()
        };
        let result = findings(&source);
        let is_error = |found: &[_]| {
            let mut found = found.iter();
            found.any(|it: &claude_flow_checkers::Finding| it.severity == Severity::Error)
        };
        match result {
            Ok(found) if is_error(&found) => counts.flagged += 1,
            other => {
                let why = other.err().unwrap_or_default();
                let line = crate::line_of(&fixture.bytes, mutant.offset);
                let (path, name, token) = (&fixture.path, &mutant.name, &mutant.token);
                counts
                    .missed
                    .push(format!("{path}:{line}: {name} `{token}` {why}"));
            }
        }
    }
}

/// Catches a check that lets broken text pass as clean.
#[test]
fn mutants_are_flagged() {
    let (seed, judged) = judged();
    let mut languages = BTreeMap::<&str, Counts>::new();
    let mut stale = Vec::new();
    for fixture in Fixture::good() {
        match judged.get(&fixture.path) {
            Some(known) if known.size_bytes == fixture.bytes.len() => {
                let folder = fixture.path.split('/').nth(2).unwrap_or_default();
                let language = LANGUAGES.iter().find(|name| **name == folder);
                let counts = languages.entry(language.unwrap_or(&"other")).or_default();
                count(&fixture, known, seed, counts);
            }
            _ => stale.push(fixture.path),
        }
    }
    assert!(
        stale.is_empty(),
        "new or changed since the references were asked; run `cargo xtask mutants --classify`: {stale:#?}"
    );
    let mut table =
        format!("seed {seed}\nlanguage    mutants equivalent flagged missed  flagged\n");
    for (language, counts) in &languages {
        let (mutants, equivalent, flagged) = (counts.mutants, counts.equivalent, counts.flagged);
        let missed = counts.missed.len();
        let percent = counts.percent();
        writeln!(
            table,
            "{language:<11} {mutants:>7} {equivalent:>10} {flagged:>7} {missed:>6} {percent:>7.2}%"
        )
        .expect("a string takes any text");
    }
    for counts in languages.values() {
        for path in &counts.unread {
            writeln!(
                table,
                "brackets and quotes only, no reference reads it: {path}"
            )
            .expect("a string takes any text");
        }
        for missed in &counts.missed {
            writeln!(table, "missed: {missed}").expect("a string takes any text");
        }
    }
    println!("{table}");
    let worst = languages
        .values()
        .map(Counts::percent)
        .fold(100.0, f64::min);
    assert!(
        worst >= FLAGGED_PERCENT_MIN,
        "below {FLAGGED_PERCENT_MIN} %:\n{table}"
    );
}

/// The folders of `checkers/good`, as the table names them.
const LANGUAGES: &[&str] = &[
    "c",
    "cpp",
    "go",
    "java",
    "javascript",
    "json",
    "python",
    "rust",
    "toml",
    "tsx",
    "typescript",
    "yaml",
];

/// Catches a generator that gives other mutants to those who classify than to the test;
/// asked to by the environment, it also writes them all.
#[test]
fn mutants_are_the_same_every_time() {
    let (seed, _) = judged();
    let mut index = String::new();
    let target = env::var_os(EXPORT).map(std::path::PathBuf::from);
    for fixture in Fixture::good() {
        let first = mutants(&fixture, seed);
        let second = mutants(&fixture, seed);
        assert!(
            first
                .iter()
                .map(|it| (&it.name, &it.bytes))
                .eq(second.iter().map(|it| (&it.name, &it.bytes))),
            "{}",
            fixture.path
        );
        assert!(
            first.iter().all(|it| it.bytes != fixture.bytes),
            "{}",
            fixture.path
        );
        let original = ("original", &fixture.bytes);
        let all = first.iter().map(|it| (it.name.as_str(), &it.bytes));
        for (name, bytes) in std::iter::once(original).chain(all) {
            let Some(target) = &target else { continue };
            // A folder each, since a file's name may decide its dialect.
            let number = index.lines().count();
            let file_name = fixture.path.rsplit('/').next().unwrap_or_default();
            let dir = target.join(number.to_string());
            fs::create_dir_all(&dir).expect("the folder for mutants takes folders");
            fs::write(dir.join(file_name), bytes).expect("the folder for mutants takes files");
            let (path, language) = (&fixture.path, fixture.language);
            writeln!(
                index,
                "{number}/{file_name}\t{path}\t{language}\t{}\t{name}",
                fixture.bytes.len()
            )
            .expect("a string takes any text");
        }
    }
    if let Some(target) = target {
        fs::write(target.join("index.tsv"), index).expect("the folder for mutants takes files");
    }
}
