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

/// Open the file for appending, under this number.
fn open(disk: &mut Disk, n: u64, name: &str) -> FileId {
    let file = FileId::opened(n);
    done(disk, file.open(path(name), OpenMode::Append));
    file
}

fn append(disk: &mut Disk, to: &str, bytes: &'static [u8]) {
    let file = open(disk, 100, to);
    done(disk, file.append(bytes.to_vec()));
    done(disk, file.close());
}

fn fsync(disk: &mut Disk, name: &str) {
    let file = open(disk, 100, name);
    done(disk, file.fsync());
    done(disk, file.close());
}

fn read(disk: &mut Disk, file: FileId) -> Vec<u8> {
    match disk.issue(NOW, &file.read(0, 1000)).result {
        Ok(DiskReply::Data(bytes)) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn text(disk: &Disk, path: &str) -> Option<String> {
    disk.file(path).map(|bytes| String::from_utf8_lossy(&bytes.to_vec()).into_owned())
}

#[test]
fn a_power_cut_takes_what_was_not_fsynced() {
    let mut disk = Disk::default();
    append(&mut disk, "aof", b"one ");
    fsync(&mut disk, "aof");
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
    fsync(&mut disk, "aof");
    disk.power_cut(NOW, None);
    assert_eq!(text(&disk, "aof"), None);
}

#[test]
fn a_rename_is_undone_unless_its_directory_was_fsynced() {
    let mut disk = Disk::default();
    disk.install("manifest", b"old");
    append(&mut disk, "temp", b"new");
    fsync(&mut disk, "temp");
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
    let file = open(&mut disk, 1, "aof");
    let issued = disk.issue(NOW, &file.fsync());
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
    let file = open(&mut disk, 1, "aof");
    let error = disk.issue(NOW, &file.append(b"x".to_vec())).result.unwrap_err();
    assert_eq!((error.kind, error.bytes.as_slice()), (DiskErrorKind::NoSpace, &b"x"[..]));
}

#[test]
fn paths_are_resolved_as_a_kernel_does() {
    let mut disk = Disk::default();
    done(&mut disk, DiskOp::MakeDir { path: path("dir") });
    append(&mut disk, "./dir/../dir//a", b"x");
    assert!(disk.file("/data/dir/a").is_some());
    let op = FileId::opened(1).open(path("none/a"), OpenMode::Append);
    assert_eq!(disk.issue(NOW, &op).result.unwrap_err().kind, DiskErrorKind::NotFound);
}

#[test]
fn an_open_file_outlives_its_name() {
    let mut disk = Disk::default();
    append(&mut disk, "dump", b"old");
    append(&mut disk, "temp", b"new");
    let old = open(&mut disk, 1, "dump");
    let new = open(&mut disk, 2, "temp");
    done(&mut disk, DiskOp::Rename { from: path("temp"), to: path("dump") });
    assert_eq!((read(&mut disk, old), read(&mut disk, new)), (b"old".to_vec(), b"new".to_vec()));
    done(&mut disk, new.append(b"er".to_vec()));
    assert_eq!(text(&disk, "dump").as_deref(), Some("newer"), "it goes by its new name");
    done(&mut disk, DiskOp::Unlink { path: path("dump") });
    assert_eq!(read(&mut disk, new), b"newer");
    assert!(disk.files().is_empty());
    // The journal commits; a file without a name is still there for its open descriptor.
    let later = NOW.plus_millis(60_000);
    assert!(disk.issue(later, &old.read(0, 3)).result.is_ok());
    done(&mut disk, old.close());
    assert!(disk.issue(later, &old.read(0, 3)).result.is_err(), "its number means nothing now");
    disk.process_ended();
    assert_eq!((disk.open_files(), disk.inodes.len()), (0, 0));
}

#[test]
fn opening_for_reading_makes_no_file() {
    let mut disk = Disk::default();
    let op = FileId::opened(1).open(path("none"), OpenMode::Read);
    assert!(!Disk::is_crash_point(&op));
    assert_eq!(disk.issue(NOW, &op).result.unwrap_err().kind, DiskErrorKind::NotFound);
    let op = FileId::opened(1).open(path("none"), OpenMode::Create);
    assert!(Disk::is_crash_point(&op));
    assert_eq!(disk.issue(NOW, &op).result, Ok(DiskReply::Length(0)));
}
