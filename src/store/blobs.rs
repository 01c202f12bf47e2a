//! Large bodies, content-addressed by SHA-256: `ab/abcd...` below a directory or in a bucket.
//!
//! A blob is on stable storage before its row is committed, and it is written again even when it exists: a fresh
//! time stamp keeps the sweep away. The sweep unlinks while no commit can happen, and the committer looks once more
//! after the commit, so that the two orders of "commit" and "unlink" both end with the blob present.
//! Deletes are not synced: a blob that comes back after a crash is swept again.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, memory::InMemory, path::Path};

use super::{
    error::StoreError,
    model::{Digest, Millis},
};

/// Where large bodies live.
#[derive(Clone, Debug)]
pub enum BlobPlace {
    /// A directory on a local or shared file system; made when missing.
    Directory(PathBuf),
    /// The memory of this process: for tests only, nothing survives.
    Memory,
    /// A bucket, `s3://bucket/prefix`, with the options of the client such as `endpoint` and `region`. What they do not
    /// say comes from the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and the like.
    #[cfg(feature = "s3")]
    S3 {
        /// `s3://bucket/prefix`.
        url: String,
        /// Option names and values.
        options: Vec<(String, String)>,
    },
}

#[derive(Clone)]
pub(super) struct Blobs {
    place: String,
    objects: Arc<dyn ObjectStore>,
}

impl Blobs {
    pub(super) fn open(place: &BlobPlace) -> Result<Self, StoreError> {
        match place {
            BlobPlace::Directory(directory) => {
                let place = directory.display().to_string();
                let fault = |detail: String| StoreError::Blob { place: place.clone(), detail };
                std::fs::create_dir_all(directory).map_err(|error| fault(error.to_string()))?;
                let objects =
                    LocalFileSystem::new_with_prefix(directory).map_err(|error| fault(error.to_string()))?;
                Ok(Self { objects: Arc::new(objects.with_fsync(true)), place })
            }
            BlobPlace::Memory => Ok(Self { place: "memory".to_owned(), objects: Arc::new(InMemory::new()) }),
            #[cfg(feature = "s3")]
            BlobPlace::S3 { url, options } => {
                use object_store::{RetryConfig, aws::AmazonS3Builder, prefix::PrefixStore};
                let fault = |error: object_store::Error| StoreError::Blob {
                    place: url.clone(),
                    detail: error.to_string(),
                };
                // A peer waits for its answer meanwhile, and comes again by itself. No try begins later than this; the
                // last one may take the client's `timeout`, 30 s, besides.
                let retry = RetryConfig {
                    max_retries: 4,
                    retry_timeout: std::time::Duration::from_secs(20),
                    ..RetryConfig::default()
                };
                let mut builder = AmazonS3Builder::from_env().with_url(url).with_retry(retry);
                for (name, value) in options {
                    builder = builder.with_config(name.parse().map_err(fault)?, value);
                }
                let objects = builder.build().map_err(fault)?;
                let prefix = url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
                Ok(Self { place: url.clone(), objects: Arc::new(PrefixStore::new(objects, prefix)) })
            }
        }
    }

    /// Returns when the octets are on stable storage.
    pub(super) async fn put(&self, digest: &Digest, octets: Bytes) -> Result<(), StoreError> {
        self.objects.put(&path(digest), octets.into()).await.map(drop).map_err(|error| self.fault(error))
    }

    pub(super) async fn take(&self, digest: &Digest) -> Result<Bytes, StoreError> {
        let found = self.objects.get(&path(digest)).await.map_err(|error| self.fault(error))?;
        found.bytes().await.map_err(|error| self.fault(error))
    }

    pub(super) async fn piece(
        &self,
        digest: &Digest,
        range: std::ops::Range<u64>,
    ) -> Result<Bytes, StoreError> {
        self.objects.get_range(&path(digest), range).await.map_err(|error| self.fault(error))
    }

    pub(super) async fn has(&self, digest: &Digest) -> Result<bool, StoreError> {
        match self.objects.head(&path(digest)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Blobs last written at `before` or earlier.
    pub(super) async fn older(&self, before: Millis) -> Result<Vec<Digest>, StoreError> {
        self.objects
            .list(None)
            .try_filter_map(async |blob| {
                let old = blob.last_modified.timestamp_millis() <= before;
                Ok(if old { digest(&blob.location) } else { None })
            })
            .try_collect()
            .await
            .map_err(|error| self.fault(error))
    }

    /// Unlinks those that were not written again meanwhile; returns how many.
    pub(super) async fn unlink(&self, digests: Vec<Digest>, before: Millis) -> u64 {
        let unlinked = futures_util::stream::iter(digests).then(async |digest| {
            let path = path(&digest);
            let old = self
                .objects
                .head(&path)
                .await
                .is_ok_and(|blob| blob.last_modified.timestamp_millis() <= before);
            // What cannot be unlinked now is found by the next sweep.
            u64::from(old && self.objects.delete(&path).await.is_ok())
        });
        unlinked.fold(0, async |sum, one| sum + one).await
    }

    /// Keeps octets that can be made again. The name ends in `.made`, so that the sweep of blobs
    /// leaves it alone.
    pub(super) async fn put_made(&self, name: &str, octets: Bytes) -> Result<(), StoreError> {
        self.objects.put(&made(name), octets.into()).await.map(drop).map_err(|error| self.fault(error))
    }

    pub(super) async fn take_made(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self.objects.get(&made(name)).await {
            Ok(found) => found.bytes().await.map(Some).map_err(|error| self.fault(error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Deletes the oldest of what can be made again until no more than so many octets are left.
    pub(super) async fn trim_made(&self, most: u64) -> Result<u64, StoreError> {
        let prefix = Path::from(MADE);
        let listed: Vec<_> =
            self.objects.list(Some(&prefix)).try_collect().await.map_err(|error| self.fault(error))?;
        let mut sum: u64 = listed.iter().map(|one| one.size).sum();
        let mut oldest = listed;
        oldest.sort_by_key(|one| one.last_modified);
        let mut deleted = 0;
        for one in oldest {
            if sum <= most {
                break;
            }
            // Another node may have been quicker.
            drop(self.objects.delete(&one.location).await);
            sum = sum.saturating_sub(one.size);
            deleted += 1;
        }
        Ok(deleted)
    }

    fn fault(&self, error: object_store::Error) -> StoreError {
        StoreError::Blob { place: self.place.clone(), detail: error.to_string() }
    }
}

/// One level of 256 directories: soon they all exist, and a blob costs no new directory, which
/// would have to be synced with its parents. A million blobs are 4,000 in each.
fn path(digest: &Digest) -> Path {
    let [first, ..] = digest;
    let name: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    Path::from(format!("{first:02x}/{name}"))
}

/// Folder of what can be made again.
const MADE: &str = "made";

fn made(name: &str) -> Path {
    let folder = name.get(..2).unwrap_or_default();
    Path::from(format!("{MADE}/{folder}/{name}.made"))
}

fn digest(path: &Path) -> Option<Digest> {
    let name = path.filename().filter(|name| name.len() == 64 && name.is_ascii())?;
    let mut digest = Digest::default();
    for (at, octet) in digest.iter_mut().enumerate() {
        *octet = u8::from_str_radix(name.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}
