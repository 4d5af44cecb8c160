use std::collections::BTreeSet;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ChangeHash, ObjType, ScalarValue};
use haversack_wire::codec::{Ascending, bounded};
use haversack_wire::limits::{
    DEPENDENCIES_MAX, DOCUMENTS_MAX, OPERATION_BYTES_MAX, OPERATIONS_MAX, PREDECESSORS_MAX,
    RAW_MAX, VALUE_MAX,
};
use haversack_wire::{Error, Reader};

use super::shapes::{Shapes, is_line};
use super::*;
use crate::docs::words;

/// Automerge counts operations in 32 bits; far below, so that no sum overflows.
const COUNTER_MAX: usize = (1 << 30) - 1;

/// Reads a changes item of an author.
///
/// # Errors
/// Whatever rule of § 5 is broken, or limit of § 12.
pub(crate) fn decode(author: &Author, item: &[u8]) -> Result<Vec<DocumentChanges>, Error> {
    let mut decoder = Decoder::new(author.id(), item)?;
    let count = decoder.column(Column::Documents).count(DOCUMENTS_MAX)?;
    let mut order = Ascending::new("documents");
    let mut documents = Vec::new();
    for _ in 0..count {
        let document = Document::new(decoder.column(Column::Documents).array()?);
        order.step(document)?;
        documents.push(DocumentChanges { document, changes: decoder.document()? });
    }
    decoder.finish()?;
    Ok(documents)
}

struct Decoder<'a> {
    author: &'a ActorId,
    columns: [Reader<'a>; COLUMNS],
    hashes: Vec<ChangeHash>,
    actors: Vec<ActorId>,
    shapes: Shapes,
    used: (usize, usize),
}

struct Neighbours {
    object: ObjectId,
    made: Option<OpId>,
    decimal: i64,
    operations: usize,
    bytes: usize,
}

impl<'a> Decoder<'a> {
    fn new(author: &'a ActorId, item: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new("changes", item);
        let mut columns: [Reader<'a>; COLUMNS] =
            std::array::from_fn(|_| Reader::new("changes", &[]));
        for column in &mut columns {
            *column = Reader::new("changes", r.blob(RAW_MAX)?);
        }
        r.end()?;
        let mut decoder = Self {
            author,
            columns,
            hashes: Vec::new(),
            actors: Vec::new(),
            shapes: Shapes::default(),
            used: (0, 0),
        };
        while !decoder.column(Column::Hashes).is_empty() {
            let hash = ChangeHash(decoder.column(Column::Hashes).array()?);
            decoder.hashes.push(hash);
        }
        while !decoder.column(Column::Actors).is_empty() {
            let actor: [u8; 16] = decoder.column(Column::Actors).array()?;
            decoder.actors.push(ActorId::from(actor));
        }
        let hashes: BTreeSet<_> = decoder.hashes.iter().collect();
        let actors: BTreeSet<_> = decoder.actors.iter().chain([author]).collect();
        match hashes.len() == decoder.hashes.len() && actors.len() == decoder.actors.len() + 1 {
            true => Ok(decoder),
            false => Err(malformed("a table has an entry twice")),
        }
    }

    fn column(&mut self, column: Column) -> &mut Reader<'a> {
        #[expect(clippy::indexing_slicing, reason = "the index is an enum of COLUMNS variants")]
        &mut self.columns[column as usize]
    }

    fn finish(self) -> Result<(), Error> {
        if self.used != (self.hashes.len(), self.actors.len()) {
            return Err(malformed("a table has an entry that nothing uses"));
        }
        if !self.shapes.is_used_up() {
            return Err(malformed("a column is not used up"));
        }
        self.columns.into_iter().try_for_each(Reader::end)
    }

    fn document(&mut self) -> Result<Vec<RawChange>, Error> {
        let count = self.column(Column::Documents).count(OPERATIONS_MAX)?;
        if count == 0 {
            return Err(malformed("a document has no change"));
        }
        let root = ObjectId::Root;
        let mut near = Neighbours { object: root, made: None, decimal: 0, operations: 0, bytes: 0 };
        let mut changes: Vec<RawChange> = Vec::new();
        for _ in 0..count {
            let change = self.change(changes.last(), &mut near)?;
            changes.push(change);
        }
        Ok(changes)
    }

