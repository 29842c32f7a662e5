//! Preprocessor lines: conditions that cannot be evaluated, macros that no use could mend.

use claude_flow_lang_detect::Language;

use super::conditionals::words;
use super::macros;
use super::parser::Problem;
use super::tokens::{Directive, is_keyword, may_double};
use crate::brackets::{bracket, directive_name};
use crate::lexical::{Kind as Raw, Lexed, lex};

/// The preprocessor line that is wrong, if there is one.
///
/// A macro's body need not balance, because another macro may hold the rest; it is wrong if none does.
pub(super) fn diagnose(
    text: &str,
    directives: &[Directive],
    language: Language,
    is_active: &dyn Fn(usize) -> bool,
) -> Option<Problem> {
    let mut unbalanced: Vec<(isize, Problem)> = Vec::new();
    let mut surplus: Vec<isize> = Vec::new();
    for directive in directives {
        let line = &text[directive.start..directive.end];
        let name = directive_name(line);
        if !matches!(name, "if" | "elif" | "ifdef" | "ifndef" | "define")
            || !is_active(directive.start)
        {
            continue;
        }
        if name != "define" {
            if let Some(problem) = condition(text, *directive, name) {
                return Some(problem);
            }
            continue;
        }
        let Some(offset) = line.find("define").map(|at| at + "define".len()) else {
            continue;
        };
        let start = directive.start + offset;
        // A `#` here makes a string of an argument, even where it begins its line.
        let blank = text[start..directive.end].replace('#', " ");
        let lexed = lex(&blank, language);
        let body = Body {
            text: &blank,
            start,
            lexed: &lexed,
            language,
        };
        if let Some(problem) = body.words() {
            return Some(problem);
        }
        let braces = body.surplus_braces();
        surplus.push(braces);
        unbalanced.extend(body.brackets().map(|problem| (braces, problem)));
    }
    // Another macro may hold the rest of a block.
    unbalanced.retain(|(braces, problem)| {
        let opposite = -braces.signum();
        let completed = *braces != 0 && surplus.iter().any(|other| other.signum() == opposite);
        !completed || problem.message.contains(['(', ')'])
    });
    (unbalanced.len() == 1)
        .then(|| unbalanced.pop())
        .flatten()
        .map(|(_, problem)| problem)
}

