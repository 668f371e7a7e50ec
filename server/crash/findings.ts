/** What a run of kills comes to. */

/** Where what was promised was not kept. */
export const BREACHES = {
  lost: 'an acknowledged event is not in the log',
  doubled: 'an event, a sample or a match is there twice',
  broken: 'something is there in part, has changed, came back, or was refused without a reason',
} as const
export type Breach = keyof typeof BREACHES

/** Counted, so that a run in which nothing happened does not look like one in which all went well. */
export const COUNTS = [
  'devices',
  'uploads',
  'unanswered',
  'stored though unanswered',
  'acknowledged',
  'lists',
  'pulls',
  'batches compared',
  'erased',
  'withdrawn',
  'renewed',
  'imports',
  'imports cut off',
  'indexes seen',
  'samples seen',
  'expired',
] as const
export type Counted = (typeof COUNTS)[number]

export interface Book {
  readonly breaches: { readonly breach: Breach; readonly what: string }[]
  readonly counts: Record<Counted, number>
  breach(breach: Breach, what: string): void
  count(counted: Counted, by?: number): void
}

/** Notes what `hear` is told of, too. */
export function openBook(hear: (text: string) => void = () => {}): Book {
  const book: Book = {
    breaches: [],
    counts: Object.fromEntries(COUNTS.map((name) => [name, 0])) as Record<Counted, number>,
    breach(breach, what) {
      book.breaches.push({ breach, what })
      hear(`${breach}: ${what}`)
    },
    count(counted, by = 1) {
      book.counts[counted] += by
    },
  }
  return book
}
