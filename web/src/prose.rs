//! The little Markdown of the lessons: paragraphs, `code`, **bold**.

use leptos::prelude::*;

/// A piece of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    Code(&'a str),
    Bold(&'a str),
}

/// A text of several paragraphs.
pub fn prose(text: &str) -> impl IntoView + use<> {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| view! { <p>{line(paragraph)}</p> }).collect_view()
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
