use bytes::Bytes;

use super::*;

const NOW: Time = Time(1_000_000);

fn path(path: &str) -> String {
    path.to_owned()
}

fn done(disk: &mut Disk, op: DiskOp) {
    let issued = disk.issue(NOW, &op);
    assert!(issued.result.is_ok(), "{op:?}: {:?}", issued.result);
    if let Some(sync) = issued.sync {
        disk.complete(&sync);
    }
}

fn append(disk: &mut Disk, to: &str, bytes: &'static [u8]) {
    done(disk, DiskOp::Append { path: path(to), bytes: Bytes::from_static(bytes) });
}

fn text(disk: &Disk, path: &str) -> Option<String> {
    disk.file(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn a_power_cut_takes_what_was_not_fsynced() {
    let mut disk = Disk::default();
    append(&mut disk, "aof", b"one ");
    done(&mut disk, DiskOp::Fsync { path: path("aof") });
    done(&mut disk, DiskOp::FsyncDir { path: path(".") });
    append(&mut disk, "aof", b"two");
    assert_eq!(disk.files()[0].durable, 4);
    disk.power_cut(NOW, None);
    assert_eq!(text(&disk, "aof").as_deref(), Some("one "));
}

#[test]
fn a_name_is_not_durable_because_its_bytes_are() {
    let mut disk = Disk::default();
    append(&mut disk, "aof", b"one");
    done(&mut disk, DiskOp::Fsync { path: path("aof") });
    disk.power_cut(NOW, None);
    assert_eq!(text(&disk, "aof"), None);
}

#[test]
fn a_rename_is_undone_unless_its_directory_was_fsynced() {
    let mut disk = Disk::default();
    disk.install("manifest", b"old");
    append(&mut disk, "temp", b"new");
    done(&mut disk, DiskOp::Fsync { path: path("temp") });
    done(&mut disk, DiskOp::Rename { from: path("temp"), to: path("manifest") });
    let mut fsynced = disk.clone();
    disk.power_cut(NOW, None);
    assert_eq!(text(&disk, "manifest").as_deref(), Some("old"));
    done(&mut fsynced, DiskOp::FsyncDir { path: path("/data") });
    fsynced.power_cut(NOW, None);
    assert_eq!(text(&fsynced, "manifest").as_deref(), Some("new"));
    assert_eq!(text(&fsynced, "temp"), None);
}

#[test]
fn an_fsync_that_has_not_ended_promises_nothing() {
    let mut disk = Disk::default();
    disk.install("aof", b"");
    append(&mut disk, "aof", b"one");
    let issued = disk.issue(NOW, &DiskOp::Fsync { path: path("aof") });
    append(&mut disk, "aof", b"two");
    disk.complete(&issued.sync.unwrap());
    assert_eq!(disk.files()[0].durable, 3, "it covers what was written before it");
    disk.power_cut(NOW, None);
    assert_eq!(text(&disk, "aof").as_deref(), Some("one"));
}

#[test]
fn a_torn_write_keeps_some_beginning() {
    for seed in 0..50 {
        let mut disk = Disk::default();
        disk.install("aof", b"0");
        append(&mut disk, "aof", b"123");
        append(&mut disk, "aof", b"456");
        disk.power_cut(NOW, Some(&mut Rand64::new(seed)));
        let left = text(&disk, "aof").unwrap();
        assert!("0123456".starts_with(&left), "{left}");
    }
}

#[test]
fn the_kernel_writes_back_by_itself() {
    let mut disk = Disk::default();
    append(&mut disk, "aof", b"one");
    disk.power_cut(NOW.plus_millis(31_000), None);
    assert_eq!(text(&disk, "aof").as_deref(), Some("one"));
}

#[test]
fn a_full_disk_says_so() {
    let mut disk = Disk { full: true, ..Disk::default() };
    let op = DiskOp::Append { path: path("aof"), bytes: Bytes::from_static(b"x") };
    assert_eq!(disk.issue(NOW, &op).result.unwrap_err().kind, DiskErrorKind::NoSpace);
}

#[test]
fn paths_are_resolved_as_a_kernel_does() {
    let mut disk = Disk::default();
    done(&mut disk, DiskOp::MakeDir { path: path("dir") });
    append(&mut disk, "./dir/../dir//a", b"x");
    assert!(disk.file("/data/dir/a").is_some());
    let op = DiskOp::Append { path: path("none/a"), bytes: Bytes::from_static(b"x") };
    assert_eq!(disk.issue(NOW, &op).result.unwrap_err().kind, DiskErrorKind::NotFound);
    let list = disk.issue(NOW, &DiskOp::List { path: path(".") }).result;
    assert_eq!(list, Ok(DiskReply::Names(vec![path("dir")])));
}
