//! Files, types and their members.

use super::expression::{Shape, TYPE};
use super::parser::{Parsed, Parser, Stop};
use super::token::Kind;

/// `final`, among the modifiers.
const FINAL: u16 = 1;
/// `static`, among the modifiers.
const STATIC: u16 = 1 << 1;
/// `sealed`, among the modifiers.
const SEALED: u16 = 1 << 2;
/// Set for `@interface`.
const ANNOTATION_TYPE: u16 = 1 << 3;
/// `default`, among the modifiers.
const DEFAULT: u16 = 1 << 4;

/// The modifiers before a declaration.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Modifiers {
    flags: u16,
    has_annotations: bool,
}

impl Modifiers {
    pub(super) const fn has_any(self) -> bool {
        self.flags != 0 || self.has_annotations
    }

    pub(super) const fn has_flags(self) -> bool {
        self.flags != 0
    }

    const fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// What a body belongs to.
#[derive(Debug, Clone, Copy)]
struct Owner {
    kind: OwnerKind,
    /// The token that names it; constructors have the same name.
    name: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnerKind {
    Class,
    Interface,
    Record,
}

impl Parser<'_> {
    pub(super) fn compilation_unit(&mut self) -> Parsed {
        let mut modifiers = None;
        if self.kind == Kind::At {
            modifiers = Some(self.modifiers()?);
        }
        let has_package = self.kind == Kind::Package;
        if has_package {
            if let Some(modifiers) = modifiers.take() {
                self.no_flags(modifiers)?;
            }
            self.next();
            self.qualified_name(false)?;
            self.accept(Kind::Semicolon, "after the package")?;
        }
        let mut is_head = true;
        while self.kind != Kind::Eof || modifiers.is_some() {
            let first_semicolon = self.index();
            while is_head && modifiers.is_none() && self.skip_if(Kind::Semicolon) {}
            let has_semicolons = self.index() > first_semicolon;
            if self.kind == Kind::Eof && modifiers.is_none() {
                break;
            }
            if is_head && modifiers.is_none() && self.kind == Kind::Import {
                if has_semicolons {
                    self.outdated(first_semicolon, 20);
                }
                self.import()?;
                continue;
            }
            let before = modifiers.take().unwrap_or_default();
            if self.skip_if(Kind::Semicolon) {
                is_head = false;
                continue;
            }
            let all = self.more_modifiers(before)?;
            if is_head && has_semicolons && self.kind == Kind::Identifier {
                self.outdated(first_semicolon, 20);
            }
            if is_head && (self.is_word("module") || self.is_word("open")) && self.is_module() {
                self.no_flags(all)?;
                return self.module();
            }
            self.top_level_declaration(all, has_package)?;
            is_head = false;
        }
        Ok(())
    }

    fn import(&mut self) -> Parsed {
        self.next();
        if self.is_word("module") && self.peek(1) == Kind::Identifier {
            self.needs(23);
            self.next();
            self.qualified_name(false)?;
            return self.accept(Kind::Semicolon, "after the import");
        }
        self.skip_if(Kind::Static);
        self.name()?;
        loop {
            self.accept(Kind::Dot, "in the imported name")?;
            if self.skip_if(Kind::Star) {
                break;
            }
            self.name()?;
            if self.kind != Kind::Dot {
                break;
            }
        }
        self.accept(Kind::Semicolon, "after the import")
    }

    fn top_level_declaration(&mut self, modifiers: Modifiers, has_package: bool) -> Parsed {
        if self.is_type_declaration() {
            return self.type_declaration(modifiers);
        }
        if has_package || !self.is_top_level_member() {
            return Err(self.no_declaration());
        }
        self.needs(21);
        let owner = Owner {
            kind: OwnerKind::Class,
            name: None,
        };
        self.member_rest(modifiers, owner)
    }

    /// True if a method or field of a compact source file begins here.
    fn is_top_level_member(&mut self) -> bool {
        let mark = self.mark();
        let parsed = self.top_level_member_head();
        let is_member = parsed.is_ok()
            && self.kind == Kind::Identifier
            && matches!(
                self.peek(1),
                Kind::ParenOpen | Kind::Equal | Kind::Semicolon | Kind::Comma | Kind::BracketOpen
            );
        self.reset(&mark);
        is_member
    }

    fn top_level_member_head(&mut self) -> Parsed {
        self.type_parameters()?;
        self.annotations()?;
        if self.skip_if(Kind::Void) {
            return Ok(());
        }
        self.type_without_annotations(false, TYPE).map(drop)
    }

    pub(super) fn modifiers(&mut self) -> Parsed<Modifiers> {
        self.more_modifiers(Modifiers::default())
    }

