//! Which texts are topics and patterns, and what is wrong with the others.

use claude_flow_eventbus::TopicError::{
    Byte, Empty, EmptyToken, RestNotLast, TooDeep, TooLong, Wildcard,
};
use claude_flow_eventbus::{Pattern, TOKENS_MAX, TOPIC_BYTES_MAX, Topic, TopicError};

use crate::make::{pattern, topic};

fn check(text: &str, expected: Result<(), TopicError>) {
    assert_eq!(Topic::new(text).map(|_| ()), expected, "{text:?}");
}

fn check_pattern(text: &str, expected: Result<(), TopicError>) {
    assert_eq!(Pattern::new(text).map(|_| ()), expected, "{text:?}");
}

#[test]
fn a_topic_has_tokens_of_visible_characters() {
    check("edits", Ok(()));
    check("edits.rust.saved", Ok(()));
    check("edits.Überraschung.$SYS", Ok(()));
    check("", Err(Empty));
    check(".", Err(EmptyToken { at: 0 }));
    check("edits..saved", Err(EmptyToken { at: 6 }));
    check("edits.", Err(EmptyToken { at: 6 }));
    check("edits saved", Err(Byte { at: 5, byte: b' ' }));
    check("edits.\u{7f}", Err(Byte { at: 6, byte: 0x7f }));
    check("edits.\0", Err(Byte { at: 6, byte: 0 }));
}

#[test]
fn a_topic_has_no_wildcards() {
    check("edits.*", Err(Wildcard { at: 6 }));
    check(">", Err(Wildcard { at: 0 }));
    check("edits.a*b", Err(Wildcard { at: 7 }));
}

#[test]
fn a_wildcard_of_a_pattern_is_a_whole_token_and_the_rest_is_last() {
    check_pattern("*", Ok(()));
    check_pattern(">", Ok(()));
    check_pattern("edits.*.saved.>", Ok(()));
    check_pattern("edits.a*", Err(Wildcard { at: 7 }));
    check_pattern("edits.>b", Err(Wildcard { at: 6 }));
    check_pattern("edits.>.saved", Err(RestNotLast { at: 6 }));
    check_pattern("edits..>", Err(EmptyToken { at: 6 }));
}

#[test]
fn length_and_depth_have_limits() {
    check(&"a".repeat(TOPIC_BYTES_MAX), Ok(()));
    let bytes = TOPIC_BYTES_MAX + 1;
    check(&"a".repeat(bytes), Err(TooLong { bytes }));
    check(&vec!["a"; TOKENS_MAX].join("."), Ok(()));
    let tokens = TOKENS_MAX + 1;
    check(&vec!["a"; tokens].join("."), Err(TooDeep { tokens }));
}

#[test]
fn patterns_match_as_nats_users_know_it() {
    let check = |of: &str, text: &str, expected: bool| {
        assert_eq!(pattern(of).matches(&topic(text)), expected, "{of} {text}");
    };
    check("a.b", "a.b", true);
    check("a.b", "a.c", false);
    check("a.b", "a", false);
    check("a", "a.b", false);
    check("*", "a", true);
    check("*", "a.b", false);
    check("a.*.c", "a.b.c", true);
    check("a.*.c", "a.c", false);
    check("a.*", "a.b.c", false);
    check(">", "a", true);
    check(">", "a.b.c", true);
    check("a.>", "a", false);
    check("a.>", "a.b", true);
    check("a.>", "a.b.c", true);
    check("*.>", "a", false);
    check("a.b", "A.b", false);
}
