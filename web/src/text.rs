//! Every word on the page, in both languages: a text that lacks one does not compile.
//!
//! Redis's own words (log lines, replies, event names) are never translated.

use serde::{Deserialize, Serialize};

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Lang {
    /// As `lang` attributes name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Ko => Self::En,
            Self::En => Self::Ko,
        }
    }
}

/// Where a write is, in a word.
pub const fn place_word(place: view::writes::Place) -> Text {
    use view::writes::Place;
    match place {
        Place::Lost => Text("사라짐", "lost"),
        Place::Unread => Text("읽지 않는 파일", "in a file that is not read"),
        Place::Memory => Text("메모리", "memory"),
        Place::Buffer => Text("AOF 버퍼", "AOF buffer"),
        Place::Cache => Text("페이지 캐시", "page cache"),
        Place::Disk => Text("디스크", "disk"),
    }
}

/// One text: Korean, English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(pub &'static str, pub &'static str);

impl Text {
    /// In this language.
    pub const fn in_(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ko => self.0,
            Lang::En => self.1,
        }
    }
}
