import { useState } from 'preact/hooks'
import type { Rule } from '../../../shared/release/rules.ts'
import { useHere } from '../here.ts'
import { type Approved, OrderForm, OrderView, TaskField } from '../order.tsx'
import { Field, MomentField, momentIn, PercentField, typed, VersionOptions } from '../parts.tsx'
import { NO_RULE, RuleField } from '../releases/rule.tsx'
import { t } from '../words/index.ts'

interface DraftArm {
  readonly name: string
  /** Empty: as without the experiment. */
  readonly version: string
  readonly percent: string
}

/** The newest version against what there is without it. */
const firstArms = (newest: number): readonly DraftArm[] => [
  { name: `v${newest}`, version: `${newest}`, percent: '45' },
  { name: 'control', version: '', percent: '45' },
]

/** Versions of a task against each other. */
export const BeginExperiment = () => (
  <OrderView title={t.experiments.add}>{(approved) => <Form approved={approved} />}</OrderView>
)

function Form({ approved }: { approved: Approved }) {
  const { propose } = useHere()
  const { tasks, versionsOf } = approved
  const [task, setTask] = useState(tasks[0]!)
  const [arms, setArms] = useState(() => firstArms(versionsOf(task)[0]!))
  const [holdout, setHoldout] = useState('10')
  const [seed, setSeed] = useState(() => crypto.randomUUID().slice(0, 8))
  const [rule, setRule] = useState(NO_RULE)
  const [from, setFrom] = useState('')
  const [until, setUntil] = useState('')

  function choose(name: string): void {
    setTask(name)
    setArms(firstArms(versionsOf(name)[0]!))
  }

  function submit(rule: Rule): void {
    const [begins, ends] = [momentIn(from), momentIn(until)]
    propose({
      title: t.ask.begin.title(task),
      yes: t.ask.begin.yes,
      change: {
        order: {
          ...{ type: 'experiment', task, rule, seed, holdout: Number(holdout) },
          arms: arms.map(({ name, version, percent }) => ({
            name,
            task: version === '' ? null : { version: Number(version) },
            percent: Number(percent),
          })),
          ...(begins !== undefined && { from: begins }),
          ...(ends !== undefined && { until: ends }),
        },
      },
      done: () => {
        location.hash = '#/experiments'
      },
    })
  }

  return (
    <OrderForm rule={rule} submit={submit}>
      <TaskField of={approved} task={task} change={choose} />
      <ArmsField arms={arms} versions={versionsOf(task)} change={setArms} />
      <PercentField id="holdout" label={t.form.holdout} value={holdout} change={setHoldout} />
      <Field id="seed" label={t.form.seed} about={t.form.seedAbout}>
        {(field) => <input {...field} type="text" required maxLength={80} value={seed} {...typed(setSeed)} />}
      </Field>
      <RuleField rule={rule} change={setRule} />
      <MomentField id="from" label={t.form.begins} value={from} change={setFrom} />
      <MomentField id="until" label={t.form.until} value={until} change={setUntil} />
    </OrderForm>
  )
}

interface ArmsFieldProps {
  arms: readonly DraftArm[]
  versions: readonly number[]
  change: (arms: readonly DraftArm[]) => void
}

function ArmsField({ arms, versions, change }: ArmsFieldProps) {
  const set = (i: number, part: Partial<DraftArm>) =>
    change(arms.map((arm, at) => (at === i ? { ...arm, ...part } : arm)))
  return (
    <fieldset class="rows">
      <legend>{t.form.arms}</legend>
      {arms.map((arm, i) => (
        <div key={i} class="row">
          <Field id={`arm-name-${i}`} label={t.form.armName(i + 1)}>
            {(field) => (
              <input
                {...field}
                type="text"
                required
                pattern="[a-z][a-z0-9\-]*"
                value={arm.name}
                {...typed((name) => set(i, { name }))}
              />
            )}
          </Field>
          <Field id={`arm-version-${i}`} label={t.form.armVersion(i + 1)}>
            {(field) => (
              <select {...field} value={arm.version} {...typed((version) => set(i, { version }))}>
                <option value="">{t.form.asWithout}</option>
                <VersionOptions versions={versions} />
              </select>
            )}
          </Field>
          <PercentField
            id={`arm-percent-${i}`}
            label={t.form.armPercent(i + 1)}
            value={arm.percent}
            change={(percent) => set(i, { percent })}
          />
        </div>
      ))}
      <div class="actions">
        <button
          type="button"
          class="button plain"
          onClick={() => change([...arms, { name: '', version: `${versions[0]}`, percent: '0' }])}
        >
          {t.form.moreArms}
        </button>
        {arms.length > 1 && (
          <button type="button" class="button plain" onClick={() => change(arms.slice(0, -1))}>
            {t.form.fewerArms}
          </button>
        )}
      </div>
    </fieldset>
  )
}
