//! Behind loading: the AOF is opened, and the node is ready.
//!
//! ```text
//!   no AOF yet      temp file with the data (none) ─fsync─ rename to base 1, incr 1 made, manifest, ready
//!   an AOF          its last incr is appended to;   without one: the next is made, manifest,        ready
//! ```

use alloc::{format, vec::Vec};

use bytes::Bytes;

use super::{
    AofState, SnapshotSource,
    refuse::Refused,
    script::{Script, Then},
};
use crate::{
    aof::{Manifest, Rewriter},
    io::{DiskOp, Effects},
    node::Node,
    rdb::{Encoder, Progress},
    time::Time,
    trace::{PersistenceFact, ServerFact},
};

impl Node {
    /// The data is there: open the AOF, if there is to be one.
    pub(super) fn open_aof(&mut self, now: Time, fx: &mut Effects) {
        if !self.config.persistence.appendonly {
            return self.clean_up(now, fx);
        }
        let (dir, prefix) = self.aof_names();
        let blame = format!("Can't open or create append-only dir {dir}");
        let mut script =
            Script::new(Then::Opened).step(DiskOp::MakeDir { path: dir.clone() }, blame);
        let mut manifest = self.persistence.aof.manifest.clone();
        let unchanged = !manifest.incrs.is_empty();
        if manifest.is_empty() {
            script = self.first_base(now, script, &prefix, &mut manifest);
        }
        let incr = match manifest.incrs.last() {
            Some(incr) => incr.name.clone(),
            None => manifest.new_incr(&prefix),
        };
        let path = self.aof_path(&incr);
        let opening = format!("Can't open the append-only file {incr}");
        let syncing = format!("Fail to fsync AOF directory {dir}");
        // An empty append makes the file, or makes sure that it can be written to: what is there stays.
        let open = DiskOp::Append { path: path.clone(), bytes: Bytes::new() };
        // The names that were just read may be in the page cache alone, if only the process had crashed.
        script = script
            .step(open, opening)
            .step(DiskOp::FsyncDir { path: dir.clone() }, syncing)
            .try_step(DiskOp::FsyncDir { path: ".".into() });
        if !unchanged {
            script = script.replace_manifest(&dir, &prefix, &manifest);
        }
        let aof = &mut self.persistence.aof;
        aof.manifest = manifest;
        aof.path = path;
        self.run_script(script, fx);
    }

    /// An AOF begins with a base that holds the data there is: none.
    fn first_base(
        &mut self,
        now: Time,
        script: Script,
        prefix: &str,
        manifest: &mut Manifest,
    ) -> Script {
        let name = manifest.new_base(prefix, self.config.persistence.aof_use_rdb_preamble);
        let to = self.aof_path(&name);
        let temp = format!("temp-rewriteaof-{}.aof", self.pid);
        // It does not count as growth, nor as what growth is measured by; Redis sees it so.
        let bytes = self.base_bytes(now);
        let writing = "Write error writing append only file on disk";
        script
            .step(
                DiskOp::Create { path: temp.clone() },
                "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile()",
            )
            .step(DiskOp::Append { path: temp.clone(), bytes: bytes.into() }, writing)
            .step(DiskOp::Fsync { path: temp.clone() }, writing)
            .step(
                DiskOp::Rename { from: temp, to },
                "Error moving temp append only file on the final destination",
            )
    }

    fn base_bytes(&mut self, now: Time) -> Vec<u8> {
        let source = SnapshotSource::new(self.keyspace.snapshot());
        let mut out = Vec::new();
        if self.config.persistence.aof_use_rdb_preamble {
            let mut encoder = Encoder::new(source, self.aof_base_aux(now), self.rdb_options());
            while encoder.next_chunk(usize::MAX, &mut out) == Progress::More {}
        } else {
            let stamp = self.config.persistence.aof_timestamp_enabled.then_some(now.as_secs());
            let mut rewriter = Rewriter::new(source, stamp);
            while rewriter.next_chunk(usize::MAX, &mut out) == Progress::More {}
        }
        out
    }

    /// The AOF can be appended to.
    pub(super) fn aof_opened(&mut self, now: Time, ok: bool, fx: &mut Effects) {
        if !ok {
            return self.refuse_load(now, Refused::said(), fx);
        }
        let manifest = &self.persistence.aof.manifest;
        let incr = manifest.incrs.last().map(|file| file.name.clone()).unwrap_or_default();
        let base = manifest.base.as_ref().map(|file| file.name.clone());
        let read = self.persistence.load.as_ref().is_some_and(super::load::Load::found_aof);
        if let Some(file) = base.filter(|_| !read) {
            self.note_persistence(now, PersistenceFact::BaseCreated { file }, fx);
        }
        let fact = match self.persistence.load.as_ref().is_some_and(super::load::Load::found_incr) {
            true => PersistenceFact::IncrOpened { file: incr },
            false => PersistenceFact::IncrCreated { file: incr },
        };
        self.note_persistence(now, fact, fx);
        self.persistence.aof.state = AofState::On;
        self.persistence.aof.rewrites.stamps = self.config.persistence.aof_timestamp_enabled;
        self.clean_up(now, fx);
    }

    /// A crash may have come between a rewrite and the end of the files of before it.
    fn clean_up(&mut self, now: Time, fx: &mut Effects) {
        match self.history_script(now, Then::CleanedAtBoot, fx) {
            Some(script) => self.run_script(script, fx),
            None => self.finish_load(now, fx),
        }
    }

    /// The node is ready.
    pub(super) fn finish_load(&mut self, now: Time, fx: &mut Effects) {
        self.persistence.load = None;
        self.dirty = 0;
        self.note(now, ServerFact::Ready, fx);
    }
}
