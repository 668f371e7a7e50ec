/** How soon the page answers while a round runs: real input, on a page whose thread is four times slower. */
import type { Browser } from 'playwright'
import { AppError } from '../../../../shared/failure.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { noted } from './load.ts'
import type { AppBench, Findings } from './part.ts'
import { newPhone, visit } from './phone.ts'
import { AFTER_MS, cumulativeShift, duringRounds, nextPaint, type Seen } from './seen.ts'

/** Clicks after which a device trains by itself. */
const CLICKS = 10
/** So long a card must be in view to count as seen. */
const SEEN_MS = 550
/** A quick hand. */
const BETWEEN_MS = 60
/** Where cards are, however the feed is scrolled. */
const PLACES = [
  [206, 330],
  [206, 520],
] as const
/** A round that has not begun and ended by then is not waited for. */
const LONGEST_MS = 30_000

export async function benchInteraction({ browser, url, quick, progress }: AppBench): Promise<Findings> {
  const times = quick ? 1 : 8
  const people: Seen[] = []
  for (let done = 0; done < times; done++) {
    progress('Taps while it trains', done, times)
    people.push(await firstRound(browser, url))
  }
  progress('Taps while it trains', times, times)
  const during = people.flatMap(duringRounds)
  if (during.length === 0) throw new AppError('not-ready', 'No tap fell into a round.')
  return {
    'app.inp_ms': {
      value: nextPaint(during),
      detail: {
        of: 'taps on cards in a device’s first round and half a second after, when the feed is ranked anew; from the input to the next frame; those under 16 ms are not told by the browser and not counted',
        count: during.length,
        longest: Math.max(...during),
        all: during.sort((a, b) => a - b),
        cpuSlowdown: 4,
        roundsMs: people.map(({ busy }) => busy.map(({ from, to }) => Math.round((to ?? from) - from))),
        shift: people.map(({ shifts }) => rounded(cumulativeShift(shifts))),
        shifts: people.flatMap(({ shifts }) => shifts),
      },
    },
  }
}

/** Somebody opens cards until the device learns, and goes on tapping at what is there, by the screen's places. */
async function firstRound(browser: Browser, url: string): Promise<Seen> {
  const phone = await newPhone(browser)
  try {
    const { page } = await visit(phone, url)
    const cards = page.getByTestId('feed').locator('article')
    for (let i = 0; i < CLICKS; i++) {
      await cards.nth(i).scrollIntoViewIfNeeded()
      await page.waitForTimeout(SEEN_MS)
      await cards.nth(i).getByRole('button').first().tap()
    }
    const until = Date.now() + LONGEST_MS
    for (let i = 0; Date.now() < until; i++) {
      const { busy } = await noted({ page })
      const ended = busy.at(-1)?.to
      if (ended && (await page.evaluate(() => performance.now())) > ended + AFTER_MS) break
      const [x, y] = PLACES[i % PLACES.length]!
      await page.touchscreen.tap(x, y)
      await page.waitForTimeout(BETWEEN_MS)
    }
    return await noted({ page })
  } finally {
    await phone.close()
  }
}
