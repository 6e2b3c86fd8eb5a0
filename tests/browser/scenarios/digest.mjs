// Plays the run of a link in the browser's WebAssembly: prints its digest and how long that took.

export default async function ({ page, url, args: [link, seconds] }) {
  await page.goto(url);
  await page.locator("#boot").waitFor({ state: "detached" });
  const played = await page.evaluate(async ([link, seconds]) => {
    const start = performance.now();
    const digest = await Keepsake.digestOf(link, Number(seconds));
    return { digest, milliseconds: performance.now() - start };
  }, [link, seconds]);
  console.log(`digest ${played.digest}`);
  console.log(`took ${played.milliseconds.toFixed(1)}`);
}
