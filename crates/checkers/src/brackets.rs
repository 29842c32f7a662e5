//! Finds the bracket, literal or comment that a person has to mend, by structure and indentation.
//!
//! A parser notices an unclosed bracket where the text stops making sense, often at its end.
//! A person sees from the indentation which block lacks its closer; so does this module.

use std::ops::Range;

use claude_flow_lang_detect::Language;

use crate::Finding;
use crate::lexical::{Kind, Lexed, Token, lex};

/// How many columns a tab is taken for.
const TAB_COLUMNS: usize = 4;

/// The operator of conditions that asks for a macro.
const DEFINED: &str = "defined";

/// How many blocks around a closer its comment is compared with.
const OUTER_MAX: usize = 16;

/// How much of a line is read for its names, in bytes.
const LINE_BYTES_MAX: usize = 256;

/// Words that begin a Python statement and never stand inside brackets.
const PYTHON_STATEMENTS: [&str; 9] = [
    "def", "class", "return", "while", "with", "try", "raise", "import", "except",
];

/// The first lexical cause for which a text cannot be parsed, if it has one: a literal or comment
/// that does not end, a bracket that is not closed, or a closer that fits no opener.
///
/// # Complexity
///
/// Linear in the length of the text.
pub(crate) fn diagnose(text: &str, language: Language) -> Option<Finding> {
    diagnose_lexed(text, &lex(text, language), language)
}

/// [`diagnose`] for a text that is already scanned.
pub(crate) fn diagnose_lexed(text: &str, lexed: &Lexed, language: Language) -> Option<Finding> {
    if matches!(language, Language::Yaml) {
        return None;
    }
    let unterminated = lexed.unterminated.first();
    let sound = unterminated.map_or(lexed.tokens.len(), |problem| problem.token_count);
    let mut matcher = Matcher::new(text, language);
    for token in &lexed.tokens[..sound] {
        if let Some(finding) = matcher.token(token) {
            return Some(finding);
        }
    }
    if let Some(problem) = unterminated {
        let rule = match problem.what {
            "block comment" => "syntax/unterminated-comment",
            _ => "syntax/unterminated-literal",
        };
        let message = format!("{} is never closed", problem.what);
        return Some(Finding::error(rule, message, problem.span.clone()));
    }
    matcher.end()
}

/// The conditional that is not closed, or the `#else` or `#endif` that belongs to none.
pub(crate) fn diagnose_conditionals(text: &str, lexed: &Lexed) -> Option<Finding> {
    let mut open: Vec<Range<usize>> = Vec::new();
    for token in lexed
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Directive)
    {
        let place = token.start..first_line_end(text, token);
        if let Some(at) = doubled_defined(&text[token.start..token.end]) {
            let place = token.start + at..token.start + at + DEFINED.len();
            let message = "`defined` twice in a row";
            return Some(Finding::error("syntax/doubled-keyword", message, place));
        }
        match directive_name(&text[token.start..token.end]) {
            name if name.starts_with("if") => open.push(place),
            "endif" if open.pop().is_none() => {
                return Some(Finding::error(
                    "syntax/conditional",
                    "`#endif` without `#if`",
                    place,
                ));
            }
            name @ ("else" | "elif" | "elifdef" | "elifndef") if open.is_empty() => {
                let message = format!("`#{name}` without `#if`");
                return Some(Finding::error("syntax/conditional", message, place));
            }
            _ => {}
        }
    }
    let place = open.pop()?;
    let message = format!("`{}` without `#endif`", text[place.clone()].trim_end());
    Some(Finding::error("syntax/conditional", message, place))
}

/// Where a condition says `defined defined`, as an offset into the directive.
fn doubled_defined(directive: &str) -> Option<usize> {
    if !matches!(directive_name(directive), "if" | "elif") {
        return None;
    }
    let mut from = 0;
    while let Some(at) = directive[from..].find(DEFINED).map(|at| from + at) {
        from = at + DEFINED.len();
        let rest = directive[from..].trim_start();
        let second = directive.len() - rest.len();
        if second > from && rest.starts_with(DEFINED) {
            return Some(second);
        }
    }
    None
}

fn first_line_end(text: &str, token: &Token) -> usize {
    let directive = &text[token.start..token.end];
    token.start + directive.find('\n').unwrap_or(directive.len())
}

/// The word after `#`.
pub(crate) fn directive_name(directive: &str) -> &str {
    let rest = directive
        .trim_start_matches("%:")
        .trim_start_matches('#')
        .trim_start();
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .unwrap_or("")
}

/// The bracket that a token is, digraphs included.
pub(crate) fn bracket(bytes: &[u8], token: &Token) -> u8 {
    match &bytes[token.start..token.end] {
        b"<:" => b'[',
        b":>" => b']',
        b"<%" => b'{',
        b"%>" => b'}',
        text => text[0],
    }
}

