//! Bytes beside their meaning.

use leptos::prelude::*;

/// The longest run of bytes that is shown whole.
const MOST: usize = 4096;
/// Bytes a line.
const LINE: usize = 8;

/// A hex dump: offset, bytes, text. Bytes from `durable` on are marked as not yet on the platter.
pub fn dump(bytes: &[u8], first: usize, durable: usize) -> impl IntoView + use<> {
    let lines: Vec<_> = bytes
        .chunks(LINE)
        .take(MOST / LINE)
        .enumerate()
        .map(|(n, line)| {
            let offset = first + n * LINE;
            let hex: Vec<String> = line.iter().map(|b| format!("{b:02x}")).collect();
            let text: String = line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '·' }).collect();
            let class = if offset >= durable { "line cache" } else { "line" };
            view! {
                <div class=class><span class="offset">{format!("{offset:06x}")}</span><span class="hex">{hex.join(" ")}</span><span>{text}</span></div>
            }
        })
        .collect();
    view! { <div class="dump mono">{lines}</div> }
}
