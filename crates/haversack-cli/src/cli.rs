//! What can be typed, and what it leads to.

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    bundle, client, completions, contact, contacts, device, duress, exit_codes, exposure, init,
    invite, join, lock, log, man, passphrase, peer, quarantine, recovery, relay, report, site,
    space, status, sync, wipe,
};
use crate::demo;
use crate::error::{Code, Error, Exit};
use crate::global::Global;
use crate::output::{self, Format};
use crate::panics;

const GETTING_STARTED: &str = "\
Getting started:
  haversack demo                see the whole job on this machine, with nothing at stake
  haversack init, invite, join  the first device founds a team; invitations bring in the others
  haversack log, sync, report   record contacts offline, share them through a relay, count
  haversack recovery create     twelve words on paper, for the day the passphrase is forgotten
  haversack device revoke       a phone is lost: remove it, and see what it could have read
  haversack device hand-over    a phone goes to another worker: its work stays, its keys go

`haversack help COMMAND` shows examples, `haversack help exit-codes` how commands end.";

/// Outreach records for peer educators: offline first, end-to-end encrypted
#[derive(Debug, Parser)]
#[command(name = "haversack", version, max_term_width = 100, after_help = GETTING_STARTED)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Join(join::Args),
    Invite(invite::Args),
    #[command(subcommand)]
    Site(site::Command),
    #[command(subcommand)]
    Client(client::Command),
    Log(log::Args),
    Contacts(contacts::Args),
    #[command(subcommand)]
    Contact(contact::Command),
    Status(status::Args),
    Sync(sync::Args),
    #[command(subcommand)]
    Bundle(bundle::Command),
    #[command(subcommand)]
    Peer(peer::Command),
    Report(report::Args),
    #[command(subcommand)]
    Device(device::Command),
    #[command(subcommand)]
    Space(space::Command),
    Exposure(exposure::Args),
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    Passphrase(passphrase::Args),
    #[command(subcommand)]
    Recovery(recovery::Command),
    #[command(subcommand)]
    Duress(duress::Command),
    Lock(lock::Args),
    Wipe(wipe::Args),
    #[command(subcommand)]
    Relay(relay::Command),
    ExitCodes(exit_codes::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// The whole program.
pub(crate) fn main() -> ExitCode {
    panics::install(Format::Text);
    ExitCode::from(std::panic::catch_unwind(run).unwrap_or(Exit::Bug.number()))
}

fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let format = cli.global.format();
    panics::install(format);
    match dispatch(&cli) {
        Ok(()) => 0,
        Err(error) => {
            output::print_error(&error, format);
            error.code().exit().number()
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), Error> {
    let global = &cli.global;
    let format = global.format();
    match &cli.command {
        Command::Demo(args) => output::print(&block_on(demo(args))?, format),
        Command::Init(args) => output::print(&init::run(global, args)?, format),
        Command::Join(args) => output::print(&join::run(global, args)?, format),
        Command::Invite(args) => output::print(&invite::run(global, args)?, format),
        Command::Site(site::Command::Add(args)) => {
            output::print(&site::add::run(global, args)?, format)
        }
        Command::Site(site::Command::List(_)) => output::print(&site::list::run(global)?, format),
        Command::Client(client::Command::Add(args)) => {
            output::print(&client::add::run(global, args)?, format)
        }
        Command::Client(client::Command::List(_)) => {
            output::print(&client::list::run(global)?, format)
        }
        Command::Client(client::Command::Erase(args)) => {
            output::print(&client::erase::run(global, args)?, format)
        }
        Command::Client(client::Command::Erased(_)) => {
            output::print(&client::erased::run(global)?, format)
        }
        Command::Log(args) => output::print(&log::run(global, args)?, format),
        Command::Contacts(args) => output::print(&contacts::run(global, args)?, format),
        Command::Contact(contact::Command::Correct(args)) => {
            output::print(&contact::correct::run(global, args)?, format)
        }
        Command::Status(_) => output::print(&status::run(global)?, format),
        Command::Sync(args) => output::print(&block_on(sync::run(global, args))?, format),
        Command::Bundle(bundle::Command::Export(args)) => {
            output::print(&bundle::export::run(global, args)?, format)
        }
        Command::Bundle(bundle::Command::Carry(args)) => {
            output::print(&bundle::carry::run(args)?, format)
        }
        Command::Bundle(bundle::Command::Import(args)) => {
            output::print(&bundle::import::run(global, args)?, format)
        }
        Command::Peer(peer::Command::Serve(args)) => {
            output::print(&block_on(peer::serve::run(global, args))?, format)
        }
        Command::Report(args) => output::print(&report::run(global, args)?, format),
        Command::Passphrase(args) => output::print(&passphrase::run(global, args)?, format),
        Command::Device(command) => device(global, command),
        Command::Space(command) => space(global, command),
        Command::Exposure(args) => output::print(&exposure::run(global, args)?, format),
        Command::Quarantine(quarantine::Command::List(_)) => {
            output::print(&quarantine::list::run(global)?, format)
        }
        Command::Recovery(command) => recovery(global, command),
        Command::Duress(duress::Command::Set(args)) => {
            output::print(&duress::set::run(global, args)?, format)
        }
        Command::Duress(duress::Command::Clear(_)) => {
            output::print(&duress::clear::run(global)?, format)
        }
        Command::Lock(_) => output::print(&lock::run(global)?, format),
        Command::Wipe(args) => output::print(&wipe::run(global, args)?, format),
        Command::ExitCodes(_) => output::print(&exit_codes::run(), format),
        Command::Completions(args) => {
            output::print(&completions::run(Cli::command(), args), format)
        }
        Command::Man(args) => output::print(&man::run(Cli::command(), args)?, format),
        Command::Relay(command) => relay(global, command),
    }
}

fn device(global: &Global, command: &device::Command) -> Result<(), Error> {
    let format = global.format();
    match command {
        device::Command::List(_) => output::print(&device::list::run(global)?, format),
        device::Command::Rename(args) => output::print(&device::rename::run(global, args)?, format),
        device::Command::Role(args) => output::print(&device::role::run(global, args)?, format),
        device::Command::Revoke(args) => output::print(&device::revoke::run(global, args)?, format),
        device::Command::Renew(args) => output::print(&device::renew::run(global, args)?, format),
        device::Command::HandOver(args) => {
            output::print(&device::hand_over::run(global, args)?, format)
        }
    }
}

fn relay(global: &Global, command: &relay::Command) -> Result<(), Error> {
    let format = global.format();
    match command {
        relay::Command::Serve(args) => block_on(relay::serve::run(args, format)),
        relay::Command::List(_) => output::print(&relay::list::run(global)?, format),
        relay::Command::Add(args) => {
            output::print(&block_on(relay::add::run(global, args))?, format)
        }
        relay::Command::Remove(args) => output::print(&relay::remove::run(global, args)?, format),
    }
}

fn space(global: &Global, command: &space::Command) -> Result<(), Error> {
    let format = global.format();
    match command {
        space::Command::List(_) => output::print(&space::list::run(global)?, format),
        space::Command::Create(args) => output::print(&space::create::run(global, args)?, format),
        space::Command::Rename(args) => output::print(&space::rename::run(global, args)?, format),
        space::Command::Drop(args) => output::print(&space::drop::run(global, args)?, format),
        space::Command::Link(args) => output::print(&space::link::run(global, args)?, format),
        space::Command::Carry(_) => output::print(&space::carry::run(global)?, format),
        space::Command::Rotate(_) => output::print(&space::rotate::run(global)?, format),
        space::Command::Pack(args) => {
            output::print(&space::pack::run(global, args, format)?, format)
        }
    }
}

fn recovery(global: &Global, command: &recovery::Command) -> Result<(), Error> {
    use recovery::{create, forget_root, rehearse, replace, replace_root};
    let format = global.format();
    match command {
        recovery::Command::Create(args) => output::print(&create::run(global, args)?, format),
        recovery::Command::Rehearse(args) => output::print(&rehearse::run(global, args)?, format),
        recovery::Command::Use(args) => output::print(&replace::run(global, args)?, format),
        recovery::Command::ForgetRoot(args) => {
            output::print(&forget_root::run(global, args)?, format)
        }
        recovery::Command::ReplaceRoot(args) => {
            output::print(&replace_root::run(global, args)?, format)
        }
    }
}

async fn demo(args: &demo::Args) -> Result<demo::Outcome, Error> {
    Ok(demo::run(args).await?)
}

/// Runs what needs a network.
fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Runtime { source })?
        .block_on(work)
}

/// Shows help, the version, or what is wrong with the arguments.
fn usage(error: &clap::Error) -> u8 {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json
        && error.use_stderr()
        && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let ends = ["\n\nUsage:", "\n\nFor more information"];
        let message = ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or(text));
        let hints = ["haversack help COMMAND shows how a command is called".to_owned()];
        output::print_failure(Code::Usage, message.trim_end(), &[], &hints, Format::Json);
    } else if error.print().is_err() {
        return Exit::BrokenPipe.number();
    }
    u8::try_from(error.exit_code()).unwrap_or(Exit::Bug.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
