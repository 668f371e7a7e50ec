/** A task: what is deployed to devices. Its manifest names everything else by hash. */
import * as z from 'zod'
import { hyperSchema } from './hyper.ts'
import { ACTIVATIONS } from './model/spec.ts'
import { schemaSchema } from './schema.ts'

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex')

const artifactSchema = z.strictObject({ sha256: sha256Schema, bytes: z.int().positive() })

const widthsSchema = z.strictObject({
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
  /** The global model (safetensors): M and M0 of a device that receives it. */
  model: artifactSchema,
  /** The catalogue (JSON). */
  catalogue: artifactSchema,
})
export type Manifest = z.infer<typeof manifestSchema>
