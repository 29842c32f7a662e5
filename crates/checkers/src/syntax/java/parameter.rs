//! The parameters of methods, constructors, records and lambdas.

use super::expression::{Shape, Term};
use super::parser::{Parsed, Parser};
use super::token::Kind;

/// What parameters belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Method,
    Lambda,
    Record,
}

/// How the parameter of a lambda is typed; all of its parameters are typed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    Explicitly,
    WithVar,
    Not,
}

/// A parameter that was read.
struct Parameter {
    first: usize,
    is_variadic: bool,
    typed: Typed,
}

impl Parser<'_> {
    pub(super) fn method_parameters(&mut self) -> Parsed {
        self.parameters(Owner::Method)
    }

    pub(super) fn record_components(&mut self) -> Parsed {
        self.parameters(Owner::Record)
    }

    pub(super) fn lambda_parameters(&mut self) -> Parsed {
        self.parameters(Owner::Lambda)
    }

    fn parameters(&mut self, owner: Owner) -> Parsed {
        self.accept(Kind::ParenOpen, "before the parameters")?;
        if self.skip_if(Kind::ParenClose) {
            return Ok(());
        }
        let first = self.index();
        self.this_is_name = owner == Owner::Method;
        let mut last = self.parameter(owner)?;
        self.this_is_name = false;
        let typed = last.typed;
        let mut is_mixed = None;
        while self.kind == Kind::Comma {
            if last.is_variadic {
                let message = "only the last parameter has `...`";
                return Err(self.wrong("syntax/unexpected-token", message, last.first));
            }
            self.next();
            last = self.parameter(owner)?;
            if last.typed != typed {
                is_mixed.get_or_insert(last.typed);
            }
        }
        if !self.skip_if(Kind::ParenClose) {
            return Err(self.missing("`)` or `,`", "behind the parameter"));
        }
        match is_mixed {
            // A class may have been called `var`.
            Some(other) if typed != Typed::Not && other != Typed::Not => {
                self.outdated(first, 10);
                Ok(())
            }
            None if owner == Owner::Lambda && typed == Typed::Not => {
                Err(self.missing("the name of a parameter", ""))
            }
            None => Ok(()),
            Some(_) => {
                let message = "either all parameters of a lambda have types or none has";
                Err(self.wrong("syntax/missing-token", message, first))
            }
        }
    }

    fn parameter(&mut self, owner: Owner) -> Parsed<Parameter> {
        let modifiers = self.modifiers()?;
        if owner != Owner::Record {
            self.only_final(modifiers)?;
        } else if modifiers.has_flags() {
            let message = "the components of a record have no modifiers";
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        let outer = std::mem::replace(&mut self.may_annotate_ellipsis, true);
        let kind = self.parse_type(owner == Owner::Lambda)?;
        self.may_annotate_ellipsis = outer;
        let waiting = self.waiting_annotation.take();
        let is_variadic = self.skip_if(Kind::Ellipsis);
        if let Some(annotation) = waiting.filter(|_| !is_variadic) {
            return Err(self.stray_annotation(annotation));
        }
        let first = self.index();
        let is_untyped = owner == Owner::Lambda && !self.kind.is_name() && !modifiers.has_any();
        if !is_untyped {
            self.parameter_name(owner, is_variadic)?;
        }
        if self.kind == Kind::BracketOpen && (is_variadic || owner == Owner::Record) {
            let message = "`[]` does not stand behind this name";
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        self.dimensions()?;
        Ok(Parameter {
            first,
            is_variadic,
            typed: if is_untyped {
                Typed::Not
            } else {
                self.typed(kind)
            },
        })
    }

    fn typed(&mut self, kind: Term) -> Typed {
        if !self.is_var(kind.first) {
            return Typed::Explicitly;
        }
        match kind.shape {
            Shape::Name => Typed::WithVar,
            Shape::ArrayType => {
                self.outdated(kind.first, 9);
                Typed::WithVar
            }
            _ => Typed::Explicitly,
        }
    }

    /// The name of a parameter, or the receiver `this` and `Outer.this`.
    fn parameter_name(&mut self, owner: Owner, is_variadic: bool) -> Parsed {
        if owner == Owner::Lambda {
            return self.variable_name();
        }
        let first = self.index();
        let is_qualified = self.qualified_name(false)?;
        let last = self.index().saturating_sub(1);
        let is_receiver = self.token_kind(last) == Kind::This;
        if is_qualified && !is_receiver {
            let message = "the name of a parameter has no dots";
            return Err(self.wrong("syntax/unexpected-token", message, first));
        }
        if is_receiver && (is_variadic || self.kind == Kind::BracketOpen) {
            let message = "the receiver is no array";
            return Err(self.wrong("syntax/unexpected-token", message, first));
        }
        Ok(())
    }
}
