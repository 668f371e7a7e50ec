/** Gathers what was seen and done for a moment, so that a burst is one call to the device. */
import type { CallInput } from '../../shared/protocol.ts'

export type Tracked = CallInput<'track'>['events'][number]

/** Most events that one call may carry (see `calls.track`). */
const MAX_CALL = 200
/** How long a first event waits for company (ms). */
const GATHER_MS = 300

export interface Outgoing {
  add(...events: Tracked[]): void
  /** Sends all that waits, at once. */
  flush(): Promise<void>
}

/**
 * Sends in the order of adding. What could not be sent stays in front and goes with the next flush; `failed` hears why.
 * `later` runs a function after some ms.
 */
export function createOutgoing(
  send: (events: Tracked[]) => Promise<unknown>,
  failed: (error: unknown) => void,
  later: (run: () => void, ms: number) => unknown = setTimeout,
): Outgoing {
  let waiting: Tracked[] = []
  let planned = false
  let sending = Promise.resolve()

  async function sendAll(): Promise<void> {
    while (waiting.length) {
      const batch = waiting.slice(0, MAX_CALL)
      try {
        await send(batch)
      } catch (error) {
        return failed(error)
      }
      waiting = waiting.slice(batch.length)
    }
  }

  function flush(): Promise<void> {
    planned = false
    sending = sending.then(sendAll)
    return sending
  }

  return {
    add(...events) {
      waiting.push(...events)
      if (planned) return
      planned = true
      later(() => void flush(), GATHER_MS)
    },
    flush,
  }
}
