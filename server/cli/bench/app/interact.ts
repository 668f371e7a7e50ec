/** How soon the page answers while a round runs: real input, on a page whose thread is four times slower. */
import type { Browser } from 'playwright'
import { AppError } from '../../../../shared/failure.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { noted } from './load.ts'
import type { AppBench, Findings } from './part.ts'
import { newPhone, visit } from './phone.ts'
import { cumulativeShift, duringRounds, nextPaint, type Seen } from './seen.ts'

/** Clicks before a device trains by itself, and a few more. */
const CLICKS = 12
/** A figure is of so many interactions during rounds, or of what came in this long. */
const ENOUGH = 60
const LONGEST_MS = 120_000

export async function benchInteraction({ browser, url, quick, progress }: AppBench): Promise<Findings> {
  const wanted = quick ? 6 : ENOUGH
  const seen = await session(browser, url, wanted, (done) => progress('Taps while it trains', done, wanted))
  const during = duringRounds(seen)
  if (during.length === 0) throw new AppError('not-ready', 'No tap fell into a round.')
  return {
    'app.inp_ms': {
      value: nextPaint(during),
      detail: {
        of: 'taps during rounds, from the input to the next frame; those under 16 ms are not told by the browser and not counted',
        count: during.length,
        longest: Math.max(...during),
        all: [...during].sort((a, b) => a - b),
        cpuSlowdown: 4,
        roundsMs: seen.busy.map(({ from, to }) => Math.round((to ?? from) - from)),
        longTasks: seen.tasks.filter(({ at }) =>
          seen.busy.some(({ from, to }) => at >= from && at <= (to ?? at)),
        ),
        shiftOfAll: rounded(cumulativeShift(seen.shifts)),
        shifts: seen.shifts,
      },
    },
  }
}

/** Somebody opens cards until the device can learn, then has it learn again and again, and taps on meanwhile. */
async function session(
  browser: Browser,
  url: string,
  wanted: number,
  told: (done: number) => void,
): Promise<Seen> {
  const phone = await newPhone(browser)
  try {
    const { page } = await visit(phone, url)
    const cards = page.getByTestId('feed').locator('article')
    const tap = async (n: number) => {
      const card = cards.nth(n % (await cards.count()))
      await card.scrollIntoViewIfNeeded()
      await card.getByRole('button').first().tap()
    }
    for (let i = 0; i < CLICKS; i++) {
      await tap(i)
      await page.waitForTimeout(550) // so long a card must be in view to count as seen
    }
    const until = Date.now() + LONGEST_MS
    let seen = await noted({ page })
    for (let i = CLICKS; duringRounds(seen).length < wanted && Date.now() < until; i++) {
      if (seen.busy.at(-1)?.to !== null) {
        await page.locator('nav a[href="#/my-model"]').tap()
        await page.locator('main .actions button.primary').first().tap()
        await page.locator('nav a[href="#/"]').tap()
      }
      await tap(i)
      seen = await noted({ page })
      told(Math.min(wanted, duringRounds(seen).length))
    }
    return seen
  } finally {
    await phone.close()
  }
}
