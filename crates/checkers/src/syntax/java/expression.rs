//! Expressions and types, which begin alike: a term is read as either until something decides.

use super::lookahead::Parenthesis;
use super::parser::{Parsed, Parser, Stop};
use super::token::Kind;

/// A term may be an expression.
pub(super) const EXPRESSION: u8 = 1;
/// A term may be a type.
pub(super) const TYPE: u8 = 1 << 1;
/// The type arguments just read were `<>`.
pub(super) const DIAMOND: u8 = 1 << 2;
/// `->` behind a term belongs to a `case`.
pub(super) const NO_LAMBDA: u8 = 1 << 3;

/// What a term looks like, as far as anything depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A single name.
    Name,
    /// A name behind a dot.
    Member,
    ClassLiteral,
    Reference,
    /// A call, an assignment, `new` with arguments, `++` or `--`: what may stand as a statement.
    Action,
    ArrayType,
    Other,
}

/// A term that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) shape: Shape,
    /// Its first token.
    pub(super) first: usize,
}

impl Parser<'_> {
    pub(super) const fn may(&self, mode: u8) -> bool {
        self.mode & mode != 0
    }

    /// Decides what the term is.
    pub(super) const fn decide(&mut self, mode: u8) {
        self.mode = self.mode & NO_LAMBDA | mode;
    }

    pub(super) fn expression(&mut self) -> Parsed<Term> {
        self.term(EXPRESSION)
    }

    pub(super) fn term(&mut self, mode: u8) -> Parsed<Term> {
        let outer = std::mem::replace(&mut self.mode, mode);
        let term = self.nested(Self::assignment)?;
        self.last_mode = self.mode;
        self.mode = outer;
        Ok(term)
    }

    fn assignment(&mut self) -> Parsed<Term> {
        let mut term = self.conditional()?;
        while self.may(EXPRESSION) && self.kind.is_assignment() {
            self.next();
            self.decide(EXPRESSION);
            self.conditional()?;
            term.shape = Shape::Action;
        }
        Ok(term)
    }

    /// An expression that is no assignment, in the current mode.
    pub(super) fn conditional(&mut self) -> Parsed<Term> {
        let mut term = self.binary()?;
        while self.may(EXPRESSION) && self.kind == Kind::Question {
            self.decide(EXPRESSION);
            self.next();
            self.nested(Self::assignment)?;
            self.accept(Kind::Colon, "of the conditional expression")?;
            self.binary()?;
            term.shape = Shape::Other;
        }
        Ok(term)
    }

    /// Operands with operators between them; which of them bind more tightly decides nothing here.
    fn binary(&mut self) -> Parsed<Term> {
        let mut term = self.unary()?;
        if !self.may(EXPRESSION) || !self.kind.is_binary() {
            return Ok(term);
        }
        self.decide(EXPRESSION);
        term.shape = Shape::Other;
        while self.kind.is_binary() {
            let is_test = self.kind == Kind::InstanceOf;
            self.next();
            if is_test {
                self.type_or_pattern()?;
            } else {
                self.unary()?;
            }
        }
        Ok(term)
    }

    fn unary(&mut self) -> Parsed<Term> {
        let first = self.index();
        let mut prefixed = None;
        while self.kind.is_prefix() && self.may(EXPRESSION) {
            let steps = matches!(self.kind, Kind::PlusPlus | Kind::MinusMinus);
            let negates = self.kind == Kind::Minus;
            prefixed.get_or_insert(if steps { Shape::Action } else { Shape::Other });
            self.next();
            self.decide(EXPRESSION);
            if negates && self.kind == Kind::MinNumber {
                self.kind = Kind::Number;
            }
        }
        let shape = self.operand()?;
        Ok(Term {
            shape: prefixed.unwrap_or(shape),
            first,
        })
    }

    /// Complains that no expression or type begins here.
    pub(super) fn no_term(&mut self) -> Stop {
        let expected = if self.may(EXPRESSION) {
            "an expression"
        } else {
            "a type"
        };
        self.unexpected(expected)
    }

    fn operand(&mut self) -> Parsed<Shape> {
        let is_expression = self.may(EXPRESSION);
        let is_generic = self.type_arguments_before(EXPRESSION)?;
        match self.kind {
            Kind::ParenOpen if is_expression && !is_generic => self.in_parentheses(),
            Kind::This if is_expression => {
                self.decide(EXPRESSION);
                self.next();
                let shape = self.arguments_if_any(is_generic, Shape::Other)?;
                self.selectors(shape)
            }
            Kind::Super if is_expression => {
                self.decide(EXPRESSION);
                let shape = self.super_suffix(is_generic)?;
                self.selectors(shape)
            }
            Kind::MinNumber => {
                let message = "the number is too large unless a minus stands before it";
                Err(self.wrong("syntax/invalid-literal", message, self.index()))
            }
            kind if kind.is_literal() && is_expression && !is_generic => {
                self.decide(EXPRESSION);
                self.next();
                self.selectors(Shape::Other)
            }
            Kind::New if is_expression && !is_generic => {
                self.decide(EXPRESSION);
                self.next();
                let shape = self.creation()?;
                self.selectors(shape)
            }
            Kind::Switch if is_expression && !is_generic => self.switch_expression(),
            Kind::At => self.annotated_operand(),
            kind if kind.is_name() && !is_generic => self.named_operand(),
            kind if kind.is_primitive() && !is_generic => {
                self.next();
                let is_array = self.dimensions()?;
                let shape = if is_array {
                    Shape::ArrayType
                } else {
                    Shape::Other
                };
                let shape = self.class_literal_suffix(shape)?;
                self.selectors(shape)
            }
            Kind::Void if !is_generic => self.void_operand(),
            _ => Err(self.no_term()),
        }
    }

    fn in_parentheses(&mut self) -> Parsed<Shape> {
        match self.parenthesis() {
            Parenthesis::Cast => {
                self.next();
                self.decide(TYPE);
                self.parse_type(false)?;
                while self.skip_if(Kind::And) {
                    self.parse_type(false)?;
                }
                self.accept(Kind::ParenClose, "behind the type of the cast")?;
                self.decide(EXPRESSION);
                self.nested(Self::unary)?;
                return Ok(Shape::Other);
            }
            Parenthesis::ExplicitLambda => self.lambda(true)?,
            Parenthesis::ImplicitLambda => self.lambda(false)?,
            Parenthesis::Expression => {
                self.next();
                self.decide(EXPRESSION);
                self.nested(Self::assignment)?;
                self.accept(Kind::ParenClose, "behind the expression")?;
            }
        }
        self.selectors(Shape::Other)
    }

    /// Only the type of a cast and of a method reference has annotations.
    fn annotated_operand(&mut self) -> Parsed<Shape> {
        let first = self.index();
        self.annotations()?;
        let shape = self.nested(Self::operand)?;
        if self.may(TYPE) || shape == Shape::Reference {
            return Ok(shape);
        }
        let message = "an annotation does not belong to an expression";
        Err(self.wrong("syntax/unexpected-token", message, first))
    }

    fn void_operand(&mut self) -> Parsed<Shape> {
        let first = self.index();
        let is_expression = self.may(EXPRESSION);
        self.next();
        if !is_expression {
            return Ok(Shape::Other);
        }
        if self.kind != Kind::Dot {
            let message = "unexpected `void`, expected an expression";
            return Err(self.wrong("syntax/unexpected-token", message, first));
        }
        let shape = self.class_literal_suffix(Shape::Other)?;
        self.selectors(shape)
    }

    fn named_operand(&mut self) -> Parsed<Shape> {
        if self.may(EXPRESSION) && !self.may(NO_LAMBDA) && self.peek(1) == Kind::Arrow {
            self.variable_name()?;
            self.lambda_body()?;
            return self.selectors(Shape::Other);
        }
        let first = self.index();
        self.name()?;
        let mut shape = Shape::Name;
        // Type arguments behind a dot wait for the method that follows them.
        let mut is_generic = false;
        loop {
            let annotation = self.annotations()?;
            if let Some(annotation) = annotation
                && !matches!(self.kind, Kind::BracketOpen | Kind::Ellipsis)
            {
                return Err(self.stray_annotation(annotation));
            }
            match self.kind {
                Kind::BracketOpen => {
                    shape = self.brackets_behind_name(annotation)?;
                    break;
                }
                Kind::ParenOpen if self.may(EXPRESSION) => {
                    if shape == Shape::Name && self.text_of(first) == "yield" {
                        self.outdated(first, 13);
                    }
                    self.decide(EXPRESSION);
                    self.arguments()?;
                    (shape, is_generic) = (Shape::Action, false);
                    break;
                }
                Kind::Dot => match self.behind_dot(&mut is_generic)? {
                    Some(last) => {
                        shape = last;
                        break;
                    }
                    None => shape = Shape::Member,
                },
                Kind::Ellipsis => {
                    self.leave_for_ellipsis(annotation)?;
                    break;
                }
                Kind::Less if !self.may(TYPE) => {
                    if !self.is_unbound_reference() {
                        break;
                    }
                    self.unbound_reference()?;
                    return self.selectors(Shape::Other);
                }
                _ => break,
            }
        }
        if is_generic {
            return Err(self.no_term());
        }
        if self.type_arguments_behind()? {
            shape = Shape::Other;
        }
        self.selectors(shape)
    }

    pub(super) fn stray_annotation(&mut self, index: usize) -> Stop {
        let message = "unexpected annotation";
        self.wrong("syntax/unexpected-token", message, index)
    }

    /// Keeps annotations behind a type for the `...` that follows them.
    pub(super) fn leave_for_ellipsis(&mut self, annotation: Option<usize>) -> Parsed {
        match annotation {
            Some(annotation) if !self.may_annotate_ellipsis => {
                Err(self.stray_annotation(annotation))
            }
            _ => {
                self.waiting_annotation = annotation;
                Ok(())
            }
        }
    }

    /// `[]` of an array type or `[…]` of an element.
    fn brackets_behind_name(&mut self, annotation: Option<usize>) -> Parsed<Shape> {
        self.next();
        if self.skip_if(Kind::BracketClose) {
            self.dimensions()?;
            return self.class_literal_suffix(Shape::ArrayType);
        }
        if self.may(EXPRESSION) {
            self.decide(EXPRESSION);
            self.nested(Self::assignment)?;
            if let Some(annotation) = annotation {
                return Err(self.stray_annotation(annotation));
            }
        }
        self.accept(Kind::BracketClose, "behind the index")?;
        Ok(Shape::Other)
    }

    /// What stands behind a name and a dot; `None` if it is another name.
    fn behind_dot(&mut self, is_generic: &mut bool) -> Parsed<Option<Shape>> {
        self.next();
        if self.kind == Kind::Identifier && *is_generic {
            return Err(self.no_term());
        }
        *is_generic = self.type_arguments_before(EXPRESSION)?;
        if self.may(EXPRESSION) {
            let last = self.keyword_behind_dot(*is_generic)?;
            if last.is_some() {
                *is_generic = false;
                return Ok(last);
            }
        }
        if self.may(TYPE) {
            self.annotations()?;
        }
        self.name()?;
        Ok(None)
    }

    fn keyword_behind_dot(&mut self, is_generic: bool) -> Parsed<Option<Shape>> {
        let shape = match self.kind {
            Kind::Class | Kind::This if !is_generic => {
                let is_class = self.kind == Kind::Class;
                self.decide(EXPRESSION);
                self.next();
                if is_class {
                    Shape::ClassLiteral
                } else {
                    Shape::Other
                }
            }
            Kind::Super => {
                self.decide(EXPRESSION);
                self.super_suffix(is_generic)?
            }
            Kind::New if !is_generic => self.inner_creation()?,
            Kind::String | Kind::TemplateOpen if !is_generic && self.is_template() => {
                self.template()?
            }
            _ => return Ok(None),
        };
        Ok(Some(shape))
    }

    /// `A<B>::c`, from the `<` to before the `::`.
    fn unbound_reference(&mut self) -> Parsed {
        self.next();
        self.comma_separated(Self::type_argument)?;
        self.accept(Kind::Greater, "behind the type arguments")?;
        while self.skip_if(Kind::Dot) {
            self.decide(TYPE);
            self.name()?;
            self.type_arguments_behind()?;
        }
        self.dimensions()?;
        if self.kind != Kind::ColonColon {
            return Err(self.unexpected("`::`"));
        }
        self.decide(EXPRESSION);
        Ok(())
    }

    /// All that may follow a first operand: elements, members, calls, references, `++`.
    fn selectors(&mut self, mut shape: Shape) -> Parsed<Shape> {
        loop {
            let annotation = self.annotations()?;
            match self.kind {
                Kind::BracketOpen => {
                    self.next();
                    if self.may(TYPE) && self.skip_if(Kind::BracketClose) {
                        self.decide(TYPE);
                        self.dimensions()?;
                        if self.kind == Kind::ColonColon {
                            self.decide(EXPRESSION);
                            continue;
                        }
                        return Ok(Shape::ArrayType);
                    }
                    if self.may(EXPRESSION) {
                        self.decide(EXPRESSION);
                        self.nested(Self::assignment)?;
                    }
                    self.accept(Kind::BracketClose, "behind the index")?;
                    shape = Shape::Other;
                }
                Kind::Dot => shape = self.selector_behind_dot()?,
                Kind::ColonColon if self.may(EXPRESSION) => {
                    self.decide(EXPRESSION);
                    self.next();
                    shape = self.reference_suffix()?;
                }
                _ => {
                    if annotation.is_some() {
                        self.leave_for_ellipsis(annotation)?;
                    }
                    break;
                }
            }
        }
        while matches!(self.kind, Kind::PlusPlus | Kind::MinusMinus) && self.may(EXPRESSION) {
            self.decide(EXPRESSION);
            self.next();
            shape = Shape::Action;
        }
        Ok(shape)
    }

    fn selector_behind_dot(&mut self) -> Parsed<Shape> {
        self.next();
        let is_generic = self.type_arguments_before(EXPRESSION)?;
        match self.kind {
            Kind::Super if self.may(EXPRESSION) => {
                self.decide(EXPRESSION);
                self.next();
                self.arguments()?;
                Ok(Shape::Action)
            }
            Kind::New if self.may(EXPRESSION) && !is_generic => self.inner_creation(),
            Kind::TemplateOpen if self.may(EXPRESSION) && !is_generic => self.template(),
            _ => {
                if self.may(TYPE) {
                    self.annotations()?;
                }
                self.name()?;
                let is_type = self.type_arguments_behind()?;
                let shape = if is_type { Shape::Other } else { Shape::Member };
                self.arguments_if_any(is_generic, shape)
            }
        }
    }

    /// True if the string behind a dot is a template: a plain one, which looks like a name that
    /// was forgotten, only behind a processor that Java names itself.
    fn is_template(&self) -> bool {
        let processor = self.index().checked_sub(2).map(|index| self.text_of(index));
        self.kind == Kind::TemplateOpen || matches!(processor, Some("STR" | "FMT" | "RAW"))
    }

    /// A string template behind its processor and dot, as Java 21 and 22 preview it.
    fn template(&mut self) -> Parsed<Shape> {
        self.needs(21);
        self.decide(EXPRESSION);
        if self.skip_if(Kind::String) {
            return Ok(Shape::Other);
        }
        loop {
            self.next();
            // A field may be empty.
            if !matches!(self.kind, Kind::TemplateMiddle | Kind::TemplateClose) {
                self.expression()?;
            }
            match self.kind {
                Kind::TemplateMiddle => {}
                Kind::TemplateClose => break,
                _ => return Err(self.missing("`}`", "behind the expression of the template")),
            }
        }
        self.next();
        Ok(Shape::Other)
    }

    /// What follows `super`, which is the current token.
    fn super_suffix(&mut self, is_generic: bool) -> Parsed<Shape> {
        self.next();
        if self.kind == Kind::ParenOpen || is_generic {
            self.arguments()?;
            return Ok(Shape::Action);
        }
        if self.skip_if(Kind::ColonColon) {
            return self.reference_suffix();
        }
        self.accept(Kind::Dot, "behind `super`")?;
        let is_generic = self.kind == Kind::Less;
        if is_generic {
            self.type_arguments(false)?;
        }
        self.name()?;
        self.arguments_if_any(is_generic, Shape::Member)
    }

    fn reference_suffix(&mut self) -> Parsed<Shape> {
        self.decide(EXPRESSION);
        if self.kind == Kind::Less {
            self.type_arguments(false)?;
        }
        if !self.skip_if(Kind::New) {
            self.name()?;
        }
        Ok(Shape::Reference)
    }

    fn arguments_if_any(&mut self, is_generic: bool, otherwise: Shape) -> Parsed<Shape> {
        if self.may(EXPRESSION) && self.kind == Kind::ParenOpen || is_generic {
            self.decide(EXPRESSION);
            self.arguments()?;
            return Ok(Shape::Action);
        }
        Ok(otherwise)
    }

    pub(super) fn arguments(&mut self) -> Parsed {
        if self.kind != Kind::ParenOpen {
            return Err(self.missing("`(`", "before the arguments"));
        }
        self.next();
        if self.kind != Kind::ParenClose {
            self.comma_separated(|parser| parser.expression().map(drop))?;
        }
        if self.skip_if(Kind::ParenClose) {
            return Ok(());
        }
        Err(self.missing("`)` or `,`", "among the arguments"))
    }

    /// A lambda that begins with a parenthesis.
    fn lambda(&mut self, is_explicit: bool) -> Parsed {
        if is_explicit {
            self.lambda_parameters()?;
        } else {
            self.next();
            self.comma_separated(Self::implicit_parameter)?;
            self.accept(Kind::ParenClose, "behind the parameters of the lambda")?;
        }
        self.lambda_body()
    }

    fn implicit_parameter(&mut self) -> Parsed {
        if !self.kind.is_name() {
            return Err(self.missing("a parameter name", ""));
        }
        self.variable_name()?;
        self.dimensions().map(drop)
    }

    fn lambda_body(&mut self) -> Parsed {
        self.accept(Kind::Arrow, "of the lambda")?;
        if self.kind == Kind::BraceOpen {
            self.nested(Self::block)
        } else {
            self.expression().map(drop)
        }
    }

    /// What follows `new`.
    fn creation(&mut self) -> Parsed<Shape> {
        let is_generic = self.kind == Kind::Less;
        if is_generic {
            self.type_arguments(false)?;
        }
        self.annotations()?;
        if self.kind.is_primitive() && !is_generic {
            self.next();
            return self.array_creation();
        }
        self.qualified_name(true)?;
        let outer = self.mode;
        self.decide(TYPE);
        let mut last_arguments = self.index();
        let mut is_diamond = false;
        loop {
            if self.kind == Kind::Less {
                last_arguments = self.index();
                self.type_arguments(true)?;
                is_diamond = self.may(DIAMOND);
            }
            if self.kind != Kind::Dot {
                break;
            }
            if is_diamond {
                return Err(self.unexpected("the arguments of the constructor"));
            }
            self.next();
            self.annotations()?;
            self.name()?;
        }
        self.mode = outer;
        match self.kind {
            Kind::BracketOpen | Kind::At => {
                self.array_creation()?;
                if is_diamond || is_generic {
                    let message = "an array is not created with type arguments or `<>`";
                    return Err(self.wrong("syntax/unexpected-token", message, last_arguments));
                }
                Ok(Shape::Other)
            }
            Kind::ParenOpen => self.class_creation(),
            _ => Err(self.missing("`(` or `[`", "behind the type")),
        }
    }

    /// `new` of an inner class behind a dot.
    fn inner_creation(&mut self) -> Parsed<Shape> {
        self.decide(EXPRESSION);
        self.next();
        if self.kind == Kind::Less {
            self.type_arguments(false)?;
        }
        self.annotations()?;
        self.name()?;
        if self.kind == Kind::Less {
            let outer = self.mode;
            self.type_arguments(true)?;
            self.mode = outer;
        }
        self.class_creation()
    }

    fn class_creation(&mut self) -> Parsed<Shape> {
        self.arguments()?;
        if self.kind == Kind::BraceOpen {
            self.anonymous_class_body()?;
        }
        Ok(Shape::Action)
    }

    fn array_creation(&mut self) -> Parsed<Shape> {
        self.annotations()?;
        self.accept(Kind::BracketOpen, "behind the element type")?;
        if self.skip_if(Kind::BracketClose) {
            self.dimensions()?;
            if self.kind != Kind::BraceOpen {
                return Err(self.missing("an array dimension or an initialiser", ""));
            }
            self.array_initializer()?;
            return Ok(Shape::Other);
        }
        self.expression()?;
        self.accept(Kind::BracketClose, "behind the array dimension")?;
        while matches!(self.kind, Kind::BracketOpen | Kind::At) {
            self.annotations()?;
            self.accept(Kind::BracketOpen, "of the array dimension")?;
            if self.skip_if(Kind::BracketClose) {
                self.dimensions()?;
            } else {
                self.expression()?;
                self.accept(Kind::BracketClose, "behind the array dimension")?;
            }
        }
        if self.kind == Kind::BraceOpen {
            let message = "an array has a dimension or an initialiser, not both";
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        Ok(Shape::Other)
    }

    fn array_initializer(&mut self) -> Parsed {
        self.nested(|parser| {
            parser.accept(Kind::BraceOpen, "of the array initialiser")?;
            if !parser.skip_if(Kind::Comma) {
                while parser.kind != Kind::BraceClose {
                    parser.variable_initializer()?;
                    if !parser.skip_if(Kind::Comma) {
                        break;
                    }
                }
            }
            parser.accept(Kind::BraceClose, "or `,` in the array initialiser")
        })
    }

    pub(super) fn variable_initializer(&mut self) -> Parsed {
        if self.kind == Kind::BraceOpen {
            self.array_initializer()
        } else {
            self.expression().map(drop)
        }
    }

    fn switch_expression(&mut self) -> Parsed<Shape> {
        self.needs(12);
        self.next();
        self.parenthesised_expression("switch")?;
        self.switch_block(true)?;
        Ok(Shape::Other)
    }

    /// `(…)` behind a keyword.
    pub(super) fn parenthesised_expression(&mut self, keyword: &str) -> Parsed {
        self.accept(Kind::ParenOpen, &format!("behind `{keyword}`"))?;
        self.expression()?;
        self.accept(
            Kind::ParenClose,
            &format!("behind the expression of `{keyword}`"),
        )
    }
}
