//! Signed statements (PROTOCOL § 6.1).

use std::collections::BTreeMap;

use haversack_wire::codec::{Ascending, bounded, put_blob, put_varint};
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::{
    ADDRESSES_MAX, CUT_MAX, RELAYS_MAX, STATEMENT_MAX, STATEMENT_PARENTS_MAX as PARENTS_MAX,
};
use haversack_wire::{Device, Error, Lane, Reader, Relay, RetireHash, Space, StatementHash};

use crate::crypto::{AadLabel, Suite, message};
use crate::model::SpaceName;

const WHAT: &str = "statement";
const ADDRESS_MAX: usize = 256;
const NAME_MAX: usize = 16;
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

    /// Whether it may write: who trains, keeps stock or copies writes nothing in this version, whatever it may turn out to be in.
    pub(crate) const fn may_write(self, what: Written) -> bool {
        match what {
            Written::Records | Written::Newer => {
                matches!(self, Self::Educator | Self::Supervisor | Self::Coordinator | Self::Clinic)
            }
            Written::Registry => self.is_admin(),
            Written::Erasure => matches!(self, Self::Supervisor | Self::Coordinator),
        }
    }

    /// Whether it mints an epoch every week, and ages those of others by it.
    #[must_use]
    pub const fn rotates(self) -> bool {
        matches!(self, Self::Coordinator | Self::Archive)
    }

    /// Whether its signed acknowledgement frees a device of its work.
    pub(crate) const fn keeps_work(self) -> bool {
        matches!(self, Self::Coordinator | Self::Archive)
    }
}

/// What kind of document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Outings and client files.
    Records,
    /// Sites and settings of the space.
    Registry,
    /// That a client's file is erased.
    Erasure,
    /// A document of a newer version, or one that says nothing yet.
    Newer,
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

/// Of each of a device's lanes the first sequence that is no longer believed; of other lanes nothing is believed.
pub(crate) type Cut = BTreeMap<Lane, u32>;

/// What a statement says. A role of a newer version may do nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A device is a member.
    AddDevice { device_key: [u8; 32], kem_key: [u8; 32], role: Option<Role>, may_rotate: bool },
    /// A member has another role from here on.
    SetRole { device: Device, role: Option<Role>, cut: Cut },
    /// The signer goes on under other keys, which agreed.
    RenewDevice { device_key: [u8; 32], kem_key: [u8; 32] },
    /// A member is none any more, for good.
    Revoke { device: Device, cut: Cut },
    /// Where the space's relays are.
    SetRelays(Vec<RelayAddress>),
    /// The retire hashes of coming generations.
    RetireHashes { first: u64, hashes: Vec<RetireHash> },
    /// Another root key takes the place of the signer.
    ReplaceRoot { root: [u8; 32] },
    /// What is put into this drop-box opens to the members of another space.
    DropBox { target: Space, key: [u8; 32], name: SpaceName },
    /// What members of the space with this first root key drop here is taken.
    TakeDrops { root: [u8; 32] },
    /// Carried only.
    Other,
}

/// A signed statement, kept as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) signer: [u8; 32],
    /// What its signer had seen: the heads of its roster, ascending.
    pub(crate) parents: Vec<StatementHash>,
    pub(crate) content: Content,
    pub(crate) bytes: Vec<u8>,
}

impl Statement {
    /// Signs a statement on top of what its signer has seen.
    ///
    /// # Errors
    /// [`Error::Limit`] when something in it is longer than § 12 allows.
    pub(crate) fn sign<S: Suite>(
        space: &Space,
        signer: &S::Sign,
        parents: Vec<StatementHash>,
        content: Content,
        consent: Option<&S::Sign>,
    ) -> Result<Self, Error> {
        let public = S::public(signer);
        let mut payload = content.encode()?;
        if let (Content::RenewDevice { .. }, Some(new)) = (&content, consent) {
            payload.extend(S::sign(new, &renewal(space, &public, &payload)));
        }
        bounded("statement", payload.len() as u64, STATEMENT_MAX)?;
        let mut bytes = vec![content.kind()];
        bytes.extend(public);
        put_varint(&mut bytes, bounded("parents", parents.len() as u64, PARENTS_MAX)? as u64);
        parents.iter().for_each(|parent| bytes.extend_from_slice(parent.as_bytes()));
        put_blob(&mut bytes, &payload);
        let signature = S::sign(signer, &message(AadLabel::STATEMENT, &[space.as_bytes(), &bytes]));
        bytes.extend(signature);
        Ok(Self { signer: public, parents, content, bytes })
    }

    /// Reads a statement and checks its signature.
    pub(crate) fn decode<S: Suite>(space: &Space, bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let kind = r.u8()?;
        let signer = r.array()?;
        let mut order = Ascending::new("parents");
        let mut parents = Vec::new();
        for _ in 0..r.count(PARENTS_MAX)? {
            let parent = StatementHash::new(r.array()?);
            order.step(parent)?;
            parents.push(parent);
        }
        let payload = r.blob(STATEMENT_MAX)?;
        let signed = bytes.get(..bytes.len() - r.rest().len()).unwrap_or_default();
        let signature = r.array()?;
        r.end()?;
        if !S::verify(
            &signer,
            &message(AadLabel::STATEMENT, &[space.as_bytes(), signed]),
            &signature,
        ) {
            return Err(Error::Malformed { what: WHAT, rule: "signature does not verify" });
        }
        let content = read_content::<S>(space, &signer, kind, payload)?;
        Ok(Self { signer, parents, content, bytes: bytes.to_vec() })
    }
}

