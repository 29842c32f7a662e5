//! What a Java text consists of.

/// What a [`Token`] is; operators carry the name of their characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Behind the last token.
    Eof,
    /// Something that is no token; the lexer says what is wrong with it.
    Error,
    Identifier,
    Underscore,
    /// A number, but for [`Kind::MinNumber`].
    Number,
    /// `2147483648` or `9223372036854775808L`, which only a minus sign makes small enough.
    MinNumber,
    Character,
    String,
    /// A string template up to its first `\{`.
    TemplateOpen,
    /// A string template between a `}` and the next `\{`.
    TemplateMiddle,
    /// A string template behind its last `}`.
    TemplateClose,
    Abstract,
    Assert,
    Boolean,
    Break,
    Byte,
    Case,
    Catch,
    Char,
    Class,
    Const,
    Continue,
    Default,
    Do,
    Double,
    Else,
    Enum,
    Extends,
    False,
    Final,
    Finally,
    Float,
    For,
    Goto,
    If,
    Implements,
    Import,
    InstanceOf,
    Int,
    Interface,
    Long,
    Native,
    New,
    Null,
    Package,
    Private,
    Protected,
    Public,
    Return,
    Short,
    Static,
    Strictfp,
    Super,
    Switch,
    Synchronized,
    This,
    Throw,
    Throws,
    Transient,
    True,
    Try,
    Void,
    Volatile,
    While,
    ParenOpen,
    ParenClose,
    BraceOpen,
    BraceClose,
    BracketOpen,
    BracketClose,
    Semicolon,
    Comma,
    Dot,
    Ellipsis,
    At,
    Arrow,
    ColonColon,
    Question,
    Colon,
    Equal,
    EqualEqual,
    BangEqual,
    Bang,
    Tilde,
    PlusPlus,
    MinusMinus,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    And,
    AndAnd,
    Or,
    OrOr,
    Caret,
    Less,
    LessEqual,
    LessLess,
    Greater,
    GreaterEqual,
    GreaterGreater,
    GreaterGreaterEqual,
    GreaterGreaterGreater,
    GreaterGreaterGreaterEqual,
    PlusEqual,
    MinusEqual,
    StarEqual,
    SlashEqual,
    PercentEqual,
    AndEqual,
    OrEqual,
    CaretEqual,
    LessLessEqual,
}

