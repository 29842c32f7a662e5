//! `data/languages.tsv` and the tables made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};

use super::identifiers::variant;

/// One line of the data.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) variant: String,
    kind: String,
    group: String,
    /// Without the dot, as they are written.
    extensions: Vec<String>,
    file_names: Vec<String>,
    interpreters: Vec<String>,
    aliases: Vec<String>,
}

/// Reads the data, in the order of the file.
pub(super) fn read(text: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut variants = BTreeSet::new();
    let lines = text.lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.starts_with('#')).skip(1) {
        let row = row(line).with_context(|| format!("languages.tsv, line {}", index + 1))?;
        ensure!(
            variants.insert(row.variant.clone()),
            "two languages are spelled {}",
            row.variant
        );
        rows.push(row);
    }
    ensure!(!rows.is_empty(), "languages.tsv holds no language");
    Ok(rows)
}

fn row(line: &str) -> Result<Row> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [
        name,
        kind,
        group,
        extensions,
        file_names,
        interpreters,
        aliases,
    ] = fields[..]
    else {
        bail!("{} fields where 7 are expected", fields.len());
    };
    // Two names of files are patterns; their plain forms are in the list as well.
    let names = file_names.split('|').filter(|it| !it.is_empty());
    let names = names
        .filter(|it| it.strip_suffix(".regex").is_none())
        .map(String::from);
    Ok(Row {
        name: name.to_owned(),
        variant: variant(name),
        kind: variant(kind),
        group: group.to_owned(),
        extensions: words(extensions)
            .iter()
            .map(|it| it.trim_start_matches('.').to_owned())
            .collect(),
        file_names: names.collect(),
        interpreters: words(interpreters),
        aliases: words(aliases),
    })
}

fn words(field: &str) -> Vec<String> {
    let words = field.split(' ').filter(|it| !it.is_empty());
    words.map(String::from).collect()
}

/// The Rust source of the tables.
pub(super) fn rust(rows: &[Row]) -> String {
    let mut out = String::from(
        "//! The languages and their facts, written by `cargo xtask languages` from `data/languages.tsv`.\n\n\
         use super::{Facts, Kind};\n\n\
         /// A language, named as github-linguist names it; JSX counts as JavaScript.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\n\
         #[non_exhaustive]\n#[repr(u16)]\npub enum Language {\n",
    );
    for row in rows {
        let _ = writeln!(out, "/// `{}`\n{},", row.name, row.variant);
    }
    let count = rows.len();
    let _ = writeln!(
        out,
        "}}\n\nuse Language as L;\n\n/// Every language, in the order of the data.\npub(super) static ALL: [Language; {count}] = ["
    );
    for row in rows {
        let _ = writeln!(out, "L::{},", row.variant);
    }
    let _ = writeln!(
        out,
        "];\n\n/// What is known of each language, in the order of [`ALL`].\npub(super) static FACTS: [Facts; {count}] = ["
    );
    for row in rows {
        let group = rows.iter().find(|other| other.name == row.group);
        let group = group.map_or("None".to_owned(), |it| format!("Some(L::{})", it.variant));
        let _ = writeln!(
            out,
            "Facts {{ name: {:?}, kind: Kind::{}, group: {group}, extensions: &{:?}, file_names: &{:?}, interpreters: &{:?}, aliases: &{:?} }},",
            row.name, row.kind, row.extensions, row.file_names, row.interpreters, row.aliases
        );
    }
    out.push_str("];\n\n");
    let lower = |texts: &[String]| texts.iter().map(|it| it.to_ascii_lowercase()).collect();
    table(
        &mut out,
        rows,
        "EXTENSIONS",
        "Extensions, in lower case without the first dot",
        |row| lower(&row.extensions),
    );
    table(
        &mut out,
        rows,
        "FILE_NAMES",
        "Whole names of files",
        |row| row.file_names.clone(),
    );
    table(&mut out, rows, "INTERPRETERS", "Interpreters", |row| {
        row.interpreters.clone()
    });
    table(
        &mut out,
        rows,
        "NAMES",
        "Names and aliases, in lower case with hyphens for blanks",
        |row| {
            let mut names: Vec<String> = lower(&row.aliases);
            names.insert(0, row.name.to_ascii_lowercase().replace(' ', "-"));
            names
        },
    );
    out
}

/// One sorted table from texts to languages.
fn table(
    out: &mut String,
    rows: &[Row],
    name: &str,
    about: &str,
    keys: impl Fn(&Row) -> Vec<String>,
) {
    let mut table: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows {
        for key in keys(row) {
            // The alias `java server page` is three words here: a language's own name comes first.
            let is_own_name = row.name.to_ascii_lowercase().replace(' ', "-") == key;
            let entry = table.entry(key).or_default();
            let place = if is_own_name { 0 } else { entry.len() };
            if !entry.contains(&row.variant.as_str()) {
                entry.insert(place, &row.variant);
            }
        }
    }
    let _ = writeln!(
        out,
        "/// {about}, sorted, with their languages.\npub(super) static {name}: [(&str, &[Language]); {}] = [",
        table.len()
    );
    for (key, variants) in table {
        let variants: Vec<String> = variants.iter().map(|it| format!("L::{it}")).collect();
        let _ = writeln!(out, "({key:?}, &[{}]),", variants.join(", "));
    }
    out.push_str("];\n\n");
}
