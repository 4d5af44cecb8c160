//! A whole relay: an identity, a storage, a server.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use haversack_wire::Relay as RelayId;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::server::{self, Shared};
use crate::{DataDir, Error, Identity, Limits, Sqlite, Storage, Tls};

/// A relay, open and ready to serve.
pub struct Relay {
    identity: Arc<Identity>,
    storage: Arc<dyn Storage>,
    limits: Limits,
    tls: Option<Arc<Tls>>,
}

impl Relay {
    /// Opens the relay of a data directory. At the first start the directory, its key and its
    /// database are made.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has the directory, [`Error::Newer`] when a newer version
    /// wrote it, [`Error::Damaged`] when it is not in order or its key is gone, [`Error::Io`] and
    /// [`Error::NoRoom`] when it cannot be read or written.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        let dir = DataDir::lock(data_dir)?;
        let has_database = Sqlite::exists(&dir);
        let identity = Identity::open(&dir, || match has_database {
            true => Err(Error::damaged("the key of an existing database is gone")),
            false => random_seed(),
        })?;
        Ok(Self::new(identity, Sqlite::open(dir)?))
    }

    /// A relay over any storage.
    #[must_use]
    pub fn new(identity: Identity, storage: impl Storage + 'static) -> Self {
        let (identity, storage) = (Arc::new(identity), Arc::new(storage));
        Self { identity, storage, limits: Limits::default(), tls: None }
    }

    /// The same relay under other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same relay, talked to by TLS and by nothing else.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(Arc::new(tls)), ..self }
    }

    /// The relay's id, which devices pin.
    #[must_use]
    pub fn id(&self) -> RelayId {
        self.identity.id()
    }

    /// Serves until `shutdown` is ready; then accepts nothing more and finishes what runs.
    ///
    /// Must be called on a tokio runtime with IO and time.
    ///
    /// # Errors
    /// [`Error::Cut`] when requests were still running at
    /// [`stop_time_max`](Limits::stop_time_max). What they had stored by then stays stored.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let shared =
            Shared::new(Arc::clone(&self.identity), Arc::clone(&self.storage), self.limits);
        server::serve(listener, shared, self.tls.clone(), shutdown).await
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Relay").field(&self.id()).finish()
    }
}

fn random_seed() -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    match getrandom::fill(&mut *seed) {
        Ok(()) => Ok(seed),
        Err(error) => Err(Error::Io { what: "draw random bytes", cause: error.into() }),
    }
}
