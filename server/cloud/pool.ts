/** Many pieces of work for several threads: results come back in the order of the pieces, and no faster than they are taken. */
import { availableParallelism } from 'node:os'
import type { Jobs } from './jobs.ts'
import { createThread, type Place } from './thread.ts'

/** Pieces that a thread has before it: while the results of one are written it works at the next. */
const AHEAD = 2

export type PoolJob = 'shown' | 'make'

export interface Pool {
  /** Has every piece worked at, and each result taken before the next one is. */
  each<N extends PoolJob>(
    name: N,
    pieces: readonly Parameters<Jobs[N]>[0][],
    take: (result: Awaited<ReturnType<Jobs[N]>>, piece: number) => Promise<void>,
  ): Promise<void>
  close(): Promise<void>
}

/** The same without threads. */
export const inThisThread = (jobs: Pick<Jobs, PoolJob>): Pool => ({
  async each(name, pieces, take) {
    const job = jobs[name] as (piece: unknown) => Promise<Awaited<ReturnType<Jobs[typeof name]>>>
    for (const [i, piece] of pieces.entries()) await take(await job(piece), i)
  },
  close: async () => {},
})

/** Threads start with the first piece, one for each core. */
export function createPool(place: Place, size = Math.min(8, availableParallelism())): Pool {
  const threads = Array.from({ length: size }, () => createThread(place))
  return {
    async each(name, pieces, take) {
      const running = new Map<number, Promise<unknown>>()
      let begun = 0
      for (let piece = 0; piece < pieces.length; piece++) {
        for (; begun < pieces.length && begun < piece + AHEAD * size; begun++) {
          const result = threads[begun % size]!.run(name, pieces[begun]!)
          // Who fails is heard when it is their turn.
          result.catch(() => {})
          running.set(begun, result)
        }
        const result = (await running.get(piece)) as Awaited<ReturnType<Jobs[typeof name]>>
        running.delete(piece)
        await take(result, piece)
      }
    },
    close: async () => void (await Promise.all(threads.map((thread) => thread.close()))),
  }
}
