//! The rules in `data/heuristics`, one file for a family of extensions, and the tables made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::tables::Row;

/// As in `heuristics.rs` of the crate.
const RULES_MAX: usize = 128;

/// As in `heuristics.rs` of the crate.
const LANGUAGES_MAX: usize = 16;

/// One file of rules.
#[derive(Debug, Default)]
pub(super) struct Family {
    name: String,
    extensions: Vec<String>,
    comments: Vec<String>,
    /// Preprocessor conditions whose regions count for nothing.
    guards: Vec<String>,
    /// The variant that is taken if no rule matches.
    default: Option<String>,
    /// Whether the default is what nearly every file with the extensions is.
    is_usual: bool,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    variant: String,
    weight: u8,
    pattern: Pattern,
}

#[derive(Debug)]
struct Pattern {
    is_anywhere: bool,
    ignores_case: bool,
    atoms: Vec<Atom>,
}

#[derive(Debug)]
enum Atom {
    Text(String),
    /// One blank or more.
    Blanks,
    /// Any number of blanks.
    MaybeBlanks,
    /// A word.
    Word,
    /// A word that begins with a capital.
    Capital,
    Digits,
    /// Anything.
    Any,
    /// The end of the line.
    End,
}

/// Reads every file of the folder, in the order of their names.
pub(super) fn read(dir: &Path, languages: &[Row]) -> Result<Vec<Family>> {
    let mut paths = fs::read_dir(dir)
        .with_context(|| format!("listing {}", dir.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    let mut families = Vec::new();
    let mut owners = BTreeMap::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let family = family(&name, &text, languages)
            .with_context(|| format!("understanding {}", path.display()))?;
        for extension in &family.extensions {
            let before = owners.insert(extension.clone(), family.name.clone());
            if let Some(before) = before {
                bail!(".{extension} is in {before} and in {}", family.name);
            }
        }
        families.push(family);
    }
    Ok(families)
}

fn family(name: &str, text: &str, languages: &[Row]) -> Result<Family> {
    let mut family = Family {
        name: name.to_owned(),
        ..Family::default()
    };
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("# ") || line.trim().is_empty() {
            continue;
        }
        read_line(&mut family, line, languages).with_context(|| format!("line {}", index + 1))?;
    }
    ensure!(!family.extensions.is_empty(), "no extensions are named");
    let languages: BTreeSet<&str> = family.rules.iter().map(|it| it.variant.as_str()).collect();
    ensure!(
        family.rules.len() <= RULES_MAX && languages.len() <= LANGUAGES_MAX,
        "{} rules for {} languages are more than the crate counts",
        family.rules.len(),
        languages.len()
    );
    Ok(family)
}

fn read_line(family: &mut Family, line: &str, languages: &[Row]) -> Result<()> {
    let variant = |name: &str| {
        let row = languages.iter().find(|row| row.name == name);
        row.map(|row| row.variant.clone())
            .with_context(|| format!("there is no language {name:?}"))
    };
    let words = |rest: &str| rest.split_whitespace().map(String::from).collect();
    if let Some(rest) = line.strip_prefix("extensions ") {
        family.extensions = words(rest);
    } else if let Some(rest) = line.strip_prefix("comments ") {
        family.comments = words(rest);
    } else if let Some(rest) = line.strip_prefix("guards ") {
        family.guards = words(rest);
    } else if let Some(rest) = line.strip_prefix("default ") {
        family.default = Some(variant(rest)?);
    } else if let Some(rest) = line.strip_prefix("usual ") {
        family.default = Some(variant(rest)?);
        family.is_usual = true;
    } else {
        let mut fields = line.splitn(3, " | ");
        let (Some(name), Some(weight), Some(text)) = (fields.next(), fields.next(), fields.next())
        else {
            bail!("a rule is `Language | weight | pattern`");
        };
        let weight = weight.parse().context("reading the weight")?;
        ensure!((1..=9).contains(&weight), "a weight is from 1 to 9");
        family.rules.push(Rule {
            variant: variant(name)?,
            weight,
            pattern: pattern(text)?,
        });
    }
    Ok(())
}

