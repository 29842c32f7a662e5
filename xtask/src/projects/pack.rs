//! Makes a fixture of a real project: its listing, and the texts that the detection reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use claude_flow_lang_detect::project::{TEXT_BYTES_MAX, wants_text};

use crate::{Ended, workspace};

pub(super) fn run(name: &str, dir: &Path) -> Result<Ended> {
    let files = listing(dir)?;
    let mut text =
        String::from("The listing, one path a line; then the texts that the detection reads.\n\n");
    for path in &files {
        text.push_str(path);
        text.push('\n');
    }
    for path in files.iter().filter(|path| wants_text(path)) {
        let bytes = fs::read(dir.join(path)).with_context(|| format!("reading {path}"))?;
        if bytes.len() > TEXT_BYTES_MAX {
            continue;
        }
        let Ok(content) = String::from_utf8(bytes) else {
            continue;
        };
        if content
            .lines()
            .any(|line| line.starts_with("-- ") && line.ends_with(" --"))
        {
            bail!("{path} holds a line that looks like a border of txtar");
        }
        write!(text, "-- {path} --\n{content}")?;
        if !content.ends_with('\n') {
            text.push('\n');
        }
    }
    let to = workspace::root().join(format!("fixtures/lang-detect/projects/{name}.txtar"));
    fs::write(&to, &text).with_context(|| format!("writing {}", to.display()))?;
    println!("{name}: {} files, {} bytes", files.len(), text.len());
    Ok(Ended::Well)
}

/// The files of a fixture with their texts, which are empty for those that nobody reads.
pub(crate) fn unpacked(text: &str) -> Vec<(&str, &str)> {
    let border = text.find("\n-- ").map_or(text.len(), |at| at + 1);
    let (listing, mut rest) = text.split_at(border);
    let mut texts = BTreeMap::new();
    while let Some((path, body)) = rest
        .strip_prefix("-- ")
        .and_then(|rest| rest.split_once(" --\n"))
    {
        let end = body.find("\n-- ").map_or(body.len(), |at| at + 1);
        texts.insert(path, &body[..end]);
        rest = &body[end..];
    }
    let paths = listing.lines().skip(2);
    paths
        .map(|path| (path, texts.get(path).copied().unwrap_or_default()))
        .collect()
}

/// Every file below a folder, in order, links left aside. Of a published crate the manifest as it
/// was written stands for the one that cargo made of it.
fn listing(dir: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?
        {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let path = path.strip_prefix(dir)?.to_string_lossy().replace('\\', "/");
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
