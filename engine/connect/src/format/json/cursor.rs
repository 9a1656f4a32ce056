//! A position in JSON text (RFC 8259), and how to move it over tokens.

use std::borrow::Cow;

/// Why text is not JSON.
pub(in super::super) type Malformed = &'static str;

/// A position in the bytes of one or more lines. Valid UTF-8 is the caller's promise for text it keeps.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Cursor<'a> {
    pub(in super::super) bytes: &'a [u8],
    pub(in super::super) at: usize,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bit of each byte that is a quote, a backslash or a control character (exact for the lowest).
fn special(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
    zero(word ^ (LOW * u64::from(b'"'))) | zero(word ^ (LOW * u64::from(b'\\'))) | control
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(in super::super) fn peek(&self) -> u8 {
        // Zero is no token, so that the end of the text needs no branch of its own.
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    pub(in super::super) fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    #[inline]
    pub(in super::super) fn expect(&mut self, byte: u8, otherwise: Malformed) -> Result<(), Malformed> {
        self.skip_space();
        if self.peek() != byte {
            return Err(otherwise);
        }
        self.at += 1;
        Ok(())
    }

    /// Past the opening quote of a string: its raw bytes, and whether it has escapes. Ends past the closing
    /// quote.
    #[inline]
    pub(in super::super) fn string(&mut self) -> Result<(&'a [u8], bool), Malformed> {
        let start = self.at;
        let mut escaped = false;
        loop {
            while let Some(chunk) = self.bytes.get(self.at..self.at + 8) {
                let word = u64::from_le_bytes([
                    chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7],
                ]);
                let found = special(word);
                if found != 0 {
                    self.at += found.trailing_zeros() as usize / 8;
                    break;
                }
                self.at += 8;
            }
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let text = &self.bytes[start..self.at];
                    self.at += 1;
                    return Ok((text, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(byte) if *byte < 0x20 => return Err("a control character in a string"),
                Some(_) => self.at += 1,
                None => return Err("a string without an end"),
            }
        }
    }

    /// Past the opening quote: the string without its escapes.
    pub(in super::super) fn unescaped(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        let (text, escaped) = self.string()?;
        if !escaped {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = Vec::with_capacity(text.len());
        unescape(text, &mut out)?;
        Ok(Cow::Owned(out))
    }

    /// A number or a word such as `true`: up to what may follow a value.
    #[inline]
    pub(in super::super) fn word(&mut self) -> &'a [u8] {
        let start = self.at;
        while !matches!(self.peek(), b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | 0) {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    /// Skips a value without looking into it.
    pub(in super::super) fn skip_value(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            b'"' => {
                self.at += 1;
                self.string().map(|_| ())
            }
            b'{' | b'[' => self.skip_nested(),
            b'-' | b'0'..=b'9' if self.skip_plain_number() => Ok(()),
            _ => match self.word() {
                b"" => Err("a value is missing"),
                word if is_word(word) => Ok(()),
                _ => Err("a word that is no JSON value"),
            },
        }
    }

    /// Past a number without an exponent. False leaves the cursor where it was, for the slow way.
    fn skip_plain_number(&mut self) -> bool {
        let start = self.at + usize::from(self.peek() == b'-');
        let digits_end = |from: usize| {
            let mut end = from;
            while self.bytes.get(end).is_some_and(u8::is_ascii_digit) {
                end += 1;
            }
            end
        };
        let whole = digits_end(start);
        let mut end = whole;
        if self.bytes.get(whole) == Some(&b'.') {
            end = digits_end(whole + 1);
            if end == whole + 1 {
                return false;
            }
        }
        let leading_zero = whole > start + 1 && self.bytes[start] == b'0';
        let ends = matches!(self.bytes.get(end), Some(b',' | b'}' | b']' | b' ' | b'\r' | b'\t'));
        if whole == start || leading_zero || !ends {
            return false;
        }
        self.at = end;
        true
    }

    fn skip_nested(&mut self) -> Result<(), Malformed> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    self.at += 1;
                    self.string()?;
                    continue;
                }
                0 | b'\n' => return Err("an object or array without an end"),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

fn is_word(word: &[u8]) -> bool {
    matches!(word, b"true" | b"false" | b"null") || is_number(word)
}

/// True if the word is a number of JSON.
pub(super) fn is_number(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let count = |from: usize| word[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = count(0);
    if whole == 0 || (whole > 1 && word[0] == b'0') {
        return false;
    }
    let mut at = whole;
    if word.get(at) == Some(&b'.') {
        let digits = count(at + 1);
        if digits == 0 {
            return false;
        }
        at += 1 + digits;
    }
    if matches!(word.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(word.get(at), Some(b'+' | b'-')));
        let digits = if at <= word.len() { count(at) } else { 0 };
        if digits == 0 {
            return false;
        }
        at += digits;
    }
    at == word.len()
}

/// Appends a string without its escapes.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text[at..]) {
        out.extend_from_slice(&text[at..at + found]);
        at += found + 2;
        let plain = match text.get(at - 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(own @ (b'"' | b'\\' | b'/')) => *own,
            Some(b'u') => {
                let (letter, len) = code_point(&text[at..])?;
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                at += len;
                continue;
            }
            _ => return Err("an unknown escape in a string"),
        };
        out.push(plain);
    }
    out.extend_from_slice(&text[at..]);
    Ok(())
}

/// The character after `\u`, and how many bytes it took; a surrogate pair takes two escapes.
fn code_point(text: &[u8]) -> Result<(char, usize), Malformed> {
    const WRONG: Malformed = "a wrong \\u escape in a string";
    let unit = |at: usize| -> Result<u32, Malformed> {
        let digits = text.get(at..at + 4).filter(|own| own.iter().all(u8::is_ascii_hexdigit)).ok_or(WRONG)?;
        let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
        u32::from_str_radix(digits, 16).map_err(|_| WRONG)
    };
    let first = unit(0)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Ok((char::from_u32(first).ok_or(WRONG)?, 4));
    }
    if text.get(4..6) != Some(b"\\u") {
        return Err(WRONG);
    }
    let second = unit(6)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(WRONG);
    }
    let letter = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(letter).ok_or(WRONG)?, 10))
}
