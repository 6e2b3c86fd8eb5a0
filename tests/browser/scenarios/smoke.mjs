// The page starts: WebAssembly under the page's own Content-Security-Policy, and nothing complains.

export default async function ({ page, url, shot, check }) {
  await page.goto(url);
  await page.locator("#boot").waitFor({ state: "detached" });
  check((await page.title()).includes("Keepsake"), "the title names the project");
  check((await page.locator("main").count()) === 1, "the page has mounted");
  await shot(page, "start");
}
