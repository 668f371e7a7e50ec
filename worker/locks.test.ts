import { expect, test } from 'vitest'
import { createLocks, holding, locksOf } from './locks.ts'
import type { Locks } from './platform.ts'
import { deferred } from './turns.ts'

/** Holds `name` until `release` is called; `order` hears when each request gets it. */
function holder(locks: ReturnType<typeof createLocks>, order: string[]) {
  return (label: string, mode: 'exclusive' | 'shared', signal?: AbortSignal) => {
    const gate = deferred<void>()
    const done = locks.request('x', signal ? { mode, signal } : { mode }, async () => {
      order.push(label)
      await gate.promise
    })
    return { release: () => gate.resolve(), done }
  }
}

test('exclusive requests get the lock one after the other, in the order in which they asked', async () => {
  const order: string[] = []
  const hold = holder(createLocks(), order)
  const [a, b, c] = [hold('a', 'exclusive'), hold('b', 'exclusive'), hold('c', 'exclusive')]
  expect(order).toEqual(['a'])
  a.release()
  await a.done
  b.release()
  await b.done
  c.release()
  await c.done
  expect(order).toEqual(['a', 'b', 'c'])
})

test('shared holders coexist; an exclusive one waits for all of them, and a later shared one waits behind it', async () => {
  const order: string[] = []
  const hold = holder(createLocks(), order)
  const [a, b] = [hold('a', 'shared'), hold('b', 'shared')]
  const writer = hold('writer', 'exclusive')
  const late = hold('late', 'shared')
  expect(order).toEqual(['a', 'b'])
  a.release()
  await a.done
  expect(order).toEqual(['a', 'b'])
  b.release()
  await b.done
  writer.release()
  await writer.done
  late.release()
  await late.done
  expect(order).toEqual(['a', 'b', 'writer', 'late'])
})

test('ifAvailable never waits: the work gets null while the lock is held', async () => {
  const locks = createLocks()
  const a = holder(locks, [])('a', 'exclusive')
  const free = (mode: 'exclusive' | 'shared') =>
    locks.request('x', { mode, ifAvailable: true }, async (lock) => lock !== null)
  expect(await free('shared')).toBe(false)
  expect(await locks.request('y', { ifAvailable: true }, async (lock) => lock !== null)).toBe(true)
  a.release()
  await a.done
  expect(await free('exclusive')).toBe(true)
})

test('work that throws gives the lock back, and its error comes out', async () => {
  const locks = createLocks()
  await expect(locks.request('x', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await locks.request('x', { ifAvailable: true }, async (lock) => lock !== null)).toBe(true)
})

test('a request that is aborted while it waits leaves the queue', async () => {
  const order: string[] = []
  const hold = holder(createLocks(), order)
  const a = hold('a', 'exclusive')
  const abort = new AbortController()
  const b = hold('b', 'exclusive', abort.signal)
  const c = hold('c', 'exclusive')
  abort.abort(new Error('enough'))
  await expect(b.done).rejects.toThrow('enough')
  a.release()
  await a.done
  c.release()
  await c.done
  expect(order).toEqual(['a', 'c'])
})

test('a lock that is stolen goes to the thief; the request of its holder fails, and the queue waits on', async () => {
  const locks = createLocks()
  const order: string[] = []
  const hold = holder(locks, order)
  const robbed = hold('robbed', 'exclusive')
  const waiting = hold('waiting', 'exclusive')
  const gate = deferred<void>()
  const thief = locks.request('x', { steal: true }, async () => {
    order.push('thief')
    await gate.promise
  })
  await expect(robbed.done).rejects.toMatchObject({ name: 'AbortError' })
  robbed.release() // its work ends after all, and gives back nothing that it has
  await Promise.resolve()
  expect(order).toEqual(['robbed', 'thief'])
  gate.resolve()
  await thief
  waiting.release()
  await waiting.done
  expect(order).toEqual(['robbed', 'thief', 'waiting'])
})

test('work that loses its lock is told to stop, and so is that of a caller who has enough', async () => {
  const locks = createLocks()
  const stopped = deferred<unknown>()
  const untilStopped = (stop: AbortSignal) =>
    new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => {
        stopped.resolve(stop.reason)
        resolve()
      })
    })
  const robbed = holding(locks, 'x', new AbortController().signal, untilStopped)
  await locks.request('x', { steal: true }, async () => {})
  await expect(robbed).rejects.toMatchObject({ name: 'AbortError' })
  expect(await stopped.promise).toMatchObject({ code: 'cancelled' })

  const caller = new AbortController()
  const work = holding(locks, 'x', caller.signal, untilStopped)
  caller.abort(new Error('enough'))
  await work
  expect(await holding(locks, 'x', new AbortController().signal, async () => 'free')).toBe('free')
})

test('one account’s locks are not another’s', async () => {
  const locks = createLocks()
  const [anna, ben] = ['anna', 'ben'].map((account) => locksOf(account, locks))
  await anna!.request('x', {}, async () => {
    const free = (of: Locks) => of.request('x', { ifAvailable: true }, async (lock) => lock !== null)
    expect(await Promise.all([anna!, ben!, locks].map(free))).toEqual([false, true, true])
  })
})
