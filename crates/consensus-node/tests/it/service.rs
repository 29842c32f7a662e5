//! Validators with directories and sockets, in one process.

use std::path::Path;
use std::time::Duration;

use claude_flow_consensus::{
    Ballot, Confidence, Digest, Domain, Ed25519Verifier, Proposal, Roster, RosterOptions, Vote,
    verify_decision,
};
use claude_flow_consensus_node::{
    Address, Client, ClientError, Durability, Home, NodeError, RosterFile, Service, ServiceError,
    ServiceOptions,
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Directories for four validators, and the roster that names them.
fn group(directory: &Path, address: impl Fn(usize) -> String) -> (Vec<Home>, RosterFile) {
    let homes: Vec<_> = (0..4)
        .map(|id| Home::new(&directory.join(id.to_string())))
        .collect();
    let keys = homes.iter().map(|home| home.generate_key().unwrap());
    let roster = Roster::new(RosterOptions {
        epoch: 1,
        keys: keys.collect(),
        faults: 1,
        approval_votes: 3,
    });
    let addresses = (0..4).map(|id| address(id).parse().unwrap()).collect();
    let file = RosterFile {
        roster: roster.unwrap(),
        addresses,
    };
    (homes, file)
}

fn start(homes: &[Home], file: &RosterFile) -> Vec<Service> {
    let start = |home| Service::start(home, file, ServiceOptions::default()).unwrap();
    homes.iter().map(start).collect()
}

/// Votes of all, submitted to one, verified from bytes.
fn decide(homes: &[Home], file: &RosterFile, name: &str, at: usize) {
    let subject = Digest::of(Domain::Subject, name.as_bytes());
    let mut ballots = Vec::new();
    for home in homes {
        let ballot = Ballot {
            subject,
            vote: Vote::Pass,
            confidence: Confidence::from_percent(90).unwrap(),
            evidence: Digest::of(Domain::Evidence, b"tests"),
        };
        let mut client = Client::connect(&home.control()).unwrap();
        ballots.push(client.cast(ballot, TIMEOUT).unwrap());
    }
    let proposal = Proposal {
        subject,
        ballots,
        next: None,
    };
    let mut client = Client::connect(&homes[at].control()).unwrap();
    let decision = client.submit(&proposal, TIMEOUT).unwrap();
    let roster = &file.roster;
    let verifier = Ed25519Verifier::new(roster.keys()).unwrap();
    let certificate = decision.certificate.encode(&roster.digest());
    let bytes = proposal.encode();
    verify_decision(roster, &verifier, &certificate, &bytes).unwrap();
    let slot = decision.certificate.statement.seq;
    assert_eq!(client.decision(slot, TIMEOUT).unwrap(), Some(decision));
}

/// Would be broken by a log that is not read again, or a connection that is not made again.
#[test]
fn a_group_on_unix_sockets_decides_and_comes_back() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().to_owned();
    let (homes, file) = group(&path, |id| format!("unix:{}/{id}.sock", path.display()));
    let services = start(&homes, &file);
    decide(&homes, &file, "one", 0);
    decide(&homes, &file, "two", 3);
    for service in services {
        service.stop().unwrap();
    }
    let services = start(&homes, &file);
    assert!(
        services
            .iter()
            .all(|it| !it.is_lossy() && it.torn_bytes() == 0)
    );
    decide(&homes, &file, "three", 1);
    let mut client = Client::connect(&homes[1].control()).unwrap();
    let status = client.status(TIMEOUT).unwrap();
    assert_eq!(
        (status.validator, status.decided, status.is_amnesiac),
        (1, 3, false)
    );
}

/// Would be broken by a handshake that fails, or one that does not fail for a stranger.
#[test]
fn a_group_on_tcp_decides_and_strangers_stay_out() {
    let directory = tempfile::TempDir::new().unwrap();
    // Ports that were free a moment ago.
    let ports: Vec<u16> = (0..4)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .map(|it| it.local_addr().unwrap().port())
        .collect();
    let (homes, file) = group(directory.path(), |id| {
        format!("tcp:127.0.0.1:{}", ports[id])
    });
    let _services = start(&homes, &file);
    decide(&homes, &file, "over tcp", 2);

    // A stranger knows the roster and all addresses, and has a key of its own in place 0.
    let elsewhere = tempfile::TempDir::new().unwrap();
    let (strangers, other) = group(elsewhere.path(), |id| {
        format!("tcp:127.0.0.1:{}", ports[id])
    });
    let mut forged = file.clone();
    forged.roster = other.roster.clone();
    forged.addresses[0] = "tcp:127.0.0.1:0".parse().unwrap();
    let _stranger = Service::start(&strangers[0], &forged, ServiceOptions::default()).unwrap();
    let mut client = Client::connect(&strangers[0].control()).unwrap();
    let is_refused = |status: &claude_flow_consensus_node::NodeStatus| {
        let refused = |link: &claude_flow_consensus_node::LinkStatus| {
            !link.is_connected
                && link
                    .error
                    .as_ref()
                    .is_some_and(|it| it.contains("noise") || it.contains("end"))
        };
        status.links.iter().all(refused)
    };
    let end = std::time::Instant::now() + TIMEOUT;
    while !is_refused(&client.status(TIMEOUT).unwrap()) {
        assert!(
            std::time::Instant::now() < end,
            "{:?}",
            client.status(TIMEOUT)
        );
        std::thread::yield_now();
    }
    let status = Client::connect(&homes[1].control())
        .unwrap()
        .status(TIMEOUT)
        .unwrap();
    assert_eq!(status.decided, 1);
}

