//! The digest of a project's files.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use ignore::WalkBuilder;

/// Digests the names and contents of all files below a root that git would not ignore; links by where
/// they lead. The folder `skipped` is left out.
pub(super) fn digest(root: &Path, skipped: &Path) -> anyhow::Result<String> {
    let skipped = skipped.to_owned();
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false)
        .require_git(false)
        .git_global(false)
        .ignore(false)
        .parents(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(move |entry| entry.file_name() != ".git" && entry.path() != skipped);
    let mut tree = blake3::Hasher::new();
    for entry in walk.build() {
        let entry = entry.context("listing the project")?;
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        let content = if entry.path_is_symlink() {
            let target = path
                .read_link()
                .with_context(|| format!("reading {name}"))?;
            blake3::hash(target.to_string_lossy().as_bytes())
        } else if entry.file_type().is_some_and(|it| it.is_file()) {
            let file = File::open(path).with_context(|| format!("opening {name}"))?;
            let mut hasher = blake3::Hasher::new();
            let read = hasher.update_reader(file);
            read.with_context(|| format!("reading {name}"))?.finalize()
        } else {
            continue;
        };
        tree.update(&(name.len() as u64).to_le_bytes());
        tree.update(name.as_bytes());
        tree.update(content.as_bytes());
    }
    Ok(tree.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::digest;

    /// Evidence that outlives a change of the tree would certify what is not there any more.
    #[test]
    fn every_change_that_git_would_see_changes_the_digest() {
        let root = tempfile::tempdir().expect("a directory");
        let out = root.path().join("out");
        let write = |name: &str, text: &str| {
            fs::create_dir_all(root.path().join("out")).expect("a directory");
            fs::write(root.path().join(name), text).expect("a file");
        };
        let now = || digest(root.path(), &out).expect("it can be read");
        write("a", "1");
        write(".gitignore", "*.log\n");
        let first = now();
        assert_eq!(first, now());
        write("out/certificate.json", "x");
        write("noise.log", "x");
        assert_eq!(first, now(), "output and ignored files are no part of it");
        for (name, text) in [("a", "2"), (".hidden", "x"), ("b", "")] {
            let before = now();
            write(name, text);
            assert_ne!(before, now(), "{name}");
        }
    }
}
