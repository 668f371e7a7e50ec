/** Watches the events of one browser: none is lost between being acknowledged to the page and being counted once. */
import type { CallOutput } from '../../shared/protocol.ts'
import type { Fail } from './invariants.ts'
import type { SimServer } from './server.ts'
import type { SimStorage } from './storage.ts'

/** What the user did in one call of `track`: the names of its first and of its last event, which no other has. */
interface Tracked {
  readonly first: string
  readonly last: string
  state: 'open' | 'done' | 'failed'
  /** Storage was evicted, or everything forgotten, since: it may never arrive. */
  mayBeMissing: boolean
  /** The device lost its name while this waited: nobody can know that the server had it already. */
  mayBeTwice: boolean
  /** Whether the server has it under the name that the device still goes by. */
  known: boolean
  /** The server has confirmed that it erased this. */
  forgotten: boolean
  /** The device has said that it will have the server erase this. */
  owed: boolean
}

export interface EventsWatch {
  /** The user does something; what it gives hears how the call ended. */
  tracks(first: string, last: string): (how: 'done' | 'failed') => void
  committed(tables: ReadonlySet<string>): void
  evicted(table: string | undefined): void
  /** The user wants to be forgotten; what it gives hears what was answered, if anything was. */
  forgets(): (answer: CallOutput<'forget'> | undefined) => void
  /** Whether the device still has something to ask of the server. */
  owing(): boolean
  /** All is over, and everything should have arrived. */
  finish(): void
}

export function watchEvents(storage: SimStorage, server: SimServer, fail: Fail): EventsWatch {
  const all: Tracked[] = []
  let waiting = new Set<string>()
  let forgetting = 0

  return {
    tracks(first, last) {
      const one: Tracked = {
        first,
        last,
        state: 'open',
        mayBeMissing: forgetting > 0,
        mayBeTwice: false,
        known: true,
        forgotten: false,
        owed: false,
      }
      all.push(one)
      return (how) => {
        one.state = how
      }
    },

    committed(tables) {
      if (!tables.has('outbox')) return
      const now = new Set(storage.rows<{ id: string }>('outbox').map(({ id }) => id))
      const left = [...waiting].filter((id) => !now.has(id))
      waiting = now
      if (forgetting > 0) return
      const lost = left.filter((id) => !server.has(id) && !server.gone.has(id))
      if (lost.length > 0)
        fail('counted-once', `${lost.length} events left the outbox that the server never had`)
    },

    evicted(table) {
      if (table === undefined || table === 'outbox') waiting = new Set()
      for (const one of all) {
        if (table === undefined || table === 'outbox') one.mayBeMissing = true
        if (table === undefined || table === 'state') {
          one.mayBeTwice = true
          one.known = false
          // So is the debt.
          one.owed = false
        }
      }
    },

    forgets() {
      forgetting++
      const before = all.filter(({ state, known }) => state !== 'open' && known)
      for (const one of all) {
        one.mayBeMissing = true
        one.known = false
      }
      return (answer) => {
        forgetting--
        for (const one of all) one.mayBeMissing = true
        for (const one of before) {
          one.forgotten ||= answer?.server != null
          one.owed ||= answer?.owed === true
        }
      }
    },

    owing: () => storage.rows<{ key: string }>('state').some(({ key }) => key === 'owed'),

    finish() {
      const counts = new Map<string, number>()
      for (const { event } of server.counted())
        if (event.type === 'behaviour') counts.set(event.name, (counts.get(event.name) ?? 0) + 1)
      const missing: string[] = []
      for (const one of all) {
        const { first, state, mayBeMissing, mayBeTwice, forgotten, owed } = one
        const times = counts.get(first) ?? 0
        const excused = mayBeMissing || server.lost.has(first)
        if (times > 1 && !mayBeTwice) fail('counted-once', `${first} was counted ${times} times`)
        if (forgotten && times > 0) fail('forgotten', `${first} is back`)
        if (owed && times > 0) fail('owed', `${first} is still there`)
        if (times !== (counts.get(one.last) ?? 0) && !mayBeTwice && !excused)
          fail('counted-once', `of what came with ${first} only a part was counted`)
        if (times === 0 && state === 'done' && !excused) missing.push(first)
      }
      if (missing.length > 0) fail('counted-once', `never counted: ${missing.join(', ')}`)
    },
  }
}
