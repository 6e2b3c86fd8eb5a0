// Why nothing happens: a master that dies before the sentinels know its replicas is not replaced, and the page says
// why, on the stage and in the sentinel. And while a failover goes on, what it says about a sentinel agrees with itself.

import { act, open, press, seconds, select, settled, speak, tab } from "../person.mjs";

export default async function ({ page, url, check, shot }) {
  await open(page, url);
  await speak(page, "en");
  await page.locator('[data-scenario="sentinel"]').click();
  await settled(page);
  // A sandbox opens when the sentinels have found the replicas: back to before that.
  await press(page, "start");
  await seconds(page, 3);
  await act(page, "m1", "kill");
  check((await page.locator(".stuck").count()) === 0, "as long as nobody sees the master down nothing is stuck");
  await seconds(page, 6);
  await page.locator(".stuck", { hasText: "know of no replica" }).waitFor();
  await select(page, "s1");
  await tab(page, "State");
  await page.locator(".sentence", { hasText: "know of no replica" }).waitFor();
  await shot(page, "no-replica");
  await act(page, "m1", "restart");
  await seconds(page, 12);
  await page.locator(".stuck").waitFor({ state: "detached" });

  await act(page, "m1", "kill");
  await select(page, "s2");
  await seconds(page, 2);
  const promoted = page.locator('.node.master[data-node^="r"]');
  for (let n = 0; n < 150; n++) {
    await press(page, "next");
    const seen = await page.evaluate(() => ({
      sentinels: [...document.querySelectorAll(".node.sentinel .word")].map((word) => word.textContent),
      sentence: document.querySelector(".sentence").textContent,
      quorum: document.querySelector(".meters .mono").textContent,
    }));
    for (const word of seen.sentinels) {
      check(!/[SO]DOWN/.test(word) || word.startsWith("m1 "), `only m1 is down, but a sentinel says ${word}`);
    }
    const calm = seen.sentence.includes("answers in time");
    check(!calm || seen.quorum.startsWith("0/"), `"${seen.sentence}" beside a quorum of ${seen.quorum}`);
    const over = !seen.sentinels.some((word) => word.includes("DOWN"));
    if (over && (await promoted.count()) === 1) return;
  }
  throw new Error("the failover does not end");
}
