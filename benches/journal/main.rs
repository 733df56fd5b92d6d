//! The journal beside plain `SQLite`: rates one at a time and 64 at once, recovery, bytes a decision, one file or many.
//!
//! Prints Markdown. Both sides run in turn within a round, a ratio is taken within a round, and the median over the
//! rounds is shown with its quartiles. `--quick` takes fewer rounds and shorter journals; names choose sections.

mod bytes;
mod desk;
mod plain;
mod rates;
mod recovery;
mod rounds;
mod vaults;

use std::path::{Path, PathBuf};

/// How much is run.
#[derive(Clone, Copy)]
struct Extent {
    rounds: usize,
    records: u64,
}

/// A folder that is gone when the run is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let base = std::env::var_os("GXRISK_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let path = base.join(format!("gxrisk-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Section = fn(&Path, Extent);

const SECTIONS: [(&str, Section); 4] =
    [("rates", rates::print), ("vaults", vaults::print), ("bytes", bytes::print), ("recovery", recovery::print)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_quick = words.iter().any(|word| word == "--quick");
    let extent =
        if is_quick { Extent { rounds: 9, records: 20_000 } } else { Extent { rounds: 101, records: 1_000_000 } };
    let is_chosen =
        |name: &str| words.iter().all(|word| word.starts_with('-')) || words.iter().any(|word| word == name);
    let folder = Folder::new();
    for (name, print) in SECTIONS.into_iter().filter(|(name, _)| is_chosen(name)) {
        let place = folder.0.join(name);
        std::fs::create_dir_all(&place).expect("a folder");
        print(&place, extent);
    }
}
