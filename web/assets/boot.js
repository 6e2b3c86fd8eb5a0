// Starts the page, shows how far that has come, and says so readably when it cannot: a blank page explains nothing.
// A classic script in the head: language and theme are set before anything is painted.

"use strict";

(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return JSON.parse(localStorage.getItem(`keepsake.${name}`));
    } catch {
      return null; // A private window may refuse.
    }
  };
  const korean = (kept("lang") ?? (navigator.language.startsWith("ko") ? "Ko" : "En")) === "Ko";
  root.lang = korean ? "ko" : "en";
  const theme = kept("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  const parsed = new Promise((done) => document.addEventListener("DOMContentLoaded", done));
  const $ = (id) => document.getElementById(id);
  const kilobytes = (bytes) => `${Math.round(bytes / 1000)} KB`;

  function explain(error) {
    const message = $("boot-message");
    const paragraph = (lang, text) => {
      const line = document.createElement("p");
      line.lang = lang;
      line.textContent = text;
      return line;
    };
    message.setAttribute("role", "alert");
    message.className = "both";
    message.replaceChildren(
      paragraph("en", `The page could not start: ${error}. Reload it; if that does not help, use a current browser with WebAssembly.`),
      paragraph("ko", "페이지를 시작할 수 없어요. 새로 고쳐 보고, 그래도 안 되면 WebAssembly를 지원하는 최신 브라우저를 사용해 주세요."),
    );
  }

  // The response, with its bytes counted as they pass.
  function counted(response, seen) {
    let bytes = 0;
    const count = new TransformStream({
      transform(chunk, out) {
        bytes += chunk.length;
        seen(bytes);
        out.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(count), { headers: { "Content-Type": "application/wasm" } });
  }

  async function start() {
    await parsed;
    if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
    // The two preload links in index.html are where the fingerprinted names stand.
    const script = document.querySelector('link[rel="modulepreload"]').href;
    const wasm = document.querySelector('link[type="application/wasm"]');
    const [all, sent] = [Number(wasm.dataset.bytes), Number(wasm.dataset.sent)];
    const show = (bytes) => {
      $("boot-progress").value = bytes;
      const part = kilobytes((bytes / all) * sent);
      $("boot-size").textContent = korean
        ? `${kilobytes(sent)} 가운데 ${part}를 불러왔어요`
        : `${part} of ${kilobytes(sent)} loaded`;
    };
    show(0);
    const [page, response] = await Promise.all([import(script), fetch(wasm.href)]);
    if (!response.ok) throw new Error(`${response.status} ${response.statusText} for ${wasm.href}`);
    await page.default({ module_or_path: counted(response, show) });
    // For the browser's console: Keepsake.panic() shows what a learner sees if the page breaks.
    globalThis.Keepsake = { panic: page.panic };
    $("boot").remove();
  }

  start().catch((error) => {
    explain(error);
    throw error;
  });
})();
