/** Rates that are fair on a machine that is shared: contenders take turns, and each turn is told. */
import { quantile, rounded } from '../../../../worker/bench/measure.ts'

/** What one turn came to. */
export interface Turn {
  /** Requests answered as they should be. */
  readonly done: number
  readonly seconds: number
  /** CPU time that the server took for them, ms. */
  readonly cpuMs: number
}

export interface Rates {
  /** Requests a second: the median of the turns, and all of them. */
  readonly median: number
  readonly turns: readonly number[]
  /** The server's CPU time a request, µs: the median of the turns. */
  readonly cpuUs: number
}

export function ratesOf(turns: readonly Turn[]): Rates {
  const rates = turns.map(({ done, seconds }) => done / seconds)
  return {
    median: rounded(quantile(rates, 0.5)),
    turns: rates.map(rounded),
    cpuUs: rounded(
      quantile(
        turns.map(({ done, cpuMs }) => (1000 * cpuMs) / done),
        0.5,
      ),
    ),
  }
}

/** The latencies' quantiles, ms. */
export const latenciesOf = (ms: readonly number[]) => ({
  count: ms.length,
  p50: rounded(quantile(ms, 0.5)),
  p90: rounded(quantile(ms, 0.9)),
  p99: rounded(quantile(ms, 0.99)),
  max: rounded(ms.reduce((most, one) => Math.max(most, one), 0)),
})
