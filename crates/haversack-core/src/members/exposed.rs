//! Which epochs a device could have had: what is said when it is lost.

use haversack_wire::{Device, StatementHash};

use super::epochs::{Held, Table};
use super::group::{GRANTED_EPOCHS, Group, Live};
use super::statement::{Content, Role};
use crate::crypto::EpochSecret;

/// The epochs that a device could have had, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Exposed {
    pub(crate) epochs: u64,
    /// Those of them that it has to destroy, if it has exchanged since.
    pub(crate) expired: u64,
    /// How deep below the deepest epoch the oldest of them lies, and the newest.
    pub(crate) since: u64,
    pub(crate) until: u64,
}

impl Group {
    /// The statements that stand and remove a device.
    fn removals(&self, line: &Device) -> impl Iterator<Item = StatementHash> {
        let about =
            self.roster.standing().attackers.iter().filter(move |(_, named)| *named == line);
        let statements = about.filter_map(|(hash, _)| Some((*hash, self.roster.statement(hash)?)));
        let removes = |content: &Content| matches!(content, Content::Revoke { .. });
        statements.filter(move |(_, s)| removes(&s.content)).map(|(hash, _)| hash)
    }

    /// What a device may do, or might before it was removed.
    pub(crate) fn last_role(&self, line: &Device) -> Option<Role> {
        if let Some(member) = self.roster.standing().members.get(line) {
            return member.role;
        }
        self.removals(line).find_map(|hash| {
            let before = self.roster.stood(&self.roster.statement(&hash)?.parents)?;
            before.members.get(line)?.role
        })
    }

    /// Whether somebody who had seen this of the roster could have let a device read: no removal of it that stands was
    /// in sight.
    pub(crate) fn could_read(&self, line: &Device, heads: &[StatementHash]) -> bool {
        let (Some(past), Some(stood)) = (self.roster.past(heads), self.roster.stood(heads)) else {
            return true;
        };
        let mut removals = self.removals(line).peekable();
        match removals.peek() {
            Some(_) => !removals.any(|removal| self.roster.is_seen(&past, &removal)),
            // A member, or one that went with whoever had let it in.
            None => {
                let standing = self.roster.standing();
                let known = stood.device(line).is_some();
                standing.members.contains_key(line) || stood.members.contains_key(line) || !known
            }
        }
    }

    /// The epochs that a device could have had: those that were minted out of sight of its removal, and of those from before it
    /// came as many as a grant brings.
    pub(crate) fn exposed(&self, line: &Device, table: &Table) -> Exposed {
        let all = self.epochs.statements().filter_map(|epoch| table.get(&epoch.hash()));
        let all: Vec<_> = all.map(|facts| (facts.number(), facts.hash, &facts.statement)).collect();
        let deepest = all.iter().map(|(_, _, epoch)| epoch.depth).max().unwrap_or(0);
        let could = all.into_iter().filter(|(_, _, epoch)| self.could_read(line, &epoch.heads));
        let knew = |heads: &[StatementHash]| {
            self.roster.stood(heads).is_some_and(|stood| stood.device(line).is_some())
        };
        let (mut ours, mut older): (Vec<_>, Vec<_>) =
            could.partition(|(_, _, epoch)| knew(&epoch.heads));
        older.sort_by_key(|(_, hash, epoch)| (std::cmp::Reverse(epoch.depth), *hash));
        ours.extend(older.into_iter().take(GRANTED_EPOCHS));
        let depths = || ours.iter().map(|(_, _, epoch)| epoch.depth);
        let Some((number, hash, newest)) =
            ours.iter().max_by_key(|(number, hash, epoch)| (*number, epoch.depth, *hash))
        else {
            return Exposed::default();
        };
        let (epoch, generation) = (newest.epoch, newest.generation);
        let live = Live { hash: *hash, epoch, generation, number: *number };
        // Only the names of the epochs count.
        let nameless = || EpochSecret::new([0; 32]);
        let held: Held = ours.iter().map(|(_, _, epoch)| (epoch.epoch, nameless())).collect();
        let role = self.last_role(line).unwrap_or(Role::Educator);
        Exposed {
            epochs: held.len() as u64,
            expired: self.outlived(&live, role, table, &held).len() as u64,
            since: deepest - depths().min().unwrap_or(deepest),
            until: deepest - depths().max().unwrap_or(deepest),
        }
    }
}
