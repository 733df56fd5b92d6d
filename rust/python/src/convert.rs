//! Python values as the gate's numbers, times and names, and back. Nothing is rounded in silence.

use std::path::PathBuf;

use gxrisk_core::asset::check_name;
use gxrisk_core::num::NumberError;
use gxrisk_core::order::{AMOUNT_RANGE, is_amount};
use gxrisk_core::{Asset, Atto, Nano, Origin, Side, Time};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyString, PyType, PyTzInfo,
};

use crate::error::invalid;

const SEEN_CHARS_MAX: usize = 60;

/// A value as an error message shows it: its `repr`, not too long.
pub fn seen(value: &Bound<'_, PyAny>) -> String {
    let text = match value.repr() {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => "a value without a repr".to_owned(),
    };
    cut(text)
}

/// A text as an error message shows it: quoted, not too long.
pub fn shortened(text: &str) -> String {
    cut(format!("{text:?}"))
}

fn cut(text: String) -> String {
    let count = text.chars().count();
    if count <= SEEN_CHARS_MAX {
        return text;
    }
    let head: String = text.chars().take(SEEN_CHARS_MAX).collect();
    format!("{head}… ({count} characters)")
}

/// The nearest ninth digit to a float, by float arithmetic where that is provably the same as by integers.
#[inline]
pub fn from_f64(value: f64) -> Result<Nano, NumberError> {
    small_nano(value).map_or_else(|| Nano::from_f64(value), |raw| Ok(Nano::from_raw(i128::from(raw))))
}

/// The raw nanos of a float that is small enough for float arithmetic to be exact, and no tie.
#[inline]
pub fn small_nano(value: f64) -> Option<i64> {
    const EXACT_BELOW: f64 = 1_125_899_906_842_624.0; // 2^50: there a product is within 1/16 of the exact one
    const WHOLE: f64 = 6_755_399_441_055_744.0; // 1.5 x 2^52: what is added to it is rounded to a whole number
    let scaled = value * 1e9;
    let nearest = (scaled + WHOLE) - WHOLE;
    let is_exact = scaled.abs() < EXACT_BELOW && (scaled - nearest).abs() < 0.4;
    // The bits of a float between 2^52 and 2^53 count whole numbers, so their difference is the number itself.
    let bits = |value: f64| value.to_bits().cast_signed();
    is_exact.then_some(bits(scaled + WHOLE).wrapping_sub(bits(WHOLE)))
}

