/** What one device was given by the server, which must be the same whenever it asks. */
import type { BatchList } from '../../shared/api.ts'
import { FIRST_ID } from '../../shared/catalogue.ts'
import { DAY_MS } from '../../shared/clock.ts'
import { decodeBatch } from '../../shared/codec.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import type { Book } from './findings.ts'
import { markAt, schema } from './world.ts'

const target = slotOf(layoutOf(schema), 'target').at

/** Devices whose samples are to go, by mark: from when on they are said to be gone, by the run's clock. */
export type Departures = Map<number, { gone: number }>

/** What was in a batch: the ids of its samples, and whose they are. */
interface Pulled {
  readonly bytes: Buffer
  readonly samples: readonly { id: string; mark: number | undefined }[]
}

export interface Given {
  /** A day's batches do not become fewer. */
  list(list: BatchList): void
  /**
   * Batch `n` of `day`, asked for at the moment `begun` and there at `ended`. What went out of it may only be what was withdrawn or,
   * once its day is over, has reached its age; nothing comes in, and nothing is of who is gone.
   */
  take(day: number, n: number, bytes: Buffer, asked: { begun: number; ended: number }): void
  /** The batches that came last, as many as that. */
  newest(count: number): { day: number; n: number }[]
}

export function createGiven(
  mark: number,
  { book, departures }: { book: Book; departures: Departures },
): Given {
  const batches = new Map<string, Pulled>()
  const listed = new Map<number, number>()
  const broken = (what: string) => book.breach('broken', `device ${mark}: ${what}`)

  function compare(name: string, before: Pulled, now: Pulled, over: boolean): void {
    book.count('batches compared')
    const ids = new Set(now.samples.map(({ id }) => id))
    const out = before.samples.filter(({ id }) => !ids.has(id))
    const wrongly = out.filter(({ mark: whose }) => whose === undefined || !departures.has(whose))
    if (wrongly.length > 0 && !over) broken(`${wrongly.length} samples went out of batch ${name}`)
    if (now.samples.length !== before.samples.length - out.length) broken(`samples came into batch ${name}`)
    if (out.length === 0 && !now.bytes.equals(before.bytes)) broken(`batch ${name} has other bytes`)
    batches.set(name, now)
  }

  function remember(day: number, n: number, pulled: Pulled): void {
    const week = [...batches].filter(([name]) => Number(name.split('/')[0]) > day - 7)
    const had = new Set(week.flatMap(([, { samples }]) => samples.map(({ id }) => id)))
    const twice = pulled.samples.filter(({ id }) => had.has(id)).length
    if (twice > 0) book.breach('doubled', `device ${mark}: ${twice} samples of ${day}/${n} were given before`)
    batches.set(`${day}/${n}`, pulled)
  }

  return {
    list({ day, count }) {
      const before = listed.get(day) ?? 0
      if (count < before) broken(`had ${before} batches of day ${day}, and has ${count}`)
      listed.set(day, Math.max(before, count))
    },
    take(day, n, bytes, { begun, ended }) {
      const samples = decodeBatch(schema, new Uint8Array(bytes)).map(({ id, ids }) => ({
        id,
        mark: markAt(ids[target]! - FIRST_ID),
      }))
      for (const { mark: whose } of samples) {
        if (whose === mark) broken(`is given its own samples in ${day}/${n}`)
        if (whose !== undefined && (departures.get(whose)?.gone ?? Infinity) < begun)
          broken(`is given samples of device ${whose}, which is gone`)
      }
      const known = batches.get(`${day}/${n}`)
      if (known) compare(`${day}/${n}`, known, { bytes, samples }, Math.floor(ended / DAY_MS) > day)
      else remember(day, n, { bytes, samples })
    },
    newest: (count) =>
      [...batches.keys()].slice(-count).map((name) => {
        const [day, n] = name.split('/').map(Number)
        return { day: day!, n: n! }
      }),
  }
}
