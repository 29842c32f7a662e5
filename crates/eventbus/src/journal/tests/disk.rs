//! A disk in memory that loses what was not synced.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::shared;
use crate::journal::disk::Disk;
use crate::journal::map::{Map, Tail};

/// What a disk writes whole.
const SECTOR_BYTES: usize = 512;

/// What goes wrong at a call that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The power goes off: the call has its effect in part, and none after it has any.
    Crash,
    /// The next sync from here on fails once.
    SyncFails,
}

/// A handle to a disk; clones share it.
#[derive(Debug, Clone)]
pub(super) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
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

#[derive(Debug, Default, Clone)]
struct File {
    bytes: Vec<u8>,
    /// What is mapped stands for `bytes`.
    map: Option<Arc<Map>>,
    durable: Vec<u8>,
}

impl File {
    fn now(&self) -> Vec<u8> {
        self.map
            .as_ref()
            .map_or_else(|| self.bytes.clone(), |map| map.copy())
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self {
            durable: bytes.clone(),
            bytes,
            map: None,
        }
    }
}

impl FaultyDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(shared(State {
            random: seed,
            ..State::default()
        }))
    }

    pub(super) fn with_fault(seed: u64, at: u64, fault: Fault) -> Self {
        let disk = Self::new(seed);
        disk.plan(at, fault);
        disk
    }

    /// The fault comes at that many calls from now.
    pub(super) fn plan(&self, at: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.calls + at, fault));
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// What is there when the power comes back: all that was synced, and any sectors and names of
    /// what was not.
    pub(super) fn after_power_loss(&self) -> Self {
        let mut state = self.state();
        let mut after = State {
            random: state.next_random(),
            ..State::default()
        };
        let all: Vec<_> = state.names.clone().into_iter().collect();
        let mut names = state.durable_names.clone();
        for (name, id) in all {
            if names.get(&name) != Some(&id) && state.flip() {
                names.insert(name, id);
            }
        }
        names.retain(|name, _| state.names.contains_key(name) || state.flip());
        for (name, id) in names {
            let mut bytes = state.files[id].durable.clone();
            let written = state.files[id].now();
            if bytes.len() < written.len() && state.flip() {
                bytes.resize(written.len(), 0);
            }
            // Some crashes keep nearly all, others nearly nothing.
            let kept = state.next_random() % 8;
            let len = bytes.len().min(written.len());
            for start in (0..len).step_by(SECTOR_BYTES) {
                let end = (start + SECTOR_BYTES).min(len);
                if bytes[start..end] != written[start..end] && state.next_random() % 8 < kept {
                    bytes[start..end].copy_from_slice(&written[start..end]);
                }
            }
            after.names.insert(name.clone(), after.files.len());
            after.durable_names.insert(name, after.files.len());
            after.files.push(File::of(bytes));
        }
        Self(shared(after))
    }

    /// What is there after a kill: everything.
    pub(super) fn copy(&self) -> Self {
        let state = self.state();
        let mut after = State {
            random: state.random,
            ..State::default()
        };
        for (name, id) in &state.names {
            after.names.insert(name.clone(), after.files.len());
            after.files.push(File::of(state.files[*id].now()));
        }
        after.durable_names = after.names.clone();
        Self(shared(after))
    }

    /// Changes a file behind the journal's back.
    pub(super) fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let id = state.names[name];
        let mut bytes = state.files[id].now();
        change(&mut bytes);
        state.files[id] = File::of(bytes);
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[name]].now()
    }

    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let id = state.files.len();
        state.files.push(File::of(bytes));
        state.names.insert(name.to_owned(), id);
        state.durable_names.insert(name.to_owned(), id);
    }

    pub(super) fn lose(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    pub(super) fn segments(&self) -> Vec<String> {
        let names = self.names().expect("it has no faults");
        names
            .into_iter()
            .filter(|name| crate::journal::segment::segment_index(name).is_some())
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts a call, and says whether the power goes off in it.
    fn call(&self, is_sync: bool) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.state();
        let is_crash = state.call(is_sync)?;
        Ok((state, is_crash))
    }

    fn memory(
        &self,
        state: &mut State,
        id: usize,
        published: Option<usize>,
    ) -> io::Result<Arc<Map>> {
        let bytes = state.files[id].now();
        let disk: Weak<Mutex<State>> = Arc::downgrade(&self.0);
        let on_sync = move |map: &Map| {
            let disk = disk.upgrade().expect("the disk outlives its journal");
            let mut state = disk.lock().unwrap();
            if state.call(true)? {
                return Err(off());
            }
            state.files[id].durable = map.copy();
            Ok(())
        };
        let map = Map::of_heap(&bytes, published, Box::new(on_sync))?;
        state.files[id].map = Some(Arc::clone(&map));
        Ok(map)
    }
}

