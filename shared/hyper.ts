/**
 * The numbers of the CoDA paper (Gu et al. 2022, arXiv 2201.10382) and the few of our own, in one place.
 * A task's manifest carries a whole set, so a release can change any of them without a new app.
 */
import * as z from 'zod'
import { DAY_MS } from './clock.ts'
import { OPTIMIZERS } from './engine/engine.ts'

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
  /**
   * Ours: whether the device pulls matched samples. Without them a round learns from the user's own alone, which is the
   * paper's baseline “on-device learning without augmentation”.
   */
  augment: z.boolean().default(true),
  /**
   * What of the matched samples is kept. `classifier`: what scores ≥ σ (Algorithm 2). `odds`, ours, keeps the same and weighs
   * each in training by p/(1 − p): where the classifier is right, how much more often the user than another has such a
   * sample, so borrowed samples count as if the user's own distribution had given them. `none`, an ablation: all of them, and
   * no classifier is trained.
   */
  filter: z.enum(['classifier', 'odds', 'none']).default('classifier'),
  /** Share of the matched samples that trains the classifier; the others are scored. */
  classifierShare: z
    .number()
    .gt(0)
    .lt(1)
    .default(1 / 3),
  /**
   * Ours: what matched samples are for where this counts: not to learn from, but to be remembered as they came in, the newest
   * `samples` of them, as evidence on the very items that they name (`model/evidence.ts`). The weight 0, as in the paper,
   * is for learning.
   */
  evidence: z
    .strictObject({ weight: z.number().min(0).max(100).default(0), samples: count.max(5000).default(600) })
    .prefault({}),
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
      /** Ours: with none M stays as it was delivered. */
      epochs: z.int().min(0).default(2),
      batchSize: count.default(16),
      learningRate: rate.default(0.01),
      /**
       * What of a training is kept. `auc`, as in the paper (Algorithm 3): the update of a mini-batch, if the AUC on the local
       * validation samples rises. On a few dozen of them most updates leave it where it was, and a model that goes back
       * each time never gets anywhere: so with `auc-then-loss` equal AUCs are told apart by the log-loss. Ours are also
       * `epochs`: every update counts, and of the models that the epochs end with the one with the lowest log-loss on
       * validation is kept, unless M's is as low; and `none`: nothing is judged, and what the last epoch ends with is kept.
       */
      gate: z.enum(['auc', 'auc-then-loss', 'epochs', 'none']).default('auc-then-loss'),
      /** Ours: with `epochs`, by how much the log-loss must be lower than M's. */
      margin: z.number().min(0).default(0),
      /**
       * Ours: with `epochs`, once there is a best one, M learns anew for as many epochs from validation samples too, so that
       * what the user did last is not only judged by.
       */
      refit: z.boolean().default(false),
      /** Ours: with `none`, whether of the own samples only those for training teach, or those for validation too. */
      learnFrom: z.enum(['training', 'all']).default('training'),
      /** Ours: λ of an L2 pull towards M as it was when the round began (`Training` in engine/engine.ts). */
      pull: z.number().min(0).max(1e6).default(0),
      /**
       * Ours: where the task has item factors (`model/factors.ts`), M also knows its user in closed form: each round that
       * trains folds all own samples into the personal vector. Whether that is any good was found in the cloud, on
       * everybody's held-out samples (`Factors.mix`): one user's few dozen could not tell.
       */
      personal: z.boolean().default(false),
      /** Ours: parameters that a round leaves alone, by how their names begin: `embedding.`, `mlp.0`, … */
      frozen: z.array(z.string().min(1)).max(32).default([]),
      optimizer: z.enum(OPTIMIZERS).default('adam'),
      /** Ours: how much a filtered sample counts, where one of the user's own counts 1. */
      augmentedWeight: rate.default(1),
      /** Ours: with the filter `odds`, the most that p/(1 − p) counts, because a few samples of great weight would be all. */
      oddsCap: rate.default(5),
    })
    .refine(({ gate, refit }) => !refit || gate === 'epochs', {
      path: ['refit'],
      error: 'only with the gate epochs is there a number of epochs to learn anew for',
    })
    .refine(({ gate, learnFrom }) => learnFrom === 'training' || gate === 'none', {
      path: ['learnFrom'],
      error: 'what the gate judges by must not teach: all own samples only do with the gate none',
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

/** Numbers that go together, by the name under which an operator takes them for the devices (`kindred train --hyper`). */
export const PRESETS = {
  /** The paper's algorithms, as the defaults are. */
  coda: {},
  /**
   * Ours, and the best that there is for films (docs/trials.md): the user in closed form, where there are item factors, and a
   * little training that is judged pass by pass.
   */
  kindred: {
    // Not for an AUC: a ridge regression knows by itself how little a few clicks say.
    minClicks: 3,
    ranking: { personal: true, gate: 'epochs', refit: true, pull: 0.1, learningRate: 0.003, epochs: 4 },
  },
} as const satisfies Record<string, z.input<typeof hyperSchema>>
export type PresetName = keyof typeof PRESETS
export const presetNames = Object.keys(PRESETS) as [PresetName, ...PresetName[]]
