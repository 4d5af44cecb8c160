use haversack_wire::Reader;
use haversack_wire::codec::put_varint;
use rusqlite::MAIN_DB;

use super::{View, connect};
use crate::Error;

const LEVEL: i32 = 3;
/// Counts up with every change of the schema: what an older version saved is filled anew.
const VERSION: u8 = 2;
const BYTES_MAX: usize = 1 << 30;

impl View {
    /// The whole view as bytes, for sealing.
    pub(crate) fn save(&mut self) -> Result<Vec<u8>, Error> {
        let data =
            self.connection.serialize(MAIN_DB).map_err(Error::database("saving the view"))?;
        let mut out = vec![VERSION];
        put_varint(&mut out, data.len() as u64);
        let refused = |source| Error::Io { what: "snapshot", source };
        out.extend(zstd::bulk::compress(&data, LEVEL).map_err(refused)?);
        Ok(out)
    }

    /// A view from saved bytes.
    pub(crate) fn load(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("snapshot", bytes);
        if r.u8()? != VERSION {
            return Err(Error::damaged("snapshot", "it is another version's"));
        }
        let length = r.count(BYTES_MAX)?;
        let refused = |source| Error::Io { what: "snapshot", source };
        let data = zstd::bulk::decompress(r.rest(), length).map_err(refused)?;
        let mut connection = connect()?;
        connection
            .deserialize_read_exact(MAIN_DB, data.as_slice(), data.len(), false)
            .map_err(Error::database("opening the view"))?;
        Ok(Self { connection })
    }
}
