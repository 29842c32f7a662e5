//! Which tests concern a change, and what says so.
//!
//! # Guarantees
//!
//! - Pure: paths and texts in, tests with evidence out.
//! - Never fewer: what may reach a changed file counts as reaching it. A file that imports what it computes at run
//!   time counts as importing everything; data that no text names counts as read by every test.
//! - Total: any texts give an answer, and none is parsed: words and quotes are looked for, comments included.
//! - Bounded: at most [`EDGES_MAX`] edges are kept; a denser graph chooses every test.
//!
//! # What it does not do
//!
//! It sees no name that is put together at run time, but for the ways that the readers of the languages list:
//! `importlib`, `require` of an expression, class path scanning.
//! It follows no alias that replaces more than the first part of a JavaScript path, and no Python package whose
//! folder has another name.
//! Whoever has to be sure runs all tests; the answer says so where it matters.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::affected::{Evidence, File, Graph};
//!
//! let graph = Graph::new(&[
//!     File::new("sums.py", "def add(a, b): return a + b\n"),
//!     File::new("test_other.py", "def test_other(): pass\n"),
//!     File::new("test_sums.py", "from sums import add\ndef test_adds(): assert add(1, 2) == 3\n"),
//! ]);
//! let affected = graph.affected(&["sums.py"]);
//! assert_eq!(affected.tests.len(), 1);
//! assert_eq!(affected.tests[0].path, "test_sums.py");
//! let chain = vec!["test_sums.py".to_owned(), "sums.py".to_owned()];
//! assert_eq!(affected.tests[0].evidence, Evidence::Imports { chain });
//! ```
//!
//! # Design
//!
//! To leave out a test that would have failed is the one mistake that counts, so every reader errs on the side of
//! an edge too many, which is also what makes it cheap: no parser, one pass over the text.
//! Languages whose units are larger than files (packages of Go, Java and Rust) have nodes for the units.

mod c;
mod go;
mod index;
mod java;
mod kind;
mod python;
mod rust;
mod scan;
mod script;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use claude_flow_lang_detect::test_files;

use self::index::Index;
use self::kind::Kind;

/// How many edges a graph may have; with more it chooses every test.
pub const EDGES_MAX: usize = 4_000_000;

/// The longest chain of imports that is told, in files.
const CHAIN_MAX: usize = 12;

/// A file of the workspace.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its path below the root, with `/`.
    pub path: &'a str,
    /// Its text; none if it is no text, was not read or is no longer there.
    pub text: Option<&'a str>,
    /// Whether it is no longer there.
    pub is_gone: bool,
}

impl<'a> File<'a> {
    /// A file with its text.
    #[must_use]
    pub const fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            text: Some(text),
            is_gone: false,
        }
    }

    /// A file whose text is not known.
    #[must_use]
    pub const fn unread(path: &'a str) -> Self {
        Self {
            path,
            text: None,
            is_gone: false,
        }
    }

    /// A file that was there.
    #[must_use]
    pub const fn gone(path: &'a str) -> Self {
        Self {
            is_gone: true,
            ..Self::unread(path)
        }
    }
}

/// Whether the text of a file says anything about which tests concern a change.
#[must_use]
pub fn wants_text(path: &str) -> bool {
    Kind::of(path).is_read()
}

/// Who may reach whom.
#[derive(Debug)]
pub struct Graph {
    /// In the order of the paths; behind the files come the units, named `package x`.
    nodes: Vec<Node>,
    files: usize,
    /// Whether the edges were too many.
    is_cut: bool,
}

#[derive(Debug)]
struct Node {
    name: String,
    kind: Kind,
    is_test: bool,
    /// Whom it may reach directly, in order.
    to: Vec<usize>,
    /// Why it may reach everything.
    opaque: Option<&'static str>,
}

/// The tests that concern a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// The tests, those first whose evidence is nearest.
    pub tests: Vec<Chosen>,
    /// What the choice rests on that could be wrong; running all tests is how to be sure.
    pub doubts: Vec<String>,
}

/// A test that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The file that holds it.
    pub path: String,
    /// What says that it is concerned.
    pub evidence: Evidence,
}

