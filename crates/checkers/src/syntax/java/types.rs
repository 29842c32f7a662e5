//! Types, their arguments and dimensions, annotations and patterns.

use super::expression::{DIAMOND, EXPRESSION, NO_LAMBDA, Shape, TYPE, Term};
use super::parser::{Parsed, Parser};
use super::token::Kind;

impl Parser<'_> {
    pub(super) fn parse_type(&mut self, may_infer: bool) -> Parsed<Term> {
        self.annotations()?;
        self.type_without_annotations(may_infer, TYPE)
    }

    /// A type; `may_infer` tells that `var` may stand for it.
    pub(super) fn type_without_annotations(&mut self, may_infer: bool, mode: u8) -> Parsed<Term> {
        let term = self.term(mode)?;
        if matches!(term.shape, Shape::Name | Shape::ArrayType)
            && let Some(release) = self.last_release_as_type(term.first)
            && !(may_infer && self.is_var(term.first))
        {
            self.outdated(term.first, release);
        }
        Ok(term)
    }

    /// True if the type is `var`.
    pub(super) fn is_var(&self, index: usize) -> bool {
        self.text_of(index) == "var"
    }

    /// The last release in which a word names a type, if there is one.
    pub(super) fn last_release_as_type(&self, index: usize) -> Option<u8> {
        Some(match self.text_of(index) {
            "var" => 9,
            "yield" => 13,
            "record" => 15,
            "sealed" | "permits" => 16,
            _ => return None,
        })
    }

    pub(super) fn type_list(&mut self) -> Parsed {
        self.comma_separated(|parser| parser.parse_type(false).map(drop))
    }

    /// Type arguments before what they belong to.
    pub(super) fn type_arguments_before(&mut self, mode: u8) -> Parsed<bool> {
        if self.kind != Kind::Less {
            return Ok(false);
        }
        if !self.may(mode) {
            return Err(self.no_term());
        }
        self.mode = mode;
        self.type_arguments(false)?;
        Ok(true)
    }

    /// Type arguments behind the name of a type.
    pub(super) fn type_arguments_behind(&mut self) -> Parsed<bool> {
        if self.kind != Kind::Less || !self.may(TYPE) {
            return Ok(false);
        }
        self.decide(TYPE);
        self.type_arguments(false)?;
        Ok(true)
    }

    pub(super) fn type_arguments(&mut self, may_be_diamond: bool) -> Parsed {
        self.accept(Kind::Less, "before the type arguments")?;
        if may_be_diamond && self.kind == Kind::Greater {
            self.mode |= DIAMOND;
            self.next();
            return Ok(());
        }
        self.comma_separated(|parser| {
            if parser.may(EXPRESSION) {
                parser.parse_type(false).map(drop)
            } else {
                parser.type_argument()
            }
        })?;
        if self.take_greater() {
            return Ok(());
        }
        Err(self.missing("`>` or `,`", "among the type arguments"))
    }

    pub(super) fn type_argument(&mut self) -> Parsed {
        self.annotations()?;
        if !self.skip_if(Kind::Question) {
            return self.type_without_annotations(false, TYPE).map(drop);
        }
        if matches!(self.kind, Kind::Extends | Kind::Super) {
            self.next();
            self.parse_type(false)?;
        } else if self.kind.is_name() {
            return Err(self.missing("`extends`, `super` or `>`", "behind `?`"));
        }
        Ok(())
    }

    /// `<T extends A & B, …>` of a declaration, if it has them.
    pub(super) fn type_parameters(&mut self) -> Parsed<bool> {
        if !self.skip_if(Kind::Less) {
            return Ok(false);
        }
        self.comma_separated(|parser| {
            parser.annotations()?;
            parser.type_name()?;
            if parser.skip_if(Kind::Extends) {
                parser.parse_type(false)?;
                while parser.skip_if(Kind::And) {
                    parser.parse_type(false)?;
                }
            }
            Ok(())
        })?;
        self.accept(Kind::Greater, "behind the type parameters")?;
        Ok(true)
    }

    /// The name of a type that is declared.
    pub(super) fn type_name(&mut self) -> Parsed {
        if let Some(release) = self.last_release_as_type(self.index()) {
            self.outdated(self.index(), release);
        }
        self.name()
    }

    /// `[]`, any number of times, with annotations; says whether there are any.
    pub(super) fn dimensions(&mut self) -> Parsed<bool> {
        let mut any = false;
        loop {
            let annotation = self.annotations()?;
            if !self.skip_if(Kind::BracketOpen) {
                if annotation.is_some() {
                    self.leave_for_ellipsis(annotation)?;
                }
                return Ok(any);
            }
            self.accept(Kind::BracketClose, "behind `[`")?;
            any = true;
        }
    }

    /// `.class` behind a type that may be meant as an expression.
    pub(super) fn class_literal_suffix(&mut self, shape: Shape) -> Parsed<Shape> {
        if self.may(EXPRESSION) && self.kind == Kind::Dot {
            self.decide(EXPRESSION);
            self.next();
            self.accept(Kind::Class, "behind the type")?;
            return Ok(Shape::ClassLiteral);
        }
        if self.kind != Kind::ColonColon {
            if !self.may(TYPE) {
                return Err(self.missing("`.class`", "behind the type"));
            }
            self.decide(TYPE);
        }
        Ok(shape)
    }

    /// Annotations, if there are any: the first token of the first one.
    pub(super) fn annotations(&mut self) -> Parsed<Option<usize>> {
        if !self.is_annotation() {
            return Ok(None);
        }
        let first = self.index();
        let outer = self.mode;
        while self.is_annotation() {
            self.next();
            self.annotation()?;
        }
        self.last_mode = self.mode;
        self.mode = outer;
        Ok(Some(first))
    }

    /// True if an annotation begins here, not the `@interface` of its declaration.
    fn is_annotation(&self) -> bool {
        self.kind == Kind::At && self.peek(1) != Kind::Interface
    }

    /// An annotation behind its `@`.
    pub(super) fn annotation(&mut self) -> Parsed {
        self.qualified_name(false)?;
        if !self.skip_if(Kind::ParenOpen) {
            return Ok(());
        }
        if self.kind != Kind::ParenClose {
            self.comma_separated(Self::annotation_element)?;
        }
        if self.skip_if(Kind::ParenClose) {
            return Ok(());
        }
        Err(self.missing("`)` or `,`", "in the annotation"))
    }

    fn annotation_element(&mut self) -> Parsed {
        if !self.kind.is_name() {
            return self.annotation_value();
        }
        self.decide(EXPRESSION);
        let term = self.nested(Self::conditional)?;
        if term.shape == Shape::Name && self.skip_if(Kind::Equal) {
            self.annotation_value()?;
        }
        Ok(())
    }

    pub(super) fn annotation_value(&mut self) -> Parsed {
        self.nested(|parser| match parser.kind {
            Kind::At => {
                parser.next();
                parser.annotation()
            }
            Kind::BraceOpen => {
                parser.next();
                if !parser.skip_if(Kind::Comma) {
                    while parser.kind != Kind::BraceClose {
                        parser.annotation_value()?;
                        if !parser.skip_if(Kind::Comma) {
                            break;
                        }
                    }
                }
                parser.accept(Kind::BraceClose, "or `,` among the annotation's values")
            }
            _ => {
                parser.decide(EXPRESSION);
                parser.conditional().map(drop)
            }
        })
    }

    /// What stands behind `instanceof`.
    pub(super) fn type_or_pattern(&mut self) -> Parsed {
        if self.kind == Kind::ParenOpen {
            return self.pattern();
        }
        let modifiers = self.modifiers()?;
        self.only_final(modifiers)?;
        self.type_without_annotations(false, TYPE)?;
        if self.kind == Kind::ParenOpen {
            self.record_pattern()
        } else if matches!(self.kind, Kind::Identifier | Kind::Underscore) {
            self.needs(14);
            self.variable_name()
        } else if modifiers.has_flags() {
            Err(self.missing("the name of the pattern's variable", ""))
        } else {
            Ok(())
        }
    }

    /// A pattern with or without parentheses, as `case`, `instanceof` and records have them.
    pub(super) fn pattern(&mut self) -> Parsed {
        self.nested(|parser| {
            // Java 17 to 20 preview parentheses around patterns, with a guard in them.
            if parser.skip_if(Kind::ParenOpen) {
                parser.needs(17);
                parser.pattern()?;
                parser.old_guard()?;
                return parser.accept(Kind::ParenClose, "behind the pattern");
            }
            let modifiers = parser.modifiers()?;
            parser.only_final(modifiers)?;
            if parser.kind == Kind::Underscore && !parser.peek(1).is_name() {
                parser.needs(21);
                parser.next();
                return Ok(());
            }
            parser.type_without_annotations(true, TYPE | NO_LAMBDA)?;
            if parser.kind == Kind::ParenOpen {
                parser.record_pattern()
            } else {
                parser.variable_name()
            }
        })
    }

    /// The guard that Java 17 and 18 preview.
    pub(super) fn old_guard(&mut self) -> Parsed {
        if self.kind == Kind::AndAnd {
            self.needs(17);
            self.next();
            self.term(EXPRESSION | NO_LAMBDA)?;
        }
        Ok(())
    }

    /// The parts of a record, from the `(` on.
    fn record_pattern(&mut self) -> Parsed {
        self.needs(19);
        self.next();
        if self.kind != Kind::ParenClose {
            self.comma_separated(Self::pattern)?;
        }
        self.accept(Kind::ParenClose, "or `,` in the record pattern")?;
        // Java 19 and 20 preview a name for the whole.
        if self.kind == Kind::Identifier && !self.is_guard(self.index()) {
            self.next();
        }
        Ok(())
    }
}
