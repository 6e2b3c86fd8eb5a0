// Two timelines side by side: one setting changed from the beginning, or forked off at a moment; what differs is named, both go
// by one clock, and closing one keeps the other.

import { act, now, open, playFor, press, seconds, settled, speak, speed } from "../person.mjs";

export default async function ({ page, url, check, shot }) {
  await open(page, url);
  await speak(page, "en");
  await page.locator('[data-scenario="single"]').click();
  await settled(page);
  await act(page, "m1", "workload");
  await speed(page, "3×");
  await playFor(page, 3_000_000);
  await act(page, "m1", "power-cut");

  await page.locator('[data-do="what-if"]').selectOption("appendfsync always");
  await settled(page);
  const lost = await page.locator(".differences .lost").textContent();
  const [, a, b] = lost.match(/A (\d+) · B (\d+)/).map(Number);
  check(a > 0 && b === 0, `always loses nothing, everysec does: ${lost}`);
  check((await page.locator(".changes", { hasText: "appendfsync always" }).count()) > 0, "the change is named");
  await shot(page, "what-if");
  await close(page, 1);
  check((await page.locator(".stage").count()) === 1, "one timeline is left");

  await page.locator('[data-scenario="sentinel"]').click();
  await settled(page);
  await press(page, "fork");
  const moment = await now(page);
  const stages = page.locator(".stages .in-timeline");
  await stages.nth(1).locator('[data-node="m1"]').click();
  await settled(page);
  await page.locator('[data-action="kill"]').click();
  await settled(page);
  await seconds(page, 8);
  check((await now(page)) === moment + 8_000_000, "both go by one clock");
  const role = (n) => stages.nth(n).locator('[data-node="m1"]').getAttribute("class");
  check((await role(0)).includes("master") && (await role(1)).includes("down"), "only one of them has lost its master");
  const only = page.locator('[data-only="B"]');
  check((await only.textContent()).includes("+switch-master"), "the failover is named as what only B has");
  await shot(page, "fork");
  await only.locator("button", { hasText: "kill m1" }).click();
  await settled(page);
  check((await now(page)) === moment, "an event in the list leads to its moment");
  await close(page, 0);
  check((await page.locator('[data-node="m1"]').getAttribute("class")).includes("down"), "the second one stays");
}

async function close(page, n) {
  await page.locator(".stages [data-do=close-timeline]").nth(n).click();
  await settled(page);
}