    fn change(
        &mut self,
        before: Option<&RawChange>,
        near: &mut Neighbours,
    ) -> Result<RawChange, Error> {
        let column = self.column(Column::Changes);
        let (sequence, start_op) = match before {
            None => (column.varint()?, column.varint()?),
            Some(before) => {
                let expected = before.start_op + before.operations.len() as u64;
                let step = column.zigzag()?;
                let start = expected.checked_add_signed(step);
                (before.sequence + 1, start.ok_or(malformed("a start op is negative"))?)
            }
        };
        bounded("sequence of a change", sequence, COUNTER_MAX)?;
        bounded("start op of a change", start_op, COUNTER_MAX)?;
        if sequence == 0 || start_op == 0 {
            return Err(malformed("a sequence or start op is 0"));
        }
        let dependencies = self.dependencies()?;
        let count = self.column(Column::Changes).count(OPERATIONS_MAX)?;
        near.operations += count;
        bounded("operations of a document", near.operations as u64, OPERATIONS_MAX)?;
        let last = (start_op - 1).saturating_add(count as u64);
        bounded("counter of an operation", last, COUNTER_MAX)?;
        let mut operations = Vec::new();
        for counter in (start_op..).take(count) {
            operations.push(self.operation(counter, near)?);
        }
        Ok(RawChange { sequence, start_op, dependencies, operations })
    }

    fn dependencies(&mut self) -> Result<Vec<Dependency>, Error> {
        let count = self.column(Column::Changes).count(DEPENDENCIES_MAX)?;
        let (mut dependencies, mut places) = (Vec::new(), BTreeSet::new());
        for _ in 0..count {
            let place = self.column(Column::Changes).varint()?;
            if !places.insert(place) {
                return Err(malformed("a dependency stands twice"));
            }
            let dependency = match place {
                0 => Dependency::Own,
                _ => Dependency::Foreign(*known(&self.hashes, place, &mut self.used.0)?),
            };
            dependencies.push(dependency);
        }
        Ok(dependencies)
    }