fn pattern(text: &str) -> Result<Pattern> {
    let (text, ignores_case) = match text.strip_prefix("{i}") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (text, is_anywhere) = match text.strip_prefix("{any}") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let mut atoms = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let atom = if first == ' ' {
            rest = rest.trim_start_matches(' ');
            Atom::Blanks
        } else if let Some((name, after)) = rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            .filter(|(name, _)| ["s", "w", "cap", "d", "*", "$"].contains(name))
        {
            rest = after;
            match name {
                "s" => Atom::MaybeBlanks,
                "w" => Atom::Word,
                "cap" => Atom::Capital,
                "d" => Atom::Digits,
                "*" => Atom::Any,
                _ => Atom::End,
            }
        } else {
            literal.push(if ignores_case {
                first.to_ascii_lowercase()
            } else {
                first
            });
            rest = &rest[first.len_utf8()..];
            continue;
        };
        if !literal.is_empty() {
            atoms.push(Atom::Text(std::mem::take(&mut literal)));
        }
        atoms.push(atom);
    }
    if !literal.is_empty() {
        atoms.push(Atom::Text(literal));
    }
    ensure!(!atoms.is_empty(), "the pattern is empty");
    ensure!(
        !is_anywhere || matches!(atoms.first(), Some(Atom::Text(_))),
        "a pattern for anywhere in a line begins with a text"
    );
    Ok(Pattern {
        is_anywhere,
        ignores_case,
        atoms,
    })
}

/// The Rust source of the tables.
pub(super) fn rust(families: &[Family]) -> String {
    let mut out = String::from(
        "//! The rules for extensions that languages share, written by `cargo xtask languages` from `data/heuristics`.\n\n\
         use super::{Atom, Family, Rule};\nuse crate::Language as L;\n\n",
    );
    let mut extensions = BTreeMap::new();
    for (index, family) in families.iter().enumerate() {
        for extension in &family.extensions {
            extensions.insert(extension.as_str(), index);
        }
    }
    let _ = writeln!(
        out,
        "/// Extensions, sorted, with the index of their family.\npub(super) static EXTENSIONS: [(&str, u8); {}] = [",
        extensions.len()
    );
    for (extension, index) in extensions {
        let _ = writeln!(out, "({extension:?}, {index}),");
    }
    let _ = writeln!(
        out,
        "];\n\n/// The families, in the order of their files' names.\npub(super) static FAMILIES: [Family; {}] = [",
        families.len()
    );
    for family in families {
        write_family(&mut out, family);
    }
    out.push_str("];\n");
    out
}

fn write_family(out: &mut String, family: &Family) {
    let default = family
        .default
        .as_ref()
        .map_or("None".to_owned(), |it| format!("Some(L::{it})"));
    let _ = writeln!(
        out,
        "// {}\nFamily {{ comments: &{:?}, guards: &{:?}, default: {default}, is_usual: {}, rules: &[",
        family.name, family.comments, family.guards, family.is_usual
    );
    for rule in &family.rules {
        let atoms: Vec<String> = rule.pattern.atoms.iter().map(atom).collect();
        let _ = writeln!(
            out,
            "Rule {{ language: L::{}, weight: {}, is_anywhere: {}, ignores_case: {}, atoms: &[{}] }},",
            rule.variant,
            rule.weight,
            rule.pattern.is_anywhere,
            rule.pattern.ignores_case,
            atoms.join(", ")
        );
    }
    out.push_str("] },\n");
}

fn atom(atom: &Atom) -> String {
    match atom {
        Atom::Text(text) => format!("Atom::Text({text:?})"),
        Atom::Blanks => "Atom::Blanks".to_owned(),
        Atom::MaybeBlanks => "Atom::MaybeBlanks".to_owned(),
        Atom::Word => "Atom::Word".to_owned(),
        Atom::Capital => "Atom::Capital".to_owned(),
        Atom::Digits => "Atom::Digits".to_owned(),
        Atom::Any => "Atom::Any".to_owned(),
        Atom::End => "Atom::End".to_owned(),
    }
}
