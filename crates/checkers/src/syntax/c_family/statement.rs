//! Statements, and where one ends that has no semicolon.

use super::expression::{Flow, Place, Prev, Scan};
use super::parser::{Parsed, Parser, Stop};
use super::tokens::Kind;

/// The most declarations between the parameters and the body of an old function.
const OLD_PARAMETERS_MAX: usize = 64;

/// How many macros in a row are looked at.
const CHAIN_MAX: usize = 4_096;

/// How many tokens of braces after a macro are looked at for access specifiers.
const CLASS_TOKENS_MAX: usize = 4_096;

/// What a statement consists of so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One name.
    Bare,
    /// One name with arguments.
    Call,
    Other,
}

impl Parser<'_> {
    /// Reads everything up to `end`, the scope's closer.
    pub(super) fn scope_body(&mut self, place: Place, end: usize) -> Parsed<()> {
        self.else_may_follow = false;
        while self.at < end {
            let before = self.at;
            self.statement(place, end)?;
            debug_assert!(self.at > before, "a statement has tokens");
        }
        Ok(())
    }

    /// Braces that hold statements.
    pub(super) fn block(&mut self) -> Parsed<()> {
        self.braces(Place::Block)
    }

    pub(super) fn braces(&mut self, place: Place) -> Parsed<()> {
        let open = self.at;
        let Some(close) = self.partner(open) else {
            return Err(self.unexpected(open));
        };
        self.at = open + 1;
        let statement = self.statement;
        self.nested(|parser| parser.scope_body(place, close))?;
        self.statement = statement;
        self.at = close + 1;
        Ok(())
    }

    /// Reads one statement or declaration.
    pub(super) fn statement(&mut self, place: Place, end: usize) -> Parsed<()> {
        let start = self.at;
        let previous = self.statement;
        self.statement = start;
        let may_else = std::mem::replace(&mut self.else_may_follow, false);
        let kind = self.tokens[start].kind;
        match kind {
            Kind::Semicolon | Kind::Include => {
                self.at += 1;
                self.else_may_follow = kind == Kind::Include;
                Ok(())
            }
            Kind::LeftBrace
                if place == Place::Block || place == Place::File && self.may_be_inside =>
            {
                self.block()
            }
            Kind::LeftBrace => {
                let stop = self.unexpected(start);
                // What the braces belong to may be conditional.
                Err(Self::since(stop, self.byte(start.saturating_sub(1))))
            }
            Kind::Catch if place == Place::Block && may_else => self.handlers(),
            Kind::Else if place == Place::Block && may_else => {
                self.at += 1;
                self.body("else", end)
            }
            Kind::Else => {
                let stop = self.complain("syntax/unexpected-token", "`else` without `if`", start);
                // What governs the statement before may be conditional.
                Err(Self::since(stop, self.byte(previous.saturating_sub(1))))
            }
            kind if kind.is_statement() => {
                if place != Place::Block && kind != Kind::Try && !self.may_be_inside {
                    let stop = self.complain(
                        "syntax/unexpected-token",
                        &format!("`{}` outside of a function", self.word(start)),
                        start,
                    );
                    return Err(stop);
                }
                self.nested(|parser| parser.control(kind, end))
            }
            Kind::Access
                if place == Place::Class
                    || place == Place::File && self.is(start + 1, Kind::Colon) =>
            {
                self.access()
            }
            Kind::Template => self.nested(|parser| parser.template(place, end)),
            Kind::Namespace => self.namespace(place, end),
            Kind::Using => self.using(end),
            Kind::Export if place == Place::File => self.export(end),
            Kind::Ident if place == Place::File && self.module() => Ok(()),
            Kind::Storage if self.is(start + 1, Kind::Namespace) => {
                self.at += 1;
                self.namespace(place, end)
            }
            Kind::Storage if self.is_linkage() => self.linkage(place, end),
            Kind::Asm => self.assembler(place, end),
            _ => self.run(place, end),
        }
    }

    /// A statement that a keyword begins.
    fn control(&mut self, kind: Kind, end: usize) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        match kind {
            Kind::If => self.branches(end),
            Kind::While | Kind::Switch => {
                let word = self.word(start);
                self.condition(word, Place::Condition)?;
                self.body(word, end)
            }
            Kind::For => {
                // `for co_await (…)`, `for each (…)`
                if matches!(self.kind(self.at), Some(Kind::Throw | Kind::Ident))
                    && self.is(self.at + 1, Kind::LeftParen)
                {
                    self.at += 1;
                }
                self.condition("for", Place::For)?;
                self.body("for", end)
            }
            Kind::Do => self.do_while(start, end),
            Kind::Case => self.case(start, end),
            Kind::Default => {
                if !self.eat(Kind::Colon) {
                    return Err(self.missing("`:` after `default`", self.at - 1));
                }
                Ok(())
            }
            Kind::Break | Kind::Continue => self.semicolon_after(start, end),
            Kind::Return => self.value(start, end),
            Kind::Goto => {
                let fits = self.here(Kind::Ident) || self.here(Kind::Star);
                if !fits {
                    return Err(self.operand_or_unexpected(start));
                }
                self.value(start, end)
            }
            Kind::Try => self.try_block(),
            Kind::Catch => {
                Err(self.complain("syntax/unexpected-token", "`catch` without `try`", start))
            }
            Kind::LocalLabel => self.value(start, end),
            _ => Err(self.unexpected(start)),
        }
    }

    fn operand_or_unexpected(&self, start: usize) -> Stop {
        if self.first(self.at) || self.here(Kind::Semicolon) {
            self.missing(&format!("a name after `{}`", self.word(start)), start)
        } else {
            self.unexpected(self.at)
        }
    }

    /// The rest of `if`, and every `else if` after it.
    fn branches(&mut self, end: usize) -> Parsed<()> {
        loop {
            if self.here(Kind::Not) {
                self.at += 1;
            }
            let constant = matches!(self.word(self.at), "constexpr" | "consteval" | "constinit");
            if constant && self.cpp {
                self.at += 1;
            }
            let by_macro = self.suspect(self.at);
            if !(constant && self.here(Kind::LeftBrace)) {
                self.condition("if", Place::Condition)?;
            }
            if !(by_macro && self.here(Kind::Else)) {
                self.body("if", end)?;
            }
            if !(self.at < end && self.here(Kind::Else)) {
                return Ok(());
            }
            self.at += 1;
            if self.here(Kind::If) && self.at < end {
                self.at += 1;
                continue;
            }
            return self.body("else", end);
        }
    }

    /// The parentheses after a keyword.
    fn condition(&mut self, word: &str, place: Place) -> Parsed<()> {
        // `if MACRO(x)`
        if self.suspect(self.at) || self.word(self.at).contains("likely") {
            self.at += 1;
            if self.here(Kind::LeftParen) {
                self.at = self.after_group(self.at);
            }
            return Ok(());
        }
        let open = self.at;
        let (Some(close), true) = (self.partner(open), self.here(Kind::LeftParen)) else {
            return Err(self.missing(&format!("`(` after `{word}`"), open - 1));
        };
        self.at = open + 1;
        let macro_only = self.suspect(open + 1);
        let list = self.list(place, close)?;
        self.at = close + 1;
        if place == Place::For {
            if list.semicolons != 2 && list.colons == 0 && !macro_only && !list.suspicious {
                let what = if list.semicolons == 1 {
                    "`;` in `for`"
                } else {
                    "`;` or `:` in `for`"
                };
                return Err(self.missing(what, close - 1));
            }
            if list.colons > 0
                && list.semicolons == 0
                && matches!(
                    self.kind(open + 1),
                    Some(Kind::Amp | Kind::AmpAmp | Kind::Star)
                )
            {
                return Err(self.unexpected(open + 1));
            }
        } else if close == open + 1 {
            return Err(self.complain("syntax/missing-token", "missing a condition", close));
        }
        Ok(())
    }

    /// The statement that a keyword governs.
    fn body(&mut self, word: &str, end: usize) -> Parsed<()> {
        if self.at >= end || matches!(self.kind(self.at), Some(Kind::Else)) {
            return Err(self.missing(&format!("a statement after `{word}`"), self.at - 1));
        }
        let outer = self.statement;
        self.nested(|parser| parser.statement(Place::Block, end))?;
        // Labels and `case` may stand before the statement.
        while self.at < end && self.is(self.at - 1, Kind::Colon) {
            self.nested(|parser| parser.statement(Place::Block, end))?;
        }
        self.statement = outer;
        Ok(())
    }

    fn do_while(&mut self, start: usize, end: usize) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.do_body, self.at);
        self.body("do", end)?;
        self.do_body = outer;
        self.statement = start;
        if self.suspect(self.at) || self.here(Kind::Ident) && !self.first(self.at) {
            // A macro that ends the loop.
            return self.run(Place::Block, end);
        }
        if !self.here(Kind::While) || self.at >= end {
            return Err(self.missing("`while` after the body of `do`", self.at - 1));
        }
        self.at += 1;
        self.condition("while", Place::Condition)?;
        self.semicolon_after(self.at - 1, end)
    }

    fn case(&mut self, start: usize, end: usize) -> Parsed<()> {
        let scan = self.list(Place::Case, end)?;
        if !self.here(Kind::Colon) || self.at >= end {
            return Err(self.missing("`:` after `case`", scan.last));
        }
        self.finish_element(&scan)?;
        if scan.prev == Prev::Start {
            return Err(self.missing("a value after `case`", start));
        }
        self.at += 1;
        Ok(())
    }

    /// A semicolon that has to be next.
    pub(super) fn semicolon_after(&mut self, last: usize, end: usize) -> Parsed<()> {
        if self.at < end && (self.eat(Kind::Semicolon) || self.here(Kind::Include)) {
            return Ok(());
        }
        // A macro may bring its own.
        if self.suspect(self.at) && self.at < end {
            return self.run(Place::Block, end);
        }
        Err(if self.at < end && !self.first(self.at) {
            self.unexpected(self.at)
        } else {
            self.missing("`;`", last)
        })
    }

    /// What follows `return`, up to the semicolon.
    fn value(&mut self, start: usize, end: usize) -> Parsed<()> {
        let mut scan = Scan::new(Place::Block, self.at, end);
        scan.expression = true;
        scan.only_macros = false;
        scan.last = start;
        self.finish_run(&mut scan)
    }

    fn try_block(&mut self) -> Parsed<()> {
        if !self.here(Kind::LeftBrace) {
            return Err(self.missing("`{` after `try`", self.at - 1));
        }
        self.block()?;
        self.handlers()
    }

    /// The handlers after `try`.
    pub(super) fn handlers(&mut self) -> Parsed<()> {
        if !self.here(Kind::Catch) {
            if self.suspect(self.at) || self.here(Kind::Include) {
                self.else_may_follow = true;
                return Ok(());
            }
            return Err(self.missing("`catch` after `try`", self.at - 1));
        }
        while self.eat(Kind::Catch) {
            let open = self.at;
            if !self.here(Kind::LeftParen) {
                return Err(self.missing("`(` after `catch`", open - 1));
            }
            if self.is(open + 1, Kind::RightParen) {
                return Err(self.unexpected(open + 1));
            }
            self.at = self.after_group(open);
            if !self.here(Kind::LeftBrace) {
                return Err(self.missing("`{` after `catch`", self.at - 1));
            }
            self.block()?;
        }
        Ok(())
    }

    fn assembler(&mut self, place: Place, end: usize) -> Parsed<()> {
        let start = self.at;
        self.at += 1;
        while matches!(
            self.kind(self.at),
            Some(Kind::Qualifier | Kind::Goto | Kind::Storage)
        ) || self.here(Kind::Ident) && self.is(self.at + 1, Kind::LeftParen)
        {
            self.at += 1;
        }
        if self.here(Kind::LeftParen) {
            self.assembler_operands()?;
            if place == Place::Block {
                return self.semicolon_after(self.at - 1, end);
            }
            self.eat(Kind::Semicolon);
            return Ok(());
        }
        if self.here(Kind::LeftBrace) {
            self.at = self.after_group(self.at);
            return Ok(());
        }
        if self.at == start + 1 && self.first(self.at) {
            return Err(self.missing("`(` after `asm`", start));
        }
        // One line of an assembler of another vendor.
        while self.at < end && !self.first(self.at) {
            self.at += 1;
        }
        Ok(())
    }

    /// The parentheses of GNU's `asm`.
    pub(super) fn assembler_operands(&mut self) -> Parsed<()> {
        let open = self.at;
        let close = self.after_group(open) - 1;
        if !self.is(open + 1, Kind::Str) {
            if !matches!(
                self.kind(open + 1),
                Some(Kind::Ident | Kind::RightParen | Kind::Include)
            ) {
                return Err(self.unexpected(open + 1));
            }
            self.at = close + 1;
            return Ok(());
        }
        self.at = open + 1;
        while self.at < close {
            match self.tokens[self.at].kind {
                Kind::Str
                | Kind::Colon
                | Kind::Scope
                | Kind::Comma
                | Kind::Include
                | Kind::Ident => self.at += 1,
                Kind::LeftParen => {
                    let end = self.after_group(self.at) - 1;
                    let by_macro = self.suspect(self.at - 1);
                    self.at += 1;
                    if !by_macro {
                        self.list(Place::Call, end)?;
                    }
                    self.at = end + 1;
                }
                Kind::LeftBracket => self.at = self.after_group(self.at),
                _ => return Err(self.unexpected(self.at)),
            }
        }
        self.at = close + 1;
        Ok(())
    }

    /// Reads a declaration or an expression statement.
    pub(super) fn run(&mut self, place: Place, end: usize) -> Parsed<()> {
        let mut scan = Scan::new(place, self.at, end);
        self.finish_run(&mut scan)
    }

    fn finish_run(&mut self, scan: &mut Scan) -> Parsed<()> {
        let outer = self.statement;
        while self.at < scan.end {
            if self.step(scan)? == Flow::Done {
                let ended = self.at > 0 && self.is(self.at - 1, Kind::Semicolon);
                let by_macro = self.suspect(scan.start) || scan.only_macros && scan.loose;
                // Such a macro may have begun a condition, or outside a function its body.
                self.else_may_follow |= ended && by_macro;
                self.may_be_inside |=
                    scan.place == Place::File && by_macro && (!ended || self.first(scan.start + 1));
                return Ok(());
            }
            self.statement = outer;
        }
        self.may_be_inside |= scan.place == Place::File && scan.only_macros;
        self.end_of_scope(scan)
    }

    /// A statement runs into the end of its scope.
    fn end_of_scope(&mut self, scan: &Scan) -> Parsed<()> {
        self.finish_element(scan)?;
        let ends = scan.only_macros
            || scan.prev == Prev::Wild
            || scan.loose && scan.prev == Prev::Call
            || scan.prev == Prev::Name && self.suspect(scan.last)
            || match self.form(scan) {
                Form::Bare => {
                    self.suspect(scan.start)
                        || scan.place == Place::Class && self.macros.may_be(self.tokens[scan.start])
                }
                Form::Call => {
                    scan.place != Place::Block
                        || !self.first(scan.start)
                        || self.is_statement_macro(scan.start)
                }
                Form::Other => scan.place != Place::Block && self.is_call_chain(scan),
            };
        if ends {
            return Ok(());
        }
        Err(self.missing("`;`", scan.last.max(scan.start)))
    }

    /// True for `a(b) c(d)`: macros that declare.
    fn is_call_chain(&self, scan: &Scan) -> bool {
        let mut at = scan.start;
        for _ in 0..CHAIN_MAX {
            if !self.is(at, Kind::Ident) || !self.is(at + 1, Kind::LeftParen) {
                return false;
            }
            at = self.after_group(at + 1);
            if at > scan.last {
                return true;
            }
        }
        false
    }

    fn form(&self, scan: &Scan) -> Form {
        if !self.is(scan.start, Kind::Ident) || scan.expression {
            Form::Other
        } else if scan.last == scan.start {
            Form::Bare
        } else if scan.prev == Prev::Call && self.partner(scan.start + 1) == Some(scan.last) {
            Form::Call
        } else {
            Form::Other
        }
    }

    /// Decides whether a statement ends before a token that begins its line.
    pub(super) fn boundary(&mut self, scan: &Scan) -> Parsed<Flow> {
        if scan.expression {
            return Ok(Flow::Go);
        }
        let statement = self.tokens[scan.start];
        let token = self.tokens[self.at];
        let deeper = !statement.first || token.column > statement.column;
        match self.form(scan) {
            Form::Bare if scan.place == Place::Block && !deeper && self.suspect(scan.start) => {
                self.else_may_follow = true;
                Ok(Flow::Done)
            }
            Form::Bare => {
                // `BEGIN_NAMESPACE extern "C" {`
                let scope = matches!(self.kind(self.at + 1), Some(Kind::Str | Kind::Namespace));
                let opens = token.kind == Kind::Storage && scope && self.suspect(scan.start);
                Ok(if opens { Flow::Done } else { Flow::Go })
            }
            Form::Call if scan.place == Place::Block => {
                if deeper {
                    return self.governed(scan);
                }
                if scan.loose {
                    self.else_may_follow = true;
                    return Ok(Flow::Done);
                }
                if self.is_statement_macro(scan.start) {
                    return Ok(Flow::Done);
                }
                Err(self.missing("`;`", scan.last))
            }
            Form::Call
                if !scan.loose
                    && self.suspect(self.at)
                    && !(scan.place == Place::File
                        && !self.cpp
                        && self.is_name_list(scan.last)) =>
            {
                Ok(Flow::Go)
            }
            Form::Call => self.old_function(scan),
            Form::Other => self.boundary_of_declaration(scan, deeper),
        }
    }

    /// True if the file uses a name as a statement without semicolon more than once.
    fn is_statement_macro(&self, index: usize) -> bool {
        let word = self.word(index);
        let uses = self.tokens.iter().enumerate().filter(|(other, token)| {
            token.kind == Kind::Ident && self.word(*other) == word && {
                let after = self.after_group(other + 1);
                token.first
                    && self.is(other + 1, Kind::LeftParen)
                    && self.first(after)
                    && self.kind(after).is_some_and(|kind| {
                        kind.is_keyword() || matches!(kind, Kind::Ident | Kind::RightBrace)
                    })
            }
        });
        uses.count() > 1
    }

    fn boundary_of_declaration(&mut self, scan: &Scan, deeper: bool) -> Parsed<Flow> {
        if scan.only_macros && scan.prev == Prev::Call && self.word(scan.start) != "interface" {
            return Ok(Flow::Done);
        }
        let token = self.tokens[self.at];
        let old = self.may_hold_functions(scan)
            && !self.cpp
            && scan.prev == Prev::Call
            && scan.names >= 1;
        if old && self.is_name_list(scan.last) {
            return self.old_function(scan);
        }
        let declared = scan.declared;
        let last_is_macro = scan.prev == Prev::Name && self.suspect(scan.last) || scan.loose;
        if scan.prev == Prev::Call && declared && scan.place == Place::File && !self.cpp {
            return self.old_function(scan);
        }
        if deeper || !declared || last_is_macro || self.suspect(self.at) || scan.suspicious {
            return Ok(Flow::Go);
        }
        let begins = matches!(
            token.kind,
            Kind::Type
                | Kind::Storage
                | Kind::Record
                | Kind::Enum
                | Kind::Using
                | Kind::Template
                | Kind::Access
                | Kind::Namespace
        ) || token.kind.is_statement();
        let complete = match scan.prev {
            Prev::Name => scan.place != Place::File || begins && scan.typed,
            Prev::Call => scan.place != Place::File || begins,
            Prev::Index => true,
            _ => false,
        };
        if complete && (begins || token.kind == Kind::Ident) {
            return Err(self.missing("`;`", scan.last));
        }
        Ok(Flow::Go)
    }

    /// A macro that begins a loop or a condition, and the statement it governs.
    pub(super) fn governed(&mut self, scan: &Scan) -> Parsed<Flow> {
        if self.at >= scan.end {
            return Ok(Flow::Done);
        }
        let statement = self.statement;
        let end = scan.end;
        self.nested(|parser| parser.statement(Place::Block, end))?;
        self.statement = statement;
        self.else_branch(scan.end)?;
        Ok(Flow::Done)
    }

    /// `else` after what a macro governs.
    fn else_branch(&mut self, end: usize) -> Parsed<()> {
        self.else_may_follow = true;
        let _: () = if self.at < end && self.here(Kind::Else) {
            self.at += 1;
            self.body("else", end)?;
            self.else_may_follow = true;
        };
        Ok(())
    }

    /// True outside of functions, and in GNU C after `auto`.
    fn may_hold_functions(&self, scan: &Scan) -> bool {
        scan.place == Place::File
            || scan.place == Place::Block && !self.cpp && self.word(scan.start) == "auto"
    }

    /// The declarations between the parameters and the body of a function of old C, if it is one.
    fn old_function(&mut self, scan: &Scan) -> Parsed<Flow> {
        if !self.may_hold_functions(scan) || self.cpp || !self.is_name_list(scan.last) {
            let simple = scan.place != Place::Block && self.form(scan) == Form::Call;
            if simple {
                return Ok(Flow::Done);
            }
            let token = self.tokens[self.at];
            let begins = matches!(
                token.kind,
                Kind::Type | Kind::Storage | Kind::Record | Kind::Enum
            );
            let declared = scan.declared;
            let deeper = token.column > self.tokens[scan.start].column;
            if begins && declared && !scan.loose && !deeper && !scan.suspicious {
                return Err(self.missing("`;`", scan.last));
            }
            return Ok(Flow::Go);
        }
        for _ in 0..OLD_PARAMETERS_MAX {
            match self.kind(self.at) {
                Some(Kind::LeftBrace) => {
                    self.block()?;
                    return Ok(Flow::Done);
                }
                Some(Kind::Type | Kind::Qualifier | Kind::Record | Kind::Enum | Kind::Ident) => {}
                Some(Kind::Storage) if self.word(self.at) == "register" => {}
                Some(Kind::Semicolon) => {
                    self.at += 1;
                    continue;
                }
                _ => return Ok(Flow::Done),
            }
            self.run(Place::File, scan.end)?;
            if !self.is(self.at - 1, Kind::Semicolon) {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Done)
    }

    /// True if parentheses that end at `close` hold nothing but names and commas.
    fn is_name_list(&self, close: usize) -> bool {
        let Some(open) = self.partner(close) else {
            return false;
        };
        let inside = &self.tokens[open + 1..close];
        !inside.is_empty()
            && inside.iter().enumerate().all(|(index, token)| {
                token.kind
                    == if index % 2 == 0 {
                        Kind::Ident
                    } else {
                        Kind::Comma
                    }
            })
    }

    /// A keyword of a statement inside of what has not ended.
    pub(super) fn statement_word(&mut self, scan: &mut Scan, kind: Kind) -> Parsed<Flow> {
        if kind == Kind::Try && scan.parameters && !scan.expression && scan.place.is_run() {
            return self.function_try();
        }
        if kind == Kind::Default && self.is(self.at + 1, Kind::Colon) && scan.place == Place::Call {
            return self.accept(scan, Prev::Name);
        }
        if kind == Kind::Goto && scan.prev == Prev::Qualifier {
            return self.accept(scan, Prev::Qualifier);
        }
        if !scan.place.is_run() {
            // An argument of a macro may be a statement.
            if scan.place == Place::Call && (scan.start == self.at || scan.prev == Prev::Wild) {
                let end = scan.end;
                self.at = end;
                scan.statements = true;
                scan.operand(Prev::Wild, end - 1);
                return Ok(Flow::Go);
            }
            return Err(self.unexpected(self.at));
        }
        if !scan.prev.is_operand() {
            return Err(self.misplaced(scan));
        }
        if kind == Kind::While && scan.start == self.do_body && self.form(scan) == Form::Call {
            return Ok(Flow::Done);
        }
        if scan.only_macros || scan.prev == Prev::Wild {
            self.else_may_follow = true;
            if self.form(scan) == Form::Call && scan.place == Place::Block {
                let deeper = !self.first(self.at)
                    || self.tokens[self.at].column > self.tokens[scan.start].column;
                if deeper {
                    return self.governed(scan);
                }
            }
            return Ok(Flow::Done);
        }
        // `Catch` and the statement that it governs: a name alone does nothing.
        let governs = self.form(scan) == Form::Bare
            && scan.place == Place::Block
            && self.first(self.at)
            && self.first(scan.start)
            && self.tokens[self.at].column > self.tokens[scan.start].column;
        if governs {
            return self.governed(scan);
        }
        let last_is_macro = scan.prev == Prev::Name && self.suspect(scan.last)
            || scan.prev == Prev::Call && scan.loose;
        if last_is_macro {
            self.else_may_follow = true;
            return Ok(Flow::Done);
        }
        if self.form(scan) == Form::Call {
            if scan.place != Place::Block {
                return Ok(Flow::Done);
            }
            let statement = self.tokens[scan.start];
            let token = self.tokens[self.at];
            if kind != Kind::Else && self.is_statement_macro(scan.start) {
                return Ok(Flow::Done);
            }
            if kind != Kind::Else
                && (!token.first || !statement.first || token.column > statement.column)
            {
                return self.governed(scan);
            }
        }
        Err(self.side_by_side(scan))
    }

    fn misplaced(&self, scan: &Scan) -> Stop {
        if matches!(scan.prev, Prev::Operator | Prev::Unary | Prev::Pointer) && self.first(self.at)
        {
            return self.missing(
                &format!("an operand after `{}`", self.word(scan.last)),
                scan.last,
            );
        }
        self.unexpected(self.at)
    }

    fn function_try(&mut self) -> Parsed<Flow> {
        self.at += 1;
        if self.here(Kind::Colon) {
            self.at += 1;
            self.member_initialisers()?;
        }
        if !self.here(Kind::LeftBrace) {
            return Err(self.missing("`{` after `try`", self.at - 1));
        }
        self.block()?;
        self.handlers()?;
        Ok(Flow::Done)
    }

    /// A colon in a statement: a label, a bit-field, a constructor's initialisers.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of colon")]
    pub(super) fn run_colon(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        if scan.expression || !scan.prev.is_operand() && scan.place != Place::Class {
            let stop = self.unexpected(at);
            // What the colon belongs to may be conditional.
            let from = if scan.start == at {
                at.saturating_sub(1)
            } else {
                at
            };
            return Err(Self::since(stop, self.byte(from)));
        }
        match scan.place {
            _ if self.form(scan) == Form::Bare && scan.place == Place::Block => {
                self.at += 1;
                self.else_may_follow = false;
                Ok(Flow::Done)
            }
            // Labels that macros make: `signals:`, `TARGET(x):`.
            _ if matches!(self.form(scan), Form::Bare) && self.suspect(scan.start) => {
                self.at += 1;
                Ok(Flow::Done)
            }
            Place::Block if self.form(scan) == Form::Call && scan.loose => {
                self.at += 1;
                Ok(Flow::Done)
            }
            Place::File
                if self.cpp
                    && (scan.loose && (scan.only_macros || self.form(scan) == Form::Call)
                        || scan.suspicious && self.is(scan.start, Kind::Record)
                        || self.word(scan.start) == "interface") =>
            {
                // A macro that begins a class.
                self.bases()?;
                if self.here(Kind::LeftBrace) {
                    self.braces(Place::Class)?;
                }
                Ok(Flow::Done)
            }
            _ if scan.parameters
                && matches!(
                    scan.prev,
                    Prev::Call | Prev::Name | Prev::Qualifier | Prev::Angle
                )
                && self.cpp =>
            {
                self.at += 1;
                self.member_initialisers()?;
                if !self.here(Kind::LeftBrace) {
                    return Err(self.missing("a body after the initialisers", self.at - 1));
                }
                self.block()?;
                Ok(Flow::Done)
            }
            Place::Class if scan.prev != Prev::Start || scan.typed || scan.commas > 0 => {
                scan.expression = true;
                scan.operand(Prev::Operator, at);
                self.at += 1;
                Ok(Flow::Go)
            }
            Place::Block if scan.suspicious && scan.only_macros => {
                self.at += 1;
                Ok(Flow::Done)
            }
            // Members, to be included where the class is.
            Place::File if scan.typed && self.is(at + 1, Kind::Number) => {
                let mut stop = self.unexpected(at);
                if let Stop::Wrong(problem) = &mut stop {
                    problem.doubtful = true;
                }
                Err(stop)
            }
            Place::File if scan.suspicious => {
                self.at += 1;
                scan.operand(Prev::Wild, at);
                Ok(Flow::Go)
            }
            _ => Err(self.unexpected(at)),
        }
    }

    /// `a(1), b{2}` up to the body.
    pub(super) fn member_initialisers(&mut self) -> Parsed<()> {
        loop {
            let start = self.at;
            while matches!(
                self.kind(self.at),
                Some(
                    Kind::Ident
                        | Kind::Scope
                        | Kind::Template
                        | Kind::Typeof
                        | Kind::Qualifier
                        | Kind::Include
                )
            ) || self.here(Kind::Less) && self.partner(self.at).is_some()
            {
                self.at = if self.here(Kind::Less) {
                    self.after_group(self.at)
                } else {
                    self.at + 1
                };
                if self.is(self.at - 1, Kind::Typeof) {
                    self.at = self.after_group(self.at);
                }
            }
            let mut by_macro = false;
            match self.kind(self.at) {
                Some(Kind::LeftParen) if self.at > start => {
                    let close = self.after_group(self.at) - 1;
                    if self.suspect(self.at - 1) {
                        by_macro = matches!(
                            self.kind(close + 1),
                            Some(Kind::Ident | Kind::Less | Kind::Scope | Kind::LeftParen)
                        );
                        self.at = close;
                    } else {
                        self.at += 1;
                        self.list(Place::Call, close)?;
                    }
                    self.at = close + 1;
                }
                Some(Kind::LeftBrace)
                    if self.at > start
                        && (!self.suspect(self.at - 1)
                            || matches!(
                                self.kind(self.after_group(self.at)),
                                Some(Kind::Comma | Kind::LeftBrace)
                            )) =>
                {
                    self.initialiser()?;
                }
                Some(Kind::LeftBrace) if self.at > start => return Ok(()),
                _ => return Err(self.unexpected(self.at)),
            }
            self.eat(Kind::Ellipsis);
            let goes_on = self.eat(Kind::Comma);
            // Initialisers that macros add.
            by_macro |= !goes_on && (self.suspect(self.at) || self.here(Kind::Include));
            if !goes_on && !by_macro {
                return Ok(());
            }
            if self.here(Kind::LeftBrace) {
                return Err(self.unexpected(self.at - 1));
            }
        }
    }

    /// True if what follows a brace ends the declaration of a class.
    fn ends_declaration(&self, after: usize) -> bool {
        self.is(after, Kind::Semicolon)
            || self.is(after, Kind::Ident)
                && matches!(self.kind(after + 1), Some(Kind::Semicolon | Kind::Assign))
    }

    /// True if the braces after a macro hold the members of a class.
    fn is_class_body(&self, open: usize) -> bool {
        let close = self.after_group(open) - 1;
        let mut at = open + 1;
        for _ in 0..CLASS_TOKENS_MAX {
            if at >= close {
                return false;
            }
            if self.is(at, Kind::Access) && self.is(at + 1, Kind::Colon) {
                return true;
            }
            at = if self.is(at, Kind::Less) {
                at + 1
            } else {
                self.after_group(at)
            };
        }
        false
    }

    /// A brace in a statement that may declare: a body, an initialiser, the block of a macro.
    #[expect(clippy::too_many_lines, reason = "one case for each kind of brace")]
    pub(super) fn run_brace(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let open = self.at;
        if scan.place != Place::Block && scan.suspicious && self.is_class_body(open) {
            // A macro stands for `class` or between the class and its body.
            self.braces(Place::Class)?;
            return Ok(Flow::Done);
        }
        if scan.loose && scan.prev == Prev::Call && self.word(scan.start) == "typedef" {
            // `typedef ENUM(type, name) { … };`
            self.at = self.after_group(open);
            scan.operand(Prev::Type, self.at - 1);
            return Ok(Flow::Go);
        }
        let block = self.looks_like_block(open);
        let form = self.form(scan);
        let by_macro = scan.only_macros
            || form == Form::Bare && self.macros.may_be(self.tokens[scan.start])
            || scan.suspicious && (scan.prev == Prev::Name || scan.prev == Prev::Call);
        let values =
            scan.loose && scan.place != Place::Block && !block && self.after_group(open) > open + 2;
        if values && form == Form::Call && !self.is(open + 1, Kind::Dot) {
            // What a macro makes of it is not known.
            self.at = self.after_group(open);
            return Ok(Flow::Done);
        }
        if scan.loose && matches!(self.kind(open + 1), Some(Kind::Dot)) {
            self.initialiser()?;
            return Ok(Flow::Done);
        }
        if scan.parameters && scan.commas == 0 {
            let ambiguous = scan.prev == Prev::Name && !scan.trailing && !self.suspect(scan.last);
            if !ambiguous
                || block
                || self.after_group(open) >= scan.end
                || !self.is(self.after_group(open), Kind::Semicolon)
            {
                if scan.place != Place::Block && scan.loose && self.is_class_body(open) {
                    self.braces(Place::Class)?;
                } else {
                    self.block()?;
                }
                if scan.place == Place::Block {
                    self.else_branch(scan.end)?;
                }
                return Ok(Flow::Done);
            }
        }
        let fits = match scan.prev {
            Prev::Cast | Prev::Group => !block && scan.prev == Prev::Cast,
            Prev::Name | Prev::Angle | Prev::Index | Prev::Wild | Prev::Call => true,
            Prev::Type => self.cpp && !block,
            _ => false,
        };
        if !fits && !by_macro {
            return Err(self.unexpected(open));
        }
        let empty = form == Form::Bare && self.after_group(open) == open + 2 && !self.cpp;
        if scan.place == Place::Block && empty && self.first(scan.start) {
            // `Catch {}`: the body of a macro.
            self.at = open + 2;
            self.else_branch(scan.end)?;
            return Ok(Flow::Done);
        }
        if form == Form::Bare
            && !self.macros.may_be(self.tokens[scan.start])
            && (block || scan.place != Place::Block || !self.cpp)
            && (scan.place != Place::Block || self.ends_declaration(self.after_group(open)))
        {
            return Err(self.unexpected(open));
        }
        let by_macro = by_macro || form == Form::Bare && block;
        let one_name = scan.names <= 1;
        if block && by_macro || scan.only_macros && one_name && scan.place == Place::Block {
            // The body of a macro; what it declares is not known outside of functions.
            if scan.place == Place::Block {
                self.block()?;
                self.else_branch(scan.end)?;
            } else {
                self.at = self.after_group(open);
            }
            return Ok(Flow::Done);
        }
        if block {
            return Err(self.unexpected(open));
        }
        if !self.cpp && scan.prev != Prev::Cast && !by_macro && scan.prev != Prev::Wild {
            return Err(self.unexpected(open));
        }
        self.initialiser()?;
        scan.operand(Prev::Brace, self.at - 1);
        Ok(Flow::Go)
    }
}
