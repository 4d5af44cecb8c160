use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ChangeHash, ObjType, ScalarValue};
use haversack_wire::codec::{bounded, put_blob, put_varint, put_zigzag};
use haversack_wire::limits::{
    DEPENDENCIES_MAX, DOCUMENTS_MAX, OPERATION_BYTES_MAX, OPERATIONS_MAX, PREDECESSORS_MAX,
    VALUE_MAX,
};

use super::shapes::{Shapes, is_line};
use super::*;
use crate::Error;
use crate::docs::words;

/// Writes a changes item. Documents must be in ascending order.
///
/// # Errors
/// [`Error::Wire`] over a maximum, [`Error::Document`] for an operation that the format has no place for
/// (marks in text).
pub(crate) fn encode(author: &Author, documents: &[DocumentChanges]) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder { author: author.id(), ..Encoder::new(author.id()) };
    bounded("documents", documents.len() as u64, DOCUMENTS_MAX)?;
    put_varint(encoder.column(Column::Documents), documents.len() as u64);
    documents.iter().try_for_each(|document| encoder.document(document))?;
    Ok(encoder.finish())
}

struct Encoder<'a> {
    author: &'a ActorId,
    columns: [Vec<u8>; COLUMNS],
    hashes: Vec<ChangeHash>,
    actors: Vec<ActorId>,
    shapes: Shapes,
}

/// What an operation is written against: its neighbours in the same document.
struct Neighbours {
    object: ObjectId,
    made: Option<OpId>,
    decimal: i64,
    bytes: usize,
}

impl<'a> Encoder<'a> {
    fn new(author: &'a ActorId) -> Self {
        Self {
            author,
            columns: Default::default(),
            hashes: Vec::new(),
            actors: Vec::new(),
            shapes: Shapes::default(),
        }
    }

    fn column(&mut self, column: Column) -> &mut Vec<u8> {
        // `Column` has as many variants as there are columns.
        #[expect(clippy::indexing_slicing, reason = "the index is an enum of COLUMNS variants")]
        &mut self.columns[column as usize]
    }

