//! The figures of `detect-corpus`.

use std::collections::{BTreeMap, BTreeSet};

use claude_flow_lang_detect::{Confidence, Evidence, Language};
use serde_json::{Value, json};

use super::corpus::{Asked, CORE, Misnamed, Way};

/// The promised parts of right answers: the way of asking, whether of the core languages only, and
/// the part in ten thousand.
const PROMISES: [(Way, bool, usize); 5] = [
    (Way::WithSiblings, true, 10_000),
    (Way::Alone, true, 9_980),
    (Way::WithSiblings, false, 9_950),
    (Way::Alone, false, 9_950),
    (Way::Nameless, true, 9_000),
];

/// Every answer.
#[derive(Debug, Default)]
pub(super) struct Report {
    asked: Vec<Asked>,
    misnamed: Vec<Misnamed>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    right: usize,
    not_sure: usize,
    total: usize,
}

impl Count {
    fn add(&mut self, asked: &Asked) {
        self.total += 1;
        self.right += usize::from(asked.is_right());
        self.not_sure += usize::from(asked.answered.is_none());
    }

    fn percent(self) -> f64 {
        let part = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        100.0 * part(self.right) / part(self.total.max(1))
    }
}

impl Asked {
    fn is_right(&self) -> bool {
        self.answered == Some(self.expected)
    }

    fn is_core(&self) -> bool {
        CORE.contains(&self.expected)
    }
}

impl Report {
    pub(super) fn add(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    pub(super) fn add_misnamed(&mut self, misnamed: Misnamed) {
        self.misnamed.push(misnamed);
    }

    pub(super) const fn misnamed_count(&self) -> usize {
        self.misnamed.len()
    }

    fn count(&self, holds: impl Fn(&Asked) -> bool) -> Count {
        let mut count = Count::default();
        for asked in self.asked.iter().filter(|asked| holds(asked)) {
            count.add(asked);
        }
        count
    }

    fn groups<K: Ord>(&self, way: Way, key: impl Fn(&Asked) -> K) -> BTreeMap<K, Count> {
        let mut groups = BTreeMap::<K, Count>::new();
        for asked in self.asked.iter().filter(|asked| asked.way == way) {
            groups.entry(key(asked)).or_default().add(asked);
        }
        groups
    }

    pub(super) fn keeps_promises(&self) -> bool {
        PROMISES.iter().all(|&(way, is_core, part)| {
            let count = self.count(|it| it.way == way && (!is_core || it.is_core()));
            count.right * 10_000 >= count.total * part
        })
    }

    pub(super) fn print(&self, errors: usize) {
        for way in Way::ALL {
            self.print_errors(way, errors);
        }
        let alone = self.count(|it| it.way == Way::Alone);
        let languages: BTreeSet<&str> = self.asked.iter().map(|it| it.expected.name()).collect();
        println!("{} files of {} languages", alone.total, languages.len());
        println!(
            "\n{:<28} {:>8} {:>8} {:>8} {:>9}",
            "", "right", "not sure", "of", "percent"
        );
        for way in Way::ALL {
            for (name, is_core) in [("core", true), ("all", false)] {
                let count = self.count(|it| it.way == way && (!is_core || it.is_core()));
                line(&format!("{}, {name}", way.name()), count);
            }
        }
        self.print_misnamed();
        println!("\nby language: alone, with siblings, name taken away");
        let ways = [Way::Alone, Way::WithSiblings, Way::Nameless];
        let [alone, near, nameless] = ways.map(|way| self.groups(way, |it| it.expected.name()));
        for (language, count) in alone {
            let percent = |groups: &BTreeMap<&str, Count>| {
                groups.get(language).map_or(0.0, |count| count.percent())
            };
            println!(
                "  {language:<22} {:>6} {:>8.2} {:>8.2} {:>8.2}",
                count.total,
                count.percent(),
                percent(&near),
                percent(&nameless)
            );
        }
        println!("\nby evidence, alone");
        for (evidence, count) in self.groups(Way::Alone, |it| it.evidence) {
            line(evidence.map_or("none", Evidence::name), count);
        }
        for way in [Way::Alone, Way::Nameless] {
            println!("\nby confidence, {}", way.name());
            for (confidence, count) in self.groups(way, |it| it.confidence) {
                line(Confidence::name(confidence), count);
            }
        }
        println!("\nby extension with errors, alone");
        for (extension, count) in self.groups(Way::Alone, |it| it.extension.clone()) {
            if count.right < count.total {
                line(&extension, count);
            }
        }
    }

    /// What happens to files with the extension of another language.
    fn print_misnamed(&self) {
        println!(
            "\n{:<28} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "with a wrong extension", "own", "its", "not sure", "neither", "of", "sure"
        );
        for (name, is_shared) in [("of one language", false), ("that languages share", true)] {
            let all = self.misnamed.iter();
            let all: Vec<&Misnamed> = all
                .filter(|it| (it.candidates.len() > 1) == is_shared)
                .collect();
            let count = |holds: &dyn Fn(&Misnamed) -> bool| {
                let held = all.iter().filter(|it| holds(it));
                held.count()
            };
            let is_own = |it: &Misnamed| it.answered == Some(it.expected);
            let is_its = |it: &Misnamed| {
                let told = it.answered.filter(|_| !is_own(it));
                told.is_some_and(|told| it.candidates.contains(&told))
            };
            let own = count(&is_own);
            let its = count(&is_its);
            let not_sure = count(&|it| it.answered.is_none());
            let sure = count(&|it| it.confidence >= Confidence::High && !is_own(it));
            println!(
                "{name:<28} {own:>8} {its:>8} {not_sure:>8} {:>8} {:>8} {sure:>8}",
                all.len() - own - its - not_sure,
                all.len()
            );
        }
    }

    fn print_errors(&self, way: Way, errors: usize) {
        let wrong = self
            .asked
            .iter()
            .filter(|it| it.way == way && !it.is_right());
        for asked in wrong.take(errors) {
            println!(
                "{}: {}: {} instead of {} ({})",
                way.name(),
                asked.place,
                asked.answered.map_or("not sure", |it| it.name()),
                asked.expected,
                asked.evidence.map_or("nothing", Evidence::name)
            );
        }
    }

    pub(super) fn json(&self) -> Value {
        let errors: Vec<Value> = self
            .asked
            .iter()
            .filter(|it| !it.is_right())
            .map(|it| {
                json!({
                    "way": it.way.name(),
                    "place": it.place,
                    "expected": it.expected.name(),
                    "answered": it.answered.map(Language::name),
                    "evidence": it.evidence.map(Evidence::name),
                })
            })
            .collect();
        let mut figures = Vec::new();
        for way in Way::ALL {
            for is_core in [true, false] {
                let count = self.count(|it| it.way == way && (!is_core || it.is_core()));
                figures.push(json!({
                    "way": way.name(),
                    "core": is_core,
                    "right": count.right,
                    "not_sure": count.not_sure,
                    "total": count.total,
                }));
            }
        }
        json!({ "figures": figures, "errors": errors })
    }
}

fn line(name: &str, count: Count) {
    println!(
        "{name:<28} {:>8} {:>8} {:>8} {:>9.3}",
        count.right,
        count.not_sure,
        count.total,
        count.percent()
    );
}
