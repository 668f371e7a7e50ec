/** A task: what is deployed to devices. Its manifest names everything else by hash. */
import * as z from 'zod'
import { hyperSchema } from './hyper.ts'
import { ACTIVATIONS } from './model/spec.ts'
import { schemaSchema } from './schema.ts'

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex')

const artifactSchema = z.strictObject({ sha256: sha256Schema, bytes: z.int().positive() })

/** What has changed little since the version before can be had as the difference, too (`delta.ts`). */
const changingSchema = artifactSchema.extend({
  /** Each an artifact of its own, for who has the file whose SHA-256 is `from`; none that would hardly save anything. */
  deltas: z
    .array(artifactSchema.extend({ from: sha256Schema }))
    .max(8)
    .optional(),
})
export type Changing = z.infer<typeof changingSchema>

export const widthsSchema = z.strictObject({
  attention: z.int().min(0).max(1024),
  mlp: z.array(z.int().min(1).max(4096)).max(8),
  activation: z.enum(ACTIVATIONS).optional(),
})

export const manifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  version: z.int().positive(),
  schema: schemaSchema,
  hyper: hyperSchema,
  ranking: widthsSchema,
  classifier: widthsSchema,
  /** The global model (safetensors, see `model/local.ts`): M and M0 of a device that receives it. */
  model: changingSchema,
  /**
   * Tables of which `model` has only padding and unknown, because whole they are too large for a phone: of each the SHA-256
   * of the whole table (float32, row-major), by which its rows can be asked for. How many there are is in the schema.
   */
  sliced: z.record(z.string(), sha256Schema).optional(),
  /** Item factors (safetensors, see `model/factors.ts`), by which a device knows its user in closed form. */
  factors: changingSchema.optional(),
  /** The catalogue (JSON). */
  catalogue: artifactSchema,
  /**
   * An order to all devices: whoever uses a model of a task version ≤ `upTo` goes back to the one that was delivered. Each
   * device obeys it once; one with a higher number is another order.
   */
  rollback: z.strictObject({ order: z.int().positive(), upTo: z.int().positive() }).optional(),
})
export type Manifest = z.infer<typeof manifestSchema>

/** A manifest as it is delivered and hashed. */
export const dataBytes = (manifest: Manifest): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(manifest))
