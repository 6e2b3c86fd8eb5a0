// By keys alone: from the list of walkthroughs through its first step; the stage, the tabs, the terminal, time and the help.
// With reduced motion (prefers-reduced-motion) nothing glides.

import { now, open, settled, speak } from "../person.mjs";

export default async function ({ page, url, check, shot }) {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, url);
  await speak(page, "en");
  await page.evaluate(() => document.activeElement?.blur());
  const focused = (selector) => page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector);
  const reach = async (selector) => {
    for (let n = 0; n < 80; n++) {
      await page.keyboard.press("Tab");
      if (await focused(selector)) {
        check(await page.evaluate(marked), `one sees that ${selector} has the focus`);
        return;
      }
    }
    throw new Error(`the Tab key does not reach ${selector}`);
  };
  await reach('[data-lesson="failover"]');
  await page.keyboard.press("Enter");
  await page.locator(".task").waitFor();
  await reach('[data-node="m1"]');
  await page.keyboard.press("Enter");
  await reach('[role="tab"]');
  check((await page.locator('[role="tab"][tabindex="0"]').count()) === 1, "the tabs are one stop");
  await page.keyboard.press("End");
  check(await focused('[data-tab="Terminal"]'), "End goes to the last tab");
  await reach(".prompt input");
  await page.keyboard.type("SET greeting hello");
  await page.keyboard.press("Enter");
  await page.locator('.task[data-done="true"]').waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await reach('[data-do="next-step"]');
  await page.keyboard.press("Enter");
  await page.locator(".step-count", { hasText: "2 / 9" }).waitFor();
  await reach(".timeline");
  const before = await now(page);
  await page.keyboard.press("ArrowLeft");
  await settled(page);
  check((await now(page)) < before, "an arrow key goes back in time");
  await page.keyboard.press(" ");
  await page.locator('[data-playing="true"]').waitFor();
  await page.keyboard.press(" ");
  await page.locator('[data-playing="false"]').waitFor();

  await page.keyboard.press("?");
  await page.locator(".help").waitFor();
  check(await focused(".help button"), "the help takes the focus");
  await page.keyboard.press("Escape");
  await page.locator(".help").waitFor({ state: "detached" });
  check(await focused(".timeline"), "the help gives the focus back");
  await shot(page, "end");
  const moving = await page.evaluate(() => document.getAnimations().length);
  check(moving === 0, `${moving} animations`);
}

// Runs in the page: whether the focused element is marked as such.
function marked() {
  const element = document.activeElement;
  const drawn = element.closest("label.button, .prompt") ?? element.querySelector?.(".shape") ?? element;
  const style = getComputedStyle(drawn);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return ring || parseFloat(style.strokeWidth) > 4 || drawn.matches(".prompt");
}
