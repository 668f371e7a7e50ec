/** What an arm costs its devices, as measured while it ran. */
import type { Row } from '../results.ts'

export interface RoundCost {
  /** Users and seeds that a round ran for, … */
  readonly devices: number
  /** … and of each the longest round's wall time, ms; null where none ran. Other threads worked beside it. */
  readonly medianMs: number | null
  readonly p95Ms: number | null
  /** Bytes of matched samples and filtered samples a device, on average over all. */
  readonly downBytes: number
  readonly filtered: number
}

export function costOf(rows: readonly Row[]): RoundCost {
  const times = rows.filter(({ rounds }) => rounds > 0).map(({ roundMs }) => roundMs)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? null
  const mean = (of: (row: Row) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length
  return {
    devices: times.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    downBytes: mean(({ down }) => down),
    filtered: mean(({ filtered }) => filtered),
  }
}
