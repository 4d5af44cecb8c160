//! A device's own keys, and the names that follow from them.

use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::{Actor, Device, Error, Incarnation, Lane, Reader, Space};
use rand_core::CryptoRng;

use crate::crypto::{KemSecret, SignKey, bytes};

/// A device: its signing key, its key for being sealed to, and this life of its store.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) sign: SignKey,
    pub(crate) kem: KemSecret,
    pub(crate) incarnation: Incarnation,
}

impl Identity {
    pub(crate) fn make(random: &mut dyn CryptoRng) -> Self {
        Self {
            sign: SignKey::make(random),
            kem: KemSecret::make(random),
            incarnation: Incarnation::new(bytes(random)),
        }
    }

    /// This device's lane in a space.
    pub(crate) fn lane(&self, space: &Space) -> Lane {
        lane(space, &self.sign.public(), self.incarnation)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.sign.expose());
        out.extend_from_slice(self.kem.expose());
        out.extend_from_slice(self.incarnation.as_bytes());
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            sign: SignKey::from_seed(&r.array()?),
            kem: KemSecret::new(r.array()?),
            incarnation: Incarnation::new(r.array()?),
        })
    }
}

/// `derive("lane", space ‖ device key ‖ incarnation)[..16]`
pub(crate) fn lane(space: &Space, device_key: &[u8; 32], incarnation: Incarnation) -> Lane {
    Lane::new(derive_cut(Label::LANE, &[space.as_bytes(), device_key, incarnation.as_bytes()]))
}

/// `derive("actor", space ‖ device key ‖ incarnation)[..16]`
pub(crate) fn actor(space: &Space, device_key: &[u8; 32], incarnation: Incarnation) -> Actor {
    Actor::new(derive_cut(Label::ACTOR, &[space.as_bytes(), device_key, incarnation.as_bytes()]))
}

/// `derive("device", device key)[..16]`
pub(crate) fn device(device_key: &[u8; 32]) -> Device {
    Device::new(derive_cut(Label::DEVICE, &[device_key]))
}

/// `derive("space", first root key)[..16]`
pub(crate) fn space(root_key: &[u8; 32]) -> Space {
    Space::new(derive_cut(Label::SPACE, &[root_key]))
}
