/** A device finds out what is active for it, and fetches it: every byte is checked before it is used. */
import { AppError } from '../failure.ts'
import { sha256 } from '../hash.ts'
import type { DeviceInfo } from '../release/device.ts'
import { type Active, type ActiveList, activeList, apply, EMPTY } from '../release/releases.ts'
import type { Ed25519 } from '../trust/ed25519.ts'
import { envelopeSchema, type List, type Snapshot, snapshotSchema } from '../trust/metadata.ts'
import { approved, type Trusted, verify } from '../trust/verify.ts'
import { checkFiles, readManifest, type TaskFiles, type TaskManifest } from './manifest.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Where it all comes from: a server that answers this device, or a static host that has the same for all. */
export interface Reach {
  /** What holds now; null where it is what was there at the last contact. A static host's list is fetched by its hash. */
  now(): Promise<{ readonly snapshot: Bytes; readonly list?: Bytes } | null>
  /** Undefined where there is none of this version (yet). */
  root(version: number): Promise<Bytes | undefined>
  /** By SHA-256, and how many bytes it is to have. */
  artifact(sha256: string, bytes: number): Promise<Bytes>
}

export interface ContactMeans {
  readonly device: DeviceInfo
  /** ms, as well as it is known. */
  readonly now: number
  readonly ed25519: Ed25519
}

/** Roots that one contact follows at most. */
export const MAX_ROOTS = 256

/**
 * What is trusted from now on, and what is active by it. Throws `bad-artifact`, with a sentence, for what is not to be trusted, and what the
 * reach throws; then all stays as it was. What is stored goes on being active until a contact says otherwise.
 */
export async function contact(
  trusted: Trusted,
  reach: Reach,
  { device, now, ed25519 }: ContactMeans,
): Promise<{ trusted: Trusted; active: ActiveList }> {
  const come = await reach.now()
  if (!come) return { trusted, active: activeOf(trusted, device, now) }
  const roots: Bytes[] = []
  for (let version = trusted.root.version + 1; roots.length < MAX_ROOTS; version++) {
    const root = await reach.root(version)
    if (!root) break
    roots.push(root)
  }
  const names = namesIn(come.snapshot)
  const fetched = async ({ sha256, bytes }: FileName, known: string | undefined) =>
    sha256 === known ? undefined : reach.artifact(sha256, bytes)
  const update = {
    roots,
    snapshot: come.snapshot,
    // A new root may have forgotten what was known: then it is needed once more.
    targets: await fetched(names.targets, roots.length > 0 ? undefined : trusted.targets?.sha256),
    list: come.list ?? (await fetched(names.list, roots.length > 0 ? undefined : trusted.list?.sha256)),
  }
  const next = await verify(trusted, update, { now, ed25519, device: device.id })
  return { trusted: next, active: activeOf(next, device, now) }
}

type FileName = Snapshot['list']

/** What a snapshot names, before anything of it is believed. */
function namesIn(bytes: Bytes): Pick<Snapshot, 'targets' | 'list'> {
  try {
    const { signed } = envelopeSchema.parse(JSON.parse(new TextDecoder().decode(bytes)))
    return snapshotSchema.parse(signed)
  } catch (cause) {
    throw new AppError('bad-artifact', 'The snapshot is none.', { cause })
  }
}

/** By what is trusted: as a server has said it, or as follows from the rules. Empty where there is no list. */
export function activeOf({ list }: Trusted, device: DeviceInfo, now: number): ActiveList {
  return list ? resolved(list.document, device, now) : { tasks: [], arms: [] }
}

function resolved(list: List, device: DeviceInfo, now: number): ActiveList {
  if (list.kind === 'device') return list
  const board = list.changes.reduce((board, change) => apply(board, change), EMPTY)
  // All of it has been changed already: a device's clock may be behind the one that says when.
  return activeList(board, device, Math.max(now, board.at))
}

export interface Delivered {
  readonly manifest: TaskManifest
  readonly files: TaskFiles
}

/** An active task with its files. Throws `bad-artifact` for anything that was not approved, byte for byte. */
export async function fetchTask(
  trusted: Trusted,
  active: Active,
  reach: Pick<Reach, 'artifact'>,
): Promise<Delivered> {
  const due = approved(trusted, active)
  const bytes = await reach.artifact(due.sha256, due.bytes)
  if (bytes.length !== due.bytes || (await sha256(bytes)) !== due.sha256)
    throw new AppError(
      'bad-artifact',
      `The manifest of ${active.task} v${active.version} is not the approved one.`,
    )
  const manifest = readManifest(bytes)
  if (manifest.name !== active.task || manifest.version !== active.version)
    throw new AppError('bad-artifact', `The manifest is that of ${manifest.name} v${manifest.version}.`)
  const files = {
    script: await reach.artifact(manifest.script.sha256, manifest.script.bytes),
    ...(manifest.model && { model: await reach.artifact(manifest.model.sha256, manifest.model.bytes) }),
  }
  await checkFiles(manifest, files)
  return { manifest, files }
}
