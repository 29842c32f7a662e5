//! Which parts of a file are compiled together.
//!
//! A file with `#if` is many texts. Each [`Configuration`] gives the names in conditions a truth
//! value and selects one text; a part is sound if one configuration with it is.

use std::collections::HashMap;
use std::ops::Range;

use super::tokens::{Kind, Token, Tokens};
use crate::brackets::directive_name;

/// The deepest nesting of a condition that is understood; deeper ones are one unknown each.
const CONDITION_DEPTH_MAX: usize = 32;

/// Names that no compiler of C or C++ source defines.
const NEVER: [&str; 12] = [
    "__ASSEMBLER__",
    "__ASSEMBLY__",
    "_ASMLANGUAGE",
    "LOCORE",
    "_LOCORE",
    "__OBJC__",
    "RC_INVOKED",
    "_LANGUAGE_ASSEMBLY",
    "__VTASM__",
    "__WAVE__",
    "GENERATING_DOCUMENTATION",
    "LINKER_SCRIPT",
];

#[derive(Debug, Clone)]
enum Condition {
    Known(bool),
    /// A name or a comparison, by number.
    Atom(u32),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Condition {
    /// True if a name decides.
    fn is_open(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Atom(_) => true,
            Self::Not(inner) => inner.is_open(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::is_open),
        }
    }
}

/// What a directive does to the selection.
#[derive(Debug)]
enum Step {
    If(Condition),
    Elif(Condition),
    Else,
    Endif,
    /// `#define` without a value, and `#undef`.
    Define(u32, bool),
}

/// Truth values for the names in conditions.
#[derive(Debug, Clone, Default)]
pub(super) struct Configuration {
    pub(super) base: bool,
    pub(super) overrides: Vec<(u32, bool)>,
}

impl Configuration {
    fn value(&self, atom: u32) -> bool {
        let found = self.overrides.iter().find(|(other, _)| *other == atom);
        found.map_or(self.base, |&(_, value)| value)
    }

    fn set(&mut self, atom: u32, value: bool) {
        self.overrides.retain(|(other, _)| *other != atom);
        self.overrides.push((atom, value));
    }

    fn evaluate(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Known(value) => *value,
            Condition::Atom(atom) => self.value(*atom),
            Condition::Not(inner) => !self.evaluate(inner),
            Condition::And(all) => all.iter().all(|inner| self.evaluate(inner)),
            Condition::Or(any) => any.iter().any(|inner| self.evaluate(inner)),
        }
    }

    /// Chooses values so that the condition holds or does not; false if earlier choices forbid it.
    fn want(&mut self, condition: &Condition, wanted: bool) -> bool {
        match condition {
            Condition::Known(value) => *value == wanted,
            Condition::Atom(atom) => {
                let found = self.overrides.iter().find(|(other, _)| other == atom);
                if let Some(&(_, value)) = found {
                    return value == wanted;
                }
                self.overrides.push((*atom, wanted));
                true
            }
            Condition::Not(inner) => self.want(inner, !wanted),
            Condition::And(parts) if wanted => parts.iter().all(|part| self.want(part, true)),
            Condition::Or(parts) if !wanted => parts.iter().all(|part| self.want(part, false)),
            Condition::And(parts) | Condition::Or(parts) => {
                let count = self.overrides.len();
                parts.iter().any(|part| {
                    self.overrides.truncate(count);
                    self.want(part, wanted)
                })
            }
        }
    }
}

/// The text that one configuration compiles.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) tokens: Vec<Token>,
    /// The bytes that are compiled, in order.
    pub(super) ranges: Vec<Range<usize>>,
    /// Which branches are.
    pub(super) active: Vec<bool>,
}

/// One branch of a conditional.
#[derive(Debug)]
struct Branch {
    parent: Option<usize>,
    /// The first branch of the same conditional; itself if it is the first.
    head: usize,
    condition: Condition,
    /// True if the branch has tokens that are in no inner branch.
    has_tokens: bool,
    bytes: Range<usize>,
}

