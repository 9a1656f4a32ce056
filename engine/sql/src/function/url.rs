//! Functions of URLs (RFC 3986).

use arrow::datatypes::DataType;

use super::Parameter::Text;
use super::{Entry, Returns};

const TEXT: Returns = Returns::Always(DataType::Utf8);

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "parse_url",
        aliases: &[],
        signature: "PARSE_URL(url, part[, key])",
        about: "HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY or USERINFO of the URL; NULL if it has none",
        takes: &[Text, Text, Text],
        needs: 2,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let (url, part) = (args.texts(0)?, args.texts(1)?);
            let key = if args.count() > 2 { Some(args.texts(2)?) } else { None };
            args.build_text(|row, out| {
                let Some((url, part)) = url.get(row).zip(part.get(row)) else { return Ok(None) };
                let found = match &key {
                    None => parse(url, part),
                    Some(keys) if part == "QUERY" => keys.get(row).and_then(|key| parameter(url, key)),
                    Some(_) => None,
                };
                Ok(found.map(|own| out.push_str(own)))
            })
        },
        examples: &[
            ("PARSE_URL('http://facebook.com/path1/p.php?k1=v1&k2=v2#Ref1', 'HOST')", "facebook.com"),
            ("PARSE_URL('http://facebook.com/path1/p.php?k1=v1&k2=v2#Ref1', 'QUERY', 'k1')", "v1"),
        ],
    },
    Entry {
        name: "url_encode",
        aliases: &[],
        signature: "URL_ENCODE(text)",
        about: "as application/x-www-form-urlencoded",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let text = args.texts(0)?;
            args.build_text(|row, out| Ok(text.get(row).map(|own| encode(own, out))))
        },
        examples: &[("URL_ENCODE('a b&c')", "a+b%26c")],
    },
    Entry {
        name: "url_decode",
        aliases: &[],
        signature: "URL_DECODE(text)",
        about: "out of application/x-www-form-urlencoded; NULL if it is none",
        takes: &[Text],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let text = args.texts(0)?;
            args.build_text(|row, out| Ok(text.get(row).and_then(decode).map(|own| out.push_str(&own))))
        },
        examples: &[("URL_DECODE('a+b%26c')", "a b&c"), ("URL_DECODE('%zz')", "NULL")],
    },
];

fn parse<'a>(url: &'a str, part: &str) -> Option<&'a str> {
    let (protocol, rest) = url.split_once("://")?;
    let (rest, reference) = rest.split_once('#').map_or((rest, None), |(rest, own)| (rest, Some(own)));
    let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, file) = rest.split_at(authority_len);
    let (path, query) = file.split_once('?').map_or((file, None), |(path, own)| (path, Some(own)));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    match part {
        "PROTOCOL" => Some(protocol),
        "AUTHORITY" => Some(authority),
        "USERINFO" => user,
        "HOST" => Some(host.rsplit_once(':').map_or(host, |(host, _)| host)),
        "PATH" => Some(path),
        "FILE" => Some(file),
        "QUERY" => query,
        "REF" => reference,
        _ => None,
    }
}

fn parameter<'a>(url: &'a str, key: &str) -> Option<&'a str> {
    let query = parse(url, "QUERY")?;
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(own, _)| *own == key).map(|(_, value)| value))
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (vec![], text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}
