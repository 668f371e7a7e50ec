/** Work that is done again and again while the cloud is open. */
import type { Logger } from 'pino'
import { AppError } from '../../shared/failure.ts'

export interface Following {
  /** Does `work` now and every so often, never twice at a time; `complaint` is logged where it fails. Returns the way to stop. */
  follow(everyMs: number, complaint: string, work: () => Promise<void>): () => void
  stop(): void
}

export function createFollowing(log: Pick<Logger, 'error'> | undefined): Following {
  const stops = new Set<() => void>()
  return {
    follow(everyMs, complaint, work) {
      let busy = false
      const look = async () => {
        if (busy) return
        busy = true
        try {
          await work()
        } catch (error) {
          // While an import is under way there is nothing to do yet.
          if (!(error instanceof AppError && error.code === 'not-ready'))
            log?.error({ err: error }, complaint)
        } finally {
          busy = false
        }
      }
      void look()
      const timer = setInterval(look, everyMs)
      timer.unref()
      const stop = () => {
        clearInterval(timer)
        stops.delete(stop)
      }
      stops.add(stop)
      return stop
    },
    stop() {
      for (const stop of stops) stop()
    },
  }
}
