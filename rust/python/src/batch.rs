//! `validate_batch`: numpy columns in, one mask a row out, the GIL released.

use std::collections::HashMap;
use std::ops::Range;
use std::thread;

use gxrisk_core::decide::decide;
use gxrisk_core::decide::room::{Numbers, Room};
use gxrisk_core::num::NumberError;
use gxrisk_core::order::{FieldError, Terms};
use gxrisk_core::{Asset, Nano, Origin, Side};
use gxrisk_gate::{Batch, Gate};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::convert::{self, shortened};
use crate::error::{invalid, raise};

const COLUMNS: [&str; 9] =
    ["asset", "assets", "side", "quantity", "price", "leverage", "stop_loss", "reduce_only", "confidence"];

/// The most threads that share a batch.
const THREADS_MAX: u64 = 64;

/// Orders as columns of equal length.
struct Rows<'py> {
    assets: Vec<Asset>,
    codes: Codes<'py>,
    side: Column<'py>,
    quantity: Column<'py>,
    price: Column<'py>,
    leverage: Column<'py>,
    stop_loss: Column<'py>,
    reduce_only: Column<'py>,
    confidence: Column<'py>,
}

/// Each row's asset, as an index.
enum Codes<'py> {
    /// The first one, in so many rows.
    First(usize),
    /// As the caller gave them.
    Given(PyReadonlyArray1<'py, i64>),
    /// As they were found among the names.
    Found(Vec<u32>),
}

/// The same as the row loop reads it.
#[derive(Clone, Copy)]
enum CodeSlice<'a> {
    First,
    Given(&'a [i64]),
    Found(&'a [u32]),
}

impl Codes<'_> {
    fn len(&self) -> usize {
        match self {
            Self::First(count) => *count,
            Self::Given(codes) => codes.len(),
            Self::Found(codes) => codes.len(),
        }
    }

    fn slice(&self) -> PyResult<CodeSlice<'_>> {
        Ok(match self {
            Self::First(_) => CodeSlice::First,
            Self::Given(codes) => CodeSlice::Given(codes.as_slice()?),
            Self::Found(codes) => CodeSlice::Found(codes),
        })
    }
}

impl CodeSlice<'_> {
    /// The index; past every asset where there is none, which the row loop reports with its row.
    #[inline]
    fn get(self, row: usize) -> usize {
        let found = match self {
            Self::First => Some(0),
            Self::Given(codes) => codes.get(row).and_then(|code| usize::try_from(*code).ok()),
            Self::Found(codes) => codes.get(row).map(|code| *code as usize),
        };
        found.unwrap_or(usize::MAX)
    }
}

/// A column of floats; absent, or the same in every row, without an array.
enum Column<'py> {
    Constant(f64),
    Rows(PyReadonlyArray1<'py, f64>),
}

/// A column as the row loop reads it.
#[derive(Clone, Copy)]
enum Slice<'a> {
    Constant(f64),
    Rows(&'a [f64]),
}

impl Slice<'_> {
    #[inline]
    fn get(self, row: usize) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Rows(rows) => rows.get(row).copied().unwrap_or(f64::NAN),
        }
    }

    fn convert(self, rows: Range<usize>, to: &mut [i64], convert: impl Fn(f64) -> i64) {
        match self {
            Self::Constant(value) => to.fill(convert(value)),
            Self::Rows(all) => {
                let values = all.get(rows).unwrap_or_default();
                to.iter_mut().zip(values).for_each(|(to, value)| *to = convert(*value));
            }
        }
    }

    /// Multiplies by the sign: 1, -1, or 0 where there is none.
    fn scale(self, rows: Range<usize>, to: &mut [i64]) {
        let sign = |value: f64| i64::from(value > 0.0) - i64::from(value < 0.0);
        match self {
            Self::Constant(value) => to.iter_mut().for_each(|to| *to *= sign(value)),
            Self::Rows(all) => {
                let values = all.get(rows).unwrap_or_default();
                to.iter_mut().zip(values).for_each(|(to, value)| *to *= sign(*value));
            }
        }
    }
}

impl Column<'_> {
    fn slice(&self) -> PyResult<Slice<'_>> {
        match self {
            Self::Constant(value) => Ok(Slice::Constant(*value)),
            Self::Rows(rows) => Ok(Slice::Rows(rows.as_slice()?)),
        }
    }
}

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

