//! Packs: what a team has written, in a few files, for new devices and for those that were away for long.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::{HaversackError, ListenerFailure, Notebook};

type Outcome<T> = Result<T, HaversackError>;

/// Hears how far a pack is made. Implemented by the app; called on a thread where it may wait.
#[uniffi::export(with_foreign)]
pub trait PackListener: Send + Sync {
    /// So many documents of so many are in it.
    ///
    /// # Errors
    /// Whatever it raises stops nothing.
    fn progress(&self, done: u64, all: u64) -> Result<(), ListenerFailure>;
}

/// A pack that was made.
#[derive(Debug, uniffi::Record)]
pub struct PackMade {
    /// Documents in it.
    pub documents: u64,
    /// Frames of segments.
    pub segments: u32,
    /// Bytes of all its frames.
    pub bytes: u64,
}

/// How far packs that are still coming are taken: nothing when none is.
#[derive(Debug, uniffi::Record)]
pub struct PackProgress {
    /// Segments taken.
    pub taken: u32,
    /// Segments in all.
    pub segments: u32,
    /// Documents in all.
    pub documents: u64,
}

#[uniffi::export(async_runtime = "tokio")]
impl Notebook {
    /// Packs everything that the team has written. It is pushed with the next syncs; [`Notebook::export_pack`] gives it as a file.
    /// Other calls wait while it is made.
    ///
    /// # Errors
    /// `AskCoordinator` for another role than coordinator and archive, `FreeSpace`, `ReportFault`.
    pub async fn make_pack(&self, listener: Option<Arc<dyn PackListener>>) -> Outcome<PackMade> {
        let (notebook, (tell, told)) = (self.0.clone(), watch::channel((0, 0)));
        let telling = tokio::spawn(telling(listener, told));
        let making = spawn_blocking(move || {
            notebook.make_pack(&mut |done, all| _ = tell.send_replace((done, all)))
        });
        let made = making.await.map_err(|_| haversack::Error::Task)?;
        // None of its calls comes after this one has returned.
        let _heard = telling.await;
        Ok(made?.into())
    }

    /// The pack that this device made, as a bundle for [`Notebook::import_bundle`]. Nothing when it has made none.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn export_pack(&self) -> Outcome<Option<Vec<u8>>> {
        Ok(self.0.export_pack()?)
    }

    /// How far a pack is taken that is still coming.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn pack_progress(&self) -> Outcome<PackProgress> {
        let haversack::PackProgress { taken, segments, documents } = self.0.pack_progress()?;
        Ok(PackProgress { taken, segments, documents })
    }
}

/// Tells the newest, while a listener takes its time.
async fn telling(listener: Option<Arc<dyn PackListener>>, mut told: watch::Receiver<(u64, u64)>) {
    let Some(listener) = listener else { return };
    while told.changed().await.is_ok() {
        let (done, all) = *told.borrow_and_update();
        let listener = listener.clone();
        // What it raises is its own affair.
        let _heard = spawn_blocking(move || listener.progress(done, all)).await;
    }
}

impl From<haversack::PackMade> for PackMade {
    fn from(made: haversack::PackMade) -> Self {
        let haversack::PackMade { documents, segments, bytes } = made;
        Self { documents, segments, bytes }
    }
}
