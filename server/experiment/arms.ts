/**
 * What is compared: the arms of an experiment. An arm is a task with hyper-parameters of its own and a way to choose matched
 * samples; server, model and device runtime are the same in all.
 *
 * Any number of an arm can be changed where it is named: `coda@sigma=0.4`, `kindred@ranking.pull=0.1@trainAt=50`.
 */
import type * as z from 'zod'
import { AppError, parse } from '../../shared/failure.ts'
import { type Hyper, hyper, hyperSchema, PRESETS } from '../../shared/hyper.ts'

/** Hyper-parameters that differ from the defaults. */
export type Changes = z.input<typeof hyperSchema>

export interface Arm {
  readonly name: string
  /** What devices of this arm are told; null where they do not train at all. */
  readonly hyper: Hyper | null
  /**
   * What they are given: samples of their neighbours; as many, and as fresh ones, as somebody else was given, whoever that is;
   * or none.
   */
  readonly batches: 'matched' | 'strangers' | 'none'
}

type Named = Omit<Arm, 'name' | 'hyper'> & { readonly changes: Changes | null }

/** The paper's algorithms to the letter, but for what is measured in clicks (`minClicks`) because users here are few. */
const CODA = { ranking: { gate: 'auc' } } satisfies Changes

const ARMS: Readonly<Record<string, Named>> = {
  /** The global model, and nothing else. */
  cloud: { changes: null, batches: 'none' },
  /** The paper's baseline: the user's own samples, gated as in the paper. */
  local: { changes: { ...CODA, augment: false }, batches: 'none' },
  /** The strong baseline: every own sample, held close to the global model. */
  'local-pull': {
    changes: {
      augment: false,
      ranking: { gate: 'none', learnFrom: 'all', pull: 0.01, learningRate: 0.003, epochs: 4 },
    },
    batches: 'none',
  },
  coda: { changes: CODA, batches: 'matched' },
  'no-filter': { changes: { ...CODA, filter: 'none', maxFiltered: 300 }, batches: 'matched' },
  random: { changes: CODA, batches: 'strangers' },
  'random-no-filter': { changes: { ...CODA, filter: 'none', maxFiltered: 300 }, batches: 'strangers' },
  /** Our own best: the user in closed form, and a little training that is judged pass by pass (docs/trials.md). */
  kindred: { changes: PRESETS.kindred, batches: 'matched' },
}

export const armNames = Object.keys(ARMS)

/** The arm that is called so. Throws `bad-input` for a name or a change that does not fit. */
export function armNamed(name: string): Arm {
  const [base = '', ...changes] = name.split('@')
  const found = Object.hasOwn(ARMS, base) ? ARMS[base] : undefined
  if (!found)
    throw new AppError('bad-input', `There is no arm “${base}”; the arms are ${armNames.join(', ')}.`)
  if (!found.changes) {
    if (changes.length > 0) throw new AppError('bad-input', `The arm ${base} has nothing to change.`)
    return { name, hyper: null, batches: found.batches }
  }
  const told: Record<string, unknown> = structuredClone(hyper(found.changes))
  for (const change of changes) apply(told, change)
  return { name, hyper: parse(hyperSchema, told, `The arm ${name}`), batches: found.batches }
}

/** Changes one number, as `ranking.pull=0.1` says. */
function apply(told: Record<string, unknown>, change: string): void {
  const [path = '', text = ''] = change.split(/=(.*)/s)
  const keys = path.split('.')
  const last = keys.pop()!
  const place = keys.reduce((at, key) => (at[key] ?? {}) as Record<string, unknown>, told)
  place[last] = meant(text)
}

/** JSON where it is some, else a word. */
function meant(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
