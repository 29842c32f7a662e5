//! What `.gitattributes` files say about a path.

use crate::Language;
use crate::glob;

/// How many rules of all files together are kept.
const RULES_MAX: usize = 10_000;

/// The `.gitattributes` files of a project, as far as they concern languages.
///
/// # Examples
///
/// ```
/// use claude_flow_lang_detect::{Attributes, Language};
///
/// let mut attributes = Attributes::default();
/// attributes.add("", "*.inc linguist-language=Pascal\ngen/** linguist-generated\n");
/// assert_eq!(attributes.of("src/a.inc").language, Some(Language::Pascal));
/// assert_eq!(attributes.of("gen/a/b.go").generated, Some(true));
/// assert_eq!(attributes.of("src/b.go").generated, None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    /// Those of outer folders first, so that the last one that matches holds.
    rules: Vec<Rule>,
}

/// What is set for one path; `None` is "not said".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assigned {
    /// `linguist-language`.
    pub language: Option<Language>,
    /// `linguist-generated`.
    pub generated: Option<bool>,
    /// `linguist-vendored`.
    pub vendored: Option<bool>,
    /// `linguist-documentation`.
    pub documentation: Option<bool>,
    /// `linguist-detectable`.
    pub detectable: Option<bool>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// The folder of the file that the rule is in, empty or with a slash at the end.
    folder: String,
    pattern: Vec<u8>,
    setting: Setting,
}

#[derive(Debug, Clone, Copy)]
enum Setting {
    Language(Option<Language>),
    Generated(Option<bool>),
    Vendored(Option<bool>),
    Documentation(Option<bool>),
    Detectable(Option<bool>),
}

impl Attributes {
    /// Adds a file's text; add the files of outer folders before those of inner ones.
    ///
    /// `folder` is where the file lies, relative to the root that the paths are relative to; the
    /// root itself is empty.
    /// Lines that git would not accept are left out, as git does.
    ///
    /// # Complexity
    ///
    /// Linear in the text; keeps at most 10,000 settings in all.
    pub fn add(&mut self, folder: &str, text: &str) {
        let folder = folder.replace('\\', "/");
        let folder = folder.trim_matches('/');
        let folder = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        for line in text.trim_start_matches('\u{feff}').lines() {
            let Some((pattern, settings)) = split_pattern(line.trim()) else {
                continue;
            };
            for setting in settings.split_ascii_whitespace().filter_map(setting) {
                if self.rules.len() >= RULES_MAX {
                    return;
                }
                self.rules.push(Rule {
                    folder: folder.clone(),
                    pattern: pattern.clone(),
                    setting,
                });
            }
        }
    }

    /// What the files say about a path.
    ///
    /// # Complexity
    ///
    /// Linear in the number of settings.
    #[must_use]
    pub fn of(&self, path: &str) -> Assigned {
        let mut assigned = Assigned::default();
        if self.rules.is_empty() {
            return assigned;
        }
        let path = path.replace('\\', "/");
        let path = path.trim_start_matches("./");
        for rule in &self.rules {
            let Some(below) = path.strip_prefix(rule.folder.as_str()) else {
                continue;
            };
            if glob::matches(&rule.pattern, below.as_bytes()) {
                assigned.apply(rule.setting);
            }
        }
        assigned
    }
}

impl Assigned {
    fn apply(&mut self, setting: Setting) {
        match setting {
            Setting::Language(value) => self.language = value,
            Setting::Generated(value) => self.generated = value,
            Setting::Vendored(value) => self.vendored = value,
            Setting::Documentation(value) => self.documentation = value,
            Setting::Detectable(value) => self.detectable = value,
        }
    }
}

/// The pattern of a line and what comes behind it; `None` for comments, macros and what git refuses.
fn split_pattern(line: &str) -> Option<(Vec<u8>, &str)> {
    if line.is_empty() || line.starts_with('#') || line.starts_with("[attr]") {
        return None;
    }
    if let Some(quoted) = line.strip_prefix('"') {
        return unquote(quoted);
    }
    let (pattern, rest) = line.split_once([' ', '\t'])?;
    // Git forbids negative patterns here.
    (!pattern.starts_with('!')).then(|| (pattern.as_bytes().to_vec(), rest))
}

/// A pattern in double quotes, with the escapes of C.
fn unquote(quoted: &str) -> Option<(Vec<u8>, &str)> {
    let bytes = quoted.as_bytes();
    let mut pattern = Vec::new();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((pattern, quoted.get(at + 1..)?)),
            b'\\' => {
                let (byte, len) = escape(&bytes[at + 1..])?;
                pattern.push(byte);
                at += 1 + len;
            }
            byte => {
                pattern.push(byte);
                at += 1;
            }
        }
    }
}

fn escape(bytes: &[u8]) -> Option<(u8, usize)> {
    let byte = match *bytes.first()? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        first @ b'0'..=b'3' => {
            let digit = |at: usize| {
                let byte = *bytes.get(at)?;
                (b'0'..=b'7').contains(&byte).then(|| byte - b'0')
            };
            return Some((((first - b'0') << 6) | (digit(1)? << 3) | digit(2)?, 3));
        }
        other => other,
    };
    Some((byte, 1))
}

fn setting(word: &str) -> Option<Setting> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let (name, flag) = if let Some(name) = name.strip_prefix('-') {
        (name, Some(false))
    } else if let Some(name) = name.strip_prefix('!') {
        (name, None)
    } else {
        let is_off = value.is_some_and(|value| value.eq_ignore_ascii_case("false"));
        (name, Some(!is_off))
    };
    match name
        .strip_prefix("linguist-")
        .or(Some(name).filter(|it| *it == "gitlab-language"))?
    {
        "language" | "gitlab-language" => {
            Some(Setting::Language(value.and_then(Language::from_name)))
        }
        "generated" => Some(Setting::Generated(flag)),
        "vendored" => Some(Setting::Vendored(flag)),
        "documentation" => Some(Setting::Documentation(flag)),
        "detectable" => Some(Setting::Detectable(flag)),
        _ => None,
    }
}