#[derive(Debug, Clone, Copy)]
struct Opener {
    start: usize,
    byte: u8,
    line: usize,
    /// The indentation of the statement that the bracket belongs to.
    indent: usize,
    /// The opener around this one, as an index into the arena.
    outer: Option<usize>,
}

/// One `#if` that is open.
struct Conditional {
    /// The innermost opener before it.
    before: Option<usize>,
    /// The innermost opener at the end of its first branch, once that has ended.
    first: FirstBranch,
    /// True while the branch is `#if 0`.
    dead: bool,
}

/// How the branch after an `#if` left the brackets.
#[derive(Debug, Clone, Copy)]
enum FirstBranch {
    Open,
    Ended { top: Option<usize> },
}

struct Matcher<'a> {
    text: &'a str,
    language: Language,
    /// Every opener seen; the open ones form a list through `outer`.
    arena: Vec<Opener>,
    top: Option<usize>,
    conditionals: Vec<Conditional>,
    line: usize,
    line_start: usize,
    seen: usize,
    /// The indentation of the statement that the current line belongs to.
    indent: usize,
    /// The first brace whose closer is indented less than its statement: its own closer is missing.
    robbed: Option<usize>,
    /// The first closing brace that is indented more than the statement it closes: one too many.
    surplus: Option<Token>,
}

impl<'a> Matcher<'a> {
    fn new(text: &'a str, language: Language) -> Self {
        Self {
            text,
            language,
            arena: Vec::new(),
            top: None,
            conditionals: Vec::new(),
            line: 0,
            line_start: 0,
            seen: 0,
            indent: columns(text.as_bytes()),
            robbed: None,
            surplus: None,
        }
    }

    fn token(&mut self, token: &Token) -> Option<Finding> {
        self.advance(token.start);
        if token.kind == Kind::Directive {
            self.directive(token);
            return None;
        }
        if self.conditionals.iter().any(|conditional| conditional.dead) {
            return None;
        }
        match token.kind {
            Kind::Open => {
                self.open(token);
                None
            }
            Kind::Close => self.close(token),
            Kind::Word if self.language == Language::Python => self.python_statement(token),
            _ => None,
        }
    }

    /// Moves to the line of `at`.
    fn advance(&mut self, at: usize) {
        let bytes = self.text.as_bytes();
        for newline in memchr::memchr_iter(b'\n', &bytes[self.seen..at]) {
            self.line += 1;
            self.line_start = self.seen + newline + 1;
        }
        if self.line_start > self.seen || self.seen == 0 {
            self.indent = columns(&bytes[self.line_start..]);
        }
        self.seen = at;
    }

