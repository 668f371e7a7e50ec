/** Tasks to ask about, and what may be said of them. */
import { draft, text } from '../../../shared/tasks/fixtures.ts'
import type { Tasks } from '../../tasks/tasks.ts'
import type { Known } from './requests.ts'

const ada = { who: 'Ada', why: 'to see it work' }

/** Two versions of a task, one released and one in an experiment; gives what may be said of them. */
export async function withTasks(tasks: Tasks): Promise<Known['values']> {
  const scripts = Array.from({ length: 20 }, (_, i) => `export const run = () => ${i}`)
  for (const [i, script] of scripts.slice(0, 2).entries()) {
    await tasks.submit(draft(), { script: text(script) }, ada)
    await tasks.approve('rank', i + 1, ada)
  }
  const rule = { everyone: true } as const
  const release = { type: 'release' as const, task: 'rank', version: 1, rule, stages: [{ percent: 100 }] }
  const arms = [{ name: 'new', task: { version: 2 }, percent: 40 }]
  const experiment = { type: 'experiment' as const, task: 'rank', rule, seed: 'pepper', holdout: 10, arms }
  const { n: first } = await tasks.releases.change(release, ada)
  const { n: tried } = await tasks.releases.change(experiment, ada)
  const of = { release: first }
  const models = { reads: [], writes: ['ranking'], initial: 'ranking' }
  const orders = [
    // Twice: it fits however things stand.
    ...[release, release, { ...release, version: 2, rule: { country: ['DE'] } }],
    { ...experiment, seed: 'salt' },
    ...['pause', 'resume', 'revoke'].map((type) => ({ type, ...of })),
    { type: 'stages', ...of, stages: [{ percent: 100 }] },
    ...['kill', 'revive'].map((type) => ({ type, task: 'rank' })),
    { type: 'end', experiment: tried },
  ]
  return {
    ...{ task: ['rank', 'filter'], version: [1, 2], other: [1, 2], from: [1, 5], experiment: [tried] },
    ...{ who: ['Ada'], why: ['to see what comes of it'], order: orders },
    ...{ draft: [draft(), draft({ name: 'filter' }), draft({ models })], script: scripts, model: ['AAAA'] },
    ...{ root: [0, 1], have: [[]], country: ['DE'] },
  }
}
