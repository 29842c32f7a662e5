//! C and C++: a parser that needs neither includes nor a preprocessor.
//!
//! Any name may be a macro, so the parser accepts what some macro could make valid and complains
//! about what none could: evidence, not guesses.

#![expect(
    clippy::match_same_arms,
    clippy::nonminimal_bool,
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::struct_excessive_bools,
    reason = "arms and conditions follow the rules of the grammar one by one, as they are read there"
)]

mod conditionals;
mod declaration;
mod directives;
mod expression;
mod macros;
mod parser;
mod statement;
mod tokens;

use std::collections::BTreeMap;

use claude_flow_lang_detect::Language;

use crate::brackets::{bracket, diagnose_conditionals, diagnose_lexed, directive_name};
use crate::lexical::{Kind as Raw, Lexed, lex};
use crate::{Finding, Outcome, Severity, Source, limits};

use conditionals::{Conditionals, Configuration, Selection};
use expression::Place;
use macros::Macros;
use parser::{Parser, Problem, Stop};
use tokens::{Kind, Tokens};

/// How many configurations of a file are read at most.
const CONFIGURATIONS_MAX: usize = 12;

/// How many branches of prose are set aside at most.
const PROSE_MAX: usize = 8;

/// How many arguments that end with `{` show that macros take pieces of blocks.
const HEADS_MIN: usize = 2;

/// How many words make a line prose, if they are most of it.
const PROSE_WORDS_MIN: usize = 3;

/// What follows `@` in Objective-C.
const OBJECTIVE_C: [&str; 16] = [
    "interface",
    "implementation",
    "protocol",
    "class",
    "end",
    "property",
    "import",
    "required",
    "optional",
    "try",
    "catch",
    "selector",
    "available",
    "autoreleasepool",
    "YES",
    "NO",
];

/// Types that every file in Objective-C has at hand.
const OBJECTIVE_C_TYPES: [&str; 6] = [
    "NSArray",
    "NSDictionary",
    "NSInteger",
    "NSObject",
    "NSString",
    "NSUInteger",
];

/// How many lines of instructions show that a file is in assembler.
const INSTRUCTIONS_MIN: usize = 3;

/// What follows `.` at the start of a line of assembler.
const ASSEMBLER: [&str; 23] = [
    "macro",
    "endm",
    "globl",
    "global",
    "text",
    "data",
    "section",
    "align",
    "balign",
    "p2align",
    "type",
    "if",
    "else",
    "endif",
    "err",
    "long",
    "quad",
    "pushsection",
    "popsection",
    "set",
    "altmacro",
    "arch",
    "rept",
];

pub(super) fn check(source: &Source<'_>, text: &str) -> Outcome {
    let outcome = check_as(source.language, text);
    let found = matches!(&outcome, Outcome::Checked { findings } if !findings.is_empty());
    // What language a header is in is a guess: it is sound if it is so in one of the two.
    if found && source.extension() == "h" && !text.contains("__cplusplus") {
        let other = if source.language == Language::C {
            Language::Cpp
        } else {
            Language::C
        };
        if matches!(check_as(other, text), Outcome::Checked { findings } if findings.is_empty()) {
            return Outcome::Checked {
                findings: Vec::new(),
            };
        }
    }
    let header = source.extension() == "h";
    if !found && header && source.language == Language::C && text.contains("__cplusplus") {
        return check_as_cpp_too(text, outcome);
    }
    outcome
}

/// A text that speaks of both languages has to close its brackets in both.
fn check_as_cpp_too(text: &str, outcome: Outcome) -> Outcome {
    const BRACKETS: [&str; 3] = [
        "syntax/unclosed-bracket",
        "syntax/unmatched-bracket",
        "syntax/mismatched-bracket",
    ];
    match check_as(Language::Cpp, text) {
        Outcome::Checked { findings }
            if findings.iter().any(|finding| {
                finding.severity == Severity::Error && BRACKETS.contains(&finding.rule.as_ref())
            }) =>
        {
            Outcome::Checked { findings }
        }
        _ => outcome,
    }
}

