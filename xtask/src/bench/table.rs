//! The tables of `--peers`, and the verdicts on the ratios wanted.

use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::peers::{Figure, Report, Role, Row};

/// `benches/peers/targets.toml`.
#[derive(Debug, Deserialize)]
struct Targets {
    target: Vec<Target>,
}

/// A ratio wanted of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    measure: String,
    figure: String,
    /// A floor or a peer; the best peer without one.
    against: Option<String>,
    /// Where the rival is looked up, if not in the measure itself.
    r#in: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    /// Our worst round instead of our median.
    #[serde(default)]
    worst: bool,
}

/// What became of a target.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// The measure, the figure and the rival.
    what: String,
    wanted: String,
    ratio: Option<f64>,
    is_met: Option<bool>,
}

impl Verdict {
    pub(super) fn is_met_or_unknown(&self) -> bool {
        self.is_met != Some(false)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self
            .ratio
            .map_or_else(|| "–".to_owned(), |it| format!("{it:.2}"));
        let verdict = match self.is_met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "not available",
        };
        let Self { what, wanted, .. } = self;
        write!(f, "{what:<58} {wanted:>8} {ratio:>8}  {verdict}")
    }
}

/// The verdicts on the targets of those measures that were run.
pub(super) fn verdicts(text: &str, ran: &[&str], figures: &[Figure]) -> Result<Vec<Verdict>> {
    let targets: Targets = toml::from_str(text).context("understanding the targets")?;
    let targets = targets.target.into_iter();
    let ran = targets.filter(|target| ran.contains(&target.measure.as_str()));
    Ok(ran.map(|target| verdict(&target, figures)).collect())
}