    fn directive(&mut self, token: &Token) {
        let directive = &self.text[token.start..token.end];
        match directive_name(directive) {
            name if name.starts_with("if") => {
                let condition = directive
                    .split_once(name)
                    .map_or("", |(_, rest)| rest.trim());
                let dead = name == "if" && condition == "0";
                self.conditionals.push(Conditional {
                    before: self.top,
                    first: FirstBranch::Open,
                    dead,
                });
            }
            "else" | "elif" | "elifdef" | "elifndef" => {
                if let Some(conditional) = self.conditionals.last_mut() {
                    if let (false, FirstBranch::Open) = (conditional.dead, conditional.first) {
                        conditional.first = FirstBranch::Ended { top: self.top };
                    }
                    conditional.dead = false;
                    self.top = conditional.before;
                }
            }
            "endif" => {
                let Some(conditional) = self.conditionals.pop() else {
                    return;
                };
                match conditional.first {
                    FirstBranch::Ended { top } => {
                        self.top = top;
                    }
                    FirstBranch::Open if conditional.dead => self.top = conditional.before,
                    FirstBranch::Open => {}
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, token: &Token) {
        self.arena.push(Opener {
            start: token.start,
            byte: bracket(self.text.as_bytes(), token),
            line: self.line,
            indent: self.indent,
            outer: self.top,
        });
        self.top = Some(self.arena.len() - 1);
    }

    fn close(&mut self, token: &Token) -> Option<Finding> {
        let byte = bracket(self.text.as_bytes(), token);
        let wanted = opener_of(byte);
        let Some(top) = self.top else {
            return Some(self.unmatched(token));
        };
        let opener = self.arena[top];
        if opener.byte == wanted {
            self.pair(top, token);
            return None;
        }
        let Some(outer) = self.innermost(wanted) else {
            let one_too_many = byte == b'}' && self.surplus.is_some()
                || opener.byte == b'{' && opener.line != self.line;
            let finding = if one_too_many {
                self.unmatched(token)
            } else {
                self.mismatched(token, opener)
            };
            return Some(finding);
        };
        let indent = columns_of(self.text, self.line_start);
        let outdented = self.starts_line(token) && indent <= opener.indent;
        // Where the closer of the inner bracket belongs, a closer of another kind is the wrong one.
        if outdented && indent == opener.indent && indent > self.arena[outer].indent {
            return Some(self.mismatched(token, opener));
        }
        let opener_lacks_its_closer = outdented
            || opener.byte == b'{' && self.robbed.is_some()
            || opener.line == self.line
            || opener.byte != b'{' && byte == b'}';
        Some(if opener_lacks_its_closer {
            self.unclosed(self.culprit(top))
        } else {
            self.unmatched(token)
        })
    }

    /// Notes what the indentation of a pair gives away.
    fn pair(&mut self, top: usize, token: &Token) {
        let opener = self.arena[top];
        if opener.line != self.line && self.starts_line(token) {
            let indent = columns_of(self.text, self.line_start);
            let stolen = indent < opener.indent || self.comment_names_outer(top, token);
            if opener.byte == b'{' && stolen && self.robbed.is_none() {
                self.robbed = Some(top);
            }
            if opener.byte == b'{' && indent > opener.indent && self.surplus.is_none() {
                self.surplus = Some(*token);
            }
        }
        if opener.line != self.line {
            self.indent = opener.indent;
        }
        self.top = opener.outer;
    }

    /// Whether the comment behind a closer, as in `}  // namespace a`, names a block further out.
    fn comment_names_outer(&self, top: usize, token: &Token) -> bool {
        let rest = &self.text[token.end..];
        let rest = &rest[..rest.floor_char_boundary(LINE_BYTES_MAX)];
        let rest = rest.lines().next().unwrap_or("");
        let Some((_, comment)) = rest.split_once("//") else {
            return false;
        };
        let Some(name) = comment.split_whitespace().last() else {
            return false;
        };
        let names = |index: usize| {
            self.opening_line(index)
                .split(|c: char| !is_name(c))
                .any(|word| word == name)
        };
        if names(top) {
            return false;
        }
        let outer = |index: &usize| self.arena[*index].outer;
        std::iter::successors(self.arena[top].outer, outer)
            .take(OUTER_MAX)
            .any(names)
    }

    /// The text before an opener on its line.
    fn opening_line(&self, index: usize) -> &'a str {
        let end = self.arena[index].start;
        let start = self
            .text
            .ceil_char_boundary(end.saturating_sub(LINE_BYTES_MAX));
        let before = &self.text[start..end];
        before.rsplit('\n').next().unwrap_or(before)
    }

    fn starts_line(&self, token: &Token) -> bool {
        self.text[self.line_start..token.start]
            .trim_start()
            .is_empty()
    }

    /// The innermost open bracket of a kind.
    fn innermost(&self, byte: u8) -> Option<usize> {
        let mut at = self.top;
        while let Some(index) = at {
            if self.arena[index].byte == byte {
                return Some(index);
            }
            at = self.arena[index].outer;
        }
        None
    }

    fn python_statement(&self, token: &Token) -> Option<Finding> {
        let top = self.top?;
        let word = &self.text[token.start..token.end];
        let begins = self.starts_line(token) && PYTHON_STATEMENTS.contains(&word);
        begins.then(|| self.unclosed(top))
    }

    fn end(self) -> Option<Finding> {
        let top = self.top?;
        Some(self.unclosed(self.culprit(top)))
    }

    /// The opener to blame for an open one: only a brace can have lost its closer to another.
    fn culprit(&self, index: usize) -> usize {
        let is_brace = self.arena[index].byte == b'{';
        self.robbed.filter(|_| is_brace).unwrap_or(index)
    }

    fn unclosed(&self, index: usize) -> Finding {
        let opener = self.arena[index];
        let message = format!("`{}` is never closed", char::from(opener.byte));
        Finding::error(
            "syntax/unclosed-bracket",
            message,
            opener.start..opener.start + 1,
        )
    }

    fn unmatched(&self, token: &Token) -> Finding {
        let is_brace = self.text.as_bytes()[token.start] == b'}';
        let surplus = self.surplus.as_ref().filter(|_| is_brace);
        let token = surplus.unwrap_or(token);
        let message = format!("unmatched `{}`", &self.text[token.start..token.end]);
        Finding::error("syntax/unmatched-bracket", message, token.start..token.end)
    }

    fn mismatched(&self, token: &Token, opener: Opener) -> Finding {
        let open = char::from(opener.byte);
        let message = format!(
            "`{}` does not close `{open}`",
            &self.text[token.start..token.end]
        );
        Finding::error("syntax/mismatched-bracket", message, token.start..token.end).with_related(
            format!("`{open}` is open since here"),
            opener.start..opener.start + 1,
        )
    }
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

const fn opener_of(closer: u8) -> u8 {
    match closer {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    }
}

fn columns_of(text: &str, line_start: usize) -> usize {
    columns(&text.as_bytes()[line_start..])
}

/// The width of the white space at the start.
fn columns(line: &[u8]) -> usize {
    let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blank
        .map(|&byte| if byte == b'\t' { TAB_COLUMNS } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests;