fn check_as(language: Language, text: &str) -> Outcome {
    let lexed = lex(text, language);
    if let Some(finding) = diagnose_conditionals(text, &lexed) {
        return Outcome::Checked {
            findings: vec![finding],
        };
    }
    let tokens = tokens::build(text, &lexed, language);
    let mut file = File {
        text,
        language,
        macros: Macros::read(text, &tokens),
        conditionals: Conditionals::read(text, &tokens, language == Language::Cpp),
        lexed: &lexed,
        tokens: &tokens,
    };
    file.kill_prose();
    let (problem, severity) = match file.verdict_without_prose() {
        Verdict::Sound => {
            let is_active = |at| !file.conditionals.is_dead(at);
            let problem = directives::diagnose(text, &tokens.directives, language, &is_active);
            let findings = problem.map(|problem| problem.finding(Severity::Error));
            return Outcome::Checked {
                findings: findings.into_iter().collect(),
            };
        }
        Verdict::Broken(problem) if problem.doubtful => (problem, Severity::Info),
        Verdict::Broken(problem) => (problem, Severity::Error),
        Verdict::Unclear(problem) => (problem, Severity::Info),
        Verdict::TooDeep(at) => {
            let line = text[..at].matches('\n').count() + 1;
            return Outcome::not_run(format!(
                "line {line}: nested deeper than {} levels",
                limits::NESTING_DEPTH_MAX
            ));
        }
    };
    if let Some(other) = file.other_language() {
        return Outcome::not_run(format!("{other} is not checked"));
    }
    Outcome::Checked {
        findings: vec![problem.finding(severity)],
    }
}

enum Verdict {
    Sound,
    Broken(Problem),
    Unclear(Problem),
    TooDeep(usize),
}

impl Problem {
    fn finding(self, severity: Severity) -> Finding {
        if severity == Severity::Error {
            return Finding::error(self.rule, self.message, self.span);
        }
        let message = format!(
            "not understood: {}, unless a macro or a condition makes it valid",
            self.message
        );
        Finding::error("syntax/not-understood", message, self.span).with_severity(severity)
    }
}

struct File<'t> {
    text: &'t str,
    language: Language,
    macros: Macros<'t>,
    conditionals: Conditionals,
    lexed: &'t Lexed,
    tokens: &'t Tokens,
}

