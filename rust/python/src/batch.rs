//! `validate_batch`: numpy columns in, one mask a row out, the GIL released.

use std::thread;

use gxrisk_core::decide::decide;
use gxrisk_core::decide::room::{Numbers, Room};
use gxrisk_core::num::NumberError;
use gxrisk_core::order::{FieldError, Terms};
use gxrisk_core::{Asset, Nano, Origin, Side};
use gxrisk_gate::{Batch, Gate};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::columns::{CodeSlice, Rows, Slice};
use crate::convert;
use crate::error::{invalid, raise};

/// The most threads that share a batch.
const THREADS_MAX: u64 = 64;

/// A float as raw nanos; what 64 bits cannot hold exactly becomes a number that is in no box.
#[inline]
fn raw_nano(value: f64) -> i64 {
    convert::small_nano(value).unwrap_or(i64::MIN)
}

/// Judges every row by itself against the vault as it is now.
pub fn validate<'py>(
    py: Python<'py>,
    gate: &Gate,
    columns: &Bound<'py, PyAny>,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let threads = threads.map(|threads| convert::count(threads, "threads", 1, THREADS_MAX)).transpose()?.unwrap_or(1);
    let rows = Rows::read(columns)?;
    let count = rows.codes.len();
    let batch = gate.batch(&rows.assets).map_err(|error| raise(py, error))?;
    let slices = Slices::new(&rows)?;
    let (assets, codes) = (&rows.assets, rows.codes.slice()?);
    let workers = usize::try_from(threads).unwrap_or(1).min(count.div_ceil(4_096).max(1));
    let mut masks = vec![0_u32; count];
    let chunk = count.div_ceil(workers).max(1);
    let wrong = py.detach(|| {
        let judge =
            |(index, part): (usize, &mut [u32])| judge_rows(&batch, assets, codes, &slices, index * chunk, part);
        if workers == 1 {
            return judge((0, &mut masks)).err();
        }
        thread::scope(|scope| {
            let parts = masks.chunks_mut(chunk).enumerate();
            let tasks: Vec<_> = parts.map(|part| scope.spawn(move || judge(part))).collect();
            let ends =
                tasks.into_iter().map(|task| task.join().unwrap_or(Err(BadRow { row: 0, problem: Problem::Bug })));
            ends.filter_map(Result::err).min_by_key(|bad| bad.row)
        })
    });
    match wrong {
        Some(bad) => Err(invalid(py, bad.message(&slices))),
        None => Ok(PyArray1::from_vec(py, masks)),
    }
}

struct BadRow {
    row: usize,
    problem: Problem,
}

enum Problem {
    Number(&'static str, NumberError),
    Field(FieldError),
    Asset,
    Bug,
}

impl BadRow {
    fn message(&self, slices: &Slices<'_>) -> String {
        let row = self.row;
        let seen = |field: &str| slices.named(field).map_or(f64::NAN, |column| column.get(row));
        match &self.problem {
            Problem::Number(field, error) => format!("row {row}: {field} is {}: it {error}", seen(field)),
            Problem::Field(FieldError { field, allowed }) => {
                format!("row {row}: {field} is {}; it {allowed}", seen(field))
            }
            Problem::Asset => format!("row {row}: the asset's code is not an index of the column \"assets\""),
            Problem::Bug => "a thread of the batch met a bug; nothing was judged".to_owned(),
        }
    }
}

struct Slices<'a> {
    side: Slice<'a>,
    quantity: Slice<'a>,
    price: Slice<'a>,
    leverage: Slice<'a>,
    stop_loss: Slice<'a>,
    reduce_only: Slice<'a>,
    confidence: Slice<'a>,
}

impl<'a> Slices<'a> {
    fn new(rows: &'a Rows<'_>) -> PyResult<Self> {
        Ok(Self {
            side: rows.side.slice()?,
            quantity: rows.quantity.slice()?,
            price: rows.price.slice()?,
            leverage: rows.leverage.slice()?,
            stop_loss: rows.stop_loss.slice()?,
            reduce_only: rows.reduce_only.slice()?,
            confidence: rows.confidence.slice()?,
        })
    }

