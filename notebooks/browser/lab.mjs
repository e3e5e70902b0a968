// Opens notebooks in a running JupyterLab, runs all cells from the menu and checks what a reader would see: every cell
// has run, images have pixels, nothing is on stderr and no cell shows an error. Sliders are moved until the picture
// changes. With --training it interrupts a training, goes on with it, and loads the page anew in the middle.
import { chromium } from "playwright-core";

const { LAB_URL, LAB_TOKEN, CHROMIUM, SCREENSHOTS } = process.env;
const training = process.argv.includes("--training");
const notebooks = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const seconds = 1000;
const minutes = 60 * seconds;
const errors = '[data-mime-type="application/vnd.jupyter.error"]';

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

// Waits until question() is true, and returns how long that took.
async function until(what, limit, question) {
  const start = Date.now();
  while (!(await question())) {
    if (Date.now() - start > limit) throw new Error(`${what}: not within ${limit / seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return Date.now() - start;
}

// Ends all kernels.
async function shutDown() {
  const headers = { Authorization: `token ${LAB_TOKEN}` };
  const sessions = await (await fetch(`${LAB_URL}/api/sessions`, { headers })).json();
  for (const { id } of sessions) await fetch(`${LAB_URL}/api/sessions/${id}`, { method: "DELETE", headers });
}

// JupyterLab asks a kernel for its state once. Where the kernel has not opened its sockets by then, the state stays
// unknown; another kernel takes its place then.
async function open(page, notebook) {
  for (let attempts = 4; ; attempts--) {
    await page.goto(`${LAB_URL}/lab/tree/notebooks/${notebook}?token=${LAB_TOKEN}&reset`);
    try {
      return await page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', { timeout: 30 * seconds });
    } catch (error) {
      if (attempts === 1) throw error;
      console.log(`browser: ${notebook}: the kernel's state is unknown after half a minute: another one is started`);
      await shutDown();
    }
  }
}

async function menu(page, name, entry) {
  await page.click(`#jp-MainMenu >> text=${name}`);
  await page.click(`.lm-Menu >> text="${entry}"`);
}

const ranges = (page) => page.locator('.jp-OutputArea-output input[type="range"]');

// Moves the first slider of a waiting cell, waits for another picture, and presses Done.
async function touch(page) {
  const picture = page.locator(".jp-OutputArea-output img").last();
  const before = await picture.getAttribute("src");
  await ranges(page).first().evaluate((slider) => {
    slider.value = slider.max;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const took = await until("a moved slider draws another picture", minutes, async () => {
    const now = await page.locator(".jp-OutputArea-output img").last().getAttribute("src").catch(() => before);
    return now !== before;
  });
  console.log(`browser: a moved slider drew another picture after ${took} ms`);
  await page.locator('.jp-OutputArea-output button:has-text("Done")').first().click();
  await until("the sliders go away", minutes, async () => (await ranges(page).count()) === 0);
}

async function fail(page) {
  if ((await page.locator(errors).count()) > 0) {
    throw new Error("a cell failed:\n" + (await page.locator(errors).first().textContent()));
  }
}

async function check(page, notebook) {
  await open(page, notebook);
  await page.locator(".jp-Cell").first().click();
  await menu(page, "Run", "Run All Cells");
  const prompts = page.locator(".jp-CodeCell .jp-InputPrompt");
  let sliders = 0;
  await until("all cells have run", 10 * minutes, async () => {
    await fail(page);
    if ((await ranges(page).count()) > 0) {
      await touch(page);
      sliders++;
    }
    // Cells off the screen have text, but no inner text, which is what is drawn of it.
    const texts = await prompts.allTextContents();
    return texts.length > 0 && texts.every((text) => /\[\d+\]/.test(text));
  });
  await page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', { timeout: minutes });
  await fail(page);
  const written = await page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').allTextContents();
  if (written.length > 0) throw new Error("something is on stderr:\n" + written.join("\n"));
  const widths = await page.locator(".jp-OutputArea-output img").evaluateAll((all) => all.map((one) => one.naturalWidth));
  if (widths.length === 0) throw new Error("no cell shows an image");
  if (widths.some((width) => width === 0)) throw new Error(`images without pixels: widths ${widths.join(", ")}`);
  if (notebook.startsWith("04") && sliders === 0) throw new Error("the sliders did not appear");
  return `${await prompts.count()} cells run, ${widths.length} images shown${sliders ? ", sliders moved" : ""}, stderr empty`;
}

const cell = (page, text) => page.locator(".jp-CodeCell", { hasText: text }).first();

async function run(page, text) {
  await cell(page, text).locator(".jp-InputArea-editor").click();
  await page.keyboard.press("Shift+Enter");
}

const step = async (page) => {
  const shown = (await page.locator(".jp-OutputArea-output").allTextContents()).join(" ");
  const found = [...shown.matchAll(/step (\d+) of/g)].map((match) => Number(match[1]));
  return found.length > 0 ? Math.max(...found) : 0;
};

// Notebook 10: its training is interrupted, goes on, and is found again after the page was loaded anew.
async function interrupt(page) {
  const notebook = "10_your_own_model.ipynb";
  await open(page, notebook);
  for (const text of ["notebook.Open().Describe()", "func mine(", "func own()"]) {
    await run(page, text);
    await page.waitForTimeout(500);
  }
  await run(page, "own().Train()");
  await until("the training takes steps", 3 * minutes, async () => (await step(page)) >= 5);
  await page.keyboard.press("Escape");
  const asked = Date.now();
  await menu(page, "Kernel", "Interrupt Kernel");
  let said = null;
  await until("the cell says at which step it was interrupted", minutes, async () => {
    said = (await page.locator(".jp-OutputArea-output").allTextContents()).join(" ").match(/interrupted after step (\d+)/);
    return said !== null;
  });
  const stopped = Date.now() - asked;
  if (stopped > 5 * seconds) throw new Error(`the cell stopped after ${stopped} ms, want 5 s at most`);
  const reached = Number(said[1]);
  await run(page, "own().Train()");
  await until("the training goes on", 3 * minutes, async () => (await step(page)) > reached);
  await page.reload();
  await page.waitForSelector(".jp-CodeCell", { timeout: minutes });
  await run(page, "own().Curve()");
  const curve = cell(page, "own().Curve()").locator("..").locator(".jp-OutputArea-output img");
  await until("the curve is there after the page was loaded anew", 3 * minutes, async () => (await curve.count()) > 0);
  return `interrupted after step ${reached} (${stopped} ms), went on, and the curve came back after a reload`;
}

await answers(`${LAB_URL}/api?token=${LAB_TOKEN}`, Date.now() + minutes);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
let failed = 0;
const works = [...(training ? [["training", interrupt]] : []), ...notebooks.map((name) => [name, (page) => check(page, name)])];
for (const [name, work] of works) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  const start = Date.now();
  const picture = `${SCREENSHOTS}/${name}.png`;
  try {
    console.log(`ok   browser: ${name}: ${await work(page)} (${Math.round((Date.now() - start) / seconds)} s)`);
  } catch (error) {
    console.log(`FAIL browser: ${name}: ${error.message}; what was on the screen: ${picture}`);
    failed = 1;
  } finally {
    await page.screenshot({ path: picture }).catch(() => {});
    await page.close();
    await shutDown().catch(() => {});
  }
}
await browser.close();
process.exit(failed);
