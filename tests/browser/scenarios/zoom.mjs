// The timeline can be zoomed until the slant of a message is seen, by buttons, keys, wheel and two fingers; it follows the present.

import { now, open, playFor, press, speak, speed, type } from "../person.mjs";

export default async function ({ page, context, url, check, shot }) {
  await open(page, url);
  await speak(page, "en");
  const timeline = page.locator(".timeline");
  const shown = async () => ({
    start: Number(await timeline.getAttribute("data-start")),
    span: Number(await timeline.getAttribute("data-span")),
  });
  const present = async (why) => {
    const [{ start, span }, at] = [await shown(), await now(page)];
    check(start <= at && at <= start + span, `${why}: the present (${at}) is in sight (${start} + ${span})`);
  };
  const whole = (await shown()).span;
  await press(page, "zoom-in");
  check((await shown()).span < whole, "the button zooms in");
  await page.locator("h2, .brand").first().click();
  await page.keyboard.press("+");
  const closer = (await shown()).span;
  await page.keyboard.press("-");
  check((await shown()).span > closer, "the keys zoom in and out");
  await page.keyboard.press("0");
  check((await shown()).span === whole, "0 shows all again");

  await timeline.hover({ position: { x: 900, y: 60 } });
  for (let n = 0; n < 30; n++) await page.mouse.wheel(0, -400);
  await page.waitForFunction(() => Number(document.querySelector(".timeline").dataset.span) < 100_000);
  const before = (await shown()).start;
  await page.mouse.wheel(-300, 0);
  await page.waitForFunction((before) => Number(document.querySelector(".timeline").dataset.start) < before, before);
  await press(page, "zoom-fit");

  // Slow time zooms by itself, and then a message is a slanted line.
  await speed(page, "1/100");
  check((await shown()).span < 1_000_000, "where time goes slowly, little of it fills the timeline");
  // A write is passed on to the replicas: there is a message to be seen.
  await type(page, "m1", "SET a 1");
  await playFor(page, 60_000);
  await present("while time goes on");
  const slant = await page.evaluate(longest);
  check(slant > 4, `the longest message is ${slant} px wide`);
  await shot(page, "slant");

  await press(page, "zoom-in");
  await playFor(page, 60_000);
  await present("zoomed in further");
  for (let n = 0; n < 5; n++) await press(page, "back");
  await present("some events back");
  await pinch(page, context, timeline, shown);
}

// Two fingers that move apart.
async function pinch(page, context, timeline, shown) {
  const area = await timeline.boundingBox();
  const session = await context.newCDPSession(page);
  const touch = (type, apart) => {
    const middle = area.x + area.width / 2;
    const points = apart === null ? [] : [middle - apart, middle + apart];
    const touchPoints = points.map((x, id) => ({ x, y: area.y + 40, id }));
    return session.send("Input.dispatchTouchEvent", { type, touchPoints });
  };
  const before = (await shown()).span;
  await touch("touchStart", 50);
  for (const apart of [100, 150, 200]) await touch("touchMove", apart);
  await touch("touchEnd", null);
  await page.waitForFunction((before) => Number(document.querySelector(".timeline").dataset.span) < before, before);
}

// Runs in the page: how wide the widest message in sight is drawn, in pixels.
function longest() {
  const area = document.querySelector(".lanes").getBoundingClientRect();
  let widest = 0;
  for (const group of document.querySelectorAll(".lanes svg svg > g")) {
    const scale = Number(group.getAttribute("transform").match(/matrix\(([^ ]+)/)[1]) * (area.width / 1000);
    for (const path of group.children) {
      for (const [, from, to] of (path.getAttribute("d") ?? "").matchAll(/M(\d+) [\d.]+L(\d+) /g)) {
        widest = Math.max(widest, (to - from) * scale);
      }
    }
  }
  return widest;
}
