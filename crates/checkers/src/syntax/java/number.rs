//! Java's numbers: their form and whether they fit.

use super::token::Kind;

/// A number as far as it reaches.
pub(super) struct Scanned {
    pub(super) kind: Kind,
    pub(super) len: usize,
    /// What is wrong with it, and at which of its bytes.
    pub(super) problem: Option<(&'static str, usize)>,
}

/// Scans the number that a text begins with: a digit, or a dot and a digit.
pub(super) fn scan(rest: &[u8]) -> Scanned {
    let mut number = Number {
        rest,
        at: 0,
        problem: None,
    };
    let kind = match rest {
        [b'0', b'x' | b'X', ..] => number.hexadecimal(),
        [b'0', b'b' | b'B', ..] => number.binary(),
        _ => number.decimal(),
    };
    Scanned {
        kind,
        len: number.at,
        problem: number.problem,
    }
}

struct Number<'a> {
    rest: &'a [u8],
    at: usize,
    problem: Option<(&'static str, usize)>,
}

impl Number<'_> {
    fn peek(&self) -> Option<u8> {
        self.rest.get(self.at).copied()
    }

    fn accept(&mut self, choices: &[u8]) -> bool {
        let accepted = self.peek().is_some_and(|byte| choices.contains(&byte));
        self.at += usize::from(accepted);
        accepted
    }

    fn wrong(&mut self, message: &'static str, at: usize) {
        self.problem.get_or_insert((message, at));
    }

    /// Goes over digits and underscores; says whether there was a digit.
    fn digits(&mut self, is_digit: impl Fn(&u8) -> bool) -> bool {
        let start = self.at;
        let run = self.rest[start..].iter();
        self.at += run
            .take_while(|byte| is_digit(byte) || **byte == b'_')
            .count();
        let digits = &self.rest[start..self.at];
        if digits.first() == Some(&b'_') {
            self.wrong("an underscore stands between digits only", start);
        } else if digits.last() == Some(&b'_') {
            self.wrong("an underscore stands between digits only", self.at - 1);
        }
        digits.iter().any(|&byte| byte != b'_')
    }

    fn binary(&mut self) -> Kind {
        self.at = 2;
        if !self.digits(u8::is_ascii_digit) {
            self.wrong("binary number without digits", 0);
        }
        if self.rest[2..self.at]
            .iter()
            .any(|byte| (b'2'..=b'9').contains(byte))
        {
            self.wrong("a binary number has the digits 0 and 1 only", 0);
        }
        self.integer(2, 2)
    }

