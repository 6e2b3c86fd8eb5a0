// Starts the page, shows how far that has come, and says so readably when it cannot: a blank page explains nothing.
// A classic script in the head: language and theme are set before anything is painted.

"use strict";

(() => {
  const root = document.documentElement;
  const names = document.currentScript.dataset;
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

  // The worker that plays the nodes is begun first: it has more to load than the page has.
  function begin() {
    if (typeof Worker !== "function") throw new Error("this browser has no Web Workers");
    const query = new URLSearchParams({ script: `./${names.player}`, wasm: `./${names.playerWasm}` });
    const worker = new Worker(`${names.worker}?${query}`, { type: "module" });
    worker.addEventListener("error", async (event) => {
      await parsed;
      // What breaks later is reported by the page itself.
      if ($("boot")) explain(event.message ?? "its worker could not be loaded");
    });
    return worker;
  }

  // Ask the worker for one of its functions, from the browser's console or a test.
  let asked = 0;
  function ask(worker, name, args) {
    const number = ++asked;
    return new Promise((done, failed) => {
      worker.addEventListener("message", function answer({ data }) {
        if (data?.answer !== number) return;
        worker.removeEventListener("message", answer);
        if ("error" in data) failed(new Error(data.error));
        else done(data.value);
      });
      worker.postMessage({ ask: number, name, args });
    });
  }

  async function start() {
    if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
    const worker = begin();
    await parsed;
    // The two preload links in index.html are where the page's own fingerprinted names stand.
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
    page.start(worker);
    // For the browser's console: what a learner sees if the page or its worker breaks; and the digest of a run.
    globalThis.Keepsake = {
      panic: page.panic,
      panicWorker: () => ask(worker, "panic", []),
      digestOf: (link, seconds) => ask(worker, "digest_of", [link, seconds]),
    };
    $("boot").remove();
  }

  start().catch(async (error) => {
    await parsed;
    explain(error);
    throw error;
  });
})();
