//! The errors of well-formed Python that depend on where a statement or name stands.
//!
//! `ruff_python_parser` knows most of the rules and asks where it is; [`Walk`] answers, and adds
//! the rules about `nonlocal` and `except*` that the parser leaves to its callers;
//! the rules that need no place are in [`rules`].

mod bindings;
mod rules;

use std::cell::RefCell;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, InterpolatedStringElement, Pattern, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{
    LazyImportContext, SemanticSyntaxChecker, SemanticSyntaxContext, SemanticSyntaxError,
    SemanticSyntaxErrorKind,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use self::bindings::Bindings;
use crate::Finding;
use crate::syntax::message::fragment;

/// The errors of a module's statements, in the order in which they are evaluated.
pub(super) fn errors(text: &str, body: &[Stmt]) -> Vec<Finding> {
    let mut walk = Walk {
        text,
        checker: SemanticSyntaxChecker::new(),
        findings: RefCell::new(Vec::new()),
        scopes: vec![Scope::new(Kind::Module, Bindings::of_body(body))],
        annotations_are_future: has_future_annotations(body),
        in_try: false,
    };
    walk.visit_body(body);
    walk.findings.into_inner()
}

struct Walk<'a> {
    text: &'a str,
    checker: SemanticSyntaxChecker,
    /// The rules report through a shared reference.
    findings: RefCell<Vec<Finding>>,
    /// The scopes that enclose the place, the module's first; never empty.
    scopes: Vec<Scope>,
    annotations_are_future: bool,
    in_try: bool,
}

struct Scope {
    kind: Kind,
    bindings: Bindings,
    loops: usize,
    /// The value of `loops` in the innermost `except*` handler of this scope.
    star_handler: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Module,
    Class,
    Function { is_async: bool },
    Lambda,
    Comprehension { is_generator: bool, is_async: bool },
}

impl Scope {
    const fn new(kind: Kind, bindings: Bindings) -> Self {
        Self {
            kind,
            bindings,
            loops: 0,
            star_handler: None,
        }
    }
}

