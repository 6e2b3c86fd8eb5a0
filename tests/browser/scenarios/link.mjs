// The address bar holds the run: opened elsewhere it is the same run at the same moment. A link that is broken says so.

import { act, now, open, press, speak, type } from "../person.mjs";

// All that the stage says, to compare two pages.
const stage = (page) => page.locator(".stage svg").textContent();

export default async function ({ page, context, url, shot, check }) {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, url);
  await speak(page, "en");
  for (let n = 0; n < 12; n++) await press(page, "next");
  await type(page, "m1", "SET a 1");
  await act(page, "r1", "kill");
  await press(page, "next");
  await press(page, "copy-link");
  await page.locator(".notice").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  check(link === page.url() && link.includes("#"), `the copied link is the address: ${link}`);

  const other = await context.newPage();
  await open(other, link);
  check((await now(other)) === (await now(page)), "the link leads to the same moment");
  check((await stage(other)) === (await stage(page)), "the link shows the same world");
  await shot(other, "opened-elsewhere");

  const broken = await context.newPage();
  await open(broken, `${url}#not-a-run`);
  await broken.locator(".notice.bad").waitFor();
  await broken.locator("[data-node]").first().waitFor();
  check((await broken.locator("[data-node]").count()) > 0, "a new run stands behind the sentence");
  await shot(broken, "broken");
}
