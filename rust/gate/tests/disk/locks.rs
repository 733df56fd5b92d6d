//! File locks and shared memory among the connections of one process.

use std::ops::Range;
use std::sync::atomic::AtomicU64;

/// How many locks shared memory has: `SQLITE_SHM_NLOCK`.
pub const SHM_LOCKS: usize = 8;

/// A lock on a file, in SQLite's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    #[default]
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

/// Who holds which lock on a file: any number shared, and one of them more.
#[derive(Default)]
pub struct FileLock {
    shared: usize,
    top: Level,
}

impl FileLock {
    /// Raises a holder's lock. False is SQLite's busy; the holder may then be left with a pending lock.
    pub fn raise(&mut self, own: &mut Level, want: Level) -> bool {
        if *own >= want {
            return true;
        }
        // The one with more than a shared lock is another.
        let other = self.top > Level::Shared && *own <= Level::Shared;
        if want == Level::Shared {
            if self.top >= Level::Pending {
                return false;
            }
            self.shared += 1;
            *own = want;
            return true;
        }
        if other {
            return false;
        }
        let free = want != Level::Exclusive || self.shared == 1;
        *own = if free { want } else { Level::Pending };
        self.top = *own;
        free
    }

    /// Lowers a holder's lock to shared or none.
    pub fn lower(&mut self, own: &mut Level, to: Level) {
        if *own <= to {
            return;
        }
        if *own > Level::Shared {
            self.top = Level::None;
        }
        if to == Level::None {
            self.shared -= 1;
        }
        *own = to;
    }

    /// Whether anyone has more than a shared lock.
    pub fn reserved(&self) -> bool {
        self.top >= Level::Reserved
    }
}

/// The shared memory of one database, and its locks.
#[derive(Default)]
pub struct Shm {
    // Atomics, since SQLite reads and writes them by pointer from many threads.
    regions: Vec<Box<[AtomicU64]>>,
    // Above zero: how many share it. -1: held alone.
    locks: [i32; SHM_LOCKS],
    users: usize,
}

/// What one connection holds of a shared memory: bits of its locks.
#[derive(Default)]
pub struct ShmUser {
    shared: u8,
    alone: u8,
}

fn bits(range: &Range<usize>) -> u8 {
    range.clone().fold(0, |bits, at| bits | 1 << at)
}

impl Shm {
    /// A new user.
    pub fn join(&mut self) -> ShmUser {
        self.users += 1;
        ShmUser::default()
    }

    /// Frees a user's locks; the memory goes with the last user.
    pub fn leave(&mut self, mut user: ShmUser) {
        self.unlock(&mut user, 0..SHM_LOCKS);
        self.users -= 1;
        if self.users == 0 {
            self.regions.clear();
        }
    }

    /// A region's address, which holds until the last user leaves; none if it is not there and may not be made.
    pub fn region(&mut self, index: usize, bytes: usize, extend: bool) -> Option<*mut AtomicU64> {
        while extend && self.regions.len() <= index {
            self.regions.push((0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect());
        }
        self.regions.get(index).map(|region| region.as_ptr().cast_mut())
    }

    /// Takes locks, all or none. False is busy.
    pub fn lock(&mut self, user: &mut ShmUser, range: Range<usize>, shared: bool) -> bool {
        let mask = bits(&range);
        if shared {
            if user.shared & mask != 0 {
                return true;
            }
            if self.locks[range.clone()].iter().any(|&lock| lock < 0) {
                return false;
            }
            self.locks[range].iter_mut().for_each(|lock| *lock += 1);
            user.shared |= mask;
        } else {
            if self.locks[range.clone()].iter().any(|&lock| lock != 0) {
                return false;
            }
            self.locks[range].fill(-1);
            user.alone |= mask;
        }
        true
    }

    /// Frees those of the locks that the user holds.
    pub fn unlock(&mut self, user: &mut ShmUser, range: Range<usize>) {
        for at in range {
            let bit = 1 << at;
            if user.alone & bit != 0 {
                self.locks[at] = 0;
            } else if user.shared & bit != 0 {
                self.locks[at] -= 1;
            }
            user.alone &= !bit;
            user.shared &= !bit;
        }
    }
}
