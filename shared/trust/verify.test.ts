import { beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../hash.ts'
import { checkFiles, manifestBytes } from '../tasks/manifest.ts'
import {
  built,
  delivery,
  first,
  good,
  means,
  prepare,
  refused,
  rootOf,
  second,
  secrets,
  tasksOf,
} from './delivery-kit.ts'
import { byPlatform } from './ed25519.ts'
import type { Root } from './metadata.ts'
import { sign } from './sign.ts'
import { approved, checkData, pinned, verify } from './verify.ts'

beforeAll(prepare)

describe('an honest delivery', () => {
  it('is trusted, and what it approves can be fetched and checked', async () => {
    const trusted = await verify(built(), await delivery(), means)
    expect(tasksOf(trusted)).toEqual(['rank v1'])
    const hash = await sha256(manifestBytes(first))
    expect(approved(trusted, { task: 'rank', version: 1, manifest: hash })).toEqual({
      sha256: hash,
      bytes: manifestBytes(first).length,
    })
    await checkFiles(first, good)
  })

  it('goes on from what was stored, and need not bring what is there already', async () => {
    const trusted = JSON.parse(JSON.stringify(await verify(built(), await delivery(), means)))
    const { snapshot, list } = await delivery({ version: 2, active: [second] })
    expect(tasksOf(await verify(trusted, { snapshot, list }, means))).toEqual(['rank v2'])
    const again = await delivery({ version: 3 })
    expect(tasksOf(await verify(trusted, { snapshot: again.snapshot }, means))).toEqual(['rank v1'])
  })

  it('may give back an earlier version of a task: that is what a rollback is', async () => {
    const trusted = await verify(built(), await delivery({ active: [second] }), means)
    expect(tasksOf(await verify(trusted, await delivery({ version: 2 }), means))).toEqual(['rank v1'])
  })

  it('may be rules for all, that each device applies to itself', async () => {
    const trusted = await verify(built(), await delivery({ list: { kind: 'rules', changes: [] } }), means)
    expect(trusted.list?.document).toEqual({ kind: 'rules', changes: [] })
  })
})

describe('the data', () => {
  const data = (version: number, hash = 'a') => ({ version, sha256: hash.repeat(64), bytes: 9 })

  it('are those that the snapshot names, and no others', async () => {
    const trusted = await verify(built(), await delivery({ data: data(1) }), means)
    expect(() => checkData(trusted, 'a'.repeat(64))).not.toThrow()
    const why = 'The data are not those that the snapshot names.'
    expect(() => checkData(trusted, 'b'.repeat(64))).toThrow(why)
    expect(() => checkData(built(), 'a'.repeat(64))).toThrow(why)
    const none = await verify(built(), await delivery(), means)
    expect(() => checkData(none, 'a'.repeat(64))).toThrow(why)
  })

  it('of an earlier day do not come back with the snapshot of the same moment', async () => {
    const trusted = await verify(built(), await delivery({ data: data(2, 'b') }), means)
    const earlier = await delivery({ data: data(1) })
    await refused(trusted, earlier, /names data of version 1, and 2 was there before/)
    await refused(trusted, await delivery(), /names data of version 0/)
    // A backup that was restored has them.
    await verify(trusted, await delivery({ version: 2, data: data(1) }), means)
  })
})

describe('the first root', () => {
  const first = (version = 1, by = 'RS') => sign(rootOf(version), secrets(by), byPlatform)

  it('is trusted by who trusts nothing yet, if it is signed by itself', async () => {
    expect(await pinned(await first(), undefined, byPlatform)).toEqual(built())
    const cases = [
      [await first(2), /The first root has version 2/],
      [await first(1, 'RU'), /The root has 1 of 2 signatures/],
      [(await delivery()).snapshot, /The root at type/],
    ] as const
    for (const [bytes, why] of cases) await expect(pinned(bytes, undefined, byPlatform)).rejects.toThrow(why)
  })

  it('must be the one that the app was made for, if that is known', async () => {
    const bytes = await first()
    expect(await pinned(bytes, await sha256(bytes), byPlatform)).toEqual(built())
    await expect(pinned(await first(1, 'RST'), await sha256(bytes), byPlatform)).rejects.toMatchObject({
      code: 'bad-artifact',
      message: 'The root of this server is not the one that this app was made for.',
    })
  })
})

describe('the root', () => {
  it('hands over to the next one, however many were missed, each signed by the keys of both', async () => {
    const roots = [
      await sign(rootOf(2, { root: 'RSU' }), secrets('RS'), byPlatform),
      await sign(rootOf(3, { root: 'UVT' }), secrets('RUV'), byPlatform),
    ]
    // Version 3 has R of the old ones only once: two of 2's must sign, and R and U are.
    const trusted = await verify(built(), { ...(await delivery()), roots }, means)
    expect(trusted.root.version).toBe(3)
    await refused(
      trusted,
      { ...(await delivery()), roots: [roots[0]!] },
      /The root has version 2, and 4 is the next/,
    )
    await refused(
      built(),
      { ...(await delivery()), roots: [roots[1]!] },
      /The root has version 3, and 2 is the next/,
    )
  })

  it('is not changed by fewer than so many, nor by its new keys alone, nor without them', async () => {
    const update = await delivery()
    const tried = async (letters: string, root: Root, why: RegExp) =>
      refused(built(), { ...update, roots: [await sign(root, secrets(letters), byPlatform)] }, why)
    await tried('R', rootOf(2), /The root has 1 of 2/)
    await tried('UV', rootOf(2, { root: 'UV' }), /The root has 0 of 2/)
    await tried('RS', rootOf(2, { root: 'UV' }), /The root has 0 of 2/)
    await tried('ao', rootOf(2), /The root has 0 of 2/)
  })

  it('has no key that is used for something else as well', async () => {
    const update = await delivery()
    for (const roles of [{ snapshot: 'R' }, { targets: 'S' }, { targets: 'o', snapshot: 'o' }]) {
      const roots = [await sign(rootOf(2, roles), secrets('RS'), byPlatform)]
      await refused(
        built(),
        { ...update, roots },
        /a key of the root does nothing else|who approves is not online/,
      )
    }
  })
})
