//! Module declarations.

use super::parser::{Parsed, Parser};
use super::token::Kind;

impl Parser<'_> {
    /// True if the word `module` or `open` begins a module.
    pub(super) fn is_module(&self) -> bool {
        let name = if self.is_word("open") {
            if self.peek(1) != Kind::Identifier || self.text_of(self.index() + 1) != "module" {
                return false;
            }
            2
        } else {
            1
        };
        self.peek(name) == Kind::Identifier
            && matches!(self.peek(name + 1), Kind::Dot | Kind::BraceOpen | Kind::Eof)
    }

    pub(super) fn module(&mut self) -> Parsed {
        self.needs(9);
        if self.is_word("open") {
            self.next();
        }
        self.next();
        self.qualified_name(false)?;
        self.accept(Kind::BraceOpen, "of the module")?;
        while self.kind == Kind::Identifier {
            self.directive()?;
        }
        if self.kind != Kind::BraceClose {
            return Err(self.unexpected("a module directive or `}`"));
        }
        self.next();
        if self.kind == Kind::Eof {
            return Ok(());
        }
        Err(self.unexpected("the end of the file"))
    }

    fn directive(&mut self) -> Parsed {
        match self.text_of(self.index()) {
            "requires" => self.requires()?,
            "exports" | "opens" => {
                self.next();
                self.qualified_name(false)?;
                if self.is_word("to") {
                    self.next();
                    self.names()?;
                }
            }
            "provides" => {
                self.next();
                self.qualified_name(false)?;
                if !self.is_word("with") {
                    return Err(self.missing("`with`", "behind the service"));
                }
                self.next();
                self.names()?;
            }
            "uses" => {
                self.next();
                self.qualified_name(false)?;
            }
            _ => return Err(self.unexpected("a module directive or `}`")),
        }
        self.accept(Kind::Semicolon, "after the directive")
    }

    fn names(&mut self) -> Parsed {
        self.comma_separated(|parser| parser.qualified_name(false).map(drop))
    }

    fn requires(&mut self) -> Parsed {
        self.next();
        let (mut is_transitive, mut is_static) = (false, false);
        loop {
            let seen = if self.kind == Kind::Static {
                &mut is_static
            } else if self.is_word("transitive")
                && !matches!(self.peek(1), Kind::Semicolon | Kind::Dot)
            {
                &mut is_transitive
            } else {
                break;
            };
            if std::mem::replace(seen, true) {
                let message = format!("repeated modifier `{}`", self.text_of(self.index()));
                return Err(self.wrong("syntax/unexpected-token", message, self.index()));
            }
            self.next();
        }
        self.qualified_name(false).map(drop)
    }
}