impl State {
    fn call(&mut self, is_sync: bool) -> io::Result<bool> {
        if self.is_off {
            return Err(off());
        }
        self.calls += 1;
        let now = self.calls;
        match self
            .fault
            .filter(|(at, _)| *at <= now)
            .map(|(_, fault)| fault)
        {
            Some(Fault::Crash) => {
                self.is_off = true;
                Ok(true)
            }
            Some(Fault::SyncFails) if is_sync => {
                self.fault = None;
                Err(io::Error::other("the sync failed"))
            }
            Some(Fault::SyncFails) | None => Ok(false),
        }
    }

    /// Steele, Lea, Flood 2014.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn flip(&mut self) -> bool {
        self.next_random().is_multiple_of(2)
    }

    fn id(&self, name: &str) -> io::Result<usize> {
        let id = self.names.get(name).copied();
        id.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn off() -> io::Error {
    io::Error::other("the power is off")
}

impl Disk for FaultyDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        let state = self.state();
        let file = &state.files[state.id(name)?];
        let len = file.map.as_ref().map_or(file.bytes.len(), |map| map.len());
        Ok(len as u64)
    }

    fn create(&self, name: &str, len: u64, _is_written: bool) -> io::Result<()> {
        let (mut state, is_crash) = self.call(false)?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let len = usize::try_from(len).unwrap();
        let is_short = is_crash || state.is_full;
        let id = state.files.len();
        state.files.push(File {
            bytes: vec![0; if is_short { len / 2 } else { len }],
            ..File::default()
        });
        state.names.insert(name.to_owned(), id);
        match (is_crash, state.is_full) {
            (true, _) => Err(off()),
            (_, true) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn read(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let file = &state.files[state.id(name)?];
        let offset = usize::try_from(offset).unwrap();
        let mapped = file.map.as_ref().map(|map| map.copy());
        let found = mapped.as_ref().unwrap_or(&file.bytes);
        let found = found.get(offset..offset + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, is_crash) = self.call(false)?;
        let id = state.id(name)?;
        assert!(state.files[id].map.is_none(), "{name} is mapped");
        let offset = usize::try_from(offset).unwrap();
        state.files[id].bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        if is_crash { Err(off()) } else { Ok(()) }
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let (mut state, is_crash) = self.call(true)?;
        if is_crash {
            return Err(off());
        }
        let id = state.id(name)?;
        state.files[id].durable = state.files[id].now();
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let (mut state, is_crash) = self.call(true)?;
        if is_crash {
            return Err(off());
        }
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (mut state, is_crash) = self.call(false)?;
        state.id(name)?;
        state.names.remove(name);
        if is_crash { Err(off()) } else { Ok(()) }
    }

    fn map(&self, name: &str) -> io::Result<Arc<Map>> {
        let mut state = self.state();
        let id = state.id(name)?;
        match state.files[id].map.clone() {
            Some(map) => Ok(map),
            None => self.memory(&mut state, id, None),
        }
    }

    fn map_tail(&self, name: &str, end: usize) -> io::Result<Tail> {
        let mut state = self.state();
        let id = state.id(name)?;
        let map = self.memory(&mut state, id, Some(end))?;
        Ok(Tail::of_heap(map))
    }
}
