//! JavaScript, TypeScript and their JSX forms: oxc's parser and its early errors.
//!
//! Whether a `.js` file is a module or a script is for its user to say, so it is clean if it is
//! clean as either. Errors of TypeScript that carry a number are the grammar errors that `tsc`
//! raises without knowing any type; nothing that needs types is looked for.

mod separators;

use std::ops::Range;

use claude_flow_lang_detect::Language;
use oxc_allocator::Allocator;
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use super::first_cause::{self, Recovery};
use super::message::fragment;
use super::recursion::Recursive;
use crate::{Finding, Outcome, Related, Source};

/// One reading of a text.
struct Attempt {
    findings: Vec<Finding>,
    recovery: Recovery,
    has_module_syntax: bool,
    is_flow: bool,
}

pub(super) fn check(source: &Source<'_>, text: &str) -> Outcome {
    let parser = Recursive {
        // Measured in the dev profile: 1,840 for `[` in a type, 610 for `keyof`.
        bracket_bytes: 4096,
        token_bytes: 1536,
        language: source.language,
        grammar: match source.language {
            Language::TypeScript => || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Language::Tsx => || tree_sitter_typescript::LANGUAGE_TSX.into(),
            _ => || tree_sitter_javascript::LANGUAGE.into(),
        },
    };
    parser.run(text, || {
        let (first, second) = source_types(source);
        let mut attempt = Attempt::make(text, first);
        if !attempt.findings.is_empty()
            && let Some(second) = second
        {
            attempt = attempt.or_better(Attempt::make(text, second));
        }
        if attempt.is_flow {
            return Outcome::not_run("Flow syntax is not supported");
        }
        let Attempt {
            findings, recovery, ..
        } = attempt;
        Outcome::Checked {
            findings: first_cause::merge(text, source.language, findings, recovery),
        }
    })
}

/// What to read a file as, and what else if that fails.
fn source_types(source: &Source<'_>) -> (SourceType, Option<SourceType>) {
    let extension = source.extension();
    if source.language == Language::JavaScript {
        let module = SourceType::jsx();
        // CommonJS is a script in a function: `return` and `new.target` may stand outside.
        let script = module.with_commonjs(true);
        return match extension.as_str() {
            "mjs" => (module, None),
            "cjs" => (script, None),
            _ => (module, Some(script)),
        };
    }
    let module = match (source.language, extension.as_str()) {
        // The path tells `.d.ts`, `.mts` and `.cts` apart.
        (Language::TypeScript, "ts" | "mts" | "cts") => {
            SourceType::from_path(source.file_name()).unwrap_or_else(|_| SourceType::ts())
        }
        (Language::TypeScript, _) => SourceType::ts(),
        _ => SourceType::tsx(),
    }
    .with_module(true);
    match extension.as_str() {
        "mts" => (module, None),
        _ => (module, Some(module.with_script(true))),
    }
}

impl Attempt {
    fn make(text: &str, source_type: SourceType) -> Self {
        let allocator = Allocator::default();
        let options = ParseOptions {
            parse_regular_expression: true,
            ..ParseOptions::default()
        };
        let parsed = Parser::new(&allocator, text, source_type)
            .with_options(options)
            .parse();
        let comments: Vec<Range<usize>> = parsed
            .program
            .comments
            .iter()
            .map(|comment| comment.span.start as usize..comment.span.end as usize)
            .collect();
        let place = Place { text, comments };
        let mut attempt = Self {
            findings: Vec::new(),
            recovery: Recovery::Independent,
            has_module_syntax: parsed.module_record.has_module_syntax,
            is_flow: parsed.is_flow_language,
        };
        if parsed.diagnostics.has_errors() {
            // An error that the parser survives is about well-formed text.
            if parsed.panicked {
                attempt.recovery = Recovery::Stops;
            }
            attempt.findings = parsed
                .diagnostics
                .errors()
                .map(|it| place.finding(it))
                .collect();
        } else {
            let checked = SemanticBuilder::new_compiler().build(&parsed.program);
            attempt.findings = checked
                .diagnostics
                .errors()
                .map(|it| place.finding(it))
                .chain(separators::missing(&parsed.program))
                .collect();
        }
        attempt
    }

    /// The attempt that says more about the text.
    fn or_better(self, other: Self) -> Self {
        let first_error = |attempt: &Self| {
            let starts = attempt.findings.iter().map(|finding| finding.span.start);
            starts.min().unwrap_or(usize::MAX)
        };
        if other.findings.is_empty() {
            other
        } else if self.has_module_syntax || first_error(&self) > first_error(&other) {
            self
        } else {
            other
        }
    }
}

