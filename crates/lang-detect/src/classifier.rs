//! Tells a language from the content alone, by likeness to files of known languages.
//!
//! A linear model over hashed words, signs and pairs of them, trained by
//! `cargo xtask train-classifier`. All arithmetic is on integers, so that every machine gives the
//! same answer.

use std::sync::OnceLock;

use crate::Language;
use crate::candidates::Candidates;

/// How many bytes of a content are looked at.
pub const SAMPLE_BYTES_MAX: usize = 8 * 1024;

/// The number of places that features are hashed to, as a power of two.
pub const BUCKETS_LOG2: u32 = 14;

/// The number of places that features are hashed to.
pub const BUCKETS: usize = 1 << BUCKETS_LOG2;

/// What a model begins with: its name and the version of the format.
const MAGIC: &[u8; 8] = b"cflang\x01\x00";

/// How many languages a model may know.
pub const LANGUAGES_MAX: usize = 64;

/// Fewer features than these are not enough to tell anything.
const FEATURES_MIN: usize = 12;

/// The least lead of the best language over the second, in hundredths of a point for each feature.
const LEAD_MIN: i64 = 20;

/// A trained model.
///
/// # Layout
///
/// The bytes are: eight of a name and version, the number of languages as `u16`, for each language the length
/// of its name as `u8` and the name, for each language its bias as `i32`, and then for each of
/// [`BUCKETS`] one `i8` for each language; numbers have their lowest byte first.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// `None` for a language that this version of the crate does not know.
    languages: Vec<Option<Language>>,
    biases: Vec<i32>,
    /// `BUCKETS` rows of one weight for each language.
    weights: &'a [u8],
}

/// What a model says of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranking {
    /// The likeliest language.
    pub best: Language,
    /// The next ones.
    pub runners_up: Candidates,
    /// Whether the best is far enough ahead to be told.
    pub is_likely: bool,
}

impl Model<'static> {
    /// The model that comes with this crate.
    pub(crate) fn built_in() -> &'static Self {
        static MODEL: OnceLock<Model<'static>> = OnceLock::new();
        MODEL.get_or_init(|| {
            let bytes = include_bytes!("../data/classifier/model.bin");
            Self::read(bytes).expect("the crate's tests read the model that it comes with")
        })
    }
}

impl<'a> Model<'a> {
    /// Reads a model; `None` if the bytes are not one of this version.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (count, mut rest) = rest.split_first_chunk()?;
        let count = usize::from(u16::from_le_bytes(*count));
        if count == 0 || count > LANGUAGES_MAX {
            return None;
        }
        let mut languages = Vec::with_capacity(count);
        for _ in 0..count {
            let (len, after) = rest.split_first()?;
            let (name, after) = after.split_at_checked(usize::from(*len))?;
            languages.push(Language::from_name(std::str::from_utf8(name).ok()?));
            rest = after;
        }
        let mut biases = Vec::with_capacity(count);
        for _ in 0..count {
            let (bias, after) = rest.split_first_chunk()?;
            biases.push(i32::from_le_bytes(*bias));
            rest = after;
        }
        (rest.len() == count * BUCKETS).then_some(Self {
            languages,
            biases,
            weights: rest,
        })
    }

    /// The bytes of a model: `weights` has [`BUCKETS`] rows of one weight for each language.
    ///
    /// # Panics
    ///
    /// If the numbers of languages, biases and weights do not go together.
    #[must_use]
    pub fn bytes(languages: &[Language], biases: &[i32], weights: &[i8]) -> Vec<u8> {
        let count = languages.len();
        assert!(count <= LANGUAGES_MAX && biases.len() == count);
        assert_eq!(weights.len(), count * BUCKETS);
        let mut bytes = MAGIC.to_vec();
        let count = u16::try_from(count).expect("there are at most 64");
        bytes.extend(count.to_le_bytes());
        for language in languages {
            let name = language.name();
            bytes.push(u8::try_from(name.len()).expect("names are short"));
            bytes.extend(name.as_bytes());
        }
        bytes.extend(biases.iter().flat_map(|bias| bias.to_le_bytes()));
        bytes.extend(weights.iter().map(|weight| weight.to_le_bytes()[0]));
        bytes
    }

    /// The languages that are known to the model.
    pub fn languages(&self) -> impl Iterator<Item = Language> + '_ {
        self.languages.iter().copied().flatten()
    }

    /// The likeliest languages of a content, among `among` if that is not empty; `None` if there is
    /// too little content or the model knows none of them.
    ///
    /// # Complexity
    ///
    /// Linear in the first [`SAMPLE_BYTES_MAX`] bytes times the number of languages.
    #[must_use]
    pub fn rank(&self, content: &[u8], among: &[Language]) -> Option<Ranking> {
        let features = Features::of(content);
        if features.buckets.len() < FEATURES_MIN {
            return None;
        }
        let scores = self.scores(&features);
        let mut ranked: Vec<(i64, Language)> = self
            .languages
            .iter()
            .zip(scores)
            .filter_map(|(language, score)| language.map(|language| (score, language)))
            .filter(|(_, language)| among.is_empty() || among.contains(language))
            .collect();
        ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let (most, best) = *ranked.first()?;
        let count = i64::try_from(features.buckets.len()).unwrap_or(i64::MAX);
        // Languages that look alike do not make each other less likely: rules tell them apart.
        let rival = ranked[1..].iter().find(|(_, it)| !are_kin(best, *it));
        let lead = rival.map(|(second, _)| most - second);
        let mut runners_up = Candidates::default();
        for (_, language) in &ranked[1..] {
            runners_up.push(*language);
        }
        // A model that knows only some of the candidates says nothing about the others.
        let knows_all = among.iter().all(|it| self.languages.contains(&Some(*it)));
        let is_likely = knows_all && lead.is_none_or(|lead| lead * 100 >= LEAD_MIN * count);
        Some(Ranking {
            best,
            runners_up,
            is_likely,
        })
    }

    fn scores(&self, features: &Features) -> [i64; LANGUAGES_MAX] {
        let count = self.languages.len();
        let mut sums = [0_i32; LANGUAGES_MAX];
        for (sum, bias) in sums.iter_mut().zip(&self.biases) {
            *sum = *bias;
        }
        for &bucket in &features.buckets {
            let start = usize::from(bucket) * count;
            let row = &self.weights[start..start + count];
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum += i32::from(weight.cast_signed());
            }
        }
        sums.map(i64::from)
    }
}

