//! The keys of both sides of a join, numbered.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use millrace_plan::Result;

use crate::state::{GroupTable, hash_keys};

/// The key of a row that can have no partner, because a part of it is NULL.
pub const NO_KEY: u32 = u32::MAX;

/// Tables with fewer keys are not rebuilt.
const FEWEST_REBUILT_KEYS: usize = 1024;

/// Numbers for keys, and how many rows each has.
pub struct Keys {
    types: Vec<DataType>,
    table: GroupTable,
    rows: Vec<u32>,
    /// Keys without a row.
    unused: usize,
    null_equal: bool,
    hashes: Vec<u64>,
}

/// The keys have got other numbers.
pub struct Renumbered {
    /// The new number of each key; [`NO_KEY`] of those that are gone.
    pub numbers: Vec<u32>,
    /// Keys there are now.
    pub keys: usize,
}

impl Keys {
    /// No keys yet, of these types.
    pub fn new(types: &[DataType], null_equal: bool) -> Result<Self> {
        let (types, table) = (types.to_vec(), GroupTable::new(types)?);
        Ok(Keys { types, table, rows: vec![], unused: 0, null_equal, hashes: vec![] })
    }

    /// Fills `numbers` with the key of each row.
    pub fn locate(&mut self, keys: &[ArrayRef], rows: usize, numbers: &mut Vec<u32>) -> Result<()> {
        hash_keys(keys, rows, &mut self.hashes)?;
        self.table.intern(keys, &self.hashes, numbers)?;
        self.unused += self.table.len() - self.rows.len();
        self.rows.resize(self.table.len(), 0);
        if !self.null_equal {
            for nulls in keys.iter().filter_map(|key| key.logical_nulls()) {
                let without = numbers.iter_mut().zip(nulls.iter()).filter(|(_, valid)| !valid);
                without.for_each(|(number, _)| *number = NO_KEY);
            }
        }
        Ok(())
    }

    /// Keys there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The hash of each key, by which rows are routed.
    pub fn hashes(&self) -> &[u64] {
        self.table.hashes()
    }

    /// One more row has this key.
    pub fn add_row(&mut self, key: u32) {
        let rows = &mut self.rows[key as usize];
        self.unused -= usize::from(*rows == 0);
        *rows += 1;
    }

    /// One row less has this key.
    pub fn remove_row(&mut self, key: u32) {
        let rows = &mut self.rows[key as usize];
        *rows -= 1;
        self.unused += usize::from(*rows == 0);
    }

    /// Forgets the keys without rows once they are most of all. Answers the numbers of the others if they have
    /// changed.
    pub fn settle(&mut self) -> Result<Option<Renumbered>> {
        if self.len() < FEWEST_REBUILT_KEYS || self.unused * 2 < self.len() {
            return Ok(None);
        }
        let used: Vec<u32> = (0..self.len() as u32).filter(|key| self.rows[*key as usize] > 0).collect();
        let hashes: Vec<u64> = used.iter().map(|key| self.table.hashes()[*key as usize]).collect();
        let mut table = GroupTable::new(&self.types)?;
        let mut renewed = vec![];
        table.intern(&self.table.keys(&used)?, &hashes, &mut renewed)?;
        let mut numbers = vec![NO_KEY; self.len()];
        used.iter().zip(&renewed).for_each(|(old, new)| numbers[*old as usize] = *new);
        self.rows = used.iter().map(|key| self.rows[*key as usize]).collect();
        self.table = table;
        self.unused = 0;
        Ok(Some(Renumbered { numbers, keys: used.len() }))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.rows.capacity() * size_of::<u32>()
    }
}
