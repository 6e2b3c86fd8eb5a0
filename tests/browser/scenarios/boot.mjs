// Something readable is painted before the WebAssembly has come: what this is, and how far it is; in the reader's language.

export default async function ({ context, url, check, shot }) {
  for (const [locale, words] of [["en-US", "Redis said OK"], ["ko-KR", "Redis는 OK라고"]]) {
    const page = await context.newPage();
    await page.addInitScript((locale) => {
      Object.defineProperty(navigator, "language", { get: () => locale });
    }, locale);
    let deliver;
    const held = new Promise((done) => (deliver = done));
    await page.route("**/*.wasm", async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(url, { waitUntil: "commit" });
    await page.locator("#boot h1", { hasText: words }).waitFor();
    check((await page.locator("#boot h1:visible").count()) === 1, "in one language");
    await page.locator("#boot-size", { hasText: / KB/ }).waitFor();
    await shot(page, locale);
    deliver();
    await page.locator("#boot").waitFor({ state: "detached" });
    await page.close();
  }
}
