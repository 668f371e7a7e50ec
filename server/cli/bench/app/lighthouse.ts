/** What Lighthouse says of the app, as of a phone: its own slow line and slow processor, simulated. */
import { AppError } from '../../../../shared/failure.ts'
import { quantile, rounded } from '../../../../worker/bench/measure.ts'
import type { Findings } from './part.ts'

const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const

/** Loads that may fail before it is given up; those that did are told. */
const MAX_FAILURES = 3

interface Settings {
  readonly url: string
  /** Where the browser listens for DevTools. */
  readonly port: number
  readonly quick: boolean
  progress(stage: string, done: number, total: number): void
}

export async function benchLighthouse({ url, port, quick, progress }: Settings): Promise<Findings> {
  const { default: lighthouse } = await import('lighthouse').catch((cause) => {
    throw new AppError('not-ready', 'Lighthouse is not here: run npm ci.', { cause })
  })
  const times = quick ? 1 : 3
  const results: Lhr[] = []
  const failures: string[] = []
  while (results.length < times) {
    progress('Lighthouse', results.length, times)
    const result = await lighthouse(url, {
      port,
      output: 'json',
      logLevel: 'silent',
      formFactor: 'mobile',
      onlyCategories: [...CATEGORIES],
    })
    if (result && !result.lhr.runtimeError) results.push(result.lhr as Lhr)
    else failures.push(result?.lhr.runtimeError?.code ?? 'it says nothing')
    // On a machine that is busy it now and then loses the beginning of a load.
    if (failures.length > MAX_FAILURES)
      throw new AppError('not-ready', `Lighthouse failed ${failures.length} times: ${failures.join(', ')}.`)
  }
  progress('Lighthouse', times, times)
  return Object.fromEntries(
    CATEGORIES.map((category) => {
      const scores = results.map(({ categories }) => Math.round(100 * (categories[category]?.score ?? 0)))
      const [last] = results.slice(-1)
      const failed = last!.categories[category]!.auditRefs.flatMap(({ id, weight }) => {
        const { score, title } = last!.audits[id]!
        return weight > 0 && score !== null && score < (category === 'performance' ? 0.9 : 1) ? [title] : []
      })
      const name = `app.lighthouse.${category.replace('-', '_')}`
      return [
        name,
        {
          value: quantile(scores, 0.5),
          detail: { runs: scores, failed, lost: failures, ...timings(category, results) },
        },
      ]
    }),
  )
}

/** What is read of Lighthouse's result. */
interface Lhr {
  readonly lighthouseVersion: string
  readonly audits: Readonly<
    Record<string, { readonly title: string; readonly score: number | null; readonly numericValue?: number }>
  >
  readonly categories: Readonly<
    Record<
      string,
      { readonly score: number | null; readonly auditRefs: readonly { id: string; weight: number }[] }
    >
  >
}

/** What the score of performance is made of. */
function timings(category: string, results: readonly Lhr[]) {
  const version = { lighthouse: results[0]!.lighthouseVersion }
  if (category !== 'performance') return version
  const of = (id: string) =>
    rounded(
      quantile(
        results.map(({ audits }) => audits[id]?.numericValue ?? Number.NaN),
        0.5,
      ),
    )
  return {
    ...version,
    firstContentfulPaintMs: of('first-contentful-paint'),
    largestContentfulPaintMs: of('largest-contentful-paint'),
    totalBlockingMs: of('total-blocking-time'),
    speedIndexMs: of('speed-index'),
    layoutShift: of('cumulative-layout-shift'),
  }
}