/// Turns oxc's places into ours.
struct Place<'a> {
    text: &'a str,
    comments: Vec<Range<usize>>,
}

impl Place<'_> {
    fn finding(&self, diagnostic: &OxcDiagnostic) -> Finding {
        let labels = &diagnostic.labels;
        // Where nothing is marked, the later place is the one that contradicts the earlier.
        let main = labels
            .iter()
            .position(oxc_span::LabeledSpan::primary)
            .or_else(|| (0..labels.len()).max_by_key(|&index| labels[index].offset()));
        let main = self.unclosed_element(diagnostic).or(main);
        let mut span = main.map_or(0..0, |index| self.range(&labels[index]));
        let mut message = fragment(&diagnostic.message);
        if message.starts_with("expected a semicolon") {
            "expected `;` or a line break".clone_into(&mut message);
            span = span.start..span.start;
        } else if message.starts_with("expected ") {
            span = first_cause::missing_before(self.text, span, &self.comments);
        } else if message.starts_with("unexpected token") || message.starts_with("unexpected end") {
            let missing = first_cause::missing_operand(self.text, span.clone(), &self.comments);
            if let Some((operator, place)) = missing {
                message = format!("expected an operand after `{operator}`");
                span = place;
            }
        }
        let mut finding = Finding::error(rule(diagnostic), message, span);
        finding.related = labels
            .iter()
            .enumerate()
            .filter(|&(index, _)| Some(index) != main)
            .map(|(_, label)| Related {
                message: label.label().map_or_else(|| "here".to_owned(), fragment),
                span: self.range(label),
            })
            .collect();
        let help = diagnostic.help.as_deref().or(diagnostic.note.as_deref());
        finding.help = help.map(fragment);
        finding
    }

    /// The label of an opening tag that is to blame for a closing tag that does not fit it: the
    /// closing tag does fit an element further out.
    fn unclosed_element(&self, diagnostic: &OxcDiagnostic) -> Option<usize> {
        if rule(diagnostic) != "syntax/mismatched-tag" {
            return None;
        }
        let closing = diagnostic.labels.iter().find(|label| label.primary())?;
        let opening = diagnostic
            .labels
            .iter()
            .position(|label| !label.primary())?;
        let range = self.range(closing);
        let name = self.text[range.clone()]
            .trim_matches(['<', '/', '>'])
            .trim();
        let before = &self.text[..range.start];
        let ends_name = |rest: &str| {
            !rest.starts_with(|next: char| next.is_alphanumeric() || "_$-.:".contains(next))
        };
        let count = |tag: &str| {
            before
                .split(tag)
                .skip(1)
                .filter(|rest| ends_name(rest))
                .count()
        };
        let opened = count(&format!("<{name}"));
        (opened > count(&format!("</{name}"))).then_some(opening)
    }

    /// A label's range, held within the text.
    fn range(&self, label: &oxc_span::LabeledSpan) -> Range<usize> {
        let start = self.text.floor_char_boundary(label.offset() as usize);
        let end = (label.offset() + label.len()) as usize;
        start..self.text.ceil_char_boundary(end.max(start))
    }
}

fn rule(diagnostic: &OxcDiagnostic) -> &'static str {
    const BY_TEXT: [(&str, &str); 16] = [
        ("already been declared", "syntax/redeclaration"),
        ("Duplicate", "syntax/redeclaration"),
        ("multiple default exports", "syntax/redeclaration"),
        ("Multiple constructor", "syntax/redeclaration"),
        ("Encountered diff marker", "syntax/conflict-marker"),
        ("Unterminated string", "syntax/unterminated-literal"),
        (
            "Unterminated multiline comment",
            "syntax/unterminated-comment",
        ),
        (
            "Unterminated regular expression",
            "syntax/unterminated-literal",
        ),
        ("regular expression", "syntax/invalid-regex"),
        ("scape sequence", "syntax/invalid-escape"),
        ("JSX closing tag", "syntax/mismatched-tag"),
        ("closing tag for JSX", "syntax/mismatched-tag"),
        ("Unexpected", "syntax/unexpected-token"),
        ("Expected", "syntax/missing-token"),
        ("Missing", "syntax/missing-token"),
        ("expected", "syntax/missing-token"),
    ];
    let by_text = BY_TEXT
        .iter()
        .find(|(part, _)| diagnostic.message.contains(part));
    match by_text {
        Some((_, rule)) => rule,
        None if diagnostic.code.is_some() => "syntax/typescript",
        None => "syntax/early-error",
    }
}

#[cfg(test)]
mod tests;