    fn more_modifiers(&mut self, mut modifiers: Modifiers) -> Parsed<Modifiers> {
        loop {
            let flag = match self.kind {
                Kind::Final => FINAL,
                Kind::Static => STATIC,
                Kind::Default => DEFAULT,
                Kind::Public => 1 << 5,
                Kind::Protected => 1 << 6,
                Kind::Private => 1 << 7,
                Kind::Abstract => 1 << 8,
                Kind::Native => 1 << 9,
                Kind::Synchronized => 1 << 10,
                Kind::Transient => 1 << 11,
                Kind::Volatile => 1 << 12,
                Kind::Strictfp => 1 << 13,
                Kind::At if self.peek(1) == Kind::Interface => {
                    self.next();
                    modifiers.flags |= ANNOTATION_TYPE;
                    return Ok(modifiers);
                }
                Kind::At => {
                    self.annotations()?;
                    modifiers.has_annotations = true;
                    continue;
                }
                Kind::Identifier if self.is_non_sealed_start(false) => {
                    self.next();
                    self.next();
                    1 << 14
                }
                Kind::Identifier if self.is_sealed_start(false) => SEALED,
                _ => return Ok(modifiers),
            };
            if modifiers.has(flag) {
                let message = format!("repeated modifier `{}`", self.text_of(self.index()));
                return Err(self.wrong("syntax/unexpected-token", message, self.index()));
            }
            modifiers.flags |= flag;
            self.next();
        }
    }

    /// Complains about modifiers where only `final` may stand.
    pub(super) fn only_final(&mut self, modifiers: Modifiers) -> Parsed {
        self.no_flags(Modifiers {
            flags: modifiers.flags & !FINAL,
            ..modifiers
        })
    }

    fn no_flags(&mut self, modifiers: Modifiers) -> Parsed {
        if !modifiers.has_flags() {
            return Ok(());
        }
        let before = self.index().saturating_sub(1);
        let message = "modifiers are not allowed here";
        Err(self.wrong("syntax/unexpected-token", message, before))
    }

    pub(super) fn is_sealed_start(&self, is_local: bool) -> bool {
        self.is_word("sealed") && self.may_follow_sealed(1, is_local, false)
    }

    pub(super) fn is_non_sealed_start(&self, is_local: bool) -> bool {
        self.is_non_sealed(0) && self.may_follow_sealed(3, is_local, true)
    }

    /// True if the word `non-sealed` stands so many tokens ahead.
    fn is_non_sealed(&self, ahead: usize) -> bool {
        let at = self.index() + ahead;
        self.token_kind(at) == Kind::Identifier
            && self.text_of(at) == "non"
            && self.token_kind(at + 1) == Kind::Minus
            && self.text_of(at + 2) == "sealed"
            && self.span_of(at).end == self.span_of(at + 1).start
            && self.span_of(at + 1).end == self.span_of(at + 2).start
    }

    fn may_follow_sealed(&self, ahead: usize, is_local: bool, is_non_sealed: bool) -> bool {
        match self.peek(ahead) {
            Kind::At => self.peek(ahead + 1) != Kind::Interface || is_non_sealed,
            Kind::Abstract
            | Kind::Final
            | Kind::Strictfp
            | Kind::Class
            | Kind::Interface
            | Kind::Enum => true,
            Kind::Public | Kind::Protected | Kind::Private | Kind::Static => !is_local,
            Kind::Identifier if !is_local => {
                self.is_non_sealed(ahead) || self.text_of(self.index() + ahead) == "sealed"
            }
            _ => false,
        }
    }

    /// True if a record begins here, rather than a variable of a type with that name.
    pub(super) fn is_record_start(&self) -> bool {
        self.is_word("record")
            && self.peek(1) == Kind::Identifier
            && !matches!(
                self.peek(2),
                Kind::Semicolon | Kind::Equal | Kind::Comma | Kind::BracketOpen | Kind::Colon
            )
    }

    pub(super) fn is_type_declaration(&self) -> bool {
        matches!(self.kind, Kind::Class | Kind::Interface | Kind::Enum) || self.is_record_start()
    }

    /// A class, interface, enum or record behind its modifiers.
    pub(super) fn type_declaration(&mut self, modifiers: Modifiers) -> Parsed {
        match self.kind {
            Kind::Class => self.class(modifiers),
            Kind::Interface => self.interface(modifiers),
            Kind::Enum => self.enumeration(),
            _ if self.is_record_start() => self.record(),
            _ => Err(self.no_declaration()),
        }
    }

    /// Complains about what stands outside all types, wherever its line begins.
    fn no_declaration(&mut self) -> Stop {
        let expected = "`class`, `interface`, `enum` or `record`";
        if self.kind == Kind::Eof {
            return self.unexpected(expected);
        }
        let word = self.text_of(self.index());
        let message = format!("unexpected `{word}`, expected {expected}");
        self.wrong("syntax/unexpected-token", message, self.index())
    }