/// Would be broken by an amnesiac that votes at once, one that never votes again, or a log that does
/// not notice what it lost.
#[test]
fn a_validator_whose_log_lost_records_observes_and_then_takes_part_again() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().to_owned();
    let (homes, file) = group(&path, |id| format!("unix:{}/{id}.sock", path.display()));
    // Two hundred decisions need not wait for the disk.
    let options = ServiceOptions {
        durability: Durability::Process,
        ..ServiceOptions::default()
    };
    let start = |home| Service::start(home, &file, options).unwrap();
    let mut services: Vec<_> = homes.iter().map(start).collect();
    for round in 0..10 {
        decide(&homes, &file, &format!("before {round}"), 0);
    }
    services.pop().unwrap().stop().unwrap();
    let log = homes[3].directory().join("00000001.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[6000] ^= 1;
    std::fs::write(&log, bytes).unwrap();

    let service = start(&homes[3]);
    assert!(service.is_lossy());
    assert!(homes[3].directory().join("00000001.log.lost").exists());
    let mut client = Client::connect(&homes[3].control()).unwrap();
    assert!(client.status(TIMEOUT).unwrap().is_amnesiac);
    // It gives no ballots any more; those of three suffice.
    for round in 0..200 {
        decide(&homes[..3], &file, &format!("while it observes {round}"), 0);
    }
    let end = std::time::Instant::now() + TIMEOUT;
    while client.status(TIMEOUT).unwrap().is_amnesiac {
        assert!(
            std::time::Instant::now() < end,
            "{:?}",
            client.status(TIMEOUT)
        );
        std::thread::yield_now();
    }
    // Without its votes three of four could not agree now.
    services.pop().unwrap().stop().unwrap();
    decide(&homes[..2], &file, "afterwards", 0);
    // Started again it knows that it may vote.
    drop(client);
    service.stop().unwrap();
    let service = start(&homes[3]);
    assert!(!service.is_lossy());
    let mut client = Client::connect(&homes[3].control()).unwrap();
    assert!(!client.status(TIMEOUT).unwrap().is_amnesiac);
    decide(&homes[..2], &file, "after a restart", 1);
}

/// Two processes with one key are twins: the second one is refused by name.
#[test]
fn a_directory_has_one_service() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().to_owned();
    let (homes, file) = group(&path, |id| format!("unix:{}/{id}.sock", path.display()));
    let _services = start(&homes, &file);
    let second = Service::start(&homes[0], &file, ServiceOptions::default());
    assert!(
        matches!(second, Err(ServiceError::InUse { .. })),
        "{second:?}"
    );
}

#[test]
fn what_is_refused_over_the_control_socket_is_refused_by_name() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().to_owned();
    let (homes, file) = group(&path, |id| format!("unix:{}/{id}.sock", path.display()));
    let _services = start(&homes[..1], &file);
    let mut client = Client::connect(&homes[0].control()).unwrap();
    let subject = Digest::of(Domain::Subject, b"one");
    let empty = Proposal {
        subject,
        ballots: Vec::new(),
        next: None,
    };
    let refused = client.submit(&empty, TIMEOUT);
    assert!(
        matches!(refused, Err(ClientError::Refused(NodeError::Invalid))),
        "{refused:?}"
    );
    // Alone it decides nothing, and says so in time.
    let cast = |vote| Ballot {
        subject,
        vote,
        confidence: Confidence::from_percent(90).unwrap(),
        evidence: subject,
    };
    client.cast(cast(Vote::Pass), TIMEOUT).unwrap();
    let otherwise = client.cast(cast(Vote::Fail), TIMEOUT);
    assert!(
        matches!(otherwise, Err(ClientError::Refused(NodeError::Ballot))),
        "{otherwise:?}"
    );
    assert_eq!(client.decision(1, TIMEOUT).unwrap(), None);
}

/// Would be broken by a file that does not come back as it was written, or a field that is ignored.
#[test]
fn roster_files_come_back_and_others_are_refused() {
    let directory = tempfile::TempDir::new().unwrap();
    let (_, file) = group(directory.path(), |id| format!("tcp:host-{id}:700{id}"));
    let path = directory.path().join("roster.toml");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        RosterFile::read(&path)
    };
    let text = file.to_text();
    assert_eq!(read(&text).unwrap(), file);
    for (from, to) in [
        ("version = 1", "version = 2"),
        ("faults = 1", "faults = 2"),
        ("faults = 1", "fault = 1"),
        ("tcp:host-2", "udp:host-2"),
        ("key = \"", "key = \"0"),
    ] {
        assert!(text.contains(from), "{text}");
        assert!(read(&text.replacen(from, to, 1)).is_err(), "{from} to {to}");
    }
    assert!("unix:".parse::<Address>().is_err());
}
