//! Where checkpoints are kept: a folder, or a bucket of an object store.

use std::fmt;
use std::path::{Path, PathBuf};

use millrace_plan::{Error, Result};

/// Where checkpoints are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A local folder.
    Folder(PathBuf),
    /// The URL of a bucket and a prefix in it: `s3://bucket/prefix`.
    Bucket(String),
}

impl Place {
    /// A path, a `file://` URL, or an `s3://` URL.
    pub fn parse(text: &str) -> Result<Place> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Place::Folder(text.into())) };
        let wrong = |what: &str| {
            Error::query(format!("`{text}`: {what}"))
                .hint("write a folder, file:///folder or s3://bucket/prefix")
        };
        match scheme {
            "file" if rest.starts_with('/') => {
                let path = decoded(rest).ok_or_else(|| wrong("not the URL of a file"))?;
                Ok(Place::Folder(path.into()))
            }
            "file" => Err(wrong("a file:// URL has three slashes and an absolute path")),
            // What might be a password is not printed.
            "s3" | "s3a" if rest.split('/').next().is_some_and(|own| own.contains('@')) => {
                Err(Error::query("a URL of checkpoints may not hold credentials")
                    .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"))
            }
            "s3" | "s3a" if !rest.trim_matches('/').is_empty() => Ok(Place::Bucket(text.into())),
            "s3" | "s3a" => Err(wrong("no bucket")),
            _ => Err(wrong("checkpoints are kept in folders and in buckets that speak S3")),
        }
    }

    /// Where shards write what then goes to the bucket, if nothing else was asked for.
    pub(super) fn default_staging(url: &str) -> PathBuf {
        std::env::temp_dir().join(format!("millrace-staging-{:08x}", crc32fast::hash(url.as_bytes())))
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Place {
        Place::Folder(path.to_path_buf())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(path) => path.display().fmt(f),
            Place::Bucket(url) => f.write_str(url),
        }
    }
}

/// The path of a URL, with `%20` and its like as what they stand for.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |own: u8| (own as char).to_digit(16);
                bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
                rest = after;
            }
            (b'%', _) => return None,
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_are_told_apart_and_secrets_are_refused() {
        let folder = |path: &str| Place::Folder(path.into());
        assert_eq!(Place::parse("a/b").unwrap(), folder("a/b"));
        assert_eq!(Place::parse("file:///a%20b/c").unwrap(), folder("/a b/c"));
        assert_eq!(Place::parse("s3://bucket/a/b").unwrap(), Place::Bucket("s3://bucket/a/b".into()));
        for (text, said) in [
            ("file://a", "three slashes"),
            ("file:///a%2", "not the URL of a file"),
            ("s3:///", "no bucket"),
            ("ftp://host/a", "in folders and in buckets that speak S3"),
            ("s3://me:secret@bucket/a", "may not hold credentials"),
        ] {
            let error = Place::parse(text).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("secret@"), "{error}");
        }
    }
}
