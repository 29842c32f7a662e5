//! Types, parameters and constraints.

use super::Stop;
use super::parser::{Parsed, Parser};
use super::tokens::Kind;

/// What one entry of a parameter list looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parameter {
    /// A lone name: a type, or a parameter whose type follows in a later entry.
    Bare,
    /// A name and a type.
    Named,
    /// Only a type.
    Type,
}

impl Parser<'_> {
    pub(super) fn type_(&mut self) -> Parsed {
        if self.type_begins() {
            return self.nested(Self::type_inner);
        }
        Err(self.expected("a type"))
    }

    /// True if the current token can begin a type.
    pub(super) fn type_begins(&self) -> bool {
        match self.current().kind {
            Kind::Name => true,
            Kind::Keyword => matches!(
                self.text_of(self.current()),
                "chan" | "func" | "interface" | "map" | "struct"
            ),
            Kind::Operator => matches!(self.text_of(self.current()), "*" | "(" | "[" | "<-"),
            _ => false,
        }
    }

    fn type_inner(&mut self) -> Parsed {
        if self.is_kind(Kind::Name) {
            return self.type_name();
        }
        match self.text_of(self.current()) {
            "*" => {
                self.advance();
                self.type_()
            }
            "(" => {
                self.advance();
                self.type_()?;
                self.want(")", "")
            }
            "[" => {
                self.advance();
                if !self.got("]") {
                    if !self.got("...") {
                        self.outside_header(Self::expression)?;
                    }
                    self.want("]", " after the array's length")?;
                }
                self.type_()
            }
            "<-" => {
                self.advance();
                self.want("chan", "")?;
                self.type_()
            }
            "chan" => {
                self.advance();
                self.got("<-");
                self.type_()
            }
            "map" => {
                self.advance();
                self.want("[", " after `map`")?;
                self.type_()?;
                self.want("]", " after the map's key type")?;
                self.type_()
            }
            "func" => {
                self.advance();
                self.signature()
            }
            "struct" => self.outside_header(Self::struct_type),
            _ => self.outside_header(Self::interface_type),
        }
    }

    /// A name, maybe qualified, maybe with type arguments.
    fn type_name(&mut self) -> Parsed {
        self.name("a type")?;
        if self.got(".") {
            self.name("a name after `.`")?;
        }
        if self.is("[") {
            self.type_arguments()
        } else {
            Ok(())
        }
    }

    fn type_arguments(&mut self) -> Parsed {
        self.advance();
        loop {
            self.type_()?;
            if !self.got(",") || self.is("]") {
                return self.want("]", " after the type arguments");
            }
        }
    }

    /// Signature = Parameters [ Result ] .
    pub(super) fn signature(&mut self) -> Parsed {
        if !self.is("(") {
            return Err(self.expected("`(` and the parameters"));
        }
        self.parameters()?;
        if self.is("(") {
            self.parameters()?;
        } else if self.type_begins() {
            self.type_()?;
        }
        Ok(())
    }

    /// A parameter list; gives the number of entries.
    pub(super) fn parameters(&mut self) -> Parsed<usize> {
        self.outside_header(|parser| {
            let open = parser.current();
            parser.advance();
            let mut entries = Vec::new();
            let mut variadic: Option<usize> = None;
            while !parser.is(")") {
                let start = parser.current().start;
                if let Some(dots) = variadic {
                    let message = "only the last parameter can have `...`".to_owned();
                    return Err(Stop::unexpected(message, dots..dots + "...".len()));
                }
                variadic = (parser.is("...") || parser.peek_is(1, "..."))
                    .then(|| parser.peek(usize::from(!parser.is("..."))).start);
                entries.push((parser.parameter()?, start));
                if !parser.got(",") && !parser.is(")") {
                    return Err(parser.expected("`,` or `)` in the parameters"));
                }
            }
            parser.advance();
            let named = entries.iter().any(|(entry, _)| *entry == Parameter::Named);
            let odd = entries
                .iter()
                .rev()
                .enumerate()
                .find(|(index, (entry, _))| {
                    *entry == Parameter::Type || *index == 0 && *entry == Parameter::Bare
                });
            match odd {
                Some((_, (_, start))) if named => {
                    let message = "mixed named and unnamed parameters".to_owned();
                    Err(Stop::unexpected(
                        message,
                        *start..(*start).max(open.start) + 1,
                    ))
                }
                _ => Ok(entries.len()),
            }
        })
    }

    fn parameter(&mut self) -> Parsed<Parameter> {
        if self.got("...") {
            self.type_()?;
            return Ok(Parameter::Type);
        }
        if !self.is_kind(Kind::Name) {
            self.type_()?;
            return Ok(Parameter::Type);
        }
        if self.peek_is(1, ".") {
            self.type_()?;
            return Ok(Parameter::Type);
        }
        self.advance();
        if self.is("[") {
            return self.named_array_or_type_arguments();
        }
        if self.got("...") || self.type_begins() {
            self.type_()?;
            return Ok(Parameter::Named);
        }
        Ok(Parameter::Bare)
    }

    /// After a name: `[]T`, `[n]T` of a named parameter or field, or the type arguments of the name.
    fn named_array_or_type_arguments(&mut self) -> Parsed<Parameter> {
        self.advance();
        if self.got("]") {
            self.type_()?;
            return Ok(Parameter::Named);
        }
        if self.got("...") {
            self.want("]", "")?;
            self.type_()?;
            return Ok(Parameter::Named);
        }
        let mut count = 0_usize;
        loop {
            self.outside_header(Self::expression)?;
            count += 1;
            if !self.got(",") || self.is("]") {
                break;
            }
        }
        self.want("]", "")?;
        if count == 1 && self.type_begins() {
            self.type_()?;
            return Ok(Parameter::Named);
        }
        Ok(Parameter::Type)
    }

    fn struct_type(&mut self) -> Parsed {
        self.advance();
        self.want("{", " after `struct`")?;
        while !self.is("}") {
            self.field()?;
            if self.is_kind(Kind::Literal) {
                self.advance();
            }
            self.separator("the field")?;
        }
        self.advance();
        Ok(())
    }

    /// A semicolon or line end, which a closing brace makes unnecessary.
    fn separator(&mut self, what: &str) -> Parsed {
        if self.is_semicolon() {
            self.advance();
            Ok(())
        } else if self.is("}") {
            Ok(())
        } else {
            Err(self.unexpected(&format!(" after {what}")))
        }
    }

    fn field(&mut self) -> Parsed {
        if self.got("*") {
            return self.type_name();
        }
        if !self.is_kind(Kind::Name) {
            return Err(self.expected("a field name or an embedded type"));
        }
        let next = self.peek(1);
        let embedded = self.peek_is(1, ".")
            || self.peek_is(1, "}")
            || matches!(next.kind, Kind::Literal | Kind::Semicolon | Kind::LineEnd);
        if embedded {
            return self.type_name();
        }
        self.advance();
        if self.is("[") {
            self.named_array_or_type_arguments()?;
            return Ok(());
        }
        while self.got(",") {
            self.name("a field name")?;
        }
        self.type_()
    }

    fn interface_type(&mut self) -> Parsed {
        self.advance();
        self.want("{", " after `interface`")?;
        while !self.is("}") {
            if self.is_kind(Kind::Name) && self.peek_is(1, "(") {
                self.advance();
                self.signature()?;
            } else {
                self.constraint()?;
            }
            self.separator("the interface's element")?;
        }
        self.advance();
        Ok(())
    }

    /// `~A | B`.
    pub(super) fn constraint(&mut self) -> Parsed {
        loop {
            self.got("~");
            self.type_()?;
            if !self.got("|") {
                return Ok(());
            }
        }
    }
}
