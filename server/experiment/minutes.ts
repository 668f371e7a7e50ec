/** How long an experiment has taken over all runs in its folder, those that were cut off included. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import * as z from 'zod'
import { parse } from '../../shared/failure.ts'
import { replaceFile } from '../cloud/files.ts'

const minutesSchema = z.strictObject({ cloud: z.number(), training: z.number(), arms: z.number() })
export type Minutes = z.infer<typeof minutesSchema>

/** A run that is killed has noted all but this much. */
const NOTE_EVERY_MS = 5000

export interface Stopwatch {
  readonly minutes: Minutes
  /** Does `work`, whose time counts for `part`, also if it fails. */
  time<T>(part: keyof Minutes, work: () => Promise<T>): Promise<T>
}

/** Goes on with what the file at `path` says. */
export function openStopwatch(path: string): Stopwatch {
  const minutes: Minutes = existsSync(path)
    ? parse(minutesSchema, JSON.parse(readFileSync(path, 'utf8')), path)
    : { cloud: 0, training: 0, arms: 0 }
  return {
    minutes,
    async time(part, work) {
      let last = performance.now()
      const note = () => {
        const now = performance.now()
        minutes[part] += (now - last) / 60_000
        last = now
        replaceFile(path, (beside) => writeFileSync(beside, JSON.stringify(minutes)))
      }
      const timer = setInterval(note, NOTE_EVERY_MS)
      timer.unref()
      try {
        return await work()
      } finally {
        clearInterval(timer)
        note()
      }
    },
  }
}