/// Languages that are mostly told by a few words.
const KIN: [&[Language]; 2] = [
    &[
        Language::C,
        Language::Cpp,
        Language::ObjectiveC,
        Language::ObjectiveCpp,
    ],
    &[Language::JavaScript, Language::TypeScript, Language::Tsx],
];

/// Whether two languages look alike.
pub(crate) fn are_kin(one: Language, other: Language) -> bool {
    KIN.iter()
        .any(|kin| kin.contains(&one) && kin.contains(&other))
}

/// What a content shows: the places that its words, signs and pairs of them are hashed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// Each once, in the order in which they are first seen.
    pub buckets: Vec<u16>,
}

impl Features {
    /// The features of the first [`SAMPLE_BYTES_MAX`] bytes.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
        let content = &content[..content.len().min(SAMPLE_BYTES_MAX)];
        let mut seen = [0_u64; BUCKETS / 64];
        let mut buckets = Vec::with_capacity(content.len() / 2);
        let mut add = |hash: u32| {
            let bucket = hash >> (32 - BUCKETS_LOG2);
            let (slot, bit) = ((bucket >> 6) as usize, 1_u64 << (bucket & 63));
            if seen[slot] & bit == 0 {
                seen[slot] |= bit;
                buckets.push(u16::try_from(bucket).unwrap_or(u16::MAX));
            }
        };
        let (mut before, mut earlier) = (LINE, LINE);
        for token in (Tokens { content, at: 0 }) {
            add(mix(token, 1));
            add(mix(mix(before, 2) ^ token, 3));
            if is_sign(token) || is_sign(before) {
                add(mix(mix(mix(earlier, 4) ^ before, 5) ^ token, 6));
            }
            (earlier, before) = (before, token);
        }
        Self { buckets }
    }
}

/// The token of a line's end.
const LINE: u32 = 1;

/// The token of any number.
const NUMBER: u32 = 2;

/// Tokens below this are signs and classes, above it hashes of words.
const WORDS_FROM: u32 = 0x200;

fn is_sign(token: u32) -> bool {
    token < WORDS_FROM
}

fn mix(value: u32, salt: u32) -> u32 {
    let mixed = (value ^ salt.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
    (mixed ^ (mixed >> 15)).wrapping_mul(0xC2B2_AE35)
}

/// Words, numbers, signs and line ends; blanks count only at the beginning of a line.
#[derive(Debug)]
struct Tokens<'a> {
    content: &'a [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            let &byte = self.content.get(self.at)?;
            let start = self.at;
            self.at += 1;
            match byte {
                b'\n' => {
                    // Blank lines and indentation are one token with the line's end.
                    let indent = self.run(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
                    let last = self.content[..self.at].last();
                    return Some(match (indent, last) {
                        (_, Some(b'\t')) => 3,
                        (0, _) | (_, Some(b'\n')) => LINE,
                        _ => 4,
                    });
                }
                b' ' | b'\t' | b'\r' | b'\x0c' => {}
                b'0'..=b'9' => {
                    self.run(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    return Some(NUMBER);
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    self.run(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    return Some(word(&self.content[start..self.at]));
                }
                0x80.. => {
                    self.run(|byte| byte >= 0x80);
                    return Some(5);
                }
                sign => return Some(0x100 + u32::from(sign)),
            }
        }
    }
}

impl Tokens<'_> {
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = &self.content[self.at..];
        let len = rest
            .iter()
            .position(|&byte| !belongs(byte))
            .unwrap_or(rest.len());
        self.at += len;
        len
    }
}

/// FNV-1a of a word's first bytes.
fn word(word: &[u8]) -> u32 {
    let hash = word.iter().take(24).fold(0x811C_9DC5_u32, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash | WORDS_FROM
}
