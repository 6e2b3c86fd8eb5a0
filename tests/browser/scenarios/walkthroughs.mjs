// Both walkthroughs, in both languages, from the first step to the last, as a learner plays them: by clicks and keys alone.
// "Show solution" is never pressed: what a step asks for can be done by a person.

import { act, begin, open, playUntil, press, speak, speed, type } from "../person.mjs";

// What each step takes; a function that does nothing waits for time to bring the goal.
const watch = () => {};
const WALKTHROUGHS = {
  failover: [
    (page) => type(page, "m1", "SET greeting hello"),
    (page) => act(page, "m1", "kill"),
    watch, // +sdown
    watch, // +odown
    watch, // +elected-leader
    watch, // +switch-master
    (page) => type(page, "s1", "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster"),
    (page) => act(page, "m1", "restart"),
    (page) => type(page, "m1", "SET greeting again"),
  ],
  "aof-rewrite": [
    (page) => type(page, "m1", "SET page home"),
    (page) => type(page, "m1", "100 INCR counter"),
    (page) => type(page, "m1", "BGREWRITEAOF"),
    async (page) => {
      await act(page, "m1", "kill");
      await act(page, "m1", "restart");
    },
    async (page) => {
      await type(page, "m1", "BGREWRITEAOF");
      await act(page, "m1", "power-cut");
      await act(page, "m1", "restart");
    },
  ],
};

export default async function ({ page, url, args, shot, check }) {
  for (const lang of ["ko", "en"]) {
    for (const [name, steps] of Object.entries(WALKTHROUGHS)) {
      if (args.length > 0 && !args.includes(name)) continue;
      await open(page, url);
      await speak(page, lang);
      await begin(page, name);
      for (const [n, step] of steps.entries()) {
        const count = page.locator(".step-count", { hasText: ` ${n + 1} / ${steps.length}` });
        await count.waitFor();
        // A step may want time to go slowly, for a learner's eyes.
        await speed(page, "3×");
        const choices = page.locator(".choice");
        if ((await choices.count()) > 0) {
          await choices.first().click();
          await page.locator(".why").waitFor();
        }
        await step(page);
        const done = page.locator('.task[data-done="true"]');
        await playUntil(page, () => done.waitFor({ timeout: 60_000 }));
        await shot(page, `${lang}-${name}-${n + 1}`);
        await press(page, "next-step");
      }
      await page.locator("[data-ended]").waitFor();
      check((await page.locator(".learnt li").count()) === steps.length, "what was learnt is listed");
      await shot(page, `${lang}-${name}-end`);
      await press(page, "leave");
      await page.locator("[data-lesson]").first().waitFor();
    }
  }
}
