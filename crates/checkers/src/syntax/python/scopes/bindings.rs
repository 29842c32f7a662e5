//! The names that one scope declares and binds.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Alias, ExceptHandler, Expr, ExprContext, Identifier, Parameters, Pattern, Stmt,
};
use ruff_text_size::{Ranged, TextRange};

/// What a function, class or module says about its names; nested scopes are left out.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    parameters: BTreeSet<String>,
    bound: BTreeSet<String>,
    globals: BTreeMap<String, TextRange>,
    nonlocals: BTreeMap<String, TextRange>,
}

impl Bindings {
    pub(super) fn of_body(body: &[Stmt]) -> Self {
        let mut bindings = Self::default();
        bindings.visit_body(body);
        bindings
    }

    pub(super) fn of_function(parameters: &Parameters, body: &[Stmt]) -> Self {
        let names = parameters
            .iter()
            .map(|parameter| parameter.name().to_string());
        Self {
            parameters: names.collect(),
            ..Self::of_body(body)
        }
    }

    /// Where a name is first declared `global`.
    pub(super) fn global(&self, name: &str) -> Option<TextRange> {
        self.globals.get(name).copied()
    }

    /// Where a name is first declared `nonlocal`.
    pub(super) fn nonlocal(&self, name: &str) -> Option<TextRange> {
        self.nonlocals.get(name).copied()
    }

    pub(super) fn is_parameter(&self, name: &str) -> bool {
        self.parameters.contains(name)
    }

    /// Whether a nested function can reach this scope's own variable of a name.
    pub(super) fn binds(&self, name: &str) -> bool {
        (self.parameters.contains(name) || self.bound.contains(name))
            && !self.globals.contains_key(name)
            && !self.nonlocals.contains_key(name)
    }

    fn bind(&mut self, name: &str) {
        self.bound.insert(name.to_owned());
    }

    fn declare(map: &mut BTreeMap<String, TextRange>, names: &[Identifier], place: TextRange) {
        for name in names {
            map.entry(name.to_string()).or_insert(place);
        }
    }
}

impl<'a> Visitor<'a> for Bindings {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.bind(&function.name);
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&function.parameters);
            }
            Stmt::ClassDef(class) => {
                self.bind(&class.name);
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
            }
            Stmt::Global(global) => {
                Self::declare(&mut self.globals, &global.names, statement.range());
            }
            Stmt::Nonlocal(nonlocal) => {
                Self::declare(&mut self.nonlocals, &nonlocal.names, statement.range());
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => {
                if matches!(name.ctx, ExprContext::Store | ExprContext::Del) {
                    self.bind(&name.id);
                }
            }
            // A lambda's names are its own.
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                }
            }
            // A comprehension's targets are its own; what `:=` binds in it is not. Taking both
            // for this scope's only makes `nonlocal` more lenient.
            _ => visitor::walk_expr(self, expression),
        }
    }

    fn visit_alias(&mut self, alias: &'a Alias) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name);
        self.bind(name.split('.').next().unwrap_or(name));
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name);
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(capture) => capture.name.as_ref(),
            Pattern::MatchStar(star) => star.name.as_ref(),
            Pattern::MatchMapping(mapping) => mapping.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name);
        }
        visitor::walk_pattern(self, pattern);
    }
}
