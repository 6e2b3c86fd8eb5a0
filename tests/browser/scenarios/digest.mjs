// Plays the runs of links in the browser's WebAssembly: prints the digest of each and how long that took.
// Arguments: link, seconds, link, seconds, …

export default async function ({ page, url, args }) {
  await page.goto(url);
  await page.locator("#boot").waitFor({ state: "detached" });
  for (let n = 0; n < args.length; n += 2) {
    const played = await page.evaluate(async ([link, seconds]) => {
      const start = performance.now();
      const digest = await Keepsake.digestOf(link, Number(seconds));
      return { digest, milliseconds: performance.now() - start };
    }, args.slice(n, n + 2));
    console.log(`digest ${played.digest}`);
    console.log(`took ${played.milliseconds.toFixed(1)}`);
  }
}
