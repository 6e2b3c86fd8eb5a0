//! Behind loading: the AOF is opened, and the node is ready.
//!
//! ```text
//!   no AOF yet      temp file with the data (none) ─fsync─ rename to base 1, incr 1 made, manifest, ready
//!   an AOF          its last incr is appended to;   without one: the next is made, manifest,        ready
//! ```

use alloc::{format, vec::Vec};

use super::{
    AofState, Persistence,
    aof_rewrite::{base_encoder, base_rewriter},
    append::{IncrFile, aof_names, aof_path},
    load_files::{Load, LoadStep, Stage},
};
use crate::{
    aof::Manifest,
    chain::{Blames, Chain},
    io::{DiskOp, FileId, OpenMode, Owner},
    keyspace::Keyspace,
    rdb::Progress,
    trace::PersistenceFact,
    turn::Turn,
};

impl Persistence {
    /// The data is there: open the AOF, if there is to be one.
    pub(crate) fn open_aof(&mut self, turn: &mut Turn, keyspace: &mut Keyspace) -> LoadStep {
        if !turn.config.persistence.appendonly {
            return self.clean_up(turn);
        }
        let (dir, prefix) = aof_names(turn);
        let blame = format!("Can't open or create append-only dir {dir}");
        let mut chain = Chain::new(Owner::Load).step(DiskOp::MakeDir { path: dir.clone() }, blame);
        let mut manifest = self.aof.manifest.clone();
        let unchanged = !manifest.incrs.is_empty();
        if manifest.is_empty() {
            chain = first_base(turn, chain, keyspace, &prefix, &mut manifest);
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
        self.aof.manifest = manifest;
        let chain = chain.begin(turn);
        self.wait_for(Stage::OpeningAof { chain, file })
    }

    /// The AOF can be appended to.
    pub(super) fn aof_opened(&mut self, turn: &mut Turn, id: FileId, size: u64) -> LoadStep {
        let manifest = &self.aof.manifest;
        let incr = manifest.incrs.last().map(|file| file.name.clone()).unwrap_or_default();
        let base = manifest.base.as_ref().map(|file| file.name.clone());
        let read = self.load.as_ref().is_some_and(Load::found_aof);
        if let Some(file) = base.filter(|_| !read) {
            turn.note(PersistenceFact::BaseCreated { file });
        }
        let fact = match self.load.as_ref().is_some_and(Load::found_incr) {
            true => PersistenceFact::IncrOpened { file: incr },
            false => PersistenceFact::IncrCreated { file: incr },
        };
        turn.note(fact);
        self.aof.state = AofState::On;
        self.aof.turn_to(turn, IncrFile { id, size });
        self.aof.rewrites.stamps = turn.config.persistence.aof_timestamp_enabled;
        self.clean_up(turn)
    }

    /// A crash may have come between a rewrite and the end of the files of before it.
    fn clean_up(&mut self, turn: &mut Turn) -> LoadStep {
        match self.history_chain(turn, Owner::Load) {
            Some(chain) => {
                let chain = chain.begin(turn);
                self.wait_for(Stage::CleaningUp(chain))
            }
            None => LoadStep::Ready,
        }
    }
}

/// An AOF begins with a base that holds the data there is: none.
fn first_base(
    turn: &mut Turn,
    chain: Chain,
    keyspace: &mut Keyspace,
    prefix: &str,
    manifest: &mut Manifest,
) -> Chain {
    let name = manifest.new_base(prefix, turn.config.persistence.aof_use_rdb_preamble);
    let to = aof_path(turn, &name);
    let temp = format!("temp-rewriteaof-{}.aof", turn.ids.pid);
    // It does not count as growth, nor as what growth is measured by; Redis sees it so.
    let bytes = base_bytes(turn, keyspace);
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

fn base_bytes(turn: &Turn, keyspace: &mut Keyspace) -> Vec<u8> {
    let mut out = Vec::new();
    if turn.config.persistence.aof_use_rdb_preamble {
        let mut encoder = base_encoder(turn, keyspace);
        while encoder.next_chunk(usize::MAX, &mut out) == Progress::More {}
    } else {
        let mut rewriter = base_rewriter(turn, keyspace);
        while rewriter.next_chunk(usize::MAX, &mut out) == Progress::More {}
    }
    out
}
