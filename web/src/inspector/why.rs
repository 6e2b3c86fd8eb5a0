//! Why a node does what it does now, in one sentence, from the state of the world.

use leptos::prelude::Get;
use view::{
    inside::{LinkState, NodeDetails},
    sentinel::{FailoverStep, WatchedMaster},
    stage::{Health, NodeKind, Role},
};

use crate::{model::Timeline, obstacle, text::Lang};

/// The sentence.
pub fn of(details: &NodeDetails, line: Timeline) -> String {
    let lang = line.page.lang.get();
    match (details.card.health, details.card.kind) {
        (Health::Down, _) => pick(
            lang,
            "프로세스가 없어요. 메모리에 있던 것은 사라졌고, 커널에 넘긴 것은 파일에 남아 있어요.",
            "There is no process. What was in memory is gone; what the kernel was given is in the files.",
        ),
        (Health::Unpowered, _) => pick(
            lang,
            "전원이 꺼졌어요. fsync된 것만 디스크에 남아 있어요.",
            "The machine has no power. Only what was fsynced is on the disk.",
        ),
        (Health::Paused, _) => pick(
            lang,
            "프로세스가 멈춰 있어요. 연결은 남아 있지만 아무 대답도 하지 않아요.",
            "The process stands still: its connections stay, but it answers nothing.",
        ),
        (Health::Running, NodeKind::Sentinel) => {
            let master = details.sentinel.as_ref().and_then(|sentinel| sentinel.masters.first());
            master.map(|master| sentinel(master, line, lang)).unwrap_or_default()
        }
        (Health::Running, NodeKind::Server) => server(details, lang),
    }
}

fn pick(lang: Lang, ko: &str, en: &str) -> String {
    match lang {
        Lang::Ko => ko.to_owned(),
        Lang::En => en.to_owned(),
    }
}

fn sentinel(master: &WatchedMaster, line: Timeline, lang: Lang) -> String {
    let who = master.watched.map_or(master.address.clone(), |node| line.name_of(node.into()));
    let silent = master.silent_millis.unwrap_or(0);
    let seconds = format!("{:.1}", silent as f64 / 1000.0);
    if master.failover != FailoverStep::None {
        return leads(master, &who, line, lang);
    }
    if !master.sdown && silent > 0 {
        let ko = format!("{who}: {seconds}초째 응답이 없어요.");
        return pick(lang, &ko, &format!("{who} has not answered for {seconds} s."));
    }
    if !master.sdown {
        let ko = format!("{who}: 제때 응답하고 있어요.");
        return pick(lang, &ko, &format!("{who} answers in time."));
    }
    let (agree, quorum, majority) = (master.agree, master.quorum, master.majority);
    let down = if master.odown {
        pick(
            lang,
            &format!(
                "센티널 {agree}대가 {who}의 다운에 동의해 쿼럼({quorum})을 채웠어요(ODOWN). 페일오버를 이끌려면 {majority}표가 필요해요."
            ),
            &format!(
                "{agree} sentinels agree that {who} is down: the quorum of {quorum} is reached (ODOWN). To lead the failover takes {majority} votes."
            ),
        )
    } else {
        pick(
            lang,
            &format!(
                "{who}: {seconds}초째 응답이 없어서 SDOWN으로 봐요. 동의한 센티널은 {agree}대, 쿼럼: {quorum}."
            ),
            &format!(
                "{who} has not answered for {seconds} s, so it is SDOWN here. {agree} agree so far; the quorum is {quorum}."
            ),
        )
    };
    match master.obstacle {
        Some(obstacle) => format!("{down} {}", obstacle::sentence(obstacle, lang)),
        None => down,
    }
}