/// `derive("statement", statement)[..16]`
pub(crate) fn hash(bytes: &[u8]) -> StatementHash {
    StatementHash::new(derive_cut(Label::STATEMENT, &[bytes]))
}

/// What the new key of a renewal signs.
fn renewal(space: &Space, old: &[u8; 32], keys: &[u8]) -> Vec<u8> {
    message(AadLabel::RENEWAL, &[space.as_bytes(), old, keys])
}

impl Content {
    const fn kind(&self) -> u8 {
        match self {
            Self::AddDevice { .. } => 1,
            Self::SetRole { .. } => 2,
            Self::RenewDevice { .. } => 3,
            Self::Revoke { .. } => 4,
            Self::SetRelays(_) => 5,
            Self::RetireHashes { .. } => 6,
            Self::ReplaceRoot { .. } => 7,
            Self::DropBox { .. } => 8,
            Self::TakeDrops { .. } => 9,
            Self::Other => 0,
        }
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let number = |role: &Option<Role>| role.map_or(0, |role| role as u8);
        let mut out = Vec::new();
        match self {
            Self::AddDevice { device_key, kem_key, role, may_rotate } => {
                out = [&device_key[..], kem_key, &[number(role), u8::from(*may_rotate)]].concat();
            }
            Self::SetRole { device, role, cut } => {
                out = [&device.as_bytes()[..], &[number(role)]].concat();
                put_cut(&mut out, cut)?;
            }
            Self::RenewDevice { device_key, kem_key } => {
                out = [&device_key[..], kem_key].concat();
            }
            Self::Revoke { device, cut } => {
                out = device.to_bytes().to_vec();
                put_cut(&mut out, cut)?;
            }
            Self::SetRelays(relays) => put_relays(&mut out, relays)?,
            Self::RetireHashes { first, hashes } => {
                put_varint(&mut out, *first);
                let count = bounded("retire hashes", hashes.len() as u64, RETIRE_HASHES_MAX)?;
                put_varint(&mut out, count as u64);
                hashes.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
            }
            Self::ReplaceRoot { root } | Self::TakeDrops { root } => out = root.to_vec(),
            Self::DropBox { target, key, name } => {
                out = [&target.as_bytes()[..], key].concat();
                put_blob(&mut out, name.as_str().as_bytes());
            }
            Self::Other => {}
        }
        Ok(out)
    }
}

fn read_content<S: Suite>(
    space: &Space,
    signer: &[u8; 32],
    kind: u8,
    payload: &[u8],
) -> Result<Content, Error> {
    let mut r = Reader::new(WHAT, payload);
    let content = match kind {
        1 => Content::AddDevice {
            device_key: r.array()?,
            kem_key: r.array()?,
            role: Role::from_number(r.u8()?),
            may_rotate: r.u8()? & 1 == 1,
        },
        2 => Content::SetRole {
            device: Device::new(r.array()?),
            role: Role::from_number(r.u8()?),
            cut: read_cut(&mut r)?,
        },
        3 => {
            let content = Content::RenewDevice { device_key: r.array()?, kem_key: r.array()? };
            let keys = payload.get(..64).unwrap_or_default();
            let Content::RenewDevice { device_key, .. } = &content else { return Ok(content) };
            if !S::verify(device_key, &renewal(space, signer, keys), &r.array()?) {
                return Err(r.malformed("the new key did not agree"));
            }
            content
        }
        4 => Content::Revoke { device: Device::new(r.array()?), cut: read_cut(&mut r)? },
        5 => Content::SetRelays(read_relays(&mut r)?),
        6 => {
            let first = r.varint()?;
            let count = r.count(RETIRE_HASHES_MAX)?;
            let hashes =
                (0..count).map(|_| r.array().map(RetireHash::new)).collect::<Result<_, _>>()?;
            Content::RetireHashes { first, hashes }
        }
        7 => Content::ReplaceRoot { root: r.array()? },
        8 => Content::DropBox {
            target: Space::new(r.array()?),
            key: r.array()?,
            name: SpaceName::new(r.text(NAME_MAX)?)
                .map_err(|_| r.malformed("a name is not one"))?,
        },
        9 => Content::TakeDrops { root: r.array()? },
        _ => return Ok(Content::Other),
    };
    r.end().map(|()| content)
}

fn put_cut(out: &mut Vec<u8>, cut: &Cut) -> Result<(), Error> {
    put_varint(out, bounded("cut", cut.len() as u64, CUT_MAX)? as u64);
    for (lane, next) in cut {
        out.extend_from_slice(lane.as_bytes());
        out.extend(next.to_le_bytes());
    }
    Ok(())
}

fn read_cut(r: &mut Reader<'_>) -> Result<Cut, Error> {
    let mut order = Ascending::new("cut");
    let mut cut = Cut::new();
    for _ in 0..r.count(CUT_MAX)? {
        let lane = Lane::new(r.array()?);
        order.step(lane)?;
        cut.insert(lane, r.u32()?);
    }
    Ok(cut)
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
