//! A disk in memory that loses power, fails and fills up on request.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use claude_flow_consensus_node::Disk;

/// What a disk writes at once.
const SECTOR_BYTES: usize = 512;

/// What happens at one call that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power is off from the middle of this call on.
    Crash,
    /// This sync fails, and what it was to save is lost.
    SyncFails,
    /// This and all later files do not fit.
    Full,
}

/// Shared by all handles, so that a test can look while the log has one.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    is_off: bool,
    is_full: bool,
    random: u64,
}

#[derive(Default, Clone)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl FaultyDisk {
    pub(crate) fn with_fault(seed: u64, at: u64, fault: Fault) -> Self {
        let disk = Self::default();
        disk.plan(seed, at, fault);
        disk
    }

    /// The fault comes at that many calls from now.
    pub(crate) fn plan(&self, seed: u64, at: u64, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        let at = state.calls + at;
        state.fault = Some((at, fault));
        state.random = seed;
    }

    /// How many calls that change something there were.
    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// What is there when the power comes back: all that was synced, and any sectors and names of
    /// what was not.
    pub(crate) fn after_power_loss(&self) -> Self {
        let mut state = self.0.lock().unwrap();
        let mut after = State {
            random: state.random,
            ..State::default()
        };
        let mut names = state.durable_names.clone();
        let all: Vec<_> = state.names.clone().into_iter().collect();
        for (name, id) in all {
            if !names.contains_key(&name) && state.next_random().is_multiple_of(2) {
                names.insert(name, id);
            }
        }
        let gone: Vec<_> = names
            .keys()
            .filter(|name| !state.names.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            if state.next_random().is_multiple_of(2) {
                names.remove(&name);
            }
        }
        for (name, id) in names {
            let mut file = state.files[id].durable.clone();
            let written = state.files[id].bytes.clone();
            if file.len() < written.len() && state.next_random().is_multiple_of(2) {
                file.resize(written.len(), 0);
            }
            for start in (0..file.len().min(written.len())).step_by(SECTOR_BYTES) {
                let end = (start + SECTOR_BYTES).min(file.len()).min(written.len());
                if file[start..end] != written[start..end] && state.next_random().is_multiple_of(2)
                {
                    file[start..end].copy_from_slice(&written[start..end]);
                }
            }
            after.names.insert(name.clone(), after.files.len());
            after.durable_names.insert(name, after.files.len());
            after.files.push(File {
                bytes: file.clone(),
                durable: file,
            });
        }
        after.random = state.random;
        Self(Arc::new(Mutex::new(after)))
    }

    /// Changes a synced file behind the log's back.
    pub(crate) fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock().unwrap();
        let id = state.names[name];
        change(&mut state.files[id].bytes);
        let File { bytes, durable } = &mut state.files[id];
        durable.clone_from(bytes);
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock().unwrap();
        state.files[state.names[name]].bytes.clone()
    }

    pub(crate) fn lose(&self, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    /// A copy that shares nothing.
    pub(crate) fn copy(&self) -> Self {
        let state = self.0.lock().unwrap();
        Self(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            ..State::default()
        })))
    }

    /// Counts a call, and says whether it goes wrong.
    fn call(&self, is_sync: bool) -> io::Result<(std::sync::MutexGuard<'_, State>, bool)> {
        let mut state = self.0.lock().unwrap();
        if state.is_off {
            return Err(io::Error::other("the power is off"));
        }
        state.calls += 1;
        let now = state.calls;
        let due = state
            .fault
            .filter(|(at, _)| *at == now)
            .map(|(_, fault)| fault);
        match due {
            Some(Fault::Crash) => {
                state.is_off = true;
                Ok((state, true))
            }
            Some(Fault::SyncFails) if is_sync => Err(io::Error::other("the sync failed")),
            Some(Fault::SyncFails) => {
                // The next sync, then.
                state.fault = Some((now + 1, Fault::SyncFails));
                Ok((state, false))
            }
            Some(Fault::Full) => {
                state.is_full = true;
                Ok((state, false))
            }
            None => Ok((state, false)),
        }
    }
}

impl State {
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn id(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn off() -> io::Error {
    io::Error::other("the power went off")
}

impl Disk for FaultyDisk {
    fn names(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().names.keys().cloned().collect())
    }

    fn len(&mut self, name: &str) -> io::Result<u64> {
        let state = self.0.lock().unwrap();
        Ok(state.files[state.id(name)?].bytes.len() as u64)
    }

    fn create(&mut self, name: &str, len: u64) -> io::Result<()> {
        let (mut state, is_crash) = self.call(false)?;
        if state.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        assert!(!state.names.contains_key(name), "{name} is there already");
        let id = state.files.len();
        let len = usize::try_from(len).unwrap();
        let len = if is_crash { len / 2 } else { len };
        let bytes = vec![0; len];
        state.files.push(File {
            bytes,
            durable: Vec::new(),
        });
        state.names.insert(name.to_owned(), id);
        if is_crash { Err(off()) } else { Ok(()) }
    }

    fn read(&mut self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let file = &state.files[state.id(name)?].bytes;
        let offset = usize::try_from(offset).unwrap();
        let found = file
            .get(offset..offset + bytes.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, is_crash) = self.call(false)?;
        let id = state.id(name)?;
        let offset = usize::try_from(offset).unwrap();
        state.files[id].bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        if is_crash { Err(off()) } else { Ok(()) }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let (mut state, is_crash) = self.call(true)?;
        if is_crash {
            return Err(off());
        }
        let id = state.id(name)?;
        let File { bytes, durable } = &mut state.files[id];
        durable.clone_from(bytes);
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let (mut state, is_crash) = self.call(true)?;
        if is_crash {
            return Err(off());
        }
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let (mut state, is_crash) = self.call(false)?;
        state.names.remove(name);
        if is_crash { Err(off()) } else { Ok(()) }
    }
}
