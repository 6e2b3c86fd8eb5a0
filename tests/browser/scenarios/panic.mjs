// A panic is shown over the page, with the link that leads back to the moment: the page is never blank.

import { open, press } from "../person.mjs";

export default async function ({ page, url, shot, check, expectComplaints }) {
  expectComplaints(/panicked|unreachable/);
  await open(page, url);
  for (let n = 0; n < 3; n++) await press(page, "next");
  const link = page.url();
  await page.evaluate(() => {
    try {
      globalThis.Keepsake.panic();
    } catch {
      // The trap that follows a panic in WebAssembly.
    }
  });
  const report = page.locator(".panic[role=alert]");
  await report.waitFor();
  const text = await report.textContent();
  check(text.includes(link), "the report has the link that leads there");
  check(text.includes("Keepsake.panic()"), "the report says what happened");
  await shot(page, "report");
}
