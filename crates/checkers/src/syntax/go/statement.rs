//! Statements.

use super::Stop;
use super::expression::Shape;
use super::parser::{Parsed, Parser};
use super::tokens::Kind;

/// What a simple statement is, as far as its place depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Simple {
    /// One expression.
    Expression,
    /// A `range` clause.
    Range,
    /// A short variable declaration.
    Declaration,
    /// `x := y.(type)` or `y.(type)`.
    TypeSwitch,
    /// An assignment, a send, an increment.
    Other,
}

impl Parser<'_> {
    pub(super) fn block(&mut self) -> Parsed {
        self.want("{", "")?;
        self.statement_list()?;
        self.want("}", " at the end of the block")
    }

    fn statement_list(&mut self) -> Parsed {
        while !(self.is("}") || self.is_kind(Kind::End) || self.is("case") || self.is("default")) {
            self.nested(Self::statement)?;
            if self.is_semicolon() {
                self.advance();
            } else if !(self.is("}") || self.is(")")) {
                if self.is("case") || self.is("default") {
                    continue;
                }
                return Err(self.unexpected(" at the end of the statement"));
            } else if self.is(")") {
                return Err(self.unexpected(""));
            }
        }
        Ok(())
    }

    fn statement(&mut self) -> Parsed {
        let token = self.current();
        match token.kind {
            Kind::Semicolon | Kind::LineEnd => return Ok(()),
            Kind::Name if self.peek_is(1, ":") => {
                self.advance();
                self.advance();
                return if self.is("}") {
                    Ok(())
                } else {
                    self.nested(Self::statement)
                };
            }
            Kind::Keyword => return self.keyword_statement(),
            _ => {}
        }
        if self.is("{") {
            return self.outside_header(Self::block);
        }
        if self.is("}") {
            return Ok(());
        }
        self.plain_statement()
    }

    /// A simple statement where no header follows.
    fn plain_statement(&mut self) -> Parsed {
        let start = self.current().start;
        match self.simple(false)? {
            Simple::TypeSwitch => {
                let message = "`.(type)` outside a type switch".to_owned();
                Err(Stop::unexpected(message, start..self.current().start))
            }
            _ => Ok(()),
        }
    }

    fn keyword_statement(&mut self) -> Parsed {
        match self.text_of(self.current()) {
            "var" | "const" | "type" => self.declaration(),
            "if" => self.if_statement(),
            "for" => self.for_statement(),
            "switch" => self.switch_statement(),
            "select" => {
                self.advance();
                self.want("{", " after `select`")?;
                self.outside_header(|parser| parser.clauses(true))
            }
            "go" | "defer" => {
                let keyword = self.text_of(self.current());
                self.advance();
                let start = self.current().start;
                if self.expression_shape()? != Shape::Call {
                    let message = format!("the expression after `{keyword}` has to be a call");
                    return Err(Stop::unexpected(message, start..self.current().start));
                }
                Ok(())
            }
            "return" => {
                self.advance();
                if self.is_semicolon() || self.is("}") {
                    Ok(())
                } else {
                    self.expression_list()
                }
            }
            "break" | "continue" => {
                self.advance();
                if self.is_kind(Kind::Name) {
                    self.advance();
                }
                Ok(())
            }
            "goto" => {
                self.advance();
                self.name("a label after `goto`")
            }
            "fallthrough" => {
                self.advance();
                Ok(())
            }
            "func" | "struct" | "map" | "chan" | "interface" => self.plain_statement(),
            "else" => Err(self.unexpected(": `else` follows the `}` of its `if` on the same line")),
            _ => Err(self.unexpected("")),
        }
    }

    /// A simple statement; `in_for` allows a `range` clause.
    fn simple(&mut self, in_for: bool) -> Parsed<Simple> {
        if in_for && self.got("range") {
            self.expression()?;
            return Ok(Simple::Range);
        }
        let start = self.current();
        let mut count = 1_usize;
        let mut shape = self.expression_shape()?;
        let mut other_than_name = (shape != Shape::Name).then_some(start);
        while self.got(",") {
            let token = self.current();
            shape = self.expression_shape()?;
            count += 1;
            if shape != Shape::Name {
                other_than_name.get_or_insert(token);
            }
        }
        let operator = self.text_of(self.current());
        match operator {
            ":=" | "=" if self.is(operator) => {
                self.advance();
                if let Some(token) = other_than_name.filter(|_| operator == ":=") {
                    let message = "what stands left of `:=` has to be a name".to_owned();
                    return Err(Stop::unexpected(message, token.start..token.end));
                }
                if in_for && self.is("range") {
                    if count > 2 {
                        return Err(self.unexpected(": it gives at most two values"));
                    }
                    self.advance();
                    self.expression()?;
                    return Ok(Simple::Range);
                }
                let shape = self.expression_shape()?;
                if shape == Shape::TypeSwitch && operator == ":=" && count == 1 {
                    return Ok(Simple::TypeSwitch);
                }
                while self.got(",") {
                    self.expression()?;
                }
                Ok(if operator == ":=" {
                    Simple::Declaration
                } else {
                    Simple::Other
                })
            }
            _ if count > 1 => Err(self.expected("`:=`, `=` or `,` after the list of expressions")),
            "++" | "--" if self.is(operator) => {
                self.advance();
                Ok(Simple::Other)
            }
            "<-" if self.is("<-") => {
                self.advance();
                self.expression()?;
                Ok(Simple::Other)
            }
            _ if self.is_kind(Kind::Operator) && is_assignment(operator) => {
                self.advance();
                self.expression()?;
                Ok(Simple::Other)
            }
            _ if shape == Shape::TypeSwitch => Ok(Simple::TypeSwitch),
            _ => Ok(Simple::Expression),
        }
    }

    fn if_statement(&mut self) -> Parsed {
        loop {
            self.advance();
            self.header("if")?;
            self.outside_header(Self::block)?;
            if !self.got("else") {
                return Ok(());
            }
            if self.is("{") {
                return self.outside_header(Self::block);
            }
            if !self.is("if") {
                return Err(self.expected("`if` or `{` after `else`"));
            }
        }
    }

    /// The part of `if` or `switch` before the block: `[init ;] [condition]`.
    fn header(&mut self, keyword: &str) -> Parsed {
        let level = std::mem::replace(&mut self.literal_level, -1);
        let needs_condition = keyword == "if";
        if self.is("{") {
            if needs_condition {
                return Err(self.expected("a condition after `if`"));
            }
            self.literal_level = level;
            return Ok(());
        }
        let mut start = self.current();
        let mut last = if self.is_semicolon() {
            None
        } else {
            Some(self.simple(false)?)
        };
        if self.is_semicolon() {
            if self.is_kind(Kind::LineEnd) && self.peek_is(1, "{") {
                return Err(self.brace_on_next_line(keyword));
            }
            self.advance();
            start = self.current();
            last = if self.is("{") {
                None
            } else {
                Some(self.simple(false)?)
            };
        }
        self.literal_level = level;
        let fits = match last {
            Some(Simple::Expression) => true,
            None | Some(Simple::TypeSwitch) => !needs_condition,
            Some(_) => false,
        };
        if !fits {
            let message = format!("`{keyword}` needs an expression before its block");
            return Err(Stop::unexpected(message, start.start..start.end));
        }
        if !self.is("{") {
            return Err(self.expected(&format!("`{{` after the header of `{keyword}`")));
        }
        Ok(())
    }

    fn brace_on_next_line(&self, keyword: &str) -> Stop {
        let brace = self.peek(1);
        let message = format!("the `{{` of `{keyword}` has to stand on the line before");
        Stop::unexpected(message, brace.start..brace.end)
    }

    fn for_statement(&mut self) -> Parsed {
        self.advance();
        let level = std::mem::replace(&mut self.literal_level, -1);
        if !self.is("{") {
            self.for_header()?;
        }
        self.literal_level = level;
        if !self.is("{") {
            if self.is_kind(Kind::LineEnd) && self.peek_is(1, "{") {
                return Err(self.brace_on_next_line("for"));
            }
            return Err(self.expected("`{` after the header of `for`"));
        }
        self.outside_header(Self::block)
    }

    fn for_header(&mut self) -> Parsed {
        let start = self.current();
        let first = if self.is_semicolon() {
            None
        } else {
            Some(self.simple(true)?)
        };
        match first {
            Some(Simple::Range) => return Ok(()),
            Some(Simple::Expression) if self.is("{") => return Ok(()),
            _ if self.is_semicolon() => {}
            _ if self.is("{") => {
                let message = "`for` needs a condition, a `range` or three parts".to_owned();
                return Err(Stop::unexpected(message, start.start..start.end));
            }
            _ => return Err(self.expected("`{` after the header of `for`")),
        }
        if self.is_kind(Kind::LineEnd) && self.peek_is(1, "{") {
            return Err(self.brace_on_next_line("for"));
        }
        self.advance();
        if !self.is_semicolon() {
            if self.is("{") {
                return Err(self.expected("`;` and the last part of the header of `for`"));
            }
            let start = self.current();
            if self.simple(false)? != Simple::Expression {
                let message = "the condition of `for` has to be an expression".to_owned();
                return Err(Stop::unexpected(message, start.start..start.end));
            }
        }
        if !self.is_semicolon() {
            return Err(self.expected("`;` after the condition of `for`"));
        }
        self.advance();
        if !self.is("{") {
            let start = self.current();
            if self.simple(false)? == Simple::Declaration {
                let message = "the last part of the header of `for` cannot declare".to_owned();
                return Err(Stop::unexpected(message, start.start..start.end));
            }
        }
        Ok(())
    }

    fn switch_statement(&mut self) -> Parsed {
        self.advance();
        self.header("switch")?;
        self.want("{", " after the header of `switch`")?;
        self.outside_header(|parser| parser.clauses(false))
    }

    /// The clauses of `switch` or `select` up to the closing brace.
    fn clauses(&mut self, of_select: bool) -> Parsed {
        while !self.is("}") {
            if self.got("case") {
                if of_select {
                    self.simple(false)?;
                } else {
                    self.expression_list()?;
                }
            } else if !self.got("default") {
                return Err(self.expected("`case`, `default` or `}`"));
            }
            self.want(":", " at the end of the case")?;
            self.statement_list()?;
        }
        self.advance();
        Ok(())
    }
}

fn is_assignment(operator: &str) -> bool {
    matches!(
        operator,
        "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" | "<<=" | ">>=" | "&^="
    )
}
