// The page starts: WebAssembly under the page's own Content-Security-Policy, and nothing complains.

import { open } from "../person.mjs";

export default async function ({ page, url, shot, check }) {
  await open(page, url);
  check((await page.title()).includes("Keepsake"), "the title names the project");
  check((await page.locator("main").count()) === 1, "the page has mounted");
  await shot(page, "start");
}
