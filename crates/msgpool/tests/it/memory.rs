//! What the statistics say, and how much of the memory is payload.

use claude_flow_msgpool::{Options, Pool};

use crate::{assert_all_home, pool_of};

#[test]
fn statistics_count_what_is_in_use() {
    let pool = pool_of(128, 40);
    let held: Vec<_> = (0..10)
        .map(|_| pool.take(100).expect("there are 40"))
        .collect();
    let class = pool.stats().classes[0];
    assert_eq!(
        (class.payload_bytes, class.slots, class.in_use),
        (128, 40, 10)
    );
    assert_eq!(
        (class.payload_bytes_in_use, class.waste_bytes),
        (1_000, 280)
    );
    assert_eq!(class.in_use + class.in_caches + class.free, 40);
    assert!(class.high_water >= 10 && class.high_water <= 10 + class.in_caches);
    let mut buffer = held.into_iter().next().expect("there are ten");
    buffer.truncate(1);
    let message = buffer.freeze();
    assert_eq!(
        pool.stats().payload_bytes_in_use(),
        1,
        "freezing counts the final length"
    );
    drop(message);
    assert_all_home(&pool);
    assert!(pool.stats().classes[0].high_water >= 10, "the mark stays");
}

/// The length of the message with a number: evenly spread over the doublings from 64 B to 64 KiB.
fn spread_len(number: u32) -> usize {
    let turn = f64::from(number.wrapping_mul(0x9E37_79B9)) / f64::from(u32::MAX);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "64 to 65,536"
    )]
    let len = (64.0 * 1_024.0_f64.powf(turn)) as usize;
    len
}

fn efficiency(options: &Options, lens: impl Iterator<Item = usize>) -> f64 {
    let pool = Pool::new(options).expect("the options are valid");
    let held: Vec<_> = lens.map_while(|len| pool.take(len).ok()).collect();
    assert!(held.len() > 500, "the load is a load: {}", held.len());
    pool.stats().memory_efficiency()
}

/// The reference loads: messages of 1,000 bytes until the class is full, and a spread of sizes until
/// one does not fit.
/// `cargo nextest run -p claude-flow-msgpool --no-capture reference_load` prints the figures.
#[test]
fn four_fifths_of_the_memory_is_payload_at_the_reference_load() {
    let fixed = efficiency(&Options::default(), std::iter::repeat(1_000));
    let spread = |options: &Options| efficiency(options, (0..).map(spread_len));
    let powers = spread(&Options::powers_of_two());
    let default = spread(&Options::default());
    println!("1,000 B: {fixed:.3}; spread: powers of two {powers:.3}, the default {default:.3}");
    assert!(fixed > 0.8 && default > 0.8, "{fixed} {default}");
    assert!(powers > 0.5, "{powers}");
}

/// What the statistics call resident is what the system says, up to the allocator's own.
#[cfg(target_os = "linux")]
#[test]
fn resident_bytes_are_the_systems() {
    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").expect("linux has it");
        let pages = text
            .split(' ')
            .nth(1)
            .and_then(|it| it.parse::<usize>().ok());
        pages.expect("the second number") * 4_096
    }
    let pool = pool_of(1_024, 16_384);
    let before = resident();
    let mut held: Vec<_> = (0..8_192)
        .map(|_| pool.take(1_000).expect("there are more"))
        .collect();
    for buffer in &mut held {
        buffer.fill(1);
    }
    let grown = resident() - before;
    let stats = pool.stats();
    let claimed = stats.resident_bytes;
    assert!(grown.abs_diff(claimed) < claimed / 10, "{grown} {claimed}");
    assert!(
        stats.mapped_bytes > 2 * claimed - (1 << 20),
        "half of it was never touched"
    );
}
