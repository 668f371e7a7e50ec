import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../hash.ts'
import { draft, text } from '../tasks/fixtures.ts'
import { checkFiles, manifestBytes, sealTask } from '../tasks/manifest.ts'
import {
  type Bytes,
  built,
  DAY,
  delivery,
  first,
  good,
  means,
  NOW,
  prepare,
  refused,
  rootOf,
  second,
  secrets,
  tasksOf,
} from './delivery-kit.ts'
import { byPlatform } from './ed25519.ts'
import { sign } from './sign.ts'
import { approved, verify } from './verify.ts'

beforeAll(prepare)

describe('an attacker who has the server’s files, and no key', () => {
  it('replays an old list', async () => {
    const old = await delivery({ version: 4 })
    const trusted = await verify(built(), await delivery({ version: 5, active: [second] }), means)
    await refused(trusted, old, /version 4, and 5 was there before/)
  })

  it('replays an old list with the new targets', async () => {
    const old = await delivery({ version: 4 })
    const now = await delivery({ version: 5, targetsVersion: 2 })
    await refused(
      await verify(built(), now, means),
      { ...now, snapshot: old.snapshot, list: old.list },
      /version 4/,
    )
  })

  it('mixes two snapshots, in either way', async () => {
    const one = await delivery({ version: 1, targetsVersion: 1, manifests: [first] })
    const two = await delivery({ version: 2, targetsVersion: 2, active: [second] })
    await refused(
      built(),
      { ...two, targets: one.targets },
      /The targets is not the one|targets .* snapshot names/,
    )
    await refused(built(), { ...two, list: one.list }, /The list is not the one that the snapshot names/)
    await refused(built(), { ...one, targets: two.targets }, /snapshot names/)
  })

  it('swaps the script, or the manifest that names it', async () => {
    const trusted = await verify(built(), await delivery(), means)
    const swapped = { script: text('fetch("https://evil.invalid")') }
    await expect(checkFiles(first, swapped)).rejects.toMatchObject({ code: 'bad-artifact' })
    const forged = await sealTask(draft(), 1, swapped)
    const manifest = await sha256(manifestBytes(forged))
    expect(() => approved(trusted, { task: 'rank', version: 1, manifest })).toThrow(
      /was not approved as it is listed/,
    )
  })

  it('cuts the model short', async () => {
    const named = draft({ models: { reads: [], writes: ['ranking'], initial: 'ranking' } })
    const whole = { ...good, model: text('weights of a model') }
    const manifest = await sealTask(named, 1, whole)
    const cut = { ...whole, model: whole.model.subarray(0, 5) }
    await expect(checkFiles(manifest, cut)).rejects.toThrow(/The model of rank v1 is not the one it promises/)
  })

  it('keeps handing out what has expired', async () => {
    const old = await delivery({ expires: NOW + DAY })
    const trusted = await verify(built(), old, means)
    await refused(trusted, old, /The snapshot has expired/, { ...means, now: NOW + DAY })
    const stale = await delivery({ version: 2, targetsExpire: NOW + DAY, expires: NOW + 9 * DAY })
    const known = await verify(built(), stale, means)
    await refused(known, { snapshot: stale.snapshot }, /The targets have expired/, {
      ...means,
      now: NOW + DAY,
    })
    const root = { root: rootOf(1, {}, { expires: NOW }) }
    await refused(root, await delivery(), /The root has expired/)
  })

  it('hands one device the list of another', async () => {
    await refused(built(), await delivery(), /another device’s/, { ...means, device: 'device-2' })
  })

  it('changes any one byte of anything', async () => {
    const honest = await delivery()
    const kinds = ['snapshot', 'targets', 'list'] as const
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...kinds),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (kind, n, by) => {
          const bytes: Bytes = honest[kind]
          const at = n % bytes.length
          const changed = { ...honest, [kind]: bytes.with(at, bytes[at]! ^ by) }
          await expect(verify(built(), changed, means)).rejects.toMatchObject({ code: 'bad-artifact' })
        },
      ),
      { seed: 2, numRuns: 150 },
    )
  })

  it('sends anything at all', async () => {
    const honest = await delivery()
    const deep = text('['.repeat(100_000) + ']'.repeat(100_000))
    const envelope = text('{"signed":{"type":"snapshot","name":"\\ud800"},"signatures":[]}')
    for (const junk of [
      text(''),
      text('null'),
      text('{}'),
      Uint8Array.of(0xff),
      deep,
      envelope,
      new Uint8Array(3 << 20),
    ])
      for (const kind of ['snapshot', 'targets', 'list'] as const)
        await refused(built(), { ...honest, [kind]: junk }, /./)
    await refused(
      built(),
      { snapshot: honest.snapshot, list: honest.list },
      /targets that the snapshot names did not come/,
    )
  })

  it('signs with a key of nobody’s, or with a good key for another role, or twice with the same', async () => {
    await refused(built(), await delivery({ online: 'O' }), /The snapshot has 0 of 1 signatures that count/)
    await refused(built(), await delivery({ online: 'a' }), /The snapshot has 0 of 1/)
    await refused(built(), await delivery({ approver: 'o' }), /The targets has 0 of 1/)
    const twice = await sign(rootOf(2), secrets('RR'), byPlatform)
    await refused(built(), { ...(await delivery()), roots: [twice] }, /The root has 1 of 2/)
  })
})

