// Plays one scenario in Debian's Chromium: node run.mjs NAME URL [ARGUMENT…]
//
// A scenario is a file in scenarios/ whose default export gets { page, url, args, shot, check, … }
// (see below). Whatever the page writes to the console as an error or a warning, every uncaught error,
// every request that fails: each is a failure, whatever the scenario itself says.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [name, url, ...args] = process.argv.slice(2);
const artefacts = process.env.KEEPSAKE_ARTEFACTS ?? "artefacts";
const executable = process.env.KEEPSAKE_CHROMIUM ?? "/usr/bin/chromium";

const { default: play, options = {} } = await import(`./scenarios/${name}.mjs`);
const profile = await mkdtemp(join(tmpdir(), "keepsake-chromium-"));
const complaints = [];
const expected = [];
let context;
try {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    headless: true,
    viewport: { width: 1440, height: 900 },
    ...options,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  // Generous: a machine that is busy with other tests is slow, not wrong.
  context.setDefaultTimeout(60_000);
  context.on("page", watch);
  const page = context.pages()[0] ?? (await context.newPage());
  watch(page);
  await play({ page, context, url, args, shot, check, expectComplaints });
  for (const pattern of expected) {
    const at = complaints.findIndex((complaint) => pattern.test(complaint));
    check(at >= 0, `nothing complained about ${pattern}`);
    complaints.splice(0, complaints.length, ...complaints.filter((it) => !pattern.test(it)));
  }
} catch (error) {
  complaints.push(error.stack ?? String(error));
  await shot(context?.pages().at(-1), "failed").catch(() => {});
} finally {
  await context?.close();
  await rm(profile, { recursive: true, force: true });
}
for (const complaint of complaints) console.error(`${name}: ${complaint}`);
process.exit(complaints.length === 0 ? 0 : 1);

// Complaints of the page, each of which fails the scenario.
function watch(page) {
  if (page.watched) return;
  page.watched = true;
  page.on("console", (message) => {
    const type = message.type();
    if (type === "error" || type === "warning") {
      complaints.push(`console ${type}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack ?? error}`));
  page.on("requestfailed", (request) => {
    complaints.push(`request failed: ${request.url()} ${request.failure()?.errorText}`);
  });
}

// A picture of the page, kept as artefacts/SCENARIO-WHAT.png.
async function shot(page, what) {
  await mkdir(artefacts, { recursive: true });
  await page.screenshot({ path: join(artefacts, `${name}-${what}.png`) });
}

// Fails the scenario with `what` unless `truth` holds.
function check(truth, what) {
  if (!truth) throw new Error(what);
}

// For a scenario in which the page is meant to complain: at least one complaint matches.
function expectComplaints(pattern) {
  expected.push(pattern);
}
