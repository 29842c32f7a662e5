//! How far a consumer came, kept across crashes.

use std::sync::Arc;

use super::disk::Disk;
use super::error::{CursorError, IoError, during};
use super::frame::{array, u32_at, u64_at};
use super::options::SyncPolicy;
use super::store::Store;
use super::{Inner, Offset};

/// The most cursors of a journal.
pub const CURSORS_MAX: usize = 256;

/// The longest result that is kept with a cursor.
pub const RESULT_BYTES_MAX: usize = PLACE_BYTES - HEAD_BYTES;

/// A cursor's file has two places, written in turn.
const PLACE_BYTES: usize = 64 << 10;

const HEAD_BYTES: usize = 48;

/// `cf/curs` and the version.
const MAGIC: [u8; 8] = *b"cf/curs\x01";

const NAME_LEN_MAX: usize = 64;

/// What the journal knows of a cursor.
#[derive(Debug)]
pub(crate) struct CursorState {
    /// None: the file is damaged, and nobody knows what its consumer has read.
    place: Option<Place>,
    is_open: bool,
}

impl CursorState {
    /// The first record that is not done.
    pub(crate) fn position(&self) -> u64 {
        self.place.as_ref().map_or(0, |place| place.position)
    }
}

/// What the intact place with the greater number says.
#[derive(Debug, Clone, Copy)]
struct Place {
    journal: [u8; 16],
    /// Of the write; its lowest bit is the place.
    number: u64,
    position: u64,
    result_bytes: usize,
}

impl Place {
    fn encode(&self, result: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(&self.journal);
        bytes[24..32].copy_from_slice(&self.number.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.position.to_le_bytes());
        let len = u32::try_from(result.len()).unwrap_or(u32::MAX);
        bytes[40..44].copy_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(result);
        let check = check(&bytes);
        bytes[44..48].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD_BYTES>()?;
        let result_bytes = u32_at(head, 40) as usize;
        let all = bytes.get(..HEAD_BYTES.checked_add(result_bytes)?)?;
        (head[..8] == MAGIC && check(all) == u32_at(head, 44)).then(|| Self {
            journal: array(&head[8..24]),
            number: u64_at(head, 24),
            position: u64_at(head, 32),
            result_bytes,
        })
    }

    const fn offset(&self) -> usize {
        if self.number.is_multiple_of(2) {
            0
        } else {
            PLACE_BYTES
        }
    }
}

/// Over all but itself.
fn check(bytes: &[u8]) -> u32 {
    let head = crc_fast::crc32_iscsi(&bytes[..44]);
    head.rotate_left(16) ^ crc_fast::crc32_iscsi(&bytes[HEAD_BYTES..])
}

/// A consumer's place in the journal: [`Journal::cursor`](super::Journal::cursor).
///
/// # Guarantees
///
/// - After a crash it stands where [`commit`](Self::commit) left it, with the result of that commit;
///   or of the one before, if that one did not return. Never between them.
/// - With [`SyncPolicy::Batch`] that holds for a crash of the machine as well. Otherwise the machine
///   may come back with an older one: records are delivered again then.
/// - It is open once at a time.
#[derive(Debug)]
pub struct Cursor {
    inner: Arc<Inner>,
    name: String,
    place: Place,
    result: Vec<u8>,
}

impl Cursor {
    pub(crate) fn open(inner: Arc<Inner>, name: &str, start: Offset) -> Result<Self, CursorError> {
        let store = &inner.store;
        if !is_name(name) {
            let name = name.to_owned();
            return Err(CursorError::Name { name });
        }
        let end = Offset(inner.writer().next);
        let mut cursors = store.cursors();
        let place = match cursors.get(name) {
            Some(state) => known(state, name, store, end)?,
            None if cursors.len() >= CURSORS_MAX => {
                let count = cursors.len();
                return Err(CursorError::TooMany { count });
            }
            None => begin(store, name, start)?,
        };
        let mut result = vec![0; place.result_bytes];
        let from = (place.offset() + HEAD_BYTES) as u64;
        let read = store.disk.read(&file_name(name), from, &mut result);
        read.map_err(during("reading", &file_name(name)))?;
        let state = CursorState {
            place: Some(place),
            is_open: true,
        };
        cursors.insert(name.to_owned(), state);
        drop(cursors);
        Ok(Self {
            name: name.to_owned(),
            place,
            result,
            inner,
        })
    }

    /// The first record that is not done.
    #[must_use]
    pub const fn position(&self) -> Offset {
        Offset(self.place.position)
    }

