/** How long until the feed is ranked: on a first visit over a slow line, and on a second one without any. */
import { gzipSync } from 'node:zlib'
import type { Browser, CDPSession } from 'playwright'
import { AppError } from '../../../../shared/failure.ts'
import { quantile, rounded } from '../../../../worker/bench/measure.ts'
import { openLine, SLOW_4G } from './line.ts'
import type { AppBench, Findings } from './part.ts'
import { newPhone, type Visit, visit } from './phone.ts'
import { cumulativeShift, type Seen } from './seen.ts'

interface Loaded {
  readonly first: Visit
  readonly offline: Visit
  /** Bytes that came down until the feed was ranked. */
  readonly down: number
  readonly scripts: readonly Script[]
  readonly seen: Seen
}

/** A script that ran on the page's own thread: its name, and its bytes compressed by gzip. */
interface Script {
  readonly name: string
  readonly gzip: number
}

export async function benchLoad({ browser, url, quick, progress }: AppBench): Promise<Findings> {
  const times = quick ? 1 : 5
  const runs: Loaded[] = []
  for (let done = 0; done < times; done++) {
    progress('Visits over a slow line', done, times)
    runs.push(await bothVisits(browser, url))
  }
  progress('Visits over a slow line', times, times)
  const phone = { profile: 'Pixel 7', cpuSlowdown: 4, slowed: 'the page’s thread; workers run at full speed' }
  const seconds = (visits: readonly Visit[]) => visits.map(({ rankedMs }) => rounded(rankedMs / 1000))
  const first = seconds(runs.map(({ first }) => first))
  const offline = seconds(runs.map(({ offline }) => offline))
  const middle =
    runs.find(({ first: { rankedMs } }) => rounded(rankedMs / 1000) === quantile(first, 0.5)) ?? runs[0]!
  const scripts = middle.scripts
  return {
    'app.ranked_s': {
      value: quantile(first, 0.5),
      detail: {
        runs: first,
        line: SLOW_4G,
        phone,
        kbDown: runs.map(({ down }) => Math.round(down / 1000)),
        firstPaintMs: runs.map(({ first }) => Math.round(first.marks['first-contentful-paint'] ?? 0)),
        longTasks: runs.map(({ seen }) => seen.tasks.map(({ ms }) => Math.round(ms))),
      },
    },
    'app.ranked_offline_s': {
      value: quantile(offline, 0.5),
      detail: { runs: offline, line: 'cut: nobody answers', phone },
    },
    'app.main_js_kb': {
      value: rounded(scripts.reduce((sum, { gzip }) => sum + gzip, 0) / 1000),
      detail: { until: 'the feed was ranked', scripts },
    },
    'app.cls': {
      value: rounded(
        quantile(
          runs.map(({ seen }) => cumulativeShift(seen.shifts)),
          0.5,
        ),
      ),
      detail: { of: 'the first visit', runs: runs.map(({ seen }) => seen.shifts) },
    },
  }
}

/** A first visit, and, once the app is stored, another when the line is cut. */
async function bothVisits(browser: Browser, url: string): Promise<Loaded> {
  const line = await openLine(url)
  const phone = await newPhone(browser)
  try {
    const scripts: Script[] = []
    const first = await visit(phone, line.url, (cdp) => listScripts(cdp, line.url, scripts))
    const down = line.down()
    const loaded = [...scripts]
    const seen = await noted(first)
    await stored(first)
    await first.page.close()
    await line.cut()
    const offline = await visit(phone, line.url)
    return { first, offline, down, scripts: loaded, seen }
  } finally {
    await phone.close()
    await line.cut()
  }
}

export const noted = ({ page }: Pick<Visit, 'page'>): Promise<Seen> =>
  page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen)

/** Notes what runs on the page's own thread, and refuses what must never: TensorFlow.js. */
async function listScripts(cdp: CDPSession, origin: string, scripts: Script[]): Promise<void> {
  await cdp.send('Debugger.enable')
  cdp.on('Debugger.scriptParsed', ({ url, scriptId }) => {
    if (!url.startsWith(origin)) return
    const name = new URL(url).pathname
    if (name.includes('/tfjs/')) throw new AppError('engine', `The page has loaded ${name}.`)
    void cdp.send('Debugger.getScriptSource', { scriptId }).then(
      ({ scriptSource }) => scripts.push({ name, gzip: gzipSync(scriptSource, { level: 9 }).length }),
      () => {}, // the page has gone on
    )
  })
}

/** When the service worker has stored the app. */
async function stored({ page }: Visit): Promise<void> {
  await page.evaluate('navigator.serviceWorker.ready.then(() => true)')
}
