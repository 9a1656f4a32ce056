//! Byte strings by number, compared without a call for the short ones.
//!
//! A string of at most 15 bytes lies in its entry with its length; a longer one lies in an arena. (The
//! idea is that of Umbra's strings: Neumann and Freitag, CIDR 2020.)

use millrace_plan::{Error, Result};

/// The longest string that lies in its entry.
pub const SHORT_BYTES: usize = 15;

/// The last byte of an entry: the length of a short string, or one of these.
const LONG: u64 = 0xfe << 56;
const NULL: Entry = [0, 0xff << 56];

/// Of a short string, its bytes, padded with zeros, and its length in the last byte. Of a long one, where
/// it starts, its length and the mark.
type Entry = [u64; 2];

/// Strings numbered from 0.
#[derive(Default)]
pub struct ByteKeys {
    entries: Vec<Entry>,
    arena: Vec<u8>,
}

/// The entry of a short string: different for different strings.
#[inline(always)]
pub fn short_entry(bytes: &[u8]) -> Entry {
    let length = bytes.len();
    let marked = |rest: u64| rest | (length as u64) << 56;
    // The parts overlap; where they do they agree, or the shift drops what is there twice.
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let twice = 8 * (16usize.saturating_sub(length)) as u32;
        let rest = u64::from_le_bytes(*last).checked_shr(twice).unwrap_or(0);
        return [u64::from_le_bytes(*first), marked(rest)];
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64);
        return [first | last << (8 * (length - 4)), marked(0)];
    }
    let byte = |index: usize| (bytes[index] as u64) << (8 * index);
    match length {
        0 => [0, marked(0)],
        _ => [byte(0) | byte(length / 2) | byte(length - 1), marked(0)],
    }
}

impl ByteKeys {
    /// True if string `index` is `key`; `None` = NULL.
    #[inline(always)]
    pub fn is(&self, index: usize, key: Option<&[u8]>) -> bool {
        let own = self.entries[index];
        match key {
            Some(key) if key.len() <= SHORT_BYTES => {
                let key = short_entry(key);
                (own[0] ^ key[0]) | (own[1] ^ key[1]) == 0
            }
            Some(key) => self.long(own) == Some(key),
            None => own == NULL,
        }
    }

    /// The string of an entry, if it is a long one.
    fn long(&self, [start, end]: Entry) -> Option<&[u8]> {
        let start = start as usize;
        (end & NULL[1] == LONG).then(|| &self.arena[start..start + (end & u32::MAX as u64) as usize])
    }

    /// Adds a string.
    pub fn push(&mut self, key: Option<&[u8]>) -> Result<()> {
        let entry = match key {
            None => NULL,
            Some(key) if key.len() <= SHORT_BYTES => short_entry(key),
            Some(key) => {
                let length = u32::try_from(key.len()).map_err(|_| Error::exhausted("a key of 4 GiB"))?;
                let start = self.arena.len() as u64;
                self.arena.extend_from_slice(key);
                [start, LONG | length as u64]
            }
        };
        self.entries.push(entry);
        Ok(())
    }

    /// Appends string `index` to `bytes`; false = it is NULL.
    #[inline]
    pub fn append_to(&self, index: usize, bytes: &mut Vec<u8>) -> bool {
        let entry = self.entries[index];
        let short = (entry[1] >> 56) as usize;
        if short <= SHORT_BYTES {
            // All of it, then cut: a copy of a fixed size needs no call.
            let end = bytes.len() + short;
            bytes.extend_from_slice(&entry[0].to_le_bytes());
            bytes.extend_from_slice(&entry[1].to_le_bytes());
            bytes.truncate(end);
            return true;
        }
        match self.long(entry) {
            Some(long) => bytes.extend_from_slice(long),
            None => return false,
        }
        true
    }

    /// Forgets all strings and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.arena.clear();
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.arena.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_every_length_are_told_apart_and_come_back() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        let mut strings: Vec<Option<Vec<u8>>> = vec![None];
        for length in 0..=text.len() {
            strings.push(Some(text[..length].to_vec()));
            strings.extend((0..length).map(|changed| {
                let mut own = text[..length].to_vec();
                own[changed] = 0;
                Some(own)
            }));
        }
        let mut keys = ByteKeys::default();
        strings.iter().for_each(|own| keys.push(own.as_deref()).unwrap());
        for (index, own) in strings.iter().enumerate() {
            let mut bytes = vec![];
            let valid = keys.append_to(index, &mut bytes);
            assert_eq!(&valid.then_some(bytes), own);
            for (other, key) in strings.iter().enumerate() {
                assert_eq!(keys.is(index, key.as_deref()), index == other, "{index} and {other}");
            }
        }
    }
}
