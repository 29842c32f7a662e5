//! Expressions; where Go allows a type in an expression's place, a type is taken too.

use super::parser::{Parsed, Parser};
use super::tokens::Kind;

/// What an expression is, as far as a statement's form depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A plain name.
    Name,
    /// A call.
    Call,
    /// `x.(type)`.
    TypeSwitch,
    /// Anything else.
    Other,
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed {
        self.expression_shape().map(drop)
    }

    pub(super) fn expression_list(&mut self) -> Parsed {
        self.expression()?;
        while self.got(",") {
            self.expression()?;
        }
        Ok(())
    }

    pub(super) fn expression_shape(&mut self) -> Parsed<Shape> {
        self.nested(|parser| {
            let mut shape = parser.unary()?;
            while parser.binary_operator() {
                parser.advance();
                parser.unary()?;
                shape = Shape::Other;
            }
            Ok(shape)
        })
    }

    fn binary_operator(&self) -> bool {
        self.is_kind(Kind::Operator)
            && matches!(
                self.text_of(self.current()),
                "||" | "&&"
                    | "=="
                    | "!="
                    | "<"
                    | "<="
                    | ">"
                    | ">="
                    | "+"
                    | "-"
                    | "|"
                    | "^"
                    | "*"
                    | "/"
                    | "%"
                    | "&"
                    | "&^"
                    | "<<"
                    | ">>"
            )
    }

    fn unary(&mut self) -> Parsed<Shape> {
        let mut plain = true;
        while self.is_kind(Kind::Operator) {
            match self.text_of(self.current()) {
                "<-" if self.peek_is(1, "chan") => break,
                "+" | "-" | "!" | "^" | "*" | "&" | "<-" => self.advance(),
                _ => break,
            }
            plain = false;
        }
        let shape = self.primary()?;
        Ok(if plain { shape } else { Shape::Other })
    }

    fn primary(&mut self) -> Parsed<Shape> {
        let (mut shape, mut literal_type) = self.operand()?;
        loop {
            match self.text_of(self.current()) {
                "." if self.is(".") => {
                    self.advance();
                    shape = self.selector()?;
                    literal_type = literal_type.selected();
                }
                "[" if self.is("[") => {
                    self.outside_header(Self::index)?;
                    shape = Shape::Other;
                    literal_type = literal_type.selected();
                }
                "(" if self.is("(") => {
                    self.outside_header(Self::arguments)?;
                    shape = Shape::Call;
                    literal_type = LiteralType::No;
                }
                "{" if self.is("{") && self.literal_allowed(literal_type) => {
                    self.outside_header(Self::composite)?;
                    shape = Shape::Other;
                    literal_type = LiteralType::No;
                }
                _ => return Ok(shape),
            }
        }
    }

    const fn literal_allowed(&self, literal_type: LiteralType) -> bool {
        match literal_type {
            LiteralType::Always => true,
            LiteralType::OutsideHeaders => self.literal_level >= 0,
            LiteralType::No => false,
        }
    }

    fn operand(&mut self) -> Parsed<(Shape, LiteralType)> {
        match self.current().kind {
            Kind::Literal => {
                self.advance();
                return Ok((Shape::Other, LiteralType::No));
            }
            Kind::Name => {
                self.advance();
                return Ok((Shape::Name, LiteralType::OutsideHeaders));
            }
            _ => {}
        }
        match self.text_of(self.current()) {
            "(" if self.is("(") => {
                self.advance();
                let shape = self.outside_header(Self::expression_shape)?;
                self.want(")", "")?;
                let shape = if shape == Shape::Call {
                    Shape::Call
                } else {
                    Shape::Other
                };
                Ok((shape, LiteralType::No))
            }
            "func" if self.is("func") => {
                self.advance();
                self.signature()?;
                if self.is("{") {
                    self.outside_header(|parser| parser.nested(Self::block))?;
                }
                Ok((Shape::Other, LiteralType::No))
            }
            "[" | "struct" | "map" if self.type_begins() => {
                self.type_()?;
                Ok((Shape::Other, LiteralType::Always))
            }
            "chan" | "interface" | "<-" if self.type_begins() => {
                self.type_()?;
                Ok((Shape::Other, LiteralType::No))
            }
            _ => Err(self.expected("an expression")),
        }
    }

    fn selector(&mut self) -> Parsed<Shape> {
        if !self.got("(") {
            self.name("a name or `(` after `.`")?;
            return Ok(Shape::Other);
        }
        let shape = if self.got("type") {
            Shape::TypeSwitch
        } else {
            self.type_()?;
            Shape::Other
        };
        self.want(")", " after the type")?;
        Ok(shape)
    }

    /// An index, a slice, or type arguments.
    fn index(&mut self) -> Parsed {
        self.advance();
        if self.is("]") {
            return Err(self.expected("an index"));
        }
        let mut colon_count = 0_usize;
        let mut last_given = false;
        loop {
            last_given = if self.is(":") || self.is("]") || self.is(",") {
                if colon_count == 2 && !last_given || self.is(",") {
                    return Err(self.expected("an index"));
                }
                false
            } else {
                self.expression()?;
                true
            };
            if colon_count == 0 && self.got(",") {
                while !self.is("]") {
                    self.type_or_expression()?;
                    if !self.got(",") {
                        break;
                    }
                }
                break;
            }
            if colon_count == 2 || !self.got(":") {
                break;
            }
            if colon_count == 1 && !last_given {
                return Err(self.expected("the middle index of a slice"));
            }
            colon_count += 1;
        }
        if colon_count == 2 && !last_given {
            return Err(self.expected("the final index of a slice"));
        }
        self.want("]", " after the index")
    }

    fn type_or_expression(&mut self) -> Parsed {
        self.expression()
    }

    fn arguments(&mut self) -> Parsed {
        self.advance();
        while !self.is(")") {
            self.type_or_expression()?;
            self.got("...");
            if !self.got(",") && !self.is(")") {
                return Err(self.expected("`,` or `)` in the arguments"));
            }
        }
        self.advance();
        Ok(())
    }

    /// The braces of a composite literal.
    fn composite(&mut self) -> Parsed {
        self.nested(|parser| {
            parser.advance();
            while !parser.is("}") {
                parser.element()?;
                if parser.got(":") {
                    parser.element()?;
                }
                if !parser.got(",") && !parser.is("}") {
                    return Err(parser.expected("`,` or `}` in the composite literal"));
                }
            }
            parser.advance();
            Ok(())
        })
    }

    fn element(&mut self) -> Parsed {
        if self.is("{") {
            self.composite()
        } else {
            self.expression()
        }
    }
}

/// Whether an operand can be the type of a composite literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LiteralType {
    No,
    /// A name: in a header its `{` would begin the block.
    OutsideHeaders,
    /// A type that is spelt out.
    Always,
}

impl LiteralType {
    /// What remains after a selector or type arguments.
    const fn selected(self) -> Self {
        match self {
            Self::OutsideHeaders => Self::OutsideHeaders,
            _ => Self::No,
        }
    }
}
