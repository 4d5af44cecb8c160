//! Signed statements (PROTOCOL § 6).

use haversack_wire::codec::{Ascending, bounded, put_blob, put_varint};
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::{ADDRESSES_MAX, RELAYS_MAX, STATEMENT_MAX};
use haversack_wire::{Error, Reader, Relay, RetireHash, Space, StatementHash};

use crate::crypto::{AadLabel, SignKey, message, verify};

const WHAT: &str = "statement";
const ADDRESS_MAX: usize = 256;
const RETIRE_HASHES_MAX: usize = 64;

/// What a device is trusted to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Logs contacts.
    Educator = 1,
    /// Corrects what the team logged.
    Supervisor = 2,
    /// Invites and reports: an admin.
    Coordinator = 3,
    /// Keeps health files.
    Clinic = 4,
    /// Keeps stock.
    StockKeeper = 5,
    /// Trains.
    Trainer = 6,
    /// Keeps everything, for others to come back to.
    Archive = 7,
}

impl Role {
    /// Every role of this version.
    pub const ALL: [Self; 7] = [
        Self::Educator,
        Self::Supervisor,
        Self::Coordinator,
        Self::Clinic,
        Self::StockKeeper,
        Self::Trainer,
        Self::Archive,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| *role as u8 == number)
    }

    /// Whether it may invite.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Coordinator)
    }

    /// Whether its signed acknowledgement frees a device of its work.
    pub(crate) const fn keeps_work(self) -> bool {
        matches!(self, Self::Coordinator | Self::Archive)
    }
}

/// A relay of a space: its id and where it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayAddress {
    /// The hash of its long-term key.
    pub relay: Relay,
    /// Addresses, such as `https://relay.example:443`.
    pub addresses: Vec<String>,
    /// Pins of its TLS keys.
    pub pins: Vec<[u8; 32]>,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A device is a member. A role of a newer version may do nothing.
    AddDevice { device_key: [u8; 32], kem_key: [u8; 32], role: Option<Role>, flags: u8 },
    /// Where the space's relays are.
    SetRelays(Vec<RelayAddress>),
    /// The retire hashes of coming generations.
    RetireHashes { first: u64, hashes: Vec<RetireHash> },
    /// Carried and counted only.
    Other,
}

/// A signed statement, kept as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) signer: [u8; 32],
    pub(crate) content: Content,
    pub(crate) bytes: Vec<u8>,
}

impl Statement {
    /// Signs a new device's membership.
    pub(crate) fn add_device(
        space: &Space,
        signer: &SignKey,
        device_key: [u8; 32],
        kem_key: [u8; 32],
        role: Role,
    ) -> Self {
        let payload = [&device_key[..], &kem_key, &[role as u8, 0]].concat();
        let content = Content::AddDevice { device_key, kem_key, role: Some(role), flags: 0 };
        Self::sign(space, signer, 1, &payload, content)
    }

    /// Signs where relays are.
    pub(crate) fn set_relays(
        space: &Space,
        signer: &SignKey,
        relays: Vec<RelayAddress>,
    ) -> Result<Self, Error> {
        let mut payload = Vec::new();
        put_relays(&mut payload, &relays)?;
        bounded("statement", payload.len() as u64, STATEMENT_MAX)?;
        Ok(Self::sign(space, signer, 5, &payload, Content::SetRelays(relays)))
    }

    /// Signs the retire hashes of coming generations.
    pub(crate) fn retire_hashes(
        space: &Space,
        signer: &SignKey,
        first: u64,
        hashes: Vec<RetireHash>,
    ) -> Self {
        let mut payload = Vec::new();
        put_varint(&mut payload, first);
        put_varint(&mut payload, hashes.len() as u64);
        hashes.iter().for_each(|hash| payload.extend_from_slice(hash.as_bytes()));
        Self::sign(space, signer, 6, &payload, Content::RetireHashes { first, hashes })
    }

