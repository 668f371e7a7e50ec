/** How one round went: what the device's journal has of it, and the page shows. */
import * as z from 'zod'
import { MAX_COURSE, type Point } from '../course.ts'
import { failureSchema } from '../failure.ts'
import { RUN_OUTCOMES } from '../tasks/report.ts'

/** Most differences that a round tells. */
export const MAX_DIFFERENCES = 8

/** How good a model in training was on the local validation samples, after so many mini-batches; 0 is before the first. */
const pointSchema: z.ZodType<Point> = z.strictObject({
  step: z.int().min(0),
  auc: z.number(),
  loss: z.number(),
})

/** One number in which the user's own samples and the borrowed ones differ: its mean over each. */
const differenceSchema = z.strictObject({
  /**
   * `clicked`: the share that was clicked · `shown`: the share whose item is of the category `name` · `opened`: the share of
   * earlier clicks in it · `affinity`: how much of the earlier clicks is in the item's own categories · `value`: a number of
   * the schema's feature `name`
   */
  of: z.enum(['clicked', 'shown', 'opened', 'affinity', 'value']),
  name: z.string().max(100),
  own: z.number(),
  borrowed: z.number(),
  /** The difference in pooled standard deviations, of a tenth at least: positive where the user's own are higher. */
  gap: z.number(),
})
export type Difference = z.infer<typeof differenceSchema>

/** How one round went. */
export const roundSchema = z.strictObject({
  at: z.int(),
  /** `committed`: M is new · `kept`: not better, M as it was · `filtered`: no training, for want of samples */
  outcome: z.enum(['committed', 'kept', 'filtered', 'failed']),
  failure: failureSchema.optional(),
  engine: z.string(),
  ms: z.number(),
  /** Bytes downloaded for this round: its batches, compressed. */
  bytes: z.int(),
  /** Matched samples that came in / trained the classifier / were scored / were kept: score ≥ σ, or all without a classifier. */
  matched: z.int(),
  classifying: z.int(),
  scored: z.int(),
  kept: z.int(),
  /** Score of each scored sample, in [0, 1]. */
  scores: z.array(z.number()),
  /** The threshold of this round, from its task. */
  sigma: z.number(),
  local: z.strictObject({ training: z.int(), validation: z.int() }),
  /** Mini-batches run, and those whose update is in the model that was kept. */
  steps: z.int(),
  stepsKept: z.int(),
  /** Training loss of each mini-batch. */
  losses: z.array(z.number()),
  /** AUC on the local validation samples; null where one class is absent, or the task's gate judges nothing. */
  before: z.number().nullable(),
  after: z.number().nullable(),
  /** On them, before and then after each epoch or each update that was kept; thinned where there were more. */
  course: z.array(pointSchema).max(MAX_COURSE).optional(),
  /** In what own and borrowed samples differed before the filter, the greatest gap first. */
  differences: z.array(differenceSchema).max(MAX_DIFFERENCES).optional(),
  /** The most that the engine held at one time, in bytes, where it can tell. */
  memory: z.int().positive().optional(),
  /** Log-loss on them, where it decided. */
  loss: z.strictObject({ before: z.number(), after: z.number() }).optional(),
  /**
   * Where the model that was kept learnt anew from validation samples too: the mini-batches of that, of `steps`. The quality
   * after is that of the model before it, which had not seen them.
   */
  refit: z.int().positive().optional(),
  /** Own samples that M's personal vector was folded in from, where the task has item factors. */
  folded: z.int().positive().optional(),
  /** Mini-batches that a round which was cut off had learnt from, where this one went on with it; `steps` has them, too. */
  resumed: z.int().positive().optional(),
  /** What ran, in that order, where it was tasks that were delivered: in a round of an earlier version there is none. */
  tasks: z
    .array(
      z.strictObject({
        name: z.string(),
        version: z.int(),
        ms: z.number(),
        outcome: z.enum(RUN_OUTCOMES),
        failure: failureSchema.optional(),
      }),
    )
    .optional(),
  /** AUC of M and of M0 on the validation samples, where M did worse (by log-loss, if they are equal) and went back to M0. */
  fellBack: z.strictObject({ m: z.number(), m0: z.number() }).optional(),
})
export type Round = z.infer<typeof roundSchema>
