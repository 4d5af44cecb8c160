//! The relay from outside: its storages, its machine, its server.

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod http;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod packs;
#[cfg(test)]
mod storage;
