//! The router against a list that is searched from front to back.

use std::sync::Arc;

use claude_flow_eventbus::{Pattern, RouteCache, RouteKey, Router, Topic};
use proptest::prelude::*;

/// What happens to the router.
#[derive(Debug, Clone)]
enum Step {
    Insert(Pattern),
    InsertAll(Vec<Pattern>),
    /// The one at this place, going round.
    Remove(usize),
    Route(Topic),
}

/// Few tokens, so that patterns and topics meet.
fn token() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("cc"), Just("A")]
}

fn topic() -> impl Strategy<Value = Topic> {
    prop::collection::vec(token(), 1..5)
        .prop_map(|it| Topic::new(&it.join(".")).expect("tokens make a topic"))
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let token = prop_oneof![3 => token(), 2 => Just("*")];
    (prop::collection::vec(token, 0..5), any::<bool>()).prop_map(|(mut tokens, is_open)| {
        if is_open || tokens.is_empty() {
            tokens.push(">");
        }
        Pattern::new(&tokens.join(".")).expect("tokens make a pattern")
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => pattern().prop_map(Step::Insert),
        1 => prop::collection::vec(pattern(), 0..20).prop_map(Step::InsertAll),
        2 => any::<usize>().prop_map(Step::Remove),
        6 => topic().prop_map(Step::Route),
    ]
}

/// The router, what should be in it, and two ways to ask.
struct Twins {
    router: Arc<Router<u32>>,
    cache: RouteCache<u32>,
    list: Vec<(RouteKey, Pattern, u32)>,
    next: u32,
}

impl Twins {
    fn new() -> Self {
        let router = Arc::new(Router::new());
        Self {
            cache: RouteCache::new(Arc::clone(&router)),
            router,
            list: Vec::new(),
            next: 0,
        }
    }

    fn insert(&mut self, patterns: Vec<Pattern>) {
        let numbered: Vec<_> = patterns.into_iter().zip(self.next..).collect();
        let keys = self.router.insert_all(numbered.clone());
        for (key, (pattern, number)) in keys.expect("there is room").into_iter().zip(numbered) {
            self.list.push((key, pattern, number));
            self.next = number + 1;
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Insert(pattern) => {
                let key = self.router.insert(pattern.clone(), self.next);
                self.list
                    .push((key.expect("there is room"), pattern, self.next));
                self.next += 1;
            }
            Step::InsertAll(patterns) => self.insert(patterns),
            Step::Remove(_) if self.list.is_empty() => {}
            Step::Remove(index) => {
                let (key, ..) = self.list.swap_remove(index % self.list.len());
                assert!(self.router.remove(key), "it was there");
                assert!(!self.router.remove(key), "it is gone");
            }
            Step::Route(topic) => self.route(&topic),
        }
        assert_eq!(self.router.len(), self.list.len());
    }

    fn route(&mut self, topic: &Topic) {
        let matching = self.list.iter().filter(|it| naive(&it.1, topic));
        let mut expected: Vec<_> = matching.map(|it| it.2).collect();
        expected.sort_unstable();
        let mut found = self.router.matches(topic);
        found.sort_unstable();
        assert_eq!(found, expected, "{topic}");
        // Twice: the first may have to learn what the second remembers.
        for _ in 0..2 {
            let mut found: Vec<_> = self.cache.route(topic).copied().collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{topic} through the cache");
        }
    }
}

/// By recursion over the tokens, and not as the crate does it.
fn naive(pattern: &Pattern, topic: &Topic) -> bool {
    fn of(pattern: &[&str], topic: &[&str]) -> bool {
        match (pattern, topic) {
            ([], []) | ([">"], [_, ..]) => true,
            (["*", pattern @ ..], [_, topic @ ..]) => of(pattern, topic),
            ([one, pattern @ ..], [other, topic @ ..]) => one == other && of(pattern, topic),
            _ => false,
        }
    }
    let pattern: Vec<_> = pattern.as_str().split('.').collect();
    let topic: Vec<_> = topic.as_str().split('.').collect();
    of(&pattern, &topic)
}

proptest! {
    #[test]
    fn router_and_cache_find_what_a_search_finds(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut twins = Twins::new();
        for step in steps {
            twins.take(step);
        }
    }
}

/// More topics than a cache has room for: it forgets, and is never wrong.
#[test]
fn a_cache_that_overflows_finds_the_same() {
    let mut twins = Twins::new();
    let some = ["a.*", "a.1", "*.>", "a.77", "b.>"].map(|it| it.parse().expect("a pattern"));
    twins.insert(some.to_vec());
    for round in 0..2 {
        for number in 0..3_000 {
            let topic = format!("a.{}", number * (round + 1));
            twins.route(&topic.parse().expect("a topic"));
        }
    }
}

/// One topic with more targets than a cache has room for.
#[test]
fn a_route_that_is_longer_than_the_cache_is_whole() {
    let mut twins = Twins::new();
    twins.insert(vec![">".parse().expect("a pattern"); 40_000]);
    let topic = |text: &str| text.parse::<Topic>().expect("a topic");
    twins.route(&topic("a"));
    twins.route(&topic("b"));
    twins.route(&topic("a"));
}
