//! Patterns by token: built once, then only read.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::topic::{ANY, REST, TOKENS_MAX};
use crate::{Pattern, Topic};

/// No node, and no token.
const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// Hashes texts with a seed of the router; whatever is found by a hash is compared as well.
#[derive(Debug, Clone)]
pub(super) struct TextHasher(FixedState);

impl TextHasher {
    /// With a seed that differs from router to router, so that nobody can choose topics that all
    /// fall into one place.
    pub(super) fn new() -> Self {
        // A model must do the same each time.
        let seed = if cfg!(loom) {
            1
        } else {
            std::hash::RandomState::new().hash_one(0)
        };
        Self(FixedState::with_seed(seed))
    }

    #[inline]
    pub(super) fn hash(&self, text: &str) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(text.as_bytes());
        hasher.finish()
    }

    #[inline]
    fn hash_edge(&self, from: u32, token: u32) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u64(u64::from(from) << 32 | u64::from(token));
        hasher.finish()
    }
}

/// The tokens of one topic with their hashes, good for every trie of one router.
pub(super) struct Tokens<'a> {
    texts: [(&'a str, u64); TOKENS_MAX],
    count: usize,
}

impl<'a> Tokens<'a> {
    #[inline]
    pub(super) fn new(topic: &'a Topic, hasher: &TextHasher) -> Self {
        let mut tokens = Self {
            texts: [("", 0); TOKENS_MAX],
            count: 0,
        };
        for (place, text) in tokens.texts.iter_mut().zip(topic.tokens()) {
            *place = (text, hasher.hash(text));
            tokens.count += 1;
        }
        tokens
    }
}

/// Patterns by token, with what each of them leads to.
///
/// Tokens are numbered, so that a step compares two numbers; the text of each token of a topic is
/// looked up, and compared, once. All steps of all nodes are in one table.
pub(super) struct Trie<T> {
    hasher: TextHasher,
    /// The texts of all tokens, one behind the other.
    text: String,
    tokens: HashTable<Token>,
    edges: HashTable<Edge>,
    /// At least the root.
    nodes: Vec<Node>,
    /// In the order of the nodes that they belong to.
    targets: Vec<T>,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    hash: u64,
    number: u32,
    /// In `Trie::text`.
    start: u32,
    len: u32,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    from: u32,
    token: u32,
    to: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    /// Where `*` leads, or [`NONE`].
    any: u32,
    has_edges: bool,
    /// The targets of patterns that end here.
    ends: Span,
    /// The targets of patterns that go on with `>`.
    rest: Span,
}

/// Some of `Trie::targets`.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

impl Node {
    const fn new() -> Self {
        let empty = Span { start: 0, len: 0 };
        Self {
            any: NONE,
            has_edges: false,
            ends: empty,
            rest: empty,
        }
    }
}

impl<T> Trie<T> {
    /// A trie of these patterns, and for each target its place in the order they came in.
    ///
    /// # Complexity
    ///
    /// Linear in the length of all patterns, but for sorting the targets by node.
    pub(super) fn new<'a>(
        hasher: &TextHasher,
        patterns: impl IntoIterator<Item = (&'a Pattern, T)>,
    ) -> (Self, Vec<u32>) {
        let mut trie = Self {
            hasher: hasher.clone(),
            text: String::new(),
            tokens: HashTable::new(),
            edges: HashTable::new(),
            nodes: vec![Node::new()],
            targets: Vec::new(),
        };
        let mut found: Vec<(u32, bool, T)> = Vec::new();
        for (pattern, target) in patterns {
            let (node, is_rest) = trie.grow(pattern);
            found.push((node, is_rest, target));
        }
        let order = trie.settle(found);
        (trie, order)
    }

    /// Makes the way of a pattern: the node that it ends at, and whether it goes on with `>`.
    fn grow(&mut self, pattern: &Pattern) -> (u32, bool) {
        let mut node = ROOT;
        for token in pattern.tokens() {
            node = match token {
                REST => return (node, true),
                ANY => self.step_any(node),
                text => self.step(node, text),
            };
        }
        (node, false)
    }

    fn step_any(&mut self, from: u32) -> u32 {
        let any = self.nodes[from as usize].any;
        if any != NONE {
            return any;
        }
        let to = self.add_node();
        self.nodes[from as usize].any = to;
        to
    }

    fn step(&mut self, from: u32, text: &str) -> u32 {
        let token = self.intern(text);
        let known = self.edge(from, token);
        if known != NONE {
            return known;
        }
        let to = self.add_node();
        self.nodes[from as usize].has_edges = true;
        let hash = self.hasher.hash_edge(from, token);
        let hasher = &self.hasher;
        let hash_of = |it: &Edge| hasher.hash_edge(it.from, it.token);
        self.edges
            .insert_unique(hash, Edge { from, token, to }, hash_of);
        to
    }

    fn intern(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash(text);
        let known = self.token(text, hash);
        if known != NONE {
            return known;
        }
        let number = index(self.tokens.len());
        let token = Token {
            hash,
            number,
            start: index(self.text.len()),
            len: index(text.len()),
        };
        self.text.push_str(text);
        self.tokens.insert_unique(hash, token, |it| it.hash);
        number
    }

    fn add_node(&mut self) -> u32 {
        self.nodes.push(Node::new());
        index(self.nodes.len() - 1)
    }

    /// Puts the targets of each node side by side.
    fn settle(&mut self, found: Vec<(u32, bool, T)>) -> Vec<u32> {
        let mut order: Vec<u32> = vec![0; found.len()];
        let mut numbered: Vec<_> = found.into_iter().enumerate().collect();
        numbered.sort_by_key(|(_, (node, is_rest, _))| (*node, *is_rest));
        for (number, (node, is_rest, target)) in numbered {
            let place = index(self.targets.len());
            order[number] = place;
            self.targets.push(target);
            let node = &mut self.nodes[node as usize];
            let span = if is_rest {
                &mut node.rest
            } else {
                &mut node.ends
            };
            if span.len == 0 {
                span.start = place;
            }
            span.len += 1;
        }
        order
    }

    pub(super) fn targets(&self) -> &[T] {
        &self.targets
    }

    /// Calls for the place of each target whose pattern matches, in no order that means anything.
    #[inline]
    pub(super) fn each_match(&self, tokens: &Tokens<'_>, mut found: impl FnMut(u32)) {
        if self.targets.is_empty() {
            return;
        }
        let mut numbers = [NONE; TOKENS_MAX];
        let texts = &tokens.texts[..tokens.count];
        for (number, (text, hash)) in numbers.iter_mut().zip(texts) {
            *number = self.token(text, *hash);
        }
        self.walk(ROOT, &numbers[..tokens.count], &mut found);
    }

    /// As deep as the topic has tokens, which is bounded.
    fn walk(&self, node: u32, numbers: &[u32], found: &mut impl FnMut(u32)) {
        let node_at = node;
        let node = &self.nodes[node as usize];
        let Some((number, rest)) = numbers.split_first() else {
            node.ends.each(found);
            return;
        };
        node.rest.each(found);
        if node.has_edges && *number != NONE {
            let to = self.edge(node_at, *number);
            if to != NONE {
                self.walk(to, rest, found);
            }
        }
        if node.any != NONE {
            self.walk(node.any, rest, found);
        }
    }

    #[inline]
    fn token(&self, text: &str, hash: u64) -> u32 {
        let is_text = |it: &Token| {
            let known = it.start as usize..it.start as usize + it.len as usize;
            it.hash == hash && self.text.as_bytes()[known] == *text.as_bytes()
        };
        self.tokens
            .find(hash, is_text)
            .map_or(NONE, |token| token.number)
    }

    #[inline]
    fn edge(&self, from: u32, token: u32) -> u32 {
        let hash = self.hasher.hash_edge(from, token);
        self.edges
            .find(hash, |it| it.from == from && it.token == token)
            .map_or(NONE, |edge| edge.to)
    }
}

impl Span {
    #[inline]
    fn each(self, found: &mut impl FnMut(u32)) {
        for place in self.start..self.start + self.len {
            found(place);
        }
    }
}

impl<T> fmt::Debug for Trie<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trie")
            .field("nodes", &self.nodes.len())
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

/// Positions in a trie are 32 bits: a router refuses more subscriptions than that has room for.
fn index(position: usize) -> u32 {
    u32::try_from(position).expect("SUBSCRIPTIONS_MAX patterns of TOPIC_BYTES_MAX fit")
}
