//! What goes from the page to a player and back: bytes in any order-keeping pipe (a worker's messages, a WebSocket).
//!
//! The page sends a [`Command`] whenever the reader does something, and a [`Command::Tick`] at an animation frame while time
//! goes on, but not before the frame that answers the last one has come: a slow player makes time slow, never the page.
//! The player answers with [`Event`]s. It never waits inside a command: what takes long (a seek over an hour, a lesson's
//! solution) goes on between commands, a frame now and then says how far it is ([`Frame::busy`]), and a newer command of the
//! same sort replaces it.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    compare::Comparison,
    ids::{ClientId, NodeId},
    inside::Inside,
    lesson::{LessonCard, LessonView},
    stage::Stage,
    time::{Arrived, Growth, Mark},
    writes::{Band, Places},
};

/// One of the timelines that a player holds: the first, and perhaps a second that was forked off it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TimelineId(pub u32);

/// What the page asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Open the run behind a link (with or without `#`), at the moment that it names.
    Open {
        /// What stands behind the `#` of the page's address.
        link: String,
    },
    /// Begin a run in this scenario, in which the nodes have found each other.
    Sandbox {
        /// Its name.
        scenario: String,
    },
    /// Begin a lesson.
    Lesson {
        /// The name of its file.
        file: String,
        /// What is in it.
        text: String,
    },
    /// Go on to the lesson's next step.
    NextStep,
    /// Go back to the beginning of the lesson's present step.
    RestartStep,
    /// Do what the present step's solution says.
    Solve,
    /// The lesson is over, or left.
    LeaveLesson,
    /// What is selected: the frames that follow hold what is inside it.
    Watch {
        /// In which timeline.
        timeline: TimelineId,
        /// What.
        focus: Focus,
    },
    /// Which part of time is shown: the frames that follow hold its writes.
    Window {
        /// In which timeline.
        timeline: TimelineId,
        /// Where it begins, in microseconds since the beginning.
        from: u64,
        /// Where it ends.
        to: u64,
    },
    /// Whether time goes on, and how fast.
    Play {
        /// Whether it does.
        playing: bool,
        /// Simulated seconds a second.
        speed: f64,
    },
    /// Whether time slows down by itself while a vote or an order of a failover is on its way.
    SlowDown(bool),
    /// So many real microseconds have gone by.
    Tick {
        /// So many.
        micros: u64,
    },
    /// Go to a moment: microseconds since the beginning. All timelines go there.
    Seek {
        /// Which.
        at: u64,
    },
    /// Go a step forwards or backwards.
    Step(Step),
    /// Do something to the world, now: an action's line (`kill m1`).
    Act {
        /// In which timeline.
        timeline: TimelineId,
        /// The line.
        line: String,
    },
    /// Type a line into a node's terminal.
    Type {
        /// In which timeline.
        timeline: TimelineId,
        /// Whose terminal.
        node: NodeId,
        /// The line.
        line: String,
    },
    /// Begin a second timeline that shares the past of this one and has none of what lies ahead.
    Fork,
    /// Begin a second timeline that is this run, from its beginning, but for one line of a node's configuration.
    WhatIf {
        /// The node's name; `None`: of every server.
        node: Option<String>,
        /// `appendfsync always`
        line: String,
    },
    /// Close a timeline; the other one stays.
    Close {
        /// Which.
        timeline: TimelineId,
    },
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// To the next thing that happens at all: a message arrives, a timer, a disk operation.
    Next,
    /// To the next mark of the timeline.
    Event,
    /// To the last mark before now.
    EventBack,
    /// A millisecond.
    Millisecond,
    /// A millisecond back.
    MillisecondBack,
}

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Focus {
    /// Nothing.
    #[default]
    Nothing,
    /// A node.
    Node {
        /// Which.
        node: NodeId,
        /// The open tab.
        tab: Tab,
    },
    /// A client.
    Client(ClientId),
    /// A message on its way or arrived lately, by its number.
    Message(u64),
    /// The writes that are lost.
    Losses {
        /// Only those that this node was the last to hold.
        by: Option<NodeId>,
    },
}

/// A tab of the inspector of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tab {
    /// What the node knows and why it does what it does.
    State,
    /// Its keys.
    Keys,
    /// Its files.
    Files {
        /// The paths of those that are open.
        open: Vec<String>,
    },
    /// Its log.
    Log,
    /// Its messages.
    Messages,
    /// Its terminal.
    Terminal,
}

