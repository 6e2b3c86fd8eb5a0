//! Behind loading: the AOF is opened, and the node is ready.
//!
//! ```text
//!   no AOF yet      temp file with the data (none) ─fsync─ rename to base 1, incr 1 made, manifest, ready
//!   an AOF          its last incr is appended to;   without one: the next is made, manifest,        ready
//! ```

use alloc::{format, vec::Vec};

use super::{
    AofState, SnapshotSource,
    append::{IncrFile, aof_names, aof_path},
    load::{Load, Stage},
};
use crate::{
    aof::{Manifest, Rewriter},
    chain::{Blames, Chain},
    io::{DiskOp, FileId, OpenMode, Owner},
    rdb::{Encoder, Progress},
    server::Server,
    trace::{PersistenceFact, ServerFact},
    turn::Turn,
};

impl Server {
    /// The data is there: open the AOF, if there is to be one.
    pub(super) fn open_aof(&mut self, turn: &mut Turn) {
        if !turn.config.persistence.appendonly {
            return self.clean_up(turn);
        }
        let (dir, prefix) = aof_names(turn);
        let blame = format!("Can't open or create append-only dir {dir}");
        let mut chain = Chain::new(Owner::Load).step(DiskOp::MakeDir { path: dir.clone() }, blame);
        let mut manifest = self.persistence.aof.manifest.clone();
        let unchanged = !manifest.incrs.is_empty();
        if manifest.is_empty() {
            chain = self.first_base(turn, chain, &prefix, &mut manifest);
        }
        let incr = match manifest.incrs.last() {
            Some(incr) => incr.name.clone(),
            None => manifest.new_incr(&prefix),
        };
        let (file, path) = (turn.ids.new_file(), aof_path(turn, &incr));
        let opening = format!("Can't open the append-only file {incr}");
        let syncing = format!("Fail to fsync AOF directory {dir}");
        // The names that were just read may be in the page cache alone, if only the process had crashed.
        chain = chain
            .step(file.open(path, OpenMode::Append), opening)
            .step(DiskOp::FsyncDir { path: dir.clone() }, syncing)
            .try_step(DiskOp::FsyncDir { path: ".".into() });
        if !unchanged {
            chain = chain.replace_manifest(turn.ids.new_file(), &dir, &prefix, &manifest);
        }
        self.persistence.aof.manifest = manifest;
        let chain = chain.begin(turn);
        self.set_load_stage(Stage::OpeningAof { chain, file });
    }

    /// An AOF begins with a base that holds the data there is: none.
    fn first_base(
        &mut self,
        turn: &mut Turn,
        chain: Chain,
        prefix: &str,
        manifest: &mut Manifest,
    ) -> Chain {
        let name = manifest.new_base(prefix, turn.config.persistence.aof_use_rdb_preamble);
        let to = aof_path(turn, &name);
        let temp = format!("temp-rewriteaof-{}.aof", turn.ids.pid);
        // It does not count as growth, nor as what growth is measured by; Redis sees it so.
        let bytes = self.base_bytes(turn);
        let writing = "Write error writing append only file on disk";
        let blames = Blames {
            open: "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile()".into(),
            write: writing.into(),
            fsync: writing.into(),
        };
        let renaming = "Error moving temp append only file on the final destination";
        chain
            .write_file(turn.ids.new_file(), temp.clone(), bytes, blames)
            .step(DiskOp::Rename { from: temp, to }, renaming)
    }

    fn base_bytes(&mut self, turn: &Turn) -> Vec<u8> {
        let source = SnapshotSource::new(self.keyspace.snapshot());
        let mut out = Vec::new();
        if turn.config.persistence.aof_use_rdb_preamble {
            let mut encoder =
                Encoder::new(source, self.aof_base_aux(turn.clock.wall), self.rdb_options(turn));
            while encoder.next_chunk(usize::MAX, &mut out) == Progress::More {}
        } else {
            let stamp =
                turn.config.persistence.aof_timestamp_enabled.then_some(turn.clock.wall.as_secs());
            let mut rewriter = Rewriter::new(source, stamp);
            while rewriter.next_chunk(usize::MAX, &mut out) == Progress::More {}
        }
        out
    }

    /// The AOF can be appended to.
    pub(super) fn aof_opened(&mut self, turn: &mut Turn, id: FileId, size: u64) {
        let manifest = &self.persistence.aof.manifest;
        let incr = manifest.incrs.last().map(|file| file.name.clone()).unwrap_or_default();
        let base = manifest.base.as_ref().map(|file| file.name.clone());
        let read = self.persistence.load.as_ref().is_some_and(Load::found_aof);
        if let Some(file) = base.filter(|_| !read) {
            turn.note(PersistenceFact::BaseCreated { file });
        }
        let fact = match self.persistence.load.as_ref().is_some_and(Load::found_incr) {
            true => PersistenceFact::IncrOpened { file: incr },
            false => PersistenceFact::IncrCreated { file: incr },
        };
        turn.note(fact);
        self.persistence.aof.state = AofState::On;
        self.persistence.aof.turn_to(turn, IncrFile { id, size });
        self.persistence.aof.rewrites.stamps = turn.config.persistence.aof_timestamp_enabled;
        self.clean_up(turn);
    }

    /// A crash may have come between a rewrite and the end of the files of before it.
    fn clean_up(&mut self, turn: &mut Turn) {
        match self.history_chain(turn, Owner::Load) {
            Some(chain) => {
                let chain = chain.begin(turn);
                self.set_load_stage(Stage::CleaningUp(chain));
            }
            None => self.finish_load(turn),
        }
    }

    /// The node is ready.
    pub(super) fn finish_load(&mut self, turn: &mut Turn) {
        self.persistence.load = None;
        self.dirty = 0;
        let network = &turn.config.network;
        let (on_network, socket) = (network.port != 0, network.unixsocket.clone());
        turn.note(ServerFact::Ready { on_network });
        socket.into_iter().for_each(|socket| turn.note(ServerFact::ReadyAt { socket }));
        let bytes = turn.config.memory.maxmemory;
        if bytes > 0 && bytes < 1 << 20 {
            turn.note(ServerFact::TinyMaxmemory { bytes });
        }
    }
}
