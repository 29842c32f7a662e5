//! What the other files of a project say about one whose extension is shared.

use crate::Language;
use crate::language::with_extension;
use crate::path;

/// Another file of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sibling<'a> {
    /// Where it is, relative to the project's root.
    pub path: &'a str,
    /// Its language, if the caller knows it, for example because it was asked for before.
    pub language: Option<Language>,
}

impl<'a> Sibling<'a> {
    /// A file of which only the path is known.
    #[must_use]
    pub const fn new(path: &'a str) -> Self {
        Self {
            path,
            language: None,
        }
    }
}

/// How many other files are looked at.
pub(crate) const SIBLINGS_MAX: usize = 4096;

/// How many votes there must be of namesakes, of the same folder, and of all: one odd file does not
/// speak for its folder.
const LEAST: [u32; 3] = [1, 2, 1];

/// The language that the files around speak for: those of the same name, then those of the same
/// folder, then all.
pub(crate) fn language(
    path: &str,
    candidates: &[Language],
    siblings: &[Sibling<'_>],
) -> Option<Language> {
    let place = path::split(path);
    let mut votes = [Votes::default(); 8];
    let candidates = &candidates[..candidates.len().min(votes.len())];
    for sibling in siblings.iter().take(SIBLINGS_MAX) {
        let other = path::split(sibling.path);
        let told = match sibling.language {
            Some(language) => position(candidates, language),
            None => speaks_for(other.name, candidates),
        };
        let Some(index) = told else {
            continue;
        };
        let votes = &mut votes[index];
        let is_namesake = path::stem(other.name) == path::stem(place.name);
        let is_near = other.folder == place.folder;
        votes.namesakes += u32::from(is_namesake) * (1 + u32::from(is_near));
        votes.near += u32::from(is_near);
        votes.all += 1;
    }
    let by: [fn(&Votes) -> u32; 3] = [|it| it.namesakes, |it| it.near, |it| it.all];
    by.into_iter().zip(LEAST).find_map(|(count, least)| {
        if votes.iter().map(count).sum::<u32>() < least {
            return None;
        }
        let mut ranked: Vec<(u32, Language)> = votes
            .iter()
            .zip(candidates)
            .map(|(votes, language)| (count(votes), *language))
            .collect();
        ranked.sort_by_key(|(votes, _)| std::cmp::Reverse(*votes));
        match ranked[..] {
            [(most, best), (second, _), ..] if most > second => Some(best),
            [(most, best)] if most > 0 => Some(best),
            _ => None,
        }
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Votes {
    namesakes: u32,
    near: u32,
    all: u32,
}

/// The candidate that a file can only be of, or that goes with it.
fn speaks_for(name: &str, candidates: &[Language]) -> Option<usize> {
    let extension = path::last_extension(name)?;
    if extension == "C" {
        return position(candidates, Language::Cpp);
    }
    let mut buffer = [0; path::EXTENSION_BYTES_MAX];
    let extension = path::lower(extension, &mut buffer)?;
    // Shared with languages that have no headers.
    if extension == "m" || extension == "mm" {
        return candidates
            .contains(&Language::Cpp)
            .then(|| position(candidates, Language::ObjectiveC))?;
    }
    if matches!(extension, "hh" | "inl") {
        return position(candidates, Language::Cpp);
    }
    match with_extension(extension) {
        [only] => position(candidates, *only),
        _ => None,
    }
}

fn position(candidates: &[Language], language: Language) -> Option<usize> {
    candidates.iter().position(|it| *it == language)
}
