//! A scanner for Rust text: enough of the language to tell code from comments and literals, to find
//! functions and to flatten `use` trees. It is not a parser; what it cannot see it reports as code.

/// The text with comments, strings and characters blanked out: same length, same lines.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if end > at {
            blank(&mut out[at..end]);
            at = end;
        } else {
            at += word_end(bytes, at).max(1);
        }
    }
    String::from_utf8(out).unwrap()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// Length of the identifier at `at`, so that a prefix such as the `b` of `b"..."` is not found inside a name.
fn word_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|byte| is_word(**byte)).count()
}

/// True for what identifiers are made of (other scripts count as letters).
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where the comment or literal that starts at `at` ends; `at` if none starts there.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    let prefix = ["br", "cr", "r", "b", "c", ""];
    let prefix = prefix.iter().find(|prefix| {
        let after = &rest[rest.len().min(prefix.len())..];
        rest.starts_with(prefix.as_bytes())
            && (after.first() == Some(&b'"')
                || (prefix.ends_with('r') && raw_hashes(after).is_some())
                || (matches!(**prefix, "b" | "") && after.first() == Some(&b'\'')))
    });
    let Some(prefix) = prefix else { return at };
    let start = at + prefix.len();
    if let (true, Some(hashes)) = (prefix.ends_with('r'), raw_hashes(&bytes[start..])) {
        return raw_end(bytes, start + hashes + 1, hashes);
    }
    match bytes[start] {
        b'"' => quoted_end(bytes, start, b'"'),
        _ => char_end(bytes, start).unwrap_or(at),
    }
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start + 2, 1);
    while at < bytes.len() && depth > 0 {
        match &bytes[at..(at + 2).min(bytes.len())] {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

/// The number of `#` before the quote of a raw string.
fn raw_hashes(bytes: &[u8]) -> Option<usize> {
    let hashes = bytes.iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(hashes) == Some(&b'"')).then_some(hashes)
}

fn raw_end(bytes: &[u8], mut at: usize, hashes: usize) -> usize {
    while at < bytes.len() {
        let closed = bytes[at] == b'"'
            && bytes[at + 1..].iter().take(hashes).filter(|b| **b == b'#').count() == hashes;
        if closed {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

fn quoted_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Where a character ends; `None` for a lifetime or label.
fn char_end(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start + 1)? {
        b'\\' => Some(quoted_end(bytes, start, b'\'')),
        first => {
            let width = match *first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            (bytes.get(start + 1 + width) == Some(&b'\'')).then_some(start + 2 + width)
        }
    }
}

/// Where the bracket that opens at `open` is closed (the offset of the closing one).
pub fn closing(code: &str, open: usize) -> usize {
    let bytes = code.as_bytes();
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// Offsets at which `word` stands alone.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).is_none_or(|before| !is_word(bytes[before]));
        before && bytes.get(at + word.len()).is_none_or(|after| !is_word(*after))
    })
}

/// The identifier that follows `offset` after white space, if one does.
pub fn name_after(code: &str, offset: usize) -> &str {
    let rest = code[offset..].trim_start();
    let rest = rest.strip_prefix("r#").unwrap_or(rest);
    let end = rest.bytes().position(|byte| !is_word(byte)).unwrap_or(rest.len());
    &rest[..end]
}

/// The lines under `#[cfg(test)]` (or any `cfg` that names `test` without `not`), from 1, inclusive.
pub fn test_lines(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let end = closing(code, at + 1);
        let condition = &code[at..end];
        if words(condition, "test").next().is_none() || words(condition, "not").next().is_some() {
            continue;
        }
        let rest = &code[end..];
        let stop = rest.find(['{', ';']).map_or(code.len(), |found| end + found);
        let close = if code[stop..].starts_with('{') { closing(code, stop) } else { stop };
        let line = |offset: usize| crate::tree::line_of(code, offset.min(code.len()));
        found.push((line(at), line(close)));
    }
    found
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// The line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace.
    pub lines: usize,
}

/// Every function with a body, nested ones too.
pub fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    for at in words(code, "fn") {
        let name = name_after(code, at + 2);
        if name.is_empty() {
            continue; // a function pointer type
        }
        let Some(open) = body(code, at) else { continue };
        let line = crate::tree::line_of(code, at);
        let last = crate::tree::line_of(code, closing(code, open).min(code.len()));
        found.push(Function { name, line, lines: last - line + 1 });
    }
    found
}

/// The opening brace of the function at `at`; `None` if it has no body.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(offset),
            _ => {}
        }
    }
    None
}

/// Every path that is imported (`use` trees flattened) or written out, with its line. White space is dropped.
pub fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "use") {
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        let tree: String = code[at + 3..end].chars().filter(|c| !c.is_whitespace()).collect();
        let line = crate::tree::line_of(code, at);
        flatten("", &tree, &mut |path| found.push((line, path)));
    }
    let bytes = code.as_bytes();
    for (at, _) in code.match_indices("::") {
        let start = (0..at).rev().take_while(|i| is_word(bytes[*i])).last().unwrap_or(at);
        let goes_on = code[..start].ends_with("::");
        if start < at && !goes_on {
            let end =
                (at..bytes.len()).find(|i| !is_word(bytes[*i]) && bytes[*i] != b':').unwrap_or(bytes.len());
            found.push((crate::tree::line_of(code, at), code[start..end].to_string()));
        }
    }
    found
}

fn flatten(prefix: &str, tree: &str, give: &mut dyn FnMut(String)) {
    let Some(open) = tree.find('{') else {
        return give(format!("{prefix}{tree}"));
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let close = closing(tree, open);
    let inside = &tree[open + 1..close.min(tree.len())];
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in inside.bytes().chain([b',']).enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                if at > start {
                    flatten(&prefix, &inside[start..at], give);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x \" y", 'z')"#, "f(        ,    )"),
            (r###"f(r#"a"b"#, b"c", br"d")"###, "f(        ,     ,      )"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            (r"('\'', '\u{1F600}', b'x')", "(    ,            ,     )"),
            ("attr\"x\"", "attr   "),
            ("'l: loop { break 'l; }", "'l: loop { break 'l; }"),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
        assert_eq!(code("'é' x").trim(), "x");
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text =
            "fn a() {}\ntrait T { fn b(&self);\n fn c(x: [u8; 2]) -> fn(u8)\n where u8: Sized\n {\n }\n}\n";
        assert_eq!(
            functions(&code(text)),
            [Function { name: "a", line: 1, lines: 1 }, Function { name: "c", line: 3, lines: 4 }]
        );
    }

    #[test]
    fn use_trees_are_flattened() {
        let found = paths("use std::{fs, io::{self, Read}};\nlet x = std::thread::spawn();");
        let found: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
        for path in ["std::fs", "std::io::self", "std::io::Read", "std::thread::spawn"] {
            assert!(found.contains(&path), "{path} in {found:?}");
        }
    }

    #[test]
    fn test_modules_are_known() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n#[cfg(not(test))]\nfn d() {}\n";
        assert_eq!(test_lines(&code(text)), [(2, 5)]);
        assert_eq!(test_lines("#[cfg(test)]\nmod tests;\n"), [(1, 2)]);
    }
}
