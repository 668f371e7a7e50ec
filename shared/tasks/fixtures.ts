/** For tests: a task that could be submitted. */
import type { FeatureSchema } from '../schema.ts'
import type { TaskDraft } from './manifest.ts'

export const text = (value: string) => new TextEncoder().encode(value)

/** Of two features. */
export const toySchema: FeatureSchema = {
  name: 'toy',
  version: 1,
  vocabularies: { item: { size: 10, dim: 3 } },
  features: [
    { kind: 'categorical', name: 'item', vocabulary: 'item', from: 'item' },
    { kind: 'dense', name: 'taste', size: 2, from: 'taste' },
  ],
  userVector: 'taste',
}

/** One that is made for its own data. */
export const draft = (changes: Partial<TaskDraft> = {}) =>
  ({
    name: 'rank',
    description: 'Ranks by the personal model.',
    context: 1,
    schema: toySchema,
    hyper: { learningRate: 0.01, ranking: { epochs: 2 } },
    triggers: [{ on: 'visit' }, { on: 'call', name: 'rank' }],
    eligibility: { minBattery: 0.2, charging: false, onDataSaver: false, whileHidden: 'charging' },
    budget: { ms: 5000, runsPerDay: 20, duty: 0.35, modelBytes: 1 << 20, logBytes: 1024 },
    samples: ['local-training', 'local-validation', 'matched', 'filtered'],
    models: { reads: ['ranking', 'train/ranking'], writes: ['ranking'] },
    ...changes,
  }) satisfies TaskDraft
