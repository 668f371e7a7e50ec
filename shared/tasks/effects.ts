/**
 * What a trainer says that a run is to have done, checked once more by who is to carry it out: the realm of a script may tell
 * anything. What is not allowed, or makes no sense, has no effect at all.
 */
import { AppError } from '../failure.ts'
import { allFinite, type Weights } from '../model/weights.ts'
import { readSafetensors } from '../safetensors.ts'
import { RANKING, type TaskManifest } from './manifest.ts'
import { REPORT_VALUES, reportNameSchema } from './report.ts'
import { RESULT_BYTES, STATE_BYTES } from './run/json.ts'
import type { Effects } from './run.ts'

/** Effects as they cross from the trainer: models as safetensors. */
export interface ToldEffects extends Omit<Effects, 'models' | 'ranked'> {
  readonly models: Readonly<Record<string, Uint8Array>>
  readonly ranked?: Float32Array | undefined
}

/** Ids of the samples that the run was given, and how many candidates it was to rank. */
export interface GivenSamples {
  readonly matched: ReadonlySet<string>
  readonly filtered: ReadonlySet<string>
  readonly candidates: number
}

/**
 * The effects, with their models read. Throws `refused` for what the manifest does not allow, `bad-input` or `bad-artifact` for what
 * makes no sense. Whether a model fits what it is to replace is for its owner to say.
 */
export function checkEffects(manifest: TaskManifest, given: GivenSamples, told: ToldEffects): Effects {
  const { name, version } = manifest
  const where = `${name} v${version}`
  const refuse = (why: string): never => {
    throw new AppError('refused', `${where} ${why}.`)
  }
  const nonsense = (why: string): never => {
    throw new AppError('bad-input', `${where} ${why}.`)
  }

  const scored = new Set<string>()
  for (const { id, score } of told.scores) {
    if (!given.matched.has(id)) refuse(`scores ${id}, which it was not given`)
    if (scored.has(id)) nonsense(`scores ${id} twice`)
    if (score !== null && !(score >= 0 && score <= 1)) nonsense(`gives the score ${score}`)
    scored.add(id)
  }
  for (const id of told.used)
    if (!given.matched.has(id) && !given.filtered.has(id)) refuse(`uses ${id}, which it was not given`)
  if (told.ranked && !(told.ranked.length === given.candidates && allFinite(told.ranked)))
    nonsense(`does not score ${given.candidates} candidates`)
  for (const model of told.folds)
    if (model !== RANKING || !manifest.models.writes.includes(RANKING)) refuse(`folds into ${model}`)
  checkReports(manifest, told, refuse, nonsense)
  if (JSON.stringify(told.result).length > RESULT_BYTES) nonsense('returns too much')
  const { ranked, ...others } = told
  return {
    ...others,
    models: readModels(manifest, told.models, refuse),
    ...(ranked && { ranked: Float32Array.from(ranked) }),
  }
}

/** What a run says that it keeps of a model. */
export interface ToldCheckpoint {
  readonly name: string
  readonly weights: Uint8Array | null
  readonly state: unknown
}

/** The checkpoint, if it is one that may be kept; what is wrong with another one hurts nobody but the run itself. */
export function checkKept(
  { models: { writes }, budget }: TaskManifest,
  { name, weights, state }: ToldCheckpoint,
): ToldCheckpoint | undefined {
  if (!writes.includes(name)) return undefined
  try {
    const text = JSON.stringify(state ?? null)
    if (text.length > STATE_BYTES) return undefined
    if (weights && bytesOf(finite(name, readSafetensors(weights))) > budget.modelBytes) return undefined
    return { name, weights, state: JSON.parse(text) }
  } catch {
    return undefined
  }
}

type Complain = (why: string) => never

function readModels(
  { models: { writes }, budget }: TaskManifest,
  told: ToldEffects['models'],
  refuse: Complain,
): Record<string, Weights> {
  const read = Object.entries(told).map(([model, file]): [string, Weights] => {
    if (!writes.includes(model)) refuse(`writes ${model}`)
    return [model, finite(model, readSafetensors(file))]
  })
  const bytes = read.reduce((sum, [, weights]) => sum + bytesOf(weights), 0)
  if (bytes > budget.modelBytes) refuse(`writes ${bytes} bytes, of at most ${budget.modelBytes}`)
  return Object.fromEntries(read)
}

const bytesOf = (weights: Weights): number =>
  Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0)

function finite(model: string, weights: Weights): Weights {
  for (const [tensor, { data }] of Object.entries(weights))
    if (!allFinite(data)) throw new AppError('bad-artifact', `${tensor} of ${model} is not finite.`)
  return weights
}

function checkReports(
  { budget }: TaskManifest,
  { reports }: ToldEffects,
  refuse: Complain,
  nonsense: Complain,
): void {
  let bytes = 0
  for (const report of reports) {
    const values = Object.entries(report.values)
    const named = [report.name, ...values.map(([key]) => key)]
    const sound =
      named.every((one) => reportNameSchema.safeParse(one).success) &&
      values.length <= REPORT_VALUES &&
      values.every(([, value]) => Number.isFinite(value))
    if (!sound) nonsense(`reports what is not up to ${REPORT_VALUES} named numbers`)
    bytes += JSON.stringify(report).length
  }
  if (bytes > budget.logBytes) refuse(`logs ${bytes} bytes, of at most ${budget.logBytes}`)
}
