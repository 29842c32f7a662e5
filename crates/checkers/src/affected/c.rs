//! C and C++: what is included, and for a header the sources that may hold what it declares.

use std::collections::BTreeMap;

use super::index::{Index, last};
use super::kind::Kind;
use super::{File, Links};

/// The endings of what is only included.
const HEADERS: &[&str] = &["h", "hh", "hpp", "hxx", "inl", "ipp", "tpp"];

pub(super) fn links(at: usize, index: &Index<'_>, links: &mut Links) {
    let (path, text) = (index.path(at), index.text(at).unwrap_or_default());
    index.add_strings(at, text, links);
    for name in includes(text) {
        links
            .to
            .extend(index.ending(name.trim_start_matches(['.', '/'])));
    }
    if is_header(path) {
        // Whoever includes a header may hold what it declares.
        let including = index.including.get(last(path));
        links.to.extend(including.into_iter().flatten());
    }
}

/// The sources that hold no tests and include a file, by its name.
pub(super) fn including(files: &[File<'_>]) -> BTreeMap<String, Vec<usize>> {
    let mut including = BTreeMap::<String, Vec<usize>>::new();
    for (at, file) in files.iter().enumerate() {
        let kind = Kind::of(file.path);
        let text = file.text.unwrap_or_default();
        if kind != Kind::C || is_header(file.path) || kind.holds_tests(file.path, text) {
            continue;
        }
        for name in includes(text) {
            including.entry(last(name).to_owned()).or_default().push(at);
        }
    }
    including
}

fn is_header(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    HEADERS.contains(&extension)
}

fn includes(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start();
        let rest = rest
            .strip_prefix("include")
            .or_else(|| rest.strip_prefix("import"))?;
        let rest = rest.trim_start_matches("_next").trim_start();
        let name = rest.strip_prefix(['"', '<'])?;
        name.split(['"', '>']).next()
    })
}