impl Kind {
    /// The keyword that a word is.
    pub(super) fn keyword(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"_" => Self::Underscore,
            b"abstract" => Self::Abstract,
            b"assert" => Self::Assert,
            b"boolean" => Self::Boolean,
            b"break" => Self::Break,
            b"byte" => Self::Byte,
            b"case" => Self::Case,
            b"catch" => Self::Catch,
            b"char" => Self::Char,
            b"class" => Self::Class,
            b"const" => Self::Const,
            b"continue" => Self::Continue,
            b"default" => Self::Default,
            b"do" => Self::Do,
            b"double" => Self::Double,
            b"else" => Self::Else,
            b"enum" => Self::Enum,
            b"extends" => Self::Extends,
            b"false" => Self::False,
            b"final" => Self::Final,
            b"finally" => Self::Finally,
            b"float" => Self::Float,
            b"for" => Self::For,
            b"goto" => Self::Goto,
            b"if" => Self::If,
            b"implements" => Self::Implements,
            b"import" => Self::Import,
            b"instanceof" => Self::InstanceOf,
            b"int" => Self::Int,
            b"interface" => Self::Interface,
            b"long" => Self::Long,
            b"native" => Self::Native,
            b"new" => Self::New,
            b"null" => Self::Null,
            b"package" => Self::Package,
            b"private" => Self::Private,
            b"protected" => Self::Protected,
            b"public" => Self::Public,
            b"return" => Self::Return,
            b"short" => Self::Short,
            b"static" => Self::Static,
            b"strictfp" => Self::Strictfp,
            b"super" => Self::Super,
            b"switch" => Self::Switch,
            b"synchronized" => Self::Synchronized,
            b"this" => Self::This,
            b"throw" => Self::Throw,
            b"throws" => Self::Throws,
            b"transient" => Self::Transient,
            b"true" => Self::True,
            b"try" => Self::Try,
            b"void" => Self::Void,
            b"volatile" => Self::Volatile,
            b"while" => Self::While,
            _ => return None,
        })
    }

    /// The longest operator that some characters begin with, and its length.
    pub(super) fn operator(rest: &[u8]) -> Option<(Self, usize)> {
        if rest.starts_with(b">>>=") {
            return Some((Self::GreaterGreaterGreaterEqual, 4));
        }
        let three = match rest.get(..3) {
            Some(b">>>") => Some(Self::GreaterGreaterGreater),
            Some(b">>=") => Some(Self::GreaterGreaterEqual),
            Some(b"<<=") => Some(Self::LessLessEqual),
            Some(b"...") => Some(Self::Ellipsis),
            _ => None,
        };
        if let Some(kind) = three {
            return Some((kind, 3));
        }
        if let Some(kind) = rest.get(..2).and_then(Self::operator_of_two) {
            return Some((kind, 2));
        }
        Self::operator_of_one(*rest.first()?).map(|kind| (kind, 1))
    }

    fn operator_of_two(two: &[u8]) -> Option<Self> {
        Some(match two {
            b"->" => Self::Arrow,
            b"::" => Self::ColonColon,
            b"==" => Self::EqualEqual,
            b"!=" => Self::BangEqual,
            b"++" => Self::PlusPlus,
            b"--" => Self::MinusMinus,
            b"&&" => Self::AndAnd,
            b"||" => Self::OrOr,
            b"<=" => Self::LessEqual,
            b"<<" => Self::LessLess,
            b">=" => Self::GreaterEqual,
            b">>" => Self::GreaterGreater,
            b"+=" => Self::PlusEqual,
            b"-=" => Self::MinusEqual,
            b"*=" => Self::StarEqual,
            b"/=" => Self::SlashEqual,
            b"%=" => Self::PercentEqual,
            b"&=" => Self::AndEqual,
            b"|=" => Self::OrEqual,
            b"^=" => Self::CaretEqual,
            _ => return None,
        })
    }

    const fn operator_of_one(byte: u8) -> Option<Self> {
        Some(match byte {
            b'(' => Self::ParenOpen,
            b')' => Self::ParenClose,
            b'{' => Self::BraceOpen,
            b'}' => Self::BraceClose,
            b'[' => Self::BracketOpen,
            b']' => Self::BracketClose,
            b';' => Self::Semicolon,
            b',' => Self::Comma,
            b'.' => Self::Dot,
            b'@' => Self::At,
            b'?' => Self::Question,
            b':' => Self::Colon,
            b'=' => Self::Equal,
            b'!' => Self::Bang,
            b'~' => Self::Tilde,
            b'+' => Self::Plus,
            b'-' => Self::Minus,
            b'*' => Self::Star,
            b'/' => Self::Slash,
            b'%' => Self::Percent,
            b'&' => Self::And,
            b'|' => Self::Or,
            b'^' => Self::Caret,
            b'<' => Self::Less,
            b'>' => Self::Greater,
            _ => return None,
        })
    }

    /// True for what may stand where a name is looked for: `assert` and `enum` are complained
    /// about as names, not as something else.
    pub(super) const fn is_name(self) -> bool {
        matches!(
            self,
            Self::Identifier | Self::Underscore | Self::Assert | Self::Enum
        )
    }

    pub(super) const fn is_primitive(self) -> bool {
        matches!(
            self,
            Self::Byte
                | Self::Short
                | Self::Char
                | Self::Int
                | Self::Long
                | Self::Float
                | Self::Double
                | Self::Boolean
        )
    }

    pub(super) const fn is_literal(self) -> bool {
        matches!(
            self,
            Self::Number
                | Self::MinNumber
                | Self::Character
                | Self::String
                | Self::True
                | Self::False
                | Self::Null
        )
    }

    pub(super) const fn is_prefix(self) -> bool {
        matches!(
            self,
            Self::PlusPlus | Self::MinusMinus | Self::Bang | Self::Tilde | Self::Plus | Self::Minus
        )
    }

    pub(super) const fn is_binary(self) -> bool {
        matches!(
            self,
            Self::OrOr
                | Self::AndAnd
                | Self::Or
                | Self::Caret
                | Self::And
                | Self::EqualEqual
                | Self::BangEqual
                | Self::Less
                | Self::Greater
                | Self::LessEqual
                | Self::GreaterEqual
                | Self::LessLess
                | Self::GreaterGreater
                | Self::GreaterGreaterGreater
                | Self::Plus
                | Self::Minus
                | Self::Star
                | Self::Slash
                | Self::Percent
                | Self::InstanceOf
        )
    }

    pub(super) const fn is_assignment(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::PlusEqual
                | Self::MinusEqual
                | Self::StarEqual
                | Self::SlashEqual
                | Self::PercentEqual
                | Self::AndEqual
                | Self::OrEqual
                | Self::CaretEqual
                | Self::LessLessEqual
                | Self::GreaterGreaterEqual
                | Self::GreaterGreaterGreaterEqual
        )
    }

    /// What is left of a token that begins with `>` when that is taken away.
    pub(super) const fn without_greater(self) -> Option<Self> {
        Some(match self {
            Self::GreaterEqual => Self::Equal,
            Self::GreaterGreater => Self::Greater,
            Self::GreaterGreaterEqual => Self::GreaterEqual,
            Self::GreaterGreaterGreater => Self::GreaterGreater,
            Self::GreaterGreaterGreaterEqual => Self::GreaterGreaterEqual,
            _ => return None,
        })
    }

    /// How a message calls a token that was expected.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Identifier => "a name",
            Self::ParenOpen => "`(`",
            Self::ParenClose => "`)`",
            Self::BraceOpen => "`{`",
            Self::BraceClose => "`}`",
            Self::BracketOpen => "`[`",
            Self::BracketClose => "`]`",
            Self::Semicolon => "`;`",
            Self::Comma => "`,`",
            Self::Dot => "`.`",
            Self::Arrow => "`->`",
            Self::ColonColon => "`::`",
            Self::Colon => "`:`",
            Self::Equal => "`=`",
            Self::Less => "`<`",
            Self::Greater => "`>`",
            Self::While => "`while`",
            Self::Class => "`class`",
            Self::Case => "`case`",
            Self::Eof => "the end of the file",
            _ => "something else",
        }
    }
}

/// One token, as byte offsets into the text with unicode escapes translated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}
