//! One JSON object as one row: projected fields only.
//!
//! Rows of one producer have their keys in one order: the bytes from one value to the next are compared with
//! those of the row before, and only on a difference is the key read and looked up.

use millrace_plan::{Options, Result};

use super::super::column::{Column, Fault};
use super::cursor::Cursor;
use super::decode::{ReadLine, Rows};
use super::{flag, value};

/// The bytes before a value, as the last row had them, and where the value goes.
#[derive(Debug)]
struct Slot {
    /// From the brace or comma (not included) to the value: space, key, colon, space.
    prefix: Vec<u8>,
    /// Its first bytes, and which bits of them count: most keys are compared by one look.
    head: u128,
    mask: u128,
    column: Option<usize>,
}

const HEAD_BYTES: usize = size_of::<u128>();

impl Slot {
    fn new(prefix: &[u8], column: Option<usize>) -> Slot {
        let (mut head, mut mask) = ([0; HEAD_BYTES], [0; HEAD_BYTES]);
        for (at, byte) in prefix.iter().take(HEAD_BYTES).enumerate() {
            (head[at], mask[at]) = (*byte, 0xff);
        }
        let (head, mask) = (u128::from_ne_bytes(head), u128::from_ne_bytes(mask));
        Slot { prefix: prefix.to_vec(), head, mask, column }
    }

    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk() {
            Some(own) if self.prefix.len() <= HEAD_BYTES => {
                (u128::from_ne_bytes(*own) ^ self.head) & self.mask == 0
            }
            _ => text.starts_with(&self.prefix),
        }
    }
}

/// Reads objects.
pub(in super::super) struct ObjectReader {
    slots: Vec<Slot>,
    fail_on_missing_field: bool,
}

impl ObjectReader {
    /// As the options of a table ask for.
    pub(in super::super) fn new(options: &Options) -> Result<ObjectReader> {
        let fail_on_missing_field = flag(options, "json.fail-on-missing-field")?;
        Ok(ObjectReader { slots: vec![], fail_on_missing_field })
    }

    /// Reads the object at the cursor into row `row` of the columns.
    #[inline]
    pub(in super::super) fn object(
        &mut self,
        columns: &mut [Column],
        cursor: &mut Cursor<'_>,
        row: usize,
    ) -> Result<(), Fault> {
        cursor.expect(b'{', "expected an object, one a line")?;
        let mut number = 0;
        let mut read = 0;
        let start = cursor.at;
        cursor.skip_space();
        if cursor.peek() == b'}' {
            cursor.at += 1;
        } else {
            cursor.at = start;
            loop {
                let column = self.key(columns, cursor, number)?;
                number += 1;
                match column {
                    None => cursor.skip_value()?,
                    Some(index) => {
                        let own = &mut columns[index];
                        if own.len() > row {
                            // Of two values for one key the last counts.
                            own.truncate(row);
                            read -= 1;
                        }
                        value::read(own, cursor, 0).map_err(|fault| in_column(own, &fault))?;
                        read += 1;
                    }
                }
                cursor.skip_space();
                match cursor.peek() {
                    b',' => cursor.at += 1,
                    b'}' => {
                        cursor.at += 1;
                        break;
                    }
                    _ => return Err("expected , or } after a value".into()),
                }
            }
        }
        match read < columns.len() {
            true => self.missing(columns, row),
            false => Ok(()),
        }
    }

    /// Moves past the key at the cursor, to its value. The column it belongs to, if it is projected.
    #[inline]
    fn key(
        &mut self,
        columns: &[Column],
        cursor: &mut Cursor<'_>,
        number: usize,
    ) -> Result<Option<usize>, Fault> {
        if let Some(slot) = self.slots.get(number)
            && slot.begins(&cursor.bytes[cursor.at..])
        {
            cursor.at += slot.prefix.len();
            // White space may follow where the last row had none.
            if !matches!(cursor.peek(), b' ' | b'\t') {
                return Ok(slot.column);
            }
            cursor.skip_space();
            return Ok(slot.column);
        }
        let start = cursor.at;
        cursor.expect(b'"', "expected a key")?;
        let key = cursor.unescaped()?;
        cursor.expect(b':', "expected : after a key")?;
        cursor.skip_space();
        let column = columns.iter().position(|own| own.field.name().as_bytes() == &*key);
        let slot = Slot::new(&cursor.bytes[start..cursor.at], column);
        match self.slots.get_mut(number) {
            Some(own) => *own = slot,
            // Objects with ever new keys must not make this grow.
            None if number < 4096 => self.slots.push(slot),
            None => {}
        }
        Ok(column)
    }

    fn missing(&self, columns: &mut [Column], row: usize) -> Result<(), Fault> {
        for column in columns.iter_mut().filter(|own| own.len() == row) {
            if self.fail_on_missing_field {
                return Err(in_column(column, "the field is missing"));
            }
            column.push_null().map_err(|fault| in_column(column, &fault))?;
        }
        Ok(())
    }
}

impl ReadLine for ObjectReader {
    #[inline]
    fn read(&mut self, rows: &mut Rows<'_>, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.object(rows.columns, cursor, rows.count)?;
        rows.count += 1;
        Ok(())
    }
}

/// A fault with the name of its column.
pub(in super::super) fn in_column(column: &Column, fault: &str) -> Fault {
    format!("column `{}`: {fault}", column.field.name())
}