impl<'py> Rows<'py> {
    fn read(columns: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = columns.py();
        let Ok(mapping) = columns.cast::<PyMapping>() else {
            return Err(convert::out_of_range(columns, "columns", "must be a mapping of column names to arrays"));
        };
        for name in mapping.keys()? {
            if !COLUMNS.contains(&name.to_string().as_str()) {
                return Err(invalid(
                    py,
                    format!("{} is not a column; the columns are {}", convert::seen(&name), COLUMNS.join(", ")),
                ));
            }
        }
        let column = |name: &str| -> PyResult<Option<Bound<'py, PyAny>>> {
            if mapping.contains(name)? { mapping.get_item(name).map(Some) } else { Ok(None) }
        };
        let needed = |name: &str| column(name)?.ok_or_else(|| invalid(py, format!("the column \"{name}\" is missing")));
        let floats = |name: &str, absent: f64| match column(name)? {
            Some(values) => Column::read(name, &values),
            None => Ok(Column::Constant(absent)),
        };
        let quantity = Column::read("quantity", &needed("quantity")?)?;
        let side = Column::read_side(&needed("side")?)?;
        let asset = needed("asset")?;
        let lengths = [&quantity, &side].into_iter().find_map(Column::len);
        let (assets, codes) = read_assets(&asset, column("assets")?.as_ref(), lengths)?;
        let rows = Self {
            assets,
            codes,
            side,
            quantity,
            price: floats("price", f64::NAN)?,
            leverage: floats("leverage", f64::NAN)?,
            stop_loss: floats("stop_loss", f64::NAN)?,
            reduce_only: floats("reduce_only", 0.0)?,
            confidence: Column::read("confidence", &needed("confidence")?)?,
        };
        rows.check_lengths(py)?;
        Ok(rows)
    }

    fn check_lengths(&self, py: Python<'_>) -> PyResult<()> {
        let count = self.codes.len();
        for (name, column) in [
            ("side", &self.side),
            ("quantity", &self.quantity),
            ("price", &self.price),
            ("leverage", &self.leverage),
            ("stop_loss", &self.stop_loss),
            ("reduce_only", &self.reduce_only),
            ("confidence", &self.confidence),
        ] {
            if let Some(length) = column.len().filter(|length| *length != count) {
                return Err(invalid(
                    py,
                    format!("the column \"{name}\" has {length} rows where \"asset\" has {count}"),
                ));
            }
        }
        Ok(())
    }
}

impl<'py> Column<'py> {
    fn read(name: &str, values: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = values.py();
        if let Ok(rows) = values.extract::<PyReadonlyArray1<'py, f64>>()
            && rows.is_contiguous()
        {
            return Ok(Self::Rows(rows));
        }
        let array = array_of(values, name)?;
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        // Truth is no number, except where truth is asked for.
        let is_numeric = matches!(kind.as_str(), "f" | "i" | "u" | "O") || (kind == "b" && name == "reduce_only");
        if !is_numeric {
            return Err(invalid(py, format!("the column \"{name}\" must be one row of numbers")));
        }
        let options = PyDict::new(py);
        options.set_item("dtype", "f8")?;
        let floats = py.import("numpy")?.call_method("ascontiguousarray", (array,), Some(&options));
        let rows = floats.and_then(|floats| floats.extract::<PyReadonlyArray1<'py, f64>>());
        rows.map(Self::Rows).map_err(|error| {
            invalid(py, format!("the column \"{name}\" cannot be read as one row of floats: {}", error.value(py)))
        })
    }

    /// `"buy"` and `"sell"`, or numbers above and below zero.
    fn read_side(values: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = values.py();
        if values.is_instance_of::<PyString>() {
            return Ok(Self::Constant(if convert::side(values)? == Side::Buy { 1.0 } else { -1.0 }));
        }
        let array = array_of(values, "side")?;
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        if matches!(kind.as_str(), "f" | "i") {
            return Self::read("side", &array);
        }
        let (words, codes) = factorise(&array, "side")?;
        let signs = words
            .iter()
            .map(|word| match Side::from_word(word) {
                Some(Side::Buy) => Ok(1.0),
                Some(Side::Sell) => Ok(-1.0),
                None => Err(invalid(
                    py,
                    format!("the column \"side\" holds {}; it must be \"buy\" or \"sell\"", shortened(word)),
                )),
            })
            .collect::<PyResult<Vec<f64>>>()?;
        let rows: Vec<f64> = codes.iter().map(|code| signs.get(*code as usize).copied().unwrap_or(f64::NAN)).collect();
        Ok(Self::Rows(PyArray1::from_vec(py, rows).readonly()))
    }

    fn len(&self) -> Option<usize> {
        match self {
            Self::Constant(_) => None,
            Self::Rows(rows) => Some(rows.len()),
        }
    }
}

fn read_assets<'py>(
    asset: &Bound<'py, PyAny>,
    names: Option<&Bound<'py, PyAny>>,
    count: Option<usize>,
) -> PyResult<(Vec<Asset>, Codes<'py>)> {
    let py = asset.py();
    if asset.is_instance_of::<PyString>() {
        return Ok((vec![convert::asset(asset)?], Codes::First(count.unwrap_or(1))));
    }
    let array = array_of(asset, "asset")?;
    if let Some(names) = names {
        let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        let is_whole = matches!(kind.as_str(), "i" | "u") || array.len()? == 0;
        let given = array.extract::<PyReadonlyArray1<'_, i64>>().ok().filter(|codes| codes.is_contiguous());
        let codes = match given {
            Some(codes) => Ok(codes),
            None => array.call_method1("astype", ("i8",)).and_then(|codes| codes.extract()),
        };
        let codes = codes
            .ok()
            .filter(|_| is_whole)
            .ok_or_else(|| invalid(py, "the column \"asset\" must be one row of integer codes beside \"assets\""))?;
        let listed =
            names.try_iter().map_err(|_| convert::out_of_range(names, "assets", "must be a list of asset names"))?;
        let assets = listed.map(|name| convert::asset(&name?)).collect::<PyResult<Vec<_>>>()?;
        return Ok((assets, Codes::Given(codes)));
    }
    let (words, codes) = factorise(&array, "asset")?;
    let assets = words
        .iter()
        .map(|word| {
            Asset::new(word)
                .map_err(|error| invalid(py, format!("the column \"asset\" holds {}; it {error}", shortened(word))))
        })
        .collect::<PyResult<Vec<_>>>()?;
    Ok((assets, Codes::Found(codes)))
}

