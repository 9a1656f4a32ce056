//! Bytes to decode, supplied piece by piece: what is left of the last piece goes before the next.

use super::BadRow;
use crate::connector::Position;

/// Bytes kept of a bad row.
pub(super) const RAW_BYTES: usize = 64 << 10;

/// A row's first bytes, as dead letters keep them.
pub(super) fn raw(row: &[u8]) -> Vec<u8> {
    row[..row.len().min(RAW_BYTES)].to_vec()
}

/// The input of a text decoder.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) bytes: Vec<u8>,
    /// The first byte not yet decoded.
    pub(super) at: usize,
    /// Position in the split of `bytes[0]`.
    pub(super) base: u64,
    /// Rows seen so far, bad ones too.
    pub(super) rows: u64,
    pub(super) last: bool,
    started: bool,
    /// A row over the limit: where it began and its first bytes. Its rest is thrown away as it comes.
    too_long: Option<(u64, Vec<u8>)>,
}

impl Input {
    /// Takes the next bytes.
    pub(super) fn supply(&mut self, piece: Vec<u8>, last: bool) {
        self.last = last;
        let rest = self.bytes.len() - self.at;
        self.base += self.at as u64;
        if rest == 0 {
            self.bytes = piece;
        } else {
            self.bytes.drain(..self.at);
            self.bytes.extend_from_slice(&piece);
        }
        self.at = 0;
        if !self.started && !self.bytes.is_empty() {
            self.started = true;
            const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
            if self.bytes.starts_with(BYTE_ORDER_MARK) {
                self.at = BYTE_ORDER_MARK.len();
            }
        }
    }

    /// Where the next row starts; a row over the limit is found again from its start.
    pub(super) fn position(&self) -> Position {
        let offset = self.too_long.as_ref().map_or(self.offset(), |(offset, _)| *offset);
        Position { rows: self.rows, offset }
    }

    /// The next bytes are those at `position`.
    pub(super) fn seek(&mut self, position: Position) {
        (self.base, self.rows) = (position.offset, position.rows);
        self.started = position.offset > 0;
    }

    /// Position in the split of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// With an unfinished row longer than `row_bytes`: throws it away up to its line break. `Some` when the
    /// end of such a row was found.
    pub(super) fn skip_too_long(&mut self, row_bytes: usize) -> Option<BadRow> {
        let rest = &self.bytes[self.at..];
        if self.too_long.is_none() {
            if rest.len() <= row_bytes {
                return None;
            }
            self.too_long = Some((self.offset(), raw(rest)));
        }
        match memchr::memchr(b'\n', &self.bytes[self.at..]) {
            Some(end) => self.at += end + 1,
            None => {
                self.at = self.bytes.len();
                if !self.last {
                    return None;
                }
            }
        }
        let (offset, raw) = self.too_long.take()?;
        let reason = format!("the row is longer than {row_bytes} bytes");
        self.rows += 1;
        Some(BadRow { row: self.rows - 1, offset, reason, raw })
    }

    /// True while the rest of a row over the limit is being thrown away.
    pub(super) fn skipping(&self) -> bool {
        self.too_long.is_some()
    }
}
