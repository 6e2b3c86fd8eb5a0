// A hostile page tries to write into the nodes of its reader's machine, in every way in which a page can make
// Chromium send bytes to a port. ARGUMENTS: the ports. The test that plays this looks at the nodes afterwards.

import { createServer } from "node:http";

export default async function ({ page, args, check, expectComplaints }) {
  // The ports answer no HTTP: every attempt ends in an error, and is meant to.
  expectComplaints(/ERR_|WebSocket connection|request failed|Failed to load/);
  // From a server of its own: our page's Content Security Policy would forbid all of it.
  const hostile = createServer((_, answer) => answer.end("<!doctype html><title>hostile</title>"));
  await new Promise((listening) => hostile.listen(0, "127.0.0.1", listening));
  await page.goto(`http://127.0.0.1:${hostile.address().port}/`);
  for (const port of args) {
    const tried = await page.evaluate(async (port) => {
      const target = `http://127.0.0.1:${port}/`;
      const body = "\r\nSET pwned 1\r\nSET pwned 2\r\n";
      const soon = () => AbortSignal.timeout(3000);
      const ways = {
        post: () => fetch(target, { method: "POST", mode: "no-cors", body, signal: soon() }),
        query: () => fetch(`${target}?SET%20pwned%201`, { mode: "no-cors", signal: soon() }),
        beacon: async () => navigator.sendBeacon(target, body),
        form: () =>
          new Promise((done) => {
            const frame = document.createElement("iframe");
            frame.name = "sink";
            const form = document.createElement("form");
            Object.assign(form, { action: target, method: "POST", enctype: "text/plain", target: "sink" });
            const field = document.createElement("textarea");
            Object.assign(field, { name: "\r\nSET pwned 1\r\n", value: body });
            form.append(field);
            document.body.append(frame, form);
            frame.onload = done;
            setTimeout(done, 1000);
            form.submit();
          }),
        socket: () =>
          new Promise((done) => {
            const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
            socket.onclose = socket.onerror = done;
          }),
      };
      let count = 0;
      for (const attempt of Object.values(ways)) {
        await attempt().catch(() => {});
        count += 1;
      }
      return count;
    }, port);
    check(tried === 5, `${tried} attempts on port ${port}`);
  }
  hostile.closeAllConnections();
  hostile.close();
}
