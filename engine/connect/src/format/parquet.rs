//! `parquet`: columns by name; only those that are read are decoded.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};
use millrace_runtime::contained;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};

use super::whole_columns::Projected;
use super::{Decoded, Decoder, Encoder, Format};
use crate::connector::Position;

/// Apache Parquet.
pub(super) static PARQUET: Format = Format {
    name: "parquet",
    about: "Apache Parquet; columns by name",
    options: &[],
    decoder: Some(|request| {
        Ok(Box::new(ParquetDecoder { projected: Projected::new(request), order: vec![], reader: None }))
    }),
    encoder: Some(|schema, _| Ok(Box::new(ParquetEncoder::new(schema)?))),
    reads_changes: false,
    writes_changes: false,
    streams: false,
    suffix: "parquet",
};

struct ParquetDecoder {
    projected: Projected,
    /// Positions of the projected columns among those the reader gives, which keep the file's order.
    order: Vec<usize>,
    reader: Option<ParquetRecordBatchReader>,
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::data(format!("not readable as Parquet: {error}")).hint("check the file, or the option 'format'")
}

impl Decoder for ParquetDecoder {
    fn position(&self) -> Position {
        self.projected.position()
    }

    fn seek(&mut self, position: Position) {
        self.projected.seek(position);
    }

    fn supply(&mut self, bytes: Vec<u8>, _last: bool) -> Result<()> {
        self.projected.supplied(bytes.len());
        let bytes = bytes::Bytes::from(bytes);
        let builder = contained(|| ParquetRecordBatchReaderBuilder::try_new(bytes));
        let builder = builder.map_err(damaged)?.map_err(damaged)?;
        let positions = self.projected.positions(builder.schema())?;
        let mut read = positions.clone();
        read.sort_unstable();
        read.dedup();
        self.order =
            positions.iter().map(|own| read.iter().position(|other| other == own).unwrap_or(0)).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), read);
        let reader = contained(|| builder.with_projection(mask).build());
        self.reader = Some(reader.map_err(damaged)?.map_err(damaged)?);
        Ok(())
    }

    fn decode(&mut self, max_rows: usize) -> Result<Option<Decoded>> {
        while self.projected.is_empty() {
            let Some(reader) = &mut self.reader else { return Ok(None) };
            let Some(batch) = contained(|| reader.next()).map_err(damaged)? else { return Ok(None) };
            let batch = batch.map_err(damaged)?;
            self.projected.add(&batch.project(&self.order).map_err(damaged)?)?;
        }
        Ok(self.projected.next(max_rows))
    }

    fn chunk_bytes(&self) -> Option<usize> {
        None
    }
}

struct ParquetEncoder(Option<ArrowWriter<Vec<u8>>>);

impl ParquetEncoder {
    fn new(schema: &SchemaRef) -> Result<ParquetEncoder> {
        let writer = ArrowWriter::try_new(vec![], schema.clone(), None)
            .map_err(|error| Error::query(format!("Parquet cannot hold these columns: {error}")))?;
        Ok(ParquetEncoder(Some(writer)))
    }
}

impl Encoder for ParquetEncoder {
    fn encode(&mut self, rows: &RecordBatch, _kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        let Some(writer) = &mut self.0 else { return Err(Error::bug("a Parquet file after its end")) };
        writer.write(rows).map_err(|error| Error::bug(format!("writing Parquet: {error}")))?;
        out.append(writer.inner_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(writer) = self.0.take() {
            let rest =
                writer.into_inner().map_err(|error| Error::bug(format!("writing Parquet: {error}")))?;
            out.extend_from_slice(&rest);
        }
        Ok(())
    }
}
