import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Registration } from '../../shared/api.ts'
import type { Users } from '../store/ports/users.ts'
import { createCredentials } from './credentials.ts'

/** What is needed of a store, in memory, each answer a moment later; `reads` counts what was looked up. */
function memory() {
  const rows = new Map<string, { user: number; credential: Buffer; next?: Buffer }>()
  let users = 0
  let reads = 0
  const later = () => new Promise<void>((resolve) => setImmediate(resolve))
  const store = {
    async register(device: string, credential: Buffer) {
      await later()
      rows.set(device, { user: users, credential })
      return users++
    },
    async byDevice(device: string) {
      reads++
      const row = rows.get(device)
      // Longer than anything takes to change it.
      for (let i = 0; i < 4; i++) await later()
      return row
    },
    async setCredential(device: string, credential: Buffer, next?: Buffer) {
      await later()
      const row = rows.get(device)
      if (row) rows.set(device, { user: row.user, credential, ...(next && { next }) })
      return row !== undefined
    },
    async removeDevice(device: string) {
      await later()
      return rows.delete(device)
    },
    devicesOf: async (user: number) =>
      [...rows].flatMap(([device, row]) => (row.user === user ? device : [])),
  } as unknown as Users
  const erase = async (user: number) => {
    await later()
    for (const [device, row] of rows) if (row.user === user) rows.delete(device)
  }
  return { credentials: createCredentials(store), erase, reads: () => reads }
}

describe('credentials', () => {
  it('are looked up once, and then known until they are not any more', async () => {
    const { credentials, reads, erase } = memory()
    const { device, credential } = await credentials.register(0)
    for (let i = 0; i < 3; i++) expect(await credentials.authenticate(credential)).toBe(0)
    expect(reads()).toBe(1)
    await credentials.revoke(device)
    expect(await credentials.authenticate(credential)).toBeUndefined()
    const other = await credentials.register(0)
    expect(await credentials.authenticate(other.credential)).toBe(1)
    await credentials.forget(1, () => erase(1))
    expect(await credentials.authenticate(other.credential)).toBeUndefined()
  })

  it('that are looked up while they are revoked or erased are not remembered', async () => {
    const { credentials, erase } = memory()
    for (const [user, take] of (['revoke', 'forget'] as const).entries()) {
      const { device, credential } = await credentials.register(0)
      const tried = Array.from({ length: 5 }, () => credentials.authenticate(credential))
      const gone =
        take === 'revoke' ? credentials.revoke(device) : credentials.forget(user, () => erase(user))
      await Promise.all([gone, ...tried])
      expect(await credentials.authenticate(credential)).toBeUndefined()
    }
  })

  it.each([0, 1, 2, 3])(
    'of whom one renews the old one, and one shows the new one %d moments before, exactly one is right',
    async (head) => {
      const { credentials } = memory()
      const old = await credentials.register(0)
      const next = (await credentials.renew(old.credential))!
      const showing = credentials.authenticate(next.credential)
      for (let i = 0; i < head; i++) await new Promise<void>((resolve) => setImmediate(resolve))
      const [shown, renewed] = await Promise.all([showing, credentials.renew(old.credential)])
      expect(shown === undefined).toBe(renewed !== undefined)
      const right = renewed ?? next
      expect(await credentials.authenticate(right.credential)).toBe(0)
    },
  )

  it.each(['', '.', 'x', 'x.', '.x', `${'d'.repeat(81)}.x`, `d.${'x'.repeat(300)}`])(
    'are not %j',
    async (odd) => {
      const { credentials, reads } = memory()
      expect(await credentials.authenticate(odd)).toBeUndefined()
      expect(await credentials.renew(odd)).toBeUndefined()
      expect(reads()).toBe(0)
    },
  )

  /** Of one device: what is accepted, what would replace it, and all that was ever given out. */
  interface Model {
    current: string
    next: string | undefined
    readonly given: string[]
  }

  it('are, whatever is renewed, lost and shown, the newest that was shown and the newest that was given', async () => {
    const step = fc.record({ device: fc.nat(2), what: fc.constantFrom('renew', 'show'), which: fc.nat(20) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { credentials } = memory()
        const made: Registration[] = []
        for (let i = 0; i < 3; i++) made.push(await credentials.register(0))
        const models = made.map(
          ({ credential }): Model => ({ current: credential, next: undefined, given: [credential] }),
        )
        for (const { device, what, which } of steps) {
          const model = models[device]!
          const shown = model.given[which % model.given.length]!
          const accepted = shown === model.current || shown === model.next
          if (accepted && shown === model.next) Object.assign(model, { current: shown, next: undefined })
          if (what === 'show') {
            expect(await credentials.authenticate(shown)).toBe(accepted ? device : undefined)
            continue
          }
          const renewed = await credentials.renew(shown)
          expect(renewed?.device).toBe(accepted ? made[device]!.device : undefined)
          if (renewed) {
            model.next = renewed.credential
            model.given.push(renewed.credential)
          }
        }
      }),
      { seed: 11, numRuns: 100 },
    )
  })
})