    /// What was committed with the position; empty at first.
    #[must_use]
    pub fn result(&self) -> &[u8] {
        &self.result
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says that all records before `position` are done, and what came of it: both or neither.
    ///
    /// # Errors
    ///
    /// [`CursorError`]. After [`CursorError::Io`] the file may say either; the cursor here stands
    /// where it stood, and may be committed again.
    ///
    /// # Complexity
    ///
    /// One write, and one sync with [`SyncPolicy::Batch`].
    pub fn commit(&mut self, position: Offset, result: &[u8]) -> Result<(), CursorError> {
        if result.len() > RESULT_BYTES_MAX {
            return Err(CursorError::TooLong {
                bytes: result.len(),
                bytes_max: RESULT_BYTES_MAX,
            });
        }
        if position < self.position() {
            return Err(CursorError::Back {
                position: self.position(),
                asked: position,
            });
        }
        let store = &self.inner.store;
        let end = Offset(self.inner.writer().next);
        if position > end {
            return Err(CursorError::Ahead {
                name: self.name.clone(),
                position,
                end,
            });
        }
        let place = Place {
            number: self.place.number + 1,
            position: position.0,
            result_bytes: result.len(),
            ..self.place
        };
        write(store, &self.name, &place, result)?;
        self.place = place;
        self.result.clear();
        self.result.extend_from_slice(result);
        if let Some(state) = store.cursors().get_mut(&self.name) {
            state.place = Some(place);
        }
        Ok(())
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if let Some(state) = self.inner.store.cursors().get_mut(&self.name) {
            state.is_open = false;
        }
    }
}

fn known(
    state: &CursorState,
    name: &str,
    store: &Store,
    end: Offset,
) -> Result<Place, CursorError> {
    let name = || name.to_owned();
    if state.is_open {
        return Err(CursorError::InUse { name: name() });
    }
    let Some(place) = state.place else {
        return Err(CursorError::Damaged { name: name() });
    };
    if place.journal != store.id {
        return Err(CursorError::Foreign { name: name() });
    }
    let position = Offset(place.position);
    if position > end {
        return Err(CursorError::Ahead {
            name: name(),
            position,
            end,
        });
    }
    Ok(place)
}

/// Makes a cursor's file.
fn begin(store: &Store, name: &str, start: Offset) -> Result<Place, CursorError> {
    let file = file_name(name);
    let place = Place {
        journal: store.id,
        number: 1,
        position: start.0,
        result_bytes: 0,
    };
    let made = store.disk.create(&file, 2 * PLACE_BYTES as u64, true);
    made.map_err(during("making", &file))
        .map_err(CursorError::from)
        .and_then(|()| write(store, name, &place, &[]))
        .and_then(|()| {
            Ok(store
                .disk
                .sync_directory()
                .map_err(during("syncing", &file))?)
        })
        .inspect_err(|_| {
            // What was begun is no cursor; the next open of the journal would take it for none too.
            let _ = store.disk.remove(&file);
        })?;
    Ok(place)
}

fn write(store: &Store, name: &str, place: &Place, result: &[u8]) -> Result<(), CursorError> {
    let file = file_name(name);
    let written = store
        .disk
        .write(&file, place.offset() as u64, &place.encode(result));
    written.map_err(during("writing", &file))?;
    if store.options.policy == SyncPolicy::Batch {
        store.disk.sync(&file).map_err(during("syncing", &file))?;
    }
    Ok(())
}

/// Forgets a consumer.
pub(crate) fn remove(store: &Store, name: &str) -> Result<bool, CursorError> {
    let mut cursors = store.cursors();
    match cursors.get(name) {
        None => return Ok(false),
        Some(state) if state.is_open => {
            let name = name.to_owned();
            return Err(CursorError::InUse { name });
        }
        Some(_) => {}
    }
    let file = file_name(name);
    store
        .disk
        .remove(&file)
        .map_err(during("removing", &file))?;
    cursors.remove(name);
    Ok(true)
}

/// All cursors in a directory.
pub(crate) fn load(
    disk: &dyn Disk,
    names: &[String],
) -> Result<Vec<(String, CursorState)>, IoError> {
    let mut cursors = Vec::new();
    for file in names {
        let Some(name) = file.strip_suffix(".cursor").filter(|name| is_name(name)) else {
            continue;
        };
        let len = disk.len(file).map_err(during("measuring", file))?;
        let len = usize::try_from(len).map_or(2 * PLACE_BYTES, |len| len.min(2 * PLACE_BYTES));
        let mut bytes = vec![0; len];
        disk.read(file, 0, &mut bytes)
            .map_err(during("reading", file))?;
        let (first, second) = bytes.split_at(len.min(PLACE_BYTES));
        let places = [first, second].map(Place::decode);
        let place = places
            .into_iter()
            .flatten()
            .max_by_key(|place| place.number);
        // Nothing was ever committed: a crash while it was begun.
        let is_begun = !first.iter().all(|byte| *byte == 0);
        if place.is_none() && !is_begun {
            disk.remove(file).map_err(during("removing", file))?;
            continue;
        }
        let state = CursorState {
            place,
            is_open: false,
        };
        cursors.push((name.to_owned(), state));
    }
    Ok(cursors)
}

fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_good)
}

fn file_name(name: &str) -> String {
    format!("{name}.cursor")
}
