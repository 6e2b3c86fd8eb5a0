// The terminals: what redis-cli would print, errors too, and what a sentinel publishes while it carries out a failover.

import { act, open, playFor, playUntil, reads, select, speed, tab, type } from "../person.mjs";

export default async function ({ page, url, shot, check }) {
  await open(page, url);
  await speed(page, "10×");
  // Sentinels learn of the replicas by the first INFO after those have connected.
  await playFor(page, 12_000_000);

  const said = async (line, answer) => {
    await type(page, "m1", line);
    await reads(page, answer);
  };
  await said("SET a 1", "OK");
  await said("INFO replication", "connected_slaves:2");
  await said("BGREWRITEAOF", "Background append only file rewriting started");
  await said("NOSUCH x", "(error) ERR unknown command 'NOSUCH', with args beginning with: 'x'");
  await shot(page, "m1");
  const field = page.locator(".prompt input");
  await field.press("ArrowUp");
  await field.press("ArrowUp");
  check((await field.inputValue()) === "BGREWRITEAOF", "the arrow keys bring earlier lines back");

  await type(page, "s1", "PSUBSCRIBE *");
  await reads(page, "psubscribe");
  await act(page, "m1", "kill");
  await speed(page, "3×");
  await select(page, "s1");
  await tab(page, "Terminal");
  await playUntil(page, () => reads(page, "+switch-master"));
  const events = await reads(page, "+switch-master");
  // Not +odown: a sentinel that does not lead may learn of the new master before it has counted a quorum itself.
  for (const event of ["+sdown", "+new-epoch"]) check(events.includes(event), `${event} is streamed`);
  await shot(page, "s1");
}
