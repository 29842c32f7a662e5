//! Istanbul's `coverage-final.json`.
//!
//! Source: istanbul-lib-coverage, `FileCoverage`: a line has the most hits of the statements that begin on it.

use std::collections::HashMap;

use serde::Deserialize;

use super::model::{Builder, Merge};
use super::{Coverage, Format, Function};
use crate::json::{Entries, Text};
use crate::read_error::ReadError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow)]
    path: Option<Text<'a>>,
    #[serde(borrow)]
    statement_map: Entries<Text<'a>, Place>,
    #[serde(borrow)]
    s: Entries<Text<'a>, u64>,
    #[serde(borrow, default)]
    fn_map: Entries<Text<'a>, FunctionPlace<'a>>,
    #[serde(borrow, default)]
    f: Entries<Text<'a>, u64>,
    #[serde(borrow, default)]
    branch_map: Entries<Text<'a>, BranchPlace>,
    #[serde(borrow, default)]
    b: Entries<Text<'a>, Vec<u64>>,
}

/// A place that some tools leave partly empty.
#[derive(Deserialize, Default)]
struct Place {
    start: Option<Position>,
    end: Option<Position>,
}

#[derive(Deserialize)]
struct Position {
    line: Option<u32>,
}

impl Place {
    fn first(&self) -> Option<u32> {
        self.start.as_ref()?.line
    }

    fn last(&self) -> Option<u32> {
        self.end.as_ref()?.line
    }
}

#[derive(Deserialize)]
struct FunctionPlace<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    decl: Option<Place>,
    loc: Option<Place>,
    line: Option<u32>,
}

#[derive(Deserialize)]
struct BranchPlace {
    loc: Option<Place>,
    line: Option<u32>,
    #[serde(default)]
    locations: Vec<Place>,
}

impl BranchPlace {
    fn first(&self) -> Option<u32> {
        let loc = self.loc.as_ref().and_then(Place::first);
        loc.or(self.line)
            .or_else(|| self.locations.iter().find_map(Place::first))
    }
}

pub(super) fn read(text: &str) -> Result<Coverage, ReadError> {
    let report: Entries<Text<'_>, File<'_>> = serde_json::from_str(text)?;
    let mut builder = Builder::new(Merge::Max, Merge::Sum);
    for (key, it) in report.0 {
        let path = it.path.unwrap_or(key);
        let file = builder.file(&path.0)?;
        for (place, hits) in pairs(&it.statement_map, &it.s)? {
            builder.line(file, place.first().unwrap_or(0), *hits);
        }
        for (place, counts) in pairs(&it.branch_map, &it.b)? {
            let taken = counts.iter().filter(|count| **count > 0).count();
            let line = place.first().unwrap_or(0);
            builder.branches(file, line, taken, counts.len())?;
        }
        for (place, hits) in pairs(&it.fn_map, &it.f)? {
            builder.function(file, place.function(*hits));
        }
    }
    Ok(builder.finish(Format::Istanbul))
}

impl FunctionPlace<'_> {
    fn function(&self, hits: u64) -> Function {
        let first = |place: &Option<Place>| place.as_ref().and_then(Place::first);
        let start = first(&self.decl).or_else(|| first(&self.loc)).or(self.line);
        let name = self.name.as_ref().map_or("", |name| &name.0);
        Function {
            start: start.unwrap_or(0),
            name: name.to_owned(),
            end: self.loc.as_ref().and_then(Place::last),
            hits,
        }
    }
}

/// Places with their counts, which stand in two objects under the same keys, as a rule in the same order.
fn pairs<'r, P, C>(
    places: &'r Entries<Text<'_>, P>,
    counts: &'r Entries<Text<'_>, C>,
) -> Result<Vec<(&'r P, &'r C)>, ReadError> {
    let same_order = || {
        let mut both = places.0.iter().zip(&counts.0);
        places.0.len() == counts.0.len() && both.all(|(place, count)| place.0 == count.0)
    };
    if same_order() {
        let both = places.0.iter().zip(&counts.0);
        return Ok(both.map(|(place, count)| (&place.1, &count.1)).collect());
    }
    let by_key: HashMap<&str, &C> = counts.0.iter().map(|(key, it)| (&*key.0, it)).collect();
    let pair = |(key, place): &'r (Text<'_>, P)| {
        let count = by_key.get(&*key.0).copied();
        let missing = || ReadError::Malformed {
            at: format!("the key {}", crate::read_error::quoted(&key.0)),
            what: "there is no count for it".to_owned(),
        };
        Ok((place, count.ok_or_else(missing)?))
    };
    places.0.iter().map(pair).collect()
}
