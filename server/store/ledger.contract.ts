/** What every store must do with changes that stay for ever, and with what devices say of themselves. */
import { describe, expect, it } from 'vitest'
import { type Fixture, secret } from './contract-kit.ts'

export function ledgerContract(at: Fixture): void {
  describe('the ledger', () => {
    it('numbers what is appended, and keeps it', async () => {
      for (const n of [1, 2, 3]) expect(await at.store.ledger.append(n, { n, text: 'é✓' })).toBe(true)
      await at.reopen()
      expect(await at.store.ledger.count()).toBe(3)
      expect(await at.store.ledger.read(2)).toEqual([
        { n: 2, text: 'é✓' },
        { n: 3, text: 'é✓' },
      ])
      expect(await at.store.ledger.read(1, 1)).toEqual([{ n: 1, text: 'é✓' }])
    })

    it('changes nothing that stands in it, leaves no gap, and lets one of several win', async () => {
      expect(await Promise.all([1, 2, 3].map((value) => at.store.ledger.append(1, value)))).toEqual([
        true,
        false,
        false,
      ])
      expect(await at.store.ledger.append(3, 'gap')).toBe(false)
      expect(await at.store.ledger.append(1, 'again')).toBe(false)
      expect(await at.store.ledger.read(1)).toEqual([1])
    })
  })

  describe('what devices say of themselves', () => {
    it('is there as it was said last, with what was given for it, and goes with the device and with its user', async () => {
      const { users } = at.store
      const user = await users.register('1', secret(1), 7)
      await users.register('2', secret(2), 8)
      expect(await at.store.deviceFacts.put({ id: '1', country: 'DE' })).toBe(true)
      expect(await at.store.deviceFacts.put({ id: '1', country: 'FR', capabilities: ['webgpu'] })).toBe(true)
      expect(await at.store.deviceFacts.put({ id: '2' }, { rank: 1 })).toBe(true)
      expect(await at.store.deviceFacts.put({ id: '2' }, { rank: 2, filter: 1 })).toBe(true)
      expect(await at.store.deviceFacts.put({ id: '3' })).toBe(false)
      await at.reopen()
      const all: unknown[] = []
      for await (const one of at.store.deviceFacts.all()) all.push(one)
      expect(all).toEqual([{ id: '1', country: 'FR', capabilities: ['webgpu'] }, { id: '2' }])
      const given: unknown[] = []
      for await (const one of at.store.deviceFacts.given()) given.push([one.info.id, one.given])
      expect(given).toEqual([
        ['1', undefined],
        ['2', { rank: 2, filter: 1 }],
      ])
      await at.store.users.removeDevice('2')
      expect(await at.store.deviceFacts.of('2')).toBeUndefined()
      await at.store.erase(user)
      expect(await at.store.deviceFacts.count()).toBe(0)
    })
  })
}
