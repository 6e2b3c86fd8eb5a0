//! A panic is shown over the page, with the link that leads back to the moment: the page is never blank.

/// From now on a panic is logged to the console and shown over the page.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        report(&info.to_string());
    }));
}

/// Show that the page, or what plays for it, can't go on. Plain DOM calls: after a panic no framework can be relied upon.
pub fn report(what: &str) {
    let Some(window) = web_sys::window() else { return };
    let Some(document) = window.document() else { return };
    let Some(body) = document.body() else { return };
    let link = window.location().href().unwrap_or_default();
    let element = |name: &str, text: &str| {
        let element = document.create_element(name).ok()?;
        element.set_text_content(Some(text));
        Some(element)
    };
    let Some(report) = element("div", "") else { return };
    report.set_class_name("panic");
    let _ = report.set_attribute("role", "alert");
    let lines = [
        ("h1", "페이지가 멈췄어요 / The page has stopped".to_owned()),
        (
            "p",
            "이 링크를 열면 같은 실행이 처음부터 재현돼요. 오류를 알려 주실 때 함께 보내 주세요."
                .to_owned(),
        ),
        ("p", "This link replays the same run. Please send it with your report.".to_owned()),
        ("pre", link),
        ("pre", what.to_owned()),
    ];
    for (name, text) in lines {
        if let Some(line) = element(name, &text) {
            let _ = report.append_child(&line);
        }
    }
    let _ = body.append_child(&report);
}