impl Walk<'_> {
    fn here(&self) -> &Scope {
        self.scopes
            .last()
            .expect("the module's scope is never left")
    }

    fn here_mut(&mut self) -> &mut Scope {
        self.scopes
            .last_mut()
            .expect("the module's scope is never left")
    }

    fn within(&mut self, kind: Kind, bindings: Bindings, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope::new(kind, bindings));
        visit(self);
        self.scopes.pop();
    }

    fn report(&self, rule: &'static str, message: String, place: TextRange) {
        let finding = Finding::error(rule, message, place.to_std_range());
        self.findings.borrow_mut().push(finding);
    }

    fn check_rules(&mut self, check: impl FnOnce(&mut SemanticSyntaxChecker, &Self)) {
        let mut checker = std::mem::take(&mut self.checker);
        check(&mut checker, self);
        self.checker = checker;
    }

    fn visit_function(&mut self, function: &ast::StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.visit_decorator(decorator);
        }
        if let Some(type_params) = &function.type_params {
            self.visit_type_params(type_params);
        }
        self.visit_parameters(&function.parameters);
        if let Some(returns) = &function.returns {
            self.visit_annotation(returns);
        }
        let kind = Kind::Function {
            is_async: function.is_async,
        };
        let bindings = Bindings::of_function(&function.parameters, &function.body);
        self.within(kind, bindings, |walk| walk.visit_body(&function.body));
    }

    fn visit_class(&mut self, class: &ast::StmtClassDef) {
        for decorator in &class.decorator_list {
            self.visit_decorator(decorator);
        }
        if let Some(type_params) = &class.type_params {
            self.visit_type_params(type_params);
        }
        if let Some(arguments) = &class.arguments {
            self.visit_arguments(arguments);
        }
        let bindings = Bindings::of_body(&class.body);
        self.within(Kind::Class, bindings, |walk| walk.visit_body(&class.body));
    }

    fn visit_loop(&mut self, body: &[Stmt], orelse: &[Stmt]) {
        self.here_mut().loops += 1;
        self.visit_body(body);
        self.here_mut().loops -= 1;
        self.visit_body(orelse);
    }

    fn visit_try(&mut self, statement: &ast::StmtTry) {
        let was_in_try = std::mem::replace(&mut self.in_try, true);
        self.visit_body(&statement.body);
        for handler in &statement.handlers {
            let loops = self.here().loops;
            let outer = self.here().star_handler;
            if statement.is_star {
                self.here_mut().star_handler = Some(loops);
            }
            self.visit_except_handler(handler);
            self.here_mut().star_handler = outer;
        }
        self.visit_body(&statement.orelse);
        self.visit_body(&statement.finalbody);
        self.in_try = was_in_try;
    }

    /// The first iterable belongs to the enclosing scope, everything else to the comprehension's.
    fn visit_generators(
        &mut self,
        elements: &[&Expr],
        generators: &[ast::Comprehension],
        is_generator: bool,
    ) {
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        let kind = Kind::Comprehension {
            is_generator,
            is_async: generators.iter().any(|generator| generator.is_async),
        };
        self.within(kind, Bindings::default(), |walk| {
            for (index, generator) in generators.iter().enumerate() {
                walk.visit_expr(&generator.target);
                if index > 0 {
                    walk.visit_expr(&generator.iter);
                }
                for condition in &generator.ifs {
                    walk.visit_expr(condition);
                }
            }
            for element in elements {
                walk.visit_expr(element);
            }
        });
    }

    fn check_jump_from_star_handler(&self, statement: &Stmt) {
        let Some(loops) = self.here().star_handler else {
            return;
        };
        let leaves = match statement {
            Stmt::Return(_) => true,
            Stmt::Break(_) | Stmt::Continue(_) => self.here().loops == loops,
            _ => false,
        };
        if leaves {
            let message = "`break`, `continue` and `return` cannot leave an `except*` block";
            self.report(
                "syntax/misplaced-statement",
                message.to_owned(),
                statement.range(),
            );
        }
    }

    fn check_nonlocal(&self, statement: &ast::StmtNonlocal) {
        for name in &statement.names {
            if self.here().bindings.global(&name.id).is_some() {
                let message = format!("name `{name}` is nonlocal and global");
                self.report("syntax/scope", message, name.range);
            }
        }
    }

    /// Whether a name is used before the statement that makes it `nonlocal`.
    fn check_use_before_nonlocal(&self, name: &ast::ExprName) {
        if let Some(declared) = self.here().bindings.nonlocal(&name.id)
            && name.range.start() < declared.start()
        {
            let message = format!("name `{}` is used prior to nonlocal declaration", name.id);
            let finding = Finding::error("syntax/scope", message, name.range.to_std_range())
                .with_related("declared here", declared.to_std_range());
            self.findings.borrow_mut().push(finding);
        }
    }

    fn check_annotated_nonlocal(&self, target: &Expr) {
        if let Expr::Name(name) = target
            && self.here().bindings.nonlocal(&name.id).is_some()
        {
            let message = format!("annotated name `{}` cannot be nonlocal", name.id);
            self.report("syntax/scope", message, name.range);
        }
    }

    /// The scope that decides about `await`: comprehensions belong to what is around them.
    fn function_kind(&self) -> Kind {
        self.scopes
            .iter()
            .rev()
            .map(|scope| scope.kind)
            .find(|kind| !matches!(kind, Kind::Comprehension { .. }))
            .unwrap_or(Kind::Module)
    }
}

