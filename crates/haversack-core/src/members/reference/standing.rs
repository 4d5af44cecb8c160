//! § 6.2 of one set of statements. Step numbers are those of the text.

use super::*;

/// Statements are numbered in ascending order of hash: the lowest hash is the lowest number.
pub(crate) struct Case<'a> {
    device: fn(&Key) -> Id,
    statements: Vec<&'a Statement>,
    /// `past[s][t]`: t is in the past of s.
    past: Vec<Vec<bool>>,
    /// Of step 1, the present one last, and the statements that made them.
    roots: Vec<Key>,
    replacements: Vec<usize>,
    void_by_root: Vec<bool>,
    /// Of every key that is in a line, the line's first key. A line goes by its first key.
    line_of: BTreeMap<Key, Key>,
    /// By the lines of its past: the line of each statement's signer, and the lines that a statement with a device names
    /// (several only if ids of keys collide). By those of its past with itself: the line that it adds a key to.
    own: Vec<Option<Key>>,
    named: Vec<BTreeSet<Key>>,
    adds_to: Vec<Option<Key>>,
    attackers: Vec<usize>,
    /// `hits[x][s]`; all false where x is not an attacker.
    hits: Vec<Vec<bool>>,
    /// Of each statement: those that name its signer's key, and those in its past that raise its signer's line.
    naming: Vec<Vec<usize>>,
    raising: Vec<Vec<usize>>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(world: &'a World, set: &BTreeSet<Id>) -> Self {
        let statements: Vec<&Statement> = set.iter().map(|id| &world.statements[id]).collect();
        let number: BTreeMap<Id, usize> = set.iter().enumerate().map(|(n, id)| (*id, n)).collect();
        let parents: Vec<Vec<usize>> =
            statements.iter().map(|s| s.parents.iter().map(|p| number[p]).collect()).collect();
        let count = statements.len();
        let mut memo = vec![None; count];
        for s in 0..count {
            fill_past(s, &parents, &mut memo);
        }
        let mut case = Case {
            device: world.device,
            past: memo.into_iter().map(Option::unwrap).collect(),
            roots: vec![world.root],
            replacements: Vec::new(),
            void_by_root: vec![false; count],
            line_of: BTreeMap::new(),
            own: Vec::new(),
            named: Vec::new(),
            adds_to: Vec::new(),
            attackers: (0..count).filter(|s| is_attacker(&statements[*s].content)).collect(),
            hits: vec![vec![false; count]; count],
            naming: Vec::new(),
            raising: Vec::new(),
            statements,
        };
        case.step_1_root();
        case.step_2_lines();
        case.step_3_hits();
        case.step_3_foundations();
        case
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.statements.len()
    }

    fn by_root(&self, s: usize) -> bool {
        self.roots.contains(&self.statements[s].signer)
    }

    /// The roots of a part that contains the past of each of its statements, and the statements that made them.
    fn roots_of(&self, part: &[usize]) -> (Vec<Key>, Vec<usize>) {
        let (mut roots, mut replacements) = (vec![self.roots[0]], Vec::new());
        loop {
            let present = *roots.last().unwrap();
            let next = part.iter().find_map(|n| match self.statements[*n].content {
                Content::ReplaceRoot { key }
                    if self.statements[*n].signer == present && !roots.contains(&key) =>
                {
                    Some((*n, key))
                }
                _ => None,
            });
            let Some((replacement, key)) = next else {
                return (roots, replacements);
            };
            roots.push(key);
            replacements.push(replacement);
        }
    }

    fn step_1_root(&mut self) {
        let all: Vec<usize> = self.all().collect();
        (self.roots, self.replacements) = self.roots_of(&all);
        for (&root, &replacement) in self.roots.iter().zip(&self.replacements) {
            for &n in &all {
                if self.statements[n].signer == root
                    && n != replacement
                    && !self.past[replacement][n]
                {
                    self.void_by_root[n] = true;
                }
            }
        }
    }

    /// Step 2 of a part. READING (A3): keys renewed from each other, in a ring, lead back to no first key.
    /// READING (A7): "roots of step 1" are those of the part.
    fn lines_of(&self, part: &[usize]) -> BTreeMap<Key, Key> {
        let mut added: BTreeSet<Key> = BTreeSet::new();
        let mut renewed_from: BTreeMap<Key, Key> = BTreeMap::new();
        for s in part.iter().map(|n| self.statements[*n]) {
            match s.content {
                Content::AddDevice { key, .. } => {
                    added.insert(key);
                }
                Content::RenewDevice { key } => {
                    renewed_from.entry(key).or_insert(s.signer); // the lowest hash comes first
                }
                _ => {}
            }
        }
        let (roots, _) = self.roots_of(part);
        let mut line_of = BTreeMap::new();
        for key in added.iter().chain(renewed_from.keys()).filter(|key| !roots.contains(key)) {
            let (mut at, mut seen) = (*key, BTreeSet::new());
            while let Some(from) = renewed_from.get(&at)
                && seen.insert(at)
            {
                at = *from;
            }
            if added.contains(&at) && !renewed_from.contains_key(&at) && !roots.contains(&at) {
                line_of.insert(*key, at);
            }
        }
        line_of
    }

    fn step_2_lines(&mut self) {
        let all: Vec<usize> = self.all().collect();
        self.line_of = self.lines_of(&all);
        for &s in &all {
            let mut part: Vec<usize> = all.iter().filter(|n| self.past[s][**n]).copied().collect();
            let lines = self.lines_of(&part);
            let content = &self.statements[s].content;
            let names = |device: &Id| {
                lines.iter().filter(|(k, _)| (self.device)(k) == *device).map(|(_, l)| *l).collect()
            };
            let named = match content {
                Content::Revoke { device, .. } | Content::SetRole { device, .. } => names(device),
                _ => BTreeSet::new(),
            };
            let adds_to = new_device_key(content).and_then(|key| {
                part.push(s);
                part.sort();
                self.lines_of(&part).get(&key).copied()
            });
            self.own.push(lines.get(&self.statements[s].signer).copied());
            self.named.push(named);
            self.adds_to.push(adds_to);
        }
    }

    /// Of every statement: its id, the line of its signer, and the lines that it names as a device.
    pub(crate) fn signers_and_named(&self) -> Vec<(Id, Option<Key>, BTreeSet<Key>)> {
        self.all().map(|s| (self.statements[s].id, self.own[s], self.named[s].clone())).collect()
    }

    fn step_3_hits(&mut self) {
        for &x in &self.attackers {
            for s in self.all() {
                // READING (A4): x itself may be hit (it is not in its own past).
                self.hits[x][s] = self.hit(x, s);
            }
        }
    }

    fn hit(&self, x: usize, s: usize) -> bool {
        if self.by_root(s)
            || self.past[x][s]
            || !self.own[s].is_some_and(|line| self.named[x].contains(&line))
        {
            return false;
        }
        if let Content::SetRole { role, .. } = self.statements[x].content
            && (self.past[s][x] || role_may_sign(role, &self.statements[s].content))
        {
            return false;
        }
        let makes_firm = |r: usize| {
            self.by_root(r) && !self.void_by_root[r] && self.past[r][s] && !self.past[r][x]
        };
        self.by_root(x) || !self.all().any(makes_firm)
    }

    /// s is a statement that raises this line.
    fn raises(&self, s: usize, line: &Key) -> bool {
        match &self.statements[s].content {
            Content::AddDevice { role, .. } => {
                *role == COORDINATOR && self.adds_to[s] == Some(*line)
            }
            Content::SetRole { role, .. } => *role == COORDINATOR && self.named[s].contains(line),
            _ => false,
        }
    }

    fn adds_renews_or_raises(&self, s: usize, line: &Key) -> bool {
        self.adds_to[s] == Some(*line) || self.raises(s, line)
    }

    /// READING (A6): a statement that "names by that key" need not add it to that line (another one may have done that).
    fn step_3_foundations(&mut self) {
        let naming = |s: usize| {
            let signer = Some(self.statements[s].signer);
            self.all().filter(|t| new_device_key(&self.statements[*t].content) == signer).collect()
        };
        let raising = |s: usize| match &self.own[s] {
            Some(line) => {
                self.all().filter(|t| self.past[s][*t] && self.raises(*t, line)).collect()
            }
            None => Vec::new(),
        };
        let (naming, raising) =
            (self.all().map(naming).collect(), self.all().map(raising).collect());
        (self.naming, self.raising) = (naming, raising);
    }

    /// What is void under these attackers.
    fn void_under(&self, attackers: &[usize]) -> Vec<bool> {
        let struck = |s: usize| self.void_by_root[s] || attackers.iter().any(|x| self.hits[*x][s]);
        let mut stays = vec![false; self.statements.len()];
        let mut open: Vec<usize> = self.all().filter(|s| !struck(*s)).collect();
        loop {
            let size = open.len();
            open.retain(|s| {
                stays[*s] = self.is_entitled(*s, &stays);
                !stays[*s]
            });
            if open.len() == size {
                return stays.iter().map(|stays| !stays).collect();
            }
        }
    }

    fn is_entitled(&self, s: usize, stays: &[bool]) -> bool {
        let statement = self.statements[s];
        self.by_root(s)
            || self.own[s].is_some()
                && self.naming[s].iter().any(|t| stays[*t])
                && (matches!(statement.content, Content::RenewDevice { .. })
                    || self.raising[s].iter().any(|t| stays[*t]))
    }

    /// `attacks[x]`: all y (attackers or not) that x attacks by step 4, itself perhaps among them.
    fn attacks(&self, x: usize) -> Vec<bool> {
        let (void, anyway) = (self.void_under(&[x]), self.void_under(&[]));
        let is_shaken = |line: &&Key| {
            self.all().any(|s| void[s] && !anyway[s] && self.adds_renews_or_raises(s, line))
        };
        let shaken: BTreeSet<&Key> = self
            .own
            .iter()
            .flatten()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(is_shaken)
            .collect();
        self.all()
            .map(|y| void[y] || self.own[y].as_ref().is_some_and(|line| shaken.contains(line)))
            .collect()
    }

    /// Step 4: X.
    fn standing_attackers(&self) -> Vec<usize> {
        let attacks: BTreeMap<usize, Vec<bool>> =
            self.attackers.iter().map(|x| (*x, self.attacks(*x))).collect();
        let mut x: Vec<usize> = Vec::new();
        let mut open = self.attackers.clone();
        loop {
            let void = self.void_under(&x);
            open.retain(|s| !void[*s]);
            if open.is_empty() {
                return x;
            }
            // Reachability in the graph of attacks among the open ones; `reach[a][b]` by places in `open`.
            let mut reach: Vec<Vec<bool>> =
                open.iter().map(|a| open.iter().map(|b| attacks[a][*b]).collect()).collect();
            for via in 0..open.len() {
                for a in 0..open.len() {
                    for b in 0..open.len() {
                        if reach[a][via] && reach[via][b] {
                            reach[a][b] = true;
                        }
                    }
                }
            }
            // A component that no other attacks: whoever reaches it is reached from it.
            let first = |a: usize| (0..open.len()).all(|b| !reach[b][a] || reach[a][b]);
            let (taken, rest): (Vec<usize>, Vec<usize>) = (0..open.len()).partition(|a| first(*a));
            x.extend(taken.iter().map(|a| open[*a]));
            open = rest.iter().map(|a| open[*a]).collect();
        }
    }

    /// Steps 4 and 5.
    pub(crate) fn standing(&self) -> Standing {
        let x = self.standing_attackers();
        let void = self.void_under(&x);
        let id = |s: usize| self.statements[s].id;
        let lines: BTreeSet<Key> = self.line_of.values().copied().collect();
        let members = lines.iter().filter_map(|line| self.step_5_member(line, &x, &void));
        Standing {
            root: *self.roots.last().unwrap(),
            roots: self.roots.iter().copied().collect(),
            replacements: self.replacements.iter().map(|s| id(*s)).collect(),
            attackers: x.iter().map(|s| id(*s)).collect(),
            void: self.all().filter(|s| void[*s]).map(id).collect(),
            members: members.map(|m| (m.device, m)).collect(),
            line_of: self.line_of.clone(),
        }
    }

    fn step_5_member(&self, line: &Key, x: &[usize], void: &[bool]) -> Option<Member> {
        let is_revoke = |s: usize| matches!(self.statements[s].content, Content::Revoke { .. });
        if x.iter().any(|s| is_revoke(*s) && self.named[*s].contains(line)) {
            return None;
        }
        let adds = |s: usize| match self.statements[s].content {
            Content::AddDevice { key, role, may_rotate } if key == *line && !void[s] => {
                Some(((!self.by_root(s), role != COORDINATOR, s), (role, may_rotate)))
            }
            _ => None,
        };
        let (_, (first_role, flag)) = self.all().filter_map(adds).min()?;
        let set_role = |s: usize| match self.statements[s].content {
            Content::SetRole { role, .. } if self.named[s].contains(line) => Some((s, role)),
            _ => None,
        };
        let counts = |(s, role): &(usize, u8)| x.contains(s) || (*role == COORDINATOR && !void[*s]);
        let roles: Vec<(usize, u8)> = self.all().filter_map(set_role).filter(counts).collect();
        let last =
            roles.iter().filter(|(s, _)| !roles.iter().any(|(other, _)| self.past[*other][*s]));
        let role = last
            .min_by_key(|(s, role)| (*role == COORDINATOR, *s))
            .map_or(first_role, |(_, role)| *role);

        let stays = || self.all().filter(|s| !void[*s]).map(|s| self.statements[s]);
        let keys: BTreeSet<Key> = stays()
            .filter_map(|s| new_device_key(&s.content))
            .filter(|key| self.line_of.get(key) == Some(line))
            .collect();
        let renewed = |key: &Key| {
            stays().any(|s| matches!(s.content, Content::RenewDevice { .. }) && s.signer == *key)
        };
        let current = keys.iter().filter(|key| !renewed(key)).copied().collect();
        let may_rotate = flag || role == COORDINATOR || role == ARCHIVE;
        Some(Member { device: (self.device)(line), role, may_rotate, keys, current })
    }
}

fn is_attacker(content: &Content) -> bool {
    match content {
        Content::Revoke { .. } => true,
        Content::SetRole { role, .. } => *role != COORDINATOR,
        _ => false,
    }
}

/// The key that a statement adds or renews to.
fn new_device_key(content: &Content) -> Option<Key> {
    match content {
        Content::AddDevice { key, .. } | Content::RenewDevice { key } => Some(*key),
        _ => None,
    }
}

fn fill_past(s: usize, parents: &[Vec<usize>], memo: &mut [Option<Vec<bool>>]) {
    if memo[s].is_some() {
        return;
    }
    let mut past = vec![false; parents.len()];
    for p in &parents[s] {
        fill_past(*p, parents, memo);
        past[*p] = true;
        for (t, seen) in memo[*p].as_ref().unwrap().iter().enumerate() {
            past[t] |= seen;
        }
    }
    memo[s] = Some(past);
}
