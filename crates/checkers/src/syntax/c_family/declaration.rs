//! What keywords of declarations bring: classes, enumerations, templates, namespaces.

use super::expression::{Flow, Place, Prev, Scan};
use super::parser::{Parsed, Parser};
use super::tokens::Kind;

/// How many tokens template parameters have at most, if their angles do not pair up.
const PARAMETER_TOKENS_MAX: usize = 256;

impl Parser<'_> {
    /// `public:`, `public Q_SLOTS:`
    pub(super) fn access(&mut self) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        if self.here(Kind::Ident) && self.is(self.at + 1, Kind::Colon) {
            self.at += 1;
        }
        if self.eat(Kind::Colon) {
            return Ok(());
        }
        Err(self.missing(&format!("`:` after `{}`", self.word(start)), start))
    }

    /// `template <…>` and what it makes one of; `template class X<…>;`.
    pub(super) fn template(&mut self, place: Place, end: usize) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        if self.here(Kind::LeftParen) {
            // A macro of that name.
            while self.here(Kind::LeftParen) {
                self.at = self.after_group(self.at);
            }
            return if self.at < end {
                self.statement(place, end)
            } else {
                Ok(())
            };
        }
        if !self.here(Kind::Less) {
            return self.run(place, end);
        }
        self.template_parameters(start)?;
        if self.at >= end {
            return Err(self.missing("a declaration after the template's parameters", self.at - 1));
        }
        if self.word(self.at) == "concept"
            || self.here(Kind::LeftParen) && !self.is_declarator_paren()
        {
            if self.here(Kind::LeftParen) {
                return Err(self.unexpected(self.at));
            }
            self.at += 1;
            return self.run(place, end);
        }
        if self.here(Kind::Ident) && self.is(self.at + 1, Kind::Assign) {
            return Err(self.unexpected(self.at + 1));
        }
        let statement = self.statement;
        self.statement(place, end)?;
        self.statement = statement;
        Ok(())
    }

    fn is_declarator_paren(&self) -> bool {
        false
    }

    /// The parameters after `template`, and the constraint after them.
    fn template_parameters(&mut self, start: usize) -> Parsed<()> {
        let open = self.at;
        let Some(close) = self.partner(open) else {
            if self.compares_inside(open) && self.skip_parameters() {
                return Ok(());
            }
            return Err(self.unclosed_angle(open));
        };
        let _ = start;
        self.at = open + 1;
        self.list(Place::Angle, close)?;
        self.at = close + 1;
        self.constraint()
    }

    /// Steps over template parameters whose angles cannot be paired, up to the next line.
    fn skip_parameters(&mut self) -> bool {
        for index in self.at + 1..self.tokens.len().min(self.at + PARAMETER_TOKENS_MAX) {
            if self.first(index) && self.is(index - 1, Kind::Greater) {
                self.at = index;
                return true;
            }
        }
        false
    }

    /// `requires …` clauses.
    pub(super) fn constraint(&mut self) -> Parsed<()> {
        while self.here(Kind::Requires) {
            self.at += 1;
            loop {
                while self.here(Kind::Not) {
                    self.at += 1;
                }
                match self.kind(self.at) {
                    Some(Kind::Requires) => self.requires_expression()?,
                    Some(Kind::LeftParen) => {
                        let close = self.after_group(self.at) - 1;
                        self.at += 1;
                        self.list(Place::Group, close)?;
                        self.at = close + 1;
                    }
                    Some(
                        Kind::Ident
                        | Kind::Scope
                        | Kind::Value
                        | Kind::Number
                        | Kind::Qualifier
                        | Kind::Sizeof
                        | Kind::Noexcept
                        | Kind::Typeof,
                    ) => self.constraint_name(),
                    _ => return Err(self.unexpected(self.at)),
                }
                let joins = self.here(Kind::AmpAmp)
                    || self.here(Kind::Binary) && matches!(self.word(self.at), "||" | "or" | "==");
                if !joins {
                    break;
                }
                self.at += 1;
            }
        }
        Ok(())
    }

    fn constraint_name(&mut self) {
        loop {
            self.at += 1;
            if self.here(Kind::Template) {
                self.at += 1;
            }
            if self.here(Kind::Less) && self.partner(self.at).is_some() {
                self.at = self.after_group(self.at);
            }
            if self.here(Kind::LeftParen) && !self.is(self.at - 1, Kind::Greater) {
                self.at = self.after_group(self.at);
            }
            let glued = self.here(Kind::Scope)
                || self.is(self.at - 1, Kind::Scope) && self.here(Kind::Ident)
                || self.is(self.at - 1, Kind::Qualifier) && self.here(Kind::Ident);
            if !glued {
                return;
            }
        }
    }

    /// `requires (…) { … }`, the keyword included.
    pub(super) fn requires_expression(&mut self) -> Parsed<()> {
        self.at += 1;
        if self.here(Kind::LeftParen) {
            let close = self.after_group(self.at) - 1;
            self.at += 1;
            self.list(Place::Call, close)?;
            self.at = close + 1;
        }
        if self.here(Kind::LeftParen)
            || !self.here(Kind::LeftBrace)
                && self.at < self.tokens.len()
                && self.here(Kind::RightParen)
        {
            // A macro that stands for the braces.
            self.at = if self.here(Kind::LeftParen) {
                self.after_group(self.at)
            } else {
                self.at
            };
            return Ok(());
        }
        if !self.here(Kind::LeftBrace) {
            return Err(self.missing("`{` after `requires`", self.at - 1));
        }
        let open = self.at;
        let close = self.after_group(open) - 1;
        self.at = open + 1;
        while self.at < close {
            match self.kind(self.at) {
                Some(Kind::LeftBrace) => {
                    self.initialiser()?;
                    while self.at < close && !self.eat(Kind::Semicolon) {
                        self.at = self.after_group(self.at);
                    }
                }
                Some(Kind::Requires) => {
                    self.at += 1;
                    self.run(Place::Block, close)?;
                }
                _ => self.nested(|parser| parser.statement(Place::Block, close))?,
            }
        }
        self.at = close + 1;
        Ok(())
    }

    /// `namespace a::b {`, `namespace a = b;`
    pub(super) fn namespace(&mut self, place: Place, end: usize) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        while matches!(
            self.kind(self.at),
            Some(Kind::Ident | Kind::Scope | Kind::Storage)
        ) {
            self.at += 1;
            if self.here(Kind::LeftParen) {
                self.at = self.after_group(self.at);
            }
        }
        match self.kind(self.at) {
            Some(Kind::LeftBrace) if self.at < end => self.braces(if place == Place::Class {
                place
            } else {
                Place::File
            }),
            Some(Kind::Assign) if self.at > start + 1 => {
                self.at += 1;
                self.run(Place::Block, end)
            }
            _ => {
                let suspicious = (start..self.at).any(|index| self.suspect(index));
                if suspicious && self.at > start + 1 {
                    return Ok(());
                }
                Err(if self.first(self.at) || self.here(Kind::Semicolon) {
                    self.missing("`{` after the namespace's name", self.at - 1)
                } else {
                    self.unexpected(self.at)
                })
            }
        }
    }

    pub(super) fn using(&mut self, end: usize) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        if self.here(Kind::Semicolon) || self.at >= end {
            return Err(self.missing("a name after `using`", start));
        }
        if self.here(Kind::Namespace) || self.here(Kind::Enum) {
            self.at += 1;
        }
        let mut scan = Scan::new(Place::File, self.at, end);
        while self.at < end {
            if self.step(&mut scan)? == Flow::Done {
                return Ok(());
            }
            // An alias names a type, in which names stand side by side.
            if scan.prev == Prev::Operator && self.is(scan.last, Kind::Assign) {
                scan.expression = false;
                scan.names = 0;
            }
        }
        if scan.suspicious {
            return Ok(());
        }
        Err(self.missing("`;`", self.at - 1))
    }

    pub(super) fn export(&mut self, end: usize) -> Parsed<()> {
        self.at += 1;
        match self.kind(self.at) {
            Some(Kind::LeftBrace) => self.braces(Place::File),
            Some(Kind::Template) => self.template(Place::File, end),
            Some(_) if self.at < end => self.statement(Place::File, end),
            _ => Err(self.missing("a declaration after `export`", self.at - 1)),
        }
    }

    /// `module a.b:c;` and `import <a>;`, if the words are used so.
    pub(super) fn module(&mut self) -> bool {
        let is_word = matches!(self.word(self.at), "module" | "import");
        let follows = matches!(
            self.kind(self.at + 1),
            Some(Kind::Ident | Kind::Colon | Kind::Semicolon | Kind::Less | Kind::Str)
        ) && !self.first(self.at + 1);
        if !is_word || !follows || !self.cpp {
            return false;
        }
        let mut at = self.at + 1;
        while self.kind(at).is_some_and(|kind| kind != Kind::Semicolon) {
            if self.first(at)
                || matches!(
                    self.kind(at),
                    Some(Kind::LeftParen | Kind::LeftBrace | Kind::Assign)
                )
            {
                return false;
            }
            at += 1;
        }
        let ends = self.is(at, Kind::Semicolon);
        if ends {
            self.at = at + 1;
        }
        ends
    }

    /// True at `extern "C"`.
    pub(super) fn is_linkage(&self) -> bool {
        self.word(self.at) == "extern" && self.is(self.at + 1, Kind::Str)
    }

    pub(super) fn linkage(&mut self, place: Place, end: usize) -> Parsed<()> {
        self.at += 2;
        if self.here(Kind::LeftBrace) {
            return self.braces(if place == Place::Block {
                Place::Block
            } else {
                Place::File
            });
        }
        if self.at >= end {
            return Err(self.missing("a declaration", self.at - 1));
        }
        self.statement(place, end)
    }

    /// A keyword that belongs to a declaration.
    pub(super) fn declaration_word(&mut self, scan: &mut Scan, kind: Kind) -> Parsed<Flow> {
        let operand = scan.prev.is_operand();
        if operand
            && scan.place.is_run()
            && self.first(self.at)
            && self.boundary(scan)? == Flow::Done
        {
            return Ok(Flow::Done);
        }
        if operand && self.ends_by_macro(scan) {
            return Ok(Flow::Done);
        }
        if operand && !self.declaration_may_follow(scan, kind) {
            return Err(self.side_by_side(scan));
        }
        let in_value = scan.expression && !operand && !self.cpp && scan.place.is_run();
        if in_value
            && !matches!(kind, Kind::Typeof)
            && !matches!(scan.prev, Prev::Wild)
            && self.is_certain(scan)
        {
            return Err(self.unexpected(self.at));
        }
        match kind {
            Kind::Record => self.record(scan),
            Kind::Enum => self.enumeration(scan),
            Kind::Typeof => self.type_of(scan),
            Kind::Template => self.inner_template(scan),
            // In old C, `auto` is no type.
            Kind::Type
                if !self.cpp
                    && self.word(self.at) == "auto"
                    && self.is(self.at + 1, Kind::Storage) =>
            {
                scan.only_macros = false;
                self.accept(scan, Prev::Qualifier)
            }
            Kind::Type => {
                scan.typed = true;
                scan.only_macros = false;
                self.accept(scan, Prev::Type)
            }
            Kind::Using | Kind::Namespace | Kind::Export | Kind::Access => {
                let place = scan.place;
                // `for (using T = int; …)`, and access specifiers after macros.
                if place == Place::For || place == Place::Condition {
                    return self.accept(scan, Prev::Qualifier);
                }
                let by_macro = scan.only_macros
                    || scan.prev == Prev::Wild
                    || scan.prev == Prev::Call && scan.loose
                    || scan.prev == Prev::Name && self.suspect(scan.last);
                if place.is_run() && operand && by_macro {
                    return Ok(Flow::Done);
                }
                Err(self.unexpected(self.at))
            }
            _ => {
                let explicit = self.word(self.at) == "explicit";
                if operand && scan.prev != Prev::Name {
                    // `f() const`: still what it was.
                    self.at += 1;
                    return Ok(Flow::Go);
                }
                scan.only_macros &= kind == Kind::Storage;
                scan.operand(Prev::Qualifier, self.at);
                self.at += 1;
                if explicit && self.here(Kind::LeftParen) {
                    self.at = self.after_group(self.at);
                }
                Ok(Flow::Go)
            }
        }
    }

    /// In a value, a keyword of a type is wrong where no macro can be around it.
    fn is_certain(&self, scan: &Scan) -> bool {
        !scan.suspicious && scan.prev == Prev::Operator
    }

    fn declaration_may_follow(&self, scan: &Scan, kind: Kind) -> bool {
        let qualifies = matches!(kind, Kind::Qualifier);
        match scan.prev {
            Prev::Wild | Prev::Type | Prev::Cast => true,
            Prev::Angle => {
                !matches!(
                    kind,
                    Kind::Record
                        | Kind::Enum
                        | Kind::Using
                        | Kind::Namespace
                        | Kind::Access
                        | Kind::Type
                ) || scan.suspicious
                    || !self.first(self.at)
                    || !scan.place.is_run()
            }
            Prev::Name if self.suspect(scan.last) => true,
            Prev::Name if scan.expression => {
                scan.trailing || scan.place == Place::Call && scan.suspicious
            }
            Prev::Name => {
                qualifies
                    || kind == Kind::Storage
                    || !(scan.typed || scan.pointer)
                    || scan.suspicious
            }
            Prev::Call => !scan.expression || scan.loose || qualifies,
            Prev::Str => scan.place == Place::File || scan.place == Place::Call && scan.suspicious,
            Prev::Index => qualifies && !scan.expression,
            _ => false,
        }
    }

    fn type_of(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        self.at += 1;
        if self.here(Kind::LeftParen) {
            let close = self.after_group(self.at) - 1;
            if close == self.at + 1 {
                return Err(self.unexpected(close));
            }
            self.at += 1;
            self.list(Place::Call, close)?;
            self.at = close + 1;
        }
        scan.typed = true;
        scan.only_macros = false;
        scan.operand(Prev::Type, self.at - 1);
        let _ = at;
        Ok(Flow::Go)
    }

    /// `template <…> class` as a parameter, or in a declaration after macros.
    fn inner_template(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        if scan.place.is_run() && scan.prev.is_operand() {
            return Ok(Flow::Done);
        }
        self.at += 1;
        if self.here(Kind::Less) {
            self.template_parameters(at)?;
        }
        scan.operand(Prev::Qualifier, self.at - 1);
        Ok(Flow::Go)
    }

    /// `struct` and its kin: the name, the bases, the body.
    fn record(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let start = self.at;
        self.at += 1;
        scan.typed = true;
        scan.only_macros = false;
        self.record_name();
        if self.at == start + 1 && !self.may_begin_unnamed(scan) {
            return Err(self.unexpected(self.at));
        }
        if self.here(Kind::Colon)
            && scan.questions == 0
            && (self.cpp || self.at > start + 1)
            && self.has_bases(scan)
        {
            self.bases()?;
        }
        if !self.here(Kind::LeftBrace) || self.at >= scan.end {
            scan.operand(
                if self.at == start + 1 {
                    Prev::Qualifier
                } else {
                    Prev::Name
                },
                self.at - 1,
            );
            if scan.prev == Prev::Name && self.is(self.at - 1, Kind::Greater) {
                scan.prev = Prev::Angle;
            }
            return Ok(Flow::Go);
        }
        self.braces(Place::Class)?;
        self.after_body(scan)
    }

    /// The names, macros and template arguments after `struct`.
    fn record_name(&mut self) {
        let start = self.at;
        while let Some(kind) = self.kind(self.at) {
            match kind {
                Kind::Ident | Kind::Scope => {
                    // `struct a b`: the second name is a declarator, unless the first is a macro.
                    let declarator = kind == Kind::Ident
                        && self.at > start
                        && self.is(self.at - 1, Kind::Ident)
                        && !self.suspect(self.at - 1)
                        && !matches!(self.word(self.at), "final" | "sealed" | "abstract")
                        && !(self.is(start - 1, Kind::Enum)
                            && self.macros.shouts(self.tokens[self.at])
                            && self.is(self.at + 1, Kind::LeftParen)
                            && self.is(self.after_group(self.at + 1), Kind::LeftBrace))
                        // In `struct a b{.c = 1}` it has a value.
                        && (!self.opens_body(self.at + 1)
                            || matches!(
                                self.kind(self.at + 2),
                                Some(
                                    Kind::Dot
                                        | Kind::LeftBrace
                                        | Kind::Number
                                        | Kind::Str
                                        | Kind::Value
                                )
                            ));
                    if declarator {
                        return;
                    }
                    self.at += 1;
                }
                Kind::Less if self.partner(self.at).is_some() => {
                    self.at = self.after_group(self.at);
                }
                Kind::LeftParen if self.at > start && self.is(self.at - 1, Kind::Ident) => {
                    // A macro's arguments; a declarator's parameters belong to the statement.
                    let macro_call = self.macros.shouts(self.tokens[self.at - 1])
                        || self.macros.defines(self.tokens[self.at - 1])
                        || self.at == start + 1;
                    if !macro_call {
                        return;
                    }
                    let after = self.after_group(self.at);
                    let goes_on = matches!(
                        self.kind(after),
                        Some(
                            Kind::Ident
                                | Kind::LeftBrace
                                | Kind::Colon
                                | Kind::Scope
                                | Kind::Less
                                | Kind::Include
                        )
                    );
                    if !goes_on {
                        return;
                    }
                    self.at = after;
                }
                Kind::RightParen | Kind::Include => return,
                _ => return,
            }
        }
    }

    fn opens_body(&self, index: usize) -> bool {
        matches!(self.kind(index), Some(Kind::LeftBrace | Kind::Colon))
    }

    /// What may follow `struct` without a name.
    fn may_begin_unnamed(&self, scan: &Scan) -> bool {
        match self.kind(self.at) {
            Some(Kind::LeftBrace | Kind::Include) => true,
            // Template parameters without a name: `<class>`, `<class = void>`, `<class...>`.
            Some(Kind::Greater | Kind::Comma | Kind::Assign | Kind::Ellipsis) => {
                scan.place == Place::Angle || scan.place == Place::Call
            }
            Some(Kind::RightParen) => scan.place == Place::Call,
            Some(Kind::Record) => false,
            Some(Kind::Colon) => true,
            Some(Kind::Qualifier | Kind::Type) => false,
            Some(Kind::Operator | Kind::Template) => false,
            _ => false,
        }
    }

    /// True if the colon begins base classes or an enumeration's type.
    fn has_bases(&self, scan: &Scan) -> bool {
        !matches!(scan.place, Place::Case | Place::For) && !self.is(self.at + 1, Kind::Number)
    }

    /// `: public A, B<C>` up to the body.
    pub(super) fn bases(&mut self) -> Parsed<()> {
        let colon = self.at;
        self.at += 1;
        while let Some(kind) = self.kind(self.at) {
            match kind {
                Kind::Less | Kind::LeftParen => self.at = self.after_group(self.at),
                Kind::Ident
                | Kind::Scope
                | Kind::Access
                | Kind::Storage
                | Kind::Comma
                | Kind::Ellipsis
                | Kind::Typeof
                | Kind::Qualifier
                | Kind::Template
                | Kind::Type
                | Kind::Include
                | Kind::Record
                | Kind::Enum
                | Kind::Not
                | Kind::LeftBracket
                | Kind::RightBracket
                | Kind::Number => self.at += 1,
                Kind::Greater | Kind::Binary | Kind::Star | Kind::Amp | Kind::AmpAmp => {
                    self.at += 1;
                }
                Kind::LeftBrace | Kind::Semicolon | Kind::RightParen => break,
                _ => return Err(self.unexpected(self.at)),
            }
        }
        if self.at == colon + 1 || self.is(self.at - 1, Kind::Comma) {
            return Err(self.unexpected(self.at));
        }
        Ok(())
    }

    /// A declarator or `;` has to follow the body of a class or an enumeration.
    fn after_body(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let close = self.at - 1;
        scan.operand(Prev::Type, close);
        let what = "`;` after the class body";
        if self.at >= scan.end {
            // The last token of a list is not followed by `;`.
            return if scan.place.is_run() {
                Err(self.missing(what, close))
            } else {
                Ok(Flow::Go)
            };
        }
        let kind = self.tokens[self.at].kind;
        if !scan.place.is_run() {
            return Ok(Flow::Go);
        }
        let newline = self.first(self.at);
        let follows = match kind {
            Kind::Semicolon
            | Kind::Star
            | Kind::Amp
            | Kind::AmpAmp
            | Kind::Comma
            | Kind::LeftParen
            | Kind::Assign
            | Kind::Include
            | Kind::Asm
            | Kind::Caret
            | Kind::LeftBracket
            | Kind::Colon => true,
            Kind::Qualifier => true,
            Kind::Storage => !newline,
            Kind::Ident => {
                let suspect = self.suspect(self.at);
                suspect
                    || !newline
                    || !matches!(
                        self.kind(self.at + 1),
                        Some(
                            Kind::Ident
                                | Kind::Scope
                                | Kind::Star
                                | Kind::Less
                                | Kind::Amp
                                | Kind::Type
                                | Kind::Storage
                                | Kind::Record
                                | Kind::Operator
                                | Kind::Dot
                                | Kind::Arrow
                        )
                    )
                    || self.is(self.at + 1, Kind::Ident)
                        && (self.suspect(self.at + 1) || self.declares_unnamed(scan, close))
            }
            Kind::LeftBrace => self.cpp,
            _ => false,
        };
        if !follows {
            return Err(self.missing(what, close));
        }
        Ok(Flow::Go)
    }

    /// True for `const struct {…} name attribute = …`: without its name it would declare nothing.
    fn declares_unnamed(&self, scan: &Scan, close: usize) -> bool {
        let unnamed = self
            .partner(close)
            .is_some_and(|open| open > 0 && self.is(open - 1, Kind::Record));
        unnamed
            && matches!(self.kind(scan.start), Some(Kind::Qualifier | Kind::Storage))
            && self.word(scan.start) != "typedef"
            && self.is(self.at + 2, Kind::Assign)
    }

    fn enumeration(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let start = self.at;
        self.at += 1;
        scan.typed = true;
        scan.only_macros = false;
        if self.here(Kind::Record) {
            self.at += 1;
        }
        self.record_name();
        if self.at == start + 1
            && !matches!(
                self.kind(self.at),
                Some(Kind::LeftBrace | Kind::Colon | Kind::Include)
            )
        {
            return Err(self.unexpected(self.at));
        }
        if self.here(Kind::Colon) && scan.questions == 0 && self.has_bases(scan) {
            self.bases()?;
        }
        if !self.here(Kind::LeftBrace) || self.at >= scan.end {
            scan.operand(Prev::Name, self.at - 1);
            return Ok(Flow::Go);
        }
        let open = self.at;
        let close = self.after_group(open) - 1;
        self.at = open + 1;
        self.nested(|parser| parser.enumerators(close))?;
        self.at = close + 1;
        self.after_body(scan)
    }

    fn enumerators(&mut self, close: usize) -> Parsed<()> {
        let open = self.at - 1;
        // The name of the enumerator that has not ended.
        let mut pending: Option<usize> = None;
        while self.at < close {
            let at = self.at;
            match self.tokens[at].kind {
                Kind::Ident => {
                    if let Some(name) = pending
                        && self.lacks_comma(open, name, at)
                    {
                        return Err(self.missing("`,`", at - 1));
                    }
                    pending = Some(at);
                    self.at += 1;
                    if self.here(Kind::LeftParen) {
                        self.at = self.after_group(self.at);
                        pending = None;
                    }
                }
                Kind::Assign if pending.is_some() => {
                    self.at += 1;
                    if self.here(Kind::Comma) || self.at >= close {
                        return Err(self.missing("a value after `=`", self.at - 1));
                    }
                    let mut scan = Scan::new(Place::Value, self.at, close);
                    scan.expression = true;
                    scan.last = at;
                    while self.at < close && self.step(&mut scan)? == Flow::Go {}
                    self.finish_element(&scan)?;
                    pending = None;
                }
                Kind::Comma => {
                    if self.is(at - 1, Kind::LeftBrace) || self.is(at - 1, Kind::Comma) {
                        return Err(self.unexpected(at));
                    }
                    pending = None;
                    self.at += 1;
                }
                Kind::Include => {
                    pending = None;
                    self.at += 1;
                }
                // `MACRO = value` where the macro has arguments.
                Kind::Assign if self.is(at - 1, Kind::RightParen) => {
                    pending = Some(at);
                }
                Kind::LeftParen if self.at > open + 1 => self.at = self.after_group(at),
                _ if pending.is_some() && self.first(at) => return Err(self.missing("`,`", at - 1)),
                _ => return Err(self.unexpected(at)),
            }
        }
        Ok(())
    }

    /// True if two names in an enumeration are two enumerators.
    fn lacks_comma(&self, open: usize, name: usize, next: usize) -> bool {
        let begins = matches!(self.kind(name - 1), Some(Kind::Comma | Kind::LeftBrace));
        if name + 1 != next || !self.first(next) || !begins {
            return false;
        }
        let [first, second] = [name, next].map(|index| self.tokens[index]);
        if self.macros.defines(first) || self.macros.defines(second) {
            return false;
        }
        if !self.suspect(name) && !self.suspect(next) {
            return true;
        }
        // The enumerators of one enumeration share how they begin.
        let prefix = self
            .word(open + 1)
            .find('_')
            .map_or("", |at| &self.word(open + 1)[..=at]);
        prefix.len() >= 3
            && open + 1 != name
            && self.is(open + 1, Kind::Ident)
            && [name, next]
                .iter()
                .all(|&index| self.word(index).starts_with(prefix))
            && !["LIST", "ENUM", "S"]
                .iter()
                .any(|end| self.word(name).ends_with(end))
    }

    /// A keyword that stands in expressions.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of token")]
    pub(super) fn expression_word(&mut self, scan: &mut Scan, kind: Kind) -> Parsed<Flow> {
        let at = self.at;
        match kind {
            Kind::Noexcept if scan.prev.is_operand() => {
                self.at += 1;
                if self.here(Kind::LeftParen) {
                    self.at = self.after_group(self.at);
                }
                return Ok(Flow::Go);
            }
            Kind::Asm => {
                let first = scan.place.is_run() && self.first(at);
                if first && scan.prev.is_operand() && self.boundary(scan)? == Flow::Done {
                    return Ok(Flow::Done);
                }
                self.at += 1;
                while self.here(Kind::Qualifier) || self.here(Kind::Goto) {
                    self.at += 1;
                }
                if self.here(Kind::LeftParen) {
                    self.at = self.after_group(self.at);
                }
                return Ok(Flow::Go);
            }
            Kind::Throw
                if scan.prev == Prev::Call && !scan.expression && self.word(at) == "throw" =>
            {
                self.at = self.after_group(at + 1);
                return Ok(Flow::Go);
            }
            Kind::Requires if scan.prev.is_operand() && !scan.expression => {
                self.constraint()?;
                return Ok(Flow::Go);
            }
            _ => {}
        }
        if scan.prev.is_operand() {
            if kind == Kind::Operator && !scan.expression && self.operator_may_follow(scan) {
                return self.operator_name(scan);
            }
            let first = scan.place.is_run() && self.first(at);
            if first && self.boundary(scan)? == Flow::Done {
                return Ok(Flow::Done);
            }
            // `ref new` of another dialect.
            if kind == Kind::New && self.cpp && self.word(scan.last) == "ref" {
                scan.prev = Prev::Start;
                return self.step(scan);
            }
            if !matches!(scan.prev, Prev::Wild | Prev::Cast | Prev::Angle)
                && !(scan.loose && scan.prev == Prev::Call)
                && !(scan.prev == Prev::Name && self.suspect(scan.last))
            {
                if scan.place == Place::Block
                    && scan.prev == Prev::Call
                    && !scan.expression
                    && !first
                {
                    return self.statement_word(scan, kind);
                }
                return Err(self.side_by_side(scan));
            }
        }
        match kind {
            Kind::Operator => return self.operator_name(scan),
            Kind::Requires
                if !matches!(self.kind(at + 1), Some(Kind::LeftParen | Kind::LeftBrace))
                    && scan.place == Place::Call =>
            {
                return self.accept(scan, Prev::Unary);
            }
            Kind::Requires => {
                self.requires_expression()?;
                scan.expression = true;
                scan.operand(Prev::Value, self.at - 1);
                return Ok(Flow::Go);
            }
            _ => {}
        }
        scan.expression = true;
        scan.only_macros = false;
        self.at += 1;
        match kind {
            Kind::Value => {
                // `this Self &&self` deduces; `this` may also be called.
                scan.expression = !(scan.place == Place::Call
                    && scan.start == at
                    && matches!(
                        self.kind(self.at),
                        Some(Kind::Ident | Kind::Type | Kind::Qualifier | Kind::Scope)
                    )
                    && self.word(at) == "this");
                scan.operand(
                    if scan.expression {
                        Prev::Value
                    } else {
                        Prev::Qualifier
                    },
                    at,
                );
            }
            Kind::Sizeof | Kind::Noexcept => self.size_of(scan, at)?,
            Kind::Cast => self.cast(scan, at)?,
            Kind::New => self.new_expression(scan),
            Kind::Delete => {
                if self.here(Kind::LeftBracket) && self.is(self.at + 1, Kind::RightBracket) {
                    self.at += 2;
                }
                scan.operand(Prev::Unary, self.at - 1);
            }
            Kind::Generic => {
                self.at = self.after_group(self.at);
                scan.operand(Prev::Call, self.at - 1);
            }
            // `throw;` is whole.
            _ => {
                let alone = matches!(
                    self.kind(self.at),
                    Some(Kind::Semicolon | Kind::RightParen | Kind::Colon | Kind::Comma)
                ) && self.word(at) == "throw";
                scan.operand(if alone { Prev::Value } else { Prev::Unary }, at);
            }
        }
        Ok(Flow::Go)
    }

    fn operator_may_follow(&self, scan: &Scan) -> bool {
        matches!(
            scan.prev,
            Prev::Name | Prev::Type | Prev::Angle | Prev::Call | Prev::Wild | Prev::Cast
        )
    }

    fn size_of(&mut self, scan: &mut Scan, at: usize) -> Parsed<()> {
        self.eat(Kind::Ellipsis);
        if !self.here(Kind::LeftParen) {
            scan.operand(Prev::Unary, at);
            return Ok(());
        }
        let close = self.after_group(self.at) - 1;
        if close == self.at + 1 {
            return Err(self.unexpected(close));
        }
        self.at += 1;
        self.list(Place::Call, close)?;
        self.at = close + 1;
        scan.operand(Prev::Call, close);
        // `sizeof (T){0}` measures a compound literal.
        if self.here(Kind::LeftBrace) {
            self.initialiser()?;
        }
        Ok(())
    }

    fn cast(&mut self, scan: &mut Scan, at: usize) -> Parsed<()> {
        let Some(close) = self.partner(self.at).filter(|_| self.here(Kind::Less)) else {
            return Err(if self.here(Kind::Less) {
                self.unclosed_angle(self.at)
            } else {
                self.missing(&format!("`<` after `{}`", self.word(at)), at)
            });
        };
        if close == self.at + 1 {
            return Err(self.unexpected(close));
        }
        self.at += 1;
        self.list(Place::Angle, close)?;
        self.at = close + 1;
        if !self.here(Kind::LeftParen) && !self.macros_here() {
            return Err(self.missing("`(` after the cast", close));
        }
        scan.operand(Prev::Angle, close);
        Ok(())
    }

    fn macros_here(&self) -> bool {
        self.tokens
            .get(self.at)
            .is_some_and(|&token| self.macros.may_be(token))
    }

    fn new_expression(&mut self, scan: &mut Scan) {
        scan.allocates = true;
        if self.here(Kind::LeftParen) {
            self.at = self.after_group(self.at);
            // The parentheses may have held the type.
            let type_follows = matches!(
                self.kind(self.at),
                Some(
                    Kind::Ident
                        | Kind::Type
                        | Kind::Qualifier
                        | Kind::Scope
                        | Kind::Record
                        | Kind::Typeof
                        | Kind::LeftParen
                )
            );
            if !type_follows {
                scan.operand(Prev::Cast, self.at - 1);
                return;
            }
        }
        if self.here(Kind::LeftParen) {
            self.at = self.after_group(self.at);
            scan.operand(Prev::Angle, self.at - 1);
            return;
        }
        scan.operand(Prev::Unary, self.at - 1);
        while matches!(self.kind(self.at), Some(Kind::Qualifier | Kind::Enum)) {
            self.at += 1;
        }
    }

    /// What `operator` names.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of token")]
    fn operator_name(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        self.at += 1;
        let mut symbolic = true;
        match self.kind(self.at) {
            Some(Kind::LeftParen | Kind::LeftBracket)
                if self.partner(self.at) == Some(self.at + 1) =>
            {
                self.at += 2;
            }
            Some(Kind::New | Kind::Delete) => {
                self.at += 1;
                if self.here(Kind::LeftBracket) && self.is(self.at + 1, Kind::RightBracket) {
                    self.at += 2;
                }
            }
            Some(Kind::Str) => {
                self.at += 1;
                if self.here(Kind::Ident) {
                    self.at += 1;
                }
            }
            Some(Kind::Greater) => {
                self.at += 1;
                while matches!(self.kind(self.at), Some(Kind::Greater | Kind::Binary))
                    && self.glued(self.at)
                {
                    self.at += 1;
                }
            }
            Some(Kind::Throw) => self.at += 1,
            // An extension of GNU: `operator?:`.
            Some(Kind::Question) if self.is(self.at + 1, Kind::Colon) => self.at += 2,
            Some(
                Kind::Comma
                | Kind::Arrow
                | Kind::Less
                | Kind::Star
                | Kind::Amp
                | Kind::AmpAmp
                | Kind::Sign
                | Kind::Step
                | Kind::Not
                | Kind::Caret
                | Kind::Assign
                | Kind::Binary,
            ) => self.at += 1,
            Some(
                Kind::Ident
                | Kind::Type
                | Kind::Qualifier
                | Kind::Record
                | Kind::Enum
                | Kind::Scope
                | Kind::Typeof
                | Kind::Include,
            ) => symbolic = false,
            _ => return Err(self.unexpected(if self.first(self.at) { at } else { self.at })),
        }
        scan.only_macros = false;
        scan.typed = true;
        if symbolic {
            let wrong = matches!(
                self.kind(self.at),
                Some(Kind::Type | Kind::Number | Kind::Str | Kind::Char | Kind::Value)
            ) || self.here(Kind::Ident) && !self.suspect(self.at);
            if wrong {
                return Err(self.unexpected(at));
            }
            scan.operand(Prev::Name, self.at - 1);
        } else {
            scan.operand(Prev::Qualifier, at);
        }
        Ok(Flow::Go)
    }
}