/// A number of any kind that Python and numpy have, exactly; a float to the nearest ninth digit.
#[inline]
pub fn number(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Nano> {
    let read = if let Ok(float) = value.cast::<PyFloat>() {
        from_f64(float.value())
    } else if let Ok(text) = value.cast::<PyString>() {
        Nano::parse(text.to_str().unwrap_or(""))
    } else if value.is_exact_instance_of::<PyInt>() {
        integer(value)
    } else {
        other_number(value, field)?
    };
    read.map_err(|error| not_a_number(value, field, error))
}

#[cold]
fn not_a_number(value: &Bound<'_, PyAny>, field: &str, error: NumberError) -> PyErr {
    let message = format!(
        "{field} is {}: it {error}; a decimal number with at most nine fractional digits is allowed",
        seen(value)
    );
    invalid(value.py(), message)
}

fn integer(value: &Bound<'_, PyAny>) -> Result<Nano, NumberError> {
    match value.extract::<i64>() {
        Ok(whole) => Ok(Nano::whole(whole)),
        Err(_) => Err(NumberError::TooLarge), // the gate's numbers end at 1e18
    }
}

/// What is rarer: `Decimal`, numpy scalars, int subclasses.
#[cold]
fn other_number(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Result<Nano, NumberError>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = value.py();
    if value.is_instance(DECIMAL.import(py, "decimal", "Decimal")?)? {
        return Ok(Nano::parse(&value.str()?.to_string_lossy()));
    }
    let kind = match value.getattr_opt("dtype")? {
        Some(dtype) if value.getattr_opt("ndim")?.is_none_or(|n| n.extract::<u32>().is_ok_and(|n| n == 0)) => {
            dtype.getattr("kind")?.extract::<String>()?
        }
        Some(_) => "array".to_owned(),
        None if value.is_instance_of::<PyBool>() => "b".to_owned(),
        None if value.is_instance_of::<PyInt>() => "i".to_owned(),
        None => String::new(),
    };
    match kind.as_str() {
        "f" => Ok(Nano::from_f64(value.call_method0("__float__")?.extract()?)),
        "i" | "u" => Ok(integer(&value.call_method0("__int__")?)),
        _ => {
            let kind = value.get_type().name()?.to_string();
            let message =
                format!("{field} is {} of type {kind}; an int, a str, a Decimal or a float is allowed", seen(value));
            Err(invalid(py, message))
        }
    }
}

/// A price, a quantity or an amount of money: above zero.
pub fn amount(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Nano> {
    let read = number(value, field)?;
    if is_amount(read) { Ok(read) } else { Err(out_of_range(value, field, AMOUNT_RANGE)) }
}

/// A number from `min` to `max`.
pub fn between(value: &Bound<'_, PyAny>, field: &str, min: Nano, max: Nano) -> PyResult<Nano> {
    let read = number(value, field)?;
    let fits = (min..=max).contains(&read);
    if fits { Ok(read) } else { Err(out_of_range(value, field, &format!("must be from {min} to {max}"))) }
}

/// An amount that may be negative: a fee, funding.
pub fn signed_amount(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Nano> {
    between(value, field, Nano::ZERO.minus(Nano::MAX).unwrap_or_default(), Nano::MAX)
}

/// The error for a field that lies outside its range.
#[cold]
pub fn out_of_range(value: &Bound<'_, PyAny>, field: &str, allowed: &str) -> PyErr {
    invalid(value.py(), format!("{field} is {}; it {allowed}", seen(value)))
}

/// True or False, Python's or numpy's.
#[inline]
pub fn flag(value: &Bound<'_, PyAny>, field: &str) -> PyResult<bool> {
    value.extract().map_err(|_| out_of_range(value, field, "must be True or False"))
}

/// A whole number from `min` to `max`.
pub fn count(value: &Bound<'_, PyAny>, field: &str, min: u64, max: u64) -> PyResult<u64> {
    let is_number = value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>();
    let read = value.extract::<u64>().ok().filter(|read| is_number && (min..=max).contains(read));
    read.ok_or_else(|| out_of_range(value, field, &format!("must be a whole number from {min} to {max}")))
}

/// Text, or the error that says what was there instead.
#[inline]
pub fn text<'a>(value: &'a Bound<'_, PyAny>, field: &str) -> PyResult<&'a str> {
    match value.cast::<PyString>() {
        Ok(text) => text.to_str().map_err(|_| out_of_range(value, field, "must be text that UTF-8 can hold")),
        Err(_) => Err(out_of_range(value, field, "must be a str")),
    }
}

/// The name of something: 1 to 64 printable ASCII characters without a space.
pub fn name<'a>(value: &'a Bound<'_, PyAny>, field: &str) -> PyResult<&'a str> {
    let name = text(value, field)?;
    check_name(name).map_err(|error| out_of_range(value, field, &error.to_string()))?;
    Ok(name)
}

/// The id of an order or a fill: a name, or an integer that is not negative.
pub fn id(value: &Bound<'_, PyAny>, field: &str) -> PyResult<String> {
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return match value.extract::<u64>() {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err(out_of_range(value, field, "must be a name, or an integer from 0 to 2**64 - 1")),
        };
    }
    name(value, field).map(ToOwned::to_owned)
}

/// An asset by its name.
#[inline]
pub fn asset(value: &Bound<'_, PyAny>) -> PyResult<Asset> {
    Asset::new(text(value, "asset")?).map_err(|error| out_of_range(value, "asset", &error.to_string()))
}

/// `"buy"` or `"sell"`.
#[inline]
pub fn side(value: &Bound<'_, PyAny>) -> PyResult<Side> {
    let word = value.cast::<PyString>().ok().and_then(|word| word.to_str().ok());
    word.and_then(Side::from_word).ok_or_else(|| out_of_range(value, "side", "must be \"buy\" or \"sell\""))
}

/// `"agent"`, `"owner"` or `"protection"`; the agent where nothing is said.
#[inline]
pub fn origin(value: Option<&Bound<'_, PyAny>>) -> PyResult<Origin> {
    let Some(value) = value else { return Ok(Origin::Agent) };
    let word = value.cast::<PyString>().ok().and_then(|word| word.to_str().ok());
    let allowed = "must be \"agent\", \"owner\" or \"protection\"";
    word.and_then(Origin::from_word).ok_or_else(|| out_of_range(value, "origin", allowed))
}

/// A time: RFC 3339 text, an aware datetime, or nanoseconds since 1970 UTC.
pub fn time(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Time> {
    const ALLOWED: &str =
        "must be RFC 3339 text with its zone, an aware datetime, or integer nanoseconds since 1970 UTC";
    let wrong = || out_of_range(value, field, ALLOWED);
    if let Ok(text) = value.cast::<PyString>() {
        return Time::parse(text.to_str().unwrap_or(""))
            .map_err(|error| out_of_range(value, field, &error.to_string()));
    }
    if value.is_instance_of::<PyBool>() {
        return Err(wrong());
    }
    if let Ok(moment) = value.cast::<PyDateTime>() {
        if moment.call_method0("utcoffset")?.is_none() {
            return Err(out_of_range(value, field, "has no time zone; give it one (datetime.timezone.utc)"));
        }
        let since = moment.sub(epoch(value.py())?)?.cast_into::<PyDelta>()?;
        let seconds = i64::from(since.get_days()) * 86_400 + i64::from(since.get_seconds());
        let nanos = i64::from(since.get_microseconds()) * 1_000;
        let total = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
        return total.map(Time::from_nanos).ok_or_else(wrong);
    }
    if value.cast::<PyDate>().is_ok() || value.is_instance_of::<PyFloat>() {
        return Err(wrong());
    }
    value.extract::<i64>().map(Time::from_nanos).map_err(|_| wrong())
}

fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&PyTzInfo::utc(py)?.to_owned()))
}

