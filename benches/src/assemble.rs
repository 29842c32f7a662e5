//! Long sources made of short ones, so that they stay valid and look like code that people write.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use claude_flow_lang_detect::{Language, detect};

/// The languages' folders below `fixtures/checkers/good`.
pub const FOLDERS: [&str; 12] = [
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

/// A source to measure with.
#[derive(Debug, Clone)]
pub struct Sample {
    /// A name that the language's files have.
    pub path: String,
    /// The language that the name and the text are taken for.
    pub language: Language,
    /// At least as many lines as were asked for.
    pub text: String,
}

/// By folder: the sample's name and the fixtures that it is made of.
const PARTS: [(&str, &str, &[&str]); 12] = [
    (
        "c",
        "sample.c",
        &[
            "generic_vector.c",
            "intrusive_list.c",
            "session_machine.c",
            "utf8_writer.c",
        ],
    ),
    (
        "cpp",
        "sample.cpp",
        &[
            "parser_combinators.cpp",
            "plugin_registry.cpp",
            "lock_free_queue.cpp",
        ],
    ),
    (
        "go",
        "sample.go",
        &["worker_pool.go", "generic_cache.go", "server_config.go"],
    ),
    (
        "java",
        "Sample.java",
        &["csv_reader.java", "event_bus.java", "http_status.java"],
    ),
    (
        "javascript",
        "sample.js",
        &[
            "stream_pipeline.js",
            "grid_search.js",
            "regex_and_division.js",
        ],
    ),
    (
        "json",
        "sample.json",
        &[
            "geo_features.json",
            "package.json",
            "user_schema.json",
            "translations.json",
        ],
    ),
    (
        "python",
        "sample.py",
        &[
            "async_pipeline.py",
            "decorated_service.py",
            "exception_groups.py",
        ],
    ),
    (
        "rust",
        "sample.rs",
        &[
            "async_fetcher.rs",
            "retry_policy.rs",
            "ring_buffer.rs",
            "log_tokenizer.rs",
        ],
    ),
    ("toml", "sample.toml", &["cargo_manifest.toml"]),
    (
        "tsx",
        "sample.tsx",
        &["data_table.tsx", "virtual_list.tsx", "session_context.tsx"],
    ),
    (
        "typescript",
        "sample.ts",
        &["event_bus.ts", "overloads_scanner.ts"],
    ),
    (
        "yaml",
        "sample.yaml",
        &["ci_workflow.yml", "openapi_petstore.yaml", "compose.yaml"],
    ),
];

/// Makes a valid source of at least `lines` lines in the language of a folder of [`FOLDERS`].
///
/// # Errors
///
/// A fixture that it is made of cannot be read.
pub fn sample(folder: &str, lines: usize) -> Result<Sample> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/checkers/good")
        .join(folder);
    let (_, path, names) = PARTS
        .into_iter()
        .find(|(name, ..)| *name == folder)
        .with_context(|| format!("there is no folder {folder}"))?;
    let mut texts = Vec::new();
    for name in names {
        let text = fs::read_to_string(dir.join(name))
            .with_context(|| format!("reading the fixture {folder}/{name}"))?;
        texts.push(text.replace("\r\n", "\n"));
    }
    let text = assembled(folder, &texts, lines);
    let language = detect(path, text.as_bytes())
        .with_context(|| format!("telling the language of {path}"))?
        .language;
    Ok(Sample {
        path: path.to_owned(),
        language,
        text,
    })
}

fn assembled(folder: &str, texts: &[String], lines: usize) -> String {
    let mut all = match folder {
        "go" => header(&texts[0], "import").to_owned(),
        "json" => "[\n".to_owned(),
        _ => String::new(),
    };
    let mut count = all.lines().count();
    for (index, text) in texts.iter().cycle().enumerate() {
        if count >= lines && index > 0 {
            break;
        }
        let copy = copy(folder, text, index);
        count += copy.lines().count();
        all.push_str(&copy);
    }
    if folder == "json" {
        all.push_str("]\n");
    }
    all
}

/// One part, changed so that it can stand after the others.
fn copy(folder: &str, text: &str, index: usize) -> String {
    match folder {
        "go" => text[header(text, "import").len()..].to_owned(),
        "java" if index > 0 => text[header(text, "import").len()..].to_owned(),
        "javascript" | "typescript" | "tsx" => function(text, index),
        "json" if index == 0 => text.to_owned(),
        "json" => format!(",\n{text}"),
        "rust" => format!("mod part_{index} {{\n{text}\n}}\n"),
        "toml" => tables(text, index),
        "yaml" => format!("---\n{text}"),
        _ => text.to_owned(),
    }
}

/// The text up to and with its last import.
fn header<'a>(text: &'a str, word: &str) -> &'a str {
    let (mut end, mut at, mut is_open) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        at += line.len();
        is_open |= line.starts_with(&format!("{word} ("));
        if is_open || line.starts_with(word) || line.starts_with("package ") {
            end = at;
        }
        is_open &= !line.starts_with(')');
    }
    &text[..end]
}

/// The declarations of a module as a function's body, where they hide nothing from the other parts.
fn function(text: &str, index: usize) -> String {
    let is_kept = |line: &&str| {
        let is_list = line.starts_with("export {") || line.starts_with("export type {");
        !(line.starts_with("import ") || is_list)
    };
    let body = text.lines().filter(is_kept).map(|line| {
        line.strip_prefix("export default ")
            .or_else(|| line.strip_prefix("export "))
            .unwrap_or(line)
    });
    let body = body.collect::<Vec<_>>().join("\n");
    let body = body.trim_start_matches("'use strict';");
    format!("async function part{index}() {{\n{body}\n}}\n\n")
}

/// A manifest below a table of its own.
fn tables(text: &str, index: usize) -> String {
    let mut all = format!("[part-{index}]\n");
    for line in text.lines() {
        let below = if let Some(name) = line.strip_prefix("[[") {
            format!("[[part-{index}.{name}")
        } else if let Some(name) = line.strip_prefix('[') {
            format!("[part-{index}.{name}")
        } else {
            line.to_owned()
        };
        all.push_str(&below);
        all.push('\n');
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{FOLDERS, sample};

    /// A sample that is too short would make every figure look better.
    #[test]
    fn samples_have_the_length_that_was_asked_for() {
        for folder in FOLDERS {
            let sample = sample(folder, 1_000).expect("the fixtures are there");
            let lines = sample.text.lines().count();
            assert!((1_000..1_200).contains(&lines), "{folder}: {lines}");
        }
    }
}
