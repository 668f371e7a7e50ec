/** For tests of `verify`: keys by letters, and what an honest server delivers, unless told otherwise. */
import { expect } from 'vitest'
import { sha256 } from '../hash.ts'
import { draft, text } from '../tasks/fixtures.ts'
import { manifestBytes, sealTask, type TaskManifest } from '../tasks/manifest.ts'
import { byPlatform, fromHex, toHex } from './ed25519.ts'
import type { List, Role, Root, Snapshot, Targets } from './metadata.ts'
import { fileOf, listBytes, sign } from './sign.ts'
import { type Trusted, type Update, verify } from './verify.ts'

export type Bytes = Uint8Array<ArrayBuffer>
export const DAY = 86_400_000
export const NOW = Date.UTC(2026, 4, 1)
export const device = 'device-1'
export const means = { now: NOW, ed25519: byPlatform, device }
export const good = { script: text('export const run = async () => {}') }

/** Secrets by a letter; `R`, `S`, `T` are the root's, of which two must sign. */
export const secretOf = (letter: string) => letter.charCodeAt(0).toString(16).repeat(32)
export const secrets = (letters: string) => [...letters].map(secretOf)
export const keys: Record<string, string> = {}
export const keysOf = (letters: string) => [...letters].map((letter) => keys[letter]!)

export let first: TaskManifest
export let second: TaskManifest

/** Before all tests: keys, and two versions of a task. */
export async function prepare(): Promise<void> {
  for (const letter of 'RSTUVaAoO')
    keys[letter] = toHex(await byPlatform.publicKey(fromHex(secretOf(letter))))
  first = await sealTask(draft(), 1, good)
  second = await sealTask(draft(), 2, { script: text('export const run = async () => 2') })
}

export const rootOf = (
  version: number,
  roles: Partial<Record<Role, string>> = {},
  more: Partial<Root> = {},
): Root => ({
  type: 'root',
  version,
  expires: NOW + 365 * DAY,
  roles: {
    root: { keys: keysOf(roles.root ?? 'RST'), threshold: 2 },
    targets: { keys: keysOf(roles.targets ?? 'a'), threshold: 1 },
    snapshot: { keys: keysOf(roles.snapshot ?? 'o'), threshold: 1 },
  },
  ...more,
})

export interface Scene {
  version?: number
  targetsVersion?: number
  manifests?: TaskManifest[]
  active?: TaskManifest[]
  list?: List
  expires?: number
  targetsExpire?: number
  approver?: string
  online?: string
  data?: Snapshot['data']
}

/** What an honest server delivers, unless told otherwise. */
export async function delivery(scene: Scene = {}): Promise<{ snapshot: Bytes; targets: Bytes; list: Bytes }> {
  const { version = 1, manifests = [first, second], active = [first], approver = 'a', online = 'o' } = scene
  const hashOf = async (manifest: TaskManifest) => sha256(manifestBytes(manifest))
  const tasks = manifests.map(async (manifest) => ({
    task: manifest.name,
    version: manifest.version,
    manifest: await fileOf(manifestBytes(manifest)),
  }))
  const document: Targets = {
    type: 'targets',
    version: scene.targetsVersion ?? 1,
    expires: scene.targetsExpire ?? NOW + 90 * DAY,
    tasks: await Promise.all(tasks),
  }
  const listed = active.map(async (one) => ({
    task: one.name,
    version: one.version,
    manifest: await hashOf(one),
  }))
  const list = listBytes(scene.list ?? { kind: 'device', device, tasks: await Promise.all(listed), arms: [] })
  const targets = await sign(document, secrets(approver), byPlatform)
  const snapshot: Snapshot = {
    type: 'snapshot',
    version,
    expires: scene.expires ?? NOW + DAY / 2,
    targets: { version: document.version, ...(await fileOf(targets)) },
    list: await fileOf(list),
    ...(scene.data && { data: scene.data }),
  }
  return { snapshot: await sign(snapshot, secrets(online), byPlatform), targets, list }
}
export const built = (): Trusted => ({ root: rootOf(1) })
export const tasksOf = ({ list }: Trusted) =>
  list?.document.kind === 'device'
    ? list.document.tasks.map(({ task, version }) => `${task} v${version}`)
    : []

/** Nothing of what was trusted has changed, and it is said why. */
export async function refused(trusted: Trusted, update: Update, why: RegExp, at = means): Promise<void> {
  const before = JSON.stringify(trusted)
  await expect(verify(trusted, update, at)).rejects.toThrow(why)
  await expect(verify(trusted, update, at)).rejects.toMatchObject({ code: 'bad-artifact' })
  expect(JSON.stringify(trusted)).toBe(before)
}
