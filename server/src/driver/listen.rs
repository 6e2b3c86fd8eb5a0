//! The sockets that listen: made before the node starts, and made anew by CONFIG SET port and bind.

use std::{cell::RefCell, io, rc::Weak, time::Duration};

use engine::io::{DiskError, DiskErrorKind, DiskId, DiskReply, Input};
use tokio::task::spawn_local;

use super::{Address, Driver, Settings, Shared, net::Listener, strerror};
use crate::start::addresses;

/// A socket that listens, made before the node starts so that a taken port is found at once.
pub struct Listening(Listener);

/// Listen on everything that the settings name. To be called within the runtime.
///
/// # Errors
/// What could not be listened on, and the operating system's word.
pub fn listen(settings: &Settings) -> Result<Vec<Listening>, (String, io::Error)> {
    let mut listeners = network(&settings.listen, settings.backlog)?;
    if let Some(path) = &settings.unix_socket {
        // A socket file that a dead process left would refuse every later start.
        let _ = std::fs::remove_file(path);
        let listener =
            tokio::net::UnixListener::bind(path).map_err(|error| (path.clone(), error))?;
        if settings.unix_mode != 0 {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(settings.unix_mode.into());
            std::fs::set_permissions(path, mode).map_err(|error| (path.clone(), error))?;
        }
        listeners.push(Listening(Listener::Unix(listener)));
    }
    Ok(listeners)
}

/// This machine has no such address, or not even the protocol (IPv6 may be off).
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::AFNOSUPPORT)
}

/// The sockets for these addresses.
fn network(addresses: &[Address], backlog: u32) -> Result<Vec<Listening>, (String, io::Error)> {
    let mut listeners = Vec::new();
    for address in addresses {
        match Listener::tcp(address.at, backlog) {
            Ok(listener) => listeners.push(Listening(listener)),
            Err(error) if address.optional && is_missing(&error) => {}
            Err(error) => return Err((address.at.to_string(), error)),
        }
    }
    Ok(listeners)
}

/// Accept what comes in on these sockets.
pub(super) fn begin(driver: &Shared, listeners: Vec<Listening>) {
    for Listening(listener) in listeners {
        let network = !matches!(listener, Listener::Unix(_));
        let task = spawn_local(accept(driver.clone(), listener));
        if network {
            driver.borrow_mut().acceptors.push(task);
        }
    }
}

async fn accept(driver: Shared, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok(stream) => driver.borrow_mut().accepted(stream),
            // Out of file descriptors, most likely: they come back when clients leave.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Listen on these addresses instead of the present ones; where that fails, on the present ones again. Connections that
/// stand are not touched.
pub(super) async fn listen_anew(
    driver: Weak<RefCell<Driver>>,
    id: DiskId,
    port: u16,
    bind: Vec<String>,
) {
    let Some(driver) = driver.upgrade() else { return };
    let outcome = match addresses(&bind, port) {
        Err(why) => Err(why),
        Ok(wanted) => {
            let (acceptors, backlog) = {
                let mut driver = driver.borrow_mut();
                (core::mem::take(&mut driver.acceptors), driver.settings.backlog)
            };
            // A port is free again when its socket is gone, and that is when its task has ended.
            for task in acceptors {
                task.abort();
                let _ = task.await;
            }
            let made = network(&wanted, backlog);
            let (listeners, outcome) = match made {
                Ok(listeners) => {
                    driver.borrow_mut().settings.listen = wanted;
                    (listeners, Ok(()))
                }
                Err((_, error)) => {
                    let old = network(&driver.borrow().settings.listen, backlog);
                    (old.unwrap_or_default(), Err(strerror(&error)))
                }
            };
            begin(&driver, listeners);
            outcome
        }
    };
    let result = outcome.map(|()| DiskReply::Done).map_err(|text| DiskError {
        kind: DiskErrorKind::Other,
        text,
        written: 0,
    });
    driver.borrow_mut().step(Input::Disk { id, result });
}
