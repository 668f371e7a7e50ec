/** What devices are given, signed: which manifests are approved, and for each device a snapshot of what holds now. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
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

export interface Delivery {
  /** The newest targets, as they were signed; undefined before anything was approved. */
  targets(): Signed | undefined
  /** SHA-256 of the manifest of an approved version. Throws `bad-input` where that is not approved. */
  manifestOf(task: string, version: number): Promise<string>
  /** Approves a version with the approver's key. Throws `not-ready` where that is not here: then sign what `propose` gives where it is. */
  approve(manifest: TaskManifest): Promise<Targets>
  /** From now on this version may not be delivered. */
  withdraw(task: string, version: number): Promise<Targets>
  /** Signs what is approved once more: before it expires, or when the approver's key is another. */
  renew(): Promise<Targets>
  /** The targets that approve these, too, to be signed elsewhere. */
  propose(manifests: readonly TaskManifest[]): Promise<Targets>
  /** Takes targets that were signed elsewhere. Throws `bad-artifact` unless the signature counts and they are the next ones. */
  accept(bytes: Bytes): Promise<Targets>
  /**
   * The list, and a snapshot that says it holds. `since` (ms) is when something that it follows from last changed; the same list is
   * signed with the same words for half a day. Throws `bad-artifact` where the key that approved does not count any more: `renew`. `lifeMs`: a new one from this moment on, that counts for so long.
   */
  snapshot(
    list: List,
    since: number,
    lifeMs?: number,
  ): Promise<{ snapshot: Bytes; list: Bytes; expires: number }>
}

/** Keys are asked for at each use: they may have been rotated. */
export function openDelivery(
  folder: string,
  keys: () => Promise<Keyring>,
  clock: Clock = systemClock,
): Delivery {
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
    const path = join(folder, `${document.version}.targets.json`)
    replaceFile(path, (beside) => writeFileSync(beside, bytes))
    newest = { bytes, document }
    return document
  }

  async function with_(change: (tasks: Targets['tasks']) => Promise<Targets['tasks']>): Promise<Targets> {
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
    return with_(async (tasks) => [
      ...tasks.filter(
        (one) => !added.some(({ task, version }) => task === one.task && version === one.version),
      ),
      ...added,
    ])
  }

  async function signed(document: Targets): Promise<Targets> {
    const secrets = (await keys()).secrets('targets')
    if (secrets.length === 0)
      throw new AppError('not-ready', 'The approver’s key is not here: sign the targets where it is.')
    return accept(await sign(document, secrets, await ed25519()))
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
    approve: (manifest) => turns.next(async () => signed(await adding([manifest]))),
    withdraw: (task, version) =>
      turns.next(async () => {
        const gone = needed(task, version)
        return signed(await with_(async (tasks) => tasks.filter((one) => one !== gone)))
      }),
    renew: () => turns.next(async () => signed(await adding([]))),
    propose: adding,
    accept: (bytes) => turns.next(() => accept(bytes)),

    async snapshot(list, since, lifeMs) {
      if (!newest) throw new AppError('not-ready', 'Nothing is approved yet.')
      const secrets = (await keys()).secrets('snapshot')
      if (secrets.length === 0) throw new AppError('not-ready', 'The online key is not here.')
      const { bytes, document } = newest
      await check(bytes)
      const slot = lifeMs === undefined ? Math.floor(clock.now() / SLOT_MS) * SLOT_MS : clock.now()
      const listed = listBytes(list)
      const snapshot: Snapshot = {
        type: 'snapshot',
        version: Math.max(since, document.expires - TARGETS_MS, slot),
        expires: slot + (lifeMs ?? 2 * SLOT_MS),
        targets: { version: document.version, ...(await fileOf(bytes)) },
        list: await fileOf(listed),
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