describe('an attacker who has stolen the online key', () => {
  it('chooses among what was approved, and delivers nothing else', async () => {
    const evil = await sealTask(draft(), 3, { script: text('evil') })
    await refused(built(), await delivery({ active: [evil] }), /rank v3 was not approved as it is listed/)
    await refused(
      built(),
      await delivery({ active: [evil], manifests: [evil], approver: 'o' }),
      /targets has 0 of 1/,
    )
    expect(tasksOf(await verify(built(), await delivery({ active: [second] }), means))).toEqual(['rank v2'])
  })

  it('is shut out by the next root', async () => {
    const trusted = await verify(built(), await delivery(), means)
    const roots = [await sign(rootOf(2, { snapshot: 'O' }), secrets('RS'), byPlatform)]
    await refused(trusted, { ...(await delivery({ version: 9 })), roots }, /The snapshot has 0 of 1/)
    const honest = await verify(trusted, { ...(await delivery({ version: 2, online: 'O' })), roots }, means)
    expect(honest.root.version).toBe(2)
  })

  it('signs a version that none comes after; the next root forgets it, but not what was approved', async () => {
    const trapped = await verify(
      built(),
      await delivery({ version: Number.MAX_SAFE_INTEGER, targetsVersion: 7 }),
      means,
    )
    await refused(
      trapped,
      await delivery({ version: 8, targetsVersion: 7 }),
      /version 8, and 9007199254740991/,
    )
    const roots = [await sign(rootOf(2, { snapshot: 'O' }), secrets('RT'), byPlatform)]
    const free = { ...(await delivery({ version: 8, targetsVersion: 7, online: 'O' })), roots }
    expect((await verify(trapped, free, means)).snapshot?.version).toBe(8)
    const back = { ...(await delivery({ version: 8, targetsVersion: 6, online: 'O' })), roots }
    await refused(trapped, back, /targets of version 6, and 7 was there before/)
  })

  it('gains nothing by a recovery that is over: what the new key has signed only grows', async () => {
    const roots = [await sign(rootOf(2, { snapshot: 'O' }), secrets('RT'), byPlatform)]
    const trusted = await verify(built(), { ...(await delivery({ version: 5, online: 'O' })), roots }, means)
    await refused(
      trusted,
      { ...(await delivery({ version: 4, online: 'O' })), roots },
      /The root has version 2, and 3/,
    )
    await refused(trusted, await delivery({ version: 4, online: 'O' }), /version 4, and 5 was there before/)
  })
})

describe('an attacker who has stolen the approver’s key, too', () => {
  it('is shut out by the next root, and what it signed is forgotten', async () => {
    const evil = await sealTask(draft(), 3, { script: text('evil') })
    const most = Number.MAX_SAFE_INTEGER
    const trapped = await verify(
      built(),
      await delivery({ version: most, targetsVersion: most, manifests: [evil], active: [evil] }),
      means,
    )
    expect(tasksOf(trapped)).toEqual(['rank v3'])
    const roots = [await sign(rootOf(2, { snapshot: 'O', targets: 'A' }), secrets('RST'), byPlatform)]
    const honest = {
      ...(await delivery({ version: 2, targetsVersion: 2, online: 'O', approver: 'A' })),
      roots,
    }
    const free = await verify(trapped, honest, means)
    expect(tasksOf(free)).toEqual(['rank v1'])
    const hash = await sha256(manifestBytes(evil))
    expect(() => approved(free, { task: 'rank', version: 3, manifest: hash })).toThrow(/not approved/)
    await refused(
      free,
      await delivery({ version: 3, targetsVersion: 3, online: 'O' }),
      /The targets has 0 of 1/,
    )
  })
})
