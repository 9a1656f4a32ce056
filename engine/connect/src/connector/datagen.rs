//! `datagen`: made-up rows, as Flink's connector of that name makes them, but seeded: the same options give
//! the same rows at any shard count.
//!
//! A value is a pure function of seed, column and row number (the mixer is SplitMix64: Steele, Lea, Flood,
//! "Fast splittable pseudorandom number generators", 2014).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, Time32MillisecondArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Limits, Result, TableDef, duration_ms};

use super::options::parsed_option;
use super::pace::Pace;
use super::{Connector, Location, OptionDef, Position, Source, Split, SplitReader, Step};
use crate::format::Decoded;

/// Made-up rows.
pub(super) static DATAGEN: Connector = Connector {
    name: "datagen",
    about: "made-up rows, the same for the same seed",
    options: &[
        option("rows-per-second", "default 10000; 0 = as fast as possible"),
        option("number-of-rows", "the source ends after so many; default: never"),
        option("seed", "another seed, other rows; default 0"),
        option("fields.#.kind", "random (default) or sequence"),
        option("fields.#.min", "least random value"),
        option("fields.#.max", "greatest random value"),
        option("fields.#.length", "characters or bytes of a random text; default 100"),
        option("fields.#.var-len", "'true': random texts are up to that long"),
        option("fields.#.max-past", "random timestamps lie up to this far before fields.#.now"),
        option("fields.#.now", "the latest random timestamp, in milliseconds since 1970"),
        option("fields.#.null-rate", "the share of NULLs, 0 to 1"),
        option("fields.#.start", "first value of a sequence"),
        option("fields.#.end", "last value of a sequence; the source ends with it"),
    ],
    takes_format: false,
    needs_format: false,
    metadata: &[],
    source: Some(|table| Ok(Box::new(Datagen::new(table)?))),
    sink: None,
};

const fn option(name: &'static str, about: &'static str) -> OptionDef {
    OptionDef { name, about, required: false }
}

/// Row `n` belongs to split `n % SPLITS`: all splits move through time together, and their number does not
/// depend on the shards.
const SPLITS: u64 = 8;

/// 2026-01-01: random timestamps end here unless told otherwise, so that runs repeat.
const DEFAULT_NOW_MS: i64 = 1_767_225_600_000;

#[derive(Debug, Clone)]
enum Values {
    Integers { min: i64, max: i64 },
    Doubles { min: f64, max: f64 },
    Texts { length: usize, varies: bool },
    Flags,
    Sequence { start: i64 },
}

#[derive(Debug, Clone)]
struct Column {
    values: Values,
    null_rate: f64,
    seed: u64,
    data_type: DataType,
}

struct Datagen {
    columns: Vec<Column>,
    schema: SchemaRef,
    rows: Option<u64>,
    rows_per_second: Option<f64>,
}

impl Datagen {
    fn new(table: &TableDef) -> Result<Datagen> {
        let seed: u64 = parsed_option(table, "seed", 0, "a whole number")?;
        let mut rows = match table.option("number-of-rows") {
            None => None,
            Some(_) => Some(parsed_option(table, "number-of-rows", 0u64, "a whole number")?),
        };
        let rate: f64 = match table.option("rows-per-second") {
            Some("unlimited") => 0.0,
            _ => parsed_option(table, "rows-per-second", 10_000.0, "rows a second")?,
        };
        let known = |name: &str| table.schema.fields().iter().any(|field| field.name() == name);
        for name in table.options.keys().filter_map(|name| name.strip_prefix("fields.")) {
            let column = name.rsplit_once('.').map_or(name, |(column, _)| column);
            if !known(column) {
                return Err(Error::query(format!("option 'fields.{name}': no column `{column}`")));
            }
        }
        let mut columns = vec![];
        for (number, field) in table.schema.fields().iter().enumerate() {
            let (column, end) = column(table, field, mix(seed ^ mix(number as u64 + 1)))?;
            if let Some(length) = end {
                rows = Some(rows.map_or(length, |rows| rows.min(length)));
            }
            columns.push(column);
        }
        let rows_per_second = (rate > 0.0).then_some(rate);
        Ok(Datagen { columns, schema: table.schema.clone(), rows, rows_per_second })
    }

    fn rows_of(&self, split: u64) -> Option<u64> {
        self.rows.map(|rows| (rows + SPLITS - 1).saturating_sub(split) / SPLITS)
    }
}

/// The generator of a column, and how many rows its sequence has.
fn column(table: &TableDef, field: &FieldRef, seed: u64) -> Result<(Column, Option<u64>)> {
    let name = |option: &str| format!("fields.{}.{option}", field.name());
    let kind_name = name("kind");
    let null_rate = parsed_option(table, &name("null-rate"), 0.0, "a share from 0 to 1")?;
    let column = |values| Column { values, null_rate, seed, data_type: field.data_type().clone() };
    match table.option(&kind_name).unwrap_or("random") {
        "random" => Ok((column(random(table, field)?), None)),
        "sequence" => {
            let start: i64 = parsed_option(table, &name("start"), 0, "a whole number")?;
            let end: i64 = parsed_option(table, &name("end"), i64::MAX, "a whole number")?;
            let length = (end < i64::MAX).then(|| (i128::from(end) - i128::from(start) + 1).max(0) as u64);
            Ok((column(Values::Sequence { start }), length))
        }
        other => Err(Error::query(format!("'{kind_name}' = '{other}': expected random or sequence"))),
    }
}