/// What a player says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It is ready, and can do this much.
    Ready(Capabilities),
    /// What is to be shown from now on.
    Frame(Box<Frame>),
}

/// What a player can do: what it cannot is not offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Time can be stopped, wound back and forked.
    pub rewind: bool,
    /// Nodes can be broken.
    pub faults: bool,
    /// The lessons that it can play, in the order in which they are to be taken; their files lie beside the page.
    pub lessons: Vec<LessonCard>,
}

/// Everything that the page shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// How many commands the player has taken in: the frame shows what follows from as many.
    pub commands: u64,
    /// Whether time goes on.
    pub playing: bool,
    /// Simulated seconds a second.
    pub speed: f64,
    /// Whether it goes slower than that just now, for the sake of what is on its way.
    pub slowed: bool,
    /// The moment that the player is on its way to, while it takes longer than a frame.
    pub busy: Option<u64>,
    /// The timelines, in the order in which they were opened: one or two.
    pub timelines: Vec<TimelineFrame>,
    /// The lesson that is being played.
    pub lesson: Option<LessonView>,
    /// How the two timelines differ, if there are two; `None`: as in the last frame that had it.
    pub comparison: Option<Comparison>,
    /// What the reader is to know, once.
    pub notices: Vec<Notice>,
}

/// One timeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelineFrame {
    /// Which.
    pub id: TimelineId,
    /// Grows when another run is opened in it: everything is drawn anew.
    pub opened: u64,
    /// The present: microseconds since the beginning.
    pub now: u64,
    /// How far this run was played, or is known to go.
    pub furthest: u64,
    /// What is drawn in the middle.
    pub stage: Stage,
    /// The marks that have come.
    pub marks: Growth<Mark>,
    /// The messages that have arrived.
    pub trail: Growth<Arrived>,
    /// How much of what clients wrote is where.
    pub totals: Places,
    /// The writes of the part of time that is shown; `None`: the same as in the last frame.
    pub band: Option<Band>,
    /// What is selected, from inside; `None`: as in the last frame that had it.
    pub inside: Option<Inside>,
    /// The names of the masters that sentinels watch.
    pub masters: Vec<String>,
    /// The link that opens this run, without its moment; `None`: the same as in the last frame.
    pub link: Option<String>,
    /// The digest of this moment: what a link ends with.
    pub digest: String,
    /// What is different from the scenario that it begins with: lines of configuration.
    pub changes: Vec<String>,
}

/// What the reader is to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// An action in the past has cut off what lay ahead: this link (with its moment) goes back to it.
    Forked {
        /// The way back.
        link: String,
    },
    /// A link can't be opened.
    BadLink {
        /// Why.
        why: String,
    },
    /// What a link has led to is not what was seen where it was made.
    Differs {
        /// The version that it was recorded with.
        recorded: u32,
        /// The version that played it.
        played: u32,
    },
    /// A lesson's file can't be used.
    BadLesson {
        /// Where and why.
        why: String,
    },
    /// An action can't be done.
    BadAction {
        /// Why.
        why: String,
    },
}

/// Bytes that are no command or no event: the other side is of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBytes;

impl core::fmt::Display for BadBytes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("these bytes are none that this version of the page and its player exchange")
    }
}

impl core::error::Error for BadBytes {}

impl Command {
    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Read what has travelled.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBytes> {
        postcard::from_bytes(bytes).map_err(|_| BadBytes)
    }
}

impl Event {
    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Read what has travelled.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBytes> {
        postcard::from_bytes(bytes).map_err(|_| BadBytes)
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;

    #[test]
    fn what_travels_is_what_was_sent() {
        let command = Command::Type {
            timeline: TimelineId(1),
            node: NodeId(2),
            line: "SET k \u{ac00}".into(),
        };
        assert_eq!(Command::from_bytes(&command.to_bytes()), Ok(command));
        let frame = Frame { commands: 3, speed: 0.1, busy: Some(7), ..Frame::default() };
        let event = Event::Frame(Box::new(frame));
        assert_eq!(Event::from_bytes(&event.to_bytes()), Ok(event));
    }

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"\xff", b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01"] {
            assert_eq!(Command::from_bytes(bytes), Err(BadBytes));
        }
        let mut cut = Command::Act { timeline: TimelineId(0), line: "kill m1".into() }.to_bytes();
        cut.pop();
        assert_eq!(Command::from_bytes(&cut), Err(BadBytes));
        assert_eq!(Event::from_bytes(&[9; 9]), Err(BadBytes));
    }
}
