//! How this store reaches relays: by itself, over a proxy, or over an app's own HTTP client.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::connect::{Direct, Meter};
use crate::direct::OwnHttp;
use crate::http::WAKE;
use crate::http_client::{HttpAnswer, HttpClient, HttpFault, HttpRequest, HttpSending};
use crate::{Error, Notebook, Proxy, ProxyError};

/// Exchanges that an app's client carries at once.
const REQUESTS_MAX: usize = 16;
/// Requests to be told of news, which stay: one for each relay of each space that is followed.
const WAKES_MAX: usize = 64;

/// What lies between a store, with its spaces, and any relay.
#[derive(Default)]
pub(crate) struct Network {
    proxy: Option<Proxy>,
    plugged: Option<Plugged>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// What carries requests to relays, and whether it proves that one has a pinned key.
    pub(crate) fn client(&self, meter: &Meter) -> Result<(Arc<dyn HttpClient>, bool), Error> {
        match (&self.plugged, &self.proxy) {
            (None, _) => Ok((self.direct(meter), true)),
            (Some(_), Some(_)) => Err(ProxyError::NotUsed.into()),
            (Some(plugged), None) => {
                let plugged = Plugged { meter: meter.clone(), ..plugged.clone() };
                Ok((Arc::new(plugged), false))
            }
        }
    }

    /// What carries them without an app's help.
    pub(crate) fn direct(&self, meter: &Meter) -> Arc<dyn HttpClient> {
        let connections = Direct { proxy: self.proxy.clone(), meter: meter.clone() };
        Arc::new(OwnHttp::new(connections))
    }
}

/// An app's own client, counted and kept within bounds.
#[derive(Clone)]
struct Plugged {
    client: Arc<dyn HttpClient>,
    places: Arc<Semaphore>,
    wakes: Arc<Semaphore>,
    meter: Meter,
}

impl HttpClient for Plugged {
    fn send(&self, request: HttpRequest, answer: HttpAnswer) -> HttpSending<'_> {
        Box::pin(async move {
            let places = if request.path == WAKE { &self.wakes } else { &self.places };
            let place = places.try_acquire();
            let _place = place.map_err(|_| Error::HttpClient(HttpFault::TooMany))?;
            self.meter.add(request.body.len(), 0);
            answer.count(self.meter.clone());
            self.client.send(request, answer).await
        })
    }
}

impl Notebook {
    /// Goes to relays over a proxy from now on, in further spaces too; over none with `None`. It is forgotten with the notebook.
    pub fn set_proxy(&self, proxy: Option<Proxy>) {
        self.shared.network().proxy = proxy;
    }

    /// Has an app's own HTTP client carry the requests to relays from now on, in further spaces too; with `None` this library does
    /// so again. It is forgotten with the notebook. Devices beside this one are still reached without it.
    ///
    /// Pins are then the client's to check. What it lets through unchecked can keep, delay and count what passes, and use up the
    /// mailbox, as a relay can; it reads and forges nothing. A relay that is met for the first time proves its key over a nonce
    /// here, whatever the client thinks of its certificate.
    pub fn set_http_client(&self, client: Option<Arc<dyn HttpClient>>) {
        let [places, wakes] = [REQUESTS_MAX, WAKES_MAX].map(|n| Arc::new(Semaphore::new(n)));
        let meter = Meter::default();
        let plugged = |client| Plugged { client, places, wakes, meter };
        self.shared.network().plugged = client.map(plugged);
    }
}