/// What says that a test is concerned by a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// It was changed itself.
    Itself,
    /// It imports what was changed.
    Imports {
        /// From the test to what was changed; units in between are named `package x`.
        chain: Vec<String>,
    },
    /// What was changed is configuration of the tests below its folder, or is used by it.
    Configuration {
        /// The configuration.
        file: String,
    },
    /// It reaches a file that may reach everything.
    Computed {
        /// That file.
        file: String,
        /// Why.
        why: &'static str,
    },
    /// Nothing names what was changed, so that anything may read it.
    Unnamed {
        /// What was changed.
        file: String,
    },
    /// Its name fits that of what was changed; there is nothing better for the language.
    Name {
        /// What was changed.
        file: String,
    },
    /// There are too many imports to follow.
    Everything,
}

impl Evidence {
    /// The name in documents.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::Imports { .. } => "imports",
            Self::Configuration { .. } => "configuration",
            Self::Computed { .. } => "computed",
            Self::Unnamed { .. } => "unnamed",
            Self::Name { .. } => "name",
            Self::Everything => "everything",
        }
    }
}

/// What a test may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// These files, in order.
    Files(Vec<String>),
    /// Anything.
    Everything,
}

impl Graph {
    /// The graph of a workspace. A file that was deleted is given too, without a text, so that what names it shows.
    ///
    /// # Complexity
    ///
    /// Linear in the texts, but for a search of the paths for each word in quotes.
    #[must_use]
    pub fn new(files: &[File<'_>]) -> Self {
        let mut files: Vec<File<'_>> = files.to_vec();
        files.sort_by_key(|file| (file.path, file.text.is_none()));
        files.dedup_by_key(|file| file.path);
        let index = Index::new(&files);
        let mut graph = Self {
            nodes: files.iter().map(Node::of).collect(),
            files: files.len(),
            is_cut: false,
        };
        let mut units = Units::default();
        let mut edges = 0;
        for at in 0..files.len() {
            let mut links = Links::default();
            match graph.nodes[at].kind {
                Kind::Script | Kind::ScriptConfig => script::links(at, &index, &mut links),
                Kind::Python | Kind::Conftest => python::links(at, &index, &mut links),
                Kind::Rust => rust::links(at, &index, &mut links),
                Kind::Go => go::links(at, &index, &mut links),
                Kind::Java => java::links(at, &index, &mut links),
                Kind::C => c::links(at, &index, &mut links),
                Kind::Config => kind::config_links(at, &index, &mut links),
                Kind::Data | Kind::Document | Kind::Other => {}
            }
            if graph.nodes[at].kind.is_source() && files[at].text.is_none() && !files[at].is_gone {
                links.opaque = Some("its text was not read");
            }
            links.to.remove(&at);
            let mut to: Vec<usize> = links.to.into_iter().collect();
            to.extend(links.units.iter().map(|unit| files.len() + units.at(unit)));
            edges += to.len();
            graph.nodes[at].to = to;
            graph.nodes[at].opaque = links.opaque;
        }
        for (unit, members) in index.units() {
            let at = units.at(&unit);
            units.members[at] = members.into_iter().collect();
            let needs: Vec<usize> = index
                .needs(&unit)
                .iter()
                .map(|it| files.len() + units.at(it))
                .collect();
            units.members[at].extend(needs);
            edges += units.members[at].len();
        }
        graph.nodes.extend(units.into_nodes());
        graph.is_cut = edges > EDGES_MAX;
        if graph.is_cut {
            graph.nodes.iter_mut().for_each(|node| node.to.clear());
        }
        graph
    }

    /// The files that hold tests, in order.
    pub fn tests(&self) -> impl Iterator<Item = &str> {
        let files = self.nodes[..self.files].iter();
        files
            .filter(|node| node.is_test)
            .map(|node| node.name.as_str())
    }

    /// The tests that concern changes of some files.
    ///
    /// # Complexity
    ///
    /// Linear in the graph.
    #[must_use]
    pub fn affected(&self, changed: &[&str]) -> Affected {
        let mut choice = Choice::new(self);
        if self.is_cut {
            choice.everything(&Evidence::Everything);
        }
        let sources = changed.iter().filter_map(|path| self.find(path));
        let sources: BTreeSet<usize> = sources.collect();
        for path in changed.iter().filter(|path| self.find(path).is_none()) {
            choice
                .doubts
                .push(format!("{path} is not among the files that were looked at"));
        }
        choice.follow(&sources, |chain| Evidence::Imports { chain });
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(why) = node.opaque {
                let file = node.name.clone();
                choice.follow(&BTreeSet::from([at]), |_| Evidence::Computed {
                    file: file.clone(),
                    why,
                });
            }
        }
        for at in &sources {
            choice.follow_up(*at);
        }
        choice.finish()
    }

