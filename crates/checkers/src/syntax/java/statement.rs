//! Statements and the blocks and switches that they stand in.

use super::expression::{EXPRESSION, NO_LAMBDA, Shape, TYPE, Term};
use super::parser::{Parsed, Parser};
use super::token::Kind;

/// What a statement was, as far as it may not stand everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    /// None: the block ends, or the next `case` begins.
    Absent,
    /// The declaration of a type, whose first token this is.
    Type(usize),
    /// The declaration of a variable, whose first token this is.
    Variable(usize),
    /// An expression, a block or `throw`: what may stand behind `->` in a switch.
    Rule,
    Other,
}

/// What a `case` may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Constant,
    Pattern,
    /// `null` and `default`, which stand beside both.
    Either,
}

impl Parser<'_> {
    pub(super) fn block(&mut self) -> Parsed {
        self.accept(Kind::BraceOpen, "of the block")?;
        self.block_statements()?;
        if matches!(self.kind, Kind::Case | Kind::Default) {
            let word = self.text_of(self.index());
            let message = format!("`{word}` outside a `switch`");
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        self.accept(Kind::BraceClose, "at the end of the block")
    }

    fn block_statements(&mut self) -> Parsed {
        while self.block_statement()? != Statement::Absent {}
        Ok(())
    }

    /// A statement where no declaration may stand.
    fn lone_statement(&mut self) -> Parsed<Statement> {
        let statement = self.block_statement()?;
        let (what, first) = match statement {
            Statement::Absent => return Err(self.unexpected("a statement")),
            Statement::Type(first) => ("class", first),
            Statement::Variable(first) => ("variable", first),
            _ => return Ok(statement),
        };
        let message = format!("a {what} is declared in a block only");
        Err(self.wrong("syntax/unexpected-token", message, first))
    }

    pub(super) fn block_statement(&mut self) -> Parsed<Statement> {
        self.nested(Self::any_statement)
    }

    fn any_statement(&mut self) -> Parsed<Statement> {
        let first = self.index();
        match self.kind {
            Kind::BraceClose | Kind::Case | Kind::Default | Kind::Eof => {
                return Ok(Statement::Absent);
            }
            Kind::BraceOpen => {
                self.block()?;
                return Ok(Statement::Rule);
            }
            Kind::At | Kind::Final => {
                let modifiers = self.modifiers()?;
                if self.is_type_declaration() {
                    self.type_declaration(modifiers)?;
                    return Ok(Statement::Type(first));
                }
                self.only_final(modifiers)?;
                let kind = self.parse_type(true)?;
                return self.local_variables(first, kind);
            }
            Kind::Abstract | Kind::Strictfp | Kind::Interface | Kind::Class | Kind::Enum => {
                let modifiers = self.modifiers()?;
                self.type_declaration(modifiers)?;
                return Ok(Statement::Type(first));
            }
            Kind::Identifier => {
                if let Some(statement) = self.statement_with_word()? {
                    return Ok(statement);
                }
            }
            _ => {
                if let Some(statement) = self.keyword_statement()? {
                    return Ok(statement);
                }
            }
        }
        self.declaration_or_expression(first)
    }

    /// A statement that begins with a word which is a keyword there.
    fn statement_with_word(&mut self) -> Parsed<Option<Statement>> {
        let first = self.index();
        if self.is_word("yield") && self.is_yield() {
            self.needs(12);
            self.next();
            self.expression()?;
            self.accept(Kind::Semicolon, "after the statement")?;
            return Ok(Some(Statement::Other));
        }
        if self.is_sealed_start(true) || self.is_non_sealed_start(true) {
            let message = "a local class is neither `sealed` nor `non-sealed`";
            return Err(self.wrong("syntax/unexpected-token", message, first));
        }
        if self.is_record_start() {
            let modifiers = self.modifiers()?;
            self.type_declaration(modifiers)?;
            return Ok(Some(Statement::Type(first)));
        }
        Ok(None)
    }

    fn declaration_or_expression(&mut self, first: usize) -> Parsed<Statement> {
        let term = self.term(EXPRESSION | TYPE)?;
        if term.shape == Shape::Name && self.kind == Kind::Colon {
            self.next();
            self.lone_statement()?;
            return Ok(Statement::Other);
        }
        if self.last_mode & TYPE != 0 && self.kind.is_name() {
            return self.local_variables(first, term);
        }
        self.expression_statement(term)?;
        self.accept(Kind::Semicolon, "after the statement")?;
        Ok(Statement::Rule)
    }

    /// Complains about an expression that does nothing.
    fn expression_statement(&mut self, term: Term) -> Parsed {
        if term.shape == Shape::Action {
            return Ok(());
        }
        let start = self.span_of(term.first).start;
        let last = self.index().saturating_sub(1).max(term.first);
        let end = self.span_of(last).end;
        let message = String::from("not a statement");
        Err(self.fail("syntax/not-a-statement", message, start..end))
    }

    fn local_variables(&mut self, first: usize, kind: Term) -> Parsed<Statement> {
        self.variable_declarators(kind)?;
        self.accept(Kind::Semicolon, "after the declaration")?;
        Ok(Statement::Variable(first))
    }

    /// The names and values of local variables behind their type; says whether it is a single
    /// name without a value.
    fn variable_declarators(&mut self, kind: Term) -> Parsed<bool> {
        self.check_declared_type(kind);
        self.variable_name()?;
        let mut is_bare = self.variable_rest(kind)?;
        while self.kind == Kind::Comma {
            is_bare = false;
            if kind.shape == Shape::Name && self.is_var(kind.first) {
                self.outdated(kind.first, 9);
            }
            self.next();
            self.variable_name()?;
            self.variable_rest(kind)?;
        }
        Ok(is_bare)
    }

    fn check_declared_type(&mut self, kind: Term) {
        if !matches!(kind.shape, Shape::Name | Shape::ArrayType) {
            return;
        }
        if let Some(release) = self.last_release_as_type(kind.first)
            && (kind.shape == Shape::ArrayType || !self.is_var(kind.first))
        {
            self.outdated(kind.first, release);
        }
    }

    /// The dimensions and value of a local variable.
    fn variable_rest(&mut self, kind: Term) -> Parsed<bool> {
        let is_array = self.dimensions()?;
        if is_array && kind.shape == Shape::Name && self.is_var(kind.first) {
            self.outdated(kind.first, 9);
        }
        if self.skip_if(Kind::Equal) {
            self.variable_initializer()?;
            return Ok(false);
        }
        Ok(true)
    }

    /// A statement that begins with a keyword; `None` if the keyword begins none.
    fn keyword_statement(&mut self) -> Parsed<Option<Statement>> {
        let keyword = self.kind;
        let first = self.index();
        match keyword {
            Kind::Semicolon => self.next(),
            Kind::If => self.if_statement()?,
            Kind::For => self.for_statement()?,
            Kind::While => {
                self.next();
                self.parenthesised_expression("while")?;
                self.lone_statement()?;
            }
            Kind::Do => {
                self.next();
                self.lone_statement()?;
                self.accept(Kind::While, "behind the body of `do`")?;
                self.parenthesised_expression("while")?;
                self.accept(Kind::Semicolon, "after the `do` statement")?;
            }
            Kind::Try => self.try_statement()?,
            Kind::Switch => {
                self.next();
                self.parenthesised_expression("switch")?;
                self.switch_block(false)?;
            }
            Kind::Synchronized => {
                self.next();
                self.parenthesised_expression("synchronized")?;
                self.block()?;
            }
            Kind::Return | Kind::Throw => {
                self.next();
                if keyword == Kind::Throw || self.kind != Kind::Semicolon {
                    self.expression()?;
                }
                self.accept(Kind::Semicolon, "after the statement")?;
            }
            Kind::Break | Kind::Continue => {
                self.next();
                if self.kind.is_name() {
                    self.name()?;
                }
                self.accept(Kind::Semicolon, "after the statement")?;
            }
            Kind::Assert => {
                self.next();
                self.expression()?;
                if self.skip_if(Kind::Colon) {
                    self.expression()?;
                }
                self.accept(Kind::Semicolon, "after the statement")?;
            }
            Kind::Else | Kind::Catch | Kind::Finally => {
                let opener = if keyword == Kind::Else { "if" } else { "try" };
                let word = self.text_of(first);
                let message = format!("`{word}` without `{opener}`");
                return Err(self.wrong("syntax/unexpected-token", message, first));
            }
            _ => return Ok(None),
        }
        Ok(Some(match keyword {
            Kind::Throw => Statement::Rule,
            _ => Statement::Other,
        }))
    }

    /// A chain of `else if` is a loop here, however long it is.
    fn if_statement(&mut self) -> Parsed {
        loop {
            self.next();
            self.parenthesised_expression("if")?;
            self.lone_statement()?;
            if !self.skip_if(Kind::Else) {
                return Ok(());
            }
            if self.kind != Kind::If {
                return self.lone_statement().map(drop);
            }
        }
    }

    fn for_statement(&mut self) -> Parsed {
        self.next();
        self.accept(Kind::ParenOpen, "behind `for`")?;
        let is_over_elements = if self.kind == Kind::Semicolon {
            false
        } else if self.is_record_pattern_of_for() {
            self.pattern()?;
            true
        } else {
            self.for_init()? && self.kind == Kind::Colon
        };
        if is_over_elements {
            self.accept(Kind::Colon, "behind the variable of `for`")?;
            self.expression()?;
        } else {
            self.accept(Kind::Semicolon, "behind the start of `for`")?;
            if self.kind != Kind::Semicolon {
                self.expression()?;
            }
            self.accept(Kind::Semicolon, "behind the condition of `for`")?;
            if self.kind != Kind::ParenClose {
                self.comma_separated(|parser| {
                    let term = parser.expression()?;
                    parser.expression_statement(term)
                })?;
            }
        }
        self.accept(Kind::ParenClose, "at the end of the `for` header")?;
        self.lone_statement().map(drop)
    }

    /// True for `for (R(var a, var b) : …)`, which Java 20 previews.
    fn is_record_pattern_of_for(&mut self) -> bool {
        let mut at = self.index();
        while self.token_kind(at) == Kind::Identifier && self.token_kind(at + 1) == Kind::Dot {
            at += 2;
        }
        let calls =
            self.token_kind(at) == Kind::Identifier && self.token_kind(at + 1) == Kind::ParenOpen;
        calls
            && self
                .partner(at + 1)
                .is_some_and(|close| self.token_kind(close + 1) == Kind::Colon)
    }

    /// What stands before the first `;` of `for`; says whether it may be the variable of a `:`.
    fn for_init(&mut self) -> Parsed<bool> {
        if matches!(self.kind, Kind::Final | Kind::At) {
            let modifiers = self.modifiers()?;
            self.only_final(modifiers)?;
            let kind = self.parse_type(true)?;
            return self.variable_declarators(kind);
        }
        let first = self.index();
        let mut term = self.term(EXPRESSION | TYPE)?;
        if self.last_mode & TYPE != 0 && self.kind.is_name() {
            return self.variable_declarators(term);
        }
        if self.last_mode & TYPE != 0 && self.kind == Kind::Colon {
            let message = "expected a variable before `:`";
            return Err(self.wrong("syntax/missing-token", message, first));
        }
        loop {
            self.expression_statement(term)?;
            if !self.skip_if(Kind::Comma) {
                return Ok(false);
            }
            term = self.expression()?;
        }
    }

    fn try_statement(&mut self) -> Parsed {
        let first = self.index();
        self.next();
        let has_resources = self.kind == Kind::ParenOpen;
        if has_resources {
            self.next();
            self.resource()?;
            while self.skip_if(Kind::Semicolon) && self.kind != Kind::ParenClose {
                self.resource()?;
            }
            self.accept(Kind::ParenClose, "behind the resources of `try`")?;
        }
        self.block()?;
        let mut is_handled = has_resources;
        while self.skip_if(Kind::Catch) {
            is_handled = true;
            self.catch_clause()?;
        }
        if self.skip_if(Kind::Finally) {
            is_handled = true;
            self.block()?;
        }
        if is_handled {
            return Ok(());
        }
        let message = "`try` without `catch`, `finally` or resources";
        Err(self.wrong("syntax/missing-token", message, first))
    }

    fn catch_clause(&mut self) -> Parsed {
        self.accept(Kind::ParenOpen, "behind `catch`")?;
        let modifiers = self.modifiers()?;
        self.only_final(modifiers)?;
        self.parse_type(false)?;
        while self.skip_if(Kind::Or) {
            self.parse_type(false)?;
        }
        self.variable_name()?;
        self.dimensions()?;
        self.accept(Kind::ParenClose, "behind the parameter of `catch`")?;
        self.block()
    }

    fn resource(&mut self) -> Parsed {
        let kind = if matches!(self.kind, Kind::Final | Kind::At) {
            let modifiers = self.modifiers()?;
            self.only_final(modifiers)?;
            self.parse_type(true)?
        } else {
            let term = self.term(EXPRESSION | TYPE)?;
            if self.last_mode & TYPE == 0 || !self.kind.is_name() {
                // The resource is a variable that exists, or a field.
                let is_place = matches!(term.shape, Shape::Name | Shape::Member);
                let is_field = is_place || self.ends_with_this(term);
                self.needs(9);
                if is_field {
                    return Ok(());
                }
                let message = "a resource is a declaration or a variable";
                return Err(self.wrong("syntax/unexpected-token", message, term.first));
            }
            term
        };
        self.check_declared_type(kind);
        self.variable_name()?;
        let is_bare = self.variable_rest(kind)?;
        if is_bare {
            return Err(self.missing("`=`", "and the value of the resource"));
        }
        Ok(())
    }

    /// True for `A.this` and `A.class`, which javac's parser does not tell from a field.
    fn ends_with_this(&self, term: Term) -> bool {
        let last = self.index().saturating_sub(1);
        let is_word = matches!(self.token_kind(last), Kind::This | Kind::Class);
        is_word && last > term.first
    }

    /// The cases of a `switch`, with their braces.
    pub(super) fn switch_block(&mut self, is_expression: bool) -> Parsed {
        self.accept(Kind::BraceOpen, "of the `switch`")?;
        let mut has_arrows = None;
        loop {
            match self.kind {
                Kind::Case | Kind::Default => {
                    let first = self.index();
                    let has_arrow = self.switch_case(is_expression)?;
                    if *has_arrows.get_or_insert(has_arrow) != has_arrow {
                        let message = "a `switch` has `->` in all of its cases or in none";
                        return Err(self.wrong("syntax/unexpected-token", message, first));
                    }
                }
                Kind::BraceClose => {
                    self.next();
                    return Ok(());
                }
                _ => return Err(self.unexpected("`case`, `default` or `}`")),
            }
        }
    }

    /// One `case` with what belongs to it; says whether it has an arrow.
    fn switch_case(&mut self, is_expression: bool) -> Parsed<bool> {
        let ends_with_pattern = !self.skip_if(Kind::Default) && self.case_labels()?;
        if self.is_word("when") {
            if !ends_with_pattern {
                let message = "a guard belongs to a pattern only";
                return Err(self.wrong("syntax/unexpected-token", message, self.index()));
            }
            self.next();
            self.term(EXPRESSION | NO_LAMBDA)?;
        }
        if !self.skip_if(Kind::Arrow) {
            if !self.skip_if(Kind::Colon) {
                return Err(self.missing("`:` or `->`", "behind the case"));
            }
            self.block_statements()?;
            return Ok(false);
        }
        self.needs(12);
        if is_expression && !matches!(self.kind, Kind::Throw | Kind::BraceOpen) {
            self.expression()?;
            self.accept(Kind::Semicolon, "after the value of the case")?;
            return Ok(true);
        }
        let first = self.index();
        if self.lone_statement()? != Statement::Rule {
            let message = "behind `->` stands an expression, a block or `throw`";
            return Err(self.wrong("syntax/unexpected-token", message, first));
        }
        Ok(true)
    }

    /// All that a `case` is for; says whether the last of it is a pattern.
    fn case_labels(&mut self) -> Parsed<bool> {
        self.next();
        let mut first = None;
        loop {
            let start = self.index();
            let label = self.case_label()?;
            if label != Label::Either && *first.get_or_insert(label) != label {
                let message = "a `case` is for constants or for patterns, not for both";
                return Err(self.wrong("syntax/unexpected-token", message, start));
            }
            if !self.skip_if(Kind::Comma) {
                return Ok(label == Label::Pattern);
            }
            self.needs(12);
        }
    }

    fn case_label(&mut self) -> Parsed<Label> {
        if self.skip_if(Kind::Default) {
            self.needs(17);
            return Ok(Label::Either);
        }
        let has_modifier = matches!(self.kind, Kind::Final | Kind::At);
        if has_modifier || self.is_pattern() {
            self.needs(17);
            self.pattern()?;
            self.old_guard()?;
            return Ok(Label::Pattern);
        }
        let is_null = self.kind == Kind::Null;
        self.term(EXPRESSION | NO_LAMBDA)?;
        Ok(if is_null {
            Label::Either
        } else {
            Label::Constant
        })
    }
}
