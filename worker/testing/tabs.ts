/** Tabs of one browser that end and sleep as real ones do, and time that a test lets pass. */

import type { HeadlessStorage } from '../headless.ts'
import type { Locks, Platform, TabChannel } from '../platform.ts'
import { deferred, unlessAborted } from '../turns.ts'

/** Timers that fire when the test lets time pass. */
export function handTimers() {
  let now = 0
  let waiting: { at: number; work: () => void }[] = []
  return {
    after(ms: number, work: () => void) {
      const timer = { at: now + ms, work }
      waiting.push(timer)
      return () => {
        waiting = waiting.filter((other) => other !== timer)
      }
    },
    /** How long each of those that wait has still to wait, ms. */
    waiting: () => waiting.map(({ at }) => at - now).sort((a, b) => a - b),
    pass(ms: number) {
      now += ms
      const due = waiting.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
      waiting = waiting.filter(({ at }) => at > now)
      for (const { work } of due) work()
    },
  }
}

/** What one tab has of the browser that all share. */
export function createTab(storage: HeadlessStorage) {
  const gone = new AbortController()
  const channel = storage.joinTabs()
  const timers = handTimers()
  let asleep: ReturnType<typeof deferred<void>> | undefined
  /** What sleeps goes on when it wakes; what is gone never does. */
  const awake = async () => {
    await asleep?.promise
    if (gone.signal.aborted) await new Promise(() => {})
  }

  const locks: Locks = {
    request: (name, options, work) => {
      const signal = options.signal ? AbortSignal.any([options.signal, gone.signal]) : gone.signal
      return storage.locks.request(name, { ...options, signal }, (lock) =>
        unlessAborted(work(lock), gone.signal),
      )
    },
  }
  const tabs: TabChannel = {
    post: (message) => void awake().then(() => channel.post(message)),
    onMessage: (listener) => channel.onMessage((message) => void awake().then(() => listener(message))),
  }

  return {
    /** For a device in this tab that lives on `platform` otherwise. */
    changes: ({ fetch }: Pick<Platform, 'fetch'>): Pick<Platform, 'locks' | 'tabs' | 'after' | 'fetch'> => ({
      locks,
      tabs,
      after: timers.after,
      async fetch(path, request) {
        await awake()
        const response = await fetch(path, request)
        await awake()
        return response
      },
    }),
    timers,
    /** It ends without a word: what it held is free, and nothing is heard of it. */
    crash: () => gone.abort(new Error('The tab crashed.')),
    /** It keeps what it holds, and neither hears nor says anything. */
    sleep() {
      asleep = deferred<void>()
    },
    wake() {
      asleep?.resolve()
      asleep = undefined
    },
  }
}