/// A time as an aware datetime, cut to microseconds.
pub fn datetime(py: Python<'_>, time: Time) -> PyResult<Bound<'_, PyAny>> {
    let micros = time.nanos().div_euclid(1_000);
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let part = |value: i64| i32::try_from(value).unwrap_or_default();
    let delta = PyDelta::new(py, part(days), part(rest / 1_000_000), part(rest % 1_000_000), true)?;
    epoch(py)?.add(delta)
}

fn decimal(py: Python<'_>, text: String) -> PyResult<Bound<'_, PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")?.call1((text,))
}

/// A number as an exact `Decimal`.
pub fn nano(py: Python<'_>, value: Nano) -> PyResult<Bound<'_, PyAny>> {
    decimal(py, value.to_string())
}

/// An amount of money as an exact `Decimal`.
pub fn atto(py: Python<'_>, value: Atto) -> PyResult<Bound<'_, PyAny>> {
    decimal(py, value.to_string())
}

/// A number that may be absent.
pub fn nano_or_none(py: Python<'_>, value: Option<Nano>) -> PyResult<Option<Bound<'_, PyAny>>> {
    value.map(|value| nano(py, value)).transpose()
}

/// A path, text or `os.PathLike`: that of now, also when the process moves on to another folder.
pub fn path(value: &Bound<'_, PyAny>, field: &str) -> PyResult<PathBuf> {
    let wrong = |_| PyTypeError::new_err(format!("{field} is {}; it must be a path", seen(value)));
    let path: PathBuf = value.extract().map_err(wrong)?;
    if path.as_os_str().is_empty() {
        return Err(out_of_range(value, field, "must be a path"));
    }
    Ok(std::path::absolute(path)?)
}

/// Bytes, or text of twice as many hexadecimal digits.
pub fn bytes(value: &Bound<'_, PyAny>, field: &str) -> PyResult<Vec<u8>> {
    let given = if let Ok(text) = value.cast::<PyString>() {
        let digits = text.to_str()?.as_bytes();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
        digits.chunks(2).map(pair).collect()
    } else {
        value.cast::<PyBytes>().ok().map(|bytes| bytes.as_bytes().to_vec())
    };
    given.ok_or_else(|| out_of_range(value, field, "must be bytes, or text of hexadecimal digits"))
}

fn exactly<const N: usize>(value: &Bound<'_, PyAny>, field: &str) -> PyResult<[u8; N]> {
    let wrong = || out_of_range(value, field, &format!("must be {N} bytes, or {} hexadecimal digits", 2 * N));
    bytes(value, field).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}

/// A public key or a hash: 32 bytes.
pub fn key(value: &Bound<'_, PyAny>, field: &str) -> PyResult<[u8; 32]> {
    exactly(value, field)
}

/// A signature: 64 bytes.
pub fn signature(value: &Bound<'_, PyAny>, field: &str) -> PyResult<[u8; 64]> {
    exactly(value, field)
}
