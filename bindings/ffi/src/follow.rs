//! Staying in touch with a relay.

use std::sync::Arc;

use haversack::RelayUrl;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::{HaversackError, Notebook, SyncReport};

type Outcome<T> = Result<T, HaversackError>;

/// Hears how the syncs of [`Notebook::follow`] went. Implemented by the app; called on a thread where it may use the notebook.
#[uniffi::export(with_foreign)]
pub trait SyncListener: Send + Sync {
    /// One worked.
    ///
    /// # Errors
    /// Whatever it raises stops nothing.
    fn synced(&self, report: SyncReport) -> Result<(), ListenerFailure>;

    /// One did not; another is tried after a while, unless following has ended by it.
    ///
    /// # Errors
    /// Whatever it raises stops nothing.
    fn failed(&self, failure: HaversackError) -> Result<(), ListenerFailure>;
}

/// A listener raised something.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[non_exhaustive]
pub enum ListenerFailure {
    /// Whatever it was.
    #[error("the listener failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerFailure {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// A relay that is being followed, until [`Following::stop`] or until this is freed.
#[derive(uniffi::Object)]
pub struct Following {
    following: AbortHandle,
    /// Why it ended by itself.
    ended: watch::Receiver<Option<HaversackError>>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop();
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Following {
    /// Stops it, and a sync that is under way: what came is kept. A call of the listener that has begun goes on to its end.
    pub fn stop(&self) {
        self.following.abort();
    }

    /// Returns once it has been stopped.
    ///
    /// # Errors
    /// What trying again cannot mend, and ended it: `FixInput` for the address, `AskCoordinator` for another relay, `Unlock`,
    /// `JoinSpace`, `FreeSpace`, `ReportFault`.
    pub async fn ended(&self) -> Outcome<()> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

type Told = Result<SyncReport, HaversackError>;

#[uniffi::export(async_runtime = "tokio")]
impl Notebook {
    /// Waits until a relay says that a sync would bring something; `false` when it has waited long enough without. For an app that
    /// decides by itself when to sync; otherwise [`Notebook::follow`].
    ///
    /// # Errors
    /// As [`Notebook::sync`].
    pub async fn wait_for_news(&self, url: String) -> Outcome<bool> {
        Ok(self.0.wait_for_news(&url.parse()?).await?)
    }

    /// Syncs with a relay, then again whenever it has something new, until stopped. After a failure it waits, 4 seconds and more
    /// each time, up to a quarter of an hour.
    ///
    /// # Errors
    /// `FixInput` for an address that is none.
    pub async fn follow(
        &self,
        url: String,
        listener: Arc<dyn SyncListener>,
    ) -> Outcome<Arc<Following>> {
        let (url, notebook): (RelayUrl, _) = (url.parse()?, self.0.clone());
        let (tell, told) = mpsc::unbounded_channel::<Told>();
        let (end, ended) = watch::channel(None);
        tokio::spawn(telling(listener, told));
        let following = tokio::spawn(async move {
            let told = |synced: &Result<haversack::SyncReport, haversack::Error>| {
                let told = synced.as_ref().map(|report| report.clone().into());
                // A listener that is gone hears nothing.
                let _heard = tell.send(told.map_err(HaversackError::from));
            };
            let error = notebook.follow(&url, told).await;
            end.send_replace(Some((&error).into()));
        });
        Ok(Arc::new(Following { following: following.abort_handle(), ended }))
    }
}

/// Calls the listener, one call after another, where it may wait for this notebook or for a network.
async fn telling(listener: Arc<dyn SyncListener>, mut told: mpsc::UnboundedReceiver<Told>) {
    while let Some(one) = told.recv().await {
        let listener = listener.clone();
        let call = move || match one {
            Ok(report) => listener.synced(report),
            Err(failure) => listener.failed(failure),
        };
        // What it raises is its own affair.
        let _heard = tokio::task::spawn_blocking(call).await;
    }
}
