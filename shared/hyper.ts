/**
 * The numbers of the CoDA paper (Gu et al. 2022, arXiv 2201.10382) and the few of our own, in one place.
 * A task's manifest carries a whole set, so a release can change any of them without a new app.
 */
import * as z from 'zod'
import { DAY_MS } from './clock.ts'

const count = z.int().positive()
const rate = z.number().positive()

export const hyperSchema = z.strictObject({
  /** Nearest users whose samples are matched (K). */
  neighbours: count.max(1000).default(100),
  /** Samples in a batch. */
  batchSize: count.max(40).default(25),
  /** A last batch may grow to this, so that no fragment is left over. */
  batchMax: count.max(40).default(40),
  /** Batches that a device may pull in a day. */
  batchesPerDay: count.max(100).default(12),
  /** Share of the matched samples that trains the classifier; the others are scored. */
  classifierShare: z
    .number()
    .gt(0)
    .lt(1)
    .default(1 / 3),
  /** A scored sample below σ is dropped. */
  sigma: z.number().min(0).max(1).default(0.2),
  maxLocal: count.default(200),
  maxFiltered: count.default(200),
  /** Augmented samples (filtered and local-training) at which the ranking model trains. */
  trainAt: count.default(100),
  /** Local samples validate in [0, t] days … */
  localValidationDays: z.number().positive().default(3),
  /** … train in (t, t′], and go after t′. */
  localTrainingDays: z.number().positive().default(7),
  clickDays: z.number().positive().default(7),

  /** Ours: a round waits for this many own clicks, because an AUC over fewer says nothing. */
  minClicks: count.default(10),
  /** Ours: an exposure not clicked within this time has the label 0 for good. */
  settleMs: count.default(30 * 60_000),
  /** Ours: on its battery a device below this share of it does not train by itself. */
  minBattery: z.number().min(0).max(1).default(0.2),
  /** Ours: share of one core that a round which runs by itself may take, on average. */
  duty: z.number().gt(0).max(1).default(0.35),
  /** Ours: length of a work cycle. */
  dayMs: count.default(DAY_MS),
  classifier: z
    .strictObject({
      epochs: count.default(4),
      batchSize: count.default(32),
      learningRate: rate.default(0.005),
    })
    .prefault({}),
  ranking: z
    .strictObject({
      epochs: count.default(2),
      batchSize: count.default(16),
      learningRate: rate.default(0.01),
      /**
       * When the update of a mini-batch is kept: `auc`, as in the paper (Algorithm 3), if the AUC on the local validation
       * samples rises. On a few dozen of them most updates leave it where it was, and a model that goes back each time
       * never gets anywhere: so with `auc-then-loss` equal AUCs are told apart by the log-loss.
       */
      gate: z.enum(['auc', 'auc-then-loss']).default('auc-then-loss'),
    })
    .prefault({}),
})

/** Numbers of the server alone, which no device is told. */
export const MATCHING = {
  /** Days that a match is kept, and that a sample counts as new. */
  days: 7,
  /** Ours: a user is matched who has shown this much of their taste. */
  minClicks: 5,
  /** Ours: batches of a day's that are held back for samples that come during it; 0 is the paper's way. */
  freshBatches: 4,
  /** Ours: days that events are kept. */
  keepEvents: 60,
} as const

/** Numbers of the server alone, on what devices download. */
export const DELIVERY = {
  /** Ours: rows beyond which a table is not delivered whole (at 8 dimensions 640 KB): devices ask for the rows they need. */
  sliceAbove: 20_000,
} as const

export type Hyper = z.infer<typeof hyperSchema>

/** The defaults: `hyper({ sigma: 0.3 })` changes one of them. */
export const hyper = (changes: z.input<typeof hyperSchema> = {}): Hyper => hyperSchema.parse(changes)
