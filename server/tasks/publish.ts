/** What a static host needs: plain files, all but a few of them with names that never mean anything else. docs/static.md tells of it. */
import { gzipSync } from 'node:zlib'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import { dataBytes, type Manifest } from '../../shared/task.ts'
import { readManifest } from '../../shared/tasks/manifest.ts'
import { envelopeSchema, snapshotSchema } from '../../shared/trust/metadata.ts'
import type { Artifact } from '../cloud/release.ts'
import { type AppFiles, HEADERS, putApp, putHeaders } from './app-files.ts'
import type { Tasks } from './tasks.ts'
import { openTree, type Tree } from './tree.ts'

/** The file that makes all others count. */
export const SNAPSHOT = 'trust/snapshot.json'
/** Tells which root is the newest: nobody has to ask for one that is not there, and have a host remember that. */
const ROOTS = 'trust/roots.json'

/** Where it all comes from: a cloud has both. */
export interface Source {
  readonly tasks: Pick<Tasks, 'rules' | 'artifact' | 'root' | 'delivery'>
  /** The data that devices are given, and its files by SHA-256. */
  readonly data?: {
    manifest(): Promise<Manifest | undefined>
    artifact(sha256: string): Promise<Artifact | undefined>
  }
}

export interface PublishOptions {
  /** How long the snapshot counts: until then it has to be published again. */
  readonly lifeMs: number
  /** The app, too. */
  readonly app?: AppFiles
  /** Removes what none of so many last publications has, this one included. */
  readonly keep?: number
  readonly clock?: Clock
}

export interface Published {
  /** All that belongs to it; of that what was not there, and what was removed. */
  readonly files: number
  readonly written: number
  /** Of what was written. */
  readonly bytes: number
  readonly removed: number
  /** ms */
  readonly expires: number
}

/**
 * Writes into the folder `to`, in an order in which whoever is served in between misses nothing: `artifacts/<SHA-256>` of all that is
 * named by its content, `trust/1.root.json`, `trust/2.root.json` …, `trust/roots.json`, the app; and at last, in one step, the snapshot. What an earlier publication wrote
 * stays, for devices that are at it. Throws `not-ready` where nothing is approved yet.
 */
export async function publish(
  { tasks, data }: Source,
  to: string,
  { lifeMs, app, keep, clock = systemClock }: PublishOptions,
): Promise<Published> {
  const { snapshot, list, expires } = await tasks.rules(lifeMs)
  const tree = openTree(to)
  const targets = tasks.delivery.targets()!
  for (const { manifest } of targets.document.tasks) {
    const { script, model } = readManifest(await putFile(tree, tasks, manifest.sha256))
    await putFile(tree, tasks, script.sha256)
    if (model) await putFile(tree, tasks, model.sha256)
  }
  for (const bytes of [targets.bytes, list]) await putBytes(tree, bytes)
  await putData(tree, data, dataIn(snapshot))
  await putRoots(tree, tasks)
  if (app) await putApp(tree, app)
  else {
    // An app that was published earlier stays.
    tree.carry((path) => !/^(artifacts|trust)\//.test(path))
    if (!tree.files.has(HEADERS)) await putHeaders(tree)
  }
  tree.put(SNAPSHOT, snapshot)
  tree.note(clock.now())
  const removed = keep === undefined ? 0 : tree.prune(keep)
  const { files, bytes } = tree.written
  return { files: tree.files.size, written: files, bytes, removed, expires }
}

async function putRoots(tree: Tree, tasks: Source['tasks']): Promise<void> {
  for (let version = 1; ; version++) {
    const root = await tasks.root(version)
    if (root) tree.put(`trust/${version}.root.json`, root)
    else return tree.put(ROOTS, Buffer.from(JSON.stringify({ newest: version - 1 })))
  }
}

/** The data that the snapshot names, and all that they name. */
async function putData(tree: Tree, data: Source['data'], named: string | undefined): Promise<void> {
  const manifest = named && (await data?.manifest())
  if (!data || !manifest) return
  if ((await sha256(dataBytes(manifest))) !== named)
    throw new AppError('storage', 'There are new data since this began: publish once more.')
  const { model, factors, catalogue } = manifest
  for (const one of [model, factors, catalogue]) if (one) await putFile(tree, data, one.sha256)
  for (const one of [...(model.deltas ?? []), ...(factors?.deltas ?? [])])
    await putFile(tree, data, one.sha256)
  await putBytes(tree, dataBytes(manifest))
}

function dataIn(snapshot: Uint8Array): string | undefined {
  const { signed } = envelopeSchema.parse(JSON.parse(new TextDecoder().decode(snapshot)))
  return snapshotSchema.parse(signed).data?.sha256
}

/** An artifact, compressed beside for hosts that send what they find so. */
async function putFile(
  tree: Tree,
  from: { artifact(sha256: string): Promise<Artifact | undefined> },
  hash: string,
): Promise<Uint8Array> {
  const found = await from.artifact(hash)
  if (!found) throw new AppError('bad-artifact', `The artifact ${hash} is missing.`)
  tree.put(`artifacts/${hash}`, found.bytes)
  tree.put(`artifacts/${hash}.gz`, found.gzip)
  return found.bytes
}

async function putBytes(tree: Tree, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const name = `artifacts/${await sha256(bytes)}`
  tree.put(name, bytes)
  tree.put(`${name}.gz`, gzipSync(bytes))
}
