//! From the rows of a journal back to the engine: every hash is checked, every record after the last checkpoint replayed.

use std::path::{Path, PathBuf};

use gxrisk_core::{Engine, Event};

use super::frame::{Fault, chained, check, genesis, hash_of, unframed};
use super::store::{Checkpoint, Store};
use super::{FORMAT, Hash, JournalError};

/// What the rows of a journal come to.
pub(crate) struct Rebuilt {
    pub engine: Engine,
    /// The hash of the last record.
    pub head: Hash,
    /// The last epoch that anyone began.
    pub epoch: u64,
    pub replayed: u64,
    /// How long those are.
    pub replayed_bytes: usize,
    /// How long the checkpoint is.
    pub checkpoint_bytes: usize,
}

/// A walk along the chain, row by row.
pub(crate) struct Chain {
    path: PathBuf,
    pub head: Hash,
    pub last: u64,
    pub epoch: u64,
}

impl Chain {
    pub fn new(path: &Path, vault_id: &str) -> Self {
        Self { path: path.to_owned(), head: genesis(vault_id), last: 0, epoch: 0 }
    }

    /// An error that names a record.
    pub fn damaged(&self, sequence: u64, what: impl Into<String>) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), sequence, what: what.into() }
    }

    /// A fault of a record's frame.
    pub fn fault(&self, sequence: u64, fault: Fault) -> JournalError {
        match fault {
            Fault::Newer(format) => {
                let what = format!("record {sequence} of {}", self.path.display());
                JournalError::Newer { what, seen: u64::from(format) }
            }
            Fault::Incomplete => self.damaged(sequence, "it is shorter than it says"),
            Fault::Unreadable => self.damaged(sequence, format!("it cannot be read as a record of format {FORMAT}")),
        }
    }

    fn comes_next(&self, sequence: u64) -> Result<(), JournalError> {
        let next = self.last.saturating_add(1);
        if sequence == next {
            return Ok(());
        }
        Err(self.damaged(next, format!("it is missing; the next one is {sequence}")))
    }

    /// Takes the next row in: its number, its frame and its hash must follow.
    pub fn step(&mut self, sequence: u64, frame: &[u8], hash: &[u8]) -> Result<(), JournalError> {
        self.comes_next(sequence)?;
        let head = chained(&self.head, frame);
        if head != hash {
            // A frame that says so itself is better news than a hash.
            check(frame).map_err(|fault| self.fault(sequence, fault))?;
            return Err(self.damaged(sequence, "its bytes are not those of its hash"));
        }
        let epoch = check(frame).map_err(|fault| self.fault(sequence, fault))?;
        if epoch < self.epoch {
            return Err(self.damaged(sequence, format!("its epoch {epoch} is before {}", self.epoch)));
        }
        (self.head, self.last, self.epoch) = (head, sequence, epoch);
        Ok(())
    }

    /// Whether the last row comes next, and is shorter than it was: not whole with another length before it.
    fn cut_short(&self, sequence: u64, frame: &[u8], hash: &[u8]) -> Result<(), JournalError> {
        self.comes_next(sequence)?;
        let rest = frame.get(4..).unwrap_or_default();
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX).to_be_bytes();
        if chained(&self.head, &[&length, rest].concat()) == hash {
            return Err(self.damaged(sequence, "its length is not that of its bytes"));
        }
        Ok(())
    }
}

/// Drops a last record that was not wholly written, where nothing else is wrong; gives its bytes.
pub(crate) fn drop_incomplete(store: &mut Store, path: &Path) -> Result<u64, JournalError> {
    let Some((last, frame)) = store.last_frame()? else { return Ok(0) };
    if check(&frame) != Err(Fault::Incomplete) {
        return Ok(0);
    }
    let mut chain = Chain::new(path, &store.owner()?.0);
    store.scan(0, usize::MAX, |sequence, frame, hash| {
        if sequence == last { chain.cut_short(sequence, frame, hash) } else { chain.step(sequence, frame, hash) }
    })?;
    store.drop_last(last)?;
    Ok(u64::try_from(frame.len()).unwrap_or(u64::MAX))
}

/// Rebuilds the engine; refuses a journal that is not as it was written, and says where.
pub(crate) fn rebuild(store: &Store, path: &Path) -> Result<Rebuilt, JournalError> {
    let (vault_id, epoch) = store.owner()?;
    let mut chain = Chain::new(path, &vault_id);
    let checkpoint = store.checkpoint()?;
    let start = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
    let mut engine = None;
    let (mut limits, mut replayed, mut replayed_bytes) = (None, 0, 0);
    store.scan(0, usize::MAX, |sequence, frame, hash| {
        chain.step(sequence, frame, hash)?;
        if sequence <= start {
            return Ok(());
        }
        let record = unframed(frame, &mut limits).map_err(|fault| chain.fault(sequence, fault))?;
        let before = match (&checkpoint, engine.take()) {
            (Some(checkpoint), None) => Some(restored(&chain, checkpoint, &record.event)?),
            (_, before) => before,
        };
        let followed = match before {
            Some(mut engine) => engine.follow(&record).map(|()| engine),
            None => Engine::begun(&record),
        };
        engine = Some(followed.ok_or_else(|| chain.damaged(sequence, "it does not follow on the records before it"))?);
        (replayed, replayed_bytes) = (replayed + 1, replayed_bytes + frame.len());
        Ok(())
    })?;
    if engine.is_none() && start > 0 {
        return Err(chain.damaged(chain.last.saturating_add(1), "records are missing before a checkpoint"));
    }
    let Some(engine) = engine else {
        // A checkpoint is written with the record that tells of it.
        if chain.last > 0 || checkpoint.is_some() {
            return Err(chain.damaged(chain.last.saturating_add(1), "it is missing; there is a checkpoint before it"));
        }
        let what = "it holds no record: making the vault was interrupted; make it again".to_owned();
        return Err(JournalError::Foreign { path: path.to_owned(), what });
    };
    if engine.vault_id() != vault_id {
        return Err(chain.damaged(1, format!("it names vault {:?}, the file {vault_id:?}", engine.vault_id())));
    }
    let checkpoint_bytes = checkpoint.map_or(0, |checkpoint| checkpoint.state.len());
    let epoch = epoch.max(chain.epoch);
    Ok(Rebuilt { engine, head: chain.head, epoch, replayed, replayed_bytes, checkpoint_bytes })
}

/// The engine of a checkpoint, which the record after it vouches for.
fn restored(chain: &Chain, checkpoint: &Checkpoint, after: &Event) -> Result<Engine, JournalError> {
    let digest = hash_of(&[&checkpoint.state]);
    let is_told = matches!(after, Event::Checkpointed { digest: told } if *told == digest);
    let engine = Engine::from_checkpoint(&checkpoint.state).filter(|_| is_told);
    let engine = engine.filter(|engine| engine.sequence() == checkpoint.sequence);
    engine.ok_or_else(|| chain.damaged(checkpoint.sequence, "the checkpoint after it is not as it was written"))
}
