//! What can be typed while the lab runs: `kill 7001`, `stop 7002`, `start 7001`.
//!
//! A killed master that never comes back is half a lesson: with `start` it returns as the same process on the same
//! files, and the sentinels make it a replica.

use tokio::sync::mpsc;

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGKILL: the node has no chance to save anything.
    Kill(u16),
    /// SIGTERM: it saves and ends.
    Stop(u16),
    /// Start it again, on its files.
    Start(u16),
}

/// The answer to an unknown command.
pub const HELP: &str = "type kill PORT, stop PORT or start PORT (for example: start 7001)";

/// Read an order.
///
/// # Errors
/// One line that says what to type.
pub fn parse(line: &str) -> Result<Order, &'static str> {
    let mut words = line.split_whitespace();
    let (verb, port) = (words.next(), words.next().and_then(|port| port.parse().ok()));
    match (verb, port, words.next()) {
        (Some("kill"), Some(port), None) => Ok(Order::Kill(port)),
        (Some("stop"), Some(port), None) => Ok(Order::Stop(port)),
        (Some("start"), Some(port), None) => Ok(Order::Start(port)),
        _ => Err(HELP),
    }
}

/// The lines that are typed, as they come. Without a terminal there are none.
pub fn lines() -> mpsc::UnboundedReceiver<String> {
    let (tell, lines) = mpsc::unbounded_channel();
    // A thread of its own: reading a terminal can't be interrupted, and must not keep the lab from ending.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_name_a_port() {
        assert_eq!(parse(" kill 7001 "), Ok(Order::Kill(7001)));
        assert_eq!(parse("start 27003"), Ok(Order::Start(27003)));
        for wrong in ["", "kill", "kill m1", "restart 7001", "kill 7001 now"] {
            assert_eq!(parse(wrong), Err(HELP), "{wrong}");
        }
    }
}
