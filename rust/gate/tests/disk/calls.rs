//! SQLite's calls on open files.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::{ptr, slice};

use rusqlite::ffi;

use super::locks::{Level, SHM_LOCKS, ShmUser};
use super::{Fault, Inner, SECTOR};

/// What SQLite keeps for an open file: its own part first, then ours.
#[repr(C)]
pub struct OpenFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

impl OpenFile {
    pub fn new(handle: Handle) -> Self {
        Self { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, handle: Box::into_raw(Box::new(handle)) }
    }
}

/// A connection's hold on a file.
pub struct Handle {
    disk: Arc<Inner>,
    id: u64,
    read_only: bool,
    level: Level,
    shm: Option<ShmUser>,
}

impl Handle {
    pub fn new(disk: Arc<Inner>, id: u64, read_only: bool) -> Self {
        Self { disk, id, read_only, level: Level::None, shm: None }
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The handle behind an open file.
///
/// # Safety
/// SQLite gave the file, which our VFS opened; it makes one call on a file at a time.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: the handle lives until the file is closed.
    unsafe { &mut *(*file.cast::<OpenFile>()).handle }
}

fn index(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or_else(|_| panic!("SQLite gave a number out of range"))
}

fn level(number: c_int) -> Level {
    match number {
        ffi::SQLITE_LOCK_NONE => Level::None,
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        _ => Level::Exclusive,
    }
}

fn busy_unless(done: bool) -> c_int {
    if done { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the box of `OpenFile::new`, freed but here, once.
    let mut handle = unsafe { Box::from_raw((*file.cast::<OpenFile>()).handle) };
    let mut state = handle.disk.state();
    let node = state.node(handle.id);
    node.lock.lower(&mut handle.level, Level::None);
    if let Some(user) = handle.shm.take() {
        node.shm.leave(user);
    }
    node.users -= 1;
    state.tidy(handle.id);
    drop(state);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, out: *mut c_void, count: c_int, offset: i64) -> c_int {
    // SAFETY: our file, and room for so many bytes.
    let (handle, buffer) = unsafe { (handle(file), slice::from_raw_parts_mut(out.cast::<u8>(), index(count))) };
    let mut state = handle.disk.state();
    if state.fails(Fault::Read) {
        return ffi::SQLITE_IOERR_READ;
    }
    let found = state.node(handle.id).pages.read(index(offset), buffer);
    if found == buffer.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, data: *const c_void, count: c_int, offset: i64) -> c_int {
    // SAFETY: our file, and so many bytes.
    let (handle, bytes) = unsafe { (handle(file), slice::from_raw_parts(data.cast::<u8>(), index(count))) };
    let mut state = handle.disk.state();
    if handle.read_only || state.fails(Fault::Perm) {
        return ffi::SQLITE_READONLY;
    }
    if state.fails(Fault::Write) {
        return ffi::SQLITE_IOERR_WRITE;
    }
    if state.fails(Fault::Full) {
        state.write(handle.id, index(offset), &bytes[..bytes.len() / 2]);
        return ffi::SQLITE_FULL;
    }
    state.write(handle.id, index(offset), bytes);
    ffi::SQLITE_OK
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    let mut state = handle.disk.state();
    if handle.read_only || state.fails(Fault::Perm) {
        return ffi::SQLITE_READONLY;
    }
    state.truncate(handle.id, index(size));
    ffi::SQLITE_OK
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    handle.disk.wait_released();
    let mut state = handle.disk.state();
    let ok = !state.fails(Fault::Sync);
    state.sync(handle.id, ok);
    if ok { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_FSYNC }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    let size = handle.disk.state().node(handle.id).pages.len();
    // SAFETY: SQLite's place for the answer.
    unsafe { *out = i64::try_from(size).expect("a size below 2^63") };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, want: c_int) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    busy_unless(handle.disk.state().node(handle.id).lock.raise(&mut handle.level, level(want)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, to: c_int) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    handle.disk.state().node(handle.id).lock.lower(&mut handle.level, level(to));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    let reserved = handle.disk.state().node(handle.id).lock.reserved();
    // SAFETY: SQLite's place for the answer.
    unsafe { *out = reserved.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR.try_into().expect("a small size")
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: our file.
    let powersafe = unsafe { handle(file) }.disk.state().powersafe;
    // Nothing else is promised, and by `Disk::new` not even this.
    if powersafe { ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE } else { 0 }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    let mut state = handle.disk.state();
    let shm = &mut state.node(handle.id).shm;
    handle.shm.get_or_insert_with(|| shm.join());
    let address = shm.region(index(region), index(size), extend != 0);
    // SAFETY: SQLite's place for the answer.
    unsafe { *out = address.map_or(ptr::null_mut(), <*mut _>::cast) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    let range: Range<usize> = index(first)..index(first + count);
    assert!(range.end <= SHM_LOCKS, "SQLite has {SHM_LOCKS} locks");
    let mut state = handle.disk.state();
    let shm = &mut state.node(handle.id).shm;
    let Some(user) = &mut handle.shm else { return ffi::SQLITE_IOERR_SHMLOCK };
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        shm.unlock(user, range);
        return ffi::SQLITE_OK;
    }
    busy_unless(shm.lock(user, range, flags & ffi::SQLITE_SHM_SHARED != 0))
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
    // As the unix VFS does: the mutex orders this call with all others.
    // SAFETY: our file.
    drop(unsafe { handle(file) }.disk.state());
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: our file.
    let handle = unsafe { handle(file) };
    if let Some(user) = handle.shm.take() {
        handle.disk.state().node(handle.id).shm.leave(user);
    }
    ffi::SQLITE_OK
}