    /// What a test may look at: what it reaches, and what configures it.
    ///
    /// Data that a text does not name is not among it, and has to be taken for seen as well.
    #[must_use]
    pub fn seen(&self, tests: &[&str]) -> Seen {
        let starts = tests.iter().filter_map(|path| self.find(path));
        let mut queue: VecDeque<usize> = starts.collect();
        if self.is_cut || queue.len() < tests.len() {
            return Seen::Everything;
        }
        for (at, node) in self.nodes.iter().enumerate() {
            if node.kind.is_config() {
                queue.push_back(at);
            }
        }
        let mut seen = BTreeSet::new();
        while let Some(at) = queue.pop_front() {
            if !seen.insert(at) {
                continue;
            }
            if self.nodes[at].opaque.is_some() {
                return Seen::Everything;
            }
            queue.extend(self.nodes[at].to.iter().copied());
        }
        let files = seen.into_iter().filter(|at| *at < self.files);
        Seen::Files(files.map(|at| self.nodes[at].name.clone()).collect())
    }

    /// Whether what a file holds decides on tests only where a text names it: data, documents and others.
    #[must_use]
    pub fn is_source(&self, path: &str) -> bool {
        self.find(path)
            .is_some_and(|at| self.nodes[at].kind.is_source())
    }

    fn find(&self, path: &str) -> Option<usize> {
        let files = &self.nodes[..self.files];
        files
            .binary_search_by(|node| node.name.as_str().cmp(path))
            .ok()
    }
}

impl Node {
    fn of(file: &File<'_>) -> Self {
        let kind = Kind::of(file.path);
        Self {
            name: file.path.to_owned(),
            kind,
            is_test: file
                .text
                .is_some_and(|text| kind.holds_tests(file.path, text)),
            to: Vec::new(),
            opaque: None,
        }
    }
}

/// What was read of one file.
#[derive(Debug, Default)]
struct Links {
    to: BTreeSet<usize>,
    units: BTreeSet<String>,
    opaque: Option<&'static str>,
}

/// The nodes of units, by name.
#[derive(Debug, Default)]
struct Units {
    by_name: BTreeMap<String, usize>,
    members: Vec<Vec<usize>>,
}

impl Units {
    fn at(&mut self, name: &str) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        self.by_name.insert(name.to_owned(), self.members.len());
        self.members.push(Vec::new());
        self.members.len() - 1
    }

    fn into_nodes(self) -> Vec<Node> {
        let mut names: Vec<(usize, String)> = self
            .by_name
            .into_iter()
            .map(|(name, at)| (at, name))
            .collect();
        names.sort_unstable();
        let nodes = names.into_iter().zip(self.members);
        nodes
            .map(|((_, name), to)| Node {
                name,
                kind: Kind::Other,
                is_test: false,
                to,
                opaque: None,
            })
            .collect()
    }
}

/// A choice in the making.
struct Choice<'a> {
    graph: &'a Graph,
    /// Who reaches each node directly.
    from: Vec<Vec<usize>>,
    chosen: BTreeMap<usize, Evidence>,
    doubts: Vec<String>,
}