impl File<'_> {
    /// What stands in a conditional branch may be prose; an apostrophe in a word gives it away.
    fn kill_prose(&mut self) {
        let bytes = self.text.as_bytes();
        for directive in &self.tokens.directives {
            let line = &self.text[directive.start..directive.end];
            if directive_name(line) == "error" {
                self.conditionals.kill(directive.start);
            }
        }
        for problem in &self.lexed.unterminated {
            let at = problem.span.start;
            let in_word = at > 0
                && bytes[at - 1].is_ascii_alphabetic()
                && bytes[at] == b'\''
                && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
            if in_word && !self.conditionals.is_empty() {
                self.conditionals.kill(at);
            }
        }
    }

    /// Sets branches aside in which prose stands.
    fn verdict_without_prose(&mut self) -> Verdict {
        for _ in 0..PROSE_MAX {
            let verdict = self.verdict();
            match &verdict {
                Verdict::Broken(problem) | Verdict::Unclear(problem)
                    if self.is_prose(problem.span.start)
                        && self.conditionals.kill(problem.span.start) => {}
                _ => return verdict,
            }
        }
        self.verdict()
    }

    /// True if a line is made of words.
    fn is_prose(&self, at: usize) -> bool {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[start..].lines().next().unwrap_or("");
        let line = line.split("/*").next().unwrap_or("");
        let (mut words, mut others) = (0, 0);
        for chunk in line.split_whitespace() {
            let word = chunk.trim_end_matches([',', '.', ':', ';']);
            let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
            if plain && !tokens::is_keyword(word, self.language) {
                words += 1;
            } else {
                others += 1;
            }
        }
        words >= PROSE_WORDS_MIN && words > others
    }

    /// The language that the file is in, if it is neither C nor C++.
    fn other_language(&self) -> Option<&'static str> {
        if self.text.trim_start().starts_with('!') {
            return Some("Fortran");
        }
        if self.is_assembler() {
            return Some("assembler");
        }
        let imports = self.tokens.directives.iter().any(|directive| {
            let line = &self.text[directive.start..directive.end];
            directive_name(line) == "import" && line.trim_end().ends_with(".h>")
        });
        if imports {
            return Some("Objective-C");
        }
        let bytes = self.text.as_bytes();
        let mut previous_end = usize::MAX;
        let mut previous = 0;
        for (index, token) in self.lexed.tokens.iter().enumerate() {
            let next = self.lexed.tokens.get(index + 1);
            // `.type = …` designates a member.
            let designates =
                next.is_some_and(|next| matches!(bytes[next.start], b'=' | b'[' | b'.'));
            if token.kind == Raw::Word && token.start == previous_end && !designates {
                let word = &self.text[token.start..token.end];
                let mark = bytes[previous];
                if mark == b'@' && OBJECTIVE_C.contains(&word) {
                    return Some("Objective-C");
                }
            }
            if token.kind == Raw::Literal && token.start == previous_end && bytes[previous] == b'@'
            {
                return Some("Objective-C");
            }
            if token.kind == Raw::Word
                && OBJECTIVE_C_TYPES.contains(&&self.text[token.start..token.end])
            {
                return Some("Objective-C");
            }
            if token.kind == Raw::Word && token.start == previous_end && !designates {
                let word = &self.text[token.start..token.end];
                let mark = bytes[previous];
                let line = self.text[..previous]
                    .rfind('\n')
                    .map_or(0, |newline| newline + 1);
                let first = self.text[line..previous].trim_start().is_empty();
                if mark == b'.' && first && ASSEMBLER.contains(&word) {
                    return Some("assembler");
                }
            }
            previous = token.start;
            previous_end = token.end;
        }
        None
    }

    /// True if lines are instructions of an assembler or directives of one.
    fn is_assembler(&self) -> bool {
        let defines = self.tokens.directives.iter().any(|directive| {
            let line = &self.text[directive.start..directive.end];
            let value = line.split_whitespace().nth(2).unwrap_or("");
            directive_name(line) == "define"
                && value
                    .strip_prefix('.')
                    .is_some_and(|word| ASSEMBLER.contains(&word))
        });
        let (mut instructions, mut others) = (0, 0);
        for line in self.text.lines().map(str::trim) {
            if line.starts_with("%define") || line.starts_with("%macro") {
                return true;
            }
            let is_comment = line.starts_with(['*', '/', '#']) || line.ends_with('\\');
            if line.is_empty() || is_comment {
                continue;
            }
            let mut words = line.split_whitespace();
            let mnemonic = words.next().unwrap_or("");
            let operands = words.next().unwrap_or("");
            let is_instruction = mnemonic
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && (operands.contains(',') || words.next().is_none() && !operands.is_empty())
                && !line.ends_with([',', '{', '}', '='])
                && !line.contains(';');
            if is_instruction {
                instructions += 1;
            } else {
                others += 1;
            }
        }
        defines || instructions >= INSTRUCTIONS_MIN && instructions > others
    }

    fn verdict(&self) -> Verdict {
        let mut covered = vec![false; self.conditionals.branch_count()];
        let mut problems: Vec<Problem> = Vec::new();
        let mut bases = vec![true];
        if self.conditionals.has_choices() {
            bases.push(false);
        }
        let mut count = 0;
        let mut sound_any = false;
        for base in bases {
            let configuration = Configuration {
                base,
                overrides: Vec::new(),
            };
            count += 1;
            match self.try_configuration(&configuration, &mut covered) {
                Ok(()) => sound_any = true,
                Err(Stop::TooDeep(at)) => return Verdict::TooDeep(at),
                Err(Stop::Wrong(problem)) => {
                    if self.is_certain(&problem) {
                        return Verdict::Broken(*problem);
                    }
                    problems.push(*problem);
                }
            }
        }
        self.remaining(covered, problems, count, sound_any)
    }

    /// Reads the branches that no sound configuration had.
    fn remaining(
        &self,
        mut covered: Vec<bool>,
        mut problems: Vec<Problem>,
        mut count: usize,
        mut sound_any: bool,
    ) -> Verdict {
        for branch in 0..covered.len() {
            if covered[branch] || !self.conditionals.matters(branch) {
                continue;
            }
            for base in [false, true] {
                if count >= CONFIGURATIONS_MAX || covered[branch] {
                    break;
                }
                let given = Configuration {
                    base,
                    overrides: Vec::new(),
                };
                let Some(mut configuration) = self.conditionals.with_branch(branch, &given) else {
                    break;
                };
                // Several branches that do not exclude each other are read at once.
                for (other, is_covered) in covered.iter().enumerate().skip(branch + 1) {
                    if !is_covered
                        && self.conditionals.matters(other)
                        && problems.is_empty()
                        && let Some(both) = self.conditionals.with_branch(other, &configuration)
                    {
                        configuration = both;
                    }
                }
                count += 1;
                match self.try_configuration(&configuration, &mut covered) {
                    Ok(()) => sound_any = true,
                    Err(Stop::TooDeep(at)) => return Verdict::TooDeep(at),
                    Err(Stop::Wrong(problem)) => {
                        if self.is_certain(&problem) {
                            return Verdict::Broken(*problem);
                        }
                        problems.push(*problem);
                    }
                }
            }
        }
        let Some(problem) = problems.into_iter().next() else {
            return Verdict::Sound;
        };
        let all =
            (0..covered.len()).all(|branch| covered[branch] || !self.conditionals.matters(branch));
        if sound_any && all {
            return Verdict::Sound;
        }
        if sound_any && !self.is_unbalanced(&problem) {
            return Verdict::Unclear(problem);
        }
        Verdict::Broken(problem)
    }

    /// True if the brackets of one conditional alone do not pair up.
    fn is_unbalanced(&self, problem: &Problem) -> bool {
        let is_bracket = matches!(
            problem.rule,
            "syntax/unclosed-bracket" | "syntax/unmatched-bracket" | "syntax/mismatched-bracket"
        );
        is_bracket && self.conditionals.unbalanced(self.tokens) == 1
    }

    /// True if no condition can excuse the problem.
    fn is_certain(&self, problem: &Problem) -> bool {
        self.conditionals.is_empty()
            || !self
                .conditionals
                .between(self.tokens, problem.from, problem.until)
    }

    fn try_configuration(
        &self,
        configuration: &Configuration,
        covered: &mut [bool],
    ) -> Result<(), Stop> {
        let selection = self
            .conditionals
            .select(self.text, self.tokens, configuration);
        self.read(&selection)?;
        for (covered, active) in covered.iter_mut().zip(&selection.active) {
            *covered |= active;
        }
        Ok(())
    }

    fn read(&self, selection: &Selection) -> Result<(), Stop> {
        let cpp = self.language == Language::Cpp;
        let is_active = |at: usize| {
            let position = selection.ranges.partition_point(|range| range.end <= at);
            selection
                .ranges
                .get(position)
                .is_some_and(|range| range.start <= at)
        };
        let unterminated = self
            .lexed
            .unterminated
            .iter()
            .find(|problem| is_active(problem.span.start));
        let stray = selection
            .tokens
            .iter()
            .position(|token| token.kind == Kind::Stray);
        let partners = parser::pair(&selection.tokens, &self.macros, cpp);
        let parser =
            |partners| Parser::new(self.text, &selection.tokens, partners, &self.macros, cpp);
        if let Some(stray) = stray.filter(|_| partners.is_none() || unterminated.is_some()) {
            let before = unterminated
                .is_none_or(|problem| problem.span.start > selection.tokens[stray].start as usize);
            if before {
                return Err(parser(&[]).unexpected(stray));
            }
        }
        let Some(partners) = partners.filter(|_| unterminated.is_none()) else {
            return Err(self.unbalanced(&is_active));
        };
        parser::doubled(&parser(&partners))?;
        let mut parser = parser(&partners);
        let end = selection.tokens.len();
        // A part of an array, to be included where the array is.
        let mut first = selection
            .tokens
            .iter()
            .skip_while(|token| token.kind == Kind::Include);
        let is_fragment = first.next().is_some_and(|token| {
            matches!(
                token.kind,
                Kind::LeftBrace | Kind::Dot | Kind::Number | Kind::Char
            )
        });
        if is_fragment && parser.looks_like_block(0) {
            return parser.scope_body(Place::Block, end);
        }
        if is_fragment {
            return parser.list(Place::Init, end).map(|_| ());
        }
        parser.scope_body(Place::File, end)
    }

    /// True if there are as many closing parentheses and brackets as opening ones.
    fn parentheses_pair_up(&self, active: &Lexed) -> bool {
        let bytes = self.text.as_bytes();
        let count = |byte: u8| {
            active
                .tokens
                .iter()
                .filter(|token| bytes[token.start] == byte)
                .count()
        };
        count(b'(') == count(b')') && count(b'[') == count(b']')
    }

    /// True if macros take pieces of blocks as arguments: `CODE(if (a) {)` and `CODE(})`.
    fn splits_in_macros(&self, active: &Lexed) -> bool {
        let bytes = self.text.as_bytes();
        let named = |token: &crate::lexical::Token, is: fn(&str) -> bool| {
            token.kind == Raw::Word && is(&self.text[token.start..token.end])
        };
        // `NOISE(f(int a) {) NO_NOISE(f() {)`
        let heads = active.tokens.windows(2).filter(|window| {
            let [open, close] = window else {
                return false;
            };
            bytes[open.start] == b'{' && bytes[close.start] == b')'
        });
        if heads.count() >= HEADS_MIN
            || active
                .tokens
                .iter()
                .any(|token| named(token, macros::takes_code))
        {
            return true;
        }
        active.tokens.windows(3).any(|window| {
            let [name, open, close] = window else {
                return false;
            };
            name.kind == Raw::Word
                && macros::may_be_named(&self.text[name.start..name.end])
                && open.kind == Raw::Open
                && bracket(bytes, open) == b'('
                && close.kind == Raw::Close
                && bracket(bytes, close) == b'}'
        })
    }

    /// True if the file includes what a macro names: itself, to repeat the middle of a class.
    fn repeats_itself(&self) -> bool {
        self.tokens.directives.iter().any(|directive| {
            let line = &self.text[directive.start..directive.end];
            directive_name(line) == "include" && !line.contains(['"', '<'])
        })
    }

    /// True if the last of the file is a macro named for an end, and nothing for a beginning.
    fn ends_by_macro(&self, active: &Lexed) -> bool {
        let known = self.held_braces();
        let named = |token: &crate::lexical::Token, part: &str| {
            let word = &self.text[token.start..token.end];
            token.kind == Raw::Word
                && macros::may_be_named(word)
                && word.contains(part)
                && !known.contains_key(word)
        };
        active.tokens.last().is_some_and(|last| named(last, "END"))
            && !active.tokens.iter().any(|token| named(token, "BEGIN"))
    }

    /// For each macro of the file how many braces more than it closes it opens.
    fn held_braces(&self) -> BTreeMap<&str, isize> {
        let mut held = BTreeMap::new();
        for directive in &self.tokens.directives {
            let line = &self.text[directive.start..directive.end];
            if directive_name(line) != "define" {
                continue;
            }
            let rest = line.split_once("define").map_or("", |(_, rest)| rest);
            let rest = rest.trim_start();
            let end = rest
                .find(|next: char| !next.is_alphanumeric() && next != '_')
                .unwrap_or(rest.len());
            let count = |brace: char| rest.matches(brace).count().cast_signed();
            // What the macros in it hold, it holds as well.
            let nested: isize = rest[end..]
                .split(|next: char| !next.is_alphanumeric() && next != '_')
                .filter_map(|word| held.get(word))
                .sum();
            held.entry(&rest[..end])
                .or_insert_with(|| nested + count('{') - count('}'));
        }
        held
    }

    /// True if the braces that the file's own macros hold are those that the text lacks.
    fn balances_with_macros(&self, active: &Lexed) -> bool {
        let bytes = self.text.as_bytes();
        let known = self.held_braces();
        let mut surplus = 0_isize;
        let mut by_macro = false;
        for token in &active.tokens {
            match bytes[token.start] {
                b'{' => surplus += 1,
                b'}' => surplus -= 1,
                _ if token.kind == Raw::Word => {
                    let word = &self.text[token.start..token.end];
                    let held = known.get(word).copied().unwrap_or(0);
                    by_macro |= held != 0;
                    surplus += held;
                }
                _ => {}
            }
        }
        by_macro && surplus == 0
    }

    /// True if a macro opens the bodies of functions or classes: `ENTRY(f) … }`, more than once.
    fn opens_by_macro(&self, active: &Lexed) -> bool {
        let bytes = self.text.as_bytes();
        let known = self.held_braces();
        let mut seen: Vec<&str> = Vec::new();
        for (index, window) in active.tokens.windows(2).enumerate() {
            let [name, open] = window else { continue };
            let word = &self.text[name.start..name.end];
            let line = self.text[..name.start]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            if name.kind != Raw::Word
                || line != name.start
                || !macros::may_be_named(word)
                || open.kind != Raw::Open
                || bracket(bytes, open) != b'('
            {
                continue;
            }
            let mut depth = 0_usize;
            let after = active.tokens[index + 1..].iter().position(|token| {
                match token.kind {
                    Raw::Open => depth += 1,
                    Raw::Close => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0
            });
            let next = after.and_then(|after| active.tokens.get(index + after + 2));
            let deeper = next.is_some_and(|next| {
                next.kind == Raw::Word && self.text[..next.start].ends_with([' ', '\t'])
            });
            if deeper && !known.contains_key(word) {
                if seen.contains(&word) {
                    return true;
                }
                seen.push(word);
            }
        }
        false
    }

    /// The bracket or literal that a person has to mend.
    fn unbalanced(&self, is_active: &dyn Fn(usize) -> bool) -> Stop {
        let mut active = Lexed::default();
        let mut unterminated = self.lexed.unterminated.iter().peekable();
        for (count, token) in self.lexed.tokens.iter().enumerate() {
            while let Some(problem) = unterminated.next_if(|problem| problem.token_count <= count) {
                active.note(problem, is_active);
            }
            if token.kind != Raw::Directive && is_active(token.start) {
                active.tokens.push(*token);
            }
        }
        for problem in unterminated {
            active.note(problem, is_active);
        }
        // A macro's arguments may split braces, but its own parentheses have to pair up.
        let finding = diagnose_lexed(self.text, &active, self.language);
        let surplus = finding.as_ref().is_some_and(|finding| {
            finding.rule == "syntax/unmatched-bracket" && self.text[finding.span.clone()] == *"}"
        });
        let doubtful = self.parentheses_pair_up(&active)
            && (self.splits_in_macros(&active)
                || surplus && (self.opens_by_macro(&active) || self.repeats_itself())
                || !surplus && self.ends_by_macro(&active)
                || self.balances_with_macros(&active));
        let problem = finding.map_or_else(
            || Problem {
                rule: "syntax/unclosed-bracket",
                message: "the brackets do not pair up".to_owned(),
                span: 0..0,
                doubtful,
                from: 0,
                until: self.text.len(),
            },
            |finding| Problem {
                rule: match finding.rule {
                    std::borrow::Cow::Borrowed(rule) => rule,
                    std::borrow::Cow::Owned(_) => "syntax/unclosed-bracket",
                },
                message: finding.message,
                doubtful: doubtful && finding.rule != "syntax/unterminated-literal",
                from: if finding.rule == "syntax/unterminated-literal" {
                    finding.span.start
                } else {
                    0
                },
                until: if finding.rule == "syntax/unterminated-literal" {
                    finding.span.end
                } else {
                    self.text.len()
                },
                span: finding.span,
            },
        );
        Stop::Wrong(Box::new(problem))
    }
}

impl Lexed {
    fn note(&mut self, problem: &crate::lexical::Unterminated, is_active: &dyn Fn(usize) -> bool) {
        if is_active(problem.span.start) {
            let mut problem = problem.clone();
            problem.token_count = self.tokens.len();
            self.unterminated.push(problem);
        }
    }
}