fn random(table: &TableDef, field: &FieldRef) -> Result<Values> {
    let name = |option: &str| format!("fields.{}.{option}", field.name());
    let integers = |least: i64, most: i64| -> Result<Values> {
        let min = parsed_option(table, &name("min"), least, "a whole number")?;
        let max = parsed_option(table, &name("max"), most, "a whole number")?;
        match min <= max && min >= least && max <= most {
            true => Ok(Values::Integers { min, max }),
            false => Err(Error::query(format!("column `{}`: no values from {min} to {max}", field.name()))),
        }
    };
    match field.data_type() {
        DataType::Boolean => Ok(Values::Flags),
        DataType::Int8 => integers(i64::from(i8::MIN), i64::from(i8::MAX)),
        DataType::Int16 => integers(i64::from(i16::MIN), i64::from(i16::MAX)),
        DataType::Int32 => integers(i64::from(i32::MIN), i64::from(i32::MAX)),
        DataType::Int64 => integers(i64::MIN, i64::MAX),
        DataType::Date32 => integers(0, 40_000),
        DataType::Time32(_) => integers(0, 86_399_999),
        DataType::Timestamp(_, _) => {
            let now: i64 = parsed_option(table, &name("now"), DEFAULT_NOW_MS, "milliseconds since 1970")?;
            let past = match table.option(&name("max-past")) {
                None => 0,
                Some(text) => duration_ms(text).ok_or_else(|| {
                    Error::query(format!("'{}' = '{text}' is not a duration", name("max-past")))
                })?,
            };
            Ok(Values::Integers { min: now.saturating_sub(past as i64), max: now })
        }
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(_, _) => {
            let most = match field.data_type() {
                DataType::Decimal128(precision, scale) => {
                    10f64.powi(i32::from(*precision) - i32::from(*scale)) - 1.0
                }
                _ => f64::from(f32::MAX),
            };
            let min = parsed_option(table, &name("min"), 0.0, "a number")?;
            let max = parsed_option(table, &name("max"), most, "a number")?;
            Ok(Values::Doubles { min, max })
        }
        DataType::Utf8 | DataType::Binary => Ok(Values::Texts {
            length: parsed_option(table, &name("length"), 100, "a whole number")?,
            varies: parsed_option(table, &name("var-len"), false, "'true' or 'false'")?,
        }),
        other => Err(Error::query(format!("column `{}`: datagen makes no {other}", field.name()))
            .hint("use BOOLEAN, numbers, STRING, BYTES, DATE, TIME or TIMESTAMP")),
    }
}

impl Source for Datagen {
    fn bounded(&self) -> bool {
        self.rows.is_some()
    }

    fn splits(&self, _shards: usize) -> Result<Vec<Split>> {
        let split = |number: u64| Split {
            name: format!("datagen-{number}"),
            location: Location::Made,
            bytes: None,
            rows: self.rows_of(number),
            detail: number.to_string(),
        };
        Ok((0..SPLITS).map(split).collect())
    }

    fn open(&self, split: &Split, projection: &[usize], _limits: &Limits) -> Result<Box<dyn SplitReader>> {
        let number: u64 =
            split.detail.parse().map_err(|_| Error::bug(format!("no datagen split {}", split.detail)))?;
        let fields: Vec<FieldRef> = projection.iter().map(|own| self.schema.fields()[*own].clone()).collect();
        Ok(Box::new(Reader {
            columns: projection.iter().map(|own| self.columns[*own].clone()).collect(),
            schema: Arc::new(Schema::new(fields)),
            split: number,
            made: 0,
            rows: self.rows_of(number).unwrap_or(u64::MAX),
            pace: Pace::new(self.rows_per_second.map(|rate| rate / SPLITS as f64)),
        }))
    }
}

struct Reader {
    columns: Vec<Column>,
    schema: SchemaRef,
    split: u64,
    made: u64,
    rows: u64,
    pace: Pace,
}

impl SplitReader for Reader {
    fn position(&self) -> Position {
        Position { rows: self.made, offset: 0 }
    }

    fn seek(&mut self, position: Position) -> Result<()> {
        self.made = position.rows;
        self.pace.seek(position.rows);
        Ok(())
    }

