// Opens a notebook in a running JupyterLab, runs all cells from the menu and checks what a reader would see:
// every cell has run, images have pixels, nothing is on stderr and no cell shows an error.
import { chromium } from "playwright-core";

const { LAB_URL, LAB_TOKEN, CHROMIUM, SCREENSHOT } = process.env;
const notebook = process.argv[2];
const minutes = 60_000;

async function answers(url, until) {
  while (Date.now() < until) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // not up yet
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error("JupyterLab did not answer within a minute");
}

// JupyterLab asks a kernel for its state once. Where the kernel has not opened its sockets by then, the state stays
// unknown until the page is loaded again.
async function kernelIsReady(page) {
  const idle = () => page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', { timeout: minutes });
  for (let reloads = 2; reloads > 0; reloads--) {
    try {
      return await idle();
    } catch {
      console.log(`browser: ${notebook}: the kernel's state is unknown after a minute: the page is loaded again`);
      await page.reload();
    }
  }
  return idle();
}

async function check(page) {
  await page.goto(`${LAB_URL}/lab/tree/${notebook}?token=${LAB_TOKEN}&reset`);
  await kernelIsReady(page);
  await page.locator(".jp-Cell").first().click();
  await page.click("#jp-MainMenu >> text=Run");
  await page.click('.lm-Menu >> text="Run All Cells"');

  const prompts = page.locator(".jp-CodeCell .jp-InputPrompt");
  const deadline = Date.now() + 8 * minutes;
  for (;;) {
    if ((await page.locator('[data-mime-type="application/vnd.jupyter.error"]').count()) > 0) {
      throw new Error("a cell failed:\n" + (await page.locator('[data-mime-type="application/vnd.jupyter.error"]').first().textContent()));
    }
    await page.locator(".jp-WindowedPanel-outer").first().evaluate((panel) => panel.scrollTo(0, panel.scrollHeight)).catch(() => {});
    // Cells off the screen are not drawn: they have text, but no inner text, which is what is drawn of it.
    const texts = await prompts.allTextContents();
    if (texts.length > 0 && texts.every((text) => /\[\d+\]/.test(text))) break;
    if (Date.now() > deadline) throw new Error(`cells still run after 8 minutes: ${texts.join(" ")}`);
    await page.waitForTimeout(500);
  }
  await page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', { timeout: minutes });

  const errors = await page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').allTextContents();
  if (errors.length > 0) throw new Error("something is on stderr:\n" + errors.join("\n"));
  const widths = await page.locator(".jp-OutputArea-output img").evaluateAll((images) => images.map((image) => image.naturalWidth));
  if (widths.length === 0) throw new Error("no cell shows an image");
  if (widths.some((width) => width === 0)) throw new Error(`images without pixels: widths ${widths.join(", ")}`);
  return { cells: await prompts.count(), images: widths.length };
}

await answers(`${LAB_URL}/api?token=${LAB_TOKEN}`, Date.now() + minutes);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
const start = Date.now();
let failed = 0;
try {
  const { cells, images } = await check(page);
  console.log(`ok   browser: ${notebook}: ${cells} cells run, ${images} images shown, stderr empty (${Math.round((Date.now() - start) / 1000)} s)`);
} catch (error) {
  console.log(`FAIL browser: ${notebook}: ${error.message}; what was on the screen: ${SCREENSHOT}`);
  failed = 1;
} finally {
  await page.screenshot({ path: SCREENSHOT }).catch(() => {});
  await browser.close();
}
process.exit(failed);
