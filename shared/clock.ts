/** Time is injected everywhere, so that tests and simulations own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

export const DAY_MS = 86_400_000

/** The work cycle that `at` (ms) falls in; `dayMs` is its length. */
export const dayOf = (at: number, dayMs: number): number => Math.floor(at / dayMs)
