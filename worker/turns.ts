/** Small patterns of waiting. */

/** Work of one kind, done one piece after the other. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** Each piece starts when the one before has ended, however it ended. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work, work)
    last = result.catch(() => {})
    return result
  }
}

/** The results of all, once all have ended: so nothing goes on unseen. Throws the first one's failure of those that failed. */
export async function together<T extends readonly unknown[]>(
  ...works: { [I in keyof T]: T[I] | Promise<T[I]> }
): Promise<T> {
  const ends = await Promise.allSettled(works)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return ends.map((end) => (end as PromiseFulfilledResult<unknown>).value) as unknown as T
}

/** A promise that is resolved from outside (`Promise.withResolvers` is younger than what must run this). */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** The promise, given up when `signal` says so. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason)
    // First: a promise that is given up may still fail.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
  })
}

/** Work of one kind that is under way. */
export interface Underway {
  /** The work, remembered until it has ended. */
  of<T>(work: Promise<T>): Promise<T>
  /** Whether there is any. */
  any(): boolean
  /** Done when all that is under way by now has ended, however it ended. */
  ended(): Promise<unknown>
}

export function createUnderway(): Underway {
  const works = new Set<Promise<unknown>>()
  return {
    of(work) {
      const ended = work.catch(() => {}).finally(() => works.delete(ended))
      works.add(ended)
      return work
    },
    any: () => works.size > 0,
    ended: () => Promise.all(works),
  }
}

/** Timers by name, of which one at a time waits for each. */
export interface Timers {
  /** Does `work` after `ms`, unless a timer of that name waits already. */
  later(name: string, ms: number, work: () => void): void
  clear(): void
}

export function createTimers(after: (ms: number, work: () => void) => () => void): Timers {
  const waiting = new Map<string, () => void>()
  return {
    later(name, ms, work) {
      if (waiting.has(name)) return
      const cancel = after(ms, () => {
        waiting.delete(name)
        work()
      })
      waiting.set(name, cancel)
    },
    clear() {
      for (const cancel of waiting.values()) cancel()
      waiting.clear()
    },
  }
}