/// The conditionals of a file.
#[derive(Debug, Default)]
pub(super) struct Conditionals {
    /// For each conditional directive, its number among all directives.
    steps: Vec<(usize, Step)>,
    branches: Vec<Branch>,
    has_choices: bool,
}

impl Conditionals {
    pub(super) fn read(text: &str, tokens: &Tokens, cpp: bool) -> Self {
        let mut reader = Reader {
            text,
            cpp,
            atoms: HashMap::new(),
        };
        let mut out = Self::default();
        for (index, directive) in tokens.directives.iter().enumerate() {
            let line = &text[directive.start..directive.end];
            let name = directive_name(line);
            let rest = || line.split_once(name).map_or("", |(_, rest)| rest);
            let step = match name {
                "if" => {
                    let condition = reader.condition(rest());
                    Step::If(reader.guard(tokens, index, condition))
                }
                "ifdef" => Step::If(reader.name(rest())),
                "ifndef" => {
                    let condition = Condition::Not(Box::new(reader.name(rest())));
                    Step::If(reader.guard(tokens, index, condition))
                }
                "elif" => Step::Elif(reader.condition(rest())),
                "elifdef" => Step::Elif(reader.name(rest())),
                "elifndef" => Step::Elif(Condition::Not(Box::new(reader.name(rest())))),
                "define" | "undef" => {
                    let rest = rest();
                    let word = first_word(rest);
                    let flag = name == "undef" || rest.trim() == word;
                    match reader.atom(word) {
                        Condition::Atom(atom) if flag => Step::Define(atom, name == "define"),
                        _ => continue,
                    }
                }
                "else" => Step::Else,
                "endif" => Step::Endif,
                _ => continue,
            };
            out.steps.push((index, step));
        }
        out.lay_out(tokens);
        out.has_choices = out.branches.iter().any(|branch| branch.condition.is_open());
        out
    }

