/** What the parts of `kindred bench app` have in common. */
import type { Browser } from 'playwright'
import type { Bench, Findings } from '../../../../worker/bench/measure.ts'

export type { Findings }

export interface AppBench extends Bench {
  readonly browser: Browser
  /** Where the app is served, on a line as fast as the loopback. */
  readonly url: string
}
