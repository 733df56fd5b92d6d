//! The columns of a batch: numpy arrays, lists and constants, as rows of floats and indices of assets.

use std::collections::HashMap;
use std::ops::Range;

use gxrisk_core::{Asset, Side};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::convert::{self, shortened};
use crate::error::invalid;

const COLUMNS: [&str; 9] =
    ["asset", "assets", "side", "quantity", "price", "leverage", "stop_loss", "reduce_only", "confidence"];

/// Orders as columns of equal length.
pub struct Rows<'py> {
    pub assets: Vec<Asset>,
    pub codes: Codes<'py>,
    pub side: Column<'py>,
    pub quantity: Column<'py>,
    pub price: Column<'py>,
    pub leverage: Column<'py>,
    pub stop_loss: Column<'py>,
    pub reduce_only: Column<'py>,
    pub confidence: Column<'py>,
}

/// Each row's asset, as an index.
pub enum Codes<'py> {
    /// The first one, in so many rows.
    First(usize),
    /// As the caller gave them.
    Given(PyReadonlyArray1<'py, i64>),
    /// As they were found among the names.
    Found(Vec<u32>),
}

/// The same as the row loop reads it.
#[derive(Clone, Copy)]
pub enum CodeSlice<'a> {
    First,
    Given(&'a [i64]),
    Found(&'a [u32]),
}

impl Codes<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::First(count) => *count,
            Self::Given(codes) => codes.len(),
            Self::Found(codes) => codes.len(),
        }
    }

    pub fn slice(&self) -> PyResult<CodeSlice<'_>> {
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
    pub fn get(self, row: usize) -> usize {
        let found = match self {
            Self::First => Some(0),
            Self::Given(codes) => codes.get(row).and_then(|code| usize::try_from(*code).ok()),
            Self::Found(codes) => codes.get(row).map(|code| *code as usize),
        };
        found.unwrap_or(usize::MAX)
    }
}

/// A column of floats; absent, or the same in every row, without an array.
pub enum Column<'py> {
    Constant(f64),
    Rows(PyReadonlyArray1<'py, f64>),
}

/// A column as the row loop reads it.
#[derive(Clone, Copy)]
pub enum Slice<'a> {
    Constant(f64),
    Rows(&'a [f64]),
}

impl Slice<'_> {
    #[inline]
    pub fn get(self, row: usize) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Rows(rows) => rows.get(row).copied().unwrap_or(f64::NAN),
        }
    }

    pub fn convert(self, rows: Range<usize>, to: &mut [i64], convert: impl Fn(f64) -> i64) {
        match self {
            Self::Constant(value) => to.fill(convert(value)),
            Self::Rows(all) => {
                let values = all.get(rows).unwrap_or_default();
                to.iter_mut().zip(values).for_each(|(to, value)| *to = convert(*value));
            }
        }
    }

    /// Multiplies by the sign: 1, -1, or 0 where there is none.
    pub fn scale(self, rows: Range<usize>, to: &mut [i64]) {
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
    pub fn slice(&self) -> PyResult<Slice<'_>> {
        match self {
            Self::Constant(value) => Ok(Slice::Constant(*value)),
            Self::Rows(rows) => Ok(Slice::Rows(rows.as_slice()?)),
        }
    }
}

impl<'py> Rows<'py> {
    pub fn read(columns: &Bound<'py, PyAny>) -> PyResult<Self> {
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
