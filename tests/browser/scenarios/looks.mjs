// Pictures to look at: a failover half-way, in light and dark, wide and narrow, Korean and English. Nothing may stick out.

import { act, open, playFor, playUntil, reads, select, speak, speed, tab, type } from "../person.mjs";

const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 420, height: 900 } };

export default async function ({ page, context, url, shot, check }) {
  await open(page, url);
  await speed(page, "10×");
  await playFor(page, 12_000_000);
  await act(page, "m1", "workload");
  await speed(page, "1×");
  await playFor(page, 1_000_000);
  await type(page, "s1", "PSUBSCRIBE *");
  await act(page, "m1", "kill");
  await select(page, "s1");
  await tab(page, "Terminal");
  await playUntil(page, () => reads(page, "+odown"));
  const link = page.url();

  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const looked = await context.newPage();
      await looked.setViewportSize(viewport);
      await looked.emulateMedia({ colorScheme });
      await open(looked, link);
      await select(looked, "s1");
      await tab(looked, "State");
      for (const lang of ["ko", "en"]) {
        await speak(looked, lang);
        const out = await looked.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(out <= 0, `the page is ${out} px wider than a ${size} window`);
        await shot(looked, `${size}-${colorScheme}-${lang}`);
      }
      await looked.close();
    }
  }
}
