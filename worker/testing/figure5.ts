/** Figure 5 of the CoDA paper once more, in plain lists and without a storage: what `worker/device/samples/samples.ts` is held to. */
import { DAY_MS } from '../../shared/clock.ts'
import { NOON } from './world.ts'

/** Small, so that they are met often. The other numbers are the defaults. */
export const LIMITS = { maxLocal: 8, maxFiltered: 6 }

interface Exposure {
  readonly item: number
  readonly at: number
  /** How many clicks there had been before it. */
  readonly clicksBefore: number
  clicked: boolean
}

export class Figure5 {
  now = NOON
  readonly exposures: Exposure[] = []
  clicks = 0
  /** Number of the exposure → label. */
  readonly local = new Map<number, 0 | 1>()
  /** Contacts: when, and how many exposures there had been. */
  readonly contacts: { at: number; exposures: number }[] = []
  /** Exposures before this one are cut away for good. */
  cut = 0
  matched: { id: string; state: 'unscored' | 'filtered'; score: number; order: number }[] = []
  order = 0

  see(item: number): void {
    this.exposures.push({ item, at: this.now, clicksBefore: this.clicks, clicked: false })
  }

  click(item: number): void {
    if (!this.exposures.some((exposure) => exposure.item === item)) this.see(item)
    this.exposures.findLast((exposure) => exposure.item === item)!.clicked = true
    this.clicks++
  }

  update(): void {
    const last = this.contacts.at(-1)
    const over = this.contacts.filter(({ at }) => last!.at - at > 7 * DAY_MS).at(-1)?.exposures ?? 0
    this.exposures.forEach(({ at, clicked, clicksBefore }, n) => {
      const known = clicked || this.now - at >= 30 * 60_000 || clicksBefore < this.clicks
      if (known && this.now - at <= 7 * DAY_MS && n >= this.cut && n >= over)
        this.local.set(n, clicked ? 1 : 0)
    })
    for (const n of this.local.keys()) if (n < over) this.local.delete(n)
    if (this.local.size <= LIMITS.maxLocal) return
    const youngest = [...this.local.keys()].sort((a, b) => b - a).slice(0, 4)
    this.cut = youngest.at(-1)!
    for (const n of this.local.keys()) if (!youngest.includes(n)) this.local.delete(n)
  }

  uses() {
    const of = (from: number, to: number) =>
      [...this.local.keys()]
        .sort((a, b) => a - b)
        .filter((n) => {
          const age = this.now - this.exposures[n]!.at
          return age > from && age <= to
        })
    return { validation: of(-1, 3 * DAY_MS), training: of(3 * DAY_MS, 7 * DAY_MS) }
  }

  pull(ids: readonly string[]): void {
    const fresh = ids.filter((id) => !this.matched.some((row) => row.id === id))
    for (const id of fresh) this.matched.push({ id, state: 'unscored', score: 0, order: ++this.order })
  }

  /** `used` trained a classifier; of the others that wait those stay that it gave 0.2 or more. */
  score(used: ReadonlySet<string>, scores: ReadonlyMap<string, number>): void {
    this.matched = this.matched.filter(
      ({ id, state }) => state === 'filtered' || (!used.has(id) && scores.get(id)! >= 0.2),
    )
    for (const row of this.matched)
      if (row.state === 'unscored') Object.assign(row, { state: 'filtered', score: scores.get(row.id) })
    this.halve()
  }

  /** Beyond 6: the best 3 stay, of equals the newest. */
  halve(): void {
    if (this.matched.length <= LIMITS.maxFiltered) return
    this.matched.sort((a, b) => b.score - a.score || b.order - a.order)
    this.matched.length = 3
    this.matched.sort((a, b) => a.order - b.order)
  }

  use(): void {
    this.matched = this.matched.filter(({ state }) => state !== 'filtered')
  }

  rows() {
    return this.matched
      .map(({ id, state, score }) => (state === 'filtered' ? { id, state, score } : { id, state }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