impl<'a> Visitor<'a> for Walk<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        self.check_rules(|checker, walk| checker.visit_stmt(statement, walk));
        self.check_jump_from_star_handler(statement);
        self.findings
            .get_mut()
            .extend(rules::of_statement(statement));
        match statement {
            Stmt::FunctionDef(function) => self.visit_function(function),
            Stmt::ClassDef(class) => self.visit_class(class),
            Stmt::For(statement) => {
                self.visit_expr(&statement.iter);
                self.visit_expr(&statement.target);
                self.visit_loop(&statement.body, &statement.orelse);
            }
            Stmt::While(statement) => {
                self.visit_expr(&statement.test);
                self.visit_loop(&statement.body, &statement.orelse);
            }
            Stmt::Try(statement) => self.visit_try(statement),
            Stmt::Nonlocal(statement) => self.check_nonlocal(statement),
            Stmt::AnnAssign(assignment) => {
                self.check_annotated_nonlocal(&assignment.target);
                visitor::walk_stmt(self, statement);
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        self.check_rules(|checker, walk| checker.visit_expr(expression, walk));
        self.findings
            .get_mut()
            .extend(rules::of_expression(self.text, expression));
        match expression {
            Expr::Name(name) => self.check_use_before_nonlocal(name),
            Expr::Lambda(lambda) => {
                let bindings = lambda
                    .parameters
                    .as_ref()
                    .map_or_else(Bindings::default, |found| {
                        self.visit_parameters(found);
                        Bindings::of_function(found, &[])
                    });
                self.within(Kind::Lambda, bindings, |walk| walk.visit_expr(&lambda.body));
            }
            Expr::ListComp(it) => self.visit_generators(&[&it.elt], &it.generators, false),
            Expr::SetComp(it) => self.visit_generators(&[&it.elt], &it.generators, false),
            Expr::Generator(it) => self.visit_generators(&[&it.elt], &it.generators, true),
            Expr::DictComp(it) => {
                let elements: Vec<&Expr> =
                    it.key.as_deref().into_iter().chain([&*it.value]).collect();
                self.visit_generators(&elements, &it.generators, false);
            }
            _ => visitor::walk_expr(self, expression),
        }
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        if let InterpolatedStringElement::Interpolation(interpolation) = element {
            let starred = rules::starred(Some(&interpolation.expression));
            self.findings.get_mut().extend(starred);
        }
        visitor::walk_interpolated_string_element(self, element);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.findings.get_mut().extend(rules::of_pattern(pattern));
        visitor::walk_pattern(self, pattern);
    }
}

