//! The one object: a device's records.

use std::path::Path;
use std::sync::Arc;

use haversack::model::{self, Day};
use haversack::{ContactDraft, CreateOptions, EngineError, Passphrase, Period, RelayUrl};

use crate::contact::read_line;
use crate::keys::{Foreign, recovery_code};
use crate::{
    BundleOutcome, Client, ClientFile, Contact, ContactFilter, Erasure, HardwareKey,
    HaversackError, Invitation, Line, Member, NewContact, Report, Role, Site, Status, SyncReport,
};

type Outcome<T> = Result<T, HaversackError>;

/// One device's records. May be called from any thread; calls wait for one another.
#[derive(Debug, uniffi::Object)]
pub struct Notebook(pub(crate) haversack::Notebook);

#[uniffi::export(async_runtime = "tokio")]
impl Notebook {
    /// Makes a store in an empty or new folder and opens it. It is in no space yet. Takes about two seconds: it finds out
    /// what stretching the device can bear.
    ///
    /// # Errors
    /// `FixInput` for a weak passphrase or when there is a store already, `FreeSpace`, `ReportFault`.
    #[uniffi::constructor]
    pub fn create(folder: &str, passphrase: Vec<u8>) -> Outcome<Arc<Self>> {
        let options = CreateOptions { cost: haversack::calibrated(), ..CreateOptions::default() };
        create(folder, passphrase, options)
    }

    /// Makes a store whose passphrase opens it on this device only; 8 characters are enough then. So many wrong
    /// passphrases in a row wipe it; 0 for never.
    ///
    /// # Errors
    /// As [`Notebook::create`], and `Unlock` when the hardware does not answer.
    #[uniffi::constructor]
    pub fn create_bound(
        folder: &str,
        passphrase: Vec<u8>,
        hardware: Arc<dyn HardwareKey>,
        wipe_after: u16,
    ) -> Outcome<Arc<Self>> {
        let (cost, key) = (haversack::calibrated(), Foreign(hardware));
        let options =
            CreateOptions { cost, hardware: Some(&key), wipe_after, ..CreateOptions::default() };
        create(folder, passphrase, options)
    }

    /// Opens a store. After many wrong passphrases it first waits, for up to a quarter of an hour.
    ///
    /// # Errors
    /// `Unlock` for the wrong passphrase, `FixInput` when there is no store or it was wiped, `RetryLater` when another
    /// process has it open, `Upgrade`, `ReportFault`.
    #[uniffi::constructor]
    pub fn open(folder: &str, passphrase: Vec<u8>) -> Outcome<Arc<Self>> {
        let (folder, passphrase) = (Path::new(folder), Passphrase::new(passphrase)?);
        Ok(Arc::new(Self(haversack::Notebook::open(folder, &passphrase)?)))
    }

    /// Opens a store whose passphrase is bound to hardware.
    ///
    /// # Errors
    /// As [`Notebook::open`]; `Unlock` also when the hardware does not answer: then the recovery code helps.
    #[uniffi::constructor]
    pub fn open_bound(
        folder: &str,
        passphrase: Vec<u8>,
        hardware: Arc<dyn HardwareKey>,
    ) -> Outcome<Arc<Self>> {
        let (passphrase, key) = (Passphrase::new(passphrase)?, Foreign(hardware));
        let wait = std::thread::sleep;
        let folder = Path::new(folder);
        let opened = haversack::Notebook::open_with(folder, &passphrase, Some(&key), wait)?;
        Ok(Arc::new(Self(opened)))
    }

    /// Opens a store with the twelve words of its recovery code, as UTF-8. Change the passphrase then.
    ///
    /// # Errors
    /// As [`Notebook::open`], and `FixInput` for a slip.
    #[uniffi::constructor]
    pub fn open_with_recovery(folder: &str, code: Vec<u8>) -> Outcome<Arc<Self>> {
        let passphrase = recovery_code(code)?.passphrase();
        Ok(Arc::new(Self(haversack::Notebook::open(Path::new(folder), &passphrase)?)))
    }

    /// Closes the store and forgets its keys. Every later call raises `Unlock`.
    ///
    /// # Errors
    /// `Unlock` when it is locked already; failures to save, and the records are safe all the same.
    pub fn lock(&self) -> Outcome<()> {
        Ok(self.0.close()?)
    }

    /// Founds a space with this device as its first coordinator.
    ///
    /// # Errors
    /// `FixInput` when it is in a space.
    pub fn found_space(&self) -> Outcome<()> {
        Ok(self.0.found_space()?)
    }

    /// Makes the text that a coordinator's `invite` takes.
    ///
    /// # Errors
    /// `FixInput` when this device is in a space.
    pub fn request_to_join(&self) -> Outcome<String> {
        Ok(self.0.request_to_join()?)
    }