    /// Numbers the branches in the order of the text.
    fn lay_out(&mut self, tokens: &Tokens) {
        let mut open: Vec<usize> = Vec::new();
        let mut seen = 0;
        for (index, step) in &self.steps {
            let directive = tokens.directives[*index];
            if let Some(&branch) = open.last() {
                self.branches[branch].has_tokens |= directive.before > seen;
                self.branches[branch].bytes.end = directive.start;
            }
            seen = directive.before;
            let condition = match step {
                Step::If(condition) | Step::Elif(condition) => condition.clone(),
                Step::Else => Condition::Known(true),
                Step::Endif => {
                    open.pop();
                    continue;
                }
                Step::Define(..) => {
                    if let Some(&branch) = open.last() {
                        self.branches[branch].has_tokens |= directive.before > seen;
                    }
                    continue;
                }
            };
            let is_if = matches!(step, Step::If(_));
            let previous = if is_if { None } else { open.pop() };
            let number = self.branches.len();
            self.branches.push(Branch {
                parent: open.last().copied(),
                head: previous.map_or(number, |previous| self.branches[previous].head),
                condition,
                has_tokens: false,
                bytes: directive.end..directive.end,
            });
            open.push(number);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// True if some name decides anything.
    pub(super) const fn has_choices(&self) -> bool {
        self.has_choices
    }

    pub(super) const fn branch_count(&self) -> usize {
        self.branches.len()
    }

    /// True if the branch has code of its own that some configuration compiles.
    pub(super) fn matters(&self, branch: usize) -> bool {
        self.branches[branch].has_tokens
    }

    /// The innermost branch around a byte, if it is not always compiled.
    pub(super) fn branch_at(&self, at: usize) -> Option<usize> {
        let around = |branch: &&Branch| branch.bytes.start <= at && at < branch.bytes.end;
        let branch = self.branches.iter().rfind(around)?;
        (!matches!(branch.condition, Condition::Known(true)) || branch.parent.is_some())
            .then(|| self.branches.iter().rposition(|other| around(&other)))
            .flatten()
    }

    /// True if a byte is in a branch that is never compiled.
    pub(super) fn is_dead(&self, at: usize) -> bool {
        self.branches.iter().any(|branch| {
            matches!(branch.condition, Condition::Known(false))
                && branch.bytes.start <= at
                && at < branch.bytes.end
        })
    }

    /// Makes the innermost branch around a byte one that is never compiled.
    pub(super) fn kill(&mut self, at: usize) -> bool {
        let Some(branch) = self.branch_at(at) else {
            return false;
        };
        self.branches[branch].condition = Condition::Known(false);
        let mut number = 0;
        for (_, step) in &mut self.steps {
            if matches!(step, Step::Endif | Step::Define(..)) {
                continue;
            }
            if number == branch {
                *step = match step {
                    Step::If(_) => Step::If(Condition::Known(false)),
                    _ => Step::Elif(Condition::Known(false)),
                };
            }
            number += 1;
        }
        true
    }

    /// True if a conditional directive stands between two bytes.
    pub(super) fn between(&self, tokens: &Tokens, from: usize, to: usize) -> bool {
        let position = self
            .steps
            .partition_point(|(index, _)| tokens.directives[*index].start < from);
        self.steps[position..]
            .iter()
            .take_while(|(index, _)| tokens.directives[*index].start < to)
            .any(|(_, step)| !matches!(step, Step::Define(..)))
    }

    /// How many conditionals have branches that leave the brackets differently.
    pub(super) fn unbalanced(&self, tokens: &Tokens) -> usize {
        let residues = self.residues(tokens);
        let heads = (0..self.branches.len()).filter(|&index| self.branches[index].head == index);
        heads
            .filter(|&head| {
                let mut chain = (head..self.branches.len()).filter(|&index| {
                    let branch = &self.branches[index];
                    branch.head == head && !matches!(branch.condition, Condition::Known(false))
                });
                let Some(first) = chain.next() else {
                    return false;
                };
                let last = chain.clone().next_back().unwrap_or(first);
                // Without `#else` nothing may be compiled; an include guard always is.
                let whole = matches!(self.branches[last].condition, Condition::Known(true));
                let alone = whole && last == head;
                if alone {
                    return self.is_leaf(head) && !residues[head].is_empty();
                }
                !whole && !residues[first].is_empty()
                    || chain.any(|index| residues[index] != residues[first])
            })
            .count()
    }

    /// What brackets each branch leaves open or closes in surplus, inner branches left out.
    fn residues(&self, tokens: &Tokens) -> Vec<Vec<Kind>> {
        let mut open: Vec<usize> = Vec::new();
        let mut residues: Vec<Vec<Kind>> = self.branches.iter().map(|_| Vec::new()).collect();
        let (mut from, mut branch) = (0, 0);
        for (index, step) in &self.steps {
            let to = tokens.directives[*index].before;
            if let Some(&innermost) = open.last() {
                cancel(&mut residues[innermost], &tokens.tokens[from..to]);
            }
            from = to;
            match step {
                Step::Define(..) => continue,
                Step::Endif | Step::Else | Step::Elif(_) => {
                    open.pop();
                }
                Step::If(_) => {}
            }
            if !matches!(step, Step::Endif) {
                open.push(branch);
                branch += 1;
            }
        }
        residues
    }

    fn is_leaf(&self, branch: usize) -> bool {
        self.branches
            .iter()
            .all(|other| other.parent != Some(branch))
    }

    /// A configuration that compiles a branch, if there is one; it keeps what `given` has chosen.
    pub(super) fn with_branch(
        &self,
        branch: usize,
        given: &Configuration,
    ) -> Option<Configuration> {
        let mut configuration = given.clone();
        let mut at = Some(branch);
        while let Some(index) = at {
            let this = &self.branches[index];
            if !configuration.want(&this.condition, true) {
                return None;
            }
            let earlier = self.branches[this.head..index]
                .iter()
                .filter(|other| other.head == this.head);
            for other in earlier {
                if !configuration.want(&other.condition, false) {
                    return None;
                }
            }
            at = this.parent;
        }
        Some(configuration)
    }

    /// The text of a configuration.
    pub(super) fn select(
        &self,
        text: &str,
        tokens: &Tokens,
        configuration: &Configuration,
    ) -> Selection {
        let mut out = Selection {
            tokens: Vec::with_capacity(tokens.tokens.len() + 1),
            ranges: Vec::with_capacity(self.steps.len() + 1),
            active: vec![false; self.branches.len()],
        };
        // For each open conditional: whether it is compiled at all, was taken, and is now.
        let mut open: Vec<(bool, bool, bool)> = Vec::new();
        let (mut token_from, mut byte_from) = (0, 0);
        let mut branch = 0;
        let mut configuration = configuration.clone();
        for (index, step) in &self.steps {
            let directive = tokens.directives[*index];
            if open.last().is_none_or(|&(_, _, now)| now) {
                out.tokens
                    .extend_from_slice(&tokens.tokens[token_from..directive.before]);
                out.ranges.push(byte_from..directive.start);
            }
            (token_from, byte_from) = (directive.before, directive.end);
            let now = match step {
                Step::Define(atom, value) => {
                    if open.last().is_none_or(|&(_, _, now)| now) {
                        configuration.set(*atom, *value);
                    }
                    continue;
                }
                Step::If(condition) => {
                    let outer = open.last().is_none_or(|&(_, _, now)| now);
                    let now = outer && configuration.evaluate(condition);
                    open.push((outer, now, now));
                    now
                }
                Step::Elif(_) | Step::Else => {
                    let Some(last) = open.last_mut() else {
                        continue;
                    };
                    let holds = match step {
                        Step::Elif(condition) => configuration.evaluate(condition),
                        _ => true,
                    };
                    last.2 = last.0 && !last.1 && holds;
                    last.1 |= last.2;
                    last.2
                }
                Step::Endif => {
                    open.pop();
                    continue;
                }
            };
            out.active[branch] = now;
            branch += 1;
        }
        out.tokens.extend_from_slice(&tokens.tokens[token_from..]);
        out.ranges.push(byte_from..text.len());
        out
    }
}

/// Adds the brackets of some tokens to those that are open or surplus.
fn cancel(residue: &mut Vec<Kind>, tokens: &[Token]) {
    for token in tokens {
        let opener = match token.kind {
            Kind::LeftParen | Kind::LeftBracket | Kind::LeftBrace => {
                residue.push(token.kind);
                continue;
            }
            Kind::RightParen => Kind::LeftParen,
            Kind::RightBracket => Kind::LeftBracket,
            Kind::RightBrace => Kind::LeftBrace,
            _ => continue,
        };
        if residue.last() == Some(&opener) {
            residue.pop();
        } else {
            residue.push(token.kind);
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    cpp: bool,
    atoms: HashMap<String, u32>,
}

impl Reader<'_> {
    /// An include guard makes no conditional.
    fn guard(&self, tokens: &Tokens, index: usize, condition: Condition) -> Condition {
        let Some(next) = tokens.directives.get(index + 1) else {
            return condition;
        };
        let this = tokens.directives[index];
        let define = &self.text[next.start..next.end];
        if next.before != this.before || directive_name(define) != "define" {
            return condition;
        }
        let defined = define
            .split_once("define")
            .map_or("", |(_, rest)| first_word(rest));
        let line = self.text[this.start..this.end].trim_end();
        let is_guard = matches!(&condition, Condition::Not(inner) if matches!(**inner, Condition::Atom(_)))
            && !defined.is_empty()
            && line.trim_end_matches([')', ' ', '\t']).ends_with(defined);
        if is_guard {
            Condition::Known(true)
        } else {
            condition
        }
    }

    fn name(&mut self, rest: &str) -> Condition {
        self.atom(first_word(rest))
    }

    fn atom(&mut self, word: &str) -> Condition {
        match word {
            "__cplusplus" => return Condition::Known(self.cpp),
            "__STDC__" | "CPLUSPLUS" => return Condition::Known(true),
            _ => {}
        }
        if NEVER.contains(&word) || word.contains("DOXYGEN") {
            return Condition::Known(false);
        }
        let next = u32::try_from(self.atoms.len()).unwrap_or(u32::MAX);
        Condition::Atom(*self.atoms.entry(word.to_owned()).or_insert(next))
    }

    fn condition(&mut self, rest: &str) -> Condition {
        let words = words(rest);
        let mut at = 0;
        self.any(&words, &mut at, 0)
    }

    fn any(&mut self, words: &[&str], at: &mut usize, depth: usize) -> Condition {
        let mut parts = vec![self.all(words, at, depth)];
        while words.get(*at) == Some(&"||") {
            *at += 1;
            parts.push(self.all(words, at, depth));
        }
        one_or(parts, Condition::Or)
    }

    fn all(&mut self, words: &[&str], at: &mut usize, depth: usize) -> Condition {
        let mut parts = vec![self.one(words, at, depth)];
        while words.get(*at) == Some(&"&&") {
            *at += 1;
            parts.push(self.one(words, at, depth));
        }
        one_or(parts, Condition::And)
    }

    /// One operand of `&&` and `||`.
    fn one(&mut self, words: &[&str], at: &mut usize, depth: usize) -> Condition {
        let start = *at;
        let mut nested = 0_usize;
        while let Some(word) = words.get(*at) {
            match *word {
                "(" => nested += 1,
                ")" if nested == 0 => break,
                ")" => nested -= 1,
                "&&" | "||" if nested == 0 => break,
                _ => {}
            }
            *at += 1;
        }
        self.operand(&words[start..*at], depth)
    }

    fn operand(&mut self, words: &[&str], depth: usize) -> Condition {
        if depth > CONDITION_DEPTH_MAX {
            return self.atom(&words.concat());
        }
        match words {
            [] => Condition::Known(false),
            [word] if word.as_bytes()[0].is_ascii_digit() => Condition::Known(
                word.trim_start_matches('0')
                    .as_bytes()
                    .first()
                    .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'x' | b'X')),
            ),
            [name] | ["defined", name] | ["defined", "(", name, ")"] => self.atom(name),
            ["!", rest @ ..] if !rest.iter().any(|word| is_comparison(word)) => {
                Condition::Not(Box::new(self.operand(rest, depth + 1)))
            }
            ["(", inner @ .., ")"] if closes_at_end(words) => {
                let mut at = 0;
                self.any(inner, &mut at, depth + 1)
            }
            ["__cplusplus", ..] if !self.cpp => Condition::Known(false),
            _ => self.atom(&words.concat()),
        }
    }
}

fn is_comparison(word: &str) -> bool {
    matches!(
        word,
        "=" | "<" | ">" | "?" | "+" | "-" | "*" | "/" | "%" | "&" | "|"
    )
}

/// True if the first parenthesis is closed by the last word.
fn closes_at_end(words: &[&str]) -> bool {
    let mut depth = 0_usize;
    for (index, word) in words.iter().enumerate() {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1 == words.len();
        }
    }
    false
}

fn one_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 {
        parts.pop().unwrap_or(Condition::Known(false))
    } else {
        join(parts)
    }
}

fn first_word(rest: &str) -> &str {
    let rest = rest.trim_start();
    rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
        .next()
        .unwrap_or("")
}

/// Splits a condition; comments and white space are left out.
pub(super) fn words(rest: &str) -> Vec<&str> {
    let bytes = rest.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        if bytes[at..].starts_with(b"//") {
            break;
        }
        if bytes[at..].starts_with(b"/*") {
            let len = memchr::memmem::find(&bytes[at + 2..], b"*/");
            at = len.map_or(bytes.len(), |len| at + len + 4);
            continue;
        }
        if byte.is_ascii_whitespace() || byte == b'\\' {
            at += 1;
            continue;
        }
        if is_word(&byte) {
            at += bytes[at..].iter().take_while(|byte| is_word(byte)).count();
        } else if bytes[at..].starts_with(b"&&") || bytes[at..].starts_with(b"||") {
            at += 2;
        } else {
            at += 1;
        }
        out.push(&rest[start..at]);
    }
    out
}
