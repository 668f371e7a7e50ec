/** What devices download: artifacts named by their SHA-256, and the manifest that names those of the newest task. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as z from 'zod'
import { encodeDelta } from '../../shared/delta.ts'
import { AppError } from '../../shared/failure.ts'
import { type Factors, writeFactors } from '../../shared/model/factors.ts'
import { partOf, touchedIds, writeLocal } from '../../shared/model/local.ts'
import { checkWeights, din, type ModelSpec, prunedDin } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import { type Changing, type Manifest, manifestSchema, sha256Schema } from '../../shared/task.ts'
import type { Store } from '../store/store.ts'
import { replaceFile } from './files.ts'
import type { Population } from './population.ts'
import type { Room } from './room.ts'
import { writeTable } from './rows.ts'

const MANIFEST = 'manifest'
const RELEASES = 'releases'
/** Releases whose files are kept: a device may be in the middle of fetching one that was the newest when it began. */
const KEPT = 3
/** A difference is delivered if it takes less than this share of what the file takes, both compressed. */
const WORTH = 0.9
const releasesSchema = z.array(
  z.strictObject({
    version: z.int().positive(),
    files: z.array(sha256Schema),
    model: sha256Schema.optional(),
    factors: sha256Schema.optional(),
  }),
)

export const loadManifest = ({ meta }: Store): Promise<Manifest | undefined> =>
  meta.get(MANIFEST, manifestSchema)

/**
 * Publishes `weights`, item factors if there are any, and the catalogue as the next version of the task. Devices see all of it or none. Files that none of
 * the last three releases names are removed.
 */
export async function release(
  room: Room,
  population: Population,
  weights: Weights,
  factors?: Factors,
): Promise<Manifest> {
  const { schema, catalogue } = population
  const spec = din(schema)
  checkWeights(spec, weights)
  const before = await loadManifest(room.store)
  const earlier = await releasesBefore(room.store, before)
  const changing = (kind: 'model' | 'factors', bytes: Uint8Array) =>
    writeChanging(room.dir, bytes, new Set(earlier.flatMap((one) => one[kind] ?? [])))
  const { model, sliced } = sliceTables(room, spec, weights)
  const manifest: Manifest = {
    name: schema.name,
    version: (before?.version ?? 0) + 1,
    schema,
    hyper: room.hyper,
    ranking: widthsOf(spec),
    classifier: widthsOf(prunedDin(schema)),
    model: changing('model', model),
    ...(sliced && { sliced }),
    ...(factors && { factors: changing('factors', writeFactors(factors)) }),
    catalogue: writeArtifact(room.dir, Buffer.from(JSON.stringify(catalogue))),
  }
  const releases = [...earlier, releaseOf(manifest)].slice(-KEPT)
  await room.store.meta.put(RELEASES, releases)
  await room.store.meta.put(MANIFEST, manifestSchema.parse(manifest))
  sweep(room.dir, new Set(releases.flatMap(({ files }) => files)))
  return manifest
}

/** What the last releases are made of, whether or not a process that was killed has noted that of the newest one. */
async function releasesBefore({ meta }: Store, newest: Manifest | undefined) {
  const noted = (await meta.get(RELEASES, releasesSchema)) ?? []
  return newest ? [...noted.filter(({ version }) => version < newest.version), releaseOf(newest)] : []
}

const releaseOf = ({ version, model, factors, catalogue, sliced = {} }: Manifest) => ({
  version,
  files: [
    ...[model, catalogue, factors, ...(model.deltas ?? []), ...(factors?.deltas ?? [])].flatMap(
      (one) => one?.sha256 ?? [],
    ),
    ...Object.values(sliced),
  ],
  model: model.sha256,
  ...(factors && { factors: factors.sha256 }),
})

/** Removes all files that are not named, also what a process that was killed has left half-written. */
function sweep(dir: string, named: ReadonlySet<string>): void {
  for (const folder of ['artifacts', 'tables'].map((name) => join(dir, name)))
    for (const name of existsSync(folder) ? readdirSync(folder) : [])
      if (!named.has(name.replace(/\.gz$/, ''))) rmSync(join(folder, name), { force: true })
}

/** The model as it is delivered, and the tables that stay here whole. */
function sliceTables({ dir, sliceAbove }: Room, spec: ModelSpec, weights: Weights) {
  const large = spec.tables.filter(({ rows }) => rows > sliceAbove).map(({ name }) => name)
  const core = touchedIds(spec, [])
  const part = partOf({ ids: {}, weights }, Object.fromEntries(large.map((name) => [name, core[name]!])))
  const sliced = large.map((name) => [name, writeTable(dir, weights[`embedding.${name}`]!)])
  return { model: writeLocal(part), sliced: large.length > 0 ? Object.fromEntries(sliced) : undefined }
}

const widthsOf = ({ attention, mlp, activation }: ModelSpec): Manifest['ranking'] => ({
  attention,
  mlp: [...mlp],
  activation,
})

/** Writes the bytes, and again gzipped for those who take it so. */
export function writeArtifact(dir: string, bytes: Uint8Array): Manifest['model'] {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const path = artifactPath(dir, sha256)
  mkdirSync(join(dir, 'artifacts'), { recursive: true })
  replaceFile(`${path}.gz`, (beside) => writeFileSync(beside, gzipSync(bytes)))
  replaceFile(path, (beside) => writeFileSync(beside, bytes))
  return { sha256, bytes: bytes.length }
}

/** The same for what devices may have in an earlier form: with what it differs in from those, where that saves something. */
function writeChanging(dir: string, bytes: Uint8Array, earlier: ReadonlySet<string>): Changing {
  const written = writeArtifact(dir, bytes)
  const most = WORTH * statSync(`${artifactPath(dir, written.sha256)}.gz`).size
  const deltas = [...earlier].flatMap((from) => {
    const path = artifactPath(dir, from)
    const delta =
      from === written.sha256 || !existsSync(path) ? undefined : encodeDelta(readFileSync(path), bytes)
    return delta && delta.length < most ? [{ from, ...writeArtifact(dir, delta) }] : []
  })
  return deltas.length > 0 ? { ...written, deltas } : written
}

export interface Artifact {
  readonly bytes: Buffer<ArrayBuffer>
  readonly gzip: Buffer<ArrayBuffer>
}

/** Undefined where there is none; throws `bad-artifact` for a file that is not what its name promises. */
export async function readArtifact(dir: string, sha256: string): Promise<Artifact | undefined> {
  const path = artifactPath(dir, sha256)
  if (!existsSync(path) || !existsSync(`${path}.gz`)) return undefined
  const bytes = await readFile(path)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new AppError('bad-artifact', `The artifact ${sha256} is damaged.`)
  return { bytes, gzip: await readFile(`${path}.gz`) }
}

function artifactPath(dir: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError('an artifact is named by its SHA-256')
  return join(dir, 'artifacts', sha256)
}
