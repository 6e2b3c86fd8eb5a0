// The picture in README.md: the middle of a failover, with messages on their way. `cargo xtask picture` takes it.

import { act, begin, open, press, select, settled, speak, tab } from "../person.mjs";

const MANY = 3;

export default async function ({ page, url, shot, check }) {
  await page.emulateMedia({ colorScheme: "light" });
  await open(page, url);
  await speak(page, "en");
  await begin(page, "failover");
  await act(page, "m1", "workload");
  // By keys, not by the clock: the picture is the same whenever it is taken.
  const timeline = page.locator(".timeline");
  for (let n = 0; n < 2; n++) await timeline.press("Shift+ArrowRight");
  await settled(page);
  // Up to the vote, as "Show solution" plays it.
  for (let n = 0; n < 4; n++) {
    await press(page, "solution");
    await page.locator('.task[data-done="true"]').waitFor();
    await press(page, "next-step");
  }
  const voted = () => page.locator(".mark", { hasText: "+vote-for-leader" }).count();
  for (let n = 0; n < 40 && (await voted()) === 0; n++) await press(page, "next");
  check((await voted()) > 0, "sentinels vote");
  // A moment later, when what they say to each other is half-way.
  while (Number(await timeline.getAttribute("data-span")) > 10_000) await press(page, "zoom-in");
  const flying = () => page.locator(".message").count();
  for (let n = 0; n < 600 && (await flying()) < MANY; n++) await press(page, "step");
  check((await flying()) >= MANY, `${MANY} messages are on their way`);
  await timeline.press("ArrowRight");
  await settled(page);
  for (let n = 0; n < 2; n++) await press(page, "zoom-out");
  const vote = await page.locator(".node.sentinel .fact", { hasText: "→" }).first().textContent();
  await select(page, vote.match(/→ (s\d)/)[1]);
  await tab(page, "State");
  await page.mouse.move(0, 0);
  await shot(page, "page");
}
