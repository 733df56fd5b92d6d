//! Where the gate's time comes from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use gxrisk_core::Time;

/// A source of time. The gate never lets it go back.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Time;
}

/// The machine's clock, in UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_nanos());
        // A clock before 1970 or after 2262 is broken; the gate keeps the last time it saw.
        Time::from_nanos(since.ok().and_then(|nanos| i64::try_from(nanos).ok()).unwrap_or(0))
    }
}

/// A clock that goes only when told: for replays and tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at a time.
    pub fn new(start: Time) -> Self {
        Self(AtomicI64::new(start.nanos()))
    }

    /// Sets it; back, too, which gates do not follow.
    pub fn set(&self, time: Time) {
        self.0.store(time.nanos(), Ordering::Release);
    }

    /// Moves it by nanoseconds; stops at the ends of time.
    pub fn advance(&self, nanos: i64) {
        let step = |now: i64| Some(now.saturating_add(nanos));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
    }
}

impl Clock for ManualClock {
    #[inline]
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Acquire))
    }
}
