// Starts the page, and says so readably when it cannot: a blank page explains nothing.

const boot = document.getElementById("boot");
const message = document.getElementById("boot-message");

function explain(error) {
  boot.setAttribute("role", "alert");
  message.textContent =
    `The page could not start: ${error}. Reload it; if that does not help, use a current browser with WebAssembly.`;
  const korean = document.createElement("p");
  korean.lang = "ko";
  korean.textContent =
    "페이지를 시작할 수 없습니다. 새로 고쳐 보고, 그래도 안 되면 WebAssembly를 지원하는 최신 브라우저를 사용하세요.";
  boot.append(korean);
}

try {
  if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
  // The two preload links in index.html are where the fingerprinted names stand.
  const script = document.querySelector('link[rel="modulepreload"]').href;
  const wasm = document.querySelector('link[type="application/wasm"]').href;
  const page = await import(script);
  await page.default({ module_or_path: wasm });
  // For the browser's console: Keepsake.panic() shows what a learner sees if the page breaks.
  globalThis.Keepsake = { panic: page.panic };
  boot.remove();
} catch (error) {
  explain(error);
  throw error;
}