    fn named(&self, field: &str) -> Option<Slice<'a>> {
        Some(match field {
            "side" => self.side,
            "quantity" => self.quantity,
            "price" => self.price,
            "leverage" => self.leverage,
            "stop_loss" => self.stop_loss,
            "reduce_only" => self.reduce_only,
            "confidence" => self.confidence,
            _ => return None,
        })
    }

    /// One row's numbers, checked, into `terms`.
    #[inline]
    fn read_into(&self, row: usize, terms: &mut Terms) -> Result<(), Problem> {
        let number = |field, value| convert::from_f64(value).map_err(|error| Problem::Number(field, error));
        let optional = |field, value: f64| if value.is_nan() { Ok(None) } else { number(field, value).map(Some) };
        terms.side = match self.side.get(row) {
            side if side > 0.0 => Side::Buy,
            side if side < 0.0 => Side::Sell,
            _ => {
                return Err(Problem::Field(FieldError {
                    field: "side",
                    allowed: "must be \"buy\" or above 0, \"sell\" or below 0",
                }));
            }
        };
        terms.quantity = number("quantity", self.quantity.get(row))?;
        terms.price = optional("price", self.price.get(row))?;
        terms.leverage = optional("leverage", self.leverage.get(row))?.unwrap_or(Nano::ONE);
        terms.stop_loss = optional("stop_loss", self.stop_loss.get(row))?;
        let reduce_only = self.reduce_only.get(row);
        terms.reduce_only = !reduce_only.is_nan() && reduce_only != 0.0;
        terms.confidence = number("confidence", self.confidence.get(row))?;
        terms.check().map_err(Problem::Field)
    }
}

fn judge_rows(
    batch: &Batch,
    assets: &[Asset],
    codes: CodeSlice<'_>,
    slices: &Slices<'_>,
    first: usize,
    masks: &mut [u32],
) -> Result<(), BadRow> {
    let blank = |asset: &Asset| Terms {
        asset: *asset,
        side: Side::Buy,
        quantity: Nano::ONE,
        price: None,
        leverage: Nano::ONE,
        stop_loss: None,
        take_profit: None,
        reduce_only: false,
        confidence: Nano::ONE,
    };
    let mut templates: Vec<Terms> = assets.iter().map(blank).collect();
    let room = |(code, terms): (usize, &Terms)| {
        let facts = batch.facts(code);
        [Side::Buy, Side::Sell].map(|side| Room::of(facts.as_ref()?, terms, side))
    };
    let rooms: Vec<[Option<Room>; 2]> = templates.iter().enumerate().map(room).collect();
    let mut block = Block::default();
    for (index, masks) in masks.chunks_mut(Block::ROWS).enumerate() {
        let start = first + index * Block::ROWS;
        block.read(slices, start, masks.len());
        for (offset, mask) in masks.iter_mut().enumerate() {
            let row = start + offset;
            let bad = |problem| BadRow { row, problem };
            let code = codes.get(row);
            if rooms.get(code).is_some_and(|rooms| block.surely_passes(offset, rooms)) {
                continue; // the mask is zero from the start
            }
            let (Some(terms), Some(facts)) = (templates.get_mut(code), batch.facts(code)) else {
                return Err(bad(Problem::Asset));
            };
            slices.read_into(row, terms).map_err(bad)?;
            *mask = decide(facts, terms, Origin::Agent).0;
        }
    }
    Ok(())
}

/// Some rows as raw nanos, converted column by column: most orders lie in the box of those that all pass, and need no
/// more than this.
struct Block {
    side: [i64; Self::ROWS],
    quantity: [i64; Self::ROWS],
    price: [i64; Self::ROWS],
    leverage: [i64; Self::ROWS],
    stop_loss: [i64; Self::ROWS],
    confidence: [i64; Self::ROWS],
}

impl Default for Block {
    fn default() -> Self {
        let none = [0; Self::ROWS];
        Self { side: none, quantity: none, price: none, leverage: none, stop_loss: none, confidence: none }
    }
}

impl Block {
    const ROWS: usize = 512;
    const ONE: i64 = 1_000_000_000;

    fn read(&mut self, slices: &Slices<'_>, start: usize, count: usize) {
        let rows = start..start + count;
        // A reduction lies in no box: its side becomes none.
        slices.reduce_only.convert(rows.clone(), &mut self.side, |value| i64::from(value == 0.0));
        slices.side.scale(rows.clone(), &mut self.side);
        slices.quantity.convert(rows.clone(), &mut self.quantity, raw_nano);
        let or = |absent: i64| move |value: f64| if value.is_nan() { absent } else { raw_nano(value) };
        slices.price.convert(rows.clone(), &mut self.price, or(Numbers::NO_PRICE));
        slices.leverage.convert(rows.clone(), &mut self.leverage, or(Self::ONE));
        slices.stop_loss.convert(rows.clone(), &mut self.stop_loss, raw_nano);
        slices.confidence.convert(rows, &mut self.confidence, raw_nano);
    }

    #[inline]
    fn surely_passes(&self, row: usize, [buys, sells]: &[Option<Room>; 2]) -> bool {
        let row = row % Self::ROWS; // known to be below it: no bounds to check
        let (room, side) = match self.side[row] {
            1 => (buys, Side::Buy),
            -1 => (sells, Side::Sell),
            _ => return false,
        };
        let numbers = Numbers {
            quantity: self.quantity[row],
            price: self.price[row],
            leverage: self.leverage[row],
            stop_loss: self.stop_loss[row],
            confidence: self.confidence[row],
        };
        room.as_ref().is_some_and(|room| room.holds(&numbers, side))
    }
}
