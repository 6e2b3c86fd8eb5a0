// Every text can be read: a contrast of 4.5 : 1 or better (WCAG AA), in light and dark, wherever a learner comes.

import { act, begin, open, playFor, press, select, speak, tab, type } from "../person.mjs";

const LEAST = 4.5;

export default async function ({ page, url, shot, check }) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await open(page, url);
    await speak(page, "en");
    const poor = new Set();
    const look = async (where) => {
      for (const one of await page.evaluate(measure, LEAST)) poor.add(`${where}: ${one}`);
    };
    await look("the start");
    await act(page, "m1", "workload");
    await playFor(page, 500_000);
    await select(page, "m1");
    await tab(page, "Files");
    await page.locator(".file-name").first().click();
    await look("files");
    await tab(page, "Keys");
    await look("keys");
    await act(page, "r1", "power-cut");
    await act(page, "m1", "kill");
    await shot(page, `dead-${colorScheme}`);
    await look("a dead node");
    await playFor(page, 3_300_000);
    await type(page, "s1", "NOSUCH");
    await look("a terminal");
    await tab(page, "State");
    await look("a failover");
    await tab(page, "Messages");
    await look("messages");
    await page.locator(".message-list button").first().click();
    await look("a message");
    await page.keyboard.press("?");
    await page.locator(".help").waitFor();
    await look("the help");
    await page.keyboard.press("Escape");
    await begin(page, "failover");
    await press(page, "solution");
    await press(page, "next-step");
    await press(page, "hint");
    await page.locator(".choice").first().click();
    await look("a step");
    check(poor.size === 0, `${colorScheme}: too little contrast\n${[...poor].join("\n")}`);
  }
}

// Runs in the page: what is seen as text, against the worst of the grounds that it may stand on.
function measure(least) {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, n) => c * a + under[n] * (1 - a));
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((x, y) => y - x);
    return (x + 0.05) / (y + 0.05);
  };
  const token = (name) => {
    const probe = document.createElement("i");
    probe.className = "probe";
    probe.style.setProperty("color", `var(${name})`);
    document.body.append(probe);
    const colour = rgba(getComputedStyle(probe).color);
    probe.remove();
    return colour;
  };
  const grounds = [token("--panel"), token("--bg")];
  const ancestors = (element) => {
    const all = [];
    for (let one = element; one; one = one.parentElement) all.push(one);
    return all;
  };
  const ground = (all) => {
    const layers = all.map((one) => rgba(getComputedStyle(one).backgroundColor)).filter(([, , , a]) => a > 0);
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const all = ancestors(element);
    const drawn = element instanceof SVGElement;
    if (!text || ["SCRIPT", "STYLE", "title"].includes(element.tagName)) continue;
    if (!element.checkVisibility({ visibilityProperty: true }) || all.some((one) => one.disabled || one.classList.contains("sr"))) continue;
    const style = getComputedStyle(element);
    const opacity = all.reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1);
    const [r, g, b, a] = rgba(drawn ? style.fill : style.color);
    const on = drawn ? grounds : [ground(all)];
    const worst = Math.min(...on.map((under) => ratio(over([r, g, b, a * opacity], under), under.slice(0, 3))));
    if (worst < least) poor.push(`${worst.toFixed(2)} "${text.slice(0, 40)}" (${element.tagName}.${element.getAttribute("class")})`);
  }
  return poor;
}
