/**
 * The signed documents, on the principles of TUF: root says whose signatures count, targets which manifests may be delivered, snapshot
 * which targets and which list are to be used now. docs/tasks.md says why these.
 */
import * as z from 'zod'
import { changeSchema } from '../release/changes.ts'
import { sha256Schema } from '../task.ts'
import { TASK_LIMITS, taskNameSchema } from '../tasks/manifest.ts'

/** Bytes that a document may have. */
export const DOCUMENT_LIMITS = {
  root: 64 << 10,
  targets: 2 << 20,
  snapshot: 16 << 10,
  list: 2 << 20,
  data: 4 << 20,
} as const

const keySchema = z.string().regex(/^[0-9a-f]{64}$/, 'an Ed25519 public key in hex')
const signatureSchema = z.string().regex(/^[0-9a-f]{128}$/, 'an Ed25519 signature in hex')
const versionSchema = z.int().min(1)

const roleSchema = z
  .strictObject({ keys: z.array(keySchema).min(1).max(16), threshold: z.int().min(1).max(16) })
  .refine(({ keys }) => new Set(keys).size === keys.length, 'the same key twice')
  .refine(({ keys, threshold }) => threshold <= keys.length, 'more signatures than keys')
export type RoleKeys = z.infer<typeof roleSchema>

const head = {
  /** Grows by each document of its kind. */
  version: versionSchema,
  /** ms: from then on it counts no more. */
  expires: z.int().min(0),
}

export const rootSchema = z.strictObject({
  type: z.literal('root'),
  ...head,
  roles: z
    .strictObject({ root: roleSchema, targets: roleSchema, snapshot: roleSchema })
    .refine(
      ({ root, targets, snapshot }) =>
        ![...targets.keys, ...snapshot.keys].some((key) => root.keys.includes(key)),
      'a key of the root does nothing else',
    )
    .refine(
      ({ targets, snapshot }) => !snapshot.keys.some((key) => targets.keys.includes(key)),
      'who approves is not online',
    ),
})
export type Root = z.infer<typeof rootSchema>
export type Role = keyof Root['roles']

const fileSchema = (max: number) => z.strictObject({ sha256: sha256Schema, bytes: z.int().min(1).max(max) })

export const targetsSchema = z.strictObject({
  type: z.literal('targets'),
  ...head,
  tasks: z
    .array(
      z.strictObject({
        task: taskNameSchema,
        version: versionSchema,
        manifest: fileSchema(TASK_LIMITS.manifest),
      }),
    )
    .max(5000)
    .refine(
      (all) => new Set(all.map(({ task, version }) => `${task} ${version}`)).size === all.length,
      'the same version twice',
    ),
})
export type Targets = z.infer<typeof targetsSchema>

export const snapshotSchema = z.strictObject({
  type: z.literal('snapshot'),
  ...head,
  targets: fileSchema(DOCUMENT_LIMITS.targets).extend({ version: versionSchema }),
  list: fileSchema(DOCUMENT_LIMITS.list),
  /** The manifest of the data (`task.ts`), where there are any. */
  data: fileSchema(DOCUMENT_LIMITS.data).extend({ version: versionSchema }).optional(),
})
export type Snapshot = z.infer<typeof snapshotSchema>

/** Not signed itself: a snapshot names it by hash. */
export const listSchema = z.discriminatedUnion('kind', [
  /** What a server has found to be active for one device. */
  z.strictObject({
    kind: z.literal('device'),
    device: z.string().min(1).max(80),
    tasks: z
      .array(z.strictObject({ task: taskNameSchema, version: versionSchema, manifest: sha256Schema }))
      .max(100)
      .refine((all) => new Set(all.map(({ task }) => task)).size === all.length, 'the same task twice'),
    arms: z.array(z.strictObject({ experiment: z.int().min(1), arm: z.string().max(40) })).max(100),
  }),
  /** What a static host has for all: each device finds out for itself what follows. */
  z.strictObject({
    kind: z.literal('rules'),
    changes: z
      .array(z.strictObject({ n: z.int().min(1), at: z.int().min(0), change: changeSchema }))
      .max(20_000),
  }),
])
export type List = z.infer<typeof listSchema>

/** A document and who signed it; what is signed is its canonical JSON. */
export const envelopeSchema = z.strictObject({
  signed: z.unknown(),
  signatures: z.array(z.strictObject({ key: keySchema, signature: signatureSchema })).max(32),
})
export type Envelope = z.infer<typeof envelopeSchema>
