//! Phone to phone: on one network, or on the hotspot of one of them, with no relay in reach.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use haversack::EngineError;
use tokio::sync::{oneshot, watch};

use crate::{HaversackError, Notebook, Received, SyncReport};

type Outcome<T> = Result<T, HaversackError>;

/// What was done while this device answered others.
#[derive(Debug, Clone, Copy, uniffi::Record)]
pub struct PeerReport {
    /// Requests of members that were answered to their end.
    pub answered: u32,
    /// What they brought.
    pub received: Received,
}

/// This device, answering others of its team until [`PeerServer::stop`] or until this is freed. Its address is good for this one
/// time.
#[derive(uniffi::Object)]
pub struct PeerServer {
    url: String,
    code: String,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    report: watch::Receiver<Option<PeerReport>>,
}

#[uniffi::export(async_runtime = "tokio")]
impl PeerServer {
    /// Begins to answer, under a certificate made just now, where `listen` says: `0.0.0.0:0` for any free port. Others are told to
    /// come to `host`; without one, to this device's address on the network that leads furthest.
    ///
    /// # Errors
    /// `FixInput` for an address that is none, `ReportFault` when nobody can listen there or this device is on no network,
    /// `Unlock`.
    #[uniffi::constructor]
    pub async fn bind(
        notebook: Arc<Notebook>,
        listen: String,
        host: Option<String>,
    ) -> Outcome<Arc<Self>> {
        let rule = || "must be an address and a port, as in 0.0.0.0:0".to_owned();
        let listen = listen.parse::<SocketAddr>();
        let listen = listen.map_err(|_| EngineError::Invalid { field: "listen", rule: rule() })?;
        let server = haversack::PeerServer::bind(&notebook.0, listen, host).await?;
        let (url, code) = (server.url().to_string(), server.url().to_code());
        let (stop, stopped) = oneshot::channel::<()>();
        let (done, report) = watch::channel(None);
        tokio::spawn(async move {
            let served = server.serve(async { drop(stopped.await) }).await;
            done.send_replace(Some(served.into()));
        });
        Ok(Arc::new(Self { url, code, stop: Mutex::new(Some(stop)), report }))
    }

    /// What [`Notebook::sync_with_peer`] takes on the other device.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The same for a QR code, in the characters of its alphanumeric mode. It is scanned and used as it is.
    pub fn code(&self) -> String {
        self.code.clone()
    }

    /// Stops answering, once what runs is done, within a few seconds.
    ///
    /// # Errors
    /// `ReportFault`.
    pub async fn stop(&self) -> Outcome<PeerReport> {
        drop(self.stop.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut report = self.report.clone();
        let report = report.wait_for(Option::is_some).await.map_err(|_| haversack::Error::Task)?;
        Ok(report.ok_or(haversack::Error::Task)?)
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Notebook {
    /// Syncs with a device of the team that answers beside this one, at the address that its [`PeerServer`] shows. What comes is
    /// kept for the next relay too; what goes there is safe no sooner than somebody says so, signed.
    ///
    /// # Errors
    /// As [`Notebook::sync`]; `FixInput` for an address without the device's id and pin.
    pub async fn sync_with_peer(&self, url: String) -> Outcome<SyncReport> {
        Ok(self.0.sync_with_peer(&url.parse()?).await?.into())
    }
}

impl From<haversack::PeerReport> for PeerReport {
    fn from(report: haversack::PeerReport) -> Self {
        Self { answered: report.answered, received: report.received.into() }
    }
}
