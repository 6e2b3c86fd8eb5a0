//! The little Markdown of the lessons: paragraphs, lists (`- ` or `1. `), `code`, **bold**.

use leptos::prelude::*;

/// A piece of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    Code(&'a str),
    Bold(&'a str),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    Paragraph(String),
    List { numbered: bool, items: Vec<String> },
}

/// A text of several paragraphs and lists.
pub fn prose(text: &str) -> impl IntoView + use<> {
    let show = |block| match block {
        Block::Paragraph(text) => view! { <p>{line(&text)}</p> }.into_any(),
        Block::List { numbered, items } => {
            let items = items.iter().map(|item| view! { <li>{line(item)}</li> }).collect_view();
            if numbered {
                view! { <ol>{items}</ol> }.into_any()
            } else {
                view! { <ul>{items}</ul> }.into_any()
            }
        }
    };
    blocks(text).into_iter().map(show).collect_view()
}

/// Blocks are parted by empty lines; one whose lines begin with `- ` or `1. ` is a list.
fn blocks(text: &str) -> Vec<Block> {
    let parts = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    parts.map(block).collect()
}

fn block(part: &str) -> Block {
    let Some((numbered, _)) = item(part) else { return Block::Paragraph(part.to_owned()) };
    let mut items: Vec<String> = Vec::new();
    for line in part.lines() {
        match (item(line), items.last_mut()) {
            (Some((_, text)), _) => items.push(text.to_owned()),
            // A line without a mark of its own goes on with the item before it.
            (None, Some(last)) => *last = format!("{last} {}", line.trim()),
            (None, None) => items.push(line.to_owned()),
        }
    }
    Block::List { numbered, items }
}

/// Whether a line begins an item, of a numbered list or not, and what it says.
fn item(line: &str) -> Option<(bool, &str)> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some((false, text));
    }
    let (number, text) = line.split_once(". ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((true, text))
}

/// One paragraph, or a label.
pub fn line(text: &str) -> impl IntoView + use<> {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Plain(text) => text.replace('\n', " ").into_any(),
            Piece::Code(text) => view! { <code>{text.to_owned()}</code> }.into_any(),
            Piece::Bold(text) => view! { <b>{text.to_owned()}</b> }.into_any(),
        })
        .collect_view()
}

/// A mark without its partner is plain text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['`', '*']) {
        let mark = if rest[start..].starts_with("**") { "**" } else { &rest[start..=start] };
        let inside = &rest[start + mark.len()..];
        match inside.find(mark).filter(|_| mark != "*") {
            Some(end) => {
                pieces.push(Piece::Plain(&rest[..start]));
                let within = &inside[..end];
                pieces.push(if mark == "`" { Piece::Code(within) } else { Piece::Bold(within) });
                rest = &inside[end + mark.len()..];
            }
            None => {
                pieces.push(Piece::Plain(&rest[..start + mark.len()]));
                rest = inside;
            }
        }
    }
    pieces.push(Piece::Plain(rest));
    pieces.retain(|piece| *piece != Piece::Plain(""));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_an_item_for_each_mark() {
        let text = "Two:\n\n1. one\ngoes on\n2. two\n\n- a\n- b\n\n3 is no list. Nor this.";
        let list = |numbered, items: [&str; 2]| Block::List {
            numbered,
            items: items.map(str::to_owned).to_vec(),
        };
        let words = |text: &str| Block::Paragraph(text.to_owned());
        assert_eq!(
            blocks(text),
            [
                words("Two:"),
                list(true, ["one goes on", "two"]),
                list(false, ["a", "b"]),
                words("3 is no list. Nor this."),
            ]
        );
    }

    #[test]
    fn marks_come_in_pairs_or_are_text() {
        use Piece::{Bold, Code, Plain};
        assert_eq!(
            pieces("a `b` **c** d"),
            [Plain("a "), Code("b"), Plain(" "), Bold("c"), Plain(" d")]
        );
        assert_eq!(pieces("PSUBSCRIBE *"), [Plain("PSUBSCRIBE *")]);
        assert_eq!(pieces("`PSUBSCRIBE *` x"), [Code("PSUBSCRIBE *"), Plain(" x")]);
        assert_eq!(pieces("a ** b"), [Plain("a **"), Plain(" b")]);
    }
}
