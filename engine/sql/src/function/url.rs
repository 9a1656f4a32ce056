//! Parts of URLs, and texts made fit for them.

use arrow::array::ArrayRef;
use datafusion_common::Result;

use super::ScalarEntry;
use super::call::Call;
use super::coercion::Takes::Text;
use super::udf::{Gives, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry(
        "parse_url",
        "PARSE_URL(url, part[, key])",
        "HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY or USERINFO of a URL; a key of its QUERY",
        &[Text, Text, Text],
        Gives::Text,
        parse_url,
    )
    .optional(1),
    entry("url_encode", "URL_ENCODE(string)", "as a part of a URL", &[Text], Gives::Text, url_encode),
    entry(
        "url_decode",
        "URL_DECODE(string)",
        "from a part of a URL; NULL if it is not one",
        &[Text],
        Gives::Text,
        url_decode,
    ),
];

/// The parts of a URL; `None` = it has no protocol.
struct Url<'a> {
    protocol: &'a str,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    reference: Option<&'a str>,
    /// Path and query.
    file: &'a str,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (protocol, rest) = text.split_once(':')?;
        let known = ["http", "https", "ftp", "file", "jar", "mailto"];
        if !known.iter().any(|known| known.eq_ignore_ascii_case(protocol)) {
            return None;
        }
        let (rest, reference) = match rest.split_once('#') {
            Some((rest, reference)) => (rest, Some(reference)),
            None => (rest, None),
        };
        let (authority, file) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let (path, query) = match file.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (file, None),
        };
        Some(Url { protocol, authority, path, query, reference, file })
    }

    fn part(&self, part: &str) -> Option<&'a str> {
        match part {
            "HOST" => {
                let authority = self.authority?;
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                let port = host.rfind(':').filter(|at| host[at + 1..].bytes().all(|b| b.is_ascii_digit()));
                Some(&host[..port.unwrap_or(host.len())])
            }
            "PATH" => Some(self.path),
            "QUERY" => self.query,
            "REF" => self.reference,
            "PROTOCOL" => Some(self.protocol),
            "FILE" => Some(self.file),
            "AUTHORITY" => self.authority,
            "USERINFO" => self.authority?.rsplit_once('@').map(|(user, _)| user),
            _ => None,
        }
    }
}

fn parse_url(call: &Call) -> Result<ArrayRef> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    let key = if call.has(2) { Some(call.text(2)?) } else { None };
    call.texts(|row, out| {
        let (Some(text), Some(part)) = (text.get(row), part.get(row)) else { return Ok(false) };
        let Some(url) = Url::parse(text) else { return Ok(false) };
        let found = match &key {
            None => url.part(part),
            Some(key) if part == "QUERY" => key.get(row).and_then(|key| {
                let pairs = url.query?.split('&');
                pairs
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(own, _)| *own == key)
                    .map(|(_, value)| value)
            }),
            Some(_) => None,
        };
        Ok(found.map(|found| out.push_str(found)).is_some())
    })
}

fn url_encode(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(byte as char),
                b' ' => out.push('+'),
                other => {
                    out.push('%');
                    super::bytes::push_hex(out, &[other], b"0123456789ABCDEF");
                }
            }
        }
        Ok(true)
    })
}

fn url_decode(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    let mut bytes = Vec::new();
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        bytes.clear();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            rest = after;
            match first {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digit = |at: usize| after.get(at).and_then(|byte| (*byte as char).to_digit(16));
                    let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Ok(false) };
                    bytes.push((high * 16 + low) as u8);
                    rest = &after[2..];
                }
                other => bytes.push(*other),
            }
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
        Ok(true)
    })
}
