/** Requests that come when they come, whether the ones before are answered or not. */
import type { Answer, Connection } from './connection.ts'

export interface Paced {
  /** ms from when each request was due to its whole answer. */
  readonly latencies: readonly number[]
  /** Answers by status; 0: none came. */
  readonly statuses: Readonly<Record<number, number>>
}

/** How many of `rate` requests a second, evenly spaced, are due after so many ms. */
export const dueAfter = (ms: number, rate: number): number => Math.floor((ms * rate) / 1000) + 1

/**
 * Sends `rate` requests a second, evenly spaced, for so long. One that finds every connection taken waits for one, and
 * the wait counts: a server that stands still for a second is not excused from those that were due in it.
 */
export function pace(
  connections: readonly Connection[],
  { rate, seconds }: { rate: number; seconds: number },
  next: (nth: number) => Buffer,
): Promise<Paced> {
  const latencies: number[] = []
  const statuses: Record<number, number> = {}
  const free = [...connections]
  /** When those that wait for a connection were due. */
  const waiting: number[] = []
  const total = Math.floor(rate * seconds)
  const start = performance.now()
  let due = 0
  let sent = 0
  return new Promise((resolve) => {
    const send = (at: number, connection: Connection) => {
      const settle = (status: number) => {
        latencies.push(performance.now() - start - at)
        statuses[status] = (statuses[status] ?? 0) + 1
        free.push(connection)
        give()
        if (latencies.length === total) resolve({ latencies, statuses })
      }
      connection.send(next(sent++)).then(
        ({ status }: Answer) => settle(status),
        () => settle(0),
      )
    }
    const give = () => {
      while (waiting.length > 0 && free.length > 0) send(waiting.shift()!, free.pop()!)
    }
    const timer = setInterval(() => {
      const now = Math.min(total, dueAfter(performance.now() - start, rate))
      for (; due < now; due++) waiting.push((1000 * due) / rate)
      give()
      if (due === total) clearInterval(timer)
    }, 1)
  })
}
