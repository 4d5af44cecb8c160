//! The command from outside: real processes, real stores, real connections.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod contact;
#[cfg(test)]
mod csv;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod help;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod qr;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod spaces;
#[cfg(test)]
mod story;
#[cfg(test)]
mod team;
#[cfg(test)]
mod watched;