    fn class(&mut self, modifiers: Modifiers) -> Parsed {
        self.next();
        let name = Some(self.index());
        self.type_name()?;
        self.type_parameters()?;
        if self.skip_if(Kind::Extends) {
            self.parse_type(false)?;
        }
        if self.skip_if(Kind::Implements) {
            self.type_list()?;
        }
        self.permits(modifiers)?;
        self.body(Owner {
            kind: OwnerKind::Class,
            name,
        })
    }

    fn interface(&mut self, modifiers: Modifiers) -> Parsed {
        self.next();
        let name = Some(self.index());
        self.type_name()?;
        self.type_parameters()?;
        if self.skip_if(Kind::Extends) {
            self.type_list()?;
        }
        self.permits(modifiers)?;
        self.body(Owner {
            kind: OwnerKind::Interface,
            name,
        })
    }

    fn permits(&mut self, modifiers: Modifiers) -> Parsed {
        if !self.is_word("permits") {
            return Ok(());
        }
        self.needs(15);
        if !modifiers.has(SEALED) {
            let message = "`permits` belongs to a `sealed` type only";
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        self.next();
        self.comma_separated(|parser| parser.qualified_name(false).map(drop))
    }

    fn record(&mut self) -> Parsed {
        self.needs(14);
        self.next();
        let name = Some(self.index());
        self.type_name()?;
        self.type_parameters()?;
        self.record_components()?;
        if self.skip_if(Kind::Implements) {
            self.type_list()?;
        }
        self.body(Owner {
            kind: OwnerKind::Record,
            name,
        })
    }

    fn enumeration(&mut self) -> Parsed {
        self.next();
        let name = Some(self.index());
        self.type_name()?;
        if self.kind == Kind::Less {
            let message = "an enum has no type parameters";
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        if self.skip_if(Kind::Implements) {
            self.type_list()?;
        }
        self.nested(|parser| {
            parser.accept(Kind::BraceOpen, "of the enum")?;
            parser.enum_constants()?;
            let owner = Owner {
                kind: OwnerKind::Class,
                name,
            };
            while !matches!(parser.kind, Kind::BraceClose | Kind::Eof) {
                parser.member(owner)?;
            }
            parser.accept(Kind::BraceClose, "at the end of the enum")
        })
    }

    /// The constants of an enum, to behind the `;` that may end them.
    fn enum_constants(&mut self) -> Parsed {
        if self.skip_if(Kind::Comma) {
            return match self.kind {
                Kind::BraceClose => Ok(()),
                _ => self.accept(Kind::Semicolon, "or `}` behind the constants"),
            };
        }
        while !matches!(self.kind, Kind::BraceClose | Kind::Semicolon | Kind::Eof) {
            self.enum_constant()?;
            if self.skip_if(Kind::Comma) {
                continue;
            }
            if !matches!(self.kind, Kind::BraceClose | Kind::Semicolon | Kind::Eof) {
                return Err(self.missing("`,`, `;` or `}`", "behind the constant"));
            }
        }
        self.skip_if(Kind::Semicolon);
        Ok(())
    }

    fn enum_constant(&mut self) -> Parsed {
        let starts = matches!(
            self.kind,
            Kind::Identifier | Kind::Underscore | Kind::At | Kind::Less
        );
        if !starts || self.is_record_start() {
            return Err(self.unexpected("a constant of the enum"));
        }
        self.annotations()?;
        if self.kind == Kind::Less {
            self.mode = TYPE;
            self.type_arguments(false)?;
        }
        self.name()?;
        if self.kind == Kind::ParenOpen {
            self.arguments()?;
        }
        if self.kind == Kind::BraceOpen {
            self.anonymous_class_body()?;
        }
        Ok(())
    }

    pub(super) fn anonymous_class_body(&mut self) -> Parsed {
        self.body(Owner {
            kind: OwnerKind::Class,
            name: None,
        })
    }

    fn body(&mut self, owner: Owner) -> Parsed {
        let what = match owner.kind {
            OwnerKind::Class => "of the class body",
            OwnerKind::Interface => "of the interface body",
            OwnerKind::Record => "of the record body",
        };
        self.nested(|parser| {
            parser.accept(Kind::BraceOpen, what)?;
            while !matches!(parser.kind, Kind::BraceClose | Kind::Eof) {
                parser.member(owner)?;
            }
            parser.accept(Kind::BraceClose, "at the end of the body")
        })
    }

    fn member(&mut self, owner: Owner) -> Parsed {
        if self.skip_if(Kind::Semicolon) {
            return Ok(());
        }
        let modifiers = self.modifiers()?;
        if self.is_type_declaration() {
            return self.type_declaration(modifiers);
        }
        let is_initializer = self.kind == Kind::BraceOpen
            && modifiers.flags & !(STATIC | DEFAULT) == 0
            && !modifiers.has_annotations;
        if is_initializer {
            return self.initializer(modifiers, owner);
        }
        let is_statement = matches!(
            self.kind,
            Kind::If
                | Kind::While
                | Kind::Do
                | Kind::Switch
                | Kind::Return
                | Kind::Try
                | Kind::For
                | Kind::Assert
                | Kind::Break
                | Kind::Continue
                | Kind::Throw
        );
        if is_statement {
            let word = self.text_of(self.index());
            let message = format!("`{word}` outside a method");
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        self.member_rest(modifiers, owner)
    }

    fn initializer(&mut self, modifiers: Modifiers, owner: Owner) -> Parsed {
        let message = match owner.kind {
            OwnerKind::Interface => "an interface has no initialiser",
            OwnerKind::Record if !modifiers.has(STATIC) => {
                "a record has no initialiser but static ones"
            }
            _ => return self.block(),
        };
        Err(self.wrong("syntax/unexpected-token", message, self.index()))
    }

    /// A method, constructor or field behind its modifiers.
    fn member_rest(&mut self, modifiers: Modifiers, owner: Owner) -> Parsed {
        let is_generic = self.type_parameters()?;
        let annotation = self.annotations()?;
        let first = self.index();
        let is_void = self.skip_if(Kind::Void);
        if !is_void {
            let term = self.type_without_annotations(false, TYPE)?;
            if term.shape == Shape::Name && self.constructor(first, owner, annotation)? {
                return Ok(());
            }
        }
        let name = self.index();
        self.name()?;
        if self.kind == Kind::ParenOpen {
            return self.method_rest(is_void);
        }
        if is_void || is_generic {
            return Err(self.missing("`(`", "behind the method's name"));
        }
        if owner.kind == OwnerKind::Record && !modifiers.has(STATIC) {
            let message = "a record has no fields but static ones";
            self.fields(false)?;
            return Err(self.wrong("syntax/unexpected-token", message, name));
        }
        self.fields(owner.kind == OwnerKind::Interface)
    }

    /// A constructor behind its name, if it is one.
    fn constructor(
        &mut self,
        first: usize,
        owner: Owner,
        annotation: Option<usize>,
    ) -> Parsed<bool> {
        let is_record = owner.kind == OwnerKind::Record;
        let is_compact = is_record && self.kind == Kind::BraceOpen;
        if is_record && self.kind == Kind::Throws {
            let message = "a compact constructor has no `throws`";
            return Err(self.wrong("syntax/unexpected-token", message, self.index()));
        }
        if self.kind != Kind::ParenOpen && !is_compact {
            return Ok(false);
        }
        let has_name = owner
            .name
            .is_some_and(|name| self.text_of(name) == self.text_of(first));
        if owner.kind == OwnerKind::Interface || !has_name {
            let message = "expected a return type before the method's name";
            return Err(self.wrong("syntax/missing-token", message, first));
        }
        if let Some(annotation) = annotation {
            return Err(self.stray_annotation(annotation));
        }
        if is_compact {
            self.block()?;
        } else {
            self.method_rest(true)?;
        }
        Ok(true)
    }

    /// The fields behind the name of the first one.
    fn fields(&mut self, must_have_value: bool) -> Parsed {
        loop {
            self.dimensions()?;
            if self.skip_if(Kind::Equal) {
                self.variable_initializer()?;
            } else if must_have_value {
                return Err(self.missing("`=`", "and the value of the constant"));
            }
            if !self.skip_if(Kind::Comma) {
                break;
            }
            self.name()?;
        }
        self.accept(Kind::Semicolon, "after the field")
    }

    /// The parameters of a method and all behind them.
    fn method_rest(&mut self, is_void: bool) -> Parsed {
        self.method_parameters()?;
        if !is_void {
            self.dimensions()?;
        }
        if self.skip_if(Kind::Throws) {
            self.comma_separated(|parser| {
                parser.annotations()?;
                parser.qualified_name(true).map(drop)
            })?;
        }
        if self.kind == Kind::BraceOpen {
            return self.nested(Self::block);
        }
        if self.skip_if(Kind::Default) {
            self.annotation_value()?;
            return self.accept(Kind::Semicolon, "after the default value");
        }
        if self.skip_if(Kind::Semicolon) {
            return Ok(());
        }
        Err(self.missing("`{` or `;`", "behind the method's head"))
    }
}
