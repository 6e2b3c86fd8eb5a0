// A message that was opened can be closed: what was open before it is there again, with its tab.

import { act, open, press, select, speak, tab } from "../person.mjs";

export default async function ({ page, url, check, shot }) {
  await open(page, url);
  await speak(page, "en");
  await select(page, "s1");
  await tab(page, "Messages");
  const title = (text) => page.locator(".inspect h2", { hasText: text }).waitFor();
  const listed = page.locator(".message-list button").first();
  const openMessage = async () => {
    await listed.click();
    await title("→");
    check((await page.locator(".dump").count()) > 0, "the bytes of the message are shown");
  };
  await openMessage();
  await shot(page, "open");
  check((await page.locator('[data-do="close-message"]').textContent()).includes("s1"), "the way back has a name");
  await press(page, "close-message");
  await title("s1");
  await listed.waitFor();
  check((await page.locator('[data-tab="Messages"]').getAttribute("aria-selected")) === "true", "the same tab is open");
  await openMessage();
  await page.keyboard.press("Escape");
  await title("s1");

  // One that is on its way, opened on the stage by keyboard.
  await act(page, "m1", "workload");
  await select(page, "r1");
  const flying = page.locator(".message");
  for (let n = 0; n < 40 && (await flying.count()) === 0; n++) await press(page, "step");
  await flying.first().focus();
  await page.keyboard.press("Enter");
  await title("→");
  await page.keyboard.press("Escape");
  await title("r1");
}
