//! Daemons that hang or lie, and programs that do.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;

use super::process::{self, Daemon, with_daemon};
use super::{check_same, edit, project};
use crate::program::Project;

/// What a liar does with a connection.
type Act = fn(&mut UnixStream);

/// A length and a version, as they are on the wire.
fn header(len: u32, protocol: u32) -> [u8; 8] {
    let mut header = [0; 8];
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[4..].copy_from_slice(&protocol.to_le_bytes());
    header
}

/// Where the daemon of a project would listen, which it does not.
fn empty_place(project: &Project) -> PathBuf {
    let daemon = Daemon::start(project);
    let socket = process::socket(project);
    with_daemon(project, &["daemon", "stop"], b"").expect_code(0);
    drop(daemon);
    assert!(!socket.exists());
    socket
}

#[test]
fn a_hook_is_answered_beside_a_daemon_that_lies() {
    let acts: [Act; 6] = [
        |_| {},
        |stream| write(stream, b"HTTP/1.1 200 OK\r\n\r\n"),
        |stream| write(stream, &header(u32::MAX, 1)),
        |stream| write(stream, &[&header(4, 1)[..], &[0xff; 4]].concat()),
        |stream| write(stream, &[&header(4, 77)[..], &[0; 4]].concat()),
        // It reads all and says nothing, until the program has given up.
        |stream| {
            let _ = stream.read_to_end(&mut Vec::new());
        },
    ];
    for act in acts {
        let project = project();
        let listener = UnixListener::bind(empty_place(&project)).expect("a socket");
        let payload = edit(&project, "broken.py").to_string();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("a connection");
                act(&mut stream);
            });
            let ended = check_same(&project, &["hook", "claude-code"], payload.as_bytes());
            assert!(ended.stdout.contains("broken.py"), "{ended:?}");
        });
    }
}

/// The program may have gone already.
fn write(stream: &mut UnixStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

#[test]
fn a_hook_is_answered_beside_a_daemon_that_hangs() {
    let project = project();
    let daemon = Daemon::start(&project);
    signal(daemon.pid(), "STOP");
    let payload = edit(&project, "broken.py").to_string();
    let ended = check_same(&project, &["hook", "claude-code"], payload.as_bytes());
    assert!(ended.stdout.contains("broken.py"), "{ended:?}");
    signal(daemon.pid(), "CONT");
    process::until(|| with_daemon(&project, &["daemon", "status"], b"").code == Some(0));
}

fn signal(pid: u32, name: &str) {
    let told = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .expect("kill is everywhere");
    assert!(told.success());
}

#[test]
fn nonsense_does_not_end_it() {
    let project = project();
    let daemon = Daemon::start(&project);
    let socket = process::socket(&project);
    let pieces = [
        Vec::new(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        header(u32::MAX, 1).to_vec(),
        header(10, 0).to_vec(),
        [&header(3, 1)[..], &[0xff; 3]].concat(),
        [&header(100, 1)[..], &[7; 100]].concat(),
    ];
    for piece in pieces {
        let mut stream = UnixStream::connect(&socket).expect("it listens");
        write(&mut stream, &piece);
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("it is open");
        // It hangs up or says no, but does not wait for more.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    daemon.expect_well();
}

#[test]
fn too_many_at_once_are_refused_and_answered_all_the_same() {
    let project = project();
    let daemon = Daemon::start(&project);
    let socket = process::socket(&project);
    let connect = || UnixStream::connect(&socket).expect("it listens");
    let held: Vec<_> = (0..64).map(|_| connect()).collect();
    let payload = edit(&project, "broken.py").to_string();
    let ended = check_same(&project, &["hook", "claude-code"], payload.as_bytes());
    assert!(ended.stdout.contains("broken.py"), "{ended:?}");
    drop(held);
    process::until(|| {
        let ended = with_daemon(&project, &["daemon", "status"], b"");
        ended.stdout.contains("connections 1,")
    });
    let status = daemon.status();
    assert!(!status.contains("refused 0,"), "{status}");
}