    fn operation(&mut self, counter: u64, near: &mut Neighbours) -> Result<Op, Error> {
        let (number, key) = self.key(near)?;
        let mut shapes = std::mem::take(&mut self.shapes);
        let shape = shapes.read(self.column(Column::Shapes), number);
        self.shapes = shapes;
        let [a, b] = shape?;
        if a >> 6 != 0 {
            return Err(malformed("a shape has bits that are not known"));
        }
        let predecessors = match b >> 4 {
            PREDECESSORS_LONG => {
                let count = self.column(Column::Numbers).count(PREDECESSORS_MAX)?;
                if count < PREDECESSORS_LONG.into() {
                    return Err(malformed("a count of predecessors is not in its short form"));
                }
                count
            }
            short => short.into(),
        };
        let obj = self.object(a >> 4 & 3, near)?;
        let uints = if is_line(number) { Column::Counts } else { Column::Numbers };
        let action = self.action(a & 7, (b & 15, uints), near)?;
        let mut pred = Vec::new();
        for _ in 0..predecessors {
            pred.push(self.predecessor(counter)?);
        }
        if pred.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
            return Err(malformed("predecessors are not strictly ascending"));
        }
        near.object = obj.clone();
        if matches!(action, OpType::Make(_)) {
            near.made = Some(OpId(counter, self.author.clone()));
        }
        Ok(Op { action, obj, key, pred: pred.into(), insert: a & 8 != 0 })
    }

    fn object(&mut self, mode: u8, near: &Neighbours) -> Result<ObjectId, Error> {
        match mode {
            OBJECT_ROOT => Ok(ObjectId::Root),
            OBJECT_SAME if near.object != ObjectId::Root => Ok(near.object.clone()),
            OBJECT_MADE => {
                near.made.clone().map(ObjectId::Id).ok_or(malformed("no object was made before"))
            }
            OBJECT_EXPLICIT => self.op_id(Column::Objects).map(ObjectId::Id),
            _ => Err(malformed("an object is not in its lowest form")),
        }
    }

    fn op_id(&mut self, column: Column) -> Result<OpId, Error> {
        let counter = self.column(column).count(COUNTER_MAX)? as u64;
        let place = self.column(column).varint()?;
        if counter == 0 {
            return Err(malformed("an op id is 0"));
        }
        self.actor(place).map(|actor| OpId(counter, actor))
    }

    fn predecessor(&mut self, counter: u64) -> Result<OpId, Error> {
        let back = self.column(Column::Predecessors).varint()?;
        let place = self.column(Column::Predecessors).varint()?;
        match counter.checked_sub(back) {
            Some(before) if back > 0 && before > 0 => Ok(OpId(before, self.actor(place)?)),
            _ => Err(malformed("a predecessor does not come before")),
        }
    }

    fn actor(&mut self, place: u64) -> Result<ActorId, Error> {
        match place {
            0 => Ok(self.author.clone()),
            _ => known(&self.actors, place, &mut self.used.1).cloned(),
        }
    }

    fn key(&mut self, near: &mut Neighbours) -> Result<(u64, Key), Error> {
        let number = self.column(Column::Keys).varint()?;
        let map = |text: smol_str::SmolStr| Key::Map(text);
        let key = match number {
            KEY_INLINE => map(self.text(near)?.into()),
            KEY_DECIMAL => {
                let step = self.column(Column::Keys).zigzag()?;
                let number = near.decimal.checked_add(step).filter(|n| u32::try_from(*n).is_ok());
                near.decimal = number.ok_or(malformed("a decimal key is out of range"))?;
                map(near.decimal.to_string().into())
            }
            KEY_HEAD => Key::Seq(ElementId::Head),
            KEY_ELEMENT => Key::Seq(ElementId::Id(self.op_id(Column::Keys)?)),
            word => map(words::word(word - KEY_WORDS).ok_or(newer_word(word))?.into()),
        };
        Ok((number, key))
    }

    fn text(&mut self, near: &mut Neighbours) -> Result<&'a str, Error> {
        let text = self.column(Column::Texts).text(VALUE_MAX)?;
        charge(near, text.len())?;
        Ok(text)
    }

    fn bytes(&mut self, near: &mut Neighbours) -> Result<Vec<u8>, Error> {
        let length = self.column(Column::Numbers).count(VALUE_MAX)?;
        charge(near, length)?;
        Ok(self.column(Column::Bytes).take(length)?.to_vec())
    }

    fn action(
        &mut self,
        action: u8,
        value: (u8, Column),
        near: &mut Neighbours,
    ) -> Result<OpType, Error> {
        let make = match action {
            ACTION_PUT => return self.value(value, near).map(OpType::Put),
            ACTION_INCREMENT => {
                return match self.value(value, near)? {
                    ScalarValue::Int(by) => Ok(OpType::Increment(by)),
                    _ => Err(malformed("an increment is not an int")),
                };
            }
            ACTION_MAKE_MAP => OpType::Make(ObjType::Map),
            ACTION_MAKE_LIST => OpType::Make(ObjType::List),
            ACTION_MAKE_TEXT => OpType::Make(ObjType::Text),
            ACTION_MAKE_TABLE => OpType::Make(ObjType::Table),
            ACTION_DELETE => OpType::Delete,
            _ => return Err(malformed("an action is not known")),
        };
        match value.0 {
            VALUE_NONE => Ok(make),
            _ => Err(malformed("a value stands where none belongs")),
        }
    }

    fn value(
        &mut self,
        (kind, uints): (u8, Column),
        near: &mut Neighbours,
    ) -> Result<ScalarValue, Error> {
        Ok(match kind {
            VALUE_NULL => ScalarValue::Null,
            VALUE_FALSE => ScalarValue::Boolean(false),
            VALUE_TRUE => ScalarValue::Boolean(true),
            VALUE_INT => ScalarValue::Int(self.column(Column::Numbers).zigzag()?),
            VALUE_UINT => ScalarValue::Uint(self.column(uints).varint()?),
            VALUE_F64 => ScalarValue::F64(f64::from_le_bytes(self.column(Column::Bytes).array()?)),
            VALUE_TEXT => ScalarValue::Str(self.text(near)?.into()),
            VALUE_WORD => {
                let word = self.column(Column::Numbers).varint()?;
                let word = words::word(word).ok_or(newer_word(word))?;
                ScalarValue::Str(word.into())
            }
            VALUE_BYTES => ScalarValue::Bytes(self.bytes(near)?),
            VALUE_TIMESTAMP => ScalarValue::Timestamp(self.column(Column::Numbers).zigzag()?),
            VALUE_COUNTER => ScalarValue::counter(self.column(Column::Numbers).zigzag()?),
            VALUE_UNKNOWN => {
                let type_code = self.column(Column::Numbers).count(15)? as u8;
                if type_code < 10 {
                    return Err(malformed("a type code is one of Automerge's own"));
                }
                ScalarValue::Unknown { type_code, bytes: self.bytes(near)? }
            }
            _ => return Err(malformed("a value kind is not known")),
        })
    }
}

/// Looks up a place in a table of which each entry's first use must come in order.
fn known<'t, T>(table: &'t [T], place: u64, used: &mut usize) -> Result<&'t T, Error> {
    let index = usize::try_from(place - 1).unwrap_or(usize::MAX);
    if index > *used {
        return Err(malformed("a table is not in order of first use"));
    }
    *used = (*used).max(index + 1);
    table.get(index).ok_or(malformed("a place is not in its table"))
}

fn charge(near: &mut Neighbours, bytes: usize) -> Result<(), Error> {
    near.bytes += bytes;
    bounded("bytes of a document", near.bytes as u64, OPERATION_BYTES_MAX).map(drop)
}

/// A word that a newer version added to the end of the list.
const fn newer_word(found: u64) -> Error {
    Error::Unknown { what: "word", found }
}

const fn malformed(rule: &'static str) -> Error {
    Error::Malformed { what: "changes", rule }
}
