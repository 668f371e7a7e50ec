/** Which numbers devices are told: chosen by name when a model is trained, and kept for every training after that. */
import * as z from 'zod'
import { type Hyper, hyperSchema, PRESETS, type PresetName, presetNames } from '../../shared/hyper.ts'
import type { Room } from './room.ts'
import type { TrainSettings } from './training.ts'

const KEY = 'preset'
const nameSchema = z.enum(presetNames)

/** What a preset wants of the training of the global model. */
const TRAINING: Readonly<Record<PresetName, Partial<TrainSettings>>> = {
  coda: {},
  kindred: { factors: 12 },
}

export interface Chosen {
  readonly name: PresetName
  /** Those of the room where the preset says nothing. */
  readonly hyper: Hyper
  readonly training: Partial<TrainSettings>
}

/** `name`, which is kept; without one what was chosen last, and `coda` where nothing was. */
export async function choosePreset(
  { store, hyper }: Pick<Room, 'store' | 'hyper'>,
  name?: PresetName,
): Promise<Chosen> {
  if (name !== undefined) await store.meta.put(KEY, name)
  const chosen = name ?? (await store.meta.get(KEY, nameSchema)) ?? 'coda'
  const { ranking, ...changes }: Partial<Pick<Hyper, 'minClicks'>> & { ranking?: object } = PRESETS[chosen]
  const told = { ...hyper, ...changes, ranking: { ...hyper.ranking, ...ranking } }
  return { name: chosen, hyper: hyperSchema.parse(told), training: TRAINING[chosen] }
}
