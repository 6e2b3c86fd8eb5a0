// Time: wound back, the world is as it was; acting in the past begins another timeline, and the old one can be had back.

import { now, open, playFor, press, select, settled, tab, type } from "../person.mjs";

export default async function ({ page, url, shot, check }) {
  await open(page, url);
  await page.locator('[data-scenario="single"]').click();
  await settled(page);
  await playFor(page, 1_500_000);
  await type(page, "m1", "SET a first");
  await playFor(page, 1_500_000);
  await type(page, "m1", "SET a second");
  await tab(page, "Keys");
  const value = (text) => page.locator(".body td", { hasText: text }).waitFor();
  await value("second");
  const end = await now(page);

  const timeline = page.locator(".timeline");
  const titles = await page.locator(".mark").evaluateAll((marks) => marks.map((mark) => mark.title));
  check(new Set(titles).size === titles.length, `each happening has one mark: ${titles.join(", ")}`);
  await timeline.focus();
  await timeline.press("Shift+ArrowLeft");
  await settled(page);
  check((await now(page)) === end - 1_000_000, "shift and an arrow key go back a second");
  await value("first");
  await timeline.press("End");
  await settled(page);
  await value("second");
  const area = await timeline.boundingBox();
  await page.mouse.click(area.x + area.width * 0.12, area.y + area.height / 2);
  await settled(page);
  check((await now(page)) < 1_500_000, "a click goes where it points to");
  check((await page.locator(".body td").count()) === 0, "there was no key yet");

  await type(page, "m1", "SET b other");
  await tab(page, "Keys");
  await value("other");
  await shot(page, "forked");
  await press(page, "undo");
  check((await now(page)) === end, "the old timeline is back, at its end");
  await select(page, "m1");
  await tab(page, "Keys");
  await value("second");
}
