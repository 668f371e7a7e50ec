/**
 * Whether what was delivered is what was approved: one pure function from what is trusted so far and what has come to what is trusted
 * then. Whatever it refuses leaves the former as it was.
 */
import type * as z from 'zod'
import { AppError, parse } from '../failure.ts'
import { sha256 } from '../hash.ts'
import type { Active } from '../release/releases.ts'
import { canonicalBytes } from './canonical.ts'
import { type Ed25519, fromHex } from './ed25519.ts'
import {
  DOCUMENT_LIMITS,
  type Envelope,
  envelopeSchema,
  type List,
  listSchema,
  type Role,
  type RoleKeys,
  type Root,
  rootSchema,
  type Snapshot,
  snapshotSchema,
  type Targets,
  targetsSchema,
} from './metadata.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** What a device trusts; JSON, that it can be stored. It begins with the first root (`pinned`). */
export interface Trusted {
  readonly root: Root
  readonly snapshot?: Snapshot
  readonly targets?: { readonly document: Targets; readonly sha256: string }
  readonly list?: { readonly document: List; readonly sha256: string }
}

/** What has come, as bytes. What a snapshot names and is trusted already can be left out. */
export interface Update {
  /** The roots after the trusted one, each the next. */
  readonly roots?: readonly Bytes[]
  readonly snapshot: Bytes
  readonly targets?: Bytes | undefined
  readonly list?: Bytes | undefined
}

export interface Means {
  /** ms. Whoever sets this back makes what has expired valid: take what is known of the time, not only the device's clock. */
  readonly now: number
  readonly ed25519: Ed25519
  /** Whose list is expected, where it is a device's. */
  readonly device: string
}

/** Throws `bad-artifact`, with a sentence that says what is wrong. */
export async function verify(trusted: Trusted, update: Update, means: Means): Promise<Trusted> {
  let now = trusted
  for (const bytes of update.roots ?? []) now = await follow(now, bytes, means)
  if (now.root.expires <= means.now) refuse('The root has expired.')
  const snapshot = await openSnapshot(now, update.snapshot, means)
  const targets = await openTargets(now, snapshot, update.targets, means)
  const list = await openList(now, snapshot, update.list, means)
  const next = { root: now.root, snapshot, targets, list }
  if (list.document.kind === 'device') for (const active of list.document.tasks) approved(next, active)
  return next
}

/**
 * What a device trusts that has trusted nothing yet: the first root, if it is signed by itself. `due` is the SHA-256 that it must have;
 * without one, whoever is asked first is believed from then on. Throws `bad-artifact`.
 */
export async function pinned(bytes: Bytes, due: string | undefined, by: Ed25519): Promise<Trusted> {
  if (due !== undefined && (await sha256(bytes)) !== due)
    refuse('The root of this server is not the one that this app was made for.')
  const envelope = open(bytes, 'root')
  const root = read(rootSchema, envelope, 'root')
  if (root.version !== 1) refuse(`The first root has version ${root.version}.`)
  await checkSigned(envelope, root.roles.root, 'root', by)
  return { root }
}

/**
 * Throws `bad-artifact` unless the manifest of the data with this SHA-256 is the one that the snapshot names.
 */
export function checkData({ snapshot }: Trusted, sha256: string): void {
  if (snapshot?.data?.sha256 !== sha256) refuse('The data are not those that the snapshot names.')
}

/** What may be fetched for an active task. Throws `bad-artifact` unless this very manifest was approved as this version. */
export function approved(
  { targets }: Trusted,
  { task, version, manifest }: Active,
): { sha256: string; bytes: number } {
  const found = targets?.document.tasks.find((one) => one.task === task && one.version === version)
  if (found?.manifest.sha256 !== manifest) refuse(`${task} v${version} was not approved as it is listed.`)
  return found!.manifest
}

/** The next root, approved by the last one's keys and by its own. What a key signed that counts no more is forgotten. */
async function follow({ root: last, ...rest }: Trusted, bytes: Bytes, { ed25519 }: Means): Promise<Trusted> {
  const envelope = open(bytes, 'root')
  const root = read(rootSchema, envelope, 'root')
  if (root.version !== last.version + 1)
    refuse(`The root has version ${root.version}, and ${last.version + 1} is the next.`)
  await checkSigned(envelope, last.roles.root, 'root', ed25519)
  await checkSigned(envelope, root.roles.root, 'root', ed25519)
  const [keepsSnapshot, keepsTargets] = (['snapshot', 'targets'] as const).map((role) =>
    sameKeys(last.roles[role], root.roles[role]),
  )
  // Else whoever had a key could have signed a version that none ever comes after.
  const { snapshot, targets, list } = rest
  return {
    root,
    ...(snapshot && keepsSnapshot && keepsTargets && { snapshot }),
    ...(targets && keepsTargets && { targets }),
    ...(list && keepsSnapshot && { list }),
  }
}

