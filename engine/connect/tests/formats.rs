//! Every format gives the same rows however its bytes are cut, and survives any bytes.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test panics when it cannot go on")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use millrace_connect::format::{BadRow, DecodeRequest, Decoded, FORMATS, Format};
use millrace_flow::RowKinds;
use millrace_plan::{Result, RowKind};
use proptest::prelude::*;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("price", DataType::Float64, true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]))
}

/// The rows of bytes in the given pieces; the last piece repeats.
fn decode(
    format: &Format,
    bytes: &[u8],
    pieces: &[usize],
    max_rows: usize,
) -> Result<(Vec<RecordBatch>, Vec<BadRow>)> {
    let decoded = decode_all(format, bytes, pieces, max_rows)?;
    let bad = decoded.iter().flat_map(|own| own.bad.clone()).collect();
    Ok((decoded.into_iter().filter_map(|own| own.rows).collect(), bad))
}

/// The kinds of these rows.
fn decode_kinds(
    format: &Format,
    bytes: &[u8],
    pieces: &[usize],
    max_rows: usize,
) -> Result<(Vec<RowKind>, Vec<BadRow>)> {
    let decoded = decode_all(format, bytes, pieces, max_rows)?;
    let bad = decoded.iter().flat_map(|own| own.bad.clone()).collect();
    let kinds = decoded.iter().flat_map(|own| {
        let rows = own.rows.as_ref().map_or(0, RecordBatch::num_rows);
        (0..rows).map(|row| own.kinds.get(row))
    });
    Ok((kinds.collect(), bad))
}

fn decode_all(format: &Format, bytes: &[u8], pieces: &[usize], max_rows: usize) -> Result<Vec<Decoded>> {
    let request = DecodeRequest {
        table_schema: schema(),
        projection: vec![1, 0, 2, 3, 4],
        options: [("csv.null-literal".to_string(), "NULL".to_string())].into(),
        row_bytes: 1 << 16,
    };
    let mut decoder = format.decoder.unwrap()(&request)?;
    let whole = decoder.chunk_bytes().is_none();
    let (mut found, mut at, mut turn) = (vec![], 0, 0);
    loop {
        let len = if whole { bytes.len() } else { pieces[turn % pieces.len()].min(bytes.len() - at) };
        turn += 1;
        at += len;
        let last = at == bytes.len();
        decoder.supply(bytes[at - len..at].to_vec(), last)?;
        while let Some(decoded) = decoder.decode(max_rows)? {
            found.push(decoded);
        }
        if last {
            return Ok(found);
        }
    }
}

type Row = (Option<i64>, Option<String>, Option<f64>, Option<bool>, Option<i64>);

fn row() -> impl Strategy<Value = Row> {
    let text = prop_oneof!["\\PC{0,8}", "[\"\\\\,\n\r\t a-c]{0,6}"];
    let number = any::<f64>().prop_filter("finite", |own| own.is_finite());
    (
        proptest::option::of(any::<i64>()),
        proptest::option::of(text),
        proptest::option::of(number),
        proptest::option::of(any::<bool>()),
        proptest::option::of(-62_000_000_000_000i64..250_000_000_000_000),
    )
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1.clone()))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.3))),
        Arc::new(TimestampMillisecondArray::from_iter(rows.iter().map(|row| row.4))),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

proptest! {
    #[test]
    fn rows_come_back_however_the_bytes_are_cut(
        rows in proptest::collection::vec(row(), 1..30),
        pieces in proptest::collection::vec(1usize..200, 1..5),
        max_rows in 1usize..20,
    ) {
        let written = batch(&rows);
        for format in FORMATS.iter().filter(|own| own.decoder.is_some() && own.encoder.is_some()) {
            let options = [("csv.null-literal".to_string(), "NULL".to_string())].into();
            let mut encoder = format.encoder.unwrap()(&schema(), &options).unwrap();
            let mut bytes = vec![];
            encoder.encode(&written, &RowKinds::Insert, &mut bytes).unwrap();
            encoder.finish(&mut bytes).unwrap();
            let (batches, bad) = decode(format, &bytes, &pieces, max_rows).unwrap();
            prop_assert_eq!(&bad, &vec![], "{}", format.name);
            prop_assert!(batches.iter().all(|own| own.num_rows() <= max_rows));
            let found = concat_batches(&batches[0].schema(), &batches).unwrap();
            let expected = written.project(&[1, 0, 2, 3, 4]).unwrap();
            prop_assert_eq!(found.columns(), expected.columns(), "{}", format.name);
        }
    }

    /// `changelog-json` keeps kinds; Debezium's form, as Flink writes it, knows what comes and what goes.
    #[test]
    fn kinds_come_back_however_the_bytes_are_cut(
        rows in proptest::collection::vec((row(), 0u8..4), 1..30),
        pieces in proptest::collection::vec(1usize..200, 1..5),
        max_rows in 1usize..20,
    ) {
        let kinds: Vec<RowKind> = rows.iter().map(|(_, kind)| RowKind::from_u8(*kind).unwrap()).collect();
        let rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
        for format in FORMATS.iter().filter(|own| own.reads_changes) {
            let mut encoder = format.encoder.unwrap()(&schema(), &Default::default()).unwrap();
            let mut bytes = vec![];
            encoder.encode(&batch(&rows), &RowKinds::from_kinds(kinds.clone()), &mut bytes).unwrap();
            let (found, bad) = decode_kinds(format, &bytes, &pieces, max_rows).unwrap();
            prop_assert_eq!(bad, vec![], "{}", format.name);
            let expected: Vec<RowKind> = kinds.iter().map(|kind| match (format.name, kind.weight() > 0) {
                ("changelog-json", _) => *kind,
                (_, true) => RowKind::Insert,
                (_, false) => RowKind::Delete,
            }).collect();
            prop_assert_eq!(found, expected, "{}", format.name);
        }
    }

    #[test]
    fn any_bytes_are_rows_bad_rows_or_an_error(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "[\\[\\]{}\",:\\\\0-9a-z.\\-+ \n]{0,300}".prop_map(String::into_bytes),
            "(\\{\"op\":\"[+-][IUD]\",\"row\":\\[[0-9a-z,\"]{0,9}\\]?\\}\n){0,9}".prop_map(String::into_bytes),
            "(\\{\"(before|after)\":\\{\"id\":[0-9n]{1,3}\\}?,\"op\":\"[cudrx]\"\\}\n){0,9}".prop_map(String::into_bytes),
            "(\\{\"id\":[0-9\"a-]{1,4},\"name\":\"[^\"]{0,4}\"?\\}?\n){0,9}".prop_map(String::into_bytes),
        ],
        pieces in proptest::collection::vec(1usize..50, 1..4),
    ) {
        for format in FORMATS.iter().filter(|own| own.decoder.is_some()) {
            // Must not panic or hang; what it says of nonsense is its own business.
            let _ = decode(format, &bytes, &pieces, 7);
        }
    }
}

