//! What one device decided, left out: the parents of a revocation that undoes it (PROTOCOL § 6.2).

use haversack_wire::limits::STATEMENT_PARENTS_MAX;
use haversack_wire::{Device, StatementHash};

use super::Roster;
use crate::members::Set;
use crate::members::statement::Content;

impl Roster {
    /// The heads of the largest part of this roster that has no removal, change of role or replacement by a line in it,
    /// nor anything that builds on one. A revocation of that line, signed on top of them, has not seen what it decided,
    /// and so makes it void.
    pub(crate) fn parents_without(&self, line: &Device) -> Vec<StatementHash> {
        let graph = &self.graph;
        let (mut out, mut kept, mut inner) = (Set::default(), Vec::new(), Set::default());
        for place in 0..graph.statements.len() {
            let by_line = graph.lines(place).signer == Some(*line);
            let decided = by_line && is_decision(&graph.statement(place).content);
            if decided || graph.past(place).iter().any(|before| out.contains(before)) {
                out.insert(place);
            } else {
                inner.unite(graph.past(place));
                kept.push(place);
            }
        }
        kept.retain(|place| !inner.contains(*place));
        let mut heads: Vec<StatementHash> = kept.iter().map(|place| graph.hash(*place)).collect();
        heads.sort();
        heads.truncate(STATEMENT_PARENTS_MAX);
        heads
    }
}

const fn is_decision(content: &Content) -> bool {
    matches!(
        content,
        Content::Revoke { .. } | Content::SetRole { .. } | Content::ReplaceRoot { .. }
    )
}