    fn step(&mut self, max_rows: usize, now_ms: u64) -> Result<Step> {
        let most = (self.rows - self.made).min(max_rows as u64) as usize;
        if most == 0 {
            return Ok(Step::End);
        }
        let count = match self.pace.allow(self.made, most, now_ms) {
            Ok(count) => count as u64,
            Err(until_ms) => return Ok(Step::Wait { until_ms }),
        };
        let numbers = (self.made..self.made + count).map(|row| row * SPLITS + self.split);
        let columns = self.columns.iter().map(|own| own.make(numbers.clone())).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count as usize));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("making rows: {error}")))?;
        let first_row = self.made;
        self.made += count;
        let bytes = rows.get_array_memory_size() as u64;
        Ok(Step::Rows(Decoded { rows: Some(rows), kinds: RowKinds::Insert, first_row, bytes, bad: vec![] }))
    }

    fn supply(&mut self, _bytes: Vec<u8>) -> Result<()> {
        Err(Error::bug("made-up rows need no bytes"))
    }
}

/// SplitMix64's finalizer.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1) from 53 of the bits.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

impl Column {
    fn bits(&self, row: u64) -> u64 {
        mix(self.seed.wrapping_add(row.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    fn is_null(&self, row: u64) -> bool {
        self.null_rate > 0.0 && unit(mix(!self.bits(row))) < self.null_rate
    }

    fn integer(&self, row: u64) -> i64 {
        match &self.values {
            Values::Sequence { start } => start.wrapping_add(row as i64),
            Values::Integers { min, max } => {
                let span = max.wrapping_sub(*min) as u64;
                // The high half of the product is uniform enough, and cheaper than a remainder.
                let offset = match span.checked_add(1) {
                    Some(count) => ((u128::from(self.bits(row)) * u128::from(count)) >> 64) as u64,
                    None => self.bits(row),
                };
                min.wrapping_add(offset as i64)
            }
            _ => self.double(row) as i64,
        }
    }

    fn double(&self, row: u64) -> f64 {
        match &self.values {
            Values::Doubles { min, max } => min + unit(self.bits(row)) * (max - min),
            _ => self.integer(row) as f64,
        }
    }

    /// Hexadecimal digits, as Flink's random strings.
    fn text(&self, row: u64) -> String {
        let Values::Texts { length, varies } = self.values else { return self.integer(row).to_string() };
        let length = if varies { 1 + self.bits(row) as usize % length.max(1) } else { length };
        let mut text = String::with_capacity(length + 15);
        let mut word = self.bits(row);
        while text.len() < length {
            word = mix(word);
            for digit in 0..16 {
                text.push(char::from(b"0123456789abcdef"[(word >> (4 * digit)) as usize & 15]));
            }
        }
        text.truncate(length);
        text
    }

    fn make(&self, rows: impl Iterator<Item = u64> + Clone) -> Result<ArrayRef> {
        let integers = || rows.clone().map(|row| (!self.is_null(row)).then(|| self.integer(row)));
        let doubles = || rows.clone().map(|row| (!self.is_null(row)).then(|| self.double(row)));
        let texts = || rows.clone().map(|row| (!self.is_null(row)).then(|| self.text(row)));
        let array: ArrayRef = match &self.data_type {
            DataType::Boolean => Arc::new(BooleanArray::from_iter(
                rows.clone().map(|row| (!self.is_null(row)).then(|| self.bits(row) & 1 == 1)),
            )),
            DataType::Int8 => Arc::new(Int8Array::from_iter(integers().map(|own| own.map(|own| own as i8)))),
            DataType::Int16 => {
                Arc::new(Int16Array::from_iter(integers().map(|own| own.map(|own| own as i16))))
            }
            DataType::Int32 => {
                Arc::new(Int32Array::from_iter(integers().map(|own| own.map(|own| own as i32))))
            }
            DataType::Date32 => {
                Arc::new(Date32Array::from_iter(integers().map(|own| own.map(|own| own as i32))))
            }
            DataType::Time32(_) => {
                Arc::new(Time32MillisecondArray::from_iter(integers().map(|own| own.map(|own| own as i32))))
            }
            DataType::Int64 => Arc::new(Int64Array::from_iter(integers())),
            DataType::Float64 => Arc::new(Float64Array::from_iter(doubles())),
            DataType::Float32 => {
                Arc::new(Float32Array::from_iter(doubles().map(|own| own.map(|own| own as f32))))
            }
            DataType::Decimal128(precision, scale) => {
                let factor = 10f64.powi(i32::from(*scale));
                let decimals = doubles().map(|own| own.map(|own| (own * factor) as i128));
                let made = Decimal128Array::from_iter(decimals).with_precision_and_scale(*precision, *scale);
                Arc::new(made.map_err(|error| Error::bug(format!("making decimals: {error}")))?)
            }
            DataType::Timestamp(_, zone) => {
                let made = TimestampMillisecondArray::from_iter(integers()).with_timezone_opt(zone.clone());
                arrow::compute::cast(&made, &self.data_type)
                    .map_err(|error| Error::bug(format!("making timestamps: {error}")))?
            }
            DataType::Binary => {
                let bytes: Vec<Option<Vec<u8>>> = texts().map(|own| own.map(String::into_bytes)).collect();
                Arc::new(BinaryArray::from_iter(bytes))
            }
            _ => Arc::new(StringArray::from_iter(texts())),
        };
        Ok(array)
    }
}
