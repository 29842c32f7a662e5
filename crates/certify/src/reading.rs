//! From what a command left to an outcome.

use serde_json::Value as Json;

use crate::evidence::{Measured, Outcome};
use crate::targets::{Bound, Check, Reading, Target, Unit};

/// How a command ended and what it left.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// What it exited with; none if it was killed.
    pub exit_code: Option<i32>,
    /// What it printed.
    pub printed: &'a str,
    /// The file that [`Reading::Figures`] and [`Reading::Criterion`] read; none if it was not written.
    pub file: Option<&'a str>,
}

/// The longest line that is repeated, in characters.
const LINE_CHARS_MAX: usize = 200;

/// How many bits a sum of figures may have.
const FIGURE_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads what came out of a check's command.
///
/// [`Reading::Coverage`] is not read here, because its formats are not known here.
#[must_use]
pub fn read(check: &Check, ended: &Ended<'_>) -> Outcome {
    let is_well = ended.exit_code == Some(0);
    let fact = |holds: bool, cause: String| Outcome::Fact { holds, cause };
    if !is_well && check.reads != Reading::Tests {
        return fact(false, failure(ended));
    }
    match (check.reads, &check.target) {
        (Reading::Exit, _) => fact(true, last_line(ended.printed)),
        (Reading::Tests, _) => tests(ended, is_well),
        (Reading::Figures, Some(target)) => {
            figures(target, ended.file).unwrap_or_else(|why| fact(false, why))
        }
        (Reading::Criterion, Some(target)) => {
            criterion(target, ended.file).unwrap_or_else(|why| fact(false, why))
        }
        (Reading::Coverage | Reading::Figures | Reading::Criterion, _) => Outcome::Skipped {
            reason: "nothing here reads it".to_owned(),
        },
    }
}

fn failure(ended: &Ended<'_>) -> String {
    let how = ended.exit_code.map_or_else(
        || "was killed".to_owned(),
        |code| format!("exited with {code}"),
    );
    format!("the command {how}: {}", last_line(ended.printed))
}

/// The last line that says something, shortened.
fn last_line(printed: &str) -> String {
    let mut lines = printed.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty());
    line.unwrap_or("nothing was printed")
        .chars()
        .filter(|c| !c.is_control())
        .take(LINE_CHARS_MAX)
        .collect()
}

