//! Syncing with a relay: who answers there, and one exchange after another.

use haversack_core::{
    Exchange, Fault, Received, RelayFault, RelayRoute, SyncOutcome, relay_of_proof,
};
use haversack_wire::Relay;

use crate::connect::Meter;
use crate::http::Way;
use crate::notebook::blocking;
use crate::{Error, Notebook, Pin, RelayUrl, Scheme, http};

/// Exchanges that one sync makes at most, when a relay keeps saying that there is more.
const EXCHANGES_MAX: u32 = 16;
/// How often in one sync a relay may show another past than before: a relay that is restored does so once for each mailbox.
const TROUBLES_MAX: u32 = 4;

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// HTTP requests made: one, plus one on the first meeting with a relay, plus one for each further round.
    pub requests: u32,
    /// Bytes sent over the socket, headers included. Over an app's own HTTP client: bodies alone, here and below.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// Frames that the relay now holds.
    pub pushed: u32,
    /// Their bytes, sealed.
    pub pushed_bytes: u64,
    /// This device's changes in them.
    pub records: u32,
    /// Frames that the relay had no room for.
    pub full: u32,
    /// What came.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// What the relay did that it should not.
    pub faults: Vec<RelayFault>,
}

impl SyncReport {
    /// Adds what one exchange came to.
    fn add(&mut self, outcome: SyncOutcome) {
        self.pushed += outcome.pushed;
        self.pushed_bytes += outcome.pushed_bytes;
        self.records += outcome.records;
        self.full += outcome.full;
        self.received.add(outcome.received);
        self.contacts += outcome.contacts;
        for new in outcome.faults {
            match self.faults.iter_mut().find(|known| known.fault == new.fault) {
                // What is withheld is so now; the rest adds up.
                Some(known) if new.fault == Fault::Withheld => known.count = new.count,
                Some(known) => known.count = known.count.saturating_add(new.count),
                None => self.faults.push(new),
            }
        }
    }

    /// How often the relay showed that it is not in order.
    fn troubles(&self) -> u32 {
        let is_trouble = |fault: Fault| matches!(fault, Fault::OtherPast | Fault::Digest);
        self.faults.iter().filter(|one| is_trouble(one.fault)).map(|one| one.count).sum()
    }
}

impl Notebook {
    /// Syncs with a relay: one request, in both directions. What arrives is durable as it arrives. Makes new keys first, where
    /// that is this device's to do and a week has passed.
    ///
    /// Over `https` the relay must have a key that the address pins, or else the team's roster; where neither does, one that
    /// public authorities vouch for.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Proxy`], [`Error::Tls`], [`Error::NotARelay`], [`Error::OtherRelay`],
    /// [`Error::Refused`]; [`Error::Interrupted`] when the connection broke midway; and the errors of saving.
    pub async fn sync(&self, url: &RelayUrl) -> Result<SyncReport, Error> {
        let this = self.clone();
        blocking(move || this.rotate_when_due()).await?;
        let way = self.way(url)?;
        let mut report = SyncReport::default();
        let relay = self.meet(&way, &mut report).await?;
        let route = RelayRoute { relay, admission: Vec::new() };
        for _ in 0..EXCHANGES_MAX {
            let again = self.exchange(&way, &route, &mut report).await;
            (report.bytes_up, report.bytes_down) = way.meter.read();
            if !again? || report.troubles() > TROUBLES_MAX {
                break;
            }
        }
        Ok(report)
    }

    /// The relay that answers at an address: the one that is pinned there, or one that proves its key now, and is pinned.
    ///
    /// # Errors
    /// `Unreachable`, `NotARelay`, `OtherRelay`, `NoSpace`, and the errors of saving.
    pub async fn relay_at(&self, url: &RelayUrl) -> Result<Relay, Error> {
        self.meet(&self.way(url)?, &mut SyncReport::default()).await
    }

