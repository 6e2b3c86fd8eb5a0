//! Why a node does what it does now, in one sentence, from the state of the world.

use leptos::prelude::Get;
use sim::{
    NodeKind,
    view::{Health, NodeDetails, Role, WatchedMaster},
};

use crate::{store::Store, text::Lang};

/// The sentence.
pub fn of(details: &NodeDetails, store: Store) -> String {
    let lang = store.lang.get();
    match (details.card.health, details.card.kind) {
        (Health::Down, _) => pick(
            lang,
            "프로세스가 없어요. 메모리에 있던 것은 사라졌고, 커널에 넘긴 것은 파일에 남아 있어요.",
            "There is no process. What was in memory is gone; what the kernel was given is in the files.",
        ),
        (Health::Dark, _) => pick(
            lang,
            "전원이 꺼졌어요. fsync된 것만 디스크에 남아 있어요.",
            "There is no electricity. Only what was fsynced is on the disk.",
        ),
        (Health::Paused, _) => pick(
            lang,
            "프로세스가 멈춰 있어요. 연결은 남아 있지만 아무 대답도 하지 않아요.",
            "The process stands still: its connections stay, but it answers nothing.",
        ),
        (Health::Running, NodeKind::Sentinel) => {
            let master = details.sentinel.as_ref().and_then(|sentinel| sentinel.masters.first());
            master.map(|master| sentinel(master, store, lang)).unwrap_or_default()
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

fn sentinel(master: &WatchedMaster, store: Store, lang: Lang) -> String {
    /// A PING a second is answered at once: longer than this says something.
    const NOTABLE_MILLIS: u64 = 1200;
    let who = master.node.map_or(master.address.clone(), |node| store.name_of(node.into()));
    let silent = master.silent_millis.unwrap_or(0);
    let seconds = format!("{:.1}", silent as f64 / 1000.0);
    let (agree, quorum, majority) = (master.agree, master.quorum, master.majority);
    if let Some(state) = &master.failover {
        return pick(
            lang,
            &format!("이 센티널이 리더로서 페일오버를 진행하고 있어요 ({state})."),
            &format!("This sentinel leads a failover ({state})."),
        );
    }
    if master.odown {
        return pick(
            lang,
            &format!(
                "센티널 {agree}대가 {who}의 죽음에 동의해 쿼럼 {quorum}을 채웠어요. 리더가 되려면 {majority}표가 필요해요."
            ),
            &format!(
                "{agree} sentinels agree that {who} is down: the quorum of {quorum} is reached. To lead takes {majority} votes."
            ),
        );
    }
    if master.sdown {
        return pick(
            lang,
            &format!(
                "{who}이(가) {seconds}초째 응답하지 않아 SDOWN으로 봐요. 쿼럼까지 {agree}/{quorum}이에요."
            ),
            &format!(
                "{who} has not answered for {seconds} s, so it is SDOWN here. {agree} of {quorum} agree so far."
            ),
        );
    }
    if silent > NOTABLE_MILLIS {
        return pick(
            lang,
            &format!("{who}이(가) {seconds}초째 응답하지 않아요."),
            &format!("{who} has not answered for {seconds} s."),
        );
    }
    pick(lang, &format!("{who}이(가) 제때 응답하고 있어요."), &format!("{who} answers in time."))
}

fn server(details: &NodeDetails, lang: Lang) -> String {
    if let Some((child, bytes)) = details.children.first() {
        return pick(
            lang,
            &format!(
                "자식이 일하고 있어요: {child}, 지금까지 {bytes}바이트를 썼어요. 그동안에도 명령을 받아요."
            ),
            &format!(
                "A child is at work: {child}, {bytes} bytes so far. Commands are served meanwhile."
            ),
        );
    }
    match (&details.card.role, &details.master, details.replicas.len()) {
        (Some(Role::Replica), Some(master), _) if details.master_link_up => pick(
            lang,
            &format!("{master}의 레플리카예요. 마스터의 쓰기를 그대로 받아 적용해요."),
            &format!("A replica of {master}: it applies the master's writes as they come."),
        ),
        (Some(Role::Replica), master, _) => {
            let master = master.as_deref().unwrap_or("?");
            pick(
                lang,
                &format!(
                    "{master}과(와) 연결이 끊겨 다시 연결하려고 해요. 스스로 승격하지는 않아요."
                ),
                &format!(
                    "It has lost {master} and keeps trying to reach it. It never promotes itself."
                ),
            )
        }
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
