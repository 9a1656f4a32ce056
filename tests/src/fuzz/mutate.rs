//! Inputs made from a corpus by a seed: the same corpus and seed, the same input.

/// Longest input, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// Texts that parsers trip over, in place of a word.
const WORDS: &[&str] = &[
    "NULL",
    "''",
    "\"\"",
    "\"",
    "'",
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    ",",
    ";",
    ":",
    "\\",
    "\\u0000",
    "\\ud800",
    "-1",
    "0",
    "-0",
    "1e400",
    "1e-400",
    "NaN",
    "Infinity",
    "127",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "99999999999999999999999999999999999999999",
    "0.1",
    "1970-01-01",
    "9999-12-31 23:59:59.999999999",
    "0000-00-00",
    "\u{feff}",
    "\u{0}",
    "é",
    "🦀",
    "--",
    "/*",
    "*/",
    "\r\n",
];

/// Numbers that lengths and offsets are bad at.
const NUMBERS: &[u64] = &[
    0,
    1,
    7,
    8,
    255,
    256,
    65_535,
    65_536,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 62,
    1 << 63,
    u64::MAX,
];

/// Pseudo-random numbers, as SplitMix64 gives them.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// A range in something of this length; empty if that is.
    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let from = self.below(len);
        let most = (len - from).min(1 << (1 + self.below(9)));
        from..from + self.below(most + 1)
    }
}

/// What inputs are made from.
#[derive(Debug)]
pub struct Corpus {
    /// Inputs as they should be.
    pub entries: Vec<Vec<u8>>,
    /// They are text: words may be exchanged.
    pub text: bool,
}

impl Corpus {
    /// The input of a seed.
    pub fn input(&self, seed: u64) -> Vec<u8> {
        let mut random = Random::new(seed);
        let mut input = self.entry(&mut random).to_vec();
        let most = 1 << random.below(4);
        for _ in 0..1 + random.below(most) {
            match self.text && random.below(3) > 0 {
                true => self.change_words(&mut input, &mut random),
                false => self.change_bytes(&mut input, &mut random),
            }
            input.truncate(MOST_BYTES);
        }
        input
    }

    fn entry(&self, random: &mut Random) -> &[u8] {
        self.entries.get(random.below(self.entries.len())).map_or(&[], Vec::as_slice)
    }

    fn change_bytes(&self, input: &mut Vec<u8>, random: &mut Random) {
        let (at, range) = (random.below(input.len()), random.range(input.len()));
        match random.below(8) {
            0 | 1 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            2 if !input.is_empty() => input[at] = random.number() as u8,
            3 => drop(input.drain(range)),
            4 => input.truncate(at),
            5 => {
                let piece = input[range].to_vec();
                input.splice(at..at, piece);
            }
            6 => {
                let width = [1, 2, 4, 8][random.below(4)].min(input.len() - at);
                let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
                input[at..at + width].copy_from_slice(&number[..width]);
            }
            _ => {
                let other = self.entry(random);
                let piece = other[random.range(other.len())].to_vec();
                input.splice(range, piece);
            }
        }
    }

    fn change_words(&self, input: &mut Vec<u8>, random: &mut Random) {
        let own = words(input);
        let (Some(one), Some(other)) = (own.get(random.below(own.len())), own.get(random.below(own.len())))
        else {
            return;
        };
        let (one, word) = (one.clone(), input[other.clone()].to_vec());
        match random.below(7) {
            0 => drop(input.drain(one)),
            1 => drop(input.splice(one, word)),
            2 => drop(input.splice(one.start..one.start, [&word[..], b" "].concat())),
            3 => {
                let odd = WORDS[random.below(WORDS.len())].as_bytes();
                input.splice(one, odd.iter().copied());
            }
            4 => {
                // Deep in brackets.
                let (open, close) =
                    [("(", ")"), ("[", "]"), ("{\"a\":", "}"), ("NOT (", ")"), ("CASE WHEN ", " END")]
                        [random.below(5)];
                let depth = 1 << random.below(11);
                let middle = input[one.clone()].to_vec();
                let deep = [open.repeat(depth).as_bytes(), &middle, close.repeat(depth).as_bytes()].concat();
                input.splice(one, deep);
            }
            _ => {
                let entry = self.entry(random);
                let theirs = words(entry);
                let Some(from) = theirs.get(random.below(theirs.len())) else { return };
                let till = from.end.max((from.start + random.below(64)).min(entry.len()));
                input.splice(one, entry[from.start..till].iter().copied());
            }
        }
    }
}

/// Where words are: runs of letters and digits, and each other byte that is no space.
fn words(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = vec![];
    for (at, byte) in text.iter().enumerate() {
        let inside = byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        match found.last_mut() {
            Some(last) if inside && last.end == at && text[last.start] != b' ' && is_word(text[at - 1]) => {
                last.end += 1
            }
            _ if byte.is_ascii_whitespace() => {}
            _ => found.push(at..at + 1),
        }
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_input_again_and_seeds_differ() {
        let corpus =
            Corpus { entries: vec![b"SELECT a FROM t".to_vec(), b"{\"a\": 1}".to_vec()], text: true };
        let inputs: Vec<Vec<u8>> = (0..1000).map(|seed| corpus.input(seed)).collect();
        assert_eq!(inputs, (0..1000).map(|seed| corpus.input(seed)).collect::<Vec<_>>());
        let distinct: std::collections::BTreeSet<&Vec<u8>> = inputs.iter().collect();
        assert!(distinct.len() > 700, "{}", distinct.len());
    }

    #[test]
    fn words_are_found() {
        let text = b"SELECT a1, 'b' FROM t";
        let words: Vec<&str> =
            words(text).into_iter().map(|own| std::str::from_utf8(&text[own]).unwrap()).collect();
        assert_eq!(words, ["SELECT", "a1", ",", "'", "b", "'", "FROM", "t"]);
    }
}