    fn hexadecimal(&mut self) -> Kind {
        self.at = 2;
        let whole = self.digits(u8::is_ascii_hexdigit);
        let whole_end = self.at;
        let mut any = whole;
        let dot = self.accept(b".");
        if dot
            && self
                .peek()
                .is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b'_')
        {
            any |= self.digits(u8::is_ascii_hexdigit);
        }
        if !any {
            self.wrong("hexadecimal number without digits", 0);
        }
        if !dot && !matches!(self.peek(), Some(b'p' | b'P')) {
            return self.integer(2, 16);
        }
        let mantissa_end = self.at;
        let mut exponent = 0;
        if self.accept(b"pP") {
            let start = self.at;
            self.accept(b"+-");
            if !self.digits(u8::is_ascii_digit) {
                self.wrong("exponent without digits", 0);
            }
            exponent = exponent_of(&self.rest[start..self.at]);
        } else {
            self.wrong("hexadecimal fraction without its exponent `p`", 0);
        }
        let single = self.accept(b"fF");
        if !single {
            self.accept(b"dD");
        }
        let mantissa = Mantissa {
            whole: &self.rest[2..whole_end],
            fraction: self.rest.get(whole_end + 1..mantissa_end).unwrap_or(&[]),
        };
        self.check_binary_exponent(&mantissa, exponent, single);
        Kind::Number
    }

    /// Says whether a hexadecimal fraction fits, from the place of its first and last bits.
    fn check_binary_exponent(&mut self, mantissa: &Mantissa<'_>, exponent: i64, single: bool) {
        let Some(top) = mantissa.top_bit() else {
            return;
        };
        let top = top.saturating_add(exponent);
        let (exponent_max, smallest) = if single { (127, -149) } else { (1023, -1074) };
        if top > exponent_max {
            self.wrong("the number is too large", 0);
        } else if top < smallest - 1 {
            self.wrong("the number is too small", 0);
        }
    }

    fn decimal(&mut self) -> Kind {
        self.digits(u8::is_ascii_digit);
        let whole_end = self.at;
        let mut is_float = self.accept(b".");
        let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
        if is_float && self.peek().is_some_and(is_digit) {
            self.digits(u8::is_ascii_digit);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_float = true;
            self.at += 1;
            self.accept(b"+-");
            if !self.digits(u8::is_ascii_digit) {
                self.wrong("exponent without digits", 0);
            }
        }
        let mantissa_end = self.at;
        let single = self.accept(b"fF");
        if single || self.accept(b"dD") || is_float {
            self.check_float(mantissa_end, single);
            return Kind::Number;
        }
        let octal = whole_end > 1 && self.rest[0] == b'0';
        if octal
            && self.rest[..whole_end]
                .iter()
                .any(|byte| matches!(byte, b'8' | b'9'))
        {
            self.wrong("an octal number has the digits 0 to 7 only", 0);
        }
        self.integer(0, if octal { 8 } else { 10 })
    }

    fn check_float(&mut self, end: usize, single: bool) {
        let digits: String = self.rest[..end]
            .iter()
            .filter(|&&byte| byte != b'_')
            .map(|&byte| char::from(byte))
            .collect();
        let mantissa = digits.split(['e', 'E']).next().unwrap_or("");
        let is_zero = !mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let (infinite, vanished) = if single {
            let value = digits.parse::<f32>().unwrap_or(1.0);
            (value.is_infinite(), value == 0.0)
        } else {
            let value = digits.parse::<f64>().unwrap_or(1.0);
            (value.is_infinite(), value == 0.0)
        };
        if infinite {
            self.wrong("the number is too large", 0);
        } else if vanished && !is_zero {
            self.wrong("the number is too small", 0);
        }
    }

    /// Goes over the suffix of a whole number and says whether it fits.
    fn integer(&mut self, start: usize, radix: u32) -> Kind {
        let digits = &self.rest[start..self.at];
        let value = digits.iter().try_fold(0_u64, |value, &byte| {
            let digit = match char::from(byte).to_digit(radix) {
                Some(digit) => u64::from(digit),
                None => return Some(value),
            };
            value.checked_mul(u64::from(radix))?.checked_add(digit)
        });
        let long = self.accept(b"lL");
        let (bits, limit) = if long {
            (64, 1_u64 << 63)
        } else {
            (32, 1_u64 << 31)
        };
        let fits = |value: u64| match radix {
            10 => value <= limit,
            _ => value.checked_shr(bits).unwrap_or(0) == 0,
        };
        match value {
            Some(value) if radix == 10 && value == limit => return Kind::MinNumber,
            Some(value) if fits(value) => {}
            _ if long => self.wrong("the number does not fit into a `long`", 0),
            _ => self.wrong("the number does not fit into an `int`", 0),
        }
        Kind::Number
    }
}

/// The hexadecimal digits before and behind the point.
struct Mantissa<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl Mantissa<'_> {
    /// The place of the highest bit that is set, counted from the point; `None` for zero.
    fn top_bit(&self) -> Option<i64> {
        let value = |byte: &u8| char::from(*byte).to_digit(16);
        let whole: Vec<u32> = self.whole.iter().filter_map(value).collect();
        let fraction: Vec<u32> = self.fraction.iter().filter_map(value).collect();
        let digits = whole.iter().chain(&fraction);
        let (index, digit) = digits.enumerate().find(|(_, digit)| **digit != 0)?;
        let behind = i64::try_from(whole.len()).ok()? - i64::try_from(index).ok()?;
        Some(behind.saturating_mul(4) - 4 + i64::from(digit.ilog2()))
    }
}

/// The value of an exponent, which saturates.
fn exponent_of(digits: &[u8]) -> i64 {
    let value = digits
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0_i64, |value, byte| {
            value
                .saturating_mul(10)
                .saturating_add(i64::from(byte - b'0'))
        });
    if digits.first() == Some(&b'-') {
        -value
    } else {
        value
    }
}