impl<'a> Choice<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut from = vec![Vec::new(); graph.nodes.len()];
        for (at, node) in graph.nodes.iter().enumerate() {
            for to in &node.to {
                from[*to].push(at);
            }
        }
        Self {
            graph,
            from,
            chosen: BTreeMap::new(),
            doubts: Vec::new(),
        }
    }

    fn add(&mut self, at: usize, evidence: Evidence) {
        self.chosen.entry(at).or_insert(evidence);
    }

    fn everything(&mut self, evidence: &Evidence) {
        self.below("", evidence);
    }

    /// Chooses the tests in a folder and those below it; every test if there is none.
    fn below(&mut self, folder: &str, evidence: &Evidence) {
        let files = self.graph.nodes[..self.graph.files].iter().enumerate();
        let tests = files.filter(|(_, node)| node.is_test);
        let (inside, outside): (Vec<_>, Vec<_>) = tests.partition(|(_, node)| {
            let rest = node.name.strip_prefix(folder);
            folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
        });
        let chosen = if inside.is_empty() { outside } else { inside };
        for (at, _) in chosen {
            self.add(at, evidence.clone());
        }
    }

    /// Chooses the tests that reach one of some nodes, nearest first.
    fn follow(&mut self, sources: &BTreeSet<usize>, evidence: impl Fn(Vec<String>) -> Evidence) {
        let graph = self.graph;
        let mut next: BTreeMap<usize, Option<usize>> =
            sources.iter().map(|at| (*at, None)).collect();
        let mut queue: VecDeque<usize> = sources.iter().copied().collect();
        while let Some(at) = queue.pop_front() {
            let node = &graph.nodes[at];
            if node.kind.is_config() {
                let file = node.name.clone();
                let folder = file
                    .rsplit_once('/')
                    .map_or("", |(folder, _)| folder)
                    .to_owned();
                self.below(&folder, &Evidence::Configuration { file });
            } else if node.is_test {
                let chain = self.chain(at, &next);
                let is_itself = next[&at].is_none();
                let evidence = match evidence(chain) {
                    Evidence::Imports { .. } if is_itself => Evidence::Itself,
                    other => other,
                };
                self.add(at, evidence);
            }
            for from in &self.from[at] {
                if !next.contains_key(from) {
                    next.insert(*from, Some(at));
                    queue.push_back(*from);
                }
            }
        }
    }

    fn chain(&self, from: usize, next: &BTreeMap<usize, Option<usize>>) -> Vec<String> {
        let mut chain = Vec::new();
        let mut at = Some(from);
        while let Some(here) = at.filter(|_| chain.len() < CHAIN_MAX) {
            chain.push(self.graph.nodes[here].name.clone());
            at = next[&here];
        }
        chain
    }

    /// What is still to be said of a changed file after its importers were followed.
    fn follow_up(&mut self, at: usize) {
        let node = &self.graph.nodes[at];
        let file = node.name.clone();
        match node.kind {
            // Who links a file cannot be told from its text.
            Kind::C if !self.is_reached_by_a_test(at) => {
                self.everything(&Evidence::Unnamed { file });
            }
            Kind::Data if self.from[at].is_empty() => self.everything(&Evidence::Unnamed { file }),
            Kind::Document if self.from[at].is_empty() => {
                self.doubts.push(format!(
                    "no text names {file}, which is a document: no test was chosen for it"
                ));
            }
            Kind::Other => self.by_name(&file),
            _ => {}
        }
    }

    fn is_reached_by_a_test(&self, at: usize) -> bool {
        let mut known = BTreeSet::from([at]);
        let mut queue = vec![at];
        while let Some(at) = queue.pop() {
            if self.graph.nodes[at].is_test {
                return true;
            }
            queue.extend(self.from[at].iter().filter(|from| known.insert(**from)));
        }
        false
    }

    fn by_name(&mut self, file: &str) {
        let files = self.graph.nodes[..self.graph.files].iter();
        let paths: Vec<&str> = files.map(|node| node.name.as_str()).collect();
        for test in test_files::tests_of(file, &paths) {
            if let Some(at) = self.graph.find(test) {
                let file = file.to_owned();
                self.add(at, Evidence::Name { file });
            }
        }
        self.doubts.push(format!(
            "{file}: only names were compared, imports of its language are not read"
        ));
    }

    fn finish(self) -> Affected {
        let nodes = &self.graph.nodes;
        let mut tests: Vec<Chosen> = self
            .chosen
            .into_iter()
            .map(|(at, evidence)| Chosen {
                path: nodes[at].name.clone(),
                evidence,
            })
            .collect();
        tests.sort_by_key(|chosen| match &chosen.evidence {
            Evidence::Itself => 0,
            Evidence::Imports { chain } => chain.len(),
            _ => usize::MAX,
        });
        Affected {
            tests,
            doubts: self.doubts,
        }
    }
}