fn verdict(target: &Target, figures: &[Figure]) -> Verdict {
    let find = |measure: &str| {
        let mut figures = figures.iter();
        figures.find(|it| it.measure == measure && it.name == target.figure)
    };
    let figure = find(&target.measure);
    let ours = figure.and_then(|figure| {
        let row = best(figure, Role::Ours)?;
        let rounds = &row.rounds;
        let worst = if figure.is_higher_better {
            rounds.first()
        } else {
            rounds.last()
        };
        if target.worst {
            worst.copied()
        } else {
            Some(row.median())
        }
    });
    let rivals = find(target.r#in.as_ref().unwrap_or(&target.measure));
    let rival = rivals.and_then(|figure| match &target.against {
        Some(who) => figure.rows.iter().find(|row| row.who == *who),
        None => best(figure, Role::Peer),
    });
    let ratio = ours.zip(rival).map(|(ours, rival)| ours / rival.median());
    let is_in = |ratio: f64| {
        target.at_least.is_none_or(|least| ratio >= least)
            && target.at_most.is_none_or(|most| ratio <= most)
    };
    let wanted = match (target.at_least, target.at_most) {
        (Some(least), _) => format!("≥ {least}"),
        (None, Some(most)) => format!("≤ {most}"),
        (None, None) => "any".to_owned(),
    };
    let against = target.against.as_deref().unwrap_or("best peer");
    let name = rival.map_or_else(|| against.to_owned(), |row| row.who.clone());
    let worst = if target.worst { ", worst round" } else { "" };
    Verdict {
        what: format!(
            "{} {}{worst}, against {name}",
            target.measure, target.figure
        ),
        wanted,
        ratio,
        is_met: ratio.map(is_in),
    }
}

/// The best of a role; rows are in that order.
fn best(figure: &Figure, role: Role) -> Option<&Row> {
    figure.rows.iter().find(|row| row.role == role)
}

pub(super) fn print(report: &Report) {
    println!("{}", report.machine);
    println!("medians of {} processes each\n", report.processes_each);
    for figure in &report.figures {
        print_figure(figure);
    }
    for failure in &report.failures {
        println!(
            "{}: {} failed in {} of {} processes: {}",
            failure.measure, failure.who, failure.failed, failure.started, failure.why
        );
    }
    println!("\nleft out:");
    for (who, why) in &report.left_out {
        println!("  {who}: {why}");
    }
    println!("\n{:<58} {:>8} {:>8}", "target, ours", "wanted", "reached");
    for verdict in &report.verdicts {
        println!("{verdict}");
    }
}

fn print_figure(figure: &Figure) {
    println!("{}, {}: {}", figure.measure, figure.name, figure.about);
    println!(
        "  {:<30} {:>10} {:>21} {:>21} {:>10}",
        figure.unit, "median", "processes", "all rounds", "/ best peer"
    );
    let scale = best(figure, Role::Peer).map(Row::median);
    for row in &figure.rows {
        let mark = match row.role {
            Role::Ours => "*",
            Role::Peer => " ",
            Role::Floor => "-",
        };
        let ratio = scale.map_or_else(String::new, |best| format!("{:.2}", row.median() / best));
        println!(
            "{mark} {:<30} {:>10} {:>21} {:>21} {ratio:>10}",
            row.who,
            short(row.median()),
            span(&row.processes),
            span(&row.rounds)
        );
    }
    let ours = best(figure, Role::Ours);
    match (ours, best(figure, Role::Peer), best(figure, Role::Floor)) {
        (None, ..) => println!("  ours: not available"),
        (Some(ours), peer, floor) => {
            for rival in [peer, floor].into_iter().flatten() {
                let ratio = ours.median() / rival.median();
                println!("  {} / {}: {ratio:.2}", ours.who, rival.who);
            }
        }
    }
    println!();
}

fn span(sorted: &[f64]) -> String {
    let ends = sorted.first().zip(sorted.last());
    ends.map_or_else(String::new, |(min, max)| {
        format!("{}–{}", short(*min), short(*max))
    })
}

/// Three figures are more than the spread allows.
fn short(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::{verdict, verdicts};
    use crate::bench::peers::{Figure, Role, Row};

    fn figure(measure: &str, is_higher_better: bool, rows: &[(&str, Role, &[f64])]) -> Figure {
        let row = |(who, role, values): &(&str, Role, &[f64])| Row {
            who: (*who).to_owned(),
            role: *role,
            processes: values.to_vec(),
            rounds: values.to_vec(),
        };
        Figure {
            measure: measure.to_owned(),
            about: String::new(),
            name: "rate".to_owned(),
            unit: "M/s".to_owned(),
            is_higher_better,
            rows: rows.iter().map(row).collect(),
        }
    }

    fn check(target: &str, figures: &[Figure], expected: Option<bool>) {
        let target = toml::from_str(target).expect("the target is well formed");
        assert_eq!(verdict(&target, figures).is_met, expected, "{target:?}");
    }

    /// A floor is faster than every peer, and must not be taken for one.
    #[test]
    fn ours_is_compared_with_the_best_peer_and_not_with_a_floor() {
        let rows: &[(&str, Role, &[f64])] = &[
            ("memory", Role::Floor, &[900.0]),
            ("ours", Role::Ours, &[90.0, 130.0, 131.0]),
            ("first", Role::Peer, &[100.0]),
            ("second", Role::Peer, &[10.0]),
        ];
        let figures = [figure("m", true, rows)];
        let base = "measure = 'm'\nfigure = 'rate'\n";
        check(&format!("{base}at_least = 1.25"), &figures, Some(true));
        check(&format!("{base}at_least = 1.4"), &figures, Some(false));
        check(
            &format!("{base}at_least = 1.0\nworst = true"),
            &figures,
            Some(false),
        );
        check(
            &format!("{base}at_least = 10\nagainst = 'second'"),
            &figures,
            Some(true),
        );
        check(
            &format!("{base}at_least = 0.5\nin = 'absent'"),
            &figures,
            None,
        );
    }

    /// Without an adapter of ours there is nothing to judge, and nothing is missed.
    #[test]
    fn targets_without_ours_are_neither_met_nor_missed() {
        let figures = [figure("m", true, &[("first", Role::Peer, &[100.0])])];
        check(
            "measure = 'm'\nfigure = 'rate'\nat_least = 1.0",
            &figures,
            None,
        );
    }

    /// A misspelt key would make a target that nothing can miss.
    #[test]
    fn the_committed_targets_can_be_read() {
        let text = include_str!("../../../benches/peers/targets.toml");
        let all = verdicts(text, &["spsc/u64"], &[]).expect("every key is known");
        assert_eq!(all.len(), 2);
    }
}
