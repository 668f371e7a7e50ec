/** Shares that rise: a percentage each, and the moment from which on it counts. */
import type { Order } from '../../../shared/release/changes.ts'
import { MomentField, momentIn, PercentField } from '../parts.tsx'
import { t } from '../words/index.ts'

/** As it stands in the form. */
export interface DraftStage {
  readonly percent: string
  /** Of an input for local time; empty: now. */
  readonly from: string
}
type Stages = Extract<Order, { type: 'release' }>['stages']

export const stagesOf = (drafts: readonly DraftStage[]): Stages =>
  drafts.map(({ percent, from }) => {
    const at = momentIn(from)
    return { percent: Number(percent), ...(at !== undefined && { at }) }
  })

interface StagesFieldProps {
  /** Its ids begin with it. */
  name: string
  stages: readonly DraftStage[]
  change: (stages: readonly DraftStage[]) => void
}

export function StagesField({ name, stages, change }: StagesFieldProps) {
  const set = (i: number, part: Partial<DraftStage>) =>
    change(stages.map((stage, at) => (at === i ? { ...stage, ...part } : stage)))
  return (
    <fieldset class="rows">
      <legend>{t.form.stages}</legend>
      {stages.map((stage, i) => (
        <div key={i} class="row">
          <PercentField
            id={`${name}-percent-${i}`}
            label={t.form.percent(i + 1)}
            value={stage.percent}
            change={(percent) => set(i, { percent })}
          />
          <MomentField
            id={`${name}-from-${i}`}
            label={t.form.from(i + 1)}
            required={i > 0}
            value={stage.from}
            change={(from) => set(i, { from })}
          />
        </div>
      ))}
      <p class="quiet">{t.form.fromAbout}</p>
      <div class="actions">
        <button
          type="button"
          class="button plain"
          onClick={() => change([...stages, { percent: '100', from: '' }])}
        >
          {t.form.moreStages}
        </button>
        {stages.length > 1 && (
          <button type="button" class="button plain" onClick={() => change(stages.slice(0, -1))}>
            {t.form.fewerStages}
          </button>
        )}
      </div>
    </fieldset>
  )
}
