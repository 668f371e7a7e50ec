/** What devices are given, signed: which manifests are approved, and for each device a snapshot of what holds now. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { dataBytes, type Manifest } from '../../shared/task.ts'
import { manifestBytes, type TaskManifest } from '../../shared/tasks/manifest.ts'
import { ed25519 } from '../../shared/trust/ed25519.ts'
import {
  envelopeSchema,
  type List,
  type Snapshot,
  type Targets,
  targetsSchema,
} from '../../shared/trust/metadata.ts'
import { fileOf, listBytes, sign } from '../../shared/trust/sign.ts'
import { readTargets } from '../../shared/trust/verify.ts'
import { replaceFile } from '../cloud/files.ts'
import { createTurns } from '../cloud/turns.ts'
import type { Keyring } from './keys.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** How long an approval counts without being renewed, and half the time that a snapshot does. */
const TARGETS_MS = 180 * 86_400_000
const SLOT_MS = 12 * 3_600_000

export interface Signed {
  readonly document: Targets
  readonly bytes: Bytes
}

/** What is done when targets are signed, before they hold. */
export type Also = () => Promise<unknown>

export interface Delivery {
  /** The newest targets, as they were signed; undefined before anything was approved. */
  targets(): Signed | undefined
  /** SHA-256 of the manifest of an approved version. Throws `bad-input` where that is not approved. */
  manifestOf(task: string, version: number): Promise<string>
  /** Approves a version with the approver's key. Throws `not-ready` where that is not here: then sign what `propose` gives where it is. */
  approve(manifest: TaskManifest, also?: Also): Promise<Targets>
  /** From now on this version may not be delivered. */
  withdraw(task: string, version: number, also?: Also): Promise<Targets>
  /** Signs what is approved once more: before it expires, or when the approver's key is another. */
  renew(): Promise<Targets>
  /** The targets that approve these, too, to be signed elsewhere. */
  propose(manifests: readonly TaskManifest[]): Promise<Targets>
  /** Takes targets that were signed elsewhere. Throws `bad-artifact` unless the signature counts and they are the next ones. */
  accept(bytes: Bytes): Promise<Targets>
  /**
   * The list, and a snapshot that says it holds; the same list is signed with the same words for half a day. Throws `bad-artifact`
   * where the key that approved does not count any more: `renew`.
   */
  snapshot(list: List, of: SnapshotOf): Promise<{ snapshot: Bytes; list: Bytes; expires: number }>
}

export interface SnapshotOf {
  /** When something that the list follows from last changed, ms. */
  readonly since: number
  /** The data that devices are given besides. */
  readonly data?: Manifest | undefined
  /** A new one from this moment on, that counts for so long. */
  readonly lifeMs?: number
}

export interface DeliveryOptions {
  /** Where targets are kept. */
  readonly folder: string
  /** Asked at each use: they may have been rotated. */
  keys(): Promise<Keyring>
  /** Puts targets where devices can fetch them by hash, before they hold. */
  put?(targets: Bytes): void
  readonly clock?: Clock
}

export function openDelivery({
  folder,
  keys,
  put = () => {},
  clock = systemClock,
}: DeliveryOptions): Delivery {
  const turns = createTurns()
  /** The last ones, whether or not the key that signed them counts any more. */
  let newest = newestIn(folder)

  async function check(bytes: Bytes): Promise<Targets> {
    return readTargets((await keys()).root, bytes, await ed25519())
  }

  async function accept(bytes: Bytes): Promise<Targets> {
    const document = await check(bytes)
    const due = (newest?.document.version ?? 0) + 1
    if (document.version !== due)
      throw new AppError(
        'bad-artifact',
        `The targets have version ${document.version}, and ${due} is the next.`,
      )
    put(bytes)
    const path = join(folder, `${document.version}.targets.json`)
    replaceFile(path, (beside) => writeFileSync(beside, bytes))
    newest = { bytes, document }
    return document
  }

  async function following(change: (tasks: Targets['tasks']) => Promise<Targets['tasks']>): Promise<Targets> {
    const tasks = await change(newest?.document.tasks ?? [])
    return {
      type: 'targets',
      version: (newest?.document.version ?? 0) + 1,
      expires: clock.now() + TARGETS_MS,
      tasks,
    }
  }

  async function adding(manifests: readonly TaskManifest[]): Promise<Targets> {
    const added = await Promise.all(
      manifests.map(async (manifest) => ({
        task: manifest.name,
        version: manifest.version,
        manifest: await fileOf(manifestBytes(manifest)),
      })),
    )
    return following(async (tasks) => [
      ...tasks.filter(
        (one) => !added.some(({ task, version }) => task === one.task && version === one.version),
      ),
      ...added,
    ])
  }

  async function signed(document: Targets, also: Also = async () => {}): Promise<Targets> {
    const secrets = (await keys()).secrets('targets')
    if (secrets.length === 0)
      throw new AppError('not-ready', 'The approver’s key is not here: sign the targets where it is.')
    const bytes = await sign(document, secrets, await ed25519())
    await also()
    return accept(bytes)
  }

  const find = (task: string, version: number) =>
    newest?.document.tasks.find((one) => one.task === task && one.version === version)

  function needed(task: string, version: number) {
    const found = find(task, version)
    if (!found) throw new AppError('bad-input', `${task} v${version} is not approved.`)
    return found
  }

  return {
    targets: () => newest,
    manifestOf: async (task, version) => needed(task, version).manifest.sha256,
    approve: (manifest, also) => turns.next(async () => signed(await adding([manifest]), also)),
    withdraw: (task, version, also) =>
      turns.next(async () => {
        const gone = needed(task, version)
        return signed(await following(async (tasks) => tasks.filter((one) => one !== gone)), also)
      }),
    renew: () => turns.next(async () => signed(await adding([]))),
    propose: adding,
    accept: (bytes) => turns.next(() => accept(bytes)),

    async snapshot(list, { since, data, lifeMs }) {
      if (!newest) throw new AppError('not-ready', 'Nothing is approved yet.')
      const secrets = (await keys()).secrets('snapshot')
      if (secrets.length === 0) throw new AppError('not-ready', 'The online key is not here.')
      const { bytes, document } = newest
      await check(bytes)
      if (document.expires <= clock.now())
        throw new AppError('not-ready', 'What was approved has expired: approve it once more.')
      const slot = lifeMs === undefined ? Math.floor(clock.now() / SLOT_MS) * SLOT_MS : clock.now()
      const listed = listBytes(list)
      const snapshot: Snapshot = {
        type: 'snapshot',
        version: Math.max(since, document.expires - TARGETS_MS, slot),
        expires: slot + (lifeMs ?? 2 * SLOT_MS),
        targets: { version: document.version, ...(await fileOf(bytes)) },
        list: await fileOf(listed),
        ...(data && { data: { version: data.version, ...(await fileOf(dataBytes(data))) } }),
      }
      return {
        snapshot: await sign(snapshot, secrets, await ed25519()),
        list: listed,
        expires: snapshot.expires,
      }
    },
  }
}

function newestIn(folder: string): Signed | undefined {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const versions = names.flatMap((name) => /^(\d+)\.targets\.json$/.exec(name)?.[1] ?? []).map(Number)
  if (versions.length === 0) return undefined
  const path = join(folder, `${Math.max(...versions)}.targets.json`)
  const bytes = new Uint8Array(readFileSync(path))
  const { signed } = parse(envelopeSchema, JSON.parse(new TextDecoder().decode(bytes)), path)
  return { bytes, document: parse(targetsSchema, signed, path) }
}
