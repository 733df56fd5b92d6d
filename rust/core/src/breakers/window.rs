//! The marks of the last minutes, as far as they can still be the highest or the lowest.

use std::collections::VecDeque;

use crate::num::Nano;
use crate::time::Time;

/// From this many entries on, marks of one second are merged, keeping the extreme and the later time.
const EXACT_ENTRIES_MAX: usize = 512;

/// One mark, numbered so that what is new since the last event can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub price: Nano,
    pub time: Time,
    pub number: u64,
}

/// Prices and times of lows and highs, without the numbers that only telling needs.
pub(crate) type Content = (Vec<(Nano, Time)>, Vec<(Nano, Time)>);

/// Lowest and highest mark of a sliding window, both ends included.
///
/// Two monotonic queues: an entry leaves when a later one is at least as extreme, for then it can never matter again.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct PriceWindow {
    lows: VecDeque<Point>,
    highs: VecDeque<Point>,
}

impl PriceWindow {
    /// The lowest and the highest mark that is not forgotten.
    pub fn extremes(&self) -> Option<(Point, Point)> {
        Some((*self.lows.front()?, *self.highs.front()?))
    }

    /// Forgets the marks before a time.
    pub fn forget_before(&mut self, first: Time) {
        for queue in [&mut self.lows, &mut self.highs] {
            while queue.front().is_some_and(|point| point.time < first) {
                queue.pop_front();
            }
        }
    }

    /// Takes in the newest mark.
    pub fn push(&mut self, point: Point) {
        push_extreme(&mut self.lows, point, |new, old| new <= old);
        push_extreme(&mut self.highs, point, |new, old| new >= old);
    }

    /// The prices and times of the lows and of the highs.
    pub fn content(&self) -> Content {
        let plain = |queue: &VecDeque<Point>| queue.iter().map(|point| (point.price, point.time)).collect();
        (plain(&self.lows), plain(&self.highs))
    }

    /// The window with that content, all of it told.
    pub fn of((lows, highs): Content) -> Self {
        let told = |queue: Vec<(Nano, Time)>| queue.into_iter().map(|(price, time)| Point { price, time, number: 0 });
        Self { lows: told(lows).collect(), highs: told(highs).collect() }
    }

    /// The marks numbered after `number`, in their order.
    pub fn since(&self, number: u64) -> Vec<Point> {
        let new =
            |queue: &VecDeque<Point>| queue.iter().rev().take_while(|p| p.number > number).copied().collect::<Vec<_>>();
        let mut points = new(&self.lows);
        points.extend(new(&self.highs));
        points.sort_unstable_by_key(|point| point.number);
        points.dedup_by_key(|point| point.number);
        points
    }
}

fn push_extreme(queue: &mut VecDeque<Point>, point: Point, is_extreme: impl Fn(Nano, Nano) -> bool) {
    while queue.back().is_some_and(|last| is_extreme(point.price, last.price)) {
        queue.pop_back();
    }
    // INVARIANT: what is left at the back is more extreme than the new mark, so a merge keeps its price.
    if queue.len() >= EXACT_ENTRIES_MAX
        && let Some(last) = queue.back_mut()
        && last.time.second() == point.time.second()
    {
        last.time = point.time;
        return;
    }
    queue.push_back(point);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use proptest::prelude::*;

    proptest! {
        /// Against the plain definition: the extremes of all marks within the span.
        #[test]
        fn extremes_are_those_of_all_marks_in_the_window(steps in prop::collection::vec((0_i64..40, 1_i64..50), 1..80)) {
            let (mut window, mut all, mut time) = (PriceWindow::default(), Vec::new(), 0);
            for (number, (wait, price)) in steps.into_iter().enumerate() {
                time += wait;
                let (at, price) = (Time::from_nanos(time), Nano::whole(price));
                window.push(Point { price, time: at, number: number as u64 });
                all.push((time, price));
                let seen: Vec<_> = all.iter().filter(|(t, _)| *t >= time - 100).map(|(_, p)| *p).collect();
                window.forget_before(at.before(Span::from_nanos(100)));
                let (low, high) = window.extremes().unwrap();
                prop_assert_eq!((low.price, high.price), (*seen.iter().min().unwrap(), *seen.iter().max().unwrap()));
            }
        }
    }

    #[test]
    fn a_fast_feed_stays_bounded_and_keeps_its_extreme() {
        let mut window = PriceWindow::default();
        let span = Span::seconds(300);
        let at = |number: u64| Time::from_nanos(i64::try_from(number).unwrap() * 1_000_000);
        for number in 0..2_000_000_u64 {
            window.push(Point { price: Nano::whole(i64::try_from(number).unwrap() + 1), time: at(number), number });
            window.forget_before(at(number).before(span));
        }
        assert!(window.lows.len() <= EXACT_ENTRIES_MAX + 302, "{}", window.lows.len());
        let (low, _) = window.extremes().unwrap();
        let oldest = Nano::whole(2_000_000 - 300_000);
        assert!(low.price <= oldest, "the merge must never forget an extreme");
    }
}
