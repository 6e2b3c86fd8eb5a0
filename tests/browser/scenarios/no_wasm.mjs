// Where WebAssembly cannot start, the page says so in words instead of staying blank.

export default async function ({ page, url, shot, check, expectComplaints }) {
  expectComplaints(/no WebAssembly/);
  await page.addInitScript(() => {
    delete globalThis.WebAssembly;
  });
  await page.goto(url);
  const message = page.getByRole("alert");
  await message.waitFor();
  check((await message.textContent()).includes("no WebAssembly"), "the reason is shown");
  check((await message.locator("[lang=ko]").count()) === 1, "it is said in Korean too");
  await shot(page, "message");
}