/// An array of numbers as it is; text as objects, for numpy's own text forgets zeros at its end.
fn array_of<'py>(values: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = values.py();
    if values.cast::<PyUntypedArray>().is_ok() {
        return Ok(values.clone());
    }
    let numpy = py.import("numpy")?;
    let array = numpy.call_method1("asarray", (values,)).map_err(|error| {
        invalid(py, format!("the column \"{name}\" must be one row of values: {}", error.value(py)))
    })?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    if kind != "U" {
        return Ok(array);
    }
    let options = PyDict::new(py);
    options.set_item("dtype", "O")?;
    numpy.call_method("asarray", (values,), Some(&options))
}

/// The distinct words of an array, and each row's index among them.
fn factorise(array: &Bound<'_, PyAny>, name: &str) -> PyResult<(Vec<String>, Vec<u32>)> {
    let py = array.py();
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let untyped = array.cast::<PyUntypedArray>()?;
    if untyped.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    if untyped.ndim() != 1 || !matches!(kind.as_str(), "U" | "O" | "T") {
        return Err(invalid(py, format!("the column \"{name}\" must be one row of text")));
    }
    if kind == "U" {
        return factorise_fixed(array);
    }
    let (mut words, mut codes, mut known) = (Vec::new(), Vec::new(), HashMap::new());
    for value in array.try_iter()? {
        let value = value?;
        let word = convert::text(&value, name)?;
        let next = u32::try_from(words.len()).unwrap_or(u32::MAX);
        let code = *known.entry(word.to_owned()).or_insert(next);
        if code == next {
            words.push(word.to_owned());
        }
        codes.push(code);
    }
    Ok((words, codes))
}

/// The same for numpy's fixed-width text, without making a Python object a row.
fn factorise_fixed(array: &Bound<'_, PyAny>) -> PyResult<(Vec<String>, Vec<u32>)> {
    let py = array.py();
    let width: usize = array.getattr("dtype")?.getattr("itemsize")?.extract::<usize>()? / 4;
    let native = array.getattr("dtype")?.call_method1("newbyteorder", ("=",))?;
    let whole = py.import("numpy")?.call_method1("ascontiguousarray", (array, native))?;
    let letters: PyReadonlyArray1<'_, u32> = whole.call_method1("view", ("u4",))?.extract()?;
    let letters = letters.as_slice()?;
    let (mut words, mut codes) = (Vec::new(), Vec::with_capacity(letters.len() / width.max(1)));
    let mut known: HashMap<&[u32], u32> = HashMap::new();
    let mut last: (&[u32], u32) = (&[], 0);
    for row in letters.chunks_exact(width.max(1)) {
        if row != last.0 {
            let next = u32::try_from(words.len()).unwrap_or(u32::MAX);
            let code = *known.entry(row).or_insert(next);
            if code == next {
                // Zeros at the end are numpy's padding; one inside is part of the text, and no name.
                let end = row.iter().rposition(|letter| *letter != 0).map_or(0, |last| last + 1);
                let letters = row.iter().take(end).map(|letter| char::from_u32(*letter).unwrap_or('\u{fffd}'));
                words.push(letters.collect());
            }
            last = (row, code);
        }
        codes.push(last.1);
    }
    Ok((words, codes))
}