    fn sign(space: &Space, signer: &SignKey, kind: u8, payload: &[u8], content: Content) -> Self {
        let mut bytes = vec![kind];
        bytes.extend(signer.public());
        put_blob(&mut bytes, payload);
        let signature = signer.sign(&message(AadLabel::STATEMENT, &[space.as_bytes(), &bytes]));
        bytes.extend(signature);
        Self { signer: signer.public(), content, bytes }
    }

    /// Reads a statement and checks its signature.
    pub(crate) fn decode(space: &Space, bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let kind = r.u8()?;
        let signer = r.array()?;
        let payload = r.blob(STATEMENT_MAX)?;
        let signed = bytes.get(..bytes.len() - r.rest().len()).unwrap_or_default();
        let signature = r.array()?;
        r.end()?;
        if !verify(&signer, &message(AadLabel::STATEMENT, &[space.as_bytes(), signed]), &signature)
        {
            return Err(Error::Malformed { what: WHAT, rule: "signature does not verify" });
        }
        Ok(Self { signer, content: read_content(kind, payload)?, bytes: bytes.to_vec() })
    }

    /// Whether a device speaks of its own new keys: the one kind that every member may sign.
    pub(crate) fn is_renewal(&self) -> bool {
        self.bytes.first() == Some(&3)
    }

    pub(crate) fn hash(&self) -> StatementHash {
        StatementHash::new(derive_cut(Label::STATEMENT, &[&self.bytes]))
    }
}

fn read_content(kind: u8, payload: &[u8]) -> Result<Content, Error> {
    let mut r = Reader::new(WHAT, payload);
    let content = match kind {
        1 => Content::AddDevice {
            device_key: r.array()?,
            kem_key: r.array()?,
            role: Role::from_number(r.u8()?),
            flags: r.u8()?,
        },
        5 => Content::SetRelays(read_relays(&mut r)?),
        6 => {
            let first = r.varint()?;
            let count = r.count(RETIRE_HASHES_MAX)?;
            let hashes =
                (0..count).map(|_| r.array().map(RetireHash::new)).collect::<Result<_, _>>()?;
            Content::RetireHashes { first, hashes }
        }
        _ => return Ok(Content::Other),
    };
    r.end().map(|()| content)
}

fn put_relays(out: &mut Vec<u8>, relays: &[RelayAddress]) -> Result<(), Error> {
    put_varint(out, bounded("relays", relays.len() as u64, RELAYS_MAX)? as u64);
    let mut order = Ascending::new("relays");
    for relay in relays {
        order.step(relay.relay)?;
        out.extend_from_slice(relay.relay.as_bytes());
        put_varint(out, bounded("addresses", relay.addresses.len() as u64, ADDRESSES_MAX)? as u64);
        for address in &relay.addresses {
            bounded("address", address.len() as u64, ADDRESS_MAX)?;
            put_blob(out, address.as_bytes());
        }
        put_varint(out, bounded("pins", relay.pins.len() as u64, ADDRESSES_MAX)? as u64);
        relay.pins.iter().for_each(|pin| out.extend_from_slice(pin));
    }
    Ok(())
}

fn read_relays(r: &mut Reader<'_>) -> Result<Vec<RelayAddress>, Error> {
    let mut order = Ascending::new("relays");
    let mut relays = Vec::new();
    for _ in 0..r.count(RELAYS_MAX)? {
        let relay = Relay::new(r.array()?);
        order.step(relay)?;
        let count = r.count(ADDRESSES_MAX)?;
        let addresses =
            (0..count).map(|_| r.text(ADDRESS_MAX).map(str::to_owned)).collect::<Result<_, _>>()?;
        let count = r.count(ADDRESSES_MAX)?;
        let pins = (0..count).map(|_| r.array()).collect::<Result<_, _>>()?;
        relays.push(RelayAddress { relay, addresses, pins });
    }
    Ok(relays)
}
