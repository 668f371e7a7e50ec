/** What a replay finds, a line of JSON for each click that was judged. */
import { appendFileSync } from 'node:fs'
import type { Place } from '../statistics/ranking.ts'

/** Where the clicked article stood, by the user's own device and by the global models at that moment. */
export interface Places {
  readonly arm: Place
  /** The model of the night before … */
  readonly cloud: Place
  /** … and that of the hour. */
  readonly hourly: Place
}

export interface FreshRow {
  readonly arm: string
  readonly user: string
  /** Days since the replay began. */
  readonly day: number
  /** Of the article, since anyone's first click on it, ms. */
  readonly age: number
  /** Whether the device ranked by a model that it had trained. */
  readonly own: boolean
  /** Among articles drawn as often as they were read, … */
  readonly read: Places
  /** … and among distinct ones, each as likely as any other. */
  readonly any: Places
}

export const keepRow = (path: string, row: FreshRow): void => appendFileSync(path, `${JSON.stringify(row)}\n`)