/// What is wrong with the condition of a directive.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of token")]
fn condition(text: &str, directive: Directive, name: &str) -> Option<Problem> {
    let line = &text[directive.start..directive.end];
    let rest = line.split_once(name).map_or("", |(_, rest)| rest);
    let words = words(rest);
    let place = |word: &str| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        start..start + word.len()
    };
    let problem = |message: String, span: std::ops::Range<usize>| Problem {
        rule: "syntax/conditional",
        message,
        doubtful: false,
        from: span.start,
        until: span.end,
        span,
    };
    if words.is_empty() {
        let at = directive.start + line.trim_end().len();
        return Some(problem(
            format!("missing a condition after `#{name}`"),
            at..at,
        ));
    }
    if matches!(name, "ifdef" | "ifndef") {
        return None;
    }
    let (mut at, mut open, mut operand) = (0, 0_usize, false);
    while let Some(&word) = words.get(at) {
        let is_name = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let joins = matches!(word, "&&" | "||");
        // A macro may stand for an operator: `#if 0 OP 1`.
        let joins = joins
            || operand
                && macros::may_be_named(word)
                && words
                    .get(at + 1)
                    .is_some_and(|next| next.as_bytes()[0].is_ascii_alphanumeric());
        if joins && operand && is_name {
            operand = false;
            at += 1;
            continue;
        }
        if operand && is_name && !is_operator(word) {
            return Some(problem(
                format!("unexpected `{word}` in the condition"),
                place(word),
            ));
        }
        if !operand && (joins || word == ")") {
            return Some(problem(
                format!("missing an operand before `{word}`"),
                place(word),
            ));
        }
        match word {
            "\"" | "'" | "`" => return None,
            "(" if operand => return None,
            "(" => open += 1,
            ")" if open == 0 => {
                return Some(problem(
                    "unmatched `)` in the condition".to_owned(),
                    place(word),
                ));
            }
            ")" => open -= 1,
            "defined" => {
                let next = words.get(at + 1).copied().unwrap_or("");
                let after = after_defined(&words, at);
                let Some(after) = after else {
                    let message = format!("missing a name after `defined`, found `{next}`");
                    return Some(problem(message, place(word)));
                };
                at = after - 1;
            }
            _ if is_name && !is_operator(word) && words.get(at + 1) == Some(&"(") => {
                // The arguments of a macro may be anything.
                let mut depth = 0_usize;
                loop {
                    at += 1;
                    match *words.get(at)? {
                        "(" => depth += 1,
                        ")" => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {}
        }
        operand = word == ")" || is_name && !is_operator(word);
        at += 1;
    }
    let last = words.last().copied().map(place)?;
    if open > 0 {
        return Some(problem(
            "missing `)` in the condition".to_owned(),
            last.end..last.end,
        ));
    }
    (!operand).then(|| problem("missing an operand in the condition".to_owned(), last))
}

/// One past the name after `defined`.
fn after_defined(words: &[&str], at: usize) -> Option<usize> {
    let is_name = |index: usize| {
        words.get(index).is_some_and(|word| {
            let first = word.as_bytes()[0];
            (first.is_ascii_alphabetic() || first == b'_' || first >= 0x80) && *word != "defined"
        })
    };
    if is_name(at + 1) {
        return Some(at + 2);
    }
    let grouped =
        words.get(at + 1) == Some(&"(") && is_name(at + 2) && words.get(at + 3) == Some(&")");
    grouped.then_some(at + 4)
}

fn is_operator(word: &str) -> bool {
    matches!(
        word,
        "and" | "or" | "not" | "xor" | "bitand" | "bitor" | "compl" | "not_eq"
    )
}

struct Body<'a> {
    text: &'a str,
    start: usize,
    lexed: &'a Lexed,
    language: Language,
}

impl Body<'_> {
    fn problem(&self, rule: &'static str, message: String, from: usize, to: usize) -> Problem {
        let span = self.start + from..self.start + to;
        Problem {
            rule,
            message,
            doubtful: false,
            from: span.start,
            until: span.end,
            span,
        }
    }

    /// Keywords twice in a row, literals that do not end.
    fn words(&self) -> Option<Problem> {
        // `#define new new(A)` does not double.
        for pair in self.lexed.tokens.windows(2).skip(1) {
            let [first, second] = pair else { continue };
            let word = &self.text[first.start..first.end];
            let twice = first.kind == Raw::Word
                && word == &self.text[second.start..second.end]
                && is_keyword(word, self.language)
                && !may_double(word, self.language == Language::Cpp);
            if twice {
                return Some(self.problem(
                    "syntax/doubled-keyword",
                    format!("`{word}` twice in a row"),
                    second.start,
                    second.end,
                ));
            }
        }
        let problem = self.lexed.unterminated.first()?;
        let at = problem.span.start;
        let bytes = self.text.as_bytes();
        let in_word = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
        if in_word && bytes[at] == b'\'' || problem.runs_to_end {
            return None;
        }
        Some(self.problem(
            "syntax/unterminated-literal",
            format!("{} is never closed", problem.what),
            at,
            at + 1,
        ))
    }

    /// How many braces the body opens and does not close.
    fn surplus_braces(&self) -> isize {
        let bytes = self.text.as_bytes();
        let count = |wanted: u8| {
            let tokens = self.lexed.tokens.iter();
            tokens
                .filter(|token| bracket(bytes, token) == wanted)
                .count()
                .cast_signed()
        };
        count(b'{') - count(b'}')
    }

    /// True if a macro's arguments may split the braces, or the body stands within parentheses.
    fn is_piece(&self) -> bool {
        let bytes = self.text.as_bytes();
        let mut open: Vec<u8> = Vec::new();
        let mut surplus: Vec<u8> = Vec::new();
        for token in &self.lexed.tokens {
            match bracket(bytes, token) {
                byte @ (b'(' | b'[') => open.push(byte),
                byte @ (b')' | b']') => {
                    let wanted = if byte == b')' { b'(' } else { b'[' };
                    if open.pop_if(|top| *top == wanted).is_none() {
                        surplus.push(wanted);
                    }
                }
                _ => {}
            }
        }
        // `a) {} else if (b` stands within parentheses.
        surplus.reverse();
        open == surplus && !self.is_loop()
    }

    /// The first bracket that has no partner in the body.
    fn brackets(&self) -> Option<Problem> {
        if self.is_piece() {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut open: Vec<(u8, usize)> = Vec::new();
        for token in &self.lexed.tokens {
            let byte = bracket(bytes, token);
            match token.kind {
                Raw::Open => open.push((byte, token.start)),
                Raw::Close => {
                    let wanted = match byte {
                        b')' => b'(',
                        b']' => b'[',
                        _ => b'{',
                    };
                    if open.last().map(|&(byte, _)| byte) == Some(wanted) {
                        open.pop();
                        continue;
                    }
                    // `} else {` may be the middle of what other macros begin and end.
                    let pieces =
                        byte == b'}' && (open.is_empty() || bytes[token.start - 1] == b'(');
                    if pieces && !self.is_loop() {
                        return None;
                    }
                    let message = format!("unmatched `{}`", char::from(byte));
                    return Some(self.problem(
                        "syntax/unmatched-bracket",
                        message,
                        token.start,
                        token.end,
                    ));
                }
                _ => {}
            }
        }
        let &(byte, at) = open.last()?;
        if byte == b'{' && !self.is_loop() {
            return None;
        }
        let message = format!("`{}` is never closed", char::from(byte));
        Some(self.problem("syntax/unclosed-bracket", message, at, at + 1))
    }

    /// True for `do { … } while (0)`: no other macro holds the rest of it.
    fn is_loop(&self) -> bool {
        let has = |wanted: &str| {
            let mut words = self.lexed.tokens.iter();
            words.any(|token| &self.text[token.start..token.end] == wanted)
        };
        has("do") && has("while")
    }
}