    /// The request that waits for its answer, if there is one.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn pending_request(&self) -> Outcome<Option<String>> {
        Ok(self.0.pending_request()?)
    }

    /// Takes the request back: no answer to it is of use any more. [`Notebook::forget_request_after`] does so by itself.
    ///
    /// # Errors
    /// `FixInput` when there is none.
    pub fn forget_request(&self) -> Outcome<()> {
        Ok(self.0.forget_request()?)
    }

    /// Answers a request to join. Tells the new device of the team's relays, and the team of those whose addresses are given, with
    /// their ids.
    ///
    /// # Errors
    /// `FixInput` for a text that is no request, or an address that is none, `AskCoordinator` when this device's role does not
    /// invite.
    #[uniffi::method(default(relays = []))]
    pub fn invite(&self, request: &str, role: Role, relays: &[String]) -> Outcome<Invitation> {
        let urls: Vec<RelayUrl> =
            relays.iter().map(|url| url.parse()).collect::<Result<_, haversack::Error>>()?;
        let relays = self.0.relays_with(&urls)?;
        let (answer, words) = self.0.invite(request, role.into(), &relays)?;
        Ok(Invitation::new(answer, &words))
    }

    /// Takes the answer to this device's request and gives the six words to compare.
    ///
    /// # Errors
    /// `FixInput` for a text that is not the answer.
    pub fn join(&self, answer: &str) -> Outcome<String> {
        Ok(self.0.join(answer)?.to_string())
    }

    /// The devices of the space.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn members(&self) -> Outcome<Vec<Member>> {
        Ok(self.0.members()?.iter().map(Member::from).collect())
    }

    /// Adds a site, or changes the one with its code.
    ///
    /// # Errors
    /// `FixInput` for a value that its field does not take, `JoinSpace`, `FreeSpace`.
    pub fn put_site(&self, site: &Site) -> Outcome<()> {
        Ok(self.0.put_site(&model::Site::try_from(site)?)?)
    }

    /// Every site, in order of code.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn sites(&self) -> Outcome<Vec<Site>> {
        Ok(self.0.sites()?.iter().map(Site::from).collect())
    }

    /// Opens client files and gives their ids.
    ///
    /// # Errors
    /// As [`Notebook::put_site`]; nothing is saved then.
    pub fn add_clients(&self, clients: &[Client]) -> Outcome<Vec<String>> {
        let clients: Vec<_> = all(clients.iter().map(model::Client::try_from))?;
        Ok(texts(&self.0.add_clients(&clients)?))
    }

    /// Every client file here, in order of label.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn clients(&self) -> Outcome<Vec<ClientFile>> {
        Ok(self.0.clients()?.iter().map(ClientFile::from).collect())
    }

    /// Erases a client's file, on this device at once, on every other one with its next sync. Nothing takes it back. Contacts
    /// stay; whom they were with nobody can tell any more.
    ///
    /// # Errors
    /// As [`Notebook::put_site`], for other roles than supervisor and coordinator too, and `FixInput` for a client that is
    /// not known here.
    pub fn erase_client(&self, client: &str) -> Outcome<()> {
        Ok(self.0.erase_client(client.parse()?)?)
    }

    /// Every erased client, and how many devices have said that it came to them.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn erasures(&self) -> Outcome<Vec<Erasure>> {
        Ok(self.0.erasures()?.iter().map(Erasure::from).collect())
    }

    /// Logs contacts of one day and gives their ids. When it returns, they survive a power cut.
    ///
    /// # Errors
    /// As [`Notebook::put_site`], and `FixInput` for a site or a client that is not known here; nothing is
    /// saved then.
    pub fn log(&self, day: &str, contacts: &[NewContact]) -> Outcome<Vec<String>> {
        let day: Day = day.parse()?;
        let contacts: Vec<_> = all(contacts.iter().map(ContactDraft::try_from))?;
        Ok(texts(&self.0.log(day, &contacts)?))
    }

    /// Corrects the quantity of one line of a contact.
    ///
    /// # Errors
    /// As [`Notebook::log`].
    pub fn correct(&self, contact: &str, line: &Line) -> Outcome<()> {
        let (line, quantity) = read_line(line)?;
        Ok(self.0.correct(&contact.parse()?, &line, quantity)?)
    }

    /// Contacts, newest day first.
    ///
    /// # Errors
    /// `FixInput` for a day that is none.
    pub fn contacts(&self, filter: &ContactFilter) -> Outcome<Vec<Contact>> {
        let filter = haversack::ContactFilter::try_from(filter)?;
        Ok(self.0.contacts(&filter)?.iter().map(Contact::from).collect())
    }

    /// Where this store stands.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn status(&self) -> Outcome<Status> {
        Ok(self.0.status()?.into())
    }

    /// The report of the days from `from` to before `to`.
    ///
    /// # Errors
    /// `FixInput` for a day that is none, or a period without days.
    pub fn report(&self, from: &str, to: &str) -> Outcome<Report> {
        let period = Period::new(from.parse()?, to.parse()?).map_err(haversack::Error::from)?;
        Ok(self.0.report(&period)?.into())
    }

    /// Writes a bundle: what this device has that is not acknowledged, for a card or a cable.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn export_bundle(&self) -> Outcome<Vec<u8>> {
        Ok(self.0.export_bundle()?)
    }

    /// Takes a bundle.
    ///
    /// # Errors
    /// `FixInput` when it is none, or of another space.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a borrowed one would be a ByteBuffer in Kotlin"
    )]
    pub fn import_bundle(&self, bytes: Vec<u8>) -> Outcome<BundleOutcome> {
        Ok(self.0.import_bundle(&bytes)?.into())
    }

    /// Syncs with the relay at `https://HOST:PORT#ID`, in both directions. What arrives is durable as it arrives.
    ///
    /// # Errors
    /// `RetryLater` when nobody answers or the connection breaks, `AskCoordinator` when another relay answers
    /// than before, `FixInput` when the address is none or no relay is there.
    pub async fn sync(&self, url: String) -> Outcome<SyncReport> {
        let url: RelayUrl = url.parse()?;
        Ok(self.0.sync(&url).await?.into())
    }
}

fn create(folder: &str, passphrase: Vec<u8>, options: CreateOptions<'_>) -> Outcome<Arc<Notebook>> {
    let passphrase = Passphrase::new(passphrase)?;
    let notebook = haversack::Notebook::create(Path::new(folder), &passphrase, options)?;
    Ok(Arc::new(Notebook(notebook)))
}

pub(crate) fn all<T>(items: impl Iterator<Item = Result<T, EngineError>>) -> Outcome<Vec<T>> {
    Ok(items.collect::<Result<_, _>>()?)
}

fn texts(ids: &[impl ToString]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
