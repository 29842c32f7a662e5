use super::*;

/// Catches a bucket whose bounds do not hold what is put into it.
#[test]
fn every_time_lies_in_its_bucket_and_no_bucket_is_wider_than_a_sixteenth() {
    let powers = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
    for time_ns in powers.chain(0..5_000) {
        let at = bucket(time_ns);
        if at + 1 == BUCKETS {
            assert!(time_ns >= 1 << EXPONENT_MAX, "{time_ns}");
            continue;
        }
        assert!(time_ns <= end_ns(at), "{time_ns} is above bucket {at}");
        assert!(
            at == 0 || time_ns > end_ns(at - 1),
            "{time_ns} is below bucket {at}"
        );
        assert!(end_ns(at) - time_ns <= time_ns / 16, "{time_ns} in {at}");
    }
    assert_eq!(end_ns(BUCKETS - 2), (1 << EXPONENT_MAX) - 1);
}

#[test]
fn percentiles_are_of_all_recorders_together() {
    let recorders = [Recorder::new(), Recorder::new()];
    for time in 1..=100 {
        recorders[time % 2].record(Duration::from_micros(time as u64));
    }
    let mut histogram = Histogram::default();
    assert_eq!(histogram.percentile(0.5), None);
    for recorder in &recorders {
        histogram.add(recorder);
    }
    let check = |part, expected_us: u64| {
        let found = histogram.percentile(part).expect("something was recorded");
        let expected = Duration::from_micros(expected_us);
        assert!(found >= expected, "{part}: {found:?}");
        assert!(found <= expected * 17 / 16, "{part}: {found:?}");
    };
    check(0.0, 1);
    check(0.5, 50);
    check(0.99, 99);
    check(1.0, 100);
    assert_eq!(histogram.count(), 100);
    assert_eq!(histogram.max(), Duration::from_micros(100));
    assert_eq!(histogram.mean(), Some(Duration::from_nanos(50_500)));
}
