import { expect, it } from 'vitest'
import type { Status } from '../shared/protocol.ts'
import { createStore } from './store.ts'
import { syncLater } from './sync.ts'

type Seen = Pick<Status, 'online' | 'events'>
const at = (online: boolean, waiting: number): Seen => ({ online, events: { waiting, delivered: 0 } })
const turn = () => new Promise((resolve) => setTimeout(resolve))

/** What was asked of the service worker after each status. */
async function asked(statuses: readonly (Seen | null)[], register = async () => {}) {
  const tags: string[] = []
  const sync = {
    register(tag: string) {
      tags.push(tag)
      return register()
    },
  }
  const status = createStore<Seen | null>(null)
  syncLater(status, { ready: Promise.resolve({ scope: '/', sync }) })
  for (const now of statuses) status.set(now)
  await turn()
  return tags
}

it('asks once, when the server cannot be reached and something waits', async () => {
  expect(await asked([null, at(true, 0), at(true, 3)])).toEqual([])
  expect(await asked([at(false, 0)])).toEqual([])
  expect(await asked([at(true, 3), at(false, 3), at(false, 4), at(false, 5)])).toEqual(['kindred:outbox'])
})

it('asks again the next time', async () => {
  expect(await asked([at(false, 3), at(true, 0), at(false, 1)])).toHaveLength(2)
})

it('does without where the browser has none, or refuses', async () => {
  const refused = () => Promise.reject(new DOMException('', 'NotAllowedError'))
  expect(await asked([at(false, 3)], refused)).toHaveLength(1)
  const status = createStore<Seen | null>(null)
  syncLater(status, undefined)
  syncLater(status, { ready: Promise.resolve({ scope: '/' }) })
  status.set(at(false, 3))
  await turn()
})
