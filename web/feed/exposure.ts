/** When a card counts as seen, as a machine that is told what is visible and what time it is. */

/** Share of the card, or of the screen, that must be visible … */
export const SEEN_SHARE = 0.5
/** … and for how long without a break (ms). */
export const SEEN_MS = 500

export interface Exposures {
  /** `share` of `item` is visible from `at` (ms) on. */
  visible(item: string, share: number, at: number): void
  /** The page was hidden or shown: what lies behind a hidden page is not seen. */
  page(shown: boolean, at: number): void
  /** The items seen by `at` that no earlier call gave. */
  seen(at: number): string[]
  /** When `seen` is next worth asking, if nothing changes until then. */
  next(): number | null
  /** Counts `item` as seen, whatever was visible; true if it was not before. */
  force(item: string): boolean
}

/** Those in `already` were seen in an earlier life of the same feed. */
export function createExposures(already: Iterable<string> = []): Exposures {
  const done = new Set(already)
  const shares = new Map<string, number>()
  const since = new Map<string, number>()
  let shown = true

  function settle(item: string, at: number): void {
    const looked = shown && (shares.get(item) ?? 0) >= SEEN_SHARE && !done.has(item)
    if (!looked) since.delete(item)
    else if (!since.has(item)) since.set(item, at)
  }

  return {
    visible(item, share, at) {
      shares.set(item, share)
      settle(item, at)
    },
    page(isShown, at) {
      shown = isShown
      for (const item of shares.keys()) settle(item, at)
    },
    seen(at) {
      const due = [...since].filter(([, start]) => at - start >= SEEN_MS).map(([item]) => item)
      for (const item of due) {
        since.delete(item)
        done.add(item)
      }
      return due
    },
    next: () => (since.size ? Math.min(...since.values()) + SEEN_MS : null),
    force(item) {
      since.delete(item)
      const first = !done.has(item)
      done.add(item)
      return first
    },
  }
}
