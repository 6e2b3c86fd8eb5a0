// The ledger: what a power cut took is counted, stays counted, and is told write by write; a click leads to the moment.

import { act, now, open, select, settled, speak } from "../person.mjs";

export default async function ({ page, url, check, shot }) {
  await open(page, url);
  await speak(page, "en");
  await page.locator('[data-scenario="single"]').click();
  await settled(page);
  const seconds = async (count) => {
    for (let n = 0; n < count; n++) await page.locator(".timeline").press("Shift+ArrowRight");
    await settled(page);
  };
  await act(page, "m1", "workload");
  await seconds(5);
  check((await page.locator(".band .column").count()) > 3, "the band has columns where writes were");
  await act(page, "m1", "power-cut");
  const button = page.locator('.band [data-losses="all"]');
  await button.waitFor();
  const lost = Number((await button.textContent()).match(/\d+/)[0]);
  check(lost > 0, "something is lost");
  const card = await page.locator('[data-node="m1"] .loss').textContent();
  check(card.includes(`× ${lost} `), `the card says "${card}", the band ${lost}`);

  await act(page, "m1", "restart");
  await seconds(20);
  check(Number((await button.textContent()).match(/\d+/)[0]) === lost, "a loss stays one, whatever is written later");
  await button.click();
  await page.locator(".inspect h2", { hasText: `Lost writes × ${lost}` }).waitFor();
  await settled(page);
  check((await page.locator(".writes li").count()) === Math.min(lost, 200), "each of them is listed");
  const stories = await page.locator(".writes .story").allTextContents();
  check(stories.length === Math.min(lost, 200), "and each has its sentence");
  for (const story of stories) check(story.includes("lost power") && story.includes("appendfsync everysec"), story);
  await shot(page, "losses");
  await speak(page, "ko");
  await page.locator(".writes .story", { hasText: "전원이 끊길 때" }).first().waitFor();
  await shot(page, "losses-ko");
  await speak(page, "en");

  const link = page.locator(".writes [data-moment]").first();
  const moment = Number(await link.getAttribute("data-moment"));
  await link.click();
  await settled(page);
  check((await now(page)) === moment, `the click leads to ${moment}, not to ${await now(page)}`);

  // A replica has its writes in its own files.
  await page.locator('[data-scenario="replicated"]').click();
  await settled(page);
  await seconds(3);
  await act(page, "m1", "workload");
  await seconds(4);
  for (const node of ["m1", "r1", "r2"]) {
    await page.locator(`[data-node="${node}"] .cell.disk`).waitFor();
  }
  await select(page, "r1");
  await shot(page, "replicas");
}
