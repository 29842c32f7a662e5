//! Operands and operators: declarations, expressions and lists between two separators.
//!
//! Without names resolved, `a * b` may declare or multiply. What holds for both is read here: what
//! may follow what. Names may stand side by side until something shows an expression.

use super::parser::{Parsed, Parser, Stop};
use super::tokens::Kind;

/// How many tokens of braces are looked at to tell a block from an initialiser.
const BLOCK_TOKENS_MAX: usize = 256;

/// How many tokens of a statement are looked at for comparisons.
const STATEMENT_TOKENS_MAX: usize = 256;

/// How many parentheses in a row are looked at after a macro.
const CLAUSE_GROUPS_MAX: usize = 4;

/// The most names that stand side by side in code.
const NAMES_MAX: u32 = 6;

/// What the tokens stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside of all functions and classes; ends at `;` or a body.
    File,
    /// In a class; ends at `;` or a body.
    Class,
    /// In a function; ends at `;` or a body.
    Block,
    /// The parentheses after a name.
    Call,
    /// Parentheses of their own.
    Group,
    Index,
    /// Braces that hold values.
    Init,
    /// Template arguments.
    Angle,
    /// The parentheses of `if`, `while` and `switch`.
    Condition,
    /// The parentheses of `for`.
    For,
    /// After `case`, up to the colon.
    Case,
    /// The value of an enumerator, up to the comma.
    Value,
}

impl Place {
    pub(super) const fn is_run(self) -> bool {
        matches!(self, Self::File | Self::Class | Self::Block)
    }
}

/// What stands before the next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prev {
    Start,
    /// An operator that needs a right operand.
    Operator,
    /// An operator before its operand.
    Unary,
    /// `*` or `&` after an operand: an operator or part of a declarator.
    Pointer,
    Name,
    Type,
    Qualifier,
    Number,
    Str,
    Char,
    /// `this` and the like.
    Value,
    /// Parentheses after an operand.
    Call,
    /// Parentheses that may hold a type.
    Cast,
    /// Parentheses that hold an expression.
    Group,
    Index,
    Brace,
    Angle,
    /// `++` after an operand.
    Post,
    /// Anything.
    Wild,
}

impl Prev {
    pub(super) const fn is_operand(self) -> bool {
        !matches!(
            self,
            Self::Start | Self::Operator | Self::Unary | Self::Pointer | Self::Qualifier
        )
    }

    /// True if nothing but an operator can follow.
    const fn is_closed(self) -> bool {
        matches!(
            self,
            Self::Number
                | Self::Str
                | Self::Char
                | Self::Value
                | Self::Group
                | Self::Index
                | Self::Brace
                | Self::Post
        )
    }
}

/// What has been read of a list or a statement.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) place: Place,
    /// The first token of the element.
    pub(super) start: usize,
    /// One past the last token that may belong to it.
    pub(super) end: usize,
    pub(super) prev: Prev,
    /// The last token read.
    pub(super) last: usize,
    /// True once it can be no declarator any more.
    pub(super) expression: bool,
    /// Names side by side so far.
    pub(super) names: u32,
    /// A type has been named.
    pub(super) typed: bool,
    /// A type and a name after it.
    pub(super) declared: bool,
    /// That name.
    pub(super) declarator: usize,
    /// `*` or `&` after a type.
    pub(super) pointer: bool,
    /// Parentheses that may hold parameters.
    pub(super) parameters: bool,
    pub(super) questions: u32,
    pub(super) commas: u32,
    pub(super) semicolons: u32,
    pub(super) colons: u32,
    /// Nothing but names that may be macros, and their arguments.
    pub(super) only_macros: bool,
    /// The last call may be one of a macro.
    pub(super) loose: bool,
    /// A name seen that may be a macro.
    pub(super) suspicious: bool,
    /// The last cast names a type for certain.
    pub(super) cast_names_type: bool,
    /// After `new`: brackets hold a count.
    pub(super) allocates: bool,
    /// An argument was a statement, as only macros take.
    pub(super) statements: bool,
    /// After `->`: what follows is a type.
    pub(super) trailing: bool,
}

impl Scan {
    pub(super) const fn new(place: Place, start: usize, end: usize) -> Self {
        Self {
            place,
            start,
            end,
            prev: Prev::Start,
            last: start,
            expression: false,
            names: 0,
            typed: false,
            declared: false,
            declarator: start,
            pointer: false,
            parameters: false,
            questions: 0,
            commas: 0,
            semicolons: 0,
            colons: 0,
            only_macros: true,
            loose: false,
            suspicious: false,
            trailing: false,
            allocates: false,
            cast_names_type: false,
            statements: false,
        }
    }

    /// Begins the next element.
    fn restart(&mut self, at: usize) {
        self.prev = Prev::Start;
        self.expression = false;
        self.names = 0;
        self.pointer = false;
        self.typed &= self.place.is_run();
        self.loose = false;
        self.trailing = false;
        self.start = if self.place.is_run() { self.start } else { at };
    }

    pub(super) fn operand(&mut self, prev: Prev, last: usize) {
        self.prev = prev;
        self.last = last;
    }

    fn operator(&mut self, prev: Prev, last: usize) {
        self.operand(prev, last);
        self.only_macros = false;
    }
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    /// The statement, or the element, is read.
    Done,
}