impl SemanticSyntaxContext for Walk<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.annotations_are_future
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        match self.here().kind {
            Kind::Function { .. } | Kind::Lambda => Some(LazyImportContext::Function),
            Kind::Class => Some(LazyImportContext::Class),
            Kind::Module | Kind::Comprehension { .. } => {
                self.in_try.then_some(LazyImportContext::TryExceptBlocks)
            }
        }
    }

    /// The newest version that still accepts what 3.14 began to reject.
    fn python_version(&self) -> PythonVersion {
        PythonVersion::PY313
    }

    fn source(&self) -> &str {
        self.text
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        self.here().bindings.global(name)
    }

    fn has_nonlocal_binding(&self, name: &str) -> bool {
        // Every class body gives its functions a `__class__`.
        name == "__class__"
            || self.scopes.iter().rev().skip(1).any(|scope| {
                matches!(scope.kind, Kind::Function { .. } | Kind::Lambda)
                    && scope.bindings.binds(name)
            })
    }

    fn in_async_context(&self) -> bool {
        self.function_kind() == Kind::Function { is_async: true }
    }

    fn in_await_allowed_context(&self) -> bool {
        self.scopes.iter().rev().find_map(|scope| match scope.kind {
            Kind::Class => Some(false),
            Kind::Function { .. }
            | Kind::Lambda
            | Kind::Comprehension {
                is_generator: true, ..
            } => Some(true),
            Kind::Module | Kind::Comprehension { .. } => None,
        }) == Some(true)
    }

    fn in_yield_allowed_context(&self) -> bool {
        matches!(self.here().kind, Kind::Function { .. } | Kind::Lambda)
    }

    fn in_sync_comprehension(&self) -> bool {
        self.scopes.iter().any(|scope| {
            matches!(
                scope.kind,
                Kind::Comprehension {
                    is_async: false,
                    ..
                }
            )
        })
    }

    fn in_class_body_comprehension(&self) -> bool {
        self.function_kind() == Kind::Class
    }

    fn in_module_scope(&self) -> bool {
        self.here().kind == Kind::Module
    }

    fn in_function_scope(&self) -> bool {
        matches!(self.here().kind, Kind::Function { .. })
    }

    fn in_generator_context(&self) -> bool {
        self.scopes
            .iter()
            .rev()
            .take_while(|scope| matches!(scope.kind, Kind::Comprehension { .. }))
            .any(|scope| {
                matches!(
                    scope.kind,
                    Kind::Comprehension {
                        is_generator: true,
                        ..
                    }
                )
            })
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        let mut place = error.range;
        if matches!(
            error.kind,
            SemanticSyntaxErrorKind::AwaitOutsideAsyncFunction(_)
        ) {
            // The range of `async for` and `async with` is the whole statement.
            let first_line = self.text[place.to_std_range()]
                .lines()
                .next()
                .unwrap_or_default();
            let len = TextSize::try_from(first_line.len()).unwrap_or(place.len());
            place = TextRange::at(place.start(), len);
        }
        let mut finding = Finding::error(
            rule(&error.kind),
            fragment(&error.to_string()),
            place.to_std_range(),
        );
        if let SemanticSyntaxErrorKind::LoadBeforeGlobalDeclaration { name, .. } = &error.kind
            && let Some(declared) = self.here().bindings.global(name)
        {
            finding = finding.with_related("declared here", declared.to_std_range());
        }
        self.findings.borrow_mut().push(finding);
    }

    fn in_loop_context(&self) -> bool {
        self.here().loops > 0
    }

    fn is_bound_parameter(&self, name: &str) -> bool {
        self.here().bindings.is_parameter(name)
    }
}

fn has_future_annotations(body: &[Stmt]) -> bool {
    body.iter().any(|statement| match statement {
        Stmt::ImportFrom(import) => {
            import.module.as_deref() == Some("__future__")
                && import
                    .names
                    .iter()
                    .any(|alias| alias.name.as_str() == "annotations")
        }
        _ => false,
    })
}

fn rule(kind: &SemanticSyntaxErrorKind) -> &'static str {
    use SemanticSyntaxErrorKind as E;
    match kind {
        E::ReturnOutsideFunction
        | E::YieldOutsideFunction(_)
        | E::AwaitOutsideAsyncFunction(_)
        | E::BreakOutsideLoop
        | E::ContinueOutsideLoop
        | E::LateFutureImport
        | E::NonModuleImportStar(_)
        | E::LazyImportNotAllowed { .. }
        | E::YieldFromInAsyncFunction
        | E::ReturnInGenerator => "syntax/misplaced-statement",
        E::DuplicateParameter(_)
        | E::DuplicateTypeParameter
        | E::DuplicateKeywordArgument(_)
        | E::DuplicateMatchKey(_)
        | E::DuplicateMatchClassAttribute(_)
        | E::MultipleCaseAssignment(_) => "syntax/redeclaration",
        E::NonlocalDeclarationAtModuleLevel
        | E::NonlocalAndGlobal(_)
        | E::NonlocalParameter(_)
        | E::NonlocalWithoutBinding(_)
        | E::GlobalParameter(_)
        | E::AnnotatedGlobal(_)
        | E::AnnotatedNonlocal(_)
        | E::LoadBeforeGlobalDeclaration { .. }
        | E::LoadBeforeNonlocalDeclaration { .. } => "syntax/scope",
        E::WriteToDebug(_) | E::SingleStarredAssignment | E::MultipleStarredExpressions => {
            "syntax/invalid-target"
        }
        _ => "syntax/invalid-expression",
    }
}
