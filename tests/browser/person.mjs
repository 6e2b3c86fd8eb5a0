// What a person does at the page: click, type, look. Nothing here reaches behind what is on the screen.

// Opens an address and waits until the page shows something.
export async function open(page, url) {
  await page.goto(url);
  await page.locator("#boot").waitFor({ state: "detached" });
  await settled(page);
}

// Waits until what is shown is what follows from all that was asked for: the nodes live in a worker.
export const settled = (page) => page.locator('.page[data-settled="true"]').waitFor();

// Changes to this language ("ko", "en") by the button, if the page is not in it.
export async function speak(page, lang) {
  if ((await page.locator(".page").getAttribute("lang")) !== lang) await press(page, "lang");
  await page.locator(`.page[lang=${lang}]`).waitFor();
}

// Presses one of the page's own buttons.
export async function press(page, what) {
  await page.locator(`[data-do="${what}"]`).click();
  await settled(page);
}

// Selects a node on the stage.
export async function select(page, node) {
  await page.locator(`[data-node="${node}"]`).click();
  await page.locator(".inspect h2", { hasText: node }).waitFor();
  await settled(page);
}

// Begins a lesson: its file is fetched first.
export async function begin(page, name) {
  await page.locator(`[data-lesson="${name}"]`).click();
  await page.locator(".step-count").waitFor();
  await settled(page);
}

// Opens a tab of what is selected.
export async function tab(page, name) {
  await page.locator(`[data-tab="${name}"]`).click();
  await settled(page);
}

// Selects a node and presses a button of a fault: "kill", "restart", "power-cut".
export async function act(page, node, action) {
  await select(page, node);
  await page.locator(`[data-action="${action}"]`).click();
  await settled(page);
}

// Types a line into a node's terminal, as redis-cli takes it.
export async function type(page, node, line) {
  await select(page, node);
  await tab(page, "Terminal");
  const field = page.locator(".prompt input");
  await field.fill(line);
  await field.press("Enter");
  await settled(page);
}

// What a node's terminal shows once it shows `wanted`.
export async function reads(page, wanted) {
  const screen = page.locator(".screen", { hasText: wanted });
  await screen.waitFor();
  return await screen.textContent();
}

// Goes this many simulated seconds on, by the keys of the timeline: that does not depend on the machine's speed.
export async function seconds(page, count) {
  for (let n = 0; n < count; n++) await page.locator(".timeline").first().press("Shift+ArrowRight");
  await settled(page);
}

// Sets how fast time goes: "1/10", "3×".
export const speed = (page, label) => page.locator(".speed select").selectOption({ label });

// Lets time go on until something is seen, then stops it.
export async function playUntil(page, seen) {
  const button = page.locator('[data-do="play"]');
  const playing = async () => (await button.getAttribute("data-playing")) === "true";
  if (!(await playing())) await press(page, "play");
  await seen();
  if (await playing()) await press(page, "play");
}

// The present moment, in microseconds of the run.
export const now = async (page) => Number(await page.locator("[data-now]").getAttribute("data-now"));

// Lets so many microseconds of the run go by, and stops.
export async function playFor(page, micros) {
  const goal = (await now(page)) + micros;
  const reached = (goal) => Number(document.querySelector("[data-now]").dataset.now) >= goal;
  await playUntil(page, () => page.waitForFunction(reached, goal, { timeout: 60_000 }));
}
