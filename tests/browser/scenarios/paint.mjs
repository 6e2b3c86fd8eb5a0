// How long until something is seen, and until the page has mounted: printed, not judged.

export default async function ({ page, url }) {
  await page.goto(url);
  await page.locator("#boot").waitFor({ state: "detached" });
  const seen = await page.evaluate(async () => {
    const paint = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    while (paint() === undefined) await new Promise(requestAnimationFrame);
    return { paint: paint(), mounted: performance.now() };
  });
  console.log(`paint ${seen.paint.toFixed(1)}`);
  console.log(`mounted ${seen.mounted.toFixed(1)}`);
}
