//! Which of a file's writes arrive when the power fails.

use std::sync::Arc;

use super::{Pages, SECTOR};

/// A change to a file's bytes.
pub enum Op {
    Write(usize, Arc<[u8]>),
    Truncate(usize),
}

impl Op {
    fn apply(&self, pages: &mut Pages) {
        match self {
            Self::Write(offset, bytes) => pages.write(*offset, bytes),
            Self::Truncate(len) => pages.set_len(*len),
        }
    }
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Not synced yet: it arrives or not.
    Pending,
    /// Synced.
    Durable,
    /// Its sync failed: no later sync saves it, though it may have arrived.
    Doomed,
}

/// A file: what is durable of it, what reads show, and the changes between them.
#[derive(Default)]
pub struct History {
    settled: Pages,
    pub cache: Pages,
    // Durable changes stay here, in their order, only behind a doomed one.
    ops: Vec<(Op, Fate)>,
}

impl History {
    pub fn holding(pages: &Pages) -> Self {
        Self { settled: pages.clone(), cache: pages.clone(), ops: Vec::new() }
    }

    pub fn push(&mut self, op: Op) {
        op.apply(&mut self.cache);
        self.ops.push((op, Fate::Pending));
    }

    /// Ends the wait of all pending changes.
    pub fn settle(&mut self, to: Fate) {
        self.ops.iter_mut().filter(|(_, fate)| *fate == Fate::Pending).for_each(|(_, fate)| *fate = to);
        if self.ops.iter().all(|(_, fate)| *fate == Fate::Durable) {
            self.ops.drain(..).for_each(|(op, _)| op.apply(&mut self.settled));
        }
    }

    /// What is durable.
    pub fn durable(&self) -> Pages {
        let mut pages = self.settled.clone();
        self.ops.iter().filter(|(_, fate)| *fate == Fate::Durable).for_each(|(op, _)| op.apply(&mut pages));
        pages
    }

    /// Whether each change arrives: if durable, surely; else with odds in eight.
    pub fn arrivals(&self, rng: &mut Rng, odds: usize) -> Vec<bool> {
        self.ops.iter().map(|(_, fate)| *fate == Fate::Durable || rng.below(8) < odds).collect()
    }

    /// Whether a change is a write that the failing power may tear.
    pub fn tearable(&self, at: usize) -> bool {
        matches!(&self.ops[at], (Op::Write(_, bytes), fate) if *fate != Fate::Durable && !bytes.is_empty())
    }
}

/// A file with the changes that arrived, one of them perhaps torn.
pub fn build(file: &History, arrivals: &[bool], torn: Option<usize>, powersafe: bool, rng: &mut Rng) -> Pages {
    let mut pages = file.settled.clone();
    for (at, ((op, _), arrives)) in file.ops.iter().zip(arrivals).enumerate() {
        match op {
            Op::Write(offset, bytes) if torn == Some(at) => tear(&mut pages, *offset, bytes, powersafe, rng),
            _ if *arrives => op.apply(&mut pages),
            // The new size may arrive without the bytes.
            Op::Write(offset, bytes) if rng.below(4) == 0 => pages.set_len(pages.len().max(offset + bytes.len())),
            _ => {}
        }
    }
    // Or the bytes without the new size.
    let durable = file.durable().len();
    if pages.len() > durable && rng.below(4) == 0 {
        pages.set_len(durable);
    }
    pages
}

/// Writes as much as the failing power lets through. Power-safe, it spoils no byte but those it writes.
fn tear(pages: &mut Pages, offset: usize, bytes: &[u8], powersafe: bool, rng: &mut Rng) {
    let end = offset + bytes.len();
    let cut = offset + rng.below(bytes.len());
    let sector = cut / SECTOR * SECTOR;
    let next = sector + SECTOR;
    let way = rng.below(4);
    // The end alone arrives: a disk may write its sectors in any order.
    if way == 0 {
        if next < end {
            pages.write(next, &bytes[next - offset..]);
        }
        return;
    }
    // Else the start: whole sectors (1), a part of a sector and junk to its end (2), or a whole sector of junk (3).
    let kept = if way == 2 { cut } else { sector };
    pages.write(offset, &bytes[..kept.saturating_sub(offset)]);
    if way > 1 {
        let limit = if powersafe { end } else { end.max(pages.len()) };
        let kept = if powersafe { kept.max(offset) } else { kept };
        let mut junk = vec![0; next.min(limit) - kept];
        if rng.below(2) == 0 {
            junk.fill_with(|| rng.next().to_le_bytes()[0]);
        }
        pages.write(kept, &junk);
    }
}

/// Random numbers from a seed: SplitMix64.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}