/// A sentinel that leads a failover, or wants to.
fn leads(master: &WatchedMaster, who: &str, line: Timeline, lang: Lang) -> String {
    let new = master.promoted.map_or_else(|| "?".to_owned(), |node| line.name_of(node.into()));
    let (votes, majority) = (master.votes, master.majority);
    match master.failover {
        FailoverStep::None | FailoverStep::WaitStart => pick(
            lang,
            &format!(
                "{who}의 페일오버를 이끌려고 표를 모으고 있어요. 지금까지 {votes}표, 필요한 것은 {majority}표예요."
            ),
            &format!(
                "It asks for votes to lead the failover of {who}: {votes} so far, {majority} are needed."
            ),
        ),
        FailoverStep::SelectReplica => pick(
            lang,
            "리더로 뽑혔어요. 승격할 레플리카를 고르고 있어요.",
            "It was elected leader, and chooses the replica to promote.",
        ),
        FailoverStep::SendReplicaofNoOne => pick(
            lang,
            &format!("리더예요. {new}에 REPLICAOF NO ONE을 보내 승격시키려고 해요."),
            &format!("The leader: it is about to promote {new} with REPLICAOF NO ONE."),
        ),
        FailoverStep::WaitPromotion => pick(
            lang,
            &format!("리더예요. {new}의 INFO에 role:master가 나오기를 기다려요."),
            &format!("The leader: it waits for role:master in the INFO of {new}."),
        ),
        FailoverStep::ReconfReplicas => pick(
            lang,
            &format!(
                "리더예요. {new}이(가) 마스터가 되었고, 나머지 레플리카를 거기에 붙이고 있어요. 클라이언트에게는 벌써 {new}을(를) 알려 줘요."
            ),
            &format!(
                "The leader: {new} is a master now, the other replicas are being attached to it, and clients are told of {new} already."
            ),
        ),
        FailoverStep::UpdateConfig => pick(
            lang,
            &format!("리더예요. 페일오버를 마치고 {new}을(를) 새 마스터로 적고 있어요."),
            &format!("The leader: the failover is done, {new} is being noted as the master."),
        ),
    }
}

fn server(details: &NodeDetails, lang: Lang) -> String {
    if let Some(view::inside::ChildView { what: child, bytes }) = details.children.first() {
        return pick(
            lang,
            &format!(
                "자식 프로세스가 작업 중이에요: {child}, 지금까지 {bytes}바이트를 썼어요. 그동안에도 명령을 받아요."
            ),
            &format!(
                "A child is at work: {child}, {bytes} bytes so far. Commands are served meanwhile."
            ),
        );
    }
    match (&details.card.role, &details.master, details.replicas.len()) {
        (Some(Role::Replica), Some(master), _) => replica(&master.name, master.state, lang),
        (_, _, 0) => pick(
            lang,
            "마스터예요. 연결된 레플리카가 없어서 이 노드의 쓰기는 여기에만 있어요.",
            "A master. No replica is connected: its writes are here only.",
        ),
        (_, _, n) => pick(
            lang,
            &format!(
                "마스터예요. 받은 쓰기를 레플리카 {n}대에 흘려보내요. OK는 레플리카를 기다리지 않아요."
            ),
            &format!(
                "A master: it passes its writes on to {n} replicas. OK does not wait for them."
            ),
        ),
    }
}

/// A replica, by how its link is.
fn replica(master: &str, link: LinkState, lang: Lang) -> String {
    match link {
        LinkState::Up => pick(
            lang,
            &format!("{master}의 레플리카예요. 마스터의 쓰기를 그대로 받아 적용해요."),
            &format!("A replica of {master}: it applies the master's writes as they come."),
        ),
        LinkState::Connecting => pick(
            lang,
            &format!("{master}의 레플리카가 되려고 연결하고 있어요. 아직 데이터를 받지 못했어요."),
            &format!("It connects to {master} to become its replica, and has no data of it yet."),
        ),
        LinkState::Syncing => pick(
            lang,
            &format!(
                "{master}의 데이터 전체를 받고 있어요(전체 동기화). 끝나면 스트림을 이어서 받아요."
            ),
            &format!(
                "It receives the whole data set of {master} (a full sync), and will go on with the stream."
            ),
        ),
        LinkState::Lost => pick(
            lang,
            &format!("{master}과(와) 연결이 끊겨 다시 연결하려고 해요. 스스로 승격하지는 않아요."),
            &format!(
                "It has lost {master} and keeps trying to reach it. It never promotes itself."
            ),
        ),
    }
}
