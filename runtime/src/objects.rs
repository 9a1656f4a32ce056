//! Objects in a bucket that speaks the API of S3, for threads beside the shards: every call blocks until the store
//! has answered, or has not for too long.
//!
//! Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_REGION`,
//! `AWS_ENDPOINT_URL` and their like), credentials else from the role of the machine. An object appears when it is
//! whole.

#![allow(clippy::disallowed_methods, reason = "the room of objects: it reads the files that it uploads")]

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{
    BackoffConfig, Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How often a request is sent again when the store does not answer or is too busy.
const MOST_RETRIES: usize = 5;
/// How long that may take.
const RETRY_TIME: Duration = Duration::from_secs(20);
/// Objects longer than this are sent and fetched in pieces.
const PIECE_BYTES: u64 = 16 << 20;
/// Objects that are sent at the same time.
const MOST_UPLOADS: usize = 8;
/// A store takes an object in no more pieces than this.
const MOST_PIECES: u64 = 9_000;

/// What stood in the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectErrorKind {
    /// The name of the bucket or of the object is no such name.
    Name,
    /// There is no such object.
    Missing,
    /// The store does not let this user do that.
    Refused,
    /// The store did not answer, or could not do it.
    Failed,
}

/// A request to an object store that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{url}: {message}")]
pub struct ObjectError {
    /// The bucket or object.
    pub url: String,
    /// What stood in the way.
    pub kind: ObjectErrorKind,
    /// The cause, as the store or the client gives it.
    pub message: String,
}

/// A bucket, or what is below a prefix in it.
pub struct Bucket {
    url: String,
    store: AmazonS3,
    prefix: ObjectPath,
    runtime: Runtime,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bucket").field(&self.url).finish()
    }
}

impl Bucket {
    /// The bucket and prefix of a URL such as `s3://bucket/prefix`. Sends nothing yet.
    pub fn open(url: &str) -> Result<Bucket, ObjectError> {
        let error = |kind, message| ObjectError { url: url.into(), kind, message };
        let wrong = |message: String| error(ObjectErrorKind::Name, message);
        let rest = url.strip_prefix("s3://").or_else(|| url.strip_prefix("s3a://"));
        let rest = rest.ok_or_else(|| wrong("not s3://bucket/prefix".into()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['@', ':', '?', '#']) {
            return Err(wrong(format!("`{bucket}` is not the name of a bucket")));
        }
        let prefix = ObjectPath::parse(prefix.trim_matches('/')).map_err(|error| wrong(error.to_string()))?;
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() },
            max_retries: MOST_RETRIES,
            retry_timeout: RETRY_TIME,
        };
        let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
        // Whoever names an endpoint without TLS means it.
        let plain = endpoint.is_some_and(|own| own.starts_with("http://"));
        let builder = if plain { builder.with_allow_http(true) } else { builder };
        let store = builder.build().map_err(|own| error(ObjectErrorKind::Failed, causes(&own)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|own| error(ObjectErrorKind::Failed, own.to_string()))?;
        Ok(Bucket { url: url.trim_end_matches('/').into(), store, prefix, runtime })
    }

    /// Where it is, as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn path(&self, name: &str) -> ObjectPath {
        name.split('/')
            .filter(|part| !part.is_empty())
            .fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn failed(&self, name: &str) -> impl FnOnce(Error) -> ObjectError + use<> {
        let url = if name.is_empty() { self.url.clone() } else { format!("{}/{name}", self.url) };
        move |error| failure(url, &error)
    }

    /// The names of the objects below `folder` (empty = all), and of the folders there, in order; not what is in
    /// those.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let path = self.path(folder);
        let prefix = (!path.is_root()).then_some(&path);
        let listed = self.runtime.block_on(self.store.list_with_delimiter(prefix));
        let listed = listed.map_err(self.failed(folder))?;
        let paths = listed.objects.iter().map(|own| &own.location).chain(&listed.common_prefixes);
        let mut names: Vec<String> = paths.filter_map(|own| own.filename().map(String::from)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The bytes of an object.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        let path = self.path(name);
        let read = async {
            let len = self.store.head(&path).await?.size;
            let mut bytes = Vec::new();
            while (bytes.len() as u64) < len {
                let from = bytes.len() as u64;
                let piece = self.store.get_range(&path, from..len.min(from + PIECE_BYTES)).await?;
                if piece.is_empty() {
                    break;
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes)
        };
        self.runtime.block_on(read).map_err(|error| {
            let missing = matches!(error, Error::NotFound { .. });
            let failed = self.failed(name)(error);
            if missing { ObjectError { kind: ObjectErrorKind::Missing, ..failed } } else { failed }
        })
    }

    /// Puts an object in its place, whatever was there.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let path = self.path(name);
        let put = self.runtime.block_on(self.store.put(&path, bytes.into()));
        put.map(drop).map_err(self.failed(name))
    }

