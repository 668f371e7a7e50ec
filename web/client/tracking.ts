/** Recording what is tracked, also across the death of a worker. */
import { AppError } from '../../shared/error.ts'
import type { Ending } from './alive.ts'
import type { Tracked } from './api.ts'

/** Most events that one call may carry (see `calls.track`). */
const MAX_EVENTS = 200
/** What could not be recorded because the worker died is tried so often … */
const MAX_TRIES = 3
/** … of at most so many calls at one time. */
const MAX_WAITING = 500

export interface Tracking {
  /** Done when all is on the disk. */
  track(given: Tracked | readonly Tracked[]): Promise<void>
  /** The device has answered: what waits for another worker is tried again. */
  revive(): void
  /** Fails what waits; done when nothing is under way. */
  end(why: AppError): Promise<void>
}

export function createTracking({ track: send }: Pick<Ending, 'track'>): Tracking {
  const waiting = new Set<{ again(): void; giveUp(why: AppError): void }>()
  const underWay = new Set<Promise<void>>()
  let over = false

  const revival = () => new Promise<void>((again, giveUp) => void waiting.add({ again, giveUp }))

  async function record(events: readonly Tracked[]): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await send({ events: events as Parameters<typeof send>[0]['events'] })
        return
      } catch (error) {
        const died = error instanceof AppError && error.code === 'worker'
        if (!died || over || tries === MAX_TRIES || waiting.size >= MAX_WAITING) throw error
        await revival()
      }
    }
  }

  async function recordAll(events: readonly Tracked[]): Promise<void> {
    for (let i = 0; i < events.length; i += MAX_EVENTS) await record(events.slice(i, i + MAX_EVENTS))
  }

  return {
    track(given) {
      const done = recordAll(Array.isArray(given) ? given : [given as Tracked])
      const ended = done.catch(() => {}).finally(() => underWay.delete(ended))
      underWay.add(ended)
      return done
    },
    revive() {
      for (const { again } of waiting) again()
      waiting.clear()
    },
    async end(why) {
      over = true
      for (const { giveUp } of waiting) giveUp(why)
      waiting.clear()
      await Promise.all(underWay)
    },
  }
}
