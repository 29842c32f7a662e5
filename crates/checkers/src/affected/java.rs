//! Java and Kotlin: packages, and every dotted name that begins with one.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Index, extension, folder};
use super::{File, Links, scan};

/// What finds classes that are not named.
const COMPUTED: &[&str] = &[
    "@SpringBootTest",
    "ApplicationContext",
    "Class.forName",
    "ClassPathScanning",
    "ComponentScan",
    "ServiceLoader",
    "@Autowired",
    "@Inject",
    "@QuarkusTest",
    "@MicronautTest",
];

/// The packages of the workspace.
#[derive(Debug)]
pub(super) struct Packages<'a> {
    /// The files of each.
    members: BTreeMap<&'a str, BTreeSet<usize>>,
    /// The package that the files of a folder declare.
    of_folders: BTreeMap<&'a str, &'a str>,
}

impl<'a> Packages<'a> {
    pub(super) fn new(files: &'a [File<'a>]) -> Self {
        let sources = || {
            files
                .iter()
                .enumerate()
                .filter(|(_, file)| is_java(file.path))
        };
        let declared =
            sources().filter_map(|(_, file)| Some((folder(file.path), declared(file.text?)?)));
        let mut packages = Self {
            members: BTreeMap::new(),
            of_folders: declared.collect(),
        };
        for (at, file) in sources() {
            let package = packages.of(file.path, file.text);
            packages.members.entry(package).or_default().insert(at);
        }
        packages
    }

    /// The package of a file; of one that declares none, or that is gone, what its folder says.
    fn of<'f>(&self, path: &'f str, text: Option<&'f str>) -> &'f str
    where
        'a: 'f,
    {
        let of_folder = || self.of_folders.get(folder(path)).copied();
        text.and_then(declared)
            .or_else(of_folder)
            .unwrap_or(folder(path))
    }

    pub(super) fn units(&self, _: &[File<'_>]) -> Vec<(String, BTreeSet<usize>)> {
        let units = self.members.iter();
        units
            .map(|(name, members)| (named(name), members.clone()))
            .collect()
    }
}

fn is_java(path: &str) -> bool {
    ["java", "kt"].contains(&extension(path))
}

/// The package that a text declares.
fn declared(text: &str) -> Option<&str> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("package "));
    let rest = lines.next()?;
    Some(rest.split([';', '/']).next().unwrap_or(rest).trim())
}

fn named(package: &str) -> String {
    format!("package {package}")
}

pub(super) fn links(at: usize, index: &Index<'_>, links: &mut Links) {
    let own = index.packages.of(index.path(at), index.text(at));
    links.units.insert(named(own));
    let text = index.text(at).unwrap_or_default();
    let members = &index.packages.members;
    index.add_strings(at, text, links);
    for name in scan::dotted(text) {
        let mut head = name.trim_end_matches('.');
        loop {
            if members.contains_key(head) {
                links.units.insert(named(head));
            }
            match head.rsplit_once('.') {
                Some((rest, _)) => head = rest,
                None => break,
            }
        }
    }
    if COMPUTED.iter().any(|it| text.contains(it)) {
        links
            .opaque
            .get_or_insert("it finds classes that it does not name");
    }
}
