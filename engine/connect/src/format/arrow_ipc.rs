//! `arrow`: Arrow IPC, stream or file; columns by name, decoded without a copy.
//!
//! A file is a stream behind eight bytes of magic, so both are read as they come.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};
use millrace_runtime::contained;

use super::whole_columns::Projected;
use super::{DecodeRequest, Decoded, Decoder, Encoder, Format};
use crate::connector::Position;

/// Arrow IPC.
pub(super) static ARROW: Format = Format {
    name: "arrow",
    about: "Arrow IPC, stream or file; columns by name",
    options: &[],
    decoder: Some(|request| Ok(Box::new(ArrowDecoder::new(request)))),
    encoder: Some(|schema, _| Ok(Box::new(ArrowEncoder::new(schema)?))),
    reads_changes: false,
    writes_changes: false,
    streams: true,
    suffix: "arrow",
};

const FILE_MAGIC: &[u8] = b"ARROW1\0\0";

struct ArrowDecoder {
    decoder: StreamDecoder,
    projected: Projected,
    positions: Option<Vec<usize>>,
    input: Buffer,
    /// Bytes of the beginning, until it is known whether they are a file's magic.
    beginning: Option<Vec<u8>>,
    last: bool,
}

impl ArrowDecoder {
    fn new(request: &DecodeRequest) -> ArrowDecoder {
        ArrowDecoder {
            decoder: StreamDecoder::new(),
            projected: Projected::new(request),
            positions: None,
            input: Buffer::from_vec(Vec::<u8>::new()),
            beginning: Some(vec![]),
            last: false,
        }
    }

    fn positions(&mut self, schema: &SchemaRef) -> Result<&[usize]> {
        if self.positions.is_none() {
            self.positions = Some(self.projected.positions(schema)?);
        }
        Ok(self.positions.as_deref().unwrap_or_default())
    }
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::data(format!("not readable as Arrow IPC: {error}")).hint("check the file, or the option 'format'")
}

impl Decoder for ArrowDecoder {
    fn position(&self) -> Position {
        self.projected.position()
    }

    fn seek(&mut self, position: Position) {
        self.projected.seek(position);
    }

    fn supply(&mut self, bytes: Vec<u8>, last: bool) -> Result<()> {
        self.last = last;
        self.projected.supplied(bytes.len());
        let bytes = match self.beginning.take() {
            None => bytes,
            Some(mut beginning) => {
                beginning.extend_from_slice(&bytes);
                if beginning.len() < FILE_MAGIC.len() && !last {
                    self.beginning = Some(beginning);
                    return Ok(());
                }
                let magic = if beginning.starts_with(FILE_MAGIC) { FILE_MAGIC.len() } else { 0 };
                beginning.drain(..magic);
                beginning
            }
        };
        // What the decoder has taken lives in its own buffers; `input` is empty here.
        self.input = Buffer::from_vec(bytes);
        Ok(())
    }

    fn decode(&mut self, max_rows: usize) -> Result<Option<Decoded>> {
        while self.projected.is_empty() {
            match contained(|| self.decoder.decode(&mut self.input)).map_err(damaged)?.map_err(damaged)? {
                Some(batch) => {
                    let schema = batch.schema();
                    let positions = self.positions(&schema)?.to_vec();
                    self.projected.add(&batch.project(&positions).map_err(damaged)?)?;
                }
                None => {
                    if self.last && self.beginning.is_none() {
                        self.decoder.finish().map_err(damaged)?;
                        self.last = false;
                    }
                    return Ok(None);
                }
            }
        }
        Ok(self.projected.next(max_rows))
    }
}

struct ArrowEncoder(StreamWriter<Vec<u8>>);

impl ArrowEncoder {
    fn new(schema: &SchemaRef) -> Result<ArrowEncoder> {
        let writer = StreamWriter::try_new(vec![], schema)
            .map_err(|error| Error::query(format!("Arrow cannot hold these columns: {error}")))?;
        Ok(ArrowEncoder(writer))
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(self.0.get_mut());
    }
}

impl Encoder for ArrowEncoder {
    fn encode(&mut self, rows: &RecordBatch, _kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        self.0.write(rows).map_err(|error| Error::bug(format!("writing Arrow: {error}")))?;
        self.drain(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.finish().map_err(|error| Error::bug(format!("writing Arrow: {error}")))?;
        self.drain(out);
        Ok(())
    }
}