/// Adds up what `cargo test` and nextest say; a run without a test proves nothing.
fn tests(ended: &Ended<'_>, is_well: bool) -> Outcome {
    let (mut passed, mut failed) = (0, 0);
    let mut names = Vec::new();
    for line in ended.printed.lines().map(str::trim) {
        if line.starts_with("test result:") || line.starts_with("Summary [") {
            passed += count_before(line, "passed");
            failed += count_before(line, "failed");
        } else if let Some(name) = line.strip_prefix("test ") {
            if let Some(name) = name.strip_suffix(" ... FAILED") {
                names.push(name.to_owned());
            }
        } else if let Some((_, name)) = line
            .strip_prefix("FAIL [")
            .and_then(|it| it.split_once(']'))
        {
            // nextest tells a failure when it happens and once more at the end.
            let name = name.trim().to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut cause = format!("{passed} tests passed, {failed} failed");
    if let Some(first) = names.first() {
        let first: String = first.chars().take(LINE_CHARS_MAX).collect();
        cause = format!("{cause}, {first} first");
    }
    let holds = is_well && failed == 0 && passed > 0;
    if !is_well && failed == 0 {
        cause = format!("{cause}; {}", failure(ended));
    } else if passed + failed == 0 {
        "no test was run".clone_into(&mut cause);
    }
    Outcome::Fact { holds, cause }
}

/// The number before a word: `12 passed`.
fn count_before(line: &str, word: &str) -> u64 {
    let mut last = None;
    for step in line.split([' ', ';', ',']).filter(|step| !step.is_empty()) {
        if step == word {
            return last
                .and_then(|it: &str| it.parse().ok())
                .unwrap_or_default();
        }
        last = Some(step);
    }
    0
}

/// The worst of the figures whose place begins as the target's.
fn figures(target: &Target, file: Option<&str>) -> Result<Outcome, String> {
    let text = file.ok_or("the command left no figures")?;
    let document: Json =
        serde_json::from_str(text).map_err(|error| format!("the figures are no JSON: {error}"))?;
    let list = document.get("figures").and_then(Json::as_array);
    let list = list.ok_or("the document has no `figures`")?;
    let mut worst: Option<(u64, &Json, String)> = None;
    for figure in list {
        let text = |field: &str| figure.get(field).and_then(Json::as_str).unwrap_or_default();
        let place = format!("{}/{}", text("area"), text("name"));
        let is_meant = match target.figure.strip_suffix('*') {
            Some(start) => place.starts_with(start),
            None => place == target.figure,
        };
        if !is_meant {
            continue;
        }
        let value = figure.get(&target.field).and_then(whole);
        let value = value.ok_or_else(|| format!("{place} has no {:?}", target.field))?;
        let is_worse = worst.as_ref().is_none_or(|(other, ..)| match target.bound {
            Bound::Below(_) => value > *other,
            Bound::Above(_) => value < *other,
        });
        if is_worse {
            worst = Some((value, figure, place));
        }
    }
    let (value, figure, place) =
        worst.ok_or_else(|| format!("there is no figure {}", target.figure))?;
    let spread = figure.get("spread_percent").and_then(Json::as_f64);
    Ok(Outcome::Value(Measured {
        value,
        unit: target.unit,
        spread_percent: spread.map(|it| percent(it.ceil())),
        samples: figure.get("samples").and_then(whole).unwrap_or(1),
        figure: place,
    }))
}

/// A number as the nearest whole one, if it is one that can be compared.
fn whole(number: &Json) -> Option<u64> {
    let rounded = || number.as_f64().map(f64::round);
    let is_exact = |it: &f64| (0.0..FIGURE_MAX).contains(it);
    number
        .as_u64()
        .or_else(|| rounded().filter(is_exact).map(as_u64))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the caller has seen that it is not negative and below 2^53"
)]
const fn as_u64(number: f64) -> u64 {
    number as u64
}

/// Of a spread; more than a thousand times is as good as nothing known.
fn percent(number: f64) -> u32 {
    u32::try_from(as_u64(number.clamp(0.0, 100_000.0))).unwrap_or(u32::MAX)
}

/// The time of one iteration in each of criterion's samples; their quarters' distance is the spread.
fn criterion(target: &Target, file: Option<&str>) -> Result<Outcome, String> {
    let text = file.ok_or_else(|| format!("criterion left no samples of {}", target.figure))?;
    let sample: Json =
        serde_json::from_str(text).map_err(|error| format!("the samples are no JSON: {error}"))?;
    let numbers = |field: &str| -> Vec<f64> {
        let list = sample.get(field).and_then(Json::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Json::as_f64)
            .collect()
    };
    let (times, counts) = (numbers("times"), numbers("iters"));
    let mut each: Vec<f64> = times
        .iter()
        .zip(&counts)
        .map(|(time, count)| time / count)
        .collect();
    each.retain(|it| it.is_finite() && *it > 0.0 && *it < FIGURE_MAX);
    if each.is_empty() || times.len() != counts.len() {
        return Err("criterion's samples are none".to_owned());
    }
    each.sort_by(f64::total_cmp);
    let at = |percent: usize| each[(each.len() * percent / 100).min(each.len() - 1)];
    let median = at(50);
    let value = match (target.field.as_str(), target.unit) {
        (_, Unit::PerSecond) => 1e9 / median,
        ("p95_ns", _) => at(95),
        _ => median,
    };
    Ok(Outcome::Value(Measured {
        value: as_u64(value.round().clamp(0.0, FIGURE_MAX)),
        unit: target.unit,
        spread_percent: Some(percent(((at(75) - at(25)) / median * 100.0).ceil())),
        samples: each.len() as u64,
        figure: target.figure.clone(),
    }))
}