    /// How a relay is reached, and by which keys it is known: those of its address, or else those of the roster.
    pub(crate) fn way<'a>(&self, url: &'a RelayUrl) -> Result<Way<'a>, Error> {
        let mut pins = url.pins().to_vec();
        if pins.is_empty() {
            let relay = self.with(|engine| engine.pinned_relay(&url.key(), url.relay()))?;
            let relay = url.relay().or(relay);
            let named = self.relays()?.into_iter().filter(|named| Some(named.relay) == relay);
            pins.extend(named.flat_map(|named| named.pins).map(Pin::new));
        }
        let meter = Meter::default();
        let (client, proves_pins) = self.shared.network().client(&meter)?;
        Ok(Way { url, pins, client, proves_pins, meter })
    }

    /// How a device beside this one is reached: by its pin alone, which an app's own client cannot be trusted to prove.
    fn way_to_peer<'a>(&self, url: &'a RelayUrl) -> Way<'a> {
        let meter = Meter::default();
        let client = self.shared.network().direct(&meter);
        Way { url, pins: url.pins().to_vec(), client, proves_pins: true, meter }
    }

    /// Finds out which relay answers at an address: the one that is known to, or one that proves its key now. What the roster or whoever
    /// gave the address says of it is proved once as well, by its key or by TLS.
    pub(crate) async fn meet(
        &self,
        way: &Way<'_>,
        report: &mut SyncReport,
    ) -> Result<Relay, Error> {
        let (url, address) = (way.url, way.url.key());
        let known = self.with(|engine| engine.pinned_relay(&address, url.relay()))?;
        let is_other = |relay: Relay| url.relay().is_some_and(|expected| expected != relay);
        if known.is_some_and(is_other) {
            return Err(Error::OtherRelay);
        }
        let named = known.or(url.relay());
        if let Some(named) = named {
            // Whoever named the relay has said which key is its own: TLS proves it.
            let is_proved =
                url.scheme() == Scheme::Https && way.proves_pins && !way.pins.is_empty();
            if is_proved || self.with(|engine| engine.has_met(&address, &named))? {
                return Ok(named);
            }
        }
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|_| Error::Task)?;
        report.requests += 1;
        let proof = http::proof(way, &nonce).await?;
        let relay = relay_of_proof(&nonce, &proof).map_err(|_| Error::NotARelay)?;
        // Of several that are named for the address it may be another one.
        let same = self.with(|engine| engine.pinned_relay(&address, Some(relay)))?.or(named);
        if is_other(relay) || same.is_some_and(|named| named != relay) {
            return Err(Error::OtherRelay);
        }
        self.with(|engine| engine.pin_relay(&address, relay))?;
        Ok(relay)
    }

    /// Syncs with another device of the team that answers on this network, as [`PeerServer`] shows its address. What comes is
    /// kept for the next relay too; what goes there is safe no sooner than somebody says so, signed.
    ///
    /// # Errors
    /// As [`Notebook::sync`]; [`Error::Address`] unless it names the device and its pin.
    ///
    /// [`PeerServer`]: crate::PeerServer
    pub async fn sync_with_peer(&self, url: &RelayUrl) -> Result<SyncReport, Error> {
        let why = "names no device and pin: take the one that haversack peer serve shows";
        let peer = url.relay().filter(|_| !url.pins().is_empty()).ok_or(Error::Address { why })?;
        let way = self.way_to_peer(url);
        let (mut report, mut before) = (SyncReport::default(), None);
        for _ in 0..EXCHANGES_MAX {
            let this = self.clone();
            let begun =
                blocking(move || this.with(|engine| engine.begin_meeting(&peer, before.as_ref())));
            let carried = self.carry_out(&way, begun.await?, &mut report).await;
            (report.bytes_up, report.bytes_down) = way.meter.read();
            match carried? {
                (exchange, true) => before = Some(exchange),
                (_, false) => break,
            }
        }
        Ok(report)
    }

    /// One exchange with a relay. Says whether another would bring more.
    async fn exchange(
        &self,
        way: &Way<'_>,
        route: &RelayRoute,
        report: &mut SyncReport,
    ) -> Result<bool, Error> {
        let (this, to) = (self.clone(), route.clone());
        let begun = blocking(move || this.with(|engine| engine.begin_exchange(&to)));
        let (_, again) = self.carry_out(way, begun.await?, report).await?;
        Ok(again)
    }

    /// Sends a request, takes the answer as it comes. Says whether another exchange would bring more.
    async fn carry_out(
        &self,
        way: &Way<'_>,
        mut exchange: Exchange,
        report: &mut SyncReport,
    ) -> Result<(Exchange, bool), Error> {
        report.requests += 1;
        let sent = http::exchange(way, exchange.request().to_vec()).await;
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                // What was on its way may be there.
                report.add(self.with(|engine| engine.end_exchange(&exchange))?);
                return Err(interrupted(error, report, &way.meter));
            }
        };
        let mut broken = Error::Interrupted { so_far: Box::default() };
        let mut nonsense = None;
        while !exchange.is_done() {
            let piece = match answer.next_piece().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => {
                    broken = error;
                    break;
                }
            };
            let this = self.clone();
            let fed = blocking(move || {
                let fed = this.with(|engine| engine.feed(&mut exchange, &piece));
                Ok((exchange, fed))
            });
            let (back, fed) = fed.await?;
            exchange = back;
            if let Err(error) = fed {
                nonsense = Some(error);
                break;
            }
        }
        let outcome = self.with(|engine| engine.end_exchange(&exchange))?;
        let (complete, again) = (outcome.complete, outcome.again);
        report.add(outcome);
        if let Some(error) = nonsense {
            return Err(error);
        }
        if complete && again {
            answer.finish().await;
        }
        match complete {
            true => Ok((exchange, again)),
            false => Err(interrupted(broken, report, &way.meter)),
        }
    }
}

/// Says in the error of a broken connection what was done before.
fn interrupted(error: Error, report: &mut SyncReport, meter: &Meter) -> Error {
    (report.bytes_up, report.bytes_down) = meter.read();
    match error {
        Error::Interrupted { .. } => Error::Interrupted { so_far: Box::new(report.clone()) },
        other => other,
    }
}
