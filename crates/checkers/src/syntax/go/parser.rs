//! The cursor over the tokens, and everything that stands outside functions.

use super::Stop;
use super::tokens::{Kind, Token};
use crate::limits::NESTING_DEPTH_MAX;

/// Recognises Go, one token of look-ahead at a time.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// Below zero in the header of `if`, `for` and `switch`, where a `{` begins the block.
    pub(super) literal_level: i32,
}

pub(super) type Parsed<T = ()> = Result<T, Stop>;

impl<'a> Parser<'a> {
    pub(super) const fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            depth: 0,
            literal_level: 0,
        }
    }

    /// Runs a rule that can contain itself.
    pub(super) fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == NESTING_DEPTH_MAX {
            return Err(Stop::TooDeep {
                at: self.current().start,
            });
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    pub(super) fn current(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self, offset: usize) -> &'a Token {
        &self.tokens[(self.at + offset).min(self.tokens.len() - 1)]
    }

    pub(super) fn text_of(&self, token: &Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// True if the current token is this keyword or operator.
    pub(super) fn is(&self, text: &str) -> bool {
        let token = self.current();
        matches!(token.kind, Kind::Operator | Kind::Keyword) && self.text_of(token) == text
    }

    pub(super) fn peek_is(&self, offset: usize, text: &str) -> bool {
        let token = self.peek(offset);
        matches!(token.kind, Kind::Operator | Kind::Keyword) && self.text_of(token) == text
    }

    pub(super) fn is_kind(&self, kind: Kind) -> bool {
        self.current().kind == kind
    }

    pub(super) fn is_semicolon(&self) -> bool {
        matches!(self.current().kind, Kind::Semicolon | Kind::LineEnd)
    }

    pub(super) fn got(&mut self, text: &str) -> bool {
        let got = self.is(text);
        if got {
            self.advance();
        }
        got
    }

    pub(super) fn want(&mut self, text: &str, context: &str) -> Parsed {
        if self.got(text) {
            return Ok(());
        }
        Err(self.expected(&format!("`{text}`{context}")))
    }

    pub(super) fn name(&mut self, what: &str) -> Parsed {
        if self.is_kind(Kind::Name) {
            self.advance();
            return Ok(());
        }
        Err(self.expected(what))
    }

    /// The current token does not fit; a missing one is placed where the line before ends.
    pub(super) fn expected(&self, what: &str) -> Stop {
        let token = self.current();
        let previous = (self.at > 0).then(|| &self.tokens[self.at - 1]);
        let behind = previous.filter(|previous| {
            !matches!(previous.kind, Kind::Semicolon | Kind::LineEnd)
                && (previous.line < token.line || matches!(token.kind, Kind::LineEnd | Kind::End))
        });
        let Some(previous) = behind else {
            let message = format!("expected {what}, found {}", self.describe(token));
            return Stop::unexpected(message, token.start..token.end);
        };
        Stop::Error {
            rule: "syntax/missing-token",
            message: format!("expected {what}"),
            span: previous.end..previous.end,
        }
    }

    pub(super) fn unexpected(&self, context: &str) -> Stop {
        let token = self.current();
        let message = format!("unexpected {}{context}", self.describe(token));
        Stop::unexpected(message, token.start..token.end)
    }

    fn describe(&self, token: &Token) -> String {
        match token.kind {
            Kind::LineEnd => "the end of the line".to_owned(),
            Kind::End => "the end of the file".to_owned(),
            Kind::Literal => "a literal".to_owned(),
            _ => format!("`{}`", self.text_of(token)),
        }
    }

    /// A whole file: the package clause, then imports, then other declarations.
    pub(super) fn file(&mut self) -> Parsed {
        if !self.is("package") {
            return Err(self.expected_at_start("`package` and the package's name"));
        }
        self.advance();
        self.name("the package's name")?;
        self.after_declaration()?;
        let mut imports_allowed = true;
        while !self.is_kind(Kind::End) {
            let keyword = self.text_of(self.current());
            match keyword {
                "import" if self.is("import") => {
                    if !imports_allowed {
                        return Err(self.unexpected(": imports come before other declarations"));
                    }
                    self.advance();
                    self.group(Self::import_spec)?;
                }
                "const" | "var" | "type" if self.is(keyword) => {
                    imports_allowed = false;
                    self.declaration()?;
                }
                "func" if self.is("func") => {
                    imports_allowed = false;
                    self.advance();
                    self.function_declaration()?;
                }
                _ => return Err(self.unexpected(" outside a function body")),
            }
            self.after_declaration()?;
        }
        Ok(())
    }

    fn expected_at_start(&self, what: &str) -> Stop {
        let token = self.current();
        let message = format!("expected {what}, found {}", self.describe(token));
        Stop::unexpected(message, token.start..token.end)
    }

    fn after_declaration(&mut self) -> Parsed {
        if self.is_semicolon() {
            let line_end = self.is_kind(Kind::LineEnd);
            if line_end && self.peek_is(1, "{") {
                let token = self.current();
                return Err(Stop::Error {
                    rule: "syntax/unexpected-token",
                    message: "the function's `{` has to stand on this line".to_owned(),
                    span: token.start..token.end,
                });
            }
            self.advance();
            Ok(())
        } else if self.is_kind(Kind::End) {
            Ok(())
        } else {
            Err(self.unexpected(" after a top-level declaration"))
        }
    }

    /// `const`, `var` or `type`, alone or as a group.
    pub(super) fn declaration(&mut self) -> Parsed {
        let keyword = self.text_of(self.current());
        self.advance();
        match keyword {
            "const" => self.group(Self::const_spec),
            "var" => self.group(Self::var_spec),
            _ => self.group(Self::type_spec),
        }
    }

    fn group(&mut self, spec: fn(&mut Self) -> Parsed) -> Parsed {
        if !self.got("(") {
            return spec(self);
        }
        while !self.is(")") {
            spec(self)?;
            if self.is_semicolon() {
                self.advance();
            } else if !self.is(")") {
                return Err(self.expected("`)` or a new line"));
            }
        }
        self.advance();
        Ok(())
    }

    fn import_spec(&mut self) -> Parsed {
        if !self.got(".") && self.is_kind(Kind::Name) {
            self.advance();
        }
        let token = self.current();
        if token.kind == Kind::Literal && self.text_of(token).starts_with(['"', '`']) {
            self.advance();
            return Ok(());
        }
        Err(self.expected("an import path in quotes"))
    }

    fn name_list(&mut self) -> Parsed {
        self.name("a name")?;
        while self.got(",") {
            self.name("a name")?;
        }
        Ok(())
    }

    fn const_spec(&mut self) -> Parsed {
        self.name_list()?;
        let ends =
            |parser: &Self| parser.is_semicolon() || parser.is(")") || parser.is_kind(Kind::End);
        if !ends(self) {
            if !self.is("=") {
                self.type_()?;
            }
            if self.got("=") {
                self.expression_list()?;
            }
        }
        Ok(())
    }

    fn var_spec(&mut self) -> Parsed {
        self.name_list()?;
        if self.got("=") {
            return self.expression_list();
        }
        self.type_()?;
        if self.got("=") {
            self.expression_list()?;
        }
        Ok(())
    }

    fn type_spec(&mut self) -> Parsed {
        self.name("the type's name")?;
        if self.is("[") {
            self.parameters_or_array()?;
        }
        self.got("=");
        self.type_()
    }

    /// Type parameters, or the brackets of an array or slice type.
    fn parameters_or_array(&mut self) -> Parsed {
        if self.is_type_parameters() {
            return self.type_parameters();
        }
        self.advance();
        if self.got("]") {
            return Ok(());
        }
        self.outside_header(Self::expression)?;
        self.want("]", " after the array's length")
    }

    /// Whether `[` begins type parameters; `[P *C]` is taken for an array as the compiler does.
    fn is_type_parameters(&self) -> bool {
        if self.peek(1).kind != Kind::Name {
            return false;
        }
        let next = self.peek(2);
        match (next.kind, self.text_of(next)) {
            (Kind::Name, _) | (Kind::Operator, "," | "~" | "[") => true,
            (Kind::Keyword, word) => !matches!(word, "range"),
            (Kind::Operator, "*" | "(") => self.bracket_lists_constraints(),
            _ => false,
        }
    }

    /// Whether a comma, `|` or `~` stands directly inside the brackets that begin here.
    fn bracket_lists_constraints(&self) -> bool {
        let mut depth = 0_usize;
        for token in &self.tokens[self.at..] {
            match (token.kind, self.text_of(token)) {
                (Kind::Operator, "(" | "[" | "{") => depth += 1,
                (Kind::Operator, ")" | "]" | "}") => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return false;
                    }
                }
                (Kind::Operator, "," | "|" | "~") if depth == 1 => return true,
                (Kind::LineEnd | Kind::Semicolon | Kind::End, _) => return false,
                _ => {}
            }
        }
        false
    }

    /// `[P, Q constraint, R constraint]`.
    pub(super) fn type_parameters(&mut self) -> Parsed {
        self.want("[", "")?;
        loop {
            self.name("a type parameter")?;
            if self.got(",") {
                continue;
            }
            if self.is("]") {
                return Err(self.expected("the type parameter's constraint"));
            }
            self.constraint()?;
            if !self.got(",") || self.is("]") {
                return self.want("]", " after the type parameters");
            }
        }
    }

    fn function_declaration(&mut self) -> Parsed {
        let receiver = self.is("(");
        if receiver {
            let open = self.current();
            let count = self.parameters()?;
            if count != 1 {
                let message = "a method has exactly one receiver".to_owned();
                return Err(Stop::unexpected(message, open.start..open.end));
            }
        }
        self.name("the function's name")?;
        if self.is("[") {
            self.type_parameters()?;
        }
        self.signature()?;
        if self.is("{") {
            let level = std::mem::replace(&mut self.literal_level, 0);
            self.block()?;
            self.literal_level = level;
        }
        Ok(())
    }

    /// Runs a rule inside brackets, where composite literals are allowed again.
    pub(super) fn outside_header<T>(
        &mut self,
        rule: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let level = std::mem::replace(&mut self.literal_level, 0);
        let result = rule(self);
        self.literal_level = level;
        result
    }
}