fn json(lines: &str) -> (Vec<RecordBatch>, Vec<BadRow>) {
    let format = FORMATS.iter().find(|own| own.name == "json").unwrap();
    decode(format, lines.as_bytes(), &[lines.len().max(1)], 100).unwrap()
}

#[test]
fn bad_json_rows_say_why_and_the_others_stay() {
    let lines = "{\"id\":1}\n\n{\"id\":1.5e400}\n{\"id\":true}\n{\"id\":2} x\n{\"id\":3,\"id\":4}\r\n{\"id\":[1]}\n{\"name\":{\"a\": 1}}";
    let (batches, bad) = json(lines);
    let reasons: Vec<&str> = bad.iter().map(|own| own.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "column `id`: expected BIGINT, found 1.5e400",
            "column `id`: expected BIGINT, found true",
            "something follows the object on its line",
            "column `id`: expected BIGINT, found [1]",
        ]
    );
    assert_eq!(bad.iter().map(|own| own.row).collect::<Vec<_>>(), [1, 2, 3, 5]);
    let found = concat_batches(&batches[0].schema(), &batches).unwrap();
    let expected: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(4), None]));
    assert_eq!(found.column(1), &expected);
    let names: ArrayRef = Arc::new(StringArray::from(vec![None, None, Some("{\"a\":1}")]));
    assert_eq!(found.column(0), &names);
}

#[test]
fn a_row_over_the_limit_is_bad_and_is_not_kept() {
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(200_000));
    let lines = format!("{{\"id\":1}}\n{long}\n{{\"id\":2}}\n");
    for piece in [1000, 1 << 20] {
        let format = FORMATS.iter().find(|own| own.name == "json").unwrap();
        let (batches, bad) = decode(format, lines.as_bytes(), &[piece], 100).unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2, "{piece}");
        assert_eq!(bad.len(), 1);
        assert!(bad[0].reason.contains("longer than 65536 bytes"), "{}", bad[0].reason);
        assert!((bad[0].row, bad[0].offset) == (1, 9) && bad[0].raw.len() <= 65_536);
    }
}

/// An update is one message and two rows: they stay together, and reading goes on behind both.
#[test]
fn an_update_of_debezium_is_two_rows() {
    let format = FORMATS.iter().find(|own| own.name == "debezium-json").unwrap();
    let line = |before: u8, after: u8| {
        format!("{{\"before\":{{\"id\":{before}}},\"after\":{{\"id\":{after}}},\"op\":\"u\"}}\n")
    };
    let text = line(1, 2)
        + "null\n"
        + &line(2, 3)
        + "{\"before\":null,\"after\":{\"id\":9},\"op\":\"u\"}\n"
        + &line(3, 4);
    let decoded = decode_all(format, text.as_bytes(), &[text.len()], 1).unwrap();
    let ids: Vec<Vec<(RowKind, i64)>> = decoded
        .iter()
        .filter_map(|own| own.rows.as_ref().map(|rows| (rows, &own.kinds)))
        .map(|(rows, kinds)| {
            let ids = rows.column(1).as_primitive::<Int64Type>().values();
            ids.iter().enumerate().map(|(row, id)| (kinds.get(row), *id)).collect()
        })
        .collect();
    let update = |before, after| vec![(RowKind::UpdateBefore, before), (RowKind::UpdateAfter, after)];
    assert_eq!(ids, [update(1, 2), update(2, 3), update(3, 4)]);
    let bad: Vec<&BadRow> = decoded.iter().flat_map(|own| &own.bad).collect();
    assert_eq!((bad.len(), bad[0].row), (1, 4));
    assert!(bad[0].reason.contains("REPLICA IDENTITY FULL"), "{}", bad[0].reason);
    assert_eq!(decoded.iter().map(|own| own.first_row).collect::<Vec<_>>(), [0, 2, 4, 5]);
}