const sameKeys = (one: RoleKeys, other: RoleKeys): boolean =>
  one.threshold === other.threshold && [...one.keys].sort().join() === [...other.keys].sort().join()

/** One of the version that is trusted may come again with another list, as when a device tells something new of itself. */
async function openSnapshot(
  { root, snapshot: last, targets }: Trusted,
  bytes: Bytes,
  means: Means,
): Promise<Snapshot> {
  const envelope = open(bytes, 'snapshot')
  await checkSigned(envelope, root.roles.snapshot, 'snapshot', means.ed25519)
  const snapshot = read(snapshotSchema, envelope, 'snapshot')
  if (snapshot.expires <= means.now) refuse('The snapshot has expired, by the clock of this device.')
  if (last && snapshot.version < last.version)
    refuse(`The snapshot has version ${snapshot.version}, and ${last.version} was there before.`)
  const [before, data] = [last?.data?.version ?? 0, snapshot.data?.version ?? 0]
  if (snapshot.version === last?.version && data < before)
    refuse(`The snapshot names data of version ${data}, and ${before} was there before.`)
  const known = Math.max(last?.targets.version ?? 0, targets?.document.version ?? 0)
  if (snapshot.targets.version < known)
    refuse(
      `The snapshot names targets of version ${snapshot.targets.version}, and ${known} was there before.`,
    )
  return snapshot
}

async function openTargets(
  { root, targets: last }: Trusted,
  { targets: due }: Snapshot,
  bytes: Bytes | undefined,
  means: Means,
) {
  // Read again even where they are known: they may have expired.
  const known = last && last.sha256 === due.sha256 && last.document.version === due.version ? last : undefined
  const document = known ? known.document : await namedTargets(root, due, bytes, means.ed25519)
  if (document.expires <= means.now) refuse('The targets have expired.')
  return { document, sha256: due.sha256 }
}

async function namedTargets(root: Root, due: Snapshot['targets'], bytes: Bytes | undefined, by: Ed25519) {
  const targets = await readTargets(root, await named(bytes, due, 'targets'), by)
  if (targets.version !== due.version) refuse('The targets are not of the version that the snapshot names.')
  return targets
}

/** Targets that an approver whom the root names has signed. Throws `bad-artifact` for any others. */
export async function readTargets(root: Root, bytes: Bytes, by: Ed25519): Promise<Targets> {
  const envelope = open(bytes, 'targets')
  await checkSigned(envelope, root.roles.targets, 'targets', by)
  return read(targetsSchema, envelope, 'targets')
}

async function openList(
  { list: last }: Trusted,
  { list: due }: Snapshot,
  bytes: Bytes | undefined,
  { device }: Means,
) {
  const known = last?.sha256 === due.sha256 ? last.document : undefined
  const document =
    known ?? read(listSchema, { signed: json(await named(bytes, due, 'list'), 'list') }, 'list')
  if (document.kind === 'device' && document.device !== device) refuse('The list is another device’s.')
  return { document, sha256: due.sha256 }
}

/** The bytes, if they are those that the snapshot names. */
async function named(
  bytes: Bytes | undefined,
  due: { sha256: string; bytes: number },
  what: Document,
): Promise<Bytes> {
  if (!bytes) return refuse(`The ${what} that the snapshot names did not come.`)
  if (bytes.length !== due.bytes || (await sha256(bytes)) !== due.sha256)
    refuse(`The ${what} is not the one that the snapshot names.`)
  return bytes
}

async function checkSigned(
  { signed, signatures }: Envelope,
  { keys, threshold }: RoleKeys,
  what: Role,
  by: Ed25519,
) {
  const message = orRefuse(() => canonicalBytes(signed))
  const valid = new Set<string>()
  for (const { key, signature } of signatures)
    if (keys.includes(key) && !valid.has(key) && (await by.verify(fromHex(key), fromHex(signature), message)))
      valid.add(key)
  if (valid.size < threshold) refuse(`The ${what} has ${valid.size} of ${threshold} signatures that count.`)
}

type Document = keyof typeof DOCUMENT_LIMITS

const open = (bytes: Bytes, what: Document): Envelope =>
  orRefuse(() => parse(envelopeSchema, json(bytes, what), `The ${what}`))

const read = <T>(schema: z.ZodType<T>, { signed }: Pick<Envelope, 'signed'>, what: Document): T =>
  orRefuse(() => parse(schema, signed, `The ${what}`))

function json(bytes: Bytes, what: Document): unknown {
  if (bytes.length > DOCUMENT_LIMITS[what]) refuse(`The ${what} is too large.`)
  return orRefuse(() => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
}

function orRefuse<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    return refuse((error as Error).message)
  }
}

function refuse(why: string): never {
  throw new AppError('bad-artifact', why)
}
