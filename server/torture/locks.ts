/** The Web Locks of one simulated browser: each grant is a step of the tab that asked, and a dead tab holds none. */
import type { Locks } from '../../worker/platform.ts'
import type { Owner, Schedule } from './schedule.ts'

interface Claim {
  readonly tab: Owner
  readonly shared: boolean
  readonly grant: () => void
  readonly lose: (why: unknown) => void
}

export interface SimLocks {
  forTab(tab: Owner): Locks
  /** Gives up what the tab holds or waits for. */
  drop(tab: Owner): void
}

export function createSimLocks(schedule: Schedule): SimLocks {
  const holders = new Map<string, Claim[]>()
  const queues = new Map<string, Claim[]>()
  const of = (map: Map<string, Claim[]>, name: string) => map.get(name) ?? []
  const add = (map: Map<string, Claim[]>, name: string, claim: Claim) =>
    map.set(name, [...of(map, name), claim])
  const keep = (map: Map<string, Claim[]>, name: string, wanted: (claim: Claim) => boolean) =>
    map.set(name, of(map, name).filter(wanted))
  const fits = (name: string, shared: boolean) =>
    of(holders, name).length === 0 || (shared && of(holders, name).every((one) => one.shared))

  function give(name: string, claim: Claim): void {
    add(holders, name, claim)
    schedule.at(schedule.random.below(2), claim.tab, `gets ${name}`, claim.grant)
  }
  function serve(name: string): void {
    for (let next = of(queues, name)[0]; next && fits(name, next.shared); next = of(queues, name)[0]) {
      const first = next
      keep(queues, name, (claim) => claim !== first)
      give(name, first)
    }
  }

  return {
    forTab: (tab) => ({
      request(name, { mode = 'exclusive', ifAvailable = false, steal = false, signal }, work) {
        return new Promise((resolve, reject) => {
          // Killed in the middle of a step, it may still get as far as here.
          if (tab.state === 'dead') return
          if (signal?.aborted) return reject(signal.reason)
          const shared = mode === 'shared'
          if (ifAvailable && (of(queues, name).length > 0 || !fits(name, shared)))
            return void schedule.at(0, tab, '', () => void work(null).then(resolve, reject))
          const leave = () => {
            if (!of(queues, name).includes(claim)) return
            keep(queues, name, (one) => one !== claim)
            reject(signal?.reason)
            serve(name)
          }
          const release = () => {
            keep(holders, name, (one) => one !== claim)
            serve(name)
          }
          const claim: Claim = {
            tab,
            shared,
            lose: reject,
            grant() {
              signal?.removeEventListener('abort', leave)
              if (of(holders, name).includes(claim))
                void work({ name, mode }).finally(release).then(resolve, reject)
            },
          }
          signal?.addEventListener('abort', leave)
          if (steal) {
            for (const other of of(holders, name))
              schedule.at(0, other.tab, `loses ${name}`, () =>
                other.lose(new DOMException('The lock was stolen.', 'AbortError')),
              )
            holders.set(name, [])
            give(name, claim)
          } else {
            add(queues, name, claim)
            serve(name)
          }
        })
      },
    }),

    drop(tab) {
      const names = new Set([...holders.keys(), ...queues.keys()])
      for (const map of [holders, queues])
        for (const name of names) keep(map, name, (claim) => claim.tab !== tab)
      for (const name of names) serve(name)
    },
  }
}
