//! The disk as SQLite calls it: paths and times. The calls on open files are in `calls`.

use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{ptr, slice, thread};

use rusqlite::ffi;

use super::calls::{Handle, OpenFile};
use super::{Fault, Inner, State};

/// The longest path.
const PATH: c_int = 1024;

/// A VFS that SQLite knows. Dropping it makes SQLite forget it, but its few bytes stay: a connection may outlive the
/// disk's handles and still point to them.
pub struct Registration(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite's calls on the pointer are thread-safe, and the VFS is never freed nor changed by us.
unsafe impl Send for Registration {}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: it was registered and is never freed.
        unsafe { ffi::sqlite3_vfs_unregister(self.0) };
    }
}

/// Registers a disk by a new name.
pub fn register(disk: &Arc<Inner>, name: &str) -> Registration {
    let name = CString::new(name).expect("a name without zeros");
    // SAFETY: the name is a C string.
    assert!(unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) }.is_null(), "the VFS {name:?} is there already");
    let size = size_of::<OpenFile>().try_into().expect("a small struct");
    let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size,
        mxPathname: PATH,
        pNext: ptr::null_mut(),
        zName: name.into_raw(),
        pAppData: Box::into_raw(Box::new(Arc::downgrade(disk))).cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    // SAFETY: the VFS and all it points to are never freed.
    let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
    assert_eq!(code, ffi::SQLITE_OK, "register a VFS");
    Registration(vfs)
}

/// The disk behind a VFS, if it still is.
///
/// # Safety
/// `vfs` came from [`register`].
unsafe fn disk(vfs: *mut ffi::sqlite3_vfs) -> Option<Arc<Inner>> {
    // SAFETY: the VFS and its data are never freed.
    unsafe { (*(*vfs).pAppData.cast::<Weak<Inner>>()).upgrade() }
}

/// A path that SQLite gave.
///
/// # Safety
/// `name` is a C string that lives as long as the call.
unsafe fn path<'a>(name: *const c_char) -> &'a str {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(name) }.to_str().expect("a path in UTF-8")
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for an open file. Without methods it will not close it.
    unsafe { (*file).pMethods = ptr::null() };
    // SAFETY: our VFS.
    let Some(disk) = (unsafe { disk(vfs) }) else { return ffi::SQLITE_CANTOPEN };
    // SAFETY: a C string or null.
    let name = (!name.is_null()).then(|| unsafe { path(name) });
    let mut state = disk.state();
    let id = match find(&mut state, name, flags) {
        Ok(id) => id,
        Err(code) => return code,
    };
    state.node(id).users += 1;
    drop(state);
    let handle = Handle::new(disk, id, flags & ffi::SQLITE_OPEN_READONLY != 0);
    // SAFETY: SQLite gives room for an open file, and `out` is a place or null.
    unsafe {
        file.cast::<OpenFile>().write(OpenFile::new(handle));
        if !out.is_null() {
            *out = flags;
        }
    }
    ffi::SQLITE_OK
}

/// The file to open, new or old.
fn find(state: &mut State, name: Option<&str>, flags: c_int) -> Result<u64, c_int> {
    if state.fails(Fault::Open) {
        return Err(ffi::SQLITE_CANTOPEN);
    }
    if flags & ffi::SQLITE_OPEN_READWRITE != 0 && state.fails(Fault::Perm) {
        return Err(ffi::SQLITE_PERM);
    }
    let Some(name) = name else { return Ok(state.create(None)) };
    let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
    match state.names.get(name) {
        Some(_) if create && flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => Err(ffi::SQLITE_CANTOPEN),
        Some(id) => Ok(*id),
        None if create => Ok(state.create(Some(name.into()))),
        None => Err(ffi::SQLITE_CANTOPEN),
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: our VFS, and a C string.
    let (disk, name) = unsafe { (disk(vfs), path(name)) };
    let Some(disk) = disk else { return ffi::SQLITE_IOERR_DELETE };
    let mut state = disk.state();
    if state.fails(Fault::Perm) {
        return ffi::SQLITE_PERM;
    }
    if state.delete(name, sync != 0) { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_DELETE_NOENT }
}

unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: our VFS, and a C string.
    let (disk, name) = unsafe { (disk(vfs), path(name)) };
    let Some(disk) = disk else { return ffi::SQLITE_IOERR_ACCESS };
    let mut state = disk.state();
    let id = state.names.get(name).copied();
    // As the unix VFS does: an empty file is as good as none.
    let there = id.is_some_and(|id| flags != ffi::SQLITE_ACCESS_EXISTS || state.node(id).pages.len() > 0);
    // SAFETY: SQLite's place for the answer.
    unsafe { *out = there.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a C string.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > usize::try_from(room).unwrap_or(0) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: it fits.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives room for so many bytes.
    let bytes = unsafe { slice::from_raw_parts_mut(out.cast::<u8>(), usize::try_from(count).unwrap_or(0)) };
    let mut rng = super::loss::Rng::new(u64::from(since_epoch().subsec_nanos()));
    bytes.fill_with(|| rng.next().to_le_bytes()[0]);
    count
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    thread::sleep(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
    micros
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite's place for the answer.
    unsafe { *out = 2_440_587.5 + since_epoch().as_secs_f64() / 86_400.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(_: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    let millis = i64::try_from(since_epoch().as_millis()).unwrap_or(0);
    // SAFETY: SQLite's place for the answer: milliseconds since the Julian epoch.
    unsafe { *out = 210_866_760_000_000 + millis };
    ffi::SQLITE_OK
}
