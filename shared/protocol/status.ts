/** How the device stands: one state, of which the page shows all. */
import * as z from 'zod'
import { failureSchema } from '../failure.ts'
import { roundSchema } from './round.ts'

/** What ranks. */
export const servingSchema = z.strictObject({
  slot: z.enum(['M', 'M0']),
  version: z.int(),
  sha256: z.string(),
})

/** What bytes crossed the network for; `artifacts` are models, catalogues and item factors. */
const TRAFFIC_KINDS = ['artifacts', 'samples', 'rows', 'events', 'other'] as const
export type TrafficKind = (typeof TRAFFIC_KINDS)[number]

/** Pushed at every change. */
export const statusSchema = z.strictObject({
  device: z.string().nullable(),
  online: z.boolean(),
  task: z.strictObject({ name: z.string(), version: z.int() }).nullable(),
  /** The delivered tasks that are active here, and the arms of experiments that this device is in. */
  tasks: z.array(z.strictObject({ name: z.string(), version: z.int() })),
  arms: z.array(z.strictObject({ experiment: z.int(), arm: z.string() })),
  /** The engine of the last round, or null before the first. */
  engine: z.string().nullable(),
  events: z.strictObject({ waiting: z.int(), delivered: z.int() }),
  samples: z.strictObject({ local: z.int(), clicks: z.int(), matched: z.int(), filtered: z.int() }),
  models: z.array(
    z.strictObject({
      name: z.string(),
      slot: z.enum(['M', 'M0', 'Mbuf']),
      version: z.int(),
      sha256: z.string(),
      bytes: z.int(),
      at: z.int(),
    }),
  ),
  /** What would rank now. */
  serving: servingSchema.nullable(),
  run: z.discriminatedUnion('phase', [
    z.strictObject({ phase: z.literal('idle') }),
    z.strictObject({ phase: z.literal('fetching') }),
    z.strictObject({ phase: z.literal('filtering'), fraction: z.number() }),
    z.strictObject({ phase: z.literal('training'), fraction: z.number() }),
    z.strictObject({ phase: z.literal('committing') }),
  ]),
  /** What has to happen before the next round. */
  waitingFor: z.discriminatedUnion('reason', [
    z.strictObject({ reason: z.literal('nothing') }),
    z.strictObject({ reason: z.literal('clicks'), missing: z.int() }),
    /** There is nothing that the user has passed over, and no telling clicks from the rest without. */
    z.strictObject({ reason: z.literal('contrast') }),
    z.strictObject({ reason: z.literal('task') }),
    z.strictObject({ reason: z.literal('network') }),
    z.strictObject({ reason: z.literal('tomorrow') }),
    /** The user has switched learning off. */
    z.strictObject({ reason: z.literal('paused') }),
    /** The battery is low · data are to be saved · the page is hidden while the machine runs on its battery. */
    z.strictObject({ reason: z.literal('battery') }),
    z.strictObject({ reason: z.literal('data-saver') }),
    z.strictObject({ reason: z.literal('hidden') }),
  ]),
  /** Whether it may learn by itself: the user's switch. */
  learning: z.boolean(),
  /** Whether others may learn from this user's samples, and whether the server knows. */
  sharing: z.strictObject({ on: z.boolean(), told: z.boolean() }),
  /** Whether the browser has promised to keep what is stored; null until it was asked. */
  persistent: z.boolean().nullable(),
  /** Whether this tab is the one that deals with the server and learns, for all of them. */
  leads: z.boolean(),
  /** Newest first. */
  rounds: z.array(roundSchema),
  failure: failureSchema.nullable(),
  bytes: z.strictObject({ down: z.int(), up: z.int() }),
  /** The same bytes by what they were for; what was not told apart when it was counted is missing. */
  traffic: z.partialRecord(z.enum(TRAFFIC_KINDS), z.strictObject({ down: z.int(), up: z.int() })),
})
export type Status = z.infer<typeof statusSchema>

/** Where nothing could be read yet, or nothing at all, as when the storage cannot be opened. */
export const BLANK: Status = {
  device: null,
  online: true,
  task: null,
  tasks: [],
  arms: [],
  engine: null,
  events: { waiting: 0, delivered: 0 },
  samples: { local: 0, clicks: 0, matched: 0, filtered: 0 },
  models: [],
  serving: null,
  run: { phase: 'idle' },
  waitingFor: { reason: 'task' },
  learning: true,
  sharing: { on: true, told: true },
  persistent: null,
  leads: false,
  rounds: [],
  failure: null,
  bytes: { down: 0, up: 0 },
  traffic: {},
}