impl Parser<'_> {
    /// Reads a list up to `end`, which is its closer.
    pub(super) fn list(&mut self, place: Place, end: usize) -> Parsed<Scan> {
        self.nested(|parser| parser.list_here(place, end))
    }

    fn list_here(&mut self, place: Place, end: usize) -> Parsed<Scan> {
        let mut scan = Scan::new(place, self.at, end);
        while self.at < end {
            if self.step(&mut scan)? == Flow::Done {
                return Ok(scan);
            }
        }
        self.finish_element(&scan)?;
        Ok(scan)
    }

    /// An operator needs its right operand before `self.at`.
    pub(super) fn finish_element(&self, scan: &Scan) -> Parsed<()> {
        if scan.prev == Prev::Cast && scan.cast_names_type && self.ends_with_cast(scan) {
            return Err(self.missing("an operand after the cast", scan.last));
        }
        let lacks = match scan.prev {
            Prev::Operator | Prev::Unary => true,
            // `(a + b *)` multiplies; `(int *)` does not.
            Prev::Pointer => scan.expression && !scan.typed && scan.place != Place::Angle,
            _ => false,
        };
        if lacks && scan.last >= scan.start {
            return Err(self.missing(
                &format!("an operand after `{}`", self.word(scan.last)),
                scan.last,
            ));
        }
        Ok(())
    }

    /// True if a cast cannot be the last of an element.
    fn ends_with_cast(&self, scan: &Scan) -> bool {
        let whole = self.partner(scan.last) == Some(scan.start);
        match scan.place {
            // A macro may take a type in parentheses.
            Place::Call | Place::Angle => !whole && scan.expression,
            Place::Init | Place::Index | Place::Condition | Place::Value | Place::Case => true,
            _ => scan.expression,
        }
    }

    /// Reads one token or one bracketed group.
    pub(super) fn step(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let kind = self.tokens[self.at].kind;
        let begins =
            scan.place == Place::Class && scan.start == self.at && scan.prev == Prev::Start;
        if begins && matches!(kind, Kind::Star | Kind::LeftParen) {
            return Err(self.unexpected(self.at));
        }
        match kind {
            Kind::Ident => self.name(scan),
            Kind::Number | Kind::Char => self.constant(scan, kind),
            Kind::Str => self.string(scan),
            Kind::LeftParen => self.parenthesis(scan),
            Kind::LeftBracket => self.bracket(scan),
            Kind::LeftBrace => self.brace(scan),
            Kind::Comma => self.comma(scan),
            Kind::Semicolon => self.semicolon(scan),
            Kind::Colon => self.colon(scan),
            // `BEGIN_DECLS`, and the includes after it.
            Kind::Include if scan.place.is_run() && scan.only_macros && scan.prev == Prev::Name => {
                Ok(Flow::Done)
            }
            Kind::Include => {
                scan.only_macros = true;
                self.accept(scan, Prev::Wild)
            }
            Kind::Type
            | Kind::Qualifier
            | Kind::Storage
            | Kind::Record
            | Kind::Enum
            | Kind::Typeof
            | Kind::Template
            | Kind::Using
            | Kind::Namespace
            | Kind::Export
            | Kind::Access => self.declaration_word(scan, kind),
            Kind::Value
            | Kind::Sizeof
            | Kind::Cast
            | Kind::New
            | Kind::Delete
            | Kind::Throw
            | Kind::Operator
            | Kind::Noexcept
            | Kind::Requires
            | Kind::Generic
            | Kind::Asm => self.expression_word(scan, kind),
            Kind::Stray => Err(self.unexpected(self.at)),
            Kind::RightParen | Kind::RightBracket | Kind::RightBrace => {
                Err(self.unexpected(self.at))
            }
            kind if kind.is_keyword() => self.statement_word(scan, kind),
            _ => self.operator(scan, kind),
        }
    }

    /// Steps over a token that is an operand or stands for one.
    pub(super) fn accept(&mut self, scan: &mut Scan, prev: Prev) -> Parsed<Flow> {
        scan.operand(prev, self.at);
        self.at += 1;
        Ok(Flow::Go)
    }

    /// The complaint about an operand after an operand.
    pub(super) fn side_by_side(&self, scan: &Scan) -> Stop {
        let newline = self.first(self.at);
        if !newline {
            return self.unexpected(self.at);
        }
        let what = match scan.place {
            Place::File | Place::Class | Place::Block => "`;`",
            Place::Init | Place::Value => "`,`",
            _ => "`,` or an operator",
        };
        self.missing(what, scan.last)
    }

    fn name(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        if scan.place.is_run()
            && (scan.prev.is_operand() || scan.prev == Prev::Qualifier)
            && self.first(self.at)
            && self.boundary(scan)? == Flow::Done
        {
            return Ok(Flow::Done);
        }
        let suspect = self.suspect(self.at);
        // `= {…} TABLE_END`: the macro brings the semicolon.
        let may_be = suspect || self.macros.may_be(self.tokens[self.at]);
        let ends = scan.place.is_run() && scan.expression && may_be;
        if ends && (scan.prev == Prev::Brace || self.ends_by_macro(scan)) {
            return Ok(Flow::Done);
        }
        let governed =
            scan.prev == Prev::Group && scan.place == Place::Block && self.is_plain(self.at);
        if (!suspect || governed) && scan.prev.is_operand() && !self.may_follow(scan) {
            return Err(self.side_by_side(scan));
        }
        if scan.place.is_run() && scan.prev == Prev::Name && self.is_prose(scan) {
            return Err(self.unexpected(scan.start));
        }
        scan.only_macros &= suspect;
        scan.suspicious |= suspect;
        // `a::b` is one name.
        let qualified = self.at > 0 && self.is(self.at - 1, Kind::Scope);
        scan.names += u32::from(!qualified);
        let declares = !qualified
            && !suspect
            && !scan.expression
            && match scan.prev {
                Prev::Type | Prev::Angle => true,
                Prev::Name => !self.suspect(scan.last),
                Prev::Pointer => scan.typed || scan.names > 1,
                _ => false,
            };
        if declares {
            scan.declared = true;
            scan.declarator = self.at;
        }
        if scan.prev == Prev::Call && scan.loose && !scan.expression && !suspect {
            // `PROPERTY(…) type name{…}`: those were no parameters.
            scan.parameters = false;
        }
        self.accept(scan, Prev::Name)
    }

    /// True if a value that a macro makes may have ended with the line before.
    pub(super) fn ends_by_macro(&self, scan: &Scan) -> bool {
        scan.place.is_run()
            && scan.expression
            && scan.prev == Prev::Call
            && scan.loose
            && self.first(self.at)
            && self.tokens[self.at].column <= self.tokens[self.statement].column
    }

    /// True for a name in small letters that the file does not define.
    fn is_plain(&self, index: usize) -> bool {
        let word = self.word(index);
        word.bytes().all(|byte| !byte.is_ascii_uppercase())
            && !self.macros.defines(self.tokens[index])
            && self.first(index)
    }

    /// True if a name, not a macro's, may follow an operand.
    fn may_follow(&self, scan: &Scan) -> bool {
        let last_suspect = self.macros.may_be(self.tokens[scan.last]);
        match scan.prev {
            Prev::Name => {
                !scan.expression
                    || last_suspect
                    || scan.trailing
                    || scan.place == Place::Call && scan.suspicious
            }
            Prev::Number | Prev::Char | Prev::Value | Prev::Post | Prev::Brace => false,
            // `char a[] attribute_hidden;`
            Prev::Index if scan.place.is_run() => {
                !scan.expression
                    && (!self.first(self.at)
                        || self.tokens[self.at].column > self.tokens[scan.start].column)
            }
            Prev::Index => {
                !scan.expression
                    && scan.place == Place::Call
                    && matches!(self.kind(self.at + 1), Some(Kind::Comma | Kind::RightParen))
            }
            Prev::Str => {
                // A macro of strings: `"%" name "\n"`.
                matches!(
                    self.kind(self.at + 1),
                    Some(
                        Kind::Str
                            | Kind::LeftParen
                            | Kind::RightParen
                            | Kind::Comma
                            | Kind::Semicolon
                            | Kind::Ident
                    )
                )
            }
            Prev::Call => !scan.expression || scan.loose || scan.trailing,
            Prev::Group => false,
            _ => true,
        }
    }

    /// Six names in a row are no declaration.
    fn is_prose(&self, scan: &Scan) -> bool {
        scan.names >= NAMES_MAX
            && !scan.suspicious
            && !self.suspect(self.at)
            && scan.start + scan.names as usize == self.at
    }

    fn constant(&mut self, scan: &mut Scan, kind: Kind) -> Parsed<Flow> {
        let prev = if kind == Kind::Char {
            Prev::Char
        } else {
            Prev::Number
        };
        if kind == Kind::Char
            && self.word(self.at).trim_start_matches(char::is_alphanumeric) == "''"
        {
            return Err(self.complain(
                "syntax/unexpected-token",
                "empty character constant",
                self.at,
            ));
        }
        let fits = match scan.prev {
            Prev::Name => self.suspect(scan.last),
            Prev::Call => scan.loose,
            Prev::Type => false,
            Prev::Qualifier => scan.place == Place::Index,
            other => !other.is_closed(),
        };
        if !fits {
            return Err(self.side_by_side(scan));
        }
        scan.expression = true;
        scan.only_macros = false;
        self.accept(scan, prev)
    }

    fn string(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let fits = match scan.prev {
            Prev::Number
            | Prev::Char
            | Prev::Value
            | Prev::Post
            | Prev::Index
            | Prev::Brace
            | Prev::Group => false,
            Prev::Type => false,
            Prev::Angle => !scan.place.is_run() || scan.expression,
            _ => true,
        };
        if !fits {
            return Err(self.side_by_side(scan));
        }
        scan.only_macros &= scan.prev == Prev::Name || scan.prev == Prev::Str;
        self.accept(scan, Prev::Str)
    }

    fn comma(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        self.finish_element(scan)?;
        if scan.prev == Prev::Start && !self.may_be_empty(scan) {
            return Err(self.unexpected(self.at));
        }
        if scan.place == Place::Value {
            return Ok(Flow::Done);
        }
        let at = self.at;
        // `struct { x, y; }` lacks its type.
        let bare = scan.place == Place::Class
            && scan.commas == 0
            && scan.prev == Prev::Name
            && scan.last == scan.start
            && !scan.suspicious;
        if bare {
            return Err(self.unexpected(at));
        }
        self.at += 1;
        scan.commas += 1;
        scan.restart(self.at);
        scan.last = at;
        Ok(Flow::Go)
    }

    /// Macros take empty arguments.
    fn may_be_empty(&self, scan: &Scan) -> bool {
        match scan.place {
            Place::Call => true,
            Place::Index => self.cpp,
            _ => scan.loose || self.at > 0 && self.is(self.at - 1, Kind::Include),
        }
    }

    fn semicolon(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        self.finish_element(scan)?;
        if scan.place.is_run() {
            if matches!(scan.prev, Prev::Pointer)
                && scan.place == Place::Block
                && scan.names > 0
                && !scan.typed
            {
                return Err(self.missing(
                    &format!("an operand after `{}`", self.word(scan.last)),
                    scan.last,
                ));
            }
            if scan.prev == Prev::Start && scan.commas > 0 {
                return Err(self.unexpected(self.at));
            }
            if self.lacks_type(scan) {
                let what = format!("a type before `{}`", self.word(scan.start));
                let stop = self.missing(&what, scan.start);
                return Err(stop);
            }
            self.at += 1;
            return Ok(Flow::Done);
        }
        scan.semicolons += 1;
        let fits = match scan.place {
            Place::For => scan.semicolons <= 2,
            Place::Condition => self.cpp && scan.semicolons <= 1,
            // A macro that takes statements.
            Place::Call => true,
            _ => false,
        };
        if !fits {
            return Err(self.unexpected(self.at));
        }
        self.at += 1;
        scan.restart(self.at);
        Ok(Flow::Go)
    }

    /// True for a member that is an array of no type; a name alone may be a macro.
    fn lacks_type(&self, scan: &Scan) -> bool {
        scan.place == Place::Class
            && scan.prev == Prev::Index
            && self.is(scan.start, Kind::Ident)
            && scan.names == 1
            && scan.commas == 0
            && !scan.typed
            && !scan.expression
            && !self.macros.may_be(self.tokens[scan.start])
            && self.is(scan.start + 1, Kind::LeftBracket)
    }

    fn colon(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        if scan.questions > 0 {
            if scan.prev != Prev::Operator || !self.is(scan.last, Kind::Question) {
                self.finish_element(scan)?;
            }
            scan.questions -= 1;
            scan.operator(Prev::Operator, self.at);
            self.at += 1;
            return Ok(Flow::Go);
        }
        if scan.place.is_run() {
            return self.run_colon(scan);
        }
        scan.colons += 1;
        let fits = match scan.place {
            Place::Case => return Ok(Flow::Done),
            Place::For => scan.prev.is_operand(),
            Place::Init => scan.prev == Prev::Name,
            Place::Call | Place::Index | Place::Angle => true,
            _ => scan.suspicious,
        };
        if !fits {
            return Err(self.unexpected(self.at));
        }
        self.finish_element(scan)?;
        scan.operator(Prev::Start, self.at);
        self.at += 1;
        Ok(Flow::Go)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of token")]
    fn operator(&mut self, scan: &mut Scan, kind: Kind) -> Parsed<Flow> {
        let at = self.at;
        let operand = scan.prev.is_operand() || scan.prev == Prev::Qualifier;
        match kind {
            Kind::Less => return self.less(scan),
            Kind::Greater => {
                if self.is_shift_argument(scan) {
                    self.at += 1;
                    return self.accept(scan, Prev::Wild);
                }
                if !operand && !self.follows_template(scan) && !self.is_operator_argument(scan) {
                    return Err(self.unexpected(at));
                }
                // `TEMPLATE_HEAD typename T>`: the macro opens the angle.
                let closes = self.cpp
                    && matches!(scan.place, Place::File | Place::Class)
                    && !scan.expression
                    && self.suspect(scan.start)
                    && scan.start + 1 < at;
                if closes {
                    scan.typed = false;
                    scan.declared = false;
                    return self.accept(scan, Prev::Wild);
                }
                while self.is(self.at + 1, Kind::Greater) && self.glued(self.at + 1) {
                    self.at += 1;
                }
                if self.is(self.at + 1, Kind::Binary)
                    && self.glued(self.at + 1)
                    && self.word(self.at + 1) == ">="
                {
                    self.at += 1;
                }
                scan.expression = true;
            }
            Kind::Star | Kind::Amp | Kind::AmpAmp => {
                if kind != Kind::Star && self.qualifies_function(scan) {
                    self.at += 1;
                    return Ok(Flow::Go);
                }
                let governed = kind == Kind::Star && scan.place == Place::Block && self.first(at);
                if governed && operand && self.boundary(scan)? == Flow::Done {
                    return Ok(Flow::Done);
                }
                // `&&label`, but not `a && && b`.
                let twice = kind == Kind::AmpAmp
                    && matches!(scan.prev, Prev::Operator | Prev::Unary | Prev::Pointer)
                    && self.is(at - 1, Kind::AmpAmp);
                if twice {
                    return Err(self.unexpected(at));
                }
                if operand || scan.prev == Prev::Pointer {
                    scan.pointer = true;
                    scan.operator(Prev::Pointer, at);
                } else {
                    scan.operator(Prev::Unary, at);
                    // `(*)`, `&` of a capture, and macro arguments.
                    if scan.place != Place::Init && self.closes_at(at + 1)
                        || matches!(self.kind(at + 1), Some(Kind::LeftBracket))
                            && scan.place != Place::Block
                    {
                        scan.prev = Prev::Pointer;
                    }
                }
                self.at += 1;
                return Ok(Flow::Go);
            }
            // A handle of another dialect: `T^>`, `T^ name`.
            Kind::Caret
                if operand
                    && (self.is(at + 1, Kind::Greater)
                        || self.cpp
                            && !scan.expression
                            && self.glued(at)
                            && !self.glued(at + 1)
                            && self.is(at + 1, Kind::Ident)) =>
            {
                scan.pointer = true;
                return self.accept(scan, Prev::Pointer);
            }
            Kind::Caret if !operand => {
                // A block of Clang.
                scan.operator(Prev::Unary, at);
                if self.closes_at(at + 1) {
                    scan.prev = Prev::Pointer;
                }
                self.at += 1;
                return Ok(Flow::Go);
            }
            Kind::Sign | Kind::Not if !operand => {
                // `~X()` declares outside of functions.
                let destructor = self.cpp
                    && matches!(scan.place, Place::File | Place::Class)
                    && self.word(at) == "~";
                scan.expression |= !destructor;
                scan.operator(Prev::Unary, at);
                self.at += 1;
                if self.is_operator_argument_at(scan, at) {
                    scan.prev = Prev::Wild;
                }
                return Ok(Flow::Go);
            }
            Kind::Not => return self.tilde(scan),
            Kind::Step => return self.step_operator(scan, operand),
            Kind::Scope => return self.scope(scan),
            Kind::Dot | Kind::Arrow => return self.member(scan, kind),
            Kind::Ellipsis => return self.ellipsis(scan),
            Kind::Assign => return self.assign(scan),
            Kind::Question => {
                scan.questions += 1;
                scan.expression = true;
            }
            _ => scan.expression = true,
        }
        let joins = matches!(kind, Kind::Binary | Kind::Question | Kind::Assign);
        if scan.prev == Prev::Cast && scan.cast_names_type && joins {
            return Err(self.missing("an operand after the cast", scan.last));
        }
        if !operand && !(kind == Kind::Greater && self.follows_template(scan)) {
            if self.is_operator_argument(scan) {
                return self.accept(scan, Prev::Wild);
            }
            // `> 0`, `>= 0` after template arguments and pointers are left to the compiler.
            return Err(self.misses_left(scan));
        }
        scan.operator(Prev::Operator, self.at);
        self.at += 1;
        Ok(Flow::Go)
    }

    /// `++` and `--`, before or after their operand.
    fn step_operator(&mut self, scan: &mut Scan, operand: bool) -> Parsed<Flow> {
        let at = self.at;
        let operand_follows = matches!(
            self.kind(at + 1),
            Some(Kind::Ident | Kind::LeftParen | Kind::Star | Kind::Value | Kind::Scope)
        );
        if operand && scan.place == Place::Block && operand_follows {
            if self.first(at) && self.boundary(scan)? == Flow::Done {
                return Ok(Flow::Done);
            }
            if scan.prev == Prev::Call && scan.loose && !scan.expression {
                return self.governed(scan);
            }
        }
        let cast = scan.prev == Prev::Cast && operand_follows;
        let prev = if operand && !cast {
            Prev::Post
        } else {
            Prev::Unary
        };
        scan.operator(prev, at);
        scan.expression = true;
        self.at += 1;
        if prev == Prev::Unary && self.is_operator_argument_at(scan, at) {
            scan.prev = Prev::Wild;
        }
        Ok(Flow::Go)
    }

    /// True at the `&` of `f() &`.
    fn qualifies_function(&self, scan: &Scan) -> bool {
        scan.prev == Prev::Call
            && scan.parameters
            && self.cpp
            && (matches!(
                self.kind(self.at + 1),
                Some(
                    Kind::LeftBrace
                        | Kind::Semicolon
                        | Kind::Assign
                        | Kind::Noexcept
                        | Kind::Requires
                        | Kind::Try
                        | Kind::Colon
                        | Kind::Greater
                        | Kind::RightParen
                        | Kind::Comma
                )
            ) || self.is(self.at + 1, Kind::Arrow)
                || matches!(self.word(self.at + 1), "override" | "final" | "throw"))
    }

    fn misses_left(&self, scan: &Scan) -> Stop {
        if matches!(scan.prev, Prev::Operator | Prev::Unary) && self.first(self.at) {
            return self.missing(
                &format!("an operand after `{}`", self.word(scan.last)),
                scan.last,
            );
        }
        self.unexpected(self.at)
    }

    /// `T *>` closes template arguments that were not paired.
    fn follows_template(&self, scan: &Scan) -> bool {
        self.cpp && matches!(scan.prev, Prev::Pointer)
    }

    /// True if the next token ends the element.
    fn closes_at(&self, index: usize) -> bool {
        matches!(
            self.kind(index),
            Some(
                Kind::RightParen
                    | Kind::Comma
                    | Kind::RightBracket
                    | Kind::Greater
                    | Kind::Ellipsis
                    | Kind::Assign
            )
        )
    }

    /// An operator may be a whole argument of a macro: `CHECK(a, ==, b)`.
    fn is_operator_argument(&self, scan: &Scan) -> bool {
        self.is_operator_argument_at(scan, self.at)
    }

    fn is_operator_argument_at(&self, scan: &Scan, at: usize) -> bool {
        scan.place == Place::Call
            && scan.start == at
            && matches!(self.kind(at + 1), Some(Kind::RightParen | Kind::Comma))
    }

    /// `>>` as a whole argument of a macro.
    fn is_shift_argument(&self, scan: &Scan) -> bool {
        scan.place == Place::Call
            && scan.start == self.at
            && self.is(self.at + 1, Kind::Greater)
            && matches!(self.kind(self.at + 2), Some(Kind::RightParen | Kind::Comma))
    }

    fn tilde(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        // `inline ~X()` and `MACRO ~X()`; `X::~X` comes after `::`.
        let governed = scan.place.is_run() && self.first(self.at);
        if governed && self.boundary(scan)? == Flow::Done {
            return Ok(Flow::Done);
        }
        let destructor = self.cpp && !scan.expression && self.word(self.at) == "~";
        // `IF_DEBUG(a ||) !b`
        let by_macro = scan.prev == Prev::Call && scan.loose;
        if !destructor && !by_macro && !matches!(scan.prev, Prev::Cast | Prev::Wild | Prev::Angle) {
            return Err(self.unexpected(self.at));
        }
        scan.operator(Prev::Unary, self.at);
        self.at += 1;
        Ok(Flow::Go)
    }

    fn less(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        let operand = scan.prev.is_operand();
        if let Some(close) = self.partner(at)
            && operand
            && close < scan.end
        {
            self.at = at + 1;
            self.list(Place::Angle, close)?;
            self.at = close + 1;
            scan.typed |= !scan.expression;
            // `CAT(a, b)<c>` names a type.
            scan.parameters &= !(scan.prev == Prev::Call && scan.loose);
            scan.operand(Prev::Angle, close);
            return Ok(Flow::Go);
        }
        if !operand {
            if self.is_operator_argument(scan) {
                return self.accept(scan, Prev::Wild);
            }
            return Err(self.unexpected(at));
        }
        if self.cpp
            && matches!(scan.place, Place::File | Place::Class)
            && !scan.expression
            && scan.prev == Prev::Name
            && !scan.suspicious
            && !self.may_be_inside
            && !self.compares_inside(at)
            && !(scan.start..at).any(|index| self.suspect(index))
        {
            return Err(self.unclosed_angle(at));
        }
        scan.expression = true;
        scan.operator(Prev::Operator, at);
        self.at += 1;
        Ok(Flow::Go)
    }

    /// The complaint about a `<` without its `>`; all of the statement shows that it has none.
    pub(super) fn unclosed_angle(&self, at: usize) -> Stop {
        let rest = self.tokens[at..].iter();
        let end = rest
            .take(STATEMENT_TOKENS_MAX)
            .find(|token| matches!(token.kind, Kind::Semicolon | Kind::LeftBrace))
            .map_or(self.text.len(), |token| token.end as usize);
        match self.complain("syntax/unclosed-bracket", "`<` is never closed", at) {
            Stop::Wrong(mut problem) => {
                problem.until = end;
                Stop::Wrong(problem)
            }
            other @ Stop::TooDeep(_) => other,
        }
    }

    /// True if one of the next `<` may compare: then the angles may have been paired wrongly.
    pub(super) fn compares_inside(&self, at: usize) -> bool {
        let rest = self.tokens[at + 1..].iter();
        let statement = rest
            .take(STATEMENT_TOKENS_MAX)
            .take_while(|token| !matches!(token.kind, Kind::Semicolon | Kind::LeftBrace));
        let mut before = Kind::Less;
        let mut was_value = false;
        let mut was_constant = false;
        for token in statement {
            let compares = match before {
                Kind::Less => matches!(token.kind, Kind::LeftParen | Kind::Number | Kind::Sizeof),
                Kind::Ident if token.kind == Kind::Less => was_value || was_constant,
                _ => matches!(token.kind, Kind::Binary | Kind::AmpAmp),
            };
            if compares && matches!(before, Kind::Less | Kind::Ident)
                || compares && token.kind == Kind::Binary
            {
                return true;
            }
            before = token.kind;
            let word = &self.text[token.start as usize..token.end as usize];
            was_constant = word.len() == 1 || self.macros.shouts(*token);
            was_value = word == "value";
        }
        false
    }

    fn scope(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        self.at += 1;
        if self.here(Kind::Template) {
            self.at += 1;
        }
        // `X::*` points to a member, `X::~X` destroys, `X::operator` and `X::new` are names.
        if self.here(Kind::Star) {
            scan.operator(Prev::Pointer, self.at);
            self.at += 1;
            return Ok(Flow::Go);
        }
        if self.here(Kind::Not) && scan.prev.is_operand() {
            self.at += 1;
        }
        let follows = matches!(
            self.kind(self.at),
            Some(
                Kind::Ident
                    | Kind::Operator
                    | Kind::New
                    | Kind::Delete
                    | Kind::Typeof
                    | Kind::Template
                    | Kind::Include
                    | Kind::LeftParen
            )
        ) || self.suspect(self.at.saturating_sub(2));
        if !follows {
            return Err(if self.first(self.at) {
                self.missing("a name after `::`", self.at - 1)
            } else {
                self.unexpected(self.at)
            });
        }
        if self.here(Kind::Ident) {
            let glue = matches!(
                scan.prev,
                Prev::Name | Prev::Angle | Prev::Call | Prev::Wild | Prev::Type
            );
            scan.names += u32::from(!glue);
            scan.declarator = self.at;
            scan.only_macros = false;
            return self.accept(scan, Prev::Name);
        }
        if scan.prev.is_operand() {
            scan.prev = Prev::Start;
        }
        Ok(Flow::Go)
    }

    fn member(&mut self, scan: &mut Scan, kind: Kind) -> Parsed<Flow> {
        let at = self.at;
        let operand = scan.prev.is_operand() || scan.prev == Prev::Qualifier;
        if kind == Kind::Arrow
            && self.word(at) == "->"
            && scan.prev.is_operand()
            && !scan.expression
            && matches!(
                scan.prev,
                Prev::Call | Prev::Name | Prev::Brace | Prev::Wild
            )
            && scan.parameters
            && self.cpp
        {
            scan.trailing = true;
            scan.operator(Prev::Operator, at);
            self.at += 1;
            return Ok(Flow::Go);
        }
        if kind == Kind::Arrow && scan.prev == Prev::Qualifier {
            scan.trailing = true;
        }
        if !operand {
            let designates = kind == Kind::Dot
                && scan.prev == Prev::Start
                && matches!(scan.place, Place::Init | Place::Call);
            if !designates && !self.is_operator_argument(scan) {
                return Err(self.misses_left(scan));
            }
        } else if matches!(scan.place, Place::File | Place::Class)
            && !scan.expression
            && !scan.suspicious
            && !scan.trailing
            && !self.may_be_inside
            && kind == Kind::Dot
            && scan.prev == Prev::Name
        {
            return Err(self.unexpected(at));
        }
        scan.expression |= !scan.trailing;
        scan.operator(Prev::Operator, at);
        self.at += 1;
        if self.here(Kind::Template) {
            self.at += 1;
        }
        if self.here(Kind::Not) && self.cpp {
            self.at += 1;
            // `p->~T()` destroys; the type may be one of the language's.
        }
        if self.here(Kind::Ident) {
            return self.accept(scan, Prev::Name);
        }
        Ok(Flow::Go)
    }

    fn ellipsis(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        self.at += 1;
        let begins = scan.prev == Prev::Start
            && (scan.place.is_run() && scan.start == at
                || scan.place == Place::Angle && self.here(Kind::Ident));
        if begins {
            return Err(self.unexpected(at));
        }
        // `f(...)`, `T...`, `(... + a)`, `1 ... 2`.
        scan.last = at;
        scan.prev = Prev::Wild;
        Ok(Flow::Go)
    }

    fn assign(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let at = self.at;
        let fits = scan.prev.is_operand()
            || matches!(scan.prev, Prev::Pointer | Prev::Qualifier)
            || scan.prev == Prev::Start && matches!(scan.place, Place::Angle)
            || self.is_operator_argument(scan);
        if !fits {
            return Err(self.misses_left(scan));
        }
        if scan.prev == Prev::Pointer && scan.place.is_run() {
            return Err(self.unexpected(at));
        }
        self.at += 1;
        scan.operator(Prev::Operator, at);
        // A default argument of a template may be a type.
        scan.expression |= scan.place != Place::Angle;
        if self.cpp
            && matches!(self.kind(self.at), Some(Kind::Default | Kind::Delete))
            && matches!(
                self.kind(self.at + 1),
                Some(Kind::Semicolon | Kind::Comma | Kind::LeftParen | Kind::Ident)
            )
            && (self.here(Kind::Default) || !self.is(self.at + 1, Kind::Ident))
        {
            return self.accept(scan, Prev::Name);
        }
        if self.is_whole_argument(scan, at) {
            scan.prev = Prev::Wild;
        }
        Ok(Flow::Go)
    }

    fn is_whole_argument(&self, scan: &Scan, at: usize) -> bool {
        self.is_operator_argument_at(scan, at)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of token")]
    fn parenthesis(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let open = self.at;
        let Some(close) = self.partner(open) else {
            return Err(self.unexpected(open));
        };
        let governed =
            scan.place == Place::Block && scan.prev == Prev::Call && scan.loose && self.first(open);
        if governed && self.boundary(scan)? == Flow::Done {
            return Ok(Flow::Done);
        }
        let cast = scan.prev == Prev::Cast;
        let after_operand = !cast && (scan.prev.is_operand() || scan.prev == Prev::Qualifier);
        if self.is(open + 1, Kind::LeftBrace)
            && self.partner(open + 1) == Some(close - 1)
            && !after_operand
            && !(cast && !self.looks_like_block(open + 1))
        {
            self.at = open + 1;
            self.block()?;
            self.at = close + 1;
            scan.expression = true;
            scan.operand(Prev::Value, close);
            return Ok(Flow::Go);
        }
        if after_operand || scan.prev == Prev::Pointer && close == open + 1 {
            return self.call(scan, open, close);
        }
        if close == open + 1 {
            if cast {
                // `(f)()` calls.
                return self.call(scan, open, close);
            }
            return Err(self.unexpected(close));
        }
        self.at = open + 1;
        let inner = self.list(if cast { Place::Call } else { Place::Group }, close)?;
        self.at = close + 1;
        let is_type = !inner.expression && inner.commas == 0 && inner.colons == 0;
        let only_operator = inner.prev == Prev::Pointer && inner.names == 0 && !inner.typed;
        // `(*)` without a type, unless a macro takes it as a whole argument.
        let whole = scan.place == Place::Call && scan.start == open && self.closes_at(self.at);
        if only_operator && matches!(scan.prev, Prev::Start | Prev::Operator) && !whole {
            return Err(self.unexpected(close));
        }
        scan.cast_names_type =
            is_type && !inner.suspicious && !inner.parameters && self.names_type(open, inner.prev);
        scan.operand(
            match (is_type, cast) {
                (true, _) => Prev::Cast,
                (false, true) => Prev::Call,
                (false, false) => Prev::Group,
            },
            close,
        );
        scan.parameters |= cast && !scan.expression;
        if scan.place == Place::Block
            && scan.start == open
            && !scan.expression
            && is_type
            && !inner.typed
            && self.first(self.at)
            && !matches!(
                self.kind(self.at),
                Some(
                    Kind::Dot
                        | Kind::Arrow
                        | Kind::Semicolon
                        | Kind::Assign
                        | Kind::Binary
                        | Kind::LeftParen
                        | Kind::LeftBracket
                )
            )
            && self
                .kind(self.at)
                .is_some_and(|kind| kind == Kind::Ident || kind.is_keyword())
            && !inner.suspicious
        {
            return Err(self.unexpected(open));
        }
        scan.only_macros = false;
        Ok(Flow::Go)
    }

    /// True if parentheses hold a type for certain: `(int *)`, `(struct a)`.
    fn names_type(&self, open: usize, last: Prev) -> bool {
        match self.kind(open + 1) {
            Some(Kind::Type) => matches!(last, Prev::Type | Prev::Pointer),
            Some(Kind::Record) => matches!(last, Prev::Name | Prev::Pointer),
            _ => false,
        }
    }

    /// Parentheses after an operand.
    fn call(&mut self, scan: &mut Scan, open: usize, close: usize) -> Parsed<Flow> {
        let loose = match scan.prev {
            Prev::Name => {
                self.suspect(scan.last)
                    || self.macros.may_be(self.tokens[scan.last])
                        && (self.begins_anew(close + 1, scan) || self.takes_clauses(open))
                    || self.takes_macro(open, close)
            }
            Prev::Call => scan.loose,
            _ => false,
        };
        let qualifier = scan.prev == Prev::Qualifier && self.is(open + 1, Kind::Str);
        if scan.prev == Prev::Number || scan.prev == Prev::Char || qualifier {
            return Err(self.side_by_side(scan));
        }
        if loose {
            self.at = close + 1;
            scan.loose = true;
            scan.suspicious = true;
            // `T name GUARDED_BY(mutex)`: those are no parameters.
            let attribute = scan.declared
                && scan.declarator != scan.last
                && self.macros.shouts(self.tokens[scan.last]);
            scan.parameters |= !scan.expression && !attribute;
            scan.operand(Prev::Call, close);
            return Ok(Flow::Go);
        }
        self.at = open + 1;
        let inner = self.list(Place::Call, close)?;
        self.at = close + 1;
        // Only a macro takes statements.
        scan.loose = inner.statements || inner.semicolons > 0;
        scan.parameters |= !scan.expression;
        scan.operand(Prev::Call, close);
        Ok(Flow::Go)
    }

    /// True if a macro's parentheses hold what follows a function's: `RET(bool)(requires A)`.
    fn takes_clauses(&self, open: usize) -> bool {
        let mut open = open;
        for _ in 0..CLAUSE_GROUPS_MAX {
            let clause = match self.kind(open + 1) {
                Some(Kind::Requires) => true,
                Some(Kind::Noexcept) => self.is(open + 2, Kind::LeftParen),
                Some(Kind::Qualifier) => matches!(
                    self.kind(open + 2),
                    Some(Kind::RightParen | Kind::Requires | Kind::Noexcept)
                ),
                _ => false,
            };
            if clause {
                return true;
            }
            open = self.after_group(open);
            if !self.is(open, Kind::LeftParen) {
                return false;
            }
        }
        false
    }

    /// True if an argument is the name of a macro with parameters, which only macros take.
    fn takes_macro(&self, open: usize, close: usize) -> bool {
        (open + 1..close).any(|index| {
            self.macros.defines_function(self.tokens[index])
                && matches!(self.kind(index - 1), Some(Kind::LeftParen | Kind::Comma))
                && matches!(self.kind(index + 1), Some(Kind::RightParen | Kind::Comma))
        })
    }

    /// True if no call can be followed by the token.
    fn begins_anew(&self, index: usize, scan: &Scan) -> bool {
        index < scan.end
            && self.kind(index).is_some_and(|kind| {
                kind.is_keyword() && !matches!(kind, Kind::Qualifier | Kind::Noexcept)
                    || matches!(kind, Kind::Ident | Kind::Number)
                    || kind == Kind::LeftBrace
                        && (scan.place == Place::Block || scan.last == scan.start)
                    || kind == Kind::Colon && scan.place == Place::File && scan.last == scan.start
            })
            || index == scan.end && scan.place.is_run()
    }

    fn bracket(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        let open = self.at;
        let Some(close) = self.partner(open) else {
            return Err(self.unexpected(open));
        };
        let binding =
            scan.typed && !scan.expression && matches!(scan.prev, Prev::Pointer) && self.cpp
                || scan.prev == Prev::Type && self.cpp && self.word(scan.last) == "auto";
        let operand = scan.prev.is_operand() || scan.prev == Prev::Qualifier;
        let counts = scan.prev == Prev::Pointer && std::mem::take(&mut scan.allocates);
        let is_lambda = !counts && self.cpp && !operand && !binding && scan.prev != Prev::Pointer
            || !counts
                && scan.prev == Prev::Pointer
                && scan.expression
                && self.cpp
                && matches!(
                    self.kind(close + 1),
                    Some(Kind::LeftBrace | Kind::LeftParen)
                );
        if is_lambda
            && !(scan.place == Place::Init
                && matches!(
                    self.kind(close + 1),
                    Some(Kind::Assign | Kind::Dot | Kind::LeftBracket)
                ))
        {
            return self.lambda(scan, open, close);
        }
        if !operand
            && !binding
            && scan.prev != Prev::Pointer
            && scan.prev != Prev::Unary
            && !(scan.prev == Prev::Start
                && (scan.place == Place::Init
                    || scan.place == Place::Call && !self.is(close + 1, Kind::RightParen)))
        {
            return Err(self.unexpected(open));
        }
        self.at = open + 1;
        self.list(Place::Index, close)?;
        self.at = close + 1;
        let prev = match scan.prev {
            // `[1] value` was how GNU C designated.
            Prev::Start => Prev::Wild,
            _ => Prev::Index,
        };
        scan.only_macros = false;
        scan.operand(prev, close);
        Ok(Flow::Go)
    }

    fn lambda(&mut self, scan: &mut Scan, open: usize, close: usize) -> Parsed<Flow> {
        scan.expression = true;
        scan.only_macros = false;
        self.at = close + 1;
        let begin = scan.start;
        let _ = begin;
        if self.here(Kind::Less) {
            if let Some(end) = self.partner(self.at) {
                self.at += 1;
                self.list(Place::Angle, end)?;
                self.at = end + 1;
            }
            self.constraint()?;
        }
        if self.here(Kind::LeftParen)
            && let Some(end) = self.partner(self.at)
        {
            self.at += 1;
            self.list(Place::Call, end)?;
            self.at = end + 1;
        }
        while self.at < scan.end && !self.here(Kind::LeftBrace) {
            match self.tokens[self.at].kind {
                Kind::LeftParen | Kind::LeftBracket => self.at = self.after_group(self.at),
                Kind::Less => self.at = self.after_group(self.at),
                Kind::Ident
                | Kind::Noexcept
                | Kind::Storage
                | Kind::Arrow
                | Kind::Scope
                | Kind::Type
                | Kind::Qualifier
                | Kind::Star
                | Kind::Amp
                | Kind::AmpAmp
                | Kind::Typeof
                | Kind::Record
                | Kind::Enum
                | Kind::Throw
                | Kind::Ellipsis
                | Kind::Number
                | Kind::Value
                | Kind::Include => self.at += 1,
                Kind::Requires => {
                    self.constraint()?;
                }
                _ => break,
            }
        }
        if !self.here(Kind::LeftBrace) {
            return Err(
                self.unexpected(if self.at >= scan.end || self.at == close + 1 {
                    open
                } else {
                    self.at
                }),
            );
        }
        self.block()?;
        scan.operand(Prev::Value, self.at - 1);
        scan.prev = Prev::Call;
        scan.loose = false;
        Ok(Flow::Go)
    }

    fn brace(&mut self, scan: &mut Scan) -> Parsed<Flow> {
        if scan.place.is_run() && !scan.expression {
            return self.run_brace(scan);
        }
        let open = self.at;
        let fits = match scan.prev {
            Prev::Number
            | Prev::Str
            | Prev::Char
            | Prev::Value
            | Prev::Post
            | Prev::Group
            | Prev::Brace => false,
            Prev::Index => self.cpp,
            Prev::Call => {
                scan.loose
                    || scan.trailing
                    || scan.place == Place::Call
                    || self.cpp && (scan.typed || !self.looks_like_block(open))
            }
            // A block of Clang: `^{ … }`.
            Prev::Unary => self.is(scan.last, Kind::Caret),
            _ => true,
        };
        if !fits {
            if scan.place.is_run() && scan.suspicious && scan.prev != Prev::Brace {
                return self.run_brace(scan);
            }
            return Err(self.side_by_side(scan));
        }
        if self.looks_like_block(open)
            && (scan.place == Place::Call
                || scan.loose
                || scan.suspicious
                || scan.prev == Prev::Unary)
        {
            self.block()?;
        } else {
            self.initialiser()?;
        }
        scan.only_macros = false;
        scan.operand(Prev::Brace, self.at - 1);
        if scan.place == Place::Call && self.at < scan.end && !self.here(Kind::Comma) {
            scan.prev = Prev::Wild;
        }
        Ok(Flow::Go)
    }

    /// Braces that hold values.
    pub(super) fn initialiser(&mut self) -> Parsed<()> {
        let open = self.at;
        let Some(close) = self.partner(open) else {
            return Err(self.unexpected(open));
        };
        self.at = open + 1;
        self.list(Place::Init, close)?;
        self.at = close + 1;
        Ok(())
    }

    /// True if braces hold statements.
    pub(super) fn looks_like_block(&self, open: usize) -> bool {
        let Some(close) = self.partner(open) else {
            return false;
        };
        let mut at = open + 1;
        for _ in 0..BLOCK_TOKENS_MAX {
            if at >= close {
                return false;
            }
            match self.tokens[at].kind {
                Kind::Semicolon => return true,
                kind if kind.is_statement() && kind != Kind::Default => return true,
                Kind::LeftParen | Kind::LeftBracket | Kind::LeftBrace => at = self.after_group(at),
                _ => at += 1,
            }
        }
        false
    }
}
