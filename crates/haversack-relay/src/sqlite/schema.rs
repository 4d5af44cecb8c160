//! The tables, their versions, and what every connection is set to.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::fault;
use crate::Error;

/// "HSRY": marks the file as a relay's.
const APPLICATION_ID: i64 = 0x4853_5259;

/// Step n brings version n to n + 1; the schema's version is their number.
const MIGRATIONS: &[&str] = &[include_str!("001_frames.sql"), include_str!("002_packs.sql")];

/// How long a connection waits for another one, such as a backup's.
const BUSY_TIME_MAX: Duration = Duration::from_secs(10);

/// Nothing leaves the file and its log: no spills to temporary files, no memory map.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA temp_store = MEMORY;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -8192;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
";

/// Sets a connection up.
pub(super) fn configure(connection: &Connection) -> Result<(), Error> {
    let set = |connection: &Connection| {
        connection.busy_timeout(BUSY_TIME_MAX)?;
        // Otherwise SQLite plans each question anew, for the values in it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(SETTINGS)
    };
    set(connection).map_err(fault("set the database up"))
}

/// Brings the file to this version's schema, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(fault("begin the migration"))?;
    let version = version(&tx)?;
    let steps = MIGRATIONS.get(version..).ok_or(Error::Newer)?;
    steps
        .iter()
        .try_for_each(|sql| tx.execute_batch(sql))
        .and_then(|()| tx.pragma_update(None, "application_id", APPLICATION_ID))
        .and_then(|()| tx.pragma_update(None, "user_version", MIGRATIONS.len() as i64))
        .and_then(|()| tx.commit())
        .map_err(fault("migrate the database"))?;
    // Outside of a transaction, and only once the file is known to be ours.
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(fault("turn the write-ahead log on"))
}

/// The schema's version: 0 for a file without tables.
fn version(tx: &Transaction<'_>) -> Result<usize, Error> {
    let read = |name| tx.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    let found = (|| Ok((read("application_id")?, read("user_version")?, tables?)))();
    match found.map_err(fault("read the database's version"))? {
        (0, 0, 0_i64) => Ok(0),
        (APPLICATION_ID, version, _) => {
            usize::try_from(version).map_err(|_| Error::damaged("the schema's version is not one"))
        }
        _ => Err(Error::damaged("the database is not a relay's")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        configure(&connection).unwrap();
        migrate(&mut connection).unwrap();
        connection
    }

    fn names(connection: &Connection) -> Vec<String> {
        let sql = "SELECT type || ' ' || name FROM sqlite_schema ORDER BY 1";
        let mut statement = connection.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    #[test]
    fn fresh_schema() {
        insta::assert_debug_snapshot!(names(&migrated()), @r#"
        [
            "index frame_loose",
            "index frame_on_lane",
            "index sqlite_autoindex_frame_1",
            "index sqlite_autoindex_lane_1",
            "index sqlite_autoindex_mailbox_1",
            "table frame",
            "table lane",
            "table mailbox",
            "table retired",
        ]
        "#);
    }

    #[test]
    fn migrating_again_changes_nothing() {
        let mut connection = migrated();
        let before = names(&connection);
        migrate(&mut connection).unwrap();
        assert_eq!(names(&connection), before);
    }

    #[test]
    fn a_newer_schema_and_a_foreign_file_are_refused() {
        let mut newer = migrated();
        newer.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut newer), Err(Error::Newer)));
        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE other (a)").unwrap();
        assert!(matches!(migrate(&mut foreign), Err(Error::Damaged { .. })));
        assert_eq!(names(&foreign), ["table other"]);
    }
}
