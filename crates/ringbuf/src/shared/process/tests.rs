use super::{HASH_START, LEFT, Peer, Stat, VACANT, hash, myself, pid_of, word};

/// Would catch a program's name that shifts the fields, and a start time read from the wrong one.
#[test]
fn a_stat_is_read_whatever_the_program_is_called() {
    // As `cat /proc/self/stat` printed it, with another number of threads.
    let tail = "S 8452 8452 30056 0 -1 4194304 116 0 0 0 0 0 0 0 20 0 2 0 1530865 3133440 382";
    for name in ["cat", "a) b", "(", ") R 1", "two words"] {
        let stat = Stat::parse(&format!("8457 ({name}) {tail}")).expect("it is whole");
        assert_eq!((stat.pid, stat.start_ticks), (8_457, 1_530_865), "{name}");
        assert!(!stat.is_ended);
    }
    let zombie = tail.replacen('S', "Z", 1);
    let is_ended = |text: &str| Stat::parse(text).expect("it is whole").is_ended;
    assert!(!is_ended(&format!("1 (x) {zombie}")), "a thread still runs");
    assert!(is_ended(&format!(
        "1 (x) {}",
        zombie.replace(" 20 0 2 0 ", " 20 0 1 0 ")
    )));
    for text in ["", "1", "1 (x) S", "x (x) S 1", "1 (x) S 1 2 3"] {
        assert!(Stat::parse(text).is_none(), "{text}");
    }
}

/// Would catch a pid that is reused, and a boot that is not part of the word.
#[test]
fn only_the_same_process_has_the_same_word() {
    let me = myself().expect("there is a /proc");
    assert_eq!(pid_of(me), std::process::id());
    assert_eq!(
        Peer::of(me),
        Peer::Alive {
            pid: std::process::id()
        }
    );
    let reused = me ^ 1;
    assert_eq!(
        Peer::of(reused),
        Peer::Dead {
            pid: std::process::id()
        }
    );
    assert_eq!(
        (Peer::of(VACANT), Peer::of(LEFT)),
        (Peer::Absent, Peer::Left)
    );
    // A word of garbage whose pid is none.
    assert_eq!(Peer::of(7), Peer::Dead { pid: 0 });
    assert_eq!(Peer::of(u64::MAX), Peer::Dead { pid: (1 << 22) - 1 });
    assert_ne!(word(1, "a", 5), word(1, "b", 5));
    assert_ne!(word(1, "a", 5), word(1, "a", 6));
    assert_eq!(word(3, "a", 5) >> 42, 3);
}

/// The published values of FNV-1a: the layout depends on them.
#[test]
fn the_hash_is_fnv_1a() {
    assert_eq!(hash(HASH_START, b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(hash(HASH_START, b"foobar"), 0x8594_4171_f739_67e8);
}
