// What is to be done stays in sight: in every step of every walkthrough, on every usual screen, without scrolling.

import { begin, open, press, speak } from "../person.mjs";

const SIZES = [[1440, 900], [1366, 768], [1280, 720], [1024, 768]];
const LESSONS = ["failover", "aof-rewrite"];

export default async function ({ page, url, shot, check }) {
  for (const name of LESSONS) {
    for (const lang of ["en", "ko"]) {
      await open(page, url);
      await speak(page, lang);
      await begin(page, name);
      const count = page.locator(".step-count");
      const steps = Number((await count.textContent()).split("/").at(-1));
      for (let n = 1; n <= steps; n++) {
        await count.filter({ hasText: ` ${n} / ${steps}` }).waitFor();
        for (const [width, height] of SIZES) {
          await page.setViewportSize({ width, height });
          for (const what of [".task", '[data-do="next-step"]']) {
            const box = await page.locator(what).boundingBox();
            const seen = box && box.y >= 0 && box.y + box.height <= height && box.x + box.width <= width;
            if (!seen) await shot(page, `hidden-${width}`);
            check(seen, `${name}, step ${n} (${lang}), ${width}×${height}: ${what} is out of sight`);
          }
          if (n === 1) await shot(page, `${lang}-${name}-${width}`);
        }
        await press(page, "solution");
        await page.locator('.task[data-done="true"]').waitFor();
        await press(page, "next-step");
      }
    }
  }
}