    fn finish(mut self) -> Vec<u8> {
        let hashes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.0).collect();
        let actors: Vec<u8> = self.actors.iter().flat_map(|a| a.to_bytes().to_vec()).collect();
        *self.column(Column::Hashes) = hashes;
        *self.column(Column::Actors) = actors;
        let mut out = Vec::new();
        self.columns.iter().for_each(|column| put_blob(&mut out, column));
        out
    }

    fn document(&mut self, document: &DocumentChanges) -> Result<(), Error> {
        let operations: usize = document.changes.iter().map(|c| c.operations.len()).sum();
        bounded("operations of a document", operations as u64, OPERATIONS_MAX)?;
        self.column(Column::Documents).extend_from_slice(document.document.as_bytes());
        put_varint(self.column(Column::Documents), document.changes.len() as u64);
        let mut near = Neighbours { object: ObjectId::Root, made: None, decimal: 0, bytes: 0 };
        let mut expected = None;
        for change in &document.changes {
            self.change(change, expected)?;
            let count = change.operations.len() as u64;
            for (counter, op) in (change.start_op..).zip(&change.operations) {
                self.operation(op, counter, &mut near)?;
            }
            expected = Some(change.start_op + count);
        }
        bounded("bytes of a document", near.bytes as u64, OPERATION_BYTES_MAX)?;
        Ok(())
    }

    fn change(&mut self, change: &RawChange, expected: Option<u64>) -> Result<(), Error> {
        let dependencies = change.dependencies.len() as u64;
        bounded("dependencies of a change", dependencies, DEPENDENCIES_MAX)?;
        let places: Vec<u64> =
            change.dependencies.iter().map(|dependency| self.dependency(dependency)).collect();
        let out = self.column(Column::Changes);
        match expected {
            None => {
                put_varint(out, change.sequence);
                put_varint(out, change.start_op);
            }
            Some(expected) => put_zigzag(out, change.start_op as i64 - expected as i64),
        }
        put_varint(out, dependencies);
        places.iter().for_each(|place| put_varint(out, *place));
        put_varint(out, change.operations.len() as u64);
        Ok(())
    }

    fn dependency(&mut self, dependency: &Dependency) -> u64 {
        match dependency {
            Dependency::Own => 0,
            Dependency::Foreign(hash) => place(&mut self.hashes, hash),
        }
    }

    fn operation(&mut self, op: &Op, counter: u64, near: &mut Neighbours) -> Result<(), Error> {
        let (action, value) = action_and_value(&op.action)?;
        let object = object_mode(&op.obj, near);
        let key = key_number(&op.key);
        let kind = value.as_ref().map_or(VALUE_NONE, value_kind);
        let predecessors = bounded("predecessors", op.pred.len() as u64, PREDECESSORS_MAX)? as u64;
        let short = predecessors.min(PREDECESSORS_LONG.into()) as u8;
        self.key(&op.key, key, near)?;
        let shape = [action | u8::from(op.insert) << 3 | object << 4, kind | short << 4];
        let mut shapes = std::mem::take(&mut self.shapes);
        shapes.write(self.column(Column::Shapes), key, shape);
        self.shapes = shapes;
        if short == PREDECESSORS_LONG {
            put_varint(self.column(Column::Numbers), predecessors);
        }
        if let (OBJECT_EXPLICIT, ObjectId::Id(id)) = (object, &op.obj) {
            self.op_id(Column::Objects, id.0, &id.1);
        }
        match &value {
            Some(ScalarValue::Uint(count)) if is_line(key) => {
                put_varint(self.column(Column::Counts), *count);
            }
            Some(value) => near.bytes += self.value(value)?,
            None => {}
        }
        for id in op.pred.iter() {
            self.op_id(Column::Predecessors, counter.saturating_sub(id.0), &id.1);
        }
        near.object = op.obj.clone();
        if matches!(op.action, OpType::Make(_)) {
            near.made = Some(OpId(counter, self.author.clone()));
        }
        Ok(())
    }

    fn op_id(&mut self, column: Column, counter: u64, actor: &ActorId) {
        let actor = if actor == self.author { 0 } else { place(&mut self.actors, actor) };
        let out = self.column(column);
        put_varint(out, counter);
        put_varint(out, actor);
    }

    fn key(&mut self, key: &Key, number: u64, near: &mut Neighbours) -> Result<(), Error> {
        put_varint(self.column(Column::Keys), number);
        match key {
            Key::Seq(ElementId::Id(id)) => self.op_id(Column::Keys, id.0, &id.1),
            Key::Map(text) if number == KEY_INLINE => near.bytes += self.text(text)?,
            Key::Map(text) if number == KEY_DECIMAL => {
                let value = decimal(text).unwrap_or_default();
                put_zigzag(self.column(Column::Keys), value - near.decimal);
                near.decimal = value;
            }
            Key::Map(_) | Key::Seq(ElementId::Head) => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<usize, Error> {
        bounded("text", text.len() as u64, VALUE_MAX)?;
        put_blob(self.column(Column::Texts), text.as_bytes());
        Ok(text.len())
    }

    /// Writes a value; gives the bytes that count against the document's limit.
    fn value(&mut self, value: &ScalarValue) -> Result<usize, Error> {
        match value {
            ScalarValue::Int(n) | ScalarValue::Timestamp(n) => {
                put_zigzag(self.column(Column::Numbers), *n);
            }
            ScalarValue::Counter(counter) => {
                put_zigzag(self.column(Column::Numbers), i64::from(counter));
            }
            ScalarValue::Uint(n) => put_varint(self.column(Column::Numbers), *n),
            ScalarValue::F64(n) => self.column(Column::Bytes).extend(n.to_le_bytes()),
            ScalarValue::Str(text) => match words::number(text) {
                Some(word) => put_varint(self.column(Column::Numbers), word),
                None => return self.text(text),
            },
            ScalarValue::Bytes(bytes) => return self.bytes(bytes),
            ScalarValue::Unknown { type_code, bytes } => {
                put_varint(self.column(Column::Numbers), (*type_code).into());
                return self.bytes(bytes);
            }
            ScalarValue::Null | ScalarValue::Boolean(_) => {}
        }
        Ok(0)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        bounded("bytes", bytes.len() as u64, VALUE_MAX)?;
        put_varint(self.column(Column::Numbers), bytes.len() as u64);
        self.column(Column::Bytes).extend_from_slice(bytes);
        Ok(bytes.len())
    }
}

/// The 1-based place of a value in a table, added at its end when it is new.
fn place<T: PartialEq + Clone>(table: &mut Vec<T>, value: &T) -> u64 {
    let found = table.iter().position(|known| known == value);
    let index = found.unwrap_or_else(|| {
        table.push(value.clone());
        table.len() - 1
    });
    index as u64 + 1
}

fn key_number(key: &Key) -> u64 {
    match key {
        Key::Seq(ElementId::Head) => KEY_HEAD,
        Key::Seq(ElementId::Id(_)) => KEY_ELEMENT,
        Key::Map(text) => match (words::number(text), decimal(text)) {
            (Some(word), _) => word + KEY_WORDS,
            (None, Some(_)) => KEY_DECIMAL,
            (None, None) => KEY_INLINE,
        },
    }
}

fn object_mode(object: &ObjectId, near: &Neighbours) -> u8 {
    match object {
        ObjectId::Root => OBJECT_ROOT,
        same if *same == near.object => OBJECT_SAME,
        ObjectId::Id(id) if near.made.as_ref() == Some(id) => OBJECT_MADE,
        ObjectId::Id(_) => OBJECT_EXPLICIT,
    }
}

fn action_and_value(action: &OpType) -> Result<(u8, Option<ScalarValue>), Error> {
    Ok(match action {
        OpType::Make(ObjType::Map) => (ACTION_MAKE_MAP, None),
        OpType::Make(ObjType::List) => (ACTION_MAKE_LIST, None),
        OpType::Make(ObjType::Text) => (ACTION_MAKE_TEXT, None),
        OpType::Make(ObjType::Table) => (ACTION_MAKE_TABLE, None),
        OpType::Delete => (ACTION_DELETE, None),
        OpType::Put(value) => (ACTION_PUT, Some(value.clone())),
        OpType::Increment(by) => (ACTION_INCREMENT, Some(ScalarValue::Int(*by))),
        OpType::MarkBegin(_) | OpType::MarkEnd(_) => {
            return Err(Error::Document { what: "encoded: it has marks" });
        }
    })
}

fn value_kind(value: &ScalarValue) -> u8 {
    match value {
        ScalarValue::Null => VALUE_NULL,
        ScalarValue::Boolean(false) => VALUE_FALSE,
        ScalarValue::Boolean(true) => VALUE_TRUE,
        ScalarValue::Int(_) => VALUE_INT,
        ScalarValue::Uint(_) => VALUE_UINT,
        ScalarValue::F64(_) => VALUE_F64,
        ScalarValue::Str(text) if words::number(text).is_some() => VALUE_WORD,
        ScalarValue::Str(_) => VALUE_TEXT,
        ScalarValue::Bytes(_) => VALUE_BYTES,
        ScalarValue::Timestamp(_) => VALUE_TIMESTAMP,
        ScalarValue::Counter(_) => VALUE_COUNTER,
        ScalarValue::Unknown { .. } => VALUE_UNKNOWN,
    }
}

/// A decimal number below 2³² without leading zeros.
fn decimal(text: &str) -> Option<i64> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number.into())
}