    /// Puts an object in its place unless one is there: false. A store that cannot do both in one step is asked
    /// first.
    pub fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, ObjectError> {
        let path = self.path(name);
        let create = async {
            let payload = PutPayload::from(bytes);
            match self.store.put_opts(&path, payload.clone(), PutMode::Create.into()).await {
                Ok(_) => Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                    match self.store.head(&path).await {
                        Ok(_) => Ok(false),
                        Err(Error::NotFound { .. }) => self.store.put(&path, payload).await.map(|_| true),
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            }
        };
        self.runtime.block_on(create).map_err(self.failed(name))
    }

    /// Makes an object of each of these files, by name; several at the same time. The first error, when all have
    /// ended.
    pub fn upload(&self, files: Vec<(String, PathBuf)>) -> Result<(), ObjectError> {
        let uploads = async {
            let mut running = JoinSet::new();
            let mut outcome = Ok(());
            for (name, file) in files {
                if running.len() == MOST_UPLOADS {
                    outcome = outcome.and(joined(running.join_next().await));
                }
                let (store, path, failed) = (self.store.clone(), self.path(&name), self.failed(&name));
                running.spawn(async move { upload(&store, &path, &file).await.map_err(failed) });
            }
            while !running.is_empty() {
                outcome = outcome.and(joined(running.join_next().await));
            }
            outcome
        };
        self.runtime.block_on(uploads)
    }

    /// Removes objects, in this order. No error if one is not there.
    pub fn remove(&self, names: &[String]) -> Result<(), ObjectError> {
        for name in names {
            match self.runtime.block_on(self.store.delete(&self.path(name))) {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(name)(error)),
            }
        }
        Ok(())
    }
}

type Joined = Option<Result<Result<(), ObjectError>, tokio::task::JoinError>>;

fn joined(task: Joined) -> Result<(), ObjectError> {
    match task {
        None => Ok(()),
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(ObjectError {
            url: "an upload".into(),
            kind: ObjectErrorKind::Failed,
            message: error.to_string(),
        }),
    }
}

async fn upload(store: &AmazonS3, to: &ObjectPath, from: &Path) -> Result<(), Error> {
    let mut file = File::open(from).map_err(|error| unread(from, error))?;
    let len = file.metadata().map_err(|error| unread(from, error))?.len();
    if len <= PIECE_BYTES {
        let bytes = piece(&mut file, len, from)?;
        return store.put(to, bytes.into()).await.map(drop);
    }
    let mut upload = store.put_multipart(to).await?;
    match pieces(upload.as_mut(), &mut file, len, from).await {
        Ok(()) => upload.complete().await.map(drop),
        Err(error) => {
            // What is left of it is in nobody's way; stores remove it in time.
            let _ = upload.abort().await;
            Err(error)
        }
    }
}

async fn pieces(
    upload: &mut dyn MultipartUpload,
    file: &mut File,
    len: u64,
    from: &Path,
) -> Result<(), Error> {
    let piece_bytes = PIECE_BYTES.max(len.div_ceil(MOST_PIECES));
    let mut left = len;
    while left > 0 {
        let bytes = piece(file, left.min(piece_bytes), from)?;
        left -= bytes.len() as u64;
        upload.put_part(bytes.into()).await?;
    }
    Ok(())
}

/// The next bytes of a file that must have them.
fn piece(file: &mut File, len: u64, from: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact(&mut bytes).map_err(|error| unread(from, error))?;
    Ok(bytes)
}

fn unread(path: &Path, error: std::io::Error) -> Error {
    Error::Generic { store: "local", source: format!("{}: {error}", path.display()).into() }
}

fn failure(url: String, error: &Error) -> ObjectError {
    let kind = match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => ObjectErrorKind::Refused,
        Error::InvalidPath { .. } => ObjectErrorKind::Name,
        _ => ObjectErrorKind::Failed,
    };
    ObjectError { url, kind, message: causes(error) }
}

/// An error and what caused it, each said once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
